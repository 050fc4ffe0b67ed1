"""Baselines on disk: what a scenario's runs were when somebody said that they were right.

A baseline is a JSON file, a line a metric, so that a review shows which metrics an update moved. A
metric that is the same in all replications is one number instead of a list.
"""

from __future__ import annotations

import json
import platform
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from sim.atomic_files import write_whole
from sim.errors import Problem, ScenarioError
from sim.results.curves import Curve
from sim.testing.compare.divergence import Fingerprint
from sim.testing.discovery import FOLDER
from sim.testing.runs import Samples
from sim.version import __version__

if TYPE_CHECKING:
    from sim.results.statistics import Metric
    from sim.scenario import Scenario

FORMAT: Final = 1
"""Version of the layout of baselines."""

_LIBRARIES: Final = ("numba", "numpy", "simpy")
_NOT_COMPARED: Final = ("name", "description", "expect")
"""Sections of a scenario file that change nothing that happens."""


@dataclass(frozen=True)
class Baseline:
    """What a scenario's runs were.

    Attributes:
        scenario: Name of the scenario.
        reason: Why this is right, in somebody's words.
        written: Date, like 2026-11-23.
        versions: Version of each program that took part.
        seed: Key of all draws.
        digest: Digest of the replications that the scenario asked for.
        samples: Values of replications 0, 1, ...
        curve: Mean completion of the replications that the scenario asked for.
        attempts: What happened in the first replication, condensed.
        file: The scenario file's values, without what changes nothing.
        inventory: Digest of the inventory; None if there was none.
    """

    scenario: str
    reason: str
    written: str
    versions: Mapping[str, str]
    seed: int
    digest: str
    samples: Samples
    curve: Curve
    attempts: Fingerprint
    file: Mapping[str, Any]
    inventory: str | None


def baseline_path(scenario_path: Path, name: str) -> Path:
    """Return where a scenario's baseline lies.

    Args:
        scenario_path: The scenario file.
        name: Name of the scenario.
    """
    return scenario_path.parent / FOLDER / f"{name}.json"


def file_values(scenario: Scenario) -> dict[str, Any]:
    """Return what a scenario file says about what happens, as plain data."""
    return {key: value for key, value in scenario.source.data.items() if key not in _NOT_COMPARED}


def inventory_digest(scenario: Scenario) -> str | None:
    """Return the digest of a scenario's inventory; None if it has none."""
    return None if scenario.inventory is None else scenario.inventory.digest


def versions() -> dict[str, str]:
    """Return the version of each program on which results depend."""
    return {
        "fleetsim": __version__,
        "python": platform.python_version(),
        **{name: version(name) for name in _LIBRARIES},
    }


def today() -> str:
    """Return the date, like 2026-11-23."""
    return datetime.now(UTC).date().isoformat()


def read_baseline(path: Path, shown: str | None = None) -> Baseline | None:
    """Read a baseline.

    Args:
        path: The file.
        shown: Its name in messages; None for its path.

    Returns:
        What it holds; None if there is no such file.

    Raises:
        ScenarioError: It is of another format, or no whole baseline; says what to do.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise _unreadable(shown or str(path), f"is no baseline: {error}; {_ANEW}") from None
    form = content.get("format") if isinstance(content, dict) else None
    if isinstance(form, int) and form > FORMAT:
        message = (
            f"is of format {form}; fleetsim {__version__} reads format {FORMAT}. "
            f"Install the fleetsim that wrote it, or a later one; or {_ANEW}"
        )
        raise _unreadable(shown or str(path), message)
    if form != FORMAT:
        raise _unreadable(shown or str(path), f"is of no format that fleetsim {__version__} reads; {_ANEW}")
    try:
        return _from_json(content)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise _unreadable(
            shown or str(path), f"is damaged ({type(error).__name__}: {error}); {_ANEW}"
        ) from None


def write_baseline(path: Path, baseline: Baseline) -> None:
    """Write a baseline, whole or not at all.

    Args:
        path: Where. An earlier file is replaced.

    Raises:
        OSError: It can't be written.
    """
    write_whole(path, "\n".join(_lines(_to_json(baseline))) + "\n", make_folder=True)


_ANEW: Final = "restore it, or make it anew (update it, with a reason)"


def _unreadable(shown: str, message: str) -> ScenarioError:
    """Return the error about a baseline that can't be used."""
    return ScenarioError([Problem("", message, file=shown)])


