"""From the folder of a recording to the table of attempts."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any, Final

import numpy as np

from sim.errors import Problem, ScenarioError
from sim.recording.attempts import PROGRESS_STATES, Attempts, Progress, table_of
from sim.recording.readers.device_history import SeenStay, TaskFacts, attempts_of
from sim.recording.readers.instants import instant
from sim.recording.readers.noted_calls import NotedCalls
from sim.recording.readers.remarks import Remarks
from sim.recording.recording_files import ABOUT, COLUMNS, TASKS, Rows, read_document, read_rows
from sim.rules.states import SubtaskState
from sim.spreadsheet import Table, is_blank, no_such_column, open_table, positions
from sim.units import format_duration

FORMS: Final = tuple(f"sightings.{ending}" for ending in ("parquet", "jsonl", "csv"))
"""Files of which a recording has at least one."""

_TIMES: Final = frozenset({"gone_before", "seen_from", "seen_to", "at", "from", "to"})
_NUMBERS: Final = frozenset({"total", *PROGRESS_STATES, "calls"})
_MINUTE_MS: Final = 60_000


@dataclass(frozen=True)
class RecordedTables:
    """A recording as its files hold it, cut down to one task.

    Attributes:
        task_id: The task.
        sightings: Stays of its devices, in the order of the files.
        progress: Counts.
        calls: What operators did.
        sweeps: When devices were looked at; empty if the recorder did not say.
        about: `recording.json`; empty if there is none.
        task: The task as it was last seen; empty if nobody kept it.
    """

    task_id: str
    sightings: list[dict[str, Any]]
    progress: list[dict[str, Any]]
    calls: list[dict[str, Any]]
    sweeps: list[dict[str, Any]]
    about: Mapping[str, Any]
    task: Mapping[str, Any]


def read_recording(folder: Path, task: str | None, remarks: Remarks) -> RecordedTables:
    """Read what a recording says of one task.

    Args:
        folder: The recording; JSON lines, Parquet or CSV.
        task: Id or name of the task; None if there is only one.
        remarks: Takes down what can't be read.

    Raises:
        ScenarioError: There is nothing in it, or the task is not said.
    """
    about = read_document(folder, ABOUT) if (folder / ABOUT).exists() else {}
    tasks = read_document(folder, TASKS) if (folder / TASKS).exists() else {}
    tables = {name: list(_rows(folder, name, remarks).dicts()) for name in COLUMNS}
    if not tables["sightings"]:
        message = "is empty: no device was seen; record for longer than one sweep"
        raise ScenarioError([Problem("", message, file=str(folder))])
    known = about.get("task_ids") or list(dict.fromkeys(row["task_id"] for row in tables["sightings"]))
    chosen = _chosen(folder, [str(task_id) for task_id in known], tasks, task)
    for name, rows in tables.items():
        tables[name] = [row for row in rows if row["task_id"] == chosen]
        n_others = len(rows) - len(tables[name])
        if n_others:
            remarks.count(f"rows of another task in {name}, left out", n=n_others, left_out=True)
    if not tables["sightings"]:
        message = f"no device of task {chosen} was seen"
        raise ScenarioError([Problem("", message, file=str(folder))])
    last = tasks.get(chosen, {}).get("last", {}) if isinstance(tasks.get(chosen), dict) else {}
    return RecordedTables(chosen, **tables, about=about, task=last)


def _chosen(folder: Path, known: Sequence[str], tasks: Mapping[str, Any], task: str | None) -> str:
    """Return the id of the task that is meant."""

    def shown(task_id: str) -> str:
        last = (tasks.get(task_id) or {}).get("last", {})
        words = [f"'{last['task_name']}'"] if "task_name" in last else []
        words += [f"created {last['create_time']}"] if "create_time" in last else []
        return f"{task_id} ({', '.join(words)})" if words else task_id

    if task in known:
        return str(task)
    if task is None:
        if len(known) == 1:
            return known[0]
        message = f"holds {len(known)} tasks, and one is read at a time; name one of {_listed(known, shown)}"
        raise ScenarioError([Problem("task", message, file=str(folder))])
    named = [i for i in known if (tasks.get(i) or {}).get("last", {}).get("task_name") == task]
    if len(named) == 1:
        return named[0]
    if named:
        message = f"'{task}' is the name of {len(named)} tasks; give the id, one of {_listed(named, shown)}"
    else:
        message = f"'{task}' is no task of this recording; it has {_listed(known, shown)}"
    raise ScenarioError([Problem("task", message, file=str(folder), given=task)])


def _listed(task_ids: Sequence[str], shown: Callable[[str], str]) -> str:
    return ", ".join(map(shown, task_ids))


def _rows(folder: Path, name: str, remarks: Remarks) -> Rows:
    """Read one of the tables, and remark what is no row."""
    path = folder / f"{name}.csv"
    if path.exists() and not any((folder / f"{name}.{ending}").exists() for ending in ("parquet", "jsonl")):
        return _csv_rows(path, COLUMNS[name], remarks)
    rows = read_rows(folder, name)
    for line in rows.unreadable:
        remarks.count("lines that are no row, left out", f"{name}.jsonl:{line}", left_out=True)
    if rows.torn:
        remarks.count("last lines cut short by an interruption", f"{name}.jsonl", rows.torn)
    return rows


def _csv_rows(path: Path, names: Sequence[str], remarks: Remarks) -> Rows:
    """Read one of the tables as somebody wrote it by hand, or exported it."""
    columns: dict[str, list[Any]] = {name: [] for name in names}
    try:
        with open_table(path) as file:
            table = Table(file, names)
            missing = [name for name in names if not positions(table.header, name)]
            if missing:
                problems = [Problem(n, no_such_column(table.header, n), file=str(path)) for n in missing]
                raise ScenarioError(problems)
            places = [positions(table.header, name)[0] for name in names]
            for line, row in table.rows():
                if is_blank(row):
                    continue
                try:
                    cells = [row[i].strip() if i < len(row) else "" for i in places]
                    values = [_value(name, cell) for name, cell in zip(names, cells, strict=True)]
                except ValueError as error:
                    remarks.count(
                        "rows that can't be read, left out", f"{path.name}:{line}: {error}", left_out=True
                    )
                    continue
                for name, value in zip(names, values, strict=True):
                    columns[name].append(value)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ScenarioError([Problem("", f"can't be read: {error}", file=str(path))]) from None
    return Rows(columns)


def _value(name: str, cell: str) -> str | int | None:
    if name in _TIMES:
        return instant(cell)
    if name in _NUMBERS:
        return int(cell)
    return cell or None


def from_sightings(
    recorded: RecordedTables,
    remarks: Remarks,
    *,
    rename: Callable[[str], str] = str,
    devices: Iterable[str] = (),
    cohort_of: Callable[[str], str] = lambda _: "",
) -> Attempts:
    """Make the table of what was seen.

    Args:
        recorded: The tables of one task.
        remarks: Takes down what was lost and what was guessed.
        rename: From a device's id to its name in the table.
        devices: Names of devices that belong to the task though nobody saw them.
        cohort_of: Cohort of a device by its name.

    Returns:
        The attempts; a start, an end or a cause that no look shows is an interval, or unknown.
    """
    stays = _stays(recorded.sightings, remarks, rename)
    sweeps = sorted((row["from"], row["to"]) for row in recorded.sweeps)
    task = _facts(recorded, stays, sweeps, NotedCalls(recorded.calls, remarks, rename), remarks)
    if sweeps:  # whoever's last stay goes on was there in each whole sweep
        for found in stays.values():
            found[-1] = found[-1]._replace(seen_to=max(found[-1].seen_to, sweeps[-1][0]))
    rows = [row for device, found in stays.items() for row in attempts_of(device, found, task, remarks)]
    poll_ms = _poll_ms(recorded, stays, sweeps)
    _warn_of_gaps(task, sweeps, poll_ms, remarks)
    first = min(found[0].gone_before for found in stays.values())
    origin_ms = first if task.begins_ms is None else task.begins_ms
    return table_of(
        rows,
        devices=[*stays, *devices],
        cohort_of=cohort_of,
        origin_ms=origin_ms,
        retry_interval_ms=task.interval_ms,
        retry_count=task.retry_count,
        poll_ms=poll_ms,
        progress=_progress(recorded.progress, origin_ms),
        notes=remarks.lines(),
        task_id=recorded.task_id,
    )


def _stays(
    rows: Iterable[Mapping[str, Any]], remarks: Remarks, rename: Callable[[str], str]
) -> dict[str, list[SeenStay]]:
    """Return the stays of each device, in the order of the rows."""
    stays: dict[str, list[SeenStay]] = {}
    skipped: dict[str, int] = {}
    known = {state.wire: state for state in SubtaskState}
    for row in rows:
        device, status = rename(row["device_id"]), known.get(row["status"])
        gone_before = min(row["gone_before"], skipped.pop(device, row["gone_before"]))
        if status is None:
            remarks.count(
                f"stays in '{row['status']}', which is no known state, left out", device, left_out=True
            )
            skipped[device] = gone_before
            continue
        stays.setdefault(device, []).append(
            SeenStay(
                status, row["error_code"], row["error_msg"], gone_before, row["seen_from"], row["seen_to"]
            )
        )
    return stays


def _facts(
    recorded: RecordedTables,
    stays: Mapping[str, Sequence[SeenStay]],
    sweeps: Sequence[tuple[int, int]],
    calls: NotedCalls,
    remarks: Remarks,
) -> TaskFacts:
    """Return what holds for all devices of the task."""
    policy = recorded.task.get("task_policy") or {}
    if not recorded.task:
        remarks.say("tasks.json says nothing of this task: its policy and when it began are not known")
    begins_ms = None
    for name, value in (
        ("schedule_time", policy.get("schedule_time")),
        ("create_time", recorded.task.get("create_time")),
    ):
        try:
            begins_ms = begins_ms or (instant(value) if value else None)
        except ValueError as error:
            remarks.count(f"times of tasks that can't be read: {name}: {error}")
    interval = policy.get("retry_interval")
    is_waiting = any(
        stay.status is SubtaskState.WAITTING and stay.seen_from >= (begins_ms or 0)
        for found in stays.values()
        for stay in found
    ) or any(row["waitting"] > 0 and row["at"] > (begins_ms or 0) for row in recorded.progress)
    if begins_ms is not None and not is_waiting:
        remarks.say("nobody was seen Waitting: first attempts are taken to begin when the task does")
    return TaskFacts(
        begins_ms,
        round(float(interval) * _MINUTE_MS) if interval else None,
        int(policy.get("retry_count") or 0) if recorded.task else None,
        not is_waiting,
        tuple(to for _, to in sweeps),
        max((later - earlier for (earlier, _), (_, later) in pairwise(sweeps)), default=None),
        calls,
    )


def _poll_ms(
    recorded: RecordedTables, stays: Mapping[str, Sequence[SeenStay]], sweeps: Sequence[tuple[int, int]]
) -> int:
    """Return the median time between two looks; at least 1."""
    if len(sweeps) > 1:
        return max(1, round(median(later - earlier for (earlier, _), (later, _) in pairwise(sweeps))))
    if isinstance(recorded.about.get("poll_s"), int | float):
        return max(1, round(float(recorded.about["poll_s"]) * 1000))
    gaps = [stay.seen_from - stay.gone_before for found in stays.values() for stay in found[1:]]
    return max(1, round(median(gaps))) if gaps else 1


def _warn_of_gaps(task: TaskFacts, sweeps: Sequence[tuple[int, int]], poll_ms: int, remarks: Remarks) -> None:
    """Say what is lost if the looks were further apart than a failed attempt waits."""
    if task.interval_ms is None:
        return
    lost = (
        "a failed attempt waits no longer than that for its retry, so attempts that failed and were retried "
        "between two looks are missing, with their codes"
    )
    interval = format_duration(task.interval_ms / 1000)
    gaps = [later - earlier for (earlier, _), (_, later) in pairwise(sweeps)]
    longer = [gap for gap in gaps if gap > task.interval_ms]
    if poll_ms > task.interval_ms * 1.1:
        remarks.say(
            f"looks were {format_duration(poll_ms / 1000)} apart, more than the retry interval, {interval}: "
            + lost
        )
    elif longer:
        longest = format_duration(max(longer) / 1000)
        remarks.say(
            f"{len(longer):,} of {len(gaps):,} looks came later than the retry interval of {interval} after "
            f"the one before, at most {longest}: {lost}"
        )


def _progress(rows: Sequence[Mapping[str, Any]], origin_ms: int) -> Progress | None:
    """Return the counts as arrays; None without any."""
    if not rows:
        return None
    ordered = sorted(rows, key=lambda row: int(row["at"]))
    return Progress(
        np.array([row["at"] - origin_ms for row in ordered], np.int64),
        np.array([[row[key] for key in PROGRESS_STATES] for row in ordered], np.int64),
    )
