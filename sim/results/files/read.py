"""A run as its folder holds it: everything that a report needs, read back from the result files.

Nothing is computed here that the files don't say; `sim.results.curves` and `sim.results.counts` do
that, for stored runs and for those in memory alike.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from sim.errors import Problem, ScenarioError
from sim.fleet.protocol import Curves, TargetRecords
from sim.fleet.spec import TICKS_PER_S
from sim.results.call_statistics import CallLine, Refusal
from sim.results.files.damage import undamaged
from sim.results.files.write import FORMAT, MANIFEST
from sim.results.recovery import RecoveryCurve
from sim.results.replication import FleetRecords
from sim.results.status_steps import StatusSteps
from sim.rules import Reason, SubtaskState, reason_text
from sim.scenario import make_scenario, parse_scenario
from sim.version import __version__

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pyarrow as pa

    from sim.fleet.spec import Bools, Int32s, Int64s
    from sim.results.statistics import Metric
    from sim.scenario import Scenario

_REASON_OF_TEXT: Final = {reason_text(reason): int(reason) for reason in Reason}
_STATE_OF_TEXT: Final = {state.wire: int(state) for state in SubtaskState}
_COUNTED: Final = {
    SubtaskState.SUCCESS: "succeeded",
    SubtaskState.FAIL: "failed",
    SubtaskState.STOPPED: "stopped",
}


@dataclass(frozen=True, eq=False)
class StoredReplication:
    """One replication, read back; see `sim.results.replication.Outcome`."""

    metrics: Mapping[str, Metric]
    curves: Curves
    final: Int64s
    recovery: RecoveryCurve
    steps: StatusSteps | None
    calls: Sequence[CallLine]
    end_s: float


class StoredRun:
    """A folder of result files.

    Attributes:
        folder: Where.
        manifest: Content of `manifest.json`.
        summary: Content of `summary.json`.
    """

    def __init__(self, folder: Path, manifest: dict[str, Any], summary: dict[str, Any]) -> None:
        """Hold what `read_run` has read."""
        self.folder = folder
        self.manifest = manifest
        self.summary = summary

    @property
    def end_s(self) -> float:
        """When the last replication ended, seconds."""
        return float(self.manifest["simulated_s"])

    @cached_property
    def cohort_names(self) -> tuple[str, ...]:
        """Names of the cohorts, by cohort index."""
        return tuple(self.summary["by_cohort"])

    @cached_property
    def scenario(self) -> Scenario:
        """What was run. Of a fleet from an inventory the sizes of its cohorts, not the device ids."""
        data = scenario_values(self.manifest["scenario_text"])
        fleet = data["fleet"]
        fleet.pop("sites", None)
        if fleet.pop("inventory", None) is None:
            return parse_scenario(self.manifest["scenario_text"])
        for cohort in fleet["cohorts"]:
            cohort["devices"] = int(self.summary["by_cohort"][cohort["name"]]["devices"])
        return make_scenario(data)

    @cached_property
    def replications(self) -> tuple[StoredReplication, ...]:
        """All replications, in order."""
        curves, recovery = self._columns("curves.parquet"), self._columns("recovery.parquet")
        steps = self._columns("steps.parquet") if (self.folder / "steps.parquet").exists() else None
        values = self.summary["metrics"]
        found = []
        for i_run in range(self.manifest["replications"]):
            metrics = {name: value["values"][i_run] for name, value in values.items()}
            grid = _curves(curves, i_run)
            found.append(
                StoredReplication(
                    metrics=metrics,
                    curves=grid,
                    final=_final(metrics, grid),
                    recovery=_recovery(recovery, i_run),
                    steps=None if steps is None else _steps(steps, i_run),
                    calls=self.calls if i_run == 0 else (),
                    end_s=_end_s(metrics, grid),
                )
            )
        return tuple(found)

    @cached_property
    def fleet(self) -> FleetRecords:
        """The devices of the first replication."""
        columns = _first_replication(self.folder / "targets.parquet")
        cohorts = {name: c for c, name in enumerate(self.cohort_names)}
        tasks = {task["task_id"]: i_task for i_task, task in enumerate(self.summary["tasks"])}
        codes = columns["error_code"].fill_null(0).to_numpy().astype(np.int16)
        texts = _numbered(columns["error_msg"], _REASON_OF_TEXT, missing=Reason.NONE)
        records = TargetRecords(
            task=_numbered(columns["task_id"], tasks, missing=-1).astype(np.int32),
            status=_numbered(columns["status"], _STATE_OF_TEXT, missing=0).astype(np.int8),
            reason=np.where(codes > 0, codes, texts).astype(np.int16),
            attempts=columns["attempts"].to_numpy(),
            manual_retries=columns["manual_retries"].to_numpy(),
            first_start=_ticks(columns["first_start_s"]),
            first_failure=_ticks(columns["first_failure_s"]),
            end=_ticks(columns["end_s"]),
            bytes=columns["bytes"].to_numpy(),
        )
        cohort = _numbered(columns["cohort"], cohorts, missing=-1).astype(np.int16)
        return FleetRecords(records, cohort, self.cohort_names, self.replications[0].end_s)

    @cached_property
    def calls(self) -> list[CallLine]:
        """The calls of the first replication, in order."""
        names = CallLine._fields
        return [CallLine(*(row[name] for name in names)) for row in self.first_rows("calls.parquet", names)]

    @cached_property
    def refusals(self) -> list[Refusal]:
        """Why targets were refused in the first replication, one a target."""
        kinds = [row["call"] for row in self.first_rows("calls.parquet", ["call_id", "call"])]
        answers = self.first_rows("call_targets.parquet", ["call_id", "status", "error_code", "error_msg"])
        return [
            Refusal(kinds[row["call_id"]], row["error_code"], row["error_msg"])
            for row in answers
            if row["status"] == "failure"
        ]

    def first_rows(self, name: str, columns: Sequence[str] | None = None) -> list[dict[str, Any]]:
        """Return the rows of the first replication in one of the tables that every run has.

        Args:
            name: Name of the file.
            columns: Which columns; None for all.

        Raises:
            ScenarioError: See `needed_table`.
        """
        import pyarrow.compute as pc

        wanted = None if columns is None else ["replication", *columns]
        table = self.needed_table(name, wanted)
        rows: list[dict[str, Any]] = table.filter(pc.field("replication") == 0).to_pylist()
        return rows

    def table(self, name: str, columns: Sequence[str] | None = None) -> pa.Table | None:
        """Return one of the tables; None if the folder has none of that name.

        Args:
            name: Name of the file.
            columns: Which columns; None for all.
        """
        import pyarrow.parquet as pq

        path = self.folder / name
        if not path.exists():
            return None
        with undamaged(path):
            return pq.ParquetFile(path).read(columns=None if columns is None else list(columns))

    def needed_table(self, name: str, columns: Sequence[str] | None = None) -> pa.Table:
        """Return one of the tables that every run has.

        Args:
            name: Name of the file.
            columns: Which columns; None for all.

        Raises:
            ScenarioError: The folder has none of that name.
        """
        table = self.table(name, columns)
        if table is None:
            message = f"{name} is missing; run the scenario again"
            raise ScenarioError([Problem("", message, file=str(self.folder))])
        return table

    def _columns(self, name: str) -> dict[str, np.ndarray[Any, Any]]:
        """Return the columns of a table of numbers."""
        table = self.needed_table(name)
        return {column: table[column].to_numpy() for column in table.column_names}


def read_run(folder: str | Path) -> StoredRun:
    """Open a folder of result files.

    Args:
        folder: As `fleetsim run --out` or `RunResult.save` wrote it.

    Returns:
        The run; tables are read when they are asked for.

    Raises:
        ScenarioError: It holds no complete result, or one of another version.
    """
    path = Path(folder)
    manifest = _read_json(path / MANIFEST)
    if manifest.get("format") != FORMAT or _writer(manifest) is None:
        raise ScenarioError([_strange(manifest, path)])
    missing = [name for name in manifest["files"] if not (path / name).exists()]
    if missing:
        message = f"is not complete: {', '.join(missing)} missing; run the scenario again"
        raise ScenarioError([Problem("", message, file=str(path))])
    return StoredRun(path, manifest, _read_json(path / "summary.json"))


def _writer(manifest: Mapping[str, Any]) -> str | None:
    """Return the version of fleetsim that wrote a manifest; None if it was something else."""
    versions = manifest.get("versions")
    return versions.get("fleetsim") if isinstance(versions, dict) else None


def _strange(manifest: Mapping[str, Any], folder: Path) -> Problem:
    """Say what a manifest is that this version does not read."""
    wrote = _writer(manifest)
    if "format" not in manifest or wrote is None:
        keys = ", ".join(map(str, list(manifest)[:6])) or "nothing"
        message = (
            f"is no manifest of fleetsim: it holds {keys}; a result has format, scenario, seed, versions"
        )
        return Problem("", message, file=str(folder / MANIFEST))
    found = f"{manifest['format']!r} is not known (written by fleetsim {wrote})"
    reads = f"this is {__version__}, which reads format {FORMAT}"
    return Problem(
        "format", f"{found}; {reads}; read it with that version, or run the scenario again", file=str(folder)
    )


def _read_json(path: Path) -> dict[str, Any]:
    """Return a mapping from a JSON file that belongs to every result."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        message = f"holds no results ({path.name} is missing); write some with 'fleetsim run --out'"
        raise ScenarioError([Problem("", message, file=str(path.parent))]) from None
    except NotADirectoryError:
        raise ScenarioError([Problem("", "is a file; results are a folder", file=str(path.parent))]) from None
    except ValueError as error:
        raise ScenarioError([Problem("", f"can't be read: {error}", file=str(path))]) from None
    if not isinstance(content, dict):
        raise ScenarioError([Problem("", "can't be read: it is no mapping", file=str(path))])
    return content


