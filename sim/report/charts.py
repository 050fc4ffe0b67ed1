"""The interactive charts of a run, as Altair specifications with their data beside them.

Colours are custom properties of the page's style sheet, so that a chart follows light and dark without
being drawn again. Rows come by column and are turned round in the page, which halves their size. Every
horizontal field called `t` is a time in seconds, whose scale the page switches.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import altair as alt

from sim.rules import SubtaskState

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_ROW_PIXELS: Final = 36
_STEPS: Final = "step-after"
"""A value holds until the next time."""

STATES: Final = {
    state.progress_key: state.wire
    for state in (
        SubtaskState.SUCCESS,
        SubtaskState.PROCESSING,
        SubtaskState.FAIL_WAIT_RETRY,
        SubtaskState.WAITTING,
        SubtaskState.STOPPED,
        SubtaskState.FAIL,
    )
}
"""Column and vendor's name of each state, from the bottom of a stack to its top."""

OPEN: Final = "open"
"""Column of what has not ended yet, where only ends are known."""

Columns = dict[str, list[Any]]


@dataclass(frozen=True)
class Table:
    """A table of the page.

    Attributes:
        caption: What it says, in a few words.
        headers: A word or two a column.
        rows: Cells as text, as many as headers; the first one names the row.
        words: Columns that hold words and are aligned to the left; the first one always is.
        note: A sentence below it.
        bars: Column of numbers that get a bar; -1 for none.
        cohorts: Cohort of each row, if the filter acts on the table; rows of cohort `` show by default.
        is_long: Whether it is folded up until somebody asks for it.
    """

    caption: str
    headers: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    words: tuple[int, ...] = ()
    note: str = ""
    bars: int = -1
    cohorts: tuple[str, ...] = ()
    is_long: bool = False

    @property
    def lines(self) -> list[tuple[tuple[str, ...], str | None, float]]:
        """Rows, each with its cohort (None without a filter) and the length of its bar in per cent."""
        sizes = [float(row[self.bars].replace(",", "")) if self.bars >= 0 else 0.0 for row in self.rows]
        cohorts = self.cohorts or (None,) * len(self.rows)
        longest = {
            cohort: max(size for size, other in zip(sizes, cohorts, strict=True) if other == cohort)
            for cohort in set(cohorts)
        }
        return [
            (row, cohort, 100.0 * size / (longest[cohort] or 1.0))
            for row, cohort, size in zip(self.rows, cohorts, sizes, strict=True)
        ]


@dataclass(frozen=True)
class Chart:
    """One figure of the page.

    Attributes:
        name: Identifier in the page.
        title: Heading.
        alt: What it shows, for those who don't see it.
        spec: Vega-Lite, without data.
        data: Rows by column.
        time: Domains and ticks by scale, `linear` and `log`; None without a time axis.
        follows: Whether the cohort filter acts on it.
        legend: Custom property of a colour, its meaning, and `fleet`, `cohort` or `` for when it is shown.
        note: A sentence below it.
        table: Some of its values.
    """

    name: str
    title: str
    alt: str
    spec: dict[str, Any]
    data: Columns
    time: dict[str, Any] | None = None
    follows: bool = False
    legend: tuple[tuple[str, str, str], ...] = ()
    note: str = ""
    table: Table | None = None


class Shade(NamedTuple):
    """A time that is shaded.

    Attributes:
        from_s: Beginning, seconds.
        to_s: End.
        what: `outage` or `freeze`.
    """

    from_s: float
    to_s: float
    what: str


def completion_spec(
    states: Sequence[str], marks: Sequence[float], outages: Sequence[Shade]
) -> dict[str, Any]:
    """Return the fleet by status as a stack, retry calls as dashes, outages as shades.

    Args:
        states: Columns that are ever above 0, from the bottom up.
        marks: Times of retry calls, seconds.
        outages: What is shaded.
    """
    chosen = _chosen()
    colours = [f"var(--s-{state})" for state in states]
    stack = (
        alt.Chart()
        .transform_fold(list(states), as_=["state", "share"])
        .transform_calculate(order=f"indexof({list(states)!r}, datum.state)")
        .mark_area(clip=True, interpolate=_STEPS)
        .encode(
            x=time_position(),
            y=_share("share", "share of the devices", stack="zero"),
            color=alt.Color("state:N", scale=alt.Scale(domain=list(states), range=colours), legend=None),
            order=alt.Order("order:Q"),
        )
    )
    edge = alt.Chart().mark_area(opacity=0.35, color="var(--s-dark)", clip=True, interpolate=_STEPS)
    band = edge.encode(x=time_position(), y=_share("low", "share of the devices"), y2="high:Q")
    tips = [tip("t", "time", "moment")]
    tips += [tip(state, STATES.get(state, "not ended"), "share") for state in reversed(states)]
    layers = [stack, band, *_events(marks, outages), *hover(tips)]
    return as_spec(alt.layer(*layers).transform_filter(_is_chosen(chosen)).add_params(chosen), 260)


