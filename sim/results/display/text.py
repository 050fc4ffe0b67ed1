"""The summary as text, for a terminal."""

from __future__ import annotations

from textwrap import wrap
from typing import TYPE_CHECKING, Final

from sim.results.call_statistics import mean_by_call, mean_by_refusal
from sim.results.display.format import (
    counted,
    format_count,
    format_estimate,
    format_metric,
    format_outcome,
    format_share,
    line_width,
    table_lines,
    wrapped,
)
from sim.results.display.headline import dated, run_headline
from sim.results.display.means import mean_by_attempt, mean_by_code
from sim.results.display.shortfall import failure_text
from sim.results.display.time_in_words import time_lines
from sim.results.platform_load import client_budget_of, mean_load_of
from sim.scenario.metrics import PERCENTS, MetricKind
from sim.scenario.sections.costs import PAID_FOR
from sim.units import format_duration, format_price

if TYPE_CHECKING:
    from sim.results.run_data import RunData

_CREATE: Final = "create"
_SHOWN_CODES: Final = 8
_SHOWN_ATTEMPTS: Final = 4
_SHOWN_ANSWERS: Final = 6


def summary_text(result: RunData) -> str:
    """Return the summary of a result, without a newline at its end."""
    sections = [
        _head(result),
        _headline(result),
        _outcome(result),
        _recovery(result),
        _failures(result),
        _effort(result),
        time_lines(result),
        _calls(result),
        _waves(result),
        _expectations(result),
        _remarks(result),
    ]
    return "\n\n".join("\n".join(lines) for lines in sections if lines)


def _head(result: RunData) -> list[str]:
    """Say what was run."""
    count = len(result.runs)
    devices = format_metric("devices", result.metrics["devices"])
    plane = "" if result.plane == "compiled" else f" on the {result.plane} plane"
    lines = [f"{result.scenario.name}: {devices} devices, seed {result.seed}{plane}"]
    if count > 1:
        lines.append(f"means of {count} replications, in brackets the 95 % interval of the mean")
    return lines


def _headline(result: RunData) -> list[str]:
    """Say first what came of it and what limited it, and how to try what would help."""
    source = result.scenario.source.name or "SCENARIO"
    helps = f"`fleetsim explain {source}` tries what easing each thing would bring."
    return wrapped(f"{run_headline(result)} {helps}")


def _outcome(result: RunData) -> list[str]:
    """Say how the devices ended."""
    labels = {"succeeded": "Success", "failed": "Fail", "stopped": "Stopped", "pending": "still pending"}
    shares = format_outcome([result.metrics[name] or 0 for name in labels])
    rows = [
        [label, format_estimate(name, result.estimates[name]), share]
        for (name, label), share in zip(labels.items(), shares, strict=True)
        if result.metrics[name] or name in ("succeeded", "failed")
    ]
    return ["Outcome", *table_lines(rows, right=(1, 2))]


def _recovery(result: RunData) -> list[str]:
    """Say how many came back, and when."""
    estimates, metrics = result.estimates, result.metrics
    name = "first_attempt_success_share"
    rows = [["first attempt succeeded", f"{format_estimate(name, estimates[name])} of all devices"]]
    if metrics["needed_recovery"]:
        share = format_estimate("recovered_share", estimates["recovered_share"])
        needed = format_metric("needed_recovery", metrics["needed_recovery"])
        rows.append(["recovered after a failed one", f"{share} of {needed} devices"])
    rows += _attempts(result)
    times = [["time until", *(f"{percent} %" for percent in PERCENTS)]]
    for label, family in (("of all devices succeeded", "time_to_success"), ("recovered", "time_to_recovery")):
        if family == "time_to_success" or metrics["needed_recovery"]:
            names = [f"{family}.p{percent}" for percent in PERCENTS]
            times.append([label, *(format_metric(name, metrics[name]) for name in names)])
    return ["Recovery", *table_lines(rows), *table_lines(times, right=tuple(range(1, 1 + len(PERCENTS))))]


