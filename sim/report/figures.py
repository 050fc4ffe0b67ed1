"""Figures for notebooks and papers: each function draws one, takes `ax=`, and returns its Axes.

They look alike: `style()` holds what they have in common, and a state has the same colours in all of
them (`STATE_COLOURS`). Without `ax` they make a figure in that style; with it they draw into the
caller's, whose style is left alone.
"""

from __future__ import annotations

from collections.abc import Callable
from textwrap import fill
from typing import TYPE_CHECKING, Final, Literal

import numpy as np
from matplotlib.ticker import FuncFormatter, MaxNLocator

from sim.explain.figure import draw_activities
from sim.results.counts import ATTEMPTS_SHOWN, attempt_counts, failure_counts
from sim.results.curves import load_curves
from sim.results.display.format import format_count, format_metric, format_share, limit_text
from sim.results.figures import overview
from sim.results.figures.canvas import blank_figure, new_axes
from sim.results.figures.colours import LIMIT, LOAD, STATE_COLOURS
from sim.results.figures.style import figure_style as style
from sim.results.figures.style import image_bytes as bytes_of
from sim.results.figures.timeaxis import since_start, time_axis
from sim.results.platform_load import LIMITS, is_limit_near
from sim.results.replication import fleet_records
from sim.rules import SubtaskState
from sim.study.plans.figure import draw_plan
from sim.study.policies.figure import draw_policies
from sim.study.sweeps.figure import draw_sweep
from sim.units import format_duration, format_rate

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from sim.explain import Explanation
    from sim.results import RunResult
    from sim.study import Plan, PolicySearch, Sweep

Quantity = Literal["processing", "downloads", "bandwidth"]

_TITLES: Final = {
    "processing": "Subtasks in Processing",
    "downloads": "Downloads at once",
    "bandwidth": "Bandwidth that leaves the platform",
}


def image_bytes(
    draw: Callable[[Axes], object],
    kind: Literal["png", "svg"] = "png",
    *,
    dpi: float = 150,
    size_inches: tuple[float, float] = (7.0, 4.5),
) -> bytes:
    """Return a figure as an image; equal figures give equal bytes with the same version of matplotlib.

    Args:
        draw: Draws into the axes that it gets, like `lambda ax: figures.load(result, ax=ax)`.
        kind: `png` or `svg`.
        dpi: Dots per inch of a PNG.
        size_inches: Width and height.
    """

    def make() -> Figure:
        figure = blank_figure(*size_inches)
        draw(figure.subplots())
        return figure

    return bytes_of(make, kind, dpi=dpi)


def recovery(result: RunResult, ax: Axes | None = None) -> Axes:
    """Draw how devices whose first attempt failed come back, with a band over replications."""
    return _drawn(ax, lambda axes: overview.draw_recovery(axes, result.runs))


def completion(result: RunResult, ax: Axes | None = None) -> Axes:
    """Draw the fleet by status over time."""
    return _drawn(ax, lambda axes: overview.draw_completion(axes, result.runs, result.scenario))


def load(result: RunResult, ax: Axes | None = None, *, quantity: Quantity = "processing") -> Axes:
    """Draw what the platform carries over time, with its limit and a band over replications.

    Args:
        ax: Where; a new figure if None.
        quantity: Subtasks in Processing, downloads at once, or bandwidth.

    Returns:
        The axes.
    """
    return _drawn(ax, lambda axes: _draw_load(axes, result, quantity))


def _draw_load(axes: Axes, result: RunResult, quantity: Quantity) -> None:
    """Draw a load into the axes."""
    curves = load_curves(result.runs)
    time_s, values = getattr(curves, quantity)
    metric = f"peak_{quantity}"
    limit = LIMITS[metric](result.scenario.platform)
    peak = result.metrics[metric] or 0.0
    # Ticks of a bandwidth are round in bits.
    unit = 8.0 if quantity == "bandwidth" else 1.0
    mean, low, high = (part * unit for part in values)
    colour = STATE_COLOURS[SubtaskState.PROCESSING]
    axes.fill_between(time_s, mean, color=colour, alpha=0.5, linewidth=0, step="post")
    if len(result.runs) > 1:
        axes.fill_between(time_s, low, high, color=LOAD, alpha=0.35, linewidth=0, step="post")
    axes.step(time_s, mean, where="post", color=LOAD, linewidth=1.2)
    if curves.is_mean and quantity != "processing":
        axes.axhline(peak * unit, color=LOAD, linestyle=(0, (1, 3)), linewidth=1.2)
        step = format_duration(result.scenario.run.resolution)
        words = f"dotted: peak; area: mean, since points are {step} apart"
        axes.text(0.99, 0.9, words, ha="right", va="top", fontsize=8, transform=axes.transAxes)
    if limit is not None and is_limit_near(limit, peak):
        axes.axhline(limit * unit, color=LIMIT, linestyle=(0, (5, 3)), linewidth=1.3)
    axes.set_title(f"{_TITLES[quantity]}: peak {format_metric(metric, peak)}, {limit_text(metric, limit)}")
    time_axis(axes, curves.span, since_start(result.scenario))
    axes.set_ylim(bottom=0)
    write = format_rate if quantity == "bandwidth" else format_count
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: write(value / unit) if value else "0"))


def failures(result: RunResult, ax: Axes | None = None) -> Axes:
    """Draw a map of the devices by stage and reason of their last failure, in the first replication.

    A reason that the scenario has at several stages stands at the first of them, marked with a star: no
    code says at which it arose.
    """
    return _drawn(ax, lambda axes: _draw_failures(axes, result))


