"""From a table of attempts with times, CSV or Parquet, to the table of attempts.

The columns are our own; those of another export are given by a map of names. Results are read in the words
of several systems (AWS IoT Jobs, hawkBit, IoTDA).
"""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from statistics import median
from typing import Any, Final

from sim.errors import Problem, ScenarioError
from sim.recording.attempts import NEVER, STAGE_TIMES, Attempt, AttemptResult, Attempts, StartKind, table_of
from sim.recording.readers.causes import is_conflict, is_current_already, reason_of
from sim.recording.readers.device_history import CONFLICTS, CURRENT
from sim.recording.readers.instants import instant
from sim.recording.readers.remarks import Remarks
from sim.rules.policy import TaskPolicy
from sim.rules.reasons import Reason
from sim.spreadsheet import Table, is_blank, no_such_column, open_table, positions

STAGE_COLUMNS: Final = tuple(f"{name.removesuffix('_ms')}_at" for name in STAGE_TIMES)

REQUIRED: Final = ("device_id", "started_at", "ended_at", "result")
"""Columns that a table must have."""

OPTIONAL: Final = ("attempt", "ended_after", "code", "message", "cohort", *STAGE_COLUMNS)
"""Columns that it may have; others are not looked at."""

COLUMNS: Final = (*REQUIRED, *OPTIONAL)
"""All of them."""

UNREADABLE: Final = "rows that can't be read, left out"
NOT_BEGUN: Final = "rows of attempts that have not begun, left out"
OVERLAP: Final = "attempts that began before the one before had ended"

_WORDS: Final = {
    AttemptResult.SUCCESS: "success succeeded finished ok",
    AttemptResult.FAILED: "failed fail failure error timedout timeout rejected",
    AttemptResult.STOPPED: "stopped canceled cancelled removed aborted",
    AttemptResult.RUNNING: "running inprogress processing",
}
_RESULTS: Final = {word: result for result, words in _WORDS.items() for word in words.split()}
_NOT_BEGUN: Final = frozenset({"queued", "waitting", "waiting", "pending", "scheduled"})
_AUTO_SLACK_MS: Final = 2_000
"""Starts that are later than the end before and the retry interval by no more are automatic retries."""


def from_table(
    path: Path,
    remarks: Remarks,
    *,
    columns: Mapping[str, str] | None = None,
    policy: TaskPolicy | None = None,
    rename: Callable[[str], str] = str,
    devices: Iterable[str] = (),
    cohort_of: Callable[[str], str] | None = None,
) -> Attempts:
    """Read a table of attempts.

    Args:
        path: CSV with a header line, or Parquet.
        remarks: Takes down rows that can't be read.
        columns: Name in the file of columns that are called otherwise there, by our name.
        policy: The task's retry policy; None if it is not known.
        rename: From a device's id to its name in the table.
        devices: Names of devices that belong to the task though they have no row.
        cohort_of: Cohort of a device by its name; None for the column `cohort`, if there is one.

    Returns:
        The attempts. Ends are exact where `ended_after` is empty; an attempt that runs, and of which
        `ended_after` says nothing, ran until the latest time in the table.

    Raises:
        ScenarioError: The file can't be read, lacks columns, or has no row that can be read.
    """
    cells = (_parquet_cells if path.suffix == ".parquet" else _csv_cells)(path, _named(path, columns or {}))
    cohorts: dict[str, str] = {}
    rows: dict[tuple[str, int], Attempt] = {}
    for place, row in cells:
        try:
            attempt = _attempt(row, remarks, place, rename)
        except ValueError as error:
            remarks.count(UNREADABLE, f"{place}: {error}", left_out=True)
            continue
        if attempt is None:
            continue
        key = (attempt.device, attempt.number or -attempt.start_to)
        if key in rows:
            remarks.count("attempts listed twice, of which the first row counts", place, left_out=True)
            continue
        rows[key] = attempt
        cohorts.setdefault(attempt.device, str(row.get("cohort") or ""))
    if not rows:
        said = "; ".join(remarks.left_out) or "it has no rows"
        raise ScenarioError([Problem("", f"no attempt can be read: {said}", file=str(path))])
    found = [*rows.values()]
    _join(found, policy, remarks)
    gaps = [row.end_to - row.end_from for row in found if row.end_from < row.end_to < NEVER]
    return table_of(
        found,
        devices=devices,
        cohort_of=cohort_of or (lambda device: cohorts.get(device, "")),
        retry_interval_ms=_interval_ms(policy),
        retry_count=None if policy is None else policy.retry_count,
        poll_ms=round(median(gaps)) if gaps else 0,
        notes=remarks.lines(),
    )


