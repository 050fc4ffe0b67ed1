"""The pages of studies from the files in a study's folder, and those of sweeps and plans."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from sim.errors import Problem, ScenarioError
from sim.report.charts import Chart, Columns, Table
from sim.report.page_model import Page, Section
from sim.report.study import charts as study_charts
from sim.report.study.charts import FORMS
from sim.report.study.field_axes import axis_of, places
from sim.report.study.parts import new_page, read_answer, read_frame
from sim.report.study.policy_page import policy_page
from sim.report.study.replications_page import replications_page
from sim.report.study.sensitivity_page import sensitivity_page
from sim.report.time_scales import value_ticks
from sim.report.words import bound_text
from sim.results.display.format import format_metric, format_share
from sim.results.time_span import is_wide
from sim.scenario import METRICS, Expectation, MetricKind, parse_expectation
from sim.scenario.metrics import metric_label
from sim.study.engine.kinds import PLAN, POLICY, REPLICATIONS, SENSITIVITY, SWEEP
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


def study_page(folder: Path) -> Page:
    """Return the page of a study.

    Args:
        folder: As one of the studies wrote it.

    Raises:
        ScenarioError: It holds another kind of study, or one that is not complete.
    """
    origin = json.loads((folder / MARKER).read_text(encoding="utf-8"))
    makers = {
        REPLICATIONS.name: replications_page,
        SWEEP.name: _sweep_page,
        PLAN.name: _plan_page,
        POLICY.name: policy_page,
        SENSITIVITY.name: sensitivity_page,
    }
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
    frame, told = read_frame(folder / "summary.parquet"), read_answer(folder, SWEEP.name)
    fields = list(frame.columns[1 : frame.columns.get_loc("metric")])
    points = frame.drop_duplicates("point").set_index("point")[fields].astype(str)
    table = frame.set_index(["point", "metric"])
    known = set(frame["metric"])
    asked = [name for name in told.get("metrics", ()) if name in known]
    differing = [name for name in _INTERESTING if name in known and _differs(table, name)]
    shown = list(dict.fromkeys([*asked, *differing[: max(_PANELS_MAX - len(asked), 0)]])) or ["success_share"]
    charts = [_sweep_chart(table, points, fields, name) for name in shown]
    return new_page(
        origin,
        question=f"What depends on {' and '.join(fields)}?",
        answer=told.get("headline") or _between_ends(table, points, shown),
        about=f"{len(points)} variants of one scenario, with the same draws in all of them. "
        "Bars are 95 % intervals of the mean.",
        sections=[
            Section("course", "Over the fields", charts=charts, layout="pair"),
            Section("values", "Values", tables=[_sweep_table(table, points, shown)]),
        ],
    )


def _differs(table: pd.DataFrame, metric: str) -> bool:
    """Tell whether a metric is not the same at all points."""
    return bool(table.xs(metric, level="metric")["mean"].nunique() > 1)


def _between_ends(table: pd.DataFrame, points: pd.DataFrame, metrics: Sequence[str]) -> str:
    """Say how metrics change from the first point to the last; for folders that have no answer."""
    first, last = points.index[0], points.index[-1]
    told = [
        f"the {metric_label(name)} goes from {_text(name, table.loc[(first, name), 'mean'])} to "
        f"{_text(name, table.loc[(last, name), 'mean'])}"
        for name in metrics[:2]
    ]
    return f"From {_point(points, first)} to {_point(points, last)}, {' and '.join(told)}."


def _sweep_chart(table: pd.DataFrame, points: pd.DataFrame, fields: Sequence[str], metric: str) -> Chart:
    """Return one metric over the first field; a second one gives lines, further ones stay at their first."""
    data: Columns = {name: [] for name in ("name", "x", "group", "mean", "low", "high")}
    kept = points
    for field in fields[2:]:
        kept = kept[kept[field] == kept[field].iloc[0]]
    axis = axis_of(fields[0], kept[fields[0]].tolist())
    data["name"] = kept[fields[0]].tolist()
    data["x"] = places(axis, data["name"])
    data["group"] = kept[fields[1]].tolist() if len(fields) > 1 else [""] * len(kept)
    unit = 8.0 if METRICS[metric].kind is MetricKind.RATE else 1.0
    for point in kept.index.tolist():
        row = table.loc[(point, metric)]
        for name in ("mean", "low", "high"):
            data[name].append(None if row[name] != row[name] else float(row[name]) * unit)
    groups = list(dict.fromkeys(data["group"]))
    word = fields[-1 if len(fields) < 2 else 1].rpartition(".")[2]
    legend = tuple((f"line-{i % 6}", f"{word} {group}", "") for i, group in enumerate(groups))
    form = FORMS.get(METRICS[metric].kind)
    title = metric_label(metric)
    return Chart(
        name=metric.replace(".", "-"),
        title=f"{title[0].upper()}{title[1:]}",
        alt=f"{title} for {len(axis.values)} values of {fields[0]}; the table below has the numbers.",
        spec=study_charts.sweep_spec(
            axis, groups, form, ticks=value_ticks(form, [*data["mean"], *data["low"], *data["high"]])
        ),
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
    told = plan.get("headline")
    if len(answers) > 1:
        frontier = read_frame(folder / "frontier.parquet")
        written = frontier.astype(object).where(frontier.notna(), "–").astype(str)
        rows = [tuple(row) for row in written.to_numpy().tolist()]
        pairs = Table("Pairs", tuple(frontier.columns), rows)
        charts = _frontier_charts(frontier, plan)
        sections.append(Section("course", "Frontier", charts=charts, tables=[pairs]))
        reached = sum(answer["value"] is not None for answer in answers)
        answer_text = f"It is within reach for {reached} of {len(answers)} values of the second field."
    else:
        charts = _goal_charts(frame, field, plan)
        if frame["held"].any():
            charts = [_plan_chart(frame, field, plan), *charts]
        never = "" if frame["held"].any() else f"At none of these values a run of {runs} met all goals."
        title = "How often the goals hold" if not never else "How far each value comes"
        layout = "pair" if len(charts) > 1 else "single"
        sections.append(Section("course", title, [never] if never else [], charts=charts, layout=layout))
        answer_text = _plan_answer(answers[0], field, runs, plan["confidence"])
    table = _plan_table(frame, field, plan)
    sections.append(Section("values", "Values", tables=[table]))
    page = new_page(
        origin,
        question=question,
        answer=told or answer_text,
        about=f"{runs} runs at each value, with the same draws at all of them.",
        sections=sections,
    )
    page.mood = "unmet" if best is None else "met"
    return page


def _frontier_charts(frontier: pd.DataFrame, plan: dict[str, Any]) -> list[Chart]:
    """Return the answer over the second field; nothing where no value has one, or answers are no numbers."""
    field, second = plan["field"], frontier.columns[0]
    reached = frontier[frontier[field].notna()]
    if not len(reached):
        return []
    answers = axis_of(field, reached[field].tolist())
    numbers = answers.numbers
    if numbers is None:
        return []
    answers = replace(answers, is_log=is_wide(min(numbers), max(numbers)))
    number_of = dict(zip(map(str, answers.values), numbers, strict=True))
    axis = axis_of(second, frontier[second].tolist())
    data: Columns = {
        "name": [str(value) for value in reached[second]],
        "x": places(axis, reached[second].tolist()),
        "text": [str(value) for value in reached[field]],
        "y": [number_of[str(value)] for value in reached[field]],
        "held": [f"{held} of {plan['replications']} runs" for held in reached["held"]],
    }
    never = frontier[frontier[field].isna()][second].astype(str).tolist()
    word = second.rpartition(".")[2]
    return [
        Chart(
            name="frontier",
            title=f"{plan['looked_for'].capitalize()} {answers.title} that is good enough",
            alt=f"Dots: the answer for {len(reached)} of {len(frontier)} values of {second}.",
            spec=study_charts.frontier_spec(axis, answers),
            data=data,
            note=f"Out of reach with {word} {', '.join(never)}." if never else "",
        )
    ]


def _plan_table(frame: pd.DataFrame, field: str, plan: dict[str, Any]) -> Table:
    """Return how often the goals held at each value, and the means of what they are about."""
    metrics = dict.fromkeys(goal.metric for goal in map(_expectation, plan["goals"]))
    known = [name for name in metrics if name in frame.columns]
    fixed = frame.columns[: frame.columns.get_loc(field)]
    rows = [
        (
            *(str(row[name]) for name in fixed),
            str(row[field]),
            f"{row['held']} of {row['replications']}",
            f"{format_share(row['share_low'])} – {format_share(row['share_high'])}",
            *(_text(name, row[name]) for name in known),
            "answer" if row["is_answer"] else "",
        )
        for row in frame.to_dict("records")
    ]
    headers = (*fixed, field, "goals hold in", "95 % interval", *map(metric_label, known), "remark")
    is_long = len(plan["answers"]) > 1
    return Table("Values that were looked at", headers, rows, words=(len(headers) - 1,), is_long=is_long)


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
    axis = axis_of(field, frame[field].tolist())
    data: Columns = {
        "name": [str(value) for value in frame[field]],
        "x": places(axis, frame[field].tolist()),
        "share": frame["share"].tolist(),
        "low": frame["share_low"].tolist(),
        "high": frame["share_high"].tolist(),
        "answer": frame["is_answer"].tolist(),
    }
    return Chart(
        name="plan",
        title="Share of the runs in which all goals hold",
        alt=f"Dots with intervals: how often the goals hold at {len(axis.values)} values of {field}.",
        spec=study_charts.plan_spec(axis, plan["confidence"]),
        data=data,
        legend=(("s-success", "answer", ""), ("load", "other values", "")),
        note="Dashed: the share that was wanted. Bars: 95 % intervals of the share.",
    )


def _goal_charts(frame: pd.DataFrame, field: str, plan: dict[str, Any]) -> list[Chart]:
    """Return each goal's metric over the field; where it never came about, how far the devices came."""
    goals = [_expectation(text) for text in plan["goals"]]
    charts: dict[str, Chart] = {}
    for goal in goals:
        if goal.metric in frame.columns and frame[goal.metric].notna().any():
            charts.setdefault(goal.metric, _goal_chart(frame, field, goal.metric, goal))
        elif "success_share" in frame.columns:
            charts.setdefault("success_share", _goal_chart(frame, field, "success_share", None))
    return list(charts.values())