def recovery_spec() -> dict[str, Any]:
    """Return recovery from below and what is given up from above, with bands over replications."""
    chosen = _chosen()
    layers: list[Any] = []
    look: dict[str, Any] = {"clip": True, "interpolate": _STEPS}
    title = "share of failed first attempts"
    for mean, edge, colour in (("recovered", 0, "success"), ("kept", 1, "fail")):
        paint = f"var(--s-{colour})"
        base = alt.Chart().transform_calculate(edge=str(edge)).encode(x=time_position())
        level = _share(mean, title)
        layers += [
            base.mark_area(opacity=0.25, color=paint, **look).encode(y=level, y2="edge:Q"),
            base.mark_area(opacity=0.4, color=paint, **look).encode(
                y=_share(f"{mean}_low", title), y2=f"{mean}_high:Q"
            ),
            base.mark_line(color=paint, strokeWidth=2, **look).encode(y=level),
        ]
    tips = [tip("t", "after", "duration"), tip("recovered", "recovered", "share")]
    layers += hover([*tips, tip("given_up", "given up", "share")])
    return as_spec(alt.layer(*layers).transform_filter(_is_chosen(chosen)).add_params(chosen), 260)


def load_spec(
    title: str,
    form: str,
    limit: float | None,
    outages: Sequence[Shade],
    *,
    peak: float | None = None,
) -> dict[str, Any]:
    """Return a load over time, its band over replications, and its limit.

    Args:
        title: What it is.
        form: `count` or `rate`.
        limit: What the platform allows; None to draw no line.
        outages: What is shaded.
        peak: A peak that the curve doesn't show, since it lies between two of its points; None for none.
    """
    colour = "var(--s-processing)"
    base = alt.Chart().encode(x=time_position())

    def level(field: str) -> Any:
        axis = alt.Axis(title=None, formatType=form, format="", tickCount=4)
        return alt.Y(f"{field}:Q", axis=axis, stack=None)

    look: dict[str, Any] = {"clip": True, "interpolate": _STEPS}
    layers: list[Any] = [
        base.mark_area(opacity=0.45, color=colour, **look).encode(y=level("mean")),
        base.mark_area(opacity=0.5, color=colour, **look).encode(y=level("low"), y2="high:Q"),
        base.mark_line(color="var(--load)", strokeWidth=1.5, **look).encode(y=level("mean")),
    ]
    if limit is not None:
        line = alt.Chart(alt.InlineData(values=[{"limit": limit}]))
        dash = line.mark_rule(color="var(--bad)", strokeDash=[6, 3], strokeWidth=1.5)
        layers.append(dash.encode(y=level("limit")))
    if peak is not None:
        line = alt.Chart(alt.InlineData(values=[{"peak": peak}]))
        dots = line.mark_rule(color="var(--load)", strokeDash=[1, 3], strokeWidth=1.5)
        layers.append(dots.encode(y=level("peak")))
    tips = [tip("t", "time", "moment"), tip("mean", title, form)]
    return as_spec(alt.layer(*layers, *_events((), outages), *hover(tips)), 150)


def attempts_spec(numbers: Sequence[str], states: Sequence[str]) -> dict[str, Any]:
    """Return how many devices made how many attempts, by where they stand.

    Args:
        numbers: Numbers of attempts, from left to right.
        states: Columns of the states that occur, from the bottom up.
    """
    chosen = _chosen()
    base = alt.Chart().transform_filter(_is_chosen(chosen))
    colours = [f"var(--s-{state})" for state in states]
    axis = alt.Axis(labelAngle=0, labelOverlap=True)
    x = alt.X("attempts:O", title="attempts made", sort=list(numbers), axis=axis)
    bars = base.mark_bar().encode(
        x=x,
        y=alt.Y("devices:Q", stack="zero", axis=alt.Axis(title="devices", formatType="count", tickCount=5)),
        color=alt.Color("state:N", scale=alt.Scale(domain=list(states), range=colours), legend=None),
        order=alt.Order("order:Q"),
        tooltip=[
            tip("attempts", "attempts", None),
            tip("name", "status", None),
            tip("devices", "devices", "count"),
        ],
    )
    words = (
        base.transform_aggregate(total="sum(devices)", groupby=["attempts"])
        .mark_text(dy=-7, color="var(--ink)", fontSize=12)
        .encode(x=x, y=alt.Y("total:Q"), text=alt.Text("total:Q", formatType="count", format=""))
    )
    return as_spec(alt.layer(bars, words).add_params(chosen), 220)


