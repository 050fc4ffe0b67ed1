"""The folder of a recording: lines that are appended sweep by sweep, and Parquet once it is over.

A table lies in the folder as JSON lines while it grows, and as Parquet when it is complete; a recording that
went on after that has both, and the lines come after the rest. Times are whole milliseconds since the Unix
epoch in lines, timestamps in Parquet.

Decisions:

- *Append and flush*, instead of a database: a killed recorder leaves at most half a line, which is cut off
  and counted, and the folder can be read while it grows.
- *A later row of the same stay replaces the earlier one*: a stay is written when it begins, and again with
  its end; so nothing is lost by a kill, and nothing is rewritten.
- *No keys, no tokens, no host*: recordings are handed on.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sim.atomic_files import replacing, write_whole
from sim.errors import Problem, ScenarioError

VERSION: Final = 1
ABOUT: Final = "recording.json"
TASKS: Final = "tasks.json"

_TIMES: Final = {"gone_before", "seen_from", "seen_to", "at", "from", "to"}
_OPTIONAL: Final = {"error_code", "error_msg", "targets", "answer"}
_TEXTS: Final = {"task_id", "device_id", "status", "operation", *_OPTIONAL}

COLUMNS: Final = {
    "sightings": (
        "task_id",
        "device_id",
        "status",
        "error_code",
        "error_msg",
        "gone_before",
        "seen_from",
        "seen_to",
    ),
    "progress": (
        "task_id",
        "at",
        "total",
        "processing",
        "success",
        "fail",
        "waitting",
        "fail_wait_retry",
        "stopped",
        "removed",
    ),
    "calls": ("task_id", "at", "operation", "targets", "answer"),
    "sweeps": ("task_id", "from", "to", "calls"),
}
"""Columns of each table. `sweeps` is our own: when each look at all devices that may change began and ended,
and how many calls it took."""

_KEYS: Final = {"sightings": ("task_id", "device_id", "seen_from", "status", "error_code", "error_msg")}
"""Columns that name a row; all of them where nothing else is said."""


@dataclass(frozen=True)
class Rows:
    """A table of a recording.

    Attributes:
        columns: Values by column, in the order of `COLUMNS`; times in whole milliseconds since the Unix
            epoch, None where nothing is known.
        torn: Last lines that a kill had cut short.
        unreadable: Numbers of other lines that are no row of the table, from 1.
    """

    columns: dict[str, list[Any]]
    torn: int = 0
    unreadable: tuple[int, ...] = ()

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(next(iter(self.columns.values())))

    def dicts(self) -> Iterable[dict[str, Any]]:
        """Yield row after row."""
        for values in zip(*self.columns.values(), strict=True):
            yield dict(zip(self.columns, values, strict=True))


def read_rows(folder: Path, name: str, *, task_id: str | None = None) -> Rows:
    """Read a table of a recording, whichever form it has; a recording that goes on may be read.

    Args:
        folder: The recording.
        name: One of `COLUMNS`.
        task_id: Only rows of this task, and no word of other lines; None for all.

    Returns:
        The rows in the order in which they were stored, each once; empty if there is no such file.

    Raises:
        ScenarioError: A file can't be read, or has no such columns.
    """
    found: dict[tuple[Any, ...], tuple[Any, ...]] = {}
    names = COLUMNS[name]
    key = [names.index(column) for column in _KEYS.get(name, names)]
    parquet, lines = folder / f"{name}.parquet", folder / f"{name}.jsonl"
    for values in _parquet_rows(parquet, names) if parquet.exists() else ():
        if task_id in (None, values[0]):
            found[tuple(values[i] for i in key)] = values
    torn = 0
    unreadable = []
    wanted = b"" if task_id is None else json.dumps(task_id, ensure_ascii=False).encode()
    for number, line in enumerate(_lines_of(lines), 1) if lines.exists() else ():
        if wanted not in line:
            continue
        row = _row_of(line, names)
        if not line.endswith(b"\n"):
            torn = 1
        elif row is None:
            unreadable.append(number)
        elif task_id in (None, row[0]):
            found[tuple(row[i] for i in key)] = row
    columns = [list(column) for column in zip(*found.values(), strict=True)] if found else [[] for _ in names]
    return Rows(dict(zip(names, columns, strict=True)), torn, tuple(unreadable))


def read_document(folder: Path, name: str) -> dict[str, Any]:
    """Read `recording.json` or `tasks.json`.

    Args:
        folder: The recording.
        name: File name.

    Returns:
        The object in it; `tasks.json` has `{task_id: {"first": task, "last": task}}`, the task objects of the
        service without their targets.

    Raises:
        ScenarioError: It is not there, can't be read, or is of a later version.
    """
    path = folder / name
    try:
        value = json.loads(_bytes_of(path))
    except ValueError:
        raise ScenarioError([Problem("", "is not JSON", file=str(path))]) from None
    if not isinstance(value, dict):
        raise ScenarioError([Problem("", "must be an object", file=str(path))])
    if name == ABOUT and value.get("version") != VERSION:
        message = f"is {value.get('version')!r}, which this version can't read; allowed: {VERSION}"
        raise ScenarioError([Problem("version", message, file=str(path))])
    return value


def _bytes_of(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ScenarioError([Problem("", f"can't be read: {error.strerror}", file=str(path))]) from None


def _lines_of(path: Path) -> Iterator[bytes]:
    """Yield the lines of a file with their ends; it may be larger than the memory."""
    try:
        with path.open("rb") as file:
            yield from file
    except OSError as error:
        raise ScenarioError([Problem("", f"can't be read: {error.strerror}", file=str(path))]) from None


def _row_of(line: bytes, names: Sequence[str]) -> tuple[Any, ...] | None:
    """Return the values of a line, or None if it is no row with these columns."""
    try:
        row = json.loads(line)
    except ValueError:
        return None
    if not isinstance(row, dict):
        return None
    values = tuple(row.get(name) for name in names)
    return values if all(map(_fits, names, values)) else None


def _fits(name: str, value: object) -> bool:
    """Tell whether a value may stand in a column."""
    if value is None:
        return name in _OPTIONAL
    if name in _TEXTS:
        return isinstance(value, str)
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**62


def _parquet_rows(path: Path, names: Sequence[str]) -> Iterable[tuple[Any, ...]]:
    """Yield the rows of a Parquet file."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        read = pq.read_table(path, columns=list(names))
        missing = [name for name in names if name not in read.column_names]
        if missing:
            raise ScenarioError([Problem("", f"has no column {', '.join(missing)}", file=str(path))])
        columns = []
        for name in names:
            column = read.column(name)
            if name in _TIMES:
                column = column.cast(pa.timestamp("ms", "UTC"), safe=False).cast(pa.int64())
            columns.append(column.to_pylist())
    except (pa.ArrowException, OSError) as error:
        text = str(error).splitlines()[0]
        raise ScenarioError(
            [Problem("", f"is no Parquet file of a recording: {text}", file=str(path))]
        ) from None
    yield from zip(*columns, strict=True)


