"""`load_result`: a result as its folder holds it, with the frames and figures of one in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, NoReturn, TypeVar

from sim.errors import Problem, ScenarioError
from sim.results.display.format import format_count, format_estimate, table_lines
from sim.results.display.headline import outcome_sentence
from sim.results.expectations import Verdict
from sim.results.files.tables import attempts_schema
from sim.results.frames.result_frames import ResultFrames
from sim.results.statistics import Estimate
from sim.scenario.metrics import METRICS, STUDY_METRICS

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

    import pyarrow as pa

    from sim.results.files.read import StoredReplication, StoredRun
    from sim.results.statistics import Metric
    from sim.scenario import Scenario

_V = TypeVar("_V")


class _Known(dict[str, _V]):
    """Values by metric that say which version wrote them when one is missing."""

    def __init__(self, values: Mapping[str, _V], wrote: str) -> None:
        """Hold values.

        Args:
            values: By metric.
            wrote: Which version wrote them, in words.
        """
        super().__init__(values)
        self._wrote = wrote

    def __missing__(self, name: str) -> NoReturn:
        """Say that a metric is not there, and why."""
        why = f"{self._wrote} had no such metric" if name in METRICS else "there is no such metric"
        raise KeyError(f"'{name}' is not in this result: {why}")


class LoadedResult(ResultFrames):
    """What a folder of result files says; see `ResultFrames` for frames and figures.

    Attributes:
        folder: Where it was read.
        manifest: Content of `manifest.json`: versions, digest of the scenario, how long it took.
        plane: `compiled` or `simpy`.
        digest: SHA-256 over all per-target records; equal digests mean equal runs.
    """

    def __init__(self, stored: StoredRun) -> None:
        """Hold what was read; tables are read when they are asked for."""
        self._stored = stored
        self.folder: Path = stored.folder
        self.manifest: dict[str, Any] = stored.manifest
        self.seed = int(stored.manifest["seed"])
        self.plane = str(stored.manifest["plane"])
        self.digest = str(stored.manifest["digest"])

    @property
    def version(self) -> str:
        """Version of fleetsim that wrote the files, in words."""
        return f"fleetsim {self.manifest.get('versions', {}).get('fleetsim', 'of an unknown version')}"

    @cached_property
    def scenario(self) -> Scenario:
        """What was run. Of a fleet from an inventory the sizes of its cohorts, not the device ids."""
        return self._stored.scenario

    @cached_property
    def runs(self) -> tuple[StoredReplication, ...]:
        """The replications, in order."""
        return self._stored.replications

    @cached_property
    def estimates(self) -> Mapping[str, Estimate]:
        """Every metric that the files hold: mean, 95 % interval of the mean, one value a replication."""
        found = {
            name: Estimate(entry["mean"], entry["low"], entry["high"], tuple(entry["values"]))
            for name, entry in self._stored.summary["metrics"].items()
        }
        return _Known(found, self.version)

    @cached_property
    def metrics(self) -> Mapping[str, Metric]:
        """Every metric that the files hold, as its mean; None where it is not defined."""
        return _Known({name: estimate.mean for name, estimate in self.estimates.items()}, self.version)

    @cached_property
    def expectations(self) -> Sequence[Verdict]:
        """What the scenario expected, and whether it came so."""
        rows = self._stored.summary.get("expectations", [])
        return [Verdict(*(row.get(name) for name in Verdict._fields)) for row in rows]

    @property
    def what_if(self) -> Sequence[str]:
        """Extensions beyond the vendor's rules that were in force."""
        return tuple(self._stored.summary.get("what_if", ()))

    @property
    def notes(self) -> Sequence[str]:
        """Sentences that belong beside the numbers."""
        return tuple(self._stored.summary.get("notes", ()))

    @property
    def headline(self) -> str:
        """What came of it and what limited it, as the run said it."""
        told = self._stored.summary.get("headline")  # earlier versions wrote none
        return str(told) if told else f"{outcome_sentence(self.metrics)}."

    def summary_dict(self) -> dict[str, Any]:
        """Return the content of `summary.json`."""
        return dict(self._stored.summary)

    def cohort_means(self) -> Mapping[str, Mapping[str, Metric]]:
        """Return the mean of each cohort's metrics."""
        found: dict[str, dict[str, Metric]] = self._stored.summary["by_cohort"]
        return found

    def table(self, name: str) -> pa.Table:
        """Return one of the tables as Arrow.

        Args:
            name: One of `sim.results.frames.result_frames.TABLE_NAMES`.

        Raises:
            ScenarioError: The folder has none of that name.
        """
        found = self._stored.table(f"{name}.parquet")
        if found is not None:
            return found
        if name == "attempts":  # a run without `log_attempts` writes none
            return attempts_schema().empty_table()
        message = f"has no {name}.parquet: {self.version} wrote none; run the scenario again"
        raise ScenarioError([Problem(name, message, file=str(self.folder))])

    def __str__(self) -> str:
        """Return what came of it, and the metrics that usually matter."""
        rows = [
            [name, format_estimate(name, self.estimates[name])]
            for name in STUDY_METRICS
            if name in self.estimates
        ]
        notes = [f"Note: {note}." for note in self.notes]
        head = f"{self.scenario.name}: {self._size()}, read from {self.folder}"
        return "\n".join([self.headline, "", head, *table_lines(rows, right=(1,)), *notes])

    def __repr__(self) -> str:
        """Return one line that tells results apart."""
        return f"<LoadedResult {self.manifest['scenario']}: {self._size()}, from {self.folder}>"

    def _size(self) -> str:
        """Return how large the result is."""
        runs = int(self.manifest["replications"])
        devices = format_count(self.metrics["devices"] or 0)
        return f"{devices} devices, {runs} replication{'' if runs == 1 else 's'}, seed {self.seed}"
