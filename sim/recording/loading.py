"""`load_recording`: what was recorded or exported of a campaign, as frames and as the table of attempts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from sim.errors import Problem, ScenarioError
from sim.recording.attempts import AttemptResult, Attempts
from sim.recording.pseudonyms import Pseudonyms
from sim.recording.readers.device_list import NAME, DeviceList, read_device_list
from sim.recording.readers.from_run_log import from_run_log
from sim.recording.readers.from_sightings import FORMS, RecordedTables, from_sightings, read_recording
from sim.recording.readers.from_table import from_table
from sim.recording.readers.instants import instant
from sim.recording.readers.remarks import Remarks
from sim.recording.recording_files import COLUMNS
from sim.rules.policy import TaskPolicy
from sim.units import format_duration

if TYPE_CHECKING:
    import pandas as pd

TABLES: Final = ("attempts.parquet", "attempts.csv")
"""Files of attempts with times, in a folder."""

RUN_LOGS: Final = frozenset({".jsonl", ".ndjson", ".json", ".log"})
"""Endings of files that are read as a run log."""

_TIMES: Final = frozenset({"gone_before", "seen_from", "seen_to", "at", "from", "to"})


class LoadedRecording:
    """What is known of a campaign.

    Attributes:
        path: Where it was read.
        table: The attempts, as a fit takes them.
        notes: What could not be read, was lost or was guessed; a line a kind.
    """

    def __init__(
        self, path: Path, table: Attempts, recorded: RecordedTables | None, rename: Callable[[str], str]
    ) -> None:
        """Hold what was read.

        Args:
            path: Where.
            table: The attempts.
            recorded: What was seen of one task; None for data that have times themselves.
            rename: From a device's id to its name in the table.
        """
        self.path = path
        self.table = table
        self.notes = tuple(table.notes)
        self._recorded = recorded
        self._rename = rename

    @property
    def attempts(self) -> pd.DataFrame:
        """A row an attempt, as `Attempts.frame` describes it."""
        return self.table.frame()

    @property
    def sightings(self) -> pd.DataFrame:
        """A row a stay of a device in a state, times in UTC; empty for data that have times themselves."""
        found = self._frame("sightings")
        found["device_id"] = found["device_id"].map(self._rename)
        return found

    @property
    def progress(self) -> pd.DataFrame:
        """A row a poll of the counts, times in UTC; empty likewise."""
        return self._frame("progress")

    def _frame(self, name: str) -> pd.DataFrame:
        """Return one of the tables of a recording."""
        import pandas as pd

        rows: Sequence[Mapping[str, Any]] = [] if self._recorded is None else getattr(self._recorded, name)
        frame = pd.DataFrame(rows, columns=list(COLUMNS[name]))
        for column in _TIMES & {*frame.columns}:
            frame[column] = pd.to_datetime(frame[column].astype("int64"), unit="ms", utc=True)
        return frame

    def _words(self) -> list[tuple[str, str]]:
        """Return what there is to say in short, by name."""
        table = self.table
        counts = {result.name.lower(): int((table.result == result).sum()) for result in AttemptResult}
        said = ", ".join(f"{n:,} {word}" for word, n in counts.items() if n)
        poll = f"every {format_duration(table.poll_ms / 1000)}" if table.poll_ms else "exact times"
        policy = "not known"
        if table.retry_count is not None:
            interval = (table.retry_interval_ms or 0) / 1000
            policy = f"{table.retry_count} × {format_duration(interval)}" if table.retry_count else "none"
        words = [("devices", f"{len(table.devices):,}"), ("attempts", f"{len(table):,} ({said})")]
        if len(table.cohort_names) > 1:
            words.append(("cohorts", ", ".join(name or "(none)" for name in table.cohort_names)))
        words += [("looks", poll), ("automatic retries", policy)]
        return [("task", table.task_id), *words] if table.task_id else words

    def __repr__(self) -> str:
        """Return it as lines, the notes last."""
        lines = [f"{name}: {value}" for name, value in self._words()]
        lines += [f"note: {note}" for note in self.notes]
        return "\n  ".join([f"LoadedRecording {self.path}", *lines])

    def _repr_html_(self) -> str:
        """Return it as a table, the notes below."""
        rows = "".join(
            f"<tr><th>{escape(name)}</th><td>{escape(value)}</td></tr>" for name, value in self._words()
        )
        notes = "".join(f"<li>{escape(note)}</li>" for note in self.notes)
        return f"<table>{rows}</table>" + (f"<ul>{notes}</ul>" if notes else "")


@dataclass(frozen=True)
class _Wanted:
    """How data are to be read."""

    task: str | None
    columns: Mapping[str, str] | None
    cohort_by: str | None
    policy: TaskPolicy | None
    begins_ms: int | None
    rename: Callable[[str], str]
    remarks: Remarks


def load_recording(
    path: str | Path,
    *,
    task: str | None = None,
    devices: str | Path | None = None,
    cohort_by: str | None = None,
    columns: Mapping[str, str] | None = None,
    policy: TaskPolicy | None = None,
    begins: str | None = None,
    pseudonym_key: bytes | None = None,
) -> LoadedRecording:
    r"""Read what was recorded or exported of a campaign.

    Args:
        path: The folder of a recording; a table of attempts (`.csv`, `.parquet`); or a run log of IoTDA
            (`.jsonl`, `.ndjson`, `.json`, `.log`).
        task: Id or name of the task to read; None if there is only one.
        devices: List of devices with their cohorts, CSV; None for `devices.csv` in the folder if it is there.
        cohort_by: Column of that list, or of the table of attempts, that names the cohort.
        columns: Names of columns in the file by our names, like `{"device_id": "Target"}`; for tables.
        policy: Automatic retries of the task, where the data don't say it; for tables and run logs.
        begins: When the task began, a time with its zone; for run logs.
        pseudonym_key: Key of at least 16 bytes; with it, names made by a keyed hash stand for device ids.

    Returns:
        What is known, with notes on all that could not be read.

    Raises:
        ScenarioError: There is nothing that can be read, or it is not said what is to be read.

    Example:
        >>> from pathlib import Path
        >>> from tempfile import mkdtemp
        >>> path = Path(mkdtemp()) / "attempts.csv"
        >>> rows = ["device_id,started_at,ended_at,result,code"]
        >>> rows += ["meter-1,2026-12-01T00:00:00Z,2026-12-01T00:04:00Z,failed,2"]
        >>> rows += ["meter-1,2026-12-01T00:09:00Z,2026-12-01T00:11:30Z,success,"]
        >>> _ = path.write_text("\n".join(rows))
        >>> sim.load_recording(path).attempts[["attempt", "result", "reason"]].values.tolist()
        [[1, 'failed', 'signal_bad'], [2, 'success', '']]
    """
    folder = Path(path)
    try:
        begins_ms = None if begins is None else instant(begins)
    except ValueError as error:
        raise ScenarioError([Problem("begins", str(error), given=begins)]) from None
    rename: Callable[[str], str] = str if pseudonym_key is None else Pseudonyms(pseudonym_key)
    wanted = _Wanted(task, columns, cohort_by, policy, begins_ms, rename, Remarks())
    if not folder.exists():
        raise ScenarioError([Problem("", "no such file or folder", file=str(folder))])
    listing = Path(devices) if devices is not None else folder / NAME if (folder / NAME).exists() else None
    cohorts = None
    if listing is not None:
        cohorts = read_device_list(listing, wanted.remarks, cohort_by=cohort_by, rename=rename)
    table, recorded = _read(folder, wanted, cohorts)
    return LoadedRecording(folder, table, recorded, rename)


def _read(path: Path, wanted: _Wanted, cohorts: DeviceList | None) -> tuple[Attempts, RecordedTables | None]:
    """Read data of whichever kind."""
    if path.is_dir():
        if any((path / name).exists() for name in FORMS):
            return _seen(path, wanted, cohorts)
        table = next((path / name for name in TABLES if (path / name).exists()), None)
        if table is None:
            allowed = f"a recording has {', '.join(FORMS)}, or {' or '.join(TABLES)}"
            raise ScenarioError([Problem("", f"is no recording: {allowed}", file=str(path))])
        return _timed(table, wanted, cohorts), None
    if path.suffix in {".csv", ".parquet"}:
        return _timed(path, wanted, cohorts), None
    if path.suffix in RUN_LOGS:
        _refuse_columns(path, wanted)
        return _logged(path, wanted, cohorts), None
    allowed = f"a folder, .csv, .parquet, or a run log ({', '.join(sorted(RUN_LOGS))})"
    raise ScenarioError([Problem("", f"ends in '{path.suffix}'; allowed: {allowed}", file=str(path))])


def _refuse_columns(path: Path, wanted: _Wanted) -> None:
    if wanted.columns:
        raise ScenarioError(
            [Problem("columns", "only a table of attempts has columns to name", file=str(path))]
        )


def _needs_list(path: Path, wanted: _Wanted, cohorts: DeviceList | None) -> None:
    """Refuse a column of a list that is not there."""
    if wanted.cohort_by is not None and cohorts is None:
        message = f"needs a list of devices: {NAME} in the folder, or one that is named"
        raise ScenarioError([Problem("cohort_by", message, file=str(path), given=wanted.cohort_by)])


def _noted(wanted: _Wanted, cohorts: DeviceList | None, seen: set[str]) -> None:
    """Remark how a list and the data differ."""
    if cohorts is None:
        return
    n_unseen = len(cohorts.cohorts.keys() - seen)
    if n_unseen:
        wanted.remarks.count("listed devices of which the data say nothing, left out", n=n_unseen)
    for device in seen - cohorts.cohorts.keys():
        wanted.remarks.count("devices that are not in the list, without a cohort", device)


def _seen(path: Path, wanted: _Wanted, cohorts: DeviceList | None) -> tuple[Attempts, RecordedTables]:
    _refuse_columns(path, wanted)
    _needs_list(path, wanted, cohorts)
    recorded = read_recording(path, wanted.task, wanted.remarks)
    _noted(wanted, cohorts, {wanted.rename(row["device_id"]) for row in recorded.sightings})
    cohort_of = (lambda _: "") if cohorts is None else cohorts.cohort_of
    table = from_sightings(recorded, wanted.remarks, rename=wanted.rename, cohort_of=cohort_of)
    return table, recorded


def _timed(path: Path, wanted: _Wanted, cohorts: DeviceList | None) -> Attempts:
    columns = dict(wanted.columns or {})
    if wanted.cohort_by is not None and cohorts is None:
        columns["cohort"] = wanted.cohort_by
    return from_table(
        path,
        wanted.remarks,
        columns=columns,
        policy=wanted.policy,
        rename=wanted.rename,
        cohort_of=None if cohorts is None else cohorts.cohort_of,
    )


def _logged(path: Path, wanted: _Wanted, cohorts: DeviceList | None) -> Attempts:
    _needs_list(path, wanted, cohorts)
    return from_run_log(
        path,
        wanted.remarks,
        task=wanted.task,
        begins_ms=wanted.begins_ms,
        policy=wanted.policy,
        rename=wanted.rename,
        devices=() if cohorts is None else cohorts.cohorts,
        cohort_of=(lambda _: "") if cohorts is None else cohorts.cohort_of,
    )
