"""The charts of studies, as Altair specifications; see `sim.report.charts` for how the page fills them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import altair as alt

from sim.report.charts import as_spec, time_position, tip

if TYPE_CHECKING:
    from collections.abc import Sequence


def sweep_spec(
    names: Sequence[str],
    groups: Sequence[str],
    form: str | None,
    title: str,
    *,
    ticks: Sequence[float] | None = None,
) -> dict[str, Any]:
    """Return a metric over the values of a field, a line a value of a second one.

    Args:
        names: Values of the field, from left to right.
        groups: Values of the second field; one empty text without one.
        form: `duration`, `share`, `count` or `rate`; None for a plain number.
        title: Name of the field.
        ticks: Where the vertical axis has ticks; None leaves it to the chart.
    """
    axis = alt.Axis(title=title, labelAngle=0, labelOverlap=True)
    colours = [f"var(--line-{i % 6})" for i in range(len(groups))]
    dress: dict[str, Any] = {} if form is None else {"formatType": form, "format": ""}
    if ticks is not None:
        dress["values"] = list(ticks)
    value = alt.Axis(title=None, tickCount=5, **dress)
    base = alt.Chart().encode(
        x=alt.X("name:O", sort=list(names), axis=axis),
        color=alt.Color("group:N", scale=alt.Scale(domain=list(groups), range=colours), legend=None),
    )

    def level(field: str) -> Any:
        return alt.Y(f"{field}:Q", axis=value, scale=alt.Scale(zero=False))

    tips = [
        tip("name", title, None),
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


def plan_spec(names: Sequence[str], title: str, confidence: float) -> dict[str, Any]:
    """Return how often goals held at each value that was looked at, with intervals.

    Args:
        names: The values, from left to right.
        title: Name of the field.
        confidence: Share that was wanted, 0..1.
    """
    share = alt.Axis(title="goals hold in", formatType="share", format="", values=[0, 0.25, 0.5, 0.75, 1])
    axis = alt.Axis(title=title, labelAngle=0, labelOverlap=True)
    base = alt.Chart().encode(x=alt.X("name:O", sort=list(names), axis=axis))
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


def policy_spec(form: str, title: str, upgraded: str) -> dict[str, Any]:
    """Return retry policies by the time that they take and what else they cost.

    Args:
        form: `count` or `size` of the vertical axis.
        title: What it shows.
        upgraded: Share of the fleet whose time it is, like `99 %`.
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
        y=alt.Y("cost:Q", axis=axis, scale=alt.Scale(zero=False)),
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
    return as_spec(alt.layer(dots, front, advice), 280)
