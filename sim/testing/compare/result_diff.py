"""Two results on disk, compared as a scenario is with its baseline."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
import pandas as pd

from sim.errors import Problem, ScenarioError
from sim.fleet.spec import TICKS_PER_S
from sim.results.curves import Curve
from sim.results.files.read import StoredRun, read_run, scenario_values
from sim.study.pairs.sides import Fleet, fleet_problems
from sim.testing.compare.comparison import Comparison, compare_runs
from sim.testing.compare.divergence import Trail, part
from sim.testing.runs import Samples, curve_of

if TYPE_CHECKING:
    from sim.fleet.spec import Int64s

_ATTEMPTS: Final = "attempts.parquet"
_TARGETS: Final = "targets.parquet"
_TIMES: Final = {
    _ATTEMPTS: ("start_s", "entered_s", "download_start_s", "download_end_s", "end_s"),
    _TARGETS: ("first_start_s", "first_failure_s", "end_s"),
}


class Result(NamedTuple):
    """A result on disk.

    Attributes:
        stored: Its files.
        name: Name of the scenario.
        seed: Key of all draws.
        digest: Digest of all replications.
        samples: Values of the replications.
    """

    stored: StoredRun
    name: str
    seed: int
    digest: str
    samples: Samples


def read_result(folder: Path) -> Result:
    """Read what is needed for a comparison.

    Args:
        folder: A folder that `fleetsim run` has written.

    Raises:
        ScenarioError: It holds no result, or one of another format.
    """
    stored = read_run(folder)
    with _readable(stored):
        summary = stored.summary
        n, digest = int(summary["replications"]), str(summary["digest"])
        metrics = {name: tuple(entry["values"]) for name, entry in summary["metrics"].items()}
        if n < 1 or any(len(values) != n for values in metrics.values()):
            raise ValueError(f"not every metric has {n} values")
        # A replication's own digest is not on disk; all of them are equal, or any of them may differ.
        samples = Samples(metrics, {}, tuple(f"{digest}:{n}" for _ in range(n)))
        return Result(stored, str(summary["scenario"]), int(summary["seed"]), digest, samples)


def compare_results(before: Result, now: Result) -> Comparison:
    """Compare two results, replication by replication.

    Raises:
        ScenarioError: They are of different fleets, or what their devices are can't be read.
    """
    problems = fleet_problems(_fleet_of(before.stored), _fleet_of(now.stored))
    if problems:
        raise ScenarioError(problems)
    n = min(before.samples.replications, now.samples.replications)
    return compare_runs(before.samples.first(n), now.samples.first, own=n)


def curve_in(result: Result) -> Curve:
    """Return the mean completion of a result.

    Raises:
        ScenarioError: Its curves can't be read.
    """
    with _readable(result.stored):
        return curve_of(result.stored.replications, result.stored.scenario.run.resolution)


def parting_of(before: Result, now: Result) -> str:
    """Say where the first replications of two results part.

    Returns:
        Lines of text: by the logs of attempts if both have one, else by what became of each device.

    Raises:
        ScenarioError: What became of the devices can't be read.
    """
    name = _ATTEMPTS
    frames = [_first_replication(result, name) for result in (before, now)]
    if any(frame is None for frame in frames):
        name = _TARGETS
        frames = [_first_replication(result, name) for result in (before, now)]
    old, new = (pd.DataFrame() if frame is None else frame for frame in frames)
    ids = pd.Index(pd.concat([old["device_id"], new["device_id"]]).unique())
    return part(_trail(old, name, ids), _trail(new, name, ids))


def _fleet_of(stored: StoredRun) -> Fleet:
    """Return the devices of a result."""
    with _readable(stored):
        cohorts = stored.summary["by_cohort"]
        sizes = {name: int(values["devices"]) for name, values in cohorts.items()}
        fleet = scenario_values(stored.manifest["scenario_text"])["fleet"]
        return Fleet(sizes, None if fleet.get("inventory") is None else _ids_in(stored))


def _ids_in(stored: StoredRun) -> dict[str, list[str]]:
    """Return what the devices of the first replication are called, by cohort."""
    columns = stored.needed_table(_TARGETS, ["replication", "cohort", "device_id"]).to_pandas()
    first = columns[columns["replication"] == 0]
    return {
        str(name): rows.tolist()
        for name, rows in first.groupby("cohort", observed=True, sort=False)["device_id"]
    }


def _first_replication(result: Result, name: str) -> pd.DataFrame | None:
    """Return the rows of the first replication in a table; None if there is no such table."""
    with _readable(result.stored):
        table = result.stored.table(name)
        if table is None:
            return None
        frame: pd.DataFrame = table.to_pandas()
        return frame[frame["replication"] == 0].reset_index(drop=True)


def _trail(frame: pd.DataFrame, name: str, ids: pd.Index) -> Trail:
    """Return the trail that a table holds."""
    outcome = frame["status"].astype(str) + frame["error_msg"].astype(object).map(_in_brackets)
    others = {
        "outcome": np.asarray(pd.util.hash_array(outcome.to_numpy(object)), np.uint64).view(np.int64),
        "bytes": frame["bytes"].to_numpy(np.int64),
    }
    attempt = np.zeros(len(frame))
    if name == _ATTEMPTS:
        attempt = frame["attempt"].to_numpy(np.float64)
    else:
        others["attempts"] = frame["attempts"].to_numpy(np.int64)
    return Trail(
        name_of=lambda number: str(ids[number]),
        device=ids.get_indexer(pd.Index(frame["device_id"])).astype(np.int64),
        attempt=attempt.astype(np.int64),
        times={time.removesuffix("_s"): _ticks(frame[time]) for time in _TIMES[name]},
        others=others,
        outcome=lambda row: str(outcome.iloc[row]),
    )


def _in_brackets(text: object) -> str:
    """Return a failure's text as it stands behind the status."""
    return f" ({text})" if isinstance(text, str) else ""


def _ticks(seconds: pd.Series[float]) -> Int64s:
    """Return seconds as ticks, -1 for a time that never came."""
    filled = seconds.fillna(-1 / TICKS_PER_S).to_numpy(np.float64)
    ticks: Int64s = np.rint(filled * TICKS_PER_S).astype(np.int64)
    return ticks


@contextmanager
def _readable(stored: StoredRun) -> Iterator[None]:
    """Turn what goes wrong with a damaged file into an error about its folder."""
    try:
        yield
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        message = f"is damaged ({type(error).__name__}: {error}); run the scenario again"
        raise ScenarioError([Problem("", message, file=str(stored.folder))]) from None
