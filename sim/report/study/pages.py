"""The pages of studies: sweep, plan and policy, from the files in a study's folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from sim.errors import Problem, ScenarioError
from sim.report.charts import Chart, Columns, Table
from sim.report.page_model import Page, Section
from sim.report.study import charts as study_charts
from sim.report.study.parts import new_page, read_frame
from sim.report.study.policy_page import policy_page
from sim.report.time_scales import time_ticks
from sim.report.words import bound_text
from sim.results.display.format import format_metric, format_share
from sim.scenario import METRICS, Expectation, MetricKind, parse_expectation
from sim.scenario.metrics import metric_label
from sim.study.engine.kinds import PLAN, POLICY, SWEEP
from sim.study.engine.unit import MARKER

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

_PANELS_MAX: Final = 4
_ROWS_MAX: Final = 60
_INTERESTING: Final = (
    *("success_share", "time_to_success.p95", "time_to_success.p99", "makespan", "failed"),
    *("attempts_per_device", "peak_bandwidth", "peak_processing", "bytes_wasted"),
)
_FORMS: Final = {
    MetricKind.SHARE: "share",
    MetricKind.TIME: "duration",
    MetricKind.RATE: "rate",
    MetricKind.COUNT: "count",
    MetricKind.SIZE: "size",
}


def study_page(folder: Path) -> Page:
    """Return the page of a study.

    Args:
        folder: As `fleetsim sweep`, `plan` or `policy` wrote it.

    Raises:
        ScenarioError: It holds another kind of study, or one that is not complete.
    """
    origin = json.loads((folder / MARKER).read_text(encoding="utf-8"))
    makers = {SWEEP.name: _sweep_page, PLAN.name: _plan_page, POLICY.name: policy_page}
    maker = makers.get(origin["kind"])
    if maker is None:
        known = ", ".join(makers)
        message = f"is a study of kind '{origin['kind']}'; reports are made of: {known}"
        raise ScenarioError([Problem("", message, file=str(folder))])
    try:
        return maker(folder, origin)
    except FileNotFoundError as error:
        message = f"is not complete: {Path(error.filename or '').name} missing; run the study to its end"
        raise ScenarioError([Problem("", message, file=str(folder))]) from None


def _sweep_page(folder: Path, origin: dict[str, Any]) -> Page:
    """Return the page of a sweep."""
    frame = read_frame(folder / "summary.parquet")
    fields = list(frame.columns[1 : frame.columns.get_loc("metric")])
    points = frame.drop_duplicates("point").set_index("point")[fields].astype(str)
    table = frame.set_index(["point", "metric"])
    metrics = [name for name in _INTERESTING if table.xs(name, level="metric")["mean"].nunique() > 1]
    shown = metrics[:_PANELS_MAX] or ["success_share"]
    charts = [_sweep_chart(table, points, fields, name) for name in shown]
    first, last = points.index[0], points.index[-1]
    told = [
        f"the {metric_label(name)} goes from {_text(name, table.loc[(first, name), 'mean'])} to "
        f"{_text(name, table.loc[(last, name), 'mean'])}"
        for name in shown[:2]
    ]
    return new_page(
        origin,
        question=f"What depends on {' and '.join(fields)}?",
        answer=f"From {_point(points, first)} to {_point(points, last)}, {' and '.join(told)}.",
        about=f"{len(points)} variants of one scenario, with the same draws in all of them. "
        "Bars are 95 % intervals of the mean.",
        sections=[
            Section("course", "Over the fields", charts=charts, layout="pair"),
            Section("values", "Values", tables=[_sweep_table(table, points, shown)]),
        ],
    )


def _sweep_chart(table: pd.DataFrame, points: pd.DataFrame, fields: Sequence[str], metric: str) -> Chart:
    """Return one metric over the first field; a second one gives lines, further ones stay at their first."""
    data: Columns = {name: [] for name in ("name", "group", "mean", "low", "high")}
    kept = points
    for field in fields[2:]:
        kept = kept[kept[field] == kept[field].iloc[0]]
    unit = 8.0 if METRICS[metric].kind is MetricKind.RATE else 1.0
    for point in kept.index.tolist():
        values, row = kept.loc[point], table.loc[(point, metric)]
        data["name"].append(values[fields[0]])
        data["group"].append(values[fields[1]] if len(fields) > 1 else "")
        for name in ("mean", "low", "high"):
            data[name].append(None if row[name] != row[name] else float(row[name]) * unit)
    groups = list(dict.fromkeys(data["group"]))
    word = fields[-1 if len(fields) < 2 else 1].rpartition(".")[2]
    legend = tuple((f"line-{i % 6}", f"{word} {group}", "") for i, group in enumerate(groups))
    form = _FORMS.get(METRICS[metric].kind)
    names = list(dict.fromkeys(data["name"]))
    title = metric_label(metric)
    known = [value for name in ("mean", "low", "high") for value in data[name] if value is not None]
    ticks = time_ticks(min(known), max(known)) if form == "duration" and known else None
    return Chart(
        name=metric.replace(".", "-"),
        title=f"{title[0].upper()}{title[1:]}",
        alt=f"{title} for {len(names)} values of {fields[0]}; the table below has the numbers.",
        spec=study_charts.sweep_spec(names, groups, form, fields[0].rpartition(".")[2], ticks=ticks),
        data=data,
        legend=legend if groups != [""] else (),
        note=_missing(data, word),
    )


def _missing(data: Columns, word: str) -> str:
    """Say which lines have no dots at all: what they show never came about, and is no gap in the data."""
    values: dict[str, list[Any]] = {}
    for group, mean in zip(data["group"], data["mean"], strict=True):
        values.setdefault(group, []).append(mean)
    never = [group for group, means in values.items() if all(mean is None for mean in means)]
    return f"Never with {word} {', '.join(never)}." if never and never != [""] else ""


def _sweep_table(table: pd.DataFrame, points: pd.DataFrame, metrics: Sequence[str]) -> Table:
    """Return means, and paired differences from the first point."""
    rows = []
    for point in points.index[:_ROWS_MAX]:
        cells = [_point(points, point)]
        for name in metrics:
            row = table.loc[(point, name)]
            change = "" if point == points.index[0] else _change(name, row["difference"])
            cells.append(_text(name, row["mean"]) + change)
        rows.append(tuple(cells))
    left = len(points) - _ROWS_MAX
    note = "In brackets: difference from the first variant."
    note += f" {left} further variants are in summary.parquet." if left > 0 else ""
    return Table("Means", ("variant", *map(metric_label, metrics)), rows, note=note)


def _plan_page(folder: Path, origin: dict[str, Any]) -> Page:
    """Return the page of a plan."""
    plan = json.loads((folder / "plan.json").read_text(encoding="utf-8"))
    frame = read_frame(folder / "plan.parquet")
    answers, field, runs = plan["answers"], plan["field"], plan["replications"]
    goals = " and ".join(_goal(text) for text in plan["goals"])
    wanted = f"{plan['confidence'] * 100:g} %"
    best = next((answer for answer in answers if answer["value"] is not None), None)
    question = (
        f"What is the {plan['looked_for']} {field} with which the {goals} in at least {wanted} of the runs?"
    )
    sections = []
    if len(answers) > 1:
        frontier = read_frame(folder / "frontier.parquet")
        written = frontier.astype(object).where(frontier.notna(), "–").astype(str)
        rows = [tuple(row) for row in written.to_numpy().tolist()]
        sections.append(Section("course", "Frontier", tables=[Table("Pairs", tuple(frontier.columns), rows)]))
        reached = sum(answer["value"] is not None for answer in answers)
        answer_text = f"It is within reach for {reached} of {len(answers)} values of the second field."
    else:
        sections.append(
            Section("course", "How often the goals hold", charts=[_plan_chart(frame, field, plan)])
        )
        answer_text = _plan_answer(answers[0], field, runs, plan["confidence"])
    held = [
        (
            str(row[field]),
            f"{row['held']} of {row['replications']}",
            f"{format_share(row['share_low'])} – {format_share(row['share_high'])}",
            "answer" if row["is_answer"] else "",
        )
        for row in frame.to_dict("records")
    ]
    table = Table(
        "Values that were looked at", (field, "goals hold in", "95 % interval", "remark"), held, words=(3,)
    )
    sections.append(Section("values", "Values", tables=[table]))
    page = new_page(
        origin,
        question=question,
        answer=answer_text,
        about=f"{runs} runs at each value, with the same draws at all of them.",
        sections=sections,
    )
    page.mood = "unmet" if best is None else "met"
    return page


def _plan_answer(answer: dict[str, Any], field: str, runs: int, confidence: float) -> str:
    """Say what a plan found."""
    if answer["value"] is None:
        return f"None in the range that was looked at: no value of {field} is good enough."
    low, _ = answer["interval"]
    text = f"{answer['value']}: the goals hold in {answer['held']} of {runs} runs"
    if answer["before"] is not None:
        held = answer["before"]["held"]
        text += f", with {answer['before']['value']} in {f'only {held}' if held else 'none'}"
    text += f". {runs} runs say that it will do in at least {format_share(low)} of all cases"
    text += "; more of them would say it more closely." if low < confidence else "."
    return text if answer["is_monotonic"] else f"{text} More was not always better: see the values below."


def _plan_chart(frame: pd.DataFrame, field: str, plan: dict[str, Any]) -> Chart:
    """Return how often goals hold over the field."""
    names = [str(value) for value in frame[field]]
    data: Columns = {
        "name": names,
        "share": frame["share"].tolist(),
        "low": frame["share_low"].tolist(),
        "high": frame["share_high"].tolist(),
        "answer": frame["is_answer"].tolist(),
    }
    return Chart(
        name="plan",
        title="Share of the runs in which all goals hold",
        alt=f"Dots with intervals: how often the goals hold at {len(names)} values of {field}.",
        spec=study_charts.plan_spec(names, field.rpartition(".")[2], plan["confidence"]),
        data=data,
        legend=(("s-success", "answer", ""), ("load", "other values", "")),
        note="Dashed: the share that was wanted. Bars: 95 % intervals of the share.",
    )


def _goal(text: str) -> str:
    """Return a goal in words."""
    metric, _, wanted = text.partition(" ")
    expectation = Expectation(**parse_expectation(metric, wanted.strip()))
    return f"{metric_label(metric)} is {bound_text(expectation)}"


def _text(metric: str, value: float) -> str:
    """Return a value of a metric; NaN is none."""
    return format_metric(metric, None if value != value else value)


def _change(metric: str, value: float) -> str:
    """Return a difference in brackets; nothing if there is none."""
    if value != value or value == 0:
        return ""
    if METRICS[metric].kind is MetricKind.SHARE:
        return f" ({value * 100:+.2f} pp)"
    return f" ({'+' if value > 0 else '−'}{format_metric(metric, abs(value))})"


def _point(points: pd.DataFrame, point: Any) -> str:
    """Return a variant in words."""
    return ", ".join(f"{field.rpartition('.')[2]} {value}" for field, value in points.loc[point].items())