class RecordingFolder:
    """A recording that is being written. One process writes at a time."""

    def __init__(self, path: Path, task_ids: Sequence[str], about: Mapping[str, Any]) -> None:
        """Open a folder: a new one, or one in which a recording of the same tasks goes on.

        Half a line that a kill left at the end of a file is cut off.

        Args:
            path: The folder; made if there is none.
            task_ids: What is recorded.
            about: What else `recording.json` says of a new recording.

        Raises:
            ScenarioError: The folder holds something else, or another process writes into it.
            OSError: It can't be written.
        """
        self.path = path
        self.torn = 0
        if (path / ABOUT).exists():
            self.about = read_document(path, ABOUT)
            self.is_new = False
            known = self.about.get("task_ids")
            if not known:  # only the fleet was looked at so far
                self.about["task_ids"] = list(task_ids)
            elif task_ids and known != list(task_ids):
                message = (
                    f"holds a recording of task {', '.join(map(str, known or ['?']))}, not of "
                    f"{', '.join(task_ids)}; give another folder"
                )
                raise ScenarioError([Problem("", message, file=str(path))])
        elif path.exists() and any(entry.name != _LOCK for entry in path.iterdir()):
            message = "is neither empty nor a recording; give another folder"
            raise ScenarioError([Problem("", message, file=str(path))])
        else:
            self.about = {"version": VERSION, "task_ids": list(task_ids), **about}
            self.is_new = True
        path.mkdir(parents=True, exist_ok=True)
        self._lock = _locked(path)
        self.tasks: dict[str, Any] = {}
        if (path / TASKS).exists():
            self.tasks = read_document(path, TASKS)
        for name in COLUMNS:
            self.torn += _cut(path / f"{name}.jsonl")
        self.write_about()

    def append(self, name: str, rows: Sequence[Mapping[str, Any]]) -> None:
        """Add rows to a table and hand them to the system.

        Args:
            name: One of `COLUMNS`.
            rows: Values by column.

        Raises:
            OSError: The disk takes no more.
        """
        if not rows:
            return
        text = "".join(json.dumps(row, separators=(",", ":"), ensure_ascii=False) + "\n" for row in rows)
        with (self.path / f"{name}.jsonl").open("ab") as file:
            file.write(text.encode("utf-8", "surrogatepass"))

    def note_task(self, task: Mapping[str, Any]) -> None:
        """Keep a task object, without its targets, as the first and as the last one of its task.

        Args:
            task: As the service answered it; `write_tasks` stores it, but the first one is stored at once.
        """
        shown = {name: value for name, value in task.items() if name != "targets"}
        known = self.tasks.get(task["task_id"])
        self.tasks[task["task_id"]] = {"first": known["first"] if known else shown, "last": shown}
        if not known:
            self.write_tasks()

    def write_tasks(self) -> None:
        """Write `tasks.json` anew."""
        write_whole(self.path / TASKS, json.dumps(self.tasks, indent=1, ensure_ascii=False) + "\n")

    def write_about(self) -> None:
        """Write `recording.json` anew."""
        write_whole(self.path / ABOUT, json.dumps(self.about, indent=1, ensure_ascii=False) + "\n")

    def close(self) -> None:
        """Let others write into the folder."""
        os.close(self._lock)
        with suppress(OSError):
            (self.path / _LOCK).unlink()


