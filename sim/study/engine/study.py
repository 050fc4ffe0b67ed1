"""The middle of every study: hand units out, collect what comes back, go on from what is there.

`Study.runs` is all that sweeps, plans and searches need: so many replications at these points, please.
Whatever was computed before, in this process or in an earlier one with the same folder, is not computed
again.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from sim.planes.compilation import compile_kernels
from sim.progress import Progress
from sim.scenario import load_scenario
from sim.study.engine.dispatch import hand_out
from sim.study.engine.folder import StudyFolder
from sim.study.engine.kinds import StudyKind
from sim.study.engine.options import Options, check_options
from sim.study.engine.points import Point
from sim.study.engine.pools import open_pool
from sim.study.engine.unit import (
    METRIC_NAMES,
    TASKS,
    Job,
    Unit,
    UnitResult,
    read_result,
    write_result,
)

if TYPE_CHECKING:
    from types import TracebackType

    from sim.fleet.spec import Bools, Floats
    from sim.scenario import Expectation, ScenarioLike
    from sim.study.engine.folder import Content
    from sim.study.engine.unit import Plane

UNIT_DEVICES: Final = 50_000
"""Device-runs that a unit of work should have: some tens of milliseconds."""

_UNIT_RUNS: Final = (10, 5, 2, 1)
"""Replications of a unit: divisors of the first look, so that growing studies reuse each other's files."""


class _Row(NamedTuple):
    """One run."""

    metrics: Floats
    digest: str
    goals_met: Bools
    curves: Floats


@dataclass(frozen=True, eq=False)
class Runs:
    """Runs at several points, with the same replications at each; P points, R replications, G goals.

    Attributes:
        points: The points, in the order in which they were asked for.
        metrics: (P, R, M) float64 by `METRIC_NAMES`; NaN where undefined.
        goals_met: (P, R, G) bool, whether each goal holds.
        digests: Digest of each run's records, point by point.
        curves: (P, R, 2, 202) float64, see `UnitResult`; empty if not kept.
    """

    points: tuple[Point, ...]
    metrics: Floats
    goals_met: Bools
    digests: tuple[tuple[str, ...], ...]
    curves: Floats

    @property
    def replications(self) -> int:
        """Replications at each point."""
        return len(self.digests[0])

    def of(self, name: str) -> Floats:
        """Return (P, R) float64, one metric.

        Args:
            name: Its name.
        """
        column: Floats = self.metrics[:, :, METRIC_NAMES.index(name)]
        return column

    @property
    def digest(self) -> str:
        """SHA-256 over the records of all runs: equal digests mean equal studies."""
        return hashlib.sha256("\n".join(d for point in self.digests for d in point).encode()).hexdigest()