def _draw_failures(axes: Axes, result: RunResult) -> None:
    """Draw the map into the axes."""
    counts = failure_counts(fleet_records(result.kept[0]), result.scenario)
    number = format_count(sum(c.devices for c in counts))
    axes.set_title(f"{number} devices by stage and reason of their last failure{_which(result)}")
    if not counts:
        axes.text(
            0.5, 0.5, "no device stands at a failure", ha="center", va="center", transform=axes.transAxes
        )
        axes.set_axis_off()
        return
    cells: dict[tuple[str, str], int] = {}
    unclear = {c.label for c in counts if len(c.stages) != 1}
    for c in counts:
        reason = f"code {c.label}: {c.text}" if c.label != c.text else c.text
        reason += " *" if c.label in unclear else ""
        stage = c.stages[0].label if c.stages else "unknown"
        cells[reason, stage] = cells.get((reason, stage), 0) + c.devices
    order = [stage for c in counts for stage in c.stages]
    stages = [stage.label for stage in sorted(set(order))]
    stages += ["unknown"] if any(stage == "unknown" for _, stage in cells) else []
    reasons = sorted(
        {reason for reason, _ in cells}, key=lambda r: -sum(n for (a, _), n in cells.items() if a == r)
    )
    grid = np.array([[cells.get((reason, stage), 0) for stage in stages] for reason in reasons], np.float64)
    # A square root keeps rare failures visible beside frequent ones.
    axes.imshow(np.sqrt(grid), cmap="OrRd", aspect="auto", vmin=0, vmax=float(np.sqrt(grid.max())) * 1.15)
    axes.set_xticks(range(len(stages)), stages)
    axes.set_yticks(range(len(reasons)), [_wrapped(reason) for reason in reasons])
    axes.tick_params(length=0)
    for (row, column), n in np.ndenumerate(grid):
        if n:
            dark = n > 0.5 * grid.max()
            axes.text(column, row, f"{n:,.0f}", ha="center", va="center", color="white" if dark else "black")


def attempts(result: RunResult, ax: Axes | None = None) -> Axes:
    """Draw how many attempts devices made, by where they stand, in the first replication."""
    return _drawn(ax, lambda axes: _draw_attempts(axes, result))


def _draw_attempts(axes: Axes, result: RunResult) -> None:
    """Draw the bars into the axes."""
    counts = attempt_counts(fleet_records(result.kept[0]))
    last = min(max(count.attempts for count in counts), ATTEMPTS_SHOWN)
    first = min(count.attempts for count in counts)
    at = np.arange(min(first, last), last + 1)
    below = np.zeros(len(at))
    for state, colour in STATE_COLOURS.items():
        devices = np.zeros(len(at))
        for count in counts:
            if count.state == state:
                devices[min(count.attempts, last) - at[0]] += count.devices
        if devices.any():
            axes.bar(at, devices, bottom=below, color=colour, label=state.wire, width=0.75)
            below += devices
    for x, n in zip(at, below, strict=True):
        axes.annotate(f"{n:,.0f}", (x, n), (0, 3), textcoords="offset points", ha="center", fontsize=9)
    needed = sum(count.devices for count in counts if count.attempts > 1) / below.sum()
    share = format_share(float(needed))
    axes.set_title(f"Attempts made: {share} of the devices needed more than one{_which(result)}")
    axes.set_xlabel("attempts made")
    axes.set_ylabel("devices")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: format_count(value)))
    axes.set_ylim(0, float(below.max()) * 1.08)
    axes.legend(frameon=False)


def sweep(result: Sweep, metric: str, ax: Axes | None = None) -> Axes:
    """Draw a metric over the varied fields of a sweep.

    Args:
        metric: Name of the metric.
        ax: Where; a new figure if None.

    Returns:
        The axes.
    """
    return _drawn(ax, lambda axes: draw_sweep(axes, result, metric))


def plan(result: Plan, ax: Axes | None = None) -> Axes:
    """Draw how often the goals of a plan hold over its field; with two fields, the frontier."""
    return _drawn(ax, lambda axes: draw_plan(axes, result))


def policy_front(
    result: PolicySearch, ax: Axes | None = None, *, along: str = "time", up: str = "extra_attempts"
) -> Axes:
    """Draw retry policies by two objectives, and the front that no other one beats.

    Args:
        ax: Where; a new figure if None.
        along: Objective on the horizontal axis.
        up: Objective on the vertical axis.

    Returns:
        The axes.
    """
    return _drawn(ax, lambda axes: draw_policies(axes, result, along, up))


def device_timeline(story: Explanation, ax: Axes | None = None) -> Axes:
    """Draw what one device did and waited for: a row an activity, coloured by its status meanwhile."""
    return _drawn(ax, lambda axes: draw_activities(axes, story))


def _drawn(ax: Axes | None, draw: Callable[[Axes], None]) -> Axes:
    """Draw into the caller's axes, or in our style into those of a new figure, and return them."""
    if ax is not None:
        draw(ax)
        return ax
    # A notebook's backend sets itself up at the first figure. Within the style, which is taken back, its
    # settings would be lost and no further figure shown: so the figure comes first, its axes then.
    figure = new_axes().get_figure(root=True)
    assert figure is not None
    figure.clear()
    with style():
        axes = figure.subplots()
        draw(axes)
    return axes


def _which(result: RunResult) -> str:
    """Say which replication a figure shows, if there are several."""
    return " (first run)" if len(result.runs) > 1 else ""


def _wrapped(text: str, width: int = 34) -> str:
    """Return a label over several lines."""
    return fill(text, width)