def named_columns(text: str) -> dict[str, str]:
    """Return the names of columns in a file by our names, from the text of an option.

    Args:
        text: Like `device_id=Target,started_at=Start time`.

    Raises:
        ScenarioError: It has another form, or names a column that attempts don't have.
    """
    found: dict[str, str] = {}
    problems = []
    for pair in text.split(","):
        ours, separator, theirs = (part.strip() for part in pair.partition("="))
        if not separator or not ours or not theirs or ours in found:
            message = "names a column twice" if ours in found else "is no pair of names"
            allowed = "write pairs apart by commas, like device_id=Target,started_at=Start"
            problems.append(Problem("columns", f"'{pair.strip()}' {message}; {allowed}", given=text))
        elif ours not in COLUMNS:
            allowed = f"is no column of attempts; allowed: {', '.join(COLUMNS)}"
            problems.append(Problem(f"columns.{ours}", allowed, given=text))
        found[ours] = theirs
    if problems:
        raise ScenarioError(problems)
    return found


def _interval_ms(policy: TaskPolicy | None) -> int | None:
    seconds = None if policy is None else policy.retry_interval_s
    return None if seconds is None else round(seconds * 1000)


def _named(path: Path, columns: Mapping[str, str]) -> dict[str, str]:
    """Return the name in the file of each of our columns."""
    unknown = [name for name in columns if name not in COLUMNS]
    if unknown:
        allowed = f"is no column of attempts; allowed: {', '.join(COLUMNS)}"
        raise ScenarioError([Problem(f"columns.{name}", allowed, file=str(path)) for name in unknown])
    return {name: columns.get(name, name) for name in COLUMNS}


def _missing(path: Path, named: Mapping[str, str], header: list[str]) -> None:
    """Refuse a file without the columns that are needed, or that were named."""
    wanted = [name for name in named if name in REQUIRED or named[name] != name]
    missing = [named[name] for name in wanted if not positions(header, named[name])]
    if missing:
        said = [Problem(name, no_such_column(header, name), file=str(path)) for name in missing]
        raise ScenarioError(said)


