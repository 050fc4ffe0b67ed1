"""A unit of work: a few replications at a few points, from a scenario to one small file.

This is the only module that workers run. A unit is a pure function of its job and itself, so it may be
done anywhere, in any order, and twice. Where a worker sees the study's folder it looks there first and
writes its file itself: what is whole survives the worker, and is never computed again.
"""

from __future__ import annotations

import hashlib
import json
import pickle
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

import numpy as np

from sim.atomic_files import write_whole
from sim.campaign import run_campaign
from sim.fleet.spec import TICKS_PER_S
from sim.planes.compilation import compile_kernels
from sim.planes.display import SilentDisplay
from sim.results import condense, judge, recovery_curve, run_metrics
from sim.results.digest import records_digest
from sim.rules import SubtaskState
from sim.scenario import METRICS
from sim.study.engine.points import Point

if TYPE_CHECKING:
    from sim.campaign import CampaignRun
    from sim.fleet.spec import Bools, Floats
    from sim.scenario import Expectation, Scenario

Plane = Literal["compiled", "simpy"]

METRIC_NAMES: Final = tuple(METRICS)
"""Order of the metrics in the arrays of a study; those of cost are undefined without costs."""

LEVELS: Final = np.linspace(0.005, 1.0, 200)
"""Shares at which completion and recovery curves are kept, besides their first and last step."""

MARKER: Final = "study.json"
"""The file by which a worker knows the study's folder."""

TASKS: Final = "tasks"
"""Folder of the units' files, in the study's folder."""

_FORMAT: Final = 3


@dataclass(frozen=True)
class Job:
    """What all units of a study have in common.

    Attributes:
        scenario: What is varied.
        seed: Key of all draws: the same at every point, so that all have the same draws.
        plane: `compiled` or `simpy`.
        goals: What is judged in each replication.
        keeps_curves: Whether completion and recovery curves are kept.
        folder: The study's folder, absolute; None if nothing is to be written.
        identity: What the marker in that folder begins with.
    """

    scenario: Scenario
    seed: int
    plane: Plane = "compiled"
    goals: tuple[Expectation, ...] = ()
    keeps_curves: bool = False
    folder: str | None = None
    identity: str = ""

    @property
    def asks(self) -> str:
        """What is computed besides the metrics: files of other questions are of no use."""
        goals = [goal.model_dump(mode="json") for goal in self.goals]
        return json.dumps([goals, self.keeps_curves], sort_keys=True) if goals or self.keeps_curves else ""

    def sees_folder(self) -> bool:
        """Tell whether the study's folder is here: on another machine it may not be."""
        if self.folder is None:
            return False
        try:
            text = Path(self.folder, MARKER).read_text(encoding="utf-8")
        except OSError:
            return False
        return self.identity in text


@dataclass(frozen=True, eq=False)
class Unit:
    """Replications `first` to `first + count - 1` at some points.

    Attributes:
        points: The points.
        first: First replication, from 0.
        count: Replications, >= 1.
    """

    points: tuple[Point, ...]
    first: int
    count: int

    @property
    def keys(self) -> tuple[str, ...]:
        """What each point is, whatever its number: equal keys mean equal scenarios."""
        return tuple(point.key for point in self.points)

    @property
    def runs(self) -> int:
        """How many runs it takes."""
        return len(self.points) * self.count

    def file_name(self, asks: str) -> str:
        """Return the name of its file, which says what is in it and nothing about the study's order."""
        what = hashlib.sha256("\n".join([*self.keys, asks]).encode()).hexdigest()[:20]
        return f"{what}-r{self.first:05d}-{self.first + self.count - 1:05d}.json"


class UnitResult(NamedTuple):
    """What a unit brings; P points, R replications, G goals.

    Attributes:
        metrics: (P, R, M) float64 by `METRIC_NAMES`; NaN where undefined.
        digests: P * R digests of the per-target records.
        goals_met: (P, R, G) bool, whether each goal holds.
        curves: (P, R, 2, 202) float64, seconds at which completion and recovery take their first step,
            reach each of `LEVELS`, and take their last step, NaN if they don't; (0,) if not kept.
    """

    metrics: Floats
    digests: tuple[str, ...]
    goals_met: Bools
    curves: Floats


def perform_packed(packed: bytes, unit: Unit) -> UnitResult:
    """Do a unit of a job that was pickled once for all its units."""
    return perform(_unpacked(packed), unit)


@lru_cache(maxsize=2)
def _unpacked(packed: bytes) -> Job:
    """Return a job; the next unit of the same one does not unpickle it again."""
    job = pickle.loads(packed)
    assert isinstance(job, Job)
    return job