def _to_json(baseline: Baseline) -> dict[str, Any]:
    """Return a baseline as JSON has it."""
    samples = baseline.samples
    return {
        "format": FORMAT,
        "scenario": baseline.scenario,
        "reason": baseline.reason,
        "written": baseline.written,
        "versions": dict(baseline.versions),
        "seed": baseline.seed,
        "replications": samples.replications,
        "digest": baseline.digest,
        "metrics": {name: _packed(values) for name, values in samples.metrics.items()},
        "lines": {place: _packed(values) for place, values in samples.lines.items()},
        "digests": list(samples.digests),
        "curve": {name: list(values) for name, values in baseline.curve._asdict().items()},
        "attempts": baseline.attempts._asdict(),
        "file": dict(baseline.file),
        "inventory": baseline.inventory,
    }


def _from_json(content: Mapping[str, Any]) -> Baseline:
    """Return the baseline that JSON holds; any error means that it holds none."""
    n = content["replications"]
    digests = tuple(str(digest) for digest in content["digests"])
    if len(digests) != n or n < 1:
        raise ValueError(f"{len(digests)} digests for {n} replications")
    curve = Curve(**{name: tuple(map(float, content["curve"][name])) for name in Curve._fields})
    if len({len(values) for values in curve}) != 1:
        raise ValueError("the curve's columns differ in length")
    return Baseline(
        scenario=str(content["scenario"]),
        reason=str(content["reason"]),
        written=str(content["written"]),
        versions={str(name): str(text) for name, text in content["versions"].items()},
        seed=int(content["seed"]),
        digest=str(content["digest"]),
        samples=Samples(_unpacked(content["metrics"], n), _unpacked(content["lines"], n), digests),
        curve=curve,
        attempts=Fingerprint(int(content["attempts"]["attempts"]), str(content["attempts"]["marks"])),
        file=dict(content["file"]),
        inventory=content["inventory"],
    )


def _packed(values: Sequence[Metric]) -> Any:
    """Return one number for a value that never changes, else the list."""
    return values[0] if len({repr(value) for value in values}) == 1 else list(values)


def _unpacked(columns: Mapping[str, Any], n: int) -> dict[str, tuple[Metric, ...]]:
    """Return lists of `n` numbers."""
    unpacked = {}
    for name, column in columns.items():
        values = tuple(column) if isinstance(column, list) else (column,) * n
        if len(values) != n:
            raise ValueError(f"{len(values)} values of {name} for {n} replications")
        if any(isinstance(value, bool) or not isinstance(value, int | float | None) for value in values):
            raise TypeError(f"{name} is no list of numbers")
        unpacked[str(name)] = values
    return unpacked


def _lines(content: Mapping[str, Any]) -> Iterator[str]:
    """Yield the lines of a JSON file in which every metric has one."""
    yield "{"
    for i_key, (key, value) in enumerate(content.items()):
        comma = "," if i_key < len(content) - 1 else ""
        if isinstance(value, dict) and value:
            yield f"  {json.dumps(key)}: {{"
            entries = [f"    {json.dumps(name)}: {_compact(inner)}" for name, inner in value.items()]
            yield ",\n".join(entries)
            yield f"  }}{comma}"
        else:
            yield f"  {json.dumps(key)}: {_compact(value)}{comma}"
    yield "}"


def _compact(value: Any) -> str:
    """Return a value on one line, as every JSON reader takes it."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False)