def _attempts(result: RunData) -> list[list[str]]:
    """Say what further attempts brought; late ones together, or a long tail would fill the screen."""
    late = mean_by_attempt(result.runs)[1:]
    rows = []
    for i_row, row in enumerate(late[:_SHOWN_ATTEMPTS]):
        label, succeeded = f"attempt {row['attempt']}", row["succeeded"] or 0
        if i_row == _SHOWN_ATTEMPTS - 1 and len(late) > _SHOWN_ATTEMPTS:
            label += f" to {late[-1]['attempt']}"
            succeeded = sum(other["succeeded"] or 0 for other in late[i_row:])
        started = format_count(row["started"] or 0)
        rows.append([label, f"begun by {started}, {format_count(succeeded)} succeeded"])
    return rows


def _failures(result: RunData) -> list[str]:
    """Say why devices stand where they stand, the most frequent failures first."""
    codes = mean_by_code(result.runs)
    if not codes:
        return []
    rows = [
        [format_count(devices or 0), failure_text(code)]
        for code, devices in list(codes.items())[:_SHOWN_CODES]
    ]
    if len(codes) > _SHOWN_CODES:
        rest = list(codes.values())[_SHOWN_CODES:]
        rows.append([format_count(sum(devices or 0 for devices in rest)), f"{len(rest)} other failures"])
    return ["Devices by their last failure", *table_lines(rows, right=(0,))]


def _effort(result: RunData) -> list[str]:
    """Say what it took: attempts, calls, load, bytes."""
    text = {name: format_metric(name, value) for name, value in result.metrics.items()}
    attempts = f"{text['attempts']}, {text['attempts_per_device']} a device"
    retries = f"{text['auto_retries']} automatic and {text['manual_retries']} manual retries"
    rows = [
        ["attempts", f"{attempts}: {retries}"],
        ["API calls", f"{text['api_calls']}, of these {text['retry_calls']} retry calls"],
    ]
    if result.metrics["retry_calls"]:
        targets = f"{text['retry_targets_accepted']} accepted, {text['retry_targets_refused']} refused"
        rows.append(["retry targets", targets])
    peaks = f"{text['peak_processing']} in Processing, {text['peak_downloads']} downloads"
    load = mean_load_of(result.runs)
    means = [f"{format_count(load.processing)} in Processing", f"{format_count(load.downloads)} downloads"]
    if not load.downloads and result.metrics["peak_downloads"]:
        means.pop()  # all of them lie between two rows of the time grid
    rows += [
        ["peak load", f"{peaks}, {text['peak_bandwidth']}"],
        ["mean load", ", ".join([*means, format_metric("peak_bandwidth", load.bandwidth)])],
        ["downloaded", f"{text['bytes_downloaded']}, {text['bytes_wasted']} of it by failed attempts"],
        ["all settled after", text["makespan"] + dated(result.scenario, result.metrics["makespan"] or 0.0)],
        ["client budget", _budget(result)],
        *_costs(result),
    ]
    return ["Effort", *table_lines(rows)]


def _costs(result: RunData) -> list[list[str]]:
    """Say what it costs, and what for; nothing without costs."""
    costs = result.scenario.costs
    if costs is None:
        return []
    parts = [
        f"{PAID_FOR[price]} {format_price(result.metrics[f'cost_{PAID_FOR[price]}'] or 0.0)}"
        for price in costs.given
    ]
    total = format_estimate("cost", result.estimates["cost"], costs.currency)
    return [["cost", f"{total}: {', '.join(parts)}" if len(parts) > 1 else f"{total}: {parts[0].split()[0]}"]]


def _budget(result: RunData) -> str:
    """Say how many calls a client needs for a campaign of this size, and how long they take."""
    budget = client_budget_of(result.scenario, [task.progress for task in result.runs[0].tasks])
    calls = (
        f"{format_count(budget.create_calls)} to create, {format_count(budget.poll_calls)} to look once, "
        f"{format_count(budget.retry_calls)} to retry by name"
    )
    return f"{calls}: {format_duration(round(budget.duration_s, 1))} at {budget.api_calls_per_s:g} calls/s"