def perform(job: Job, unit: Unit) -> UnitResult:
    """Do a unit, or find it done.

    Raises:
        ScenarioError: A run can't be made.
        ModelError: An invariant of the model broke.
    """
    path = None
    if job.sees_folder():
        path = Path(job.folder or "", TASKS, unit.file_name(job.asks))
        done = read_result(path, unit)
        if done is not None:
            return done
    result = _compute(job, unit)
    if path is not None:
        write_result(path, unit, result)
    return result


def _compute(job: Job, unit: Unit) -> UnitResult:
    """Run all replications of a unit."""
    shape = (len(unit.points), unit.count)
    metrics = np.empty((*shape, len(METRIC_NAMES)))
    met = np.empty((*shape, len(job.goals)), np.bool_)
    curves = np.empty((*shape, 2, len(LEVELS) + 2) if job.keeps_curves else 0)
    digests = []
    if job.plane == "compiled":
        compile_kernels(SilentDisplay())  # a worker elsewhere has a cache of its own
    for i_point, point in enumerate(unit.points):
        scenario = point.of(job.scenario)
        for i_run in range(unit.count):
            run = run_campaign(scenario, seed=job.seed, replication=unit.first + i_run, plane=job.plane)
            if job.goals:  # judged as a scenario's expectations are, by all that a result keeps
                condensed = condense(run, keep=False)
                measured, digest = condensed.metrics, condensed.digest
                met[i_point, i_run] = [bool(verdict.met) for verdict in judge(job.goals, [condensed])]
            else:
                measured, digest = run_metrics(run), records_digest(run.records)
            metrics[i_point, i_run] = [_number(measured.get(name)) for name in METRIC_NAMES]
            digests.append(digest)
            if job.keeps_curves:
                curves[i_point, i_run] = _curves(run)
    return UnitResult(metrics, tuple(digests), met, curves)


def _number(value: float | None) -> float:
    """Return a metric as a number."""
    return np.nan if value is None else value


def _curves(run: CampaignRun) -> Floats:
    """Return when completion and recovery reach each level, (2, 202) float64 in seconds."""
    records = run.records
    end = np.sort(records.end[records.status == SubtaskState.SUCCESS])
    completed = np.arange(1, len(end) + 1) / len(records.status)
    curve = recovery_curve(records, round(run.end_s * TICKS_PER_S))
    steps = np.flatnonzero(np.diff(curve.recovered, prepend=0.0) > 0)
    rows = [_at_levels(completed, end), _at_levels(curve.recovered[steps], curve.tick[steps])]
    return np.stack(rows) / TICKS_PER_S


def _at_levels(share: Floats, tick: Any) -> Floats:
    """Return the ticks at which an ascending step function takes its first step, each level, its last."""
    row = np.full(len(LEVELS) + 2, np.nan)
    if len(tick):
        at = np.searchsorted(share, LEVELS - 1e-12)
        row[1:-1] = np.where(at < len(tick), tick[np.minimum(at, len(tick) - 1)], np.nan)
        row[0], row[-1] = tick[0], tick[-1]
    return row


def read_result(path: Path, unit: Unit) -> UnitResult | None:
    """Return what a unit's file holds; None if there is none, or it is not whole."""
    try:
        content = json.loads(path.read_bytes())
        if content["format"] != _FORMAT or content["keys"] != list(unit.keys):
            return None
        shape = (len(unit.points), unit.count)
        goals_met = np.array(content["goals_met"], np.bool_)
        return UnitResult(
            np.array(content["metrics"], np.float64).reshape(*shape, len(METRIC_NAMES)),
            tuple(content["digests"]),
            goals_met.reshape(*shape, goals_met.shape[2]),
            np.array(content["curves"], np.float64),
        )
    except (OSError, ValueError, KeyError, TypeError, IndexError):
        return None


def write_result(path: Path, unit: Unit, result: UnitResult) -> None:
    """Write a unit's file, whole or not at all.

    Raises:
        OSError: It can't be written.
    """
    content = {
        "format": _FORMAT,
        "keys": unit.keys,
        "replications": [unit.first, unit.first + unit.count - 1],
        "metrics": _plain(result.metrics),
        "digests": result.digests,
        "goals_met": result.goals_met.tolist(),
        "curves": _plain(result.curves),
    }
    write_whole(path, json.dumps(content, allow_nan=False, separators=(",", ":")).encode())


def _plain(values: Floats) -> Any:
    """Return an array as nested lists with None for NaN; numbers read back exactly."""
    return np.where(np.isnan(values), None, values).tolist()  # type: ignore[call-overload]  # an object array
