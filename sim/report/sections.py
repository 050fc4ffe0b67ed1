"""The sections of a run's page: figures come from `panels`, numbers from the files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sim.campaign.remembered import condition_words, link_words
from sim.report.charts import Table
from sim.report.page_model import Section
from sim.report.panels import COHORTS_MAX, Panels, more_cohorts, slowest_cohorts
from sim.report.words import WAITTING, tripped_gate
from sim.results.call_statistics import count_calls, count_refusals
from sim.results.display.format import format_count, format_metric, format_share
from sim.results.platform_load import client_budget_of
from sim.units import format_duration

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sim.results.files.read import StoredRun

_TASKS_MAX: Final = 60
_CALLS_MAX: Final = 30
_PERCENTS: Final = (50, 95, 99)
_FOLDED: Final = 12
_ATTEMPTS_MAX: Final = 8


def load(panels: Panels) -> Section:
    """Return what the platform carried, against its limits."""
    loads = panels.loads()
    missing = [name for name in ("downloads", "bandwidth") if name not in {chart.name for chart in loads}]
    sentences = [] if not missing else ["No download took any time, so there is no curve of downloads."]
    return Section("load", "Load on the platform", sentences, charts=loads, layout="trio")


def failures(panels: Panels) -> Section:
    """Return what stopped devices: by stage, code and cohort."""
    table = panels.failure_table()
    if table is None:
        return Section("failures", "Failures", ["No device stands at a failure."])
    sentences = []
    if any(len(count.stages) > 1 for count in panels.failures):
        sentences.append(
            "Neither a code nor a platform's text says at which stage it arose; where the scenario has it at "
            "several, all of them are named."
        )
    return Section("failures", "Failures", sentences, tables=[table])


def attempts(run: StoredRun, panels: Panels) -> Section:
    """Return how many attempts it took."""
    return Section(
        "attempts", "Attempts", charts=[panels.attempts()], tables=[_attempt_table(run)], layout="beside"
    )


def _attempt_table(run: StoredRun) -> Table:
    """Return what each attempt brought."""
    rows = []
    for row in run.summary["by_attempt"][:_ATTEMPTS_MAX]:
        started, succeeded = row["started"] or 0, row["succeeded"] or 0
        share = format_share(succeeded / started) if started else "–"
        rows.append((str(row["attempt"]), format_count(started), format_count(succeeded), share))
    late = run.summary["by_attempt"][_ATTEMPTS_MAX:]
    note = ""
    if late:
        more = format_count(sum(row["succeeded"] or 0 for row in late))
        note = f"Attempts {late[0]['attempt']} to {late[-1]['attempt']} brought {more} more."
    headers = ("attempt", "begun by", "brought to Success", "share")
    return Table("What each attempt brought", headers, rows, note=note)


def cohorts(run: StoredRun, panels: Panels) -> Section:
    """Return the cohorts, the slowest first."""
    slowest = slowest_cohorts(run)
    names = (
        *("devices", "success_share", "failed_share"),
        *(f"time_to_success.p{percent}" for percent in _PERCENTS),
        *("recovered_share", "attempts_per_device", "bytes_wasted"),
    )
    headers: tuple[str, ...] = (
        *("cohort", "devices", "Success", "Fail", *(f"{percent} % upgraded" for percent in _PERCENTS)),
        *("recovered", "attempts a device", "wasted"),
    )
    rows = [
        (cohort, *(format_metric(name, values[name]) for name in names))
        for cohort, values in slowest[:COHORTS_MAX]
    ]
    extra = _lasting_columns(run, [row[0] for row in rows])
    headers += tuple(extra)
    rows = [(*row, *cells) for row, *cells in zip(rows, *extra.values(), strict=True)]
    note = more_cohorts(len(slowest))
    chart = panels.cohort_times()
    sentences = [] if chart else ["In no cohort half of the devices reached Success."]
    names_shown = tuple(row[0] for row in rows)
    words = tuple(range(len(headers) - len(extra), len(headers)))
    table = Table("Cohorts", headers, rows, words=words, note=note, cohorts=names_shown)
    return Section(
        "cohorts", "Cohorts, the slowest first", sentences, [chart] if chart else [], tables=[table]
    )


def _lasting_columns(run: StoredRun, names: Sequence[str]) -> dict[str, list[str]]:
    """Return links and conditions of cohorts by the head of their column, without columns of nothing."""
    scenario = run.scenario
    known = {cohort.name: cohort for cohort in scenario.fleet.cohorts}
    columns = {
        "in reach": [link_words(known[name]) for name in names],
        "conditions": [condition_words(scenario.failures_of(known[name])) for name in names],
    }
    return {head: [cell or "–" for cell in cells] for head, cells in columns.items() if any(cells)}


def rollout(run: StoredRun) -> Section:
    """Return waves with their blast radius, and tasks."""
    tables, sentences = [], []
    waves = run.first_rows("waves.parquet")
    gate = tripped_gate(run)
    if gate is not None:
        reached = sum(wave["exposed"] for wave in waves)
        sentences.append(
            f"The gate of wave {gate['name']} tripped after {format_duration(gate['gate_tripped_s'])}: "
            f"{gate['gate_reason']}. {reached:,} devices had been reached by then, "
            f"{format_share(reached / run.summary['metrics']['devices']['mean'])} of the fleet."
        )
    if waves:
        tables.append(_wave_table(waves))
    tables.append(_task_table(run))
    return Section("rollout", "Waves and tasks", sentences, tables=tables)


def _wave_table(waves: Sequence[dict[str, Any]]) -> Table:
    """Return the waves of the first replication."""
    rows = []
    for wave in waves:
        exposed, failed = wave["exposed"], wave["failed"]
        rows.append(
            (
                wave["name"],
                f"{wave['devices']:,}",
                f"{exposed:,}",
                f"{failed:,} ({format_share(failed / exposed)})" if exposed else f"{failed:,}",
                _when(wave["started_s"]),
                _when(wave["settled_s"]),
                "–"
                if wave["gate_tripped_s"] is None
                else f"{_when(wave['gate_tripped_s'])}: {wave['gate_reason']}",
            )
        )
    headers = ("wave", "devices", "exposed", "failed", "began", "settled", "gate tripped")
    note = (
        "Exposed: dispatched at least once, which is the blast radius if the package is bad. Failed: in Fail "
        "at the end; what a gate has counted stands beside the time at which it tripped."
    )
    return Table("Waves", headers, rows, words=(6,), note=note)


def _task_table(run: StoredRun) -> Table:
    """Return the tasks of the first replication."""
    tasks = run.first_rows("tasks.parquet")
    states = [key for key in ("success", "fail", "stopped") if any(task[key] for task in tasks)]
    rows = []
    for number, task in enumerate(tasks[:_TASKS_MAX], start=1):
        counts = (f"{task[key]:,}" for key in states)
        times = (_when(task["started_s"]), _when(task["settled_s"]))
        wave = task["wave"] or "–"
        rows.append((f"{number}", wave, task["status"], f"{task['targets']:,}", *counts, *times))
    titles = tuple(key.capitalize() for key in states)
    left = len(tasks) - _TASKS_MAX
    notes = [WAITTING] if any("Waitting" in row for row in rows) else []
    notes += [f"{left} further tasks are left out."] if left > 0 else []
    return Table(
        "Batch tasks" if run.manifest["replications"] == 1 else "Batch tasks of the first run",
        ("task", "wave", "status", "targets", *titles, "began", "settled"),
        rows,
        words=(1, 2),
        note=" ".join(notes),
        is_long=len(rows) > _FOLDED,
    )


def _when(time_s: float | None) -> str:
    """Return a time in the run."""
    return "never" if time_s is None else format_duration(time_s)


def calls(run: StoredRun) -> Section:
    """Return calls, refusals, and what a client must send."""
    counts = count_calls(run.calls, by_caller=True)
    rows = [
        (
            count.caller,
            count.call,
            f"{count.http_status}" + (f" {count.error_code}" if count.error_code else ""),
            f"{count.calls:,}",
            f"{count.accepted:,}" if count.call != "create" else "–",
            f"{count.refused:,}" if count.call != "create" else "–",
            format_duration(count.first_s),
            format_duration(count.last_s),
        )
        for count in counts[:_CALLS_MAX]
    ]
    headers = ("caller", "call", "answer", "calls", "targets accepted", "targets refused", "first", "last")
    left = len(counts) - _CALLS_MAX
    note = f"{left} rarer kinds of calls are left out." if left > 0 else ""
    tables = [Table("Calls by caller and answer", headers, rows, words=(1, 2), note=note)]
    refusals = count_refusals(run.refusals)
    if refusals:
        lines = [(r.error_code, r.call, r.error_msg, f"{r.targets:,}") for r in refusals[:_CALLS_MAX]]
        tables.append(Table("Targets refused", ("code", "call", "text", "targets"), lines, words=(1, 2)))
    sentences = [] if refusals else ["No target was refused one by one."]
    budget = client_budget_of(run.scenario, [task["progress"] for task in run.summary["tasks"]])
    sentences.append(
        f"Calls that a client must send: {budget.create_calls:,} to create tasks, {budget.poll_calls:,} to "
        f"read every target once, {budget.retry_calls:,} to name every failed one in a retry. That takes "
        f"{format_duration(round(budget.duration_s, 1))} at {budget.api_calls_per_s:g} calls a second."
    )
    return Section("calls", "API calls", sentences, tables=tables)