def scenario_values(text: str) -> dict[str, Any]:
    """Return the values of a scenario's text as they were written, unchecked."""
    from ruamel.yaml import YAML

    data: dict[str, Any] = YAML(typ="safe", pure=True).load(text)
    return data


def _curves(columns: dict[str, np.ndarray[Any, Any]], i_run: int) -> Curves:
    """Return the curves of one replication."""
    rows = columns["replication"] == i_run
    tick, status = _by_status(columns, rows)
    return Curves(
        tick=tick,
        status=status,
        downloads=columns["downloads"][rows],
        bandwidth=columns["bandwidth"][rows],
    )


def _steps(columns: dict[str, np.ndarray[Any, Any]], i_run: int) -> StatusSteps | None:
    """Return the steps of one replication; None if its file has none of it."""
    rows = columns["replication"] == i_run
    return StatusSteps(*_by_status(columns, rows)) if rows.any() else None


def _by_status(columns: dict[str, np.ndarray[Any, Any]], rows: Bools) -> tuple[Int64s, Int64s]:
    """Return times and devices by state of some rows."""
    status = np.zeros((int(rows.sum()), len(SubtaskState)), np.int64)
    for state in SubtaskState:
        if state.progress_key in columns:
            status[:, state] = columns[state.progress_key][rows]
    return np.rint(columns["time_s"][rows] * TICKS_PER_S).astype(np.int64), status