def _goal_chart(frame: pd.DataFrame, field: str, metric: str, goal: Expectation | None) -> Chart:
    """Return a metric over the field, with the bound of its goal."""
    axis, kind = axis_of(field, frame[field].tolist()), METRICS[metric].kind
    unit = 8.0 if kind is MetricKind.RATE else 1.0
    means = [None if value != value else float(value) * unit for value in frame[metric].tolist()]
    data: Columns = {
        "name": [str(value) for value in frame[field]],
        "x": places(axis, frame[field].tolist()),
        "mean": means,
        "answer": frame["is_answer"].tolist(),
    }
    title, form = metric_label(metric), FORMS.get(kind)
    bound = None if goal is None else goal.value * unit
    notes = ["Dashed: what was wanted." if goal else "The goal's own metric never came about at any value."]
    notes += ["Gaps: never in some run."] if None in means else []
    return Chart(
        name=f"goal-{metric.replace('.', '-')}",
        title=f"{title[0].upper()}{title[1:]}",
        alt=f"Dots: the mean {title} at {len(axis.values)} values of {field}.",
        spec=study_charts.goal_spec(axis, form, bound, value_ticks(form, [*means, bound])),
        data=data,
        legend=(("s-success", "answer", ""), ("load", "other values", ""))
        if frame["is_answer"].any()
        else (),
        note=" ".join(notes),
    )


def _expectation(text: str) -> Expectation:
    """Return a goal as an expectation."""
    metric, _, wanted = text.partition(" ")
    return Expectation(**parse_expectation(metric, wanted.strip()))


def _goal(text: str) -> str:
    """Return a goal in words."""
    expectation = _expectation(text)
    return f"{metric_label(text.partition(' ')[0])} is {bound_text(expectation)}"


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
