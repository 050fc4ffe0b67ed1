"""The figure of one device: a row an activity, to scale where that can be read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from sim.fleet.spec import TICKS_PER_S
from sim.results.figures.overview import STATE_COLOURS
from sim.rules import SubtaskState
from sim.units import format_duration

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

    from sim.explain import Explanation, Step

_SKEW: Final = 12.0


def draw_timeline(axes: Axes, story: Explanation) -> None:
    """Draw a row an activity, coloured by the device's status meanwhile.

    Args:
        axes: Where. Mutated.
        story: What became of the device.
    """
    timeline = story.timeline
    steps = [step for wait in timeline.waits for step in wait]
    steps += [step for attempt in timeline.attempts for step in attempt.steps]
    steps.sort(key=lambda step: (step.start, step.end))
    rows = list(dict.fromkeys(step.doing for step in steps))
    place, is_to_scale = _places(steps)
    seen: set[SubtaskState] = set()
    for step in steps:
        state, row = step.doing.state, rows.index(step.doing)
        left, right = place[step.start], place[step.end]
        # What lasts too short to be seen is drawn as wide as a line.
        width = max(right - left, max(place.values()) / 300)
        label = "_" if state in seen else state.wire
        axes.barh(row, width, left=left, height=0.62, color=STATE_COLOURS[state], label=label)
        lasts = format_duration((step.end - step.start) / TICKS_PER_S)
        axes.annotate(lasts, (left + width, row), (3, 0), textcoords="offset points", va="center", fontsize=8)
        seen.add(state)
    axes.set_yticks(range(len(rows)), [doing.value for doing in rows])
    axes.invert_yaxis()
    axes.margins(x=0.09)
    axes.set_xlim(left=0)
    if is_to_scale:
        axes.set_xlabel("time since the start of the run")
    else:
        axes.set_xlabel("time, not to scale (logarithm of each length)")
    axes.set_xticks([])
    axes.set_title(f"{story.device_id}: {timeline.status.wire} after {len(timeline.attempts)} attempts")
    axes.legend(loc="upper center", bbox_to_anchor=(0.4, -0.1), ncols=len(seen), frameon=False, fontsize=9)


def _places(steps: Sequence[Step]) -> tuple[dict[int, float], bool]:
    """Return where each beginning and end stands, and whether that is to scale.

    It is not where most steps are short beside the longest: a query of two seconds stands beside a wait of
    a day, and both are to be seen.
    """
    ticks = sorted({tick for step in steps for tick in (step.start, step.end)})
    gaps_s = np.diff(ticks) / TICKS_PER_S
    is_to_scale = not len(gaps_s) or bool(np.median(gaps_s) > gaps_s.max() / _SKEW)
    widths = gaps_s if is_to_scale else np.log1p(gaps_s)
    places = np.concatenate([[0.0], np.cumsum(widths)])
    return dict(zip(ticks, places.tolist(), strict=True)), is_to_scale