def _calls(result: RunData) -> list[str]:
    """Say how calls were answered, and what targets were refused for, if anything but a task was created."""
    calls, refusals = mean_by_call(result.runs), mean_by_refusal(result.runs)
    if all(row.call == _CREATE for row in calls):
        return []
    rows = [["call", "answer", "calls", "targets accepted", "refused"]]
    for row in calls[:_SHOWN_ANSWERS]:
        targets = [format_count(n or 0) for n in (row.accepted, row.refused)]
        answer = " ".join([str(row.http_status), *([row.error_code] if row.error_code else [])])
        rows.append(
            [row.call, answer, format_count(row.calls or 0), *(["", ""] if row.call == _CREATE else targets)]
        )
    lines = table_lines(rows, right=(2, 3, 4))
    if len(calls) > _SHOWN_ANSWERS:
        rest = sum(row.calls or 0 for row in calls[_SHOWN_ANSWERS:])
        lines.append(f"  and {format_count(rest)} calls with {len(calls) - _SHOWN_ANSWERS} other answers")
    for refusal in refusals[:_SHOWN_ANSWERS]:
        number = counted(refusal.targets or 0, "target")
        said = f"{refusal.call} refused for {number}: {refusal.error_code}, {refusal.error_msg}"
        lines += wrap(said, line_width(), initial_indent="  ", subsequent_indent="    ")
    return ["Calls by answer", *lines]


def _waves(result: RunData) -> list[str]:
    """Say how far each wave got, if there are several; of many replications the first."""
    run = result.runs[0]
    if len(run.waves) < 2:
        return []
    rows = [["wave", "began", "devices", "exposed", "failed", "stopped because"]]
    rows += [
        [
            wave.name,
            _began(result, wave.started_s),
            *(format_count(n) for n in (wave.n_devices, wave.exposed, wave.failed)),
            wave.gate_reason or "",
        ]
        for wave in run.waves
    ]
    if all(wave.gate_reason is None for wave in run.waves):
        rows = [row[:-1] for row in rows]
    exposed = sum(wave.exposed for wave in run.waves)
    share = format_share(exposed / (run.metrics["devices"] or 1))
    title = "Waves" if len(result.runs) == 1 else "Waves of the first replication"
    reach = f"  {format_count(exposed)} devices were exposed, {share} of the fleet"
    return [title, *table_lines(rows, right=(1, 2, 3, 4)), reach]


def _began(result: RunData, started_s: float | None) -> str:
    """Say when a wave began."""
    if started_s is None:
        return "never"
    return format_duration(round(started_s)) + dated(result.scenario, started_s)


def _expectations(result: RunData) -> list[str]:
    """Say which expectations hold."""
    words = {True: "met", False: "NOT MET", None: "not checked: it needs a baseline"}
    rows = [
        [words[verdict.met], f"{verdict.metric} {verdict.expected}", f"actual {actual}"]
        for verdict, actual in zip(result.expectations, actual_texts(result), strict=True)
    ]
    return ["Expectations", *table_lines(rows)] if rows else []


def actual_texts(result: RunData) -> list[str]:
    """Return the value of each expectation with its unit."""
    texts = []
    for verdict, expectation in zip(result.expectations, result.scenario.expectations, strict=True):
        if expectation.replications is not None and verdict.met is not None:
            texts.append(f"in {format_share(verdict.actual or 0)} of replications")
        else:
            actual = format_metric(expectation.metric, verdict.actual, result.scenario.currency)
            is_dated = expectation.kind is MetricKind.TIME and expectation.written != expectation.text
            texts.append(actual + (dated(result.scenario, verdict.actual or 0.0) if is_dated else ""))
    return texts


def _remarks(result: RunData) -> list[str]:
    """Say what a reader must know beside the numbers."""
    lines = []
    if result.what_if:
        lines.append(f"What-if, beyond the vendor's rules: {', '.join(result.what_if)}")
    for note in result.notes:
        lines += wrapped(f"Note: {note}", indent="  ")
    took = f"{len(result.runs)} runs took" if len(result.runs) > 1 else "the run took"
    lines.append(f"Digest {result.digest[:16]}, {took} {format_duration(result.wall_s)}")
    return lines
