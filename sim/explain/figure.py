"""The story as a picture: a row a step from top to bottom, time from left to right.

A step is as wide as it lasts, and its length stands beside it. Where most steps are short beside the
longest one, the time axis is not to scale: each step is then as wide as the logarithm of its length.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from textwrap import shorten, wrap
from typing import TYPE_CHECKING, Final

import numpy as np

from sim.explain.text import (
    ADVICE,
    circumstances,
    fate,
    lasts,
    mark_text,
    saved_text,
    verdict,
)
from sim.fleet.spec import TICKS_PER_S
from sim.results.display.format import counted
from sim.results.figures.canvas import blank_figure
from sim.results.figures.colours import BAD, BLUE, CALM, GOOD, RULE, STATE_COLOURS, WAIT, YELLOW
from sim.results.figures.style import image_bytes
from sim.results.figures.timeaxis import SINCE_START, linear_time
from sim.rules import SubtaskState
from sim.traces.lasting import LINK
from sim.traces.steps import Doing, clock
from sim.traces.told import attempt_end, attempt_title

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from sim.explain.explanation import ExplanationData
    from sim.fleet.spec import Floats
    from sim.traces.steps import Step
    from sim.traces.timeline import Timeline

_WORK: Final = STATE_COLOURS[SubtaskState.PROCESSING]
_COLOURS: Final = {
    **dict.fromkeys((Doing.NO_TASK, Doing.HELD, Doing.QUEUED, Doing.CELL, Doing.SITE, Doing.READY), WAIT),
    **dict.fromkeys((Doing.OFFLINE, Doing.WINDOW, Doing.OUTAGE, Doing.FREEZE, Doing.PAUSED_LINK), YELLOW),
    **dict.fromkeys((Doing.PAUSED_WINDOW, Doing.INSTALL_WINDOW), YELLOW),
    Doing.DEAD: BAD,
    Doing.DOWNLOAD: BLUE,
    Doing.RETRY_WAIT: STATE_COLOURS[SubtaskState.FAIL_WAIT_RETRY],
    Doing.FAILED: STATE_COLOURS[SubtaskState.FAIL],
    Doing.STOPPED: STATE_COLOURS[SubtaskState.STOPPED],
}
_HATCHED: Final = (Doing.PLACE, Doing.PAUSED, Doing.PAUSED_LINK, Doing.PAUSED_WINDOW, Doing.SILENT)
_MOODS: Final = {
    SubtaskState.SUCCESS: GOOD,
    SubtaskState.STOPPED: STATE_COLOURS[SubtaskState.STOPPED],
    SubtaskState.PROCESSING: CALM,
}

_ROW_INCHES: Final = 0.235
_ATTEMPTS_MAX: Final = 6
_LINE: Final = 132
_LABEL_WIDTH: Final = 0.085
_NARROW: Final = 0.005
_THIN: Final = 0.002
_EVEN: Final = 1 / 12
_LINE_WIDTH: Final = 1 / 300


@dataclass(frozen=True)
class _Row:
    """A line of the picture: a step with its bar, the headline of an attempt, or its end.

    Attributes:
        label: What stands left of the axes.
        step: The step, None in other lines.
        end: How an attempt ended, None in other lines.
        at: Tick of that end.
        colour: Of that text.
        lasting: When something was on, start and end in ticks; None in other lines.
    """

    label: str = ""
    step: Step | None = None
    end: str | None = None
    at: int = 0
    colour: str = CALM
    lasting: tuple[tuple[int, int], ...] | None = None


def story_figure(story: ExplanationData) -> Figure:
    """Return the picture of a story."""
    rows = list(_rows(story.timeline))
    advice = _advice(story)
    heights = [_ROW_INCHES * (len(rows) + 1), _ROW_INCHES * (len(advice) + 1) if advice else 0.01]
    figure = blank_figure(11.5, sum(heights) + 1.25)
    upper, lower = figure.subplots(2, 1, height_ratios=heights)
    _draw_rows(upper, rows, story.timeline)
    _draw_advice(lower, advice)
    figure.suptitle(
        f"{story.device_id} of {story.run.scenario.name}: {fate(story)}",
        x=0.008,
        ha="left",
        fontsize=12.5,
        weight="bold",
    )
    upper.set_title(f"{circumstances(story)}, seed {story.run.seed}", loc="left", fontsize=9.5, color=CALM)
    return figure


def png_bytes(story: ExplanationData, dpi: int = 150) -> bytes:
    """Return the picture as PNG; equal stories give equal bytes with the same version of matplotlib.

    Args:
        dpi: Dots per inch.
    """
    return image_bytes(lambda: story_figure(story), dpi=dpi, font_size=9.5, hatch_linewidth=0.6)


def draw_activities(axes: Axes, story: ExplanationData) -> None:
    """Draw a row an activity, coloured by the device's status meanwhile; lengths beside them, no ticks.

    Args:
        axes: Where. Mutated.
    """
    timeline = story.timeline
    steps = sorted(timeline.steps, key=lambda step: (step.start, step.end))
    rows = list(dict.fromkeys(step.doing for step in steps))
    longest = max((step.end - step.start for step in steps), default=0)
    scale = _Scale(timeline, shortest=_EVEN * longest)
    seen: set[SubtaskState] = set()
    for step in steps:
        state, row = step.doing.state, rows.index(step.doing)
        left = scale.place(step.start)
        width = max(scale.place(step.end) - left, _LINE_WIDTH * scale.length)
        label = "_" if state in seen else state.wire
        axes.barh(row, width, left=left, height=0.62, color=STATE_COLOURS[state], label=label)
        axes.annotate(
            lasts(step), (left + width, row), (3, 0), textcoords="offset points", va="center", fontsize=8
        )
        seen.add(state)
    axes.set_yticks(range(len(rows)), [doing.value for doing in rows])
    axes.invert_yaxis()
    axes.margins(x=0.09)
    axes.set_xlim(left=0)
    axes.set_xlabel(SINCE_START if scale.is_true else "time, not to scale (logarithm of each length)")
    axes.set_xticks([])
    tries = counted(len(timeline.attempts), "attempt")
    axes.set_title(f"{story.device_id}: {timeline.status.wire} after {tries}")
    axes.legend(loc="upper center", bbox_to_anchor=(0.4, -0.1), ncols=len(seen), frameon=False, fontsize=9)


def _rows(timeline: Timeline) -> Iterator[_Row]:
    """Yield the rows from top to bottom; of many attempts the middle ones are left out."""
    yield from (_Row(step.doing.value, step) for step in timeline.waits[0])
    n = len(timeline.attempts)
    left_out = range(_ATTEMPTS_MAX // 2, n - _ATTEMPTS_MAX // 2)
    for i_attempt, (attempt, wait) in enumerate(zip(timeline.attempts, timeline.waits[1:], strict=True)):
        if i_attempt in left_out:
            if i_attempt == left_out[0]:
                yield _Row(f"… {len(left_out)} more attempts …")
            continue
        yield _Row(attempt_title(attempt))
        yield from (_Row(step.doing.value, step) for step in attempt.steps)
        at = timeline.end if attempt.end is None else attempt.end
        yield _Row(end=attempt_end(attempt), at=at, colour=_MOODS.get(attempt.status, BAD))
        yield from (_Row(step.doing.value, step) for step in wait)
    if timeline.lasting:
        yield _Row("meanwhile")
        for each in timeline.lasting:
            colour = GOOD if each.number == LINK else YELLOW
            periods = ((start, min(end, timeline.end)) for start, end in each.periods(timeline.end))
            yield _Row(each.label, colour=colour, lasting=tuple(periods))


def _draw_rows(axes: Axes, rows: Sequence[_Row], timeline: Timeline) -> None:
    """Draw the waterfall."""
    scale = _Scale(timeline, shortest=_NARROW * max(timeline.end, 1))
    axes.set_ylim(len(rows) - 0.4, -0.6)
    scale.draw_axis(axes)
    for y, row in enumerate(rows):
        if row.step is not None:
            _draw_step(axes, scale, y, row.step)
        elif row.lasting is not None:
            _draw_lasting(axes, scale, y, row)
        elif row.end is not None:
            x = scale.place(row.at)
            axes.plot([x], [y], marker="o", markersize=5, color=row.colour, clip_on=False)
            _beside(axes, x, x, y, row.end, colour=row.colour)
        else:
            axes.axhline(y - 0.5, color=RULE, linewidth=0.8)
    axes.set_yticks(range(len(rows)), [row.label for row in rows])
    axes.tick_params(axis="y", length=0)
    for row, label in zip(rows, axes.get_yticklabels(), strict=True):
        is_bar = row.step is not None or row.lasting is not None
        label.set_fontweight("normal" if is_bar else "bold")
    axes.spines[["top", "right", "left"]].set_visible(False)


def _draw_step(axes: Axes, scale: _Scale, y: int, step: Step) -> None:
    """Draw the bar of a step, with its length beside it, and what the device had kept before it."""
    left, right = scale.place(step.start), scale.place(step.end)
    colour, is_hatched = _COLOURS.get(step.doing, _WORK), step.doing in _HATCHED
    axes.barh(
        y,
        max(right - left, _THIN * scale.length),
        left=left,
        height=0.72,
        color="white" if is_hatched else colour,
        edgecolor=colour,
        linewidth=0.8,
        hatch="/////" if is_hatched else None,
    )
    _beside(axes, left, right, y, ", ".join(filter(None, (lasts(step), step.kept))))


def _draw_lasting(axes: Axes, scale: _Scale, y: int, row: _Row) -> None:
    """Draw when something was on as bars on a line."""
    axes.axhline(y, color=RULE, linewidth=0.8, zorder=0)
    for start, end in row.lasting or ():
        left, right = scale.place(start), scale.place(end)
        axes.barh(y, max(right - left, _THIN * scale.length), left=left, height=0.42, color=row.colour)


def _beside(axes: Axes, left: float, right: float, y: int, text: str, *, colour: str = CALM) -> None:
    """Write a text right of a bar, or left of it where there is more room."""
    goes_right = axes.get_xlim()[1] - right >= left
    axes.annotate(
        text,
        (right if goes_right else left, y),
        xytext=(6 if goes_right else -6, 0),
        textcoords="offset points",
        ha="left" if goes_right else "right",
        va="center",
        fontsize=8.5,
        color=colour,
    )


class _Scale:
    """Where a time lies on the axis: in seconds if it is to scale, else from 0 to 1.

    It is not to scale where most steps are short beside the longest: a query of two seconds stands beside
    a wait of a day, and both are to be seen.
    """

    def __init__(self, timeline: Timeline, *, shortest: float) -> None:
        """Place the steps.

        Args:
            timeline: Whose steps. Read only.
            shortest: To scale if the median step is not shorter than this, ticks.
        """
        lengths = np.array([step.end - step.start for step in timeline.steps], np.float64)
        self._end = max(timeline.end, 1)
        self.is_true = not len(lengths) or float(np.median(lengths)) >= shortest
        widths = lengths if self.is_true else np.log1p(lengths / TICKS_PER_S)
        self._ticks = np.array([0, *(step.end for step in timeline.steps)], np.float64)
        places = np.concatenate([[0.0], np.cumsum(widths)])
        self.length = self._end / TICKS_PER_S if self.is_true else 1.0
        self._places: Floats = places * (self.length / max(float(places[-1]), 1.0e-9))
        self._marks = [self._end, 0, *(attempt.start for attempt in timeline.attempts)]

    def place(self, tick: int) -> float:
        """Return where a tick lies."""
        return float(np.interp(tick, self._ticks, self._places))

    def draw_axis(self, axes: Axes) -> None:
        """Give the axes their time axis."""
        if self.is_true:
            linear_time(axes, self.length, SINCE_START)
            return
        axes.set_xlim(0.0, self.length)
        shown: list[int] = []
        for tick in self._marks:
            if all(abs(self.place(tick) - self.place(other)) >= _LABEL_WIDTH for other in shown):
                shown.append(tick)
        axes.set_xticks([self.place(tick) for tick in shown], [clock(tick) for tick in shown])
        axes.set_xlabel(f"{SINCE_START}; a step is as wide as the logarithm of its length")


def _advice(story: ExplanationData) -> list[tuple[str, str]]:
    """Return colour and text of the lines below the axes."""
    if story.timeline.status is SubtaskState.SUCCESS:
        return []
    if saved := saved_text(story):
        return [(GOOD, line) for line in wrap(saved, _LINE)]
    if story.mark is not None:
        text = mark_text(story.mark, was_tried=bool(story.timeline.attempts))
        return [(BAD, line) for line in wrap(text, _LINE)]
    if not story.rescues:
        return []
    lines = [(CALM, ADVICE)]
    for rescue in story.ranked_rescues:
        colour, sign = (GOOD, "✓") if rescue.has_saved else (BAD, "✗")
        text = shorten(f"{sign} {rescue.text}: {verdict(rescue)}", _LINE, placeholder=" …")
        lines.append((colour, text))
    return lines


def _draw_advice(axes: Axes, advice: Sequence[tuple[str, str]]) -> None:
    """Write what would have saved the device."""
    axes.set_axis_off()
    axes.set_xlim(0.0, 1.0)
    axes.set_ylim(len(advice) - 0.4, -0.6)
    for y, (colour, text) in enumerate(advice):
        axes.text(0.0, y, text, color=colour, va="center", ha="left", fontsize=9)