def cohorts_spec(names: Sequence[str]) -> dict[str, Any]:
    """Return a line a cohort, from the time at which half of it is upgraded to that of 99 %.

    Args:
        names: The cohorts, from top to bottom.
    """
    base = alt.Chart().encode(y=alt.Y("cohort:N", sort=list(names), axis=None))
    line = base.mark_rule(color="var(--s-success)", strokeWidth=3, yOffset=8, opacity=0.5).encode(
        x=time_position("first"), x2="last:Q"
    )
    dots = (
        base.transform_fold(["p50", "p90", "p95", "p99"], as_=["part", "t"])
        .transform_filter("isValid(datum.t)")
        .mark_point(filled=True, size=70, color="var(--s-success)", yOffset=8, opacity=1)
        .encode(
            x=time_position(),
            tooltip=[
                tip("cohort", "cohort", None),
                tip("part", "share", None),
                tip("t", "upgraded after", "duration"),
            ],
        )
    )
    words = base.mark_text(
        align="left", yOffset=-6, color="var(--ink)", fontSize=12.5, limit=alt.expr("width")
    ).encode(x=alt.value(0), text="line:N")
    return as_spec(alt.layer(line, dots, words), _ROW_PIXELS * len(names))


def _chosen() -> Any:
    """Return the cohort filter; the page sets it, empty means the whole fleet."""
    return alt.param(name="chosen", value="")


def _is_chosen(chosen: Any) -> Any:
    """Return what keeps the rows of the chosen cohort."""
    return alt.datum.cohort == chosen


def time_position(field: str = "t") -> Any:
    """Return a horizontal position in time; the page gives it axis and scale.

    Args:
        field: Column of the rows, seconds.
    """
    return alt.X(f"{field}:Q")


def _share(field: str, title: str, *, stack: Any = None) -> Any:
    """Return a vertical axis in per cent."""
    axis = alt.Axis(title=title, formatType="share", format="", values=[0, 0.25, 0.5, 0.75, 1])
    return alt.Y(f"{field}:Q", axis=axis, scale=alt.Scale(domain=[0, 1], nice=False), stack=stack)


def tip(field: str, title: str, form: str | None) -> Any:
    """Return a line of the tooltip.

    Args:
        field: Column of the rows.
        title: What it says.
        form: `duration`, `moment` (a time in the run, with its date), `share`, `count` or `rate`; None for
            text.
    """
    if form is None:
        return alt.Tooltip(f"{field}:N", title=title)
    return alt.Tooltip(f"{field}:Q", title=title, formatType=form, format="")


def hover(tips: Sequence[Any]) -> list[Any]:
    """Return what shows the values at the time nearest to the pointer.

    Args:
        tips: Lines of the tooltip.
    """
    nearest = alt.selection_point(
        name="nearest", nearest=True, on="pointermove", encodings=["x"], empty=False
    )
    rule = alt.Chart().mark_rule(color="var(--ink)", clip=True)
    shown = alt.condition(nearest, alt.value(0.7), alt.value(0))
    return [rule.encode(x=time_position(), opacity=shown, tooltip=list(tips)).add_params(nearest)]


def _events(marks: Sequence[float], outages: Sequence[Shade]) -> list[Any]:
    """Return retry calls as dashed lines, and outages as shades."""
    layers = []
    if outages:
        values = [{"t": shade.from_s, "t2": shade.to_s, "what": shade.what} for shade in outages]
        shade = alt.Chart(alt.InlineData(values=values)).mark_rect(
            color="var(--ink)", opacity=0.16, clip=True
        )
        tips = [tip("what", "shaded", None), tip("t", "from", "moment"), tip("t2", "to", "moment")]
        layers.append(shade.encode(x=time_position(), x2="t2:Q", tooltip=tips))
    if marks:
        dash = alt.Chart(alt.InlineData(values=[{"t": mark} for mark in marks]))
        layers.append(
            dash.mark_rule(color="var(--ink)", strokeDash=[5, 3], strokeWidth=1.5, clip=True).encode(
                x=time_position(), tooltip=[tip("t", "retry call", "moment")]
            )
        )
    return layers


def as_spec(chart: Any, height: int) -> dict[str, Any]:
    """Return a chart as plain data, as wide as its place in the page.

    Args:
        chart: Without data; its rows are called `rows`.
        height: Pixels.
    """
    sized = chart.properties(width="container", height=height, data=alt.NamedData(name="rows"))
    # Checking against the schema would take half of the time that a page takes; a test does it.
    spec: Mapping[str, Any] = sized.to_dict(validate=False)
    return {key: value for key, value in spec.items() if key not in ("config", "$schema")}
