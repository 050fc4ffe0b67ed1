"""The charts of studies, as Altair specifications; see `sim.report.charts` for how the page fills them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import altair as alt

from sim.report.charts import as_spec, time_position, tip
from sim.report.study.field_axes import field_position

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sim.study.ranges.vary import Axis


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
    dress: dict[str, Any] = {} if form is None else {"formatType": form, "format": ""}
    if ticks is not None:
        dress["values"] = list(ticks)
    value = alt.Axis(title=None, tickCount=5, **dress)
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
    dress: dict[str, Any] = {} if form is None else {"formatType": form, "format": ""}
    if ticks is not None:
        dress["values"] = list(ticks)
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