def _recovery(columns: dict[str, np.ndarray[Any, Any]], i_run: int) -> RecoveryCurve:
    """Return the recovery curve of one replication."""
    rows = columns["replication"] == i_run
    tick = np.rint(columns["time_s"][rows] * TICKS_PER_S).astype(np.int64)
    return RecoveryCurve(
        tick, columns["recovered"][rows], columns["competing"][rows], columns["at_risk"][rows]
    )


def _final(metrics: Mapping[str, Metric], curves: Curves) -> Int64s:
    """Return the devices by state at the end: ended ones exactly, pending ones as last seen."""
    final: Int64s = curves.status[-1].copy()
    for state, name in _COUNTED.items():
        final[state] = metrics[name] or 0
    pending = int(metrics["pending"] or 0)
    waiting = min(pending, int(final[SubtaskState.WAITTING]))
    resting = min(pending - waiting, int(final[SubtaskState.FAIL_WAIT_RETRY]))
    final[SubtaskState.WAITTING] = waiting
    final[SubtaskState.FAIL_WAIT_RETRY] = resting
    final[SubtaskState.PROCESSING] = pending - waiting - resting
    return final


def _end_s(metrics: Mapping[str, Metric], curves: Curves) -> float:
    """Return when a replication ended: with its last device, or else on the grid's last line."""
    return max(float(metrics["makespan"] or 0.0), int(curves.tick[-1]) / TICKS_PER_S)


def _first_replication(path: Path) -> dict[str, pa.ChunkedArray]:
    """Return the columns of the first replication's targets, but for the device ids.

    A row group holds devices of one replication, and the first one's come first.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    with undamaged(path), pq.ParquetFile(path) as file:
        names = [name for name in file.schema_arrow.names if name != "device_id"]
        groups: list[pa.Table] = []
        for i_group in range(file.num_row_groups):
            group = file.read_row_group(i_group, columns=names)
            if groups and group["replication"][0] != groups[0]["replication"][0]:
                break
            groups.append(group)
    table = pa.concat_tables(groups)
    return {name: table[name] for name in names}


def _numbered(column: pa.ChunkedArray, known: Mapping[str, int], *, missing: int) -> Int32s:
    """Return the number of each label; each chunk has a dictionary of its own."""
    parts = []
    for chunk in column.chunks:
        numbers = np.array([known[label] for label in chunk.dictionary.to_pylist()] or [missing], np.int32)
        index = chunk.indices
        parts.append(np.where(index.is_null(), missing, numbers[index.fill_null(0).to_numpy()]))
    return np.concatenate(parts).astype(np.int32)


def _ticks(column: pa.ChunkedArray) -> Int64s:
    """Return seconds as ticks, -1 where the time never came."""
    seconds = column.fill_null(-1.0 / TICKS_PER_S).to_numpy()
    ticks: Int64s = np.rint(seconds * TICKS_PER_S).astype(np.int64)
    return ticks