class Study:
    """Runs of variants of one scenario. Use it as a context: leaving it ends the workers."""

    def __init__(
        self,
        scenario: ScenarioLike,
        options: Options,
        *,
        kind: StudyKind,
        goals: tuple[Expectation, ...] = (),
        keeps_curves: bool = False,
        groups_points: bool = False,
    ) -> None:
        """Check what can be checked, look at the folder, start the workers, claim the folder.

        In this order: nothing starts for a folder that is refused, and workers that can't be reached leave no
        folder behind.

        Args:
            scenario: What is studied, or the path of its file.
            options: See `Options`.
            kind: What is studied about it.
            goals: What is judged in each run.
            keeps_curves: Whether to keep completion and recovery curves.
            groups_points: Put several points with few runs each into one unit: fewer files, but other
                points next time make other units.

        Raises:
            ScenarioError: Something is wrong with the scenario, the folder or the workers.
        """
        self.scenario = load_scenario(scenario)
        seed, plane = options.get("seed"), options.get("plane", "compiled")
        check_options(options)
        self._job = Job(
            self.scenario,
            self.scenario.run.seed if seed is None else seed,
            plane,
            goals,
            keeps_curves,
        )
        self.folder = self._folder(options.get("folder"), kind, force=options.get("force", False))
        self._pool = open_pool(
            options.get("executor"), plane=plane, workers=options.get("workers"), scenario=self.scenario
        )
        try:
            if plane == "compiled":
                compile_kernels()  # before workers come, who would each do it
            self._claim()
        except BaseException:
            self._pool.close(hurry=True)
            raise
        self._rows: dict[tuple[str, int], _Row] = {}
        self._known: Counter[str] = Counter()
        self._groups_points = groups_points
        self._progress = Progress(kind.name, unit="runs", shown=options.get("progress", False))
        self.reused = 0
        """Runs that were found in the folder."""

    def _folder(self, path: str | Path | None, kind: StudyKind, *, force: bool) -> StudyFolder | None:
        """Return the folder, if there is to be one; it is looked at only."""
        if path is None:
            return None
        job = self._job
        return StudyFolder(path, self.scenario, kind=kind, seed=job.seed, plane=job.plane, force=force)

    def save(self, contents: Callable[[], Mapping[str, Content]]) -> None:
        """Write results into the folder, if there is one.

        Args:
            contents: Returns what to write, see `StudyFolder.save`; not called without a folder.

        Raises:
            OSError: Something can't be written.
        """
        if self.folder is not None:
            self.folder.save(contents())

    def _claim(self) -> None:
        """Take the folder into possession, if there is one."""
        if self.folder is not None:
            self.folder.claim()
            self._job = replace(self._job, folder=str(self.folder.path), identity=self.folder.identity)

    def __enter__(self) -> Study:
        """Return itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the workers."""
        self._progress.close()
        self._pool.close(hurry=error is not None)

    @property
    def seed(self) -> int:
        """Key of all draws."""
        return self._job.seed

    @property
    def plane(self) -> Plane:
        """How devices are simulated."""
        return self._job.plane

    @property
    def workers(self) -> int:
        """Units that run at once."""
        return self._pool.workers

    def runs(self, points: Sequence[Point], replications: int) -> Runs:
        """Return runs at some points, computing those that are not there yet.

        Args:
            points: Where; each at most once.
            replications: How many at each, >= 1: numbers 0 to `replications - 1`.

        Raises:
            ScenarioError: A run can't be made, or the workers die of it.
            ModelError: An invariant of the model broke.
        """
        units = list(self._missing(points, replications))
        self._progress.more(sum(unit.runs for unit in units))
        missing = [unit for unit in units if not self._found(unit)]
        hand_out(self._job, missing, self._pool, self._keep)
        for point in points:
            self._known[point.key] = max(replications, self._known[point.key])
        rows = [[self._rows[point.key, r] for r in range(replications)] for point in points]
        return Runs(
            points=tuple(replace(point, scenario=None) for point in points),
            metrics=np.array([[row.metrics for row in runs] for runs in rows]),
            goals_met=np.array([[row.goals_met for row in runs] for runs in rows]),
            digests=tuple(tuple(row.digest for row in runs) for runs in rows),
            curves=np.array([[row.curves for row in runs] for runs in rows]),
        )

    def _missing(self, points: Sequence[Point], replications: int) -> Iterator[Unit]:
        """Yield units for what is not in memory. Their bounds don't depend on who computes them."""
        size = next(n for n in _UNIT_RUNS if n * self.scenario.n_devices <= UNIT_DEVICES or n == 1)
        for block in range(0, replications, size):
            end = min(block + size, replications)
            wanted: dict[int, list[Point]] = {}
            for point in points:
                begin = max(block, self._known[point.key])
                if begin < end:
                    wanted.setdefault(begin, []).append(point)
            for begin, some in wanted.items():
                together = max(1, size // (end - begin)) if self._groups_points else 1
                for at in range(0, len(some), together):
                    yield Unit(tuple(some[at : at + together]), begin, end - begin)

    def _found(self, unit: Unit) -> bool:
        """Take a unit from the folder if it is there."""
        if self._job.folder is None:
            return False
        path = Path(self._job.folder, TASKS, unit.file_name(self._job.asks))
        result = read_result(path, unit)
        if result is None:
            return False
        self.reused += unit.runs
        self._keep(unit, result)
        return True

    def _keep(self, unit: Unit, result: UnitResult) -> None:
        """Remember what a unit brought; write its file if its worker could not."""
        if self._job.folder is not None:
            path = Path(self._job.folder, TASKS, unit.file_name(self._job.asks))
            if not path.exists():
                write_result(path, unit, result)
        for i_point, key in enumerate(unit.keys):
            for i_run in range(unit.count):
                self._rows[key, unit.first + i_run] = _Row(
                    result.metrics[i_point, i_run],
                    result.digests[i_point * unit.count + i_run],
                    result.goals_met[i_point, i_run],
                    result.curves[i_point, i_run] if self._job.keeps_curves else result.curves,
                )
        self._progress.advance(unit.runs)