def compact(folder: Path) -> dict[str, int]:
    """Turn the JSON lines of a recording into Parquet, task by task; they are removed once that is complete.

    A table with lines that are no rows stays as it is: somebody should look at them.

    Args:
        folder: The recording; nobody writes into it.

    Returns:
        Rows by table that is Parquet now.

    Raises:
        ScenarioError: It is no recording.
        OSError: The disk takes no more; the lines stay.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    read_document(folder, ABOUT)
    sizes = {}
    for name, names in COLUMNS.items():
        lines, parquet = folder / f"{name}.jsonl", folder / f"{name}.parquet"
        if not lines.exists():
            continue
        earlier = _parquet_rows(parquet, names) if parquet.exists() else ()
        rows = (_row_of(line, names) for line in _lines_of(lines))
        tasks = dict.fromkeys([row[0] for row in earlier] + [None if row is None else row[0] for row in rows])
        if None in tasks:
            continue
        fields = {column: pa.string() if column in _TEXTS else pa.int64() for column in names}
        fields |= {column: pa.timestamp("ms", "UTC") for column in names if column in _TIMES}
        sizes[name] = 0
        schema = pa.schema(fields.items())
        with replacing(parquet) as work, pq.ParquetWriter(work, schema, compression="zstd") as writer:
            for task_id in tasks:
                read = read_rows(folder, name, task_id=task_id)
                arrays = [pa.array(read.columns[column], fields[column]) for column in names]
                writer.write_table(pa.table(arrays, schema=schema))
                sizes[name] += len(read)
        lines.unlink()
    return sizes


def last_known_ms(folder: RecordingFolder) -> int:
    """Return the last time that a recording has, 0 if it has none: a server's clock can't be before it.

    Args:
        folder: The recording.
    """
    if folder.is_new:
        return 0
    times = read_rows(folder.path, "progress").columns["at"]
    return max(times, default=0)


_LOCK: Final = ".lock"


def _locked(folder: Path) -> int:
    """Keep other processes from writing into a folder; the system lets them again when this one ends."""
    descriptor = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        import fcntl
    except ModuleNotFoundError:  # this system has no such locks
        return descriptor
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        message = "another process records into it; give another folder"
        raise ScenarioError([Problem("", message, file=str(folder))]) from None
    return descriptor


def _cut(path: Path) -> int:
    """Cut half a line off the end of a file; return whether there was one."""
    if not path.exists():
        return 0
    with path.open("r+b") as file:
        content = file.read()
        end = content.rfind(b"\n") + 1
        if end == len(content):
            return 0
        file.truncate(end)
        return 1
