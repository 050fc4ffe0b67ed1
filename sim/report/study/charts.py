"""The charts of studies, as Altair specifications; see `sim.report.charts` for how the page fills them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import altair as alt

from sim.report.charts import as_spec, hover, time_position, tip
from sim.report.study.field_axes import field_position
from sim.scenario import MetricKind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sim.study.ranges.vary import Axis

FORMS: Final = {
    MetricKind.SHARE: "share",
    MetricKind.TIME: "duration",
    MetricKind.RATE: "rate",
    MetricKind.COUNT: "count",
    MetricKind.SIZE: "size",
}
"""How the page writes metrics; others are plain numbers."""

_ROW_PIXELS: Final = 64


def _dress(form: str | None, ticks: Sequence[float] | None) -> dict[str, Any]:
    """Return how an axis writes a metric: shares as finely as its ticks are, all else as everywhere."""
    written = {"share": "percent", None: "plain"}.get(form, form)
    dress: dict[str, Any] = {"formatType": written, "format": ""}
    return dress if ticks is None else {**dress, "values": list(ticks)}


def sweep_spec(
    axis: Axis, groups: Sequence[str], form: str | None, *, ticks: Sequence[float] | None = None
) -> dict[str, Any]:
    """Return a metric over the values of a field, a line a value of a second one.

    Args:
        axis: The field.
        groups: Values of the second field; one empty text without one.
        form: `duration`, `share`, `count` or `rate`; None for a plain number.
        ticks: Where the vertical axis has ticks; None leaves it to the chart.
    """
    colours = [f"var(--line-{i % 6})" for i in range(len(groups))]
    value = alt.Axis(title=None, tickCount=5, **_dress(form, ticks))
    base = alt.Chart().encode(
        x=field_position(axis),
        color=alt.Color("group:N", scale=alt.Scale(domain=list(groups), range=colours), legend=None),
    )

    def level(field: str) -> Any:
        return alt.Y(f"{field}:Q", axis=value, scale=alt.Scale(zero=False))

    tips = [
        tip("name", axis.path.rpartition(".")[2], None),
        tip("group", "", None),
        *(tip(n, n, form) for n in ("mean", "low", "high")),
    ]
    shown = [tips[0], *tips[2:]] if list(groups) == [""] else tips
    return as_spec(
        alt.layer(
            base.mark_rule(strokeWidth=2, opacity=0.6).encode(y=level("low"), y2="high:Q"),
            base.mark_line(strokeWidth=1.5).encode(y=level("mean")),
            base.mark_point(filled=True, size=60, opacity=1).encode(y=level("mean"), tooltip=shown),
        ),
        220,
    )


def plan_spec(axis: Axis, confidence: float) -> dict[str, Any]:
    """Return how often goals held at each value that was looked at, with intervals.

    Args:
        axis: The field, and the values that were looked at.
        confidence: Share that was wanted, 0..1.
    """
    share = alt.Axis(title="goals hold in", formatType="share", format="", values=[0, 0.25, 0.5, 0.75, 1])
    title = axis.path.rpartition(".")[2]
    base = alt.Chart().encode(x=field_position(axis))
    colour = alt.condition("datum.answer", alt.value("var(--s-success)"), alt.value("var(--load)"))

    def level(field: str) -> Any:
        return alt.Y(f"{field}:Q", axis=share, scale=alt.Scale(domain=[0, 1]))

    wanted = alt.Chart(alt.InlineData(values=[{"wanted": confidence}]))
    tips = [tip("name", title, None), *(tip(n, t, "share") for n, t in _SHARES)]
    return as_spec(
        alt.layer(
            base.mark_rule(strokeWidth=3, opacity=0.5).encode(y=level("low"), y2="high:Q", color=colour),
            base.mark_point(filled=True, size=90, opacity=1).encode(
                y=level("share"), color=colour, tooltip=tips
            ),
            wanted.mark_rule(color="var(--bad)", strokeDash=[6, 3], strokeWidth=1.5).encode(
                y=level("wanted")
            ),
        ),
        240,
    )


_SHARES = (("share", "held in"), ("low", "at least"), ("high", "at most"))


def goal_spec(
    axis: Axis, form: str | None, bound: float | None, ticks: Sequence[float] | None
) -> dict[str, Any]:
    """Return the mean of a goal's metric at each value that was looked at, and what was wanted of it.

    Args:
        axis: The field, and the values that were looked at.
        form: `duration`, `share`, `count` or `rate`; None for a plain number.
        bound: What the goal wants; None for no line.
        ticks: Where the vertical axis has ticks; None leaves it to the chart.
    """
    dress = _dress(form, ticks)
    base = alt.Chart().encode(x=field_position(axis))
    colour = alt.condition("datum.answer", alt.value("var(--s-success)"), alt.value("var(--load)"))
    tips = [tip("name", axis.path.rpartition(".")[2], None), tip("mean", "mean", form)]

    def level(field: str) -> Any:
        scale = alt.Scale(zero=False, padding=8)
        return alt.Y(f"{field}:Q", axis=alt.Axis(title=None, tickCount=5, **dress), scale=scale)

    layers: list[Any] = [
        base.mark_line(strokeWidth=1.5, color="var(--load)").encode(y=level("mean")),
        base.mark_point(filled=True, size=70, opacity=1).encode(y=level("mean"), color=colour, tooltip=tips),
    ]
    if bound is not None:
        wanted = alt.Chart(alt.InlineData(values=[{"wanted": bound}]))
        dash = wanted.mark_rule(color="var(--bad)", strokeDash=[6, 3], strokeWidth=1.5)
        layers.append(dash.encode(y=level("wanted")))
    return as_spec(alt.layer(*layers), 240)


def policy_spec(form: str, title: str, upgraded: str, *, has_advice: bool = True) -> dict[str, Any]:
    """Return retry policies by the time that they take and what else they cost.

    Args:
        form: `count` or `size` of the vertical axis.
        title: What it shows.
        upgraded: Share of the fleet whose time it is, like `99 %`.
        has_advice: Whether the console's advice has a place in it.
    """
    counts = [str(n) for n in range(6)]
    axis = alt.Axis(title=title, formatType=form, format="", tickCount=5)
    tips = [
        tip("policy", "policy", None),
        tip("t", f"{upgraded} upgraded after", "duration"),
        tip("cost", title, form),
    ]
    base = alt.Chart().encode(
        x=time_position(),
        y=alt.Y("cost:Q", axis=axis, scale=alt.Scale(zero=False, padding=12)),
        tooltip=tips,
    )
    colours = alt.Scale(domain=counts, range=[f"var(--line-{n})" for n in range(6)])
    dots = base.mark_point(filled=True, size=45, opacity=1, clip=True).encode(
        color=alt.Color("retries:N", scale=colours, legend=None)
    )
    front = base.transform_filter("datum.front").mark_point(
        size=150, color="var(--ink)", strokeWidth=1.5, opacity=1, clip=True
    )
    advice = base.transform_filter("datum.advice").mark_point(
        shape="diamond", size=260, color="var(--bad)", strokeWidth=2.5, opacity=1, clip=True
    )
    return as_spec(alt.layer(dots, front, *([advice] if has_advice else [])), 280)


def frontier_spec(axis: Axis, answers: Axis) -> dict[str, Any]:
    """Return the answer of a plan for each value of its second field.

    Args:
        axis: The second field.
        answers: The field that was looked for, which is numbers.
    """
    look: dict[str, Any] = {"title": answers.title, "formatType": "plain", "format": "", "tickCount": 5}
    kind: dict[str, Any] = {"type": "log"} if answers.is_log else {"type": "linear", "zero": True}
    tips = [
        tip("name", axis.name, None),
        tip("text", answers.name, None),
        tip("held", "goals hold in", None),
    ]
    base = alt.Chart().encode(
        x=field_position(axis), y=alt.Y("y:Q", axis=alt.Axis(**look), scale=alt.Scale(padding=8, **kind))
    )
    line = base.mark_line(strokeWidth=1.5, color="var(--s-success)")
    dots = base.mark_point(filled=True, size=80, opacity=1, color="var(--s-success)").encode(tooltip=tips)
    return as_spec(alt.layer(line, dots), 240)


def band_spec(title: str) -> dict[str, Any]:
    """Return a share over time: its mean over replications, and the band that holds most of them.

    Args:
        title: Share of what.
    """
    axis = alt.Axis(title=title, formatType="share", format="", values=[0, 0.25, 0.5, 0.75, 1])
    base = alt.Chart().encode(x=time_position())

    def level(field: str) -> Any:
        return alt.Y(f"{field}:Q", axis=axis, scale=alt.Scale(domain=[0, 1], nice=False))

    colour = "var(--s-success)"
    tips = [tip("t", "after", "duration"), *(tip(n, t, "share") for n, t in _BAND)]
    return as_spec(
        alt.layer(
            base.mark_area(opacity=0.35, color=colour, clip=True).encode(y=level("low"), y2="high:Q"),
            base.mark_line(strokeWidth=2, color=colour, clip=True).encode(y=level("mean")),
            *hover(tips),
        ),
        260,
    )


_BAND = (("mean", "mean"), ("low", "5 % of runs below"), ("high", "5 % of runs above"))


def runs_spec(form: str | None, ticks: Sequence[float] | None) -> dict[str, Any]:
    """Return in which share of the runs a metric came out at most so high, a dot a run.

    Args:
        form: `duration`, `share`, `count`, `rate` or `size`; None for a plain number.
        ticks: Where the horizontal axis has ticks; None leaves it to the chart.
    """
    dress = {**_dress(form, ticks), "grid": False, "tickCount": 5}
    dress |= {"labelOverlap": "greedy", "labelSeparation": 8, "labelFlush": True}
    share = alt.Axis(title="share of the runs", formatType="share", format="", values=[0, 0.25, 0.5, 0.75, 1])
    scale = alt.Scale(zero=False, nice=False, padding=10)
    base = alt.Chart().encode(
        x=alt.X("value:Q", axis=alt.Axis(title=None, **dress), scale=scale),
        y=alt.Y("share:Q", axis=share, scale=alt.Scale(domain=[0, 1])),
    )
    tips = [tip("share", "share of the runs", "share"), tip("value", "at most", form or "plain")]
    line = base.mark_line(strokeWidth=1.5, color="var(--load)", interpolate="step-after")
    dots = base.mark_point(filled=True, size=45, opacity=1, color="var(--load)").encode(tooltip=tips)
    return as_spec(alt.layer(line, dots), 200)


def indices_spec(fields: Sequence[str]) -> dict[str, Any]:
    """Return Sobol indices as bars, two a field, with bootstrap intervals.

    Args:
        fields: Their paths, from top to bottom.
    """
    axis = alt.Axis(title="share of the variance", format=".2~f", tickCount=5)
    base = alt.Chart().encode(y=alt.Y("field:N", sort=list(fields), axis=None))
    layers: list[Any] = []
    for name, word, offset, colour in _INDICES:
        x = alt.X(f"{name}:Q", axis=axis, scale=alt.Scale(domainMin=0, nice=False))
        ends = (tip(f"{name}_low", "at least", "plain"), tip(f"{name}_high", "at most", "plain"))
        tips = [tip("field", "field", None), tip(name, word, "plain"), *ends]
        layers.append(base.mark_bar(size=12, yOffset=offset, color=colour).encode(x=x, tooltip=tips))
        rule = base.mark_rule(strokeWidth=1.5, yOffset=offset, color="var(--ink)")
        layers.append(rule.encode(x=alt.X(f"{name}_low:Q", axis=axis), x2=f"{name}_high:Q"))
    words = base.mark_text(
        align="left", yOffset=-20, color="var(--ink)", fontSize=12.5, limit=alt.expr("width")
    ).encode(x=alt.value(0), text="field:N")
    return as_spec(alt.layer(*layers, words), _ROW_PIXELS * len(fields))


_INDICES = (("total", "total", -3, "var(--line-5)"), ("first", "first order", 12, "var(--line-1)"))


def points_spec(axis: Axis, form: str | None, ticks: Sequence[float] | None) -> dict[str, Any]:
    """Return a metric at every point of a design over one of its fields.

    Args:
        axis: The field.
        form: `duration`, `share`, `count`, `rate` or `size`; None for a plain number.
        ticks: Where the vertical axis has ticks; None leaves it to the chart.
    """
    level = alt.Axis(title=None, tickCount=5, **_dress(form, ticks))
    tips = [tip("name", axis.name, None), tip("mean", "mean", form or "plain")]
    dots = alt.Chart().mark_point(filled=True, size=22, opacity=0.65, color="var(--load)")
    return as_spec(
        dots.encode(
            x=field_position(axis),
            y=alt.Y("mean:Q", axis=level, scale=alt.Scale(zero=False, padding=8)),
            tooltip=tips,
        ),
        220,
    )