def _csv_cells(path: Path, named: Mapping[str, str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield place and cells by our names of each row of a CSV file."""
    try:
        with open_table(path) as file:
            table = Table(file, tuple(named.values()))
            _missing(path, named, table.header)
            found = {name: positions(table.header, theirs) for name, theirs in named.items()}
            for line, row in table.rows():
                if not is_blank(row):
                    yield (
                        f"{path.name}:{line}",
                        {name: row[i[0]].strip() for name, i in found.items() if i and i[0] < len(row)},
                    )
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ScenarioError([Problem("", f"can't be read: {error}", file=str(path))]) from None


def _parquet_cells(path: Path, named: Mapping[str, str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield place and cells by our names of each row of a Parquet file."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(path)
    except (pa.ArrowException, OSError) as error:
        message = f"is no Parquet file: {str(error).splitlines()[0]}"
        raise ScenarioError([Problem("", message, file=str(path))]) from None
    _missing(path, named, table.column_names)
    found = {name: positions(table.column_names, theirs) for name, theirs in named.items()}
    columns = {name: table.column(i[0]).to_pylist() for name, i in found.items() if i}
    for i_row, values in enumerate(zip(*columns.values(), strict=True)):
        cells = {name: value for name, value in zip(columns, values, strict=True) if not _is_nan(value)}
        yield f"{path.name}: row {i_row + 1}", cells


def _attempt(
    row: Mapping[str, Any], remarks: Remarks, place: str, rename: Callable[[str], str]
) -> Attempt | None:
    """Return the attempt of a row; None if it has not begun.

    Raises:
        ValueError: It can't be read.
    """
    device = str(row.get("device_id") or "")
    if not device:
        raise ValueError("no device_id")
    word = "".join(c for c in str(row.get("result") or "").casefold() if c.isalnum())
    if word in _NOT_BEGUN:
        remarks.count(NOT_BEGUN)
        return None
    result = _RESULTS.get(word)
    if result is None:
        allowed = "success, failed, stopped, running"
        raise ValueError(f"result is '{row.get('result') or ''}'; allowed: {allowed}")
    start = _time(row, "started_at")
    ended, after = _time(row, "ended_at"), _time(row, "ended_after")
    if start is None:
        raise ValueError("no started_at")
    if ended is None and result is not AttemptResult.RUNNING:
        raise ValueError(f"no ended_at, but the result {result.name.lower()}")
    if ended is not None and not start <= (ended if after is None else after) <= ended:
        raise ValueError("started_at, ended_after and ended_at are not in this order")
    number = str(row.get("attempt") or "0").removesuffix(".0")
    if not number.isdecimal() or int(number) > 32_767:
        raise ValueError(f"attempt is '{row['attempt']}'; allowed: 1, 2, 3, …")
    found = Attempt(rename(device), start, start, StartKind.UNKNOWN, number=int(number), result=result)
    for name, column in zip(STAGE_TIMES, STAGE_COLUMNS, strict=True):
        time = _time(row, column)
        if time is not None:
            setattr(found, name, time)
    if result is AttemptResult.RUNNING:
        found.end_from, found.end_to = (-1 if after is None else max(after, start)), NEVER
    elif ended is not None:
        found.end_from, found.end_to = (ended if after is None else after), ended
    _explain(found, row, remarks, place)
    return found


def _time(row: Mapping[str, Any], name: str) -> int | None:
    """Return a time; None if the cell is empty."""
    value = row.get(name)
    try:
        return None if value is None or value == "" else instant(value)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None


def _explain(found: Attempt, row: Mapping[str, Any], remarks: Remarks, place: str) -> None:
    """Add the cause of the result."""
    code, message = row.get("code"), row.get("message")
    if found.result is AttemptResult.FAILED:
        if is_conflict(code, message):
            remarks.count(CONFLICTS, place)
            found.result, found.end_from = AttemptResult.STOPPED, found.start_from
        else:
            found.reason = reason_of(code, message, remarks, place)
    elif found.result is AttemptResult.SUCCESS and is_current_already(code, message):
        remarks.count(CURRENT)
        found.reason = int(Reason.NO_NEED)


def _join(rows: list[Attempt], policy: TaskPolicy | None, remarks: Remarks) -> None:
    """Say what began each attempt, and until when those ran that have no end."""
    latest = max(max(row.start_to, row.end_from, row.end_to if row.end_to < NEVER else 0) for row in rows)
    rows.sort(key=lambda row: (row.device, row.number, row.start_to))
    interval = _interval_ms(policy)
    before: Attempt | None = None
    for row in rows:
        if row.result is AttemptResult.RUNNING and row.end_from < 0:
            row.end_from = latest
        if before is None or before.device != row.device:
            row.start_kind = StartKind.FIRST if row.number <= 1 else StartKind.UNKNOWN
        else:
            if row.start_to < before.end_from:
                remarks.count(OVERLAP, row.device)
            low, high = row.start_from - before.end_to, row.start_to - before.end_from
            if interval is not None and low <= interval + _AUTO_SLACK_MS and high >= interval:
                row.start_kind = StartKind.AUTO
        before = row


def _is_nan(value: object) -> bool:
    return isinstance(value, float) and math.isnan(value)
