"""The page of a sensitivity study: which fields matter to which metrics."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from sim.report.charts import Chart, Columns, Table
from sim.report.page_model import Page, Section
from sim.report.study import charts as study_charts
from sim.report.study.charts import FORMS
from sim.report.study.field_axes import axis_of, places
from sim.report.study.parts import new_page, read_answer, read_frame
from sim.report.time_scales import value_ticks
from sim.results.display.format import counted
from sim.results.time_span import is_wide
from sim.scenario import METRICS, MetricKind
from sim.scenario.metrics import metric_label
from sim.study.engine.kinds import SENSITIVITY
from sim.study.sobol.text import WIDE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import pandas as pd

_DOTS_MAX: Final = 1_500
"""Dots of a chart; of more points every so-manieth is shown."""


def sensitivity_page(folder: Path, origin: dict[str, Any]) -> Page:
    """Return the page of a sensitivity study.

    Args:
        folder: As `fleetsim sensitivity` wrote it.
        origin: Content of `study.json`.
    """
    frame, points = read_frame(folder / "sensitivity.parquet"), read_frame(folder / "points.parquet")
    fields = list(dict.fromkeys(frame["field"]))
    by_metric = {str(name): rows for name, rows in frame.groupby("metric", sort=False)}
    told = {name: rows for name, rows in by_metric.items() if rows["total"].fillna(0.0).any()}
    silent = [name for name in by_metric if name not in told]
    labels = [f"the {metric_label(name)}" for name in by_metric]
    asked = " and ".join([*([", ".join(labels[:-1])] if labels[1:] else []), labels[-1]])
    return new_page(
        origin,
        question=f"Which of {counted(len(fields), 'field')} matters most to {asked}?",
        answer=read_answer(folder, SENSITIVITY.name).get("headline") or _most(told),
        about=f"{len(points):,} distinct points of the fields' ranges, with the same draws at all of them.",
        sections=[
            Section(
                "course",
                "How much each field matters",
                [_silence(name, by_metric[name]) for name in silent],
                charts=[_indices(name, rows) for name, rows in told.items()],
                layout="pair" if len(told) > 1 else "single",
            ),
            Section(
                "points",
                "Over the field that matters most",
                charts=[_scatter(points, name, rows) for name, rows in told.items()],
                layout="pair" if len(told) > 1 else "single",
            ),
            Section("values", "Values", tables=[_table(frame)]),
            Section("assumptions", "What this rests on", points=list(_rests_on(frame, points, fields))),
        ],
    )


def _ranked(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the indices of a metric, the field that matters most first."""
    return rows.sort_values("total", ascending=False, kind="stable")


def _most(told: dict[str, pd.DataFrame]) -> str:
    """Name the field that matters most to each metric; for folders that have no answer."""
    parts = [
        f"the {metric_label(name)} hangs most on {_ranked(r)['field'].iloc[0]}" for name, r in told.items()
    ]
    text = "; ".join(parts) or "nothing matters to what was asked for"
    return f"{text[0].upper()}{text[1:]}."


def _silence(metric: str, rows: pd.DataFrame) -> str:
    """Say why a metric has no chart."""
    title = metric_label(metric)
    if rows["total"].isna().all():
        return f"No chart of the {title}: it never came about at some points, so it has no variance."
    return f"No chart of the {title}: it is the same at every point, so no field matters to it."


def _indices(metric: str, rows: pd.DataFrame) -> Chart:
    """Return the indices of a metric as bars."""
    ranked, title = _ranked(rows), metric_label(metric)
    data: Columns = {"field": ranked["field"].tolist()}
    for kind in ("first", "total"):
        for end in ("", "_low", "_high"):
            data[f"{kind}{end}"] = np.clip(ranked[f"{kind}{end}"].to_numpy(np.float64), 0, None).tolist()
    return Chart(
        name=f"indices-{metric.replace('.', '-')}",
        title=f"{title[0].upper()}{title[1:]}",
        alt=f"Bars: how much of the variance of the {title} each of {len(ranked)} fields explains.",
        spec=study_charts.indices_spec(data["field"]),
        data=data,
        legend=(("line-5", "total", ""), ("line-1", "first order", "")),
        note="Lines: bootstrap 95 % intervals.",
    )


def _scatter(points: pd.DataFrame, metric: str, rows: pd.DataFrame) -> Chart:
    """Return a metric at all points over the field that matters most to it."""
    field = str(_ranked(rows)["field"].iloc[0])
    kept = points.iloc[:: -(-len(points) // _DOTS_MAX)]
    axis = axis_of(field, kept[field].tolist())
    if axis.numbers is not None:
        axis = replace(axis, is_log=is_wide(min(axis.numbers), max(axis.numbers)))
    kind = METRICS[metric].kind
    means = kept[metric].to_numpy(np.float64) * (8.0 if kind is MetricKind.RATE else 1.0)
    form, title = FORMS.get(kind), metric_label(metric)
    data: Columns = {
        "name": [str(value) for value in kept[field]],
        "x": places(axis, kept[field].tolist()),
        "mean": means.tolist(),
    }
    return Chart(
        name=f"points-{metric.replace('.', '-')}",
        title=f"{title[0].upper()}{title[1:]}",
        alt=f"Dots: the {title} at {len(kept)} points over {field}.",
        spec=study_charts.points_spec(axis, form, value_ticks(form, data["mean"])),
        data=data,
        note="A dot a point; what spreads the dots of one value are the other fields.",
    )


def _table(frame: pd.DataFrame) -> Table:
    """Return the indices with their intervals."""
    rows = [
        (
            metric_label(row["metric"]),
            row["field"],
            *(_index(row["first"], row["first_low"], row["first_high"])),
            *(_index(row["total"], row["total_low"], row["total_high"])),
        )
        for _, ranked in frame.groupby("metric", sort=False)
        for row in _ranked(ranked).to_dict("records")
    ]
    headers = ("metric", "field", "first order", "95 % interval", "total", "95 % interval")
    return Table("Sobol indices", headers, rows, words=(1,))


def _index(value: float, low: float, high: float) -> tuple[str, str]:
    """Return an index and its interval; adding zero takes the sign from a zero."""
    if value != value:
        return "–", ""
    return f"{round(value, 2) + 0.0:.2f}", f"{round(low, 2) + 0.0:.2f} – {round(high, 2) + 0.0:.2f}"


def _rests_on(frame: pd.DataFrame, points: pd.DataFrame, fields: list[str]) -> Iterator[str]:
    """Yield what the indices mean, over which ranges fields vary, and whether there were enough points."""
    yield (
        "First order: the share of a metric's variance that a field explains alone; total: with what it does "
        "together with others."
    )
    yield "Fields vary independently of each other, and evenly over their ranges."
    for field in fields:
        axis = axis_of(field, points[field].tolist())
        if axis.numbers is None:
            yield f"{field}: {', '.join(sorted(map(str, axis.values)))}."
        else:
            low, high = (f"{end:,.4g}" for end in (min(axis.numbers), max(axis.numbers)))
            yield f"{field}: points from {low} to {high} {axis.unit}".rstrip() + "."
    widths = [(frame[f"{kind}_high"] - frame[f"{kind}_low"]).max() for kind in ("first", "total")]
    if max(widths) > WIDE:
        yield "The intervals are wide; more samples narrow them."
