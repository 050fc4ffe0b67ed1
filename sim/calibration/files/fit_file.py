"""The file with all that a fit knows: numbers, intervals, grades and draws.

A later run reads the draws, so that it carries how uncertain the numbers are; a later fit of another campaign
reads what to believe of the same fleet beforehand.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from sim.calibration.unknowns import Unknown, unknowns_of
from sim.errors import Problem, ScenarioError

if TYPE_CHECKING:
    from sim.scenario import Scenario

VERSION: Final = 1
"""Of the file's form; files of other versions are refused."""

FORMAT: Final = "fleetsim fit"
"""What says that a file is that of a fit."""

COLUMNS: Final = ("path", "paths", "of", "kind", "transform", "template", "estimate", "low", "high", "grade")
"""Keys of each number."""

_COHORT: Final = re.compile(r"fleet\.cohorts\[(\d+)\]\.(.*)")
_CAUSE: Final = re.compile(r"failures\[(\d+)\]\.(.*)")


@dataclass(frozen=True, eq=False)
class FitRecord:
    """A fit as its file has it.

    Attributes:
        name: The file's.
        scenario: Name of the template.
        numbers: (k) rows with the keys of the file.
        mean: (k,) of the draws, on the scale of the search (logit of shares, else logarithm).
        covariance: (k, k), likewise.
        draws: (n, k) of the posterior, natural units: shares 0..1, seconds.
        data_digest: SHA-256 of the attempts.
        template_digest: Digest of the template.
        notes: What the fit had to say.
    """

    name: str
    scenario: str
    numbers: tuple[Mapping[str, Any], ...]
    mean: NDArray[np.float64]
    covariance: NDArray[np.float64]
    draws: NDArray[np.float64]
    data_digest: str
    template_digest: str
    notes: tuple[str, ...]


def read_fit(path: str | Path) -> FitRecord:
    """Read the file of a fit.

    Raises:
        ScenarioError: It is not there, is no fit, or one of another version.
    """
    name = str(path)
    try:
        data = json.loads(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise _refused(name, "there is no such file") from None
    except OSError as error:
        raise _refused(name, f"can't be read: {error.strerror}") from None
    except ValueError:  # no JSON, or no text
        raise _refused(name, "is no JSON; 'fleetsim fit' writes such a file beside the scenario") from None
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise _refused(name, "is no fit; 'fleetsim fit' writes such a file beside the scenario")
    if data.get("version") != VERSION:
        message = f"is of version {data.get('version')!r}; this fleetsim reads version {VERSION}: fit again"
        raise _refused(name, message)
    try:
        return _record(name, data)
    except (KeyError, TypeError, ValueError) as error:
        raise _refused(name, f"is damaged ({type(error).__name__}: {error}); fit again") from None


def _refused(name: str, message: str) -> ScenarioError:
    return ScenarioError([Problem("", message, file=name)])


def _record(name: str, data: Mapping[str, Any]) -> FitRecord:
    """Return the record of plain data.

    Raises:
        KeyError: Something is missing.
        TypeError: Something is of another type.
        ValueError: Something has another size, or is not finite.
    """
    numbers = tuple(data["numbers"])
    k = len(numbers)
    for row in numbers:
        missing = [key for key in COLUMNS if key not in row]
        if missing:
            raise ValueError(f"numbers lack {', '.join(missing)}")
    draws = np.array(data["draws"], np.float64).reshape(-1, k)
    mean, covariance = np.array(data["mean"], np.float64), np.array(data["covariance"], np.float64)
    if mean.shape != (k,) or covariance.shape != (k, k) or len(draws) == 0:
        raise ValueError("numbers and draws don't fit together")
    if not all(np.isfinite(one).all() for one in (draws, mean, covariance)):
        raise ValueError("a draw is no number")
    return FitRecord(
        name=name,
        scenario=str(data["scenario"]),
        numbers=numbers,
        mean=mean,
        covariance=covariance,
        draws=draws,
        data_digest=str(data["data_digest"]),
        template_digest=str(data["template_digest"]),
        notes=tuple(map(str, data["notes"])),
    )


def meaning(scenario: Scenario, path: str) -> str:
    """Return whose number a path is, in words that tell when its place has become another's.

    Args:
        scenario: Any.
        path: Of an unknown of it, or of another scenario.

    Returns:
        Like `cohort meters, install, code 10`; empty for a general stage, and for a place that is not there.
    """
    words, rest, causes = [], path, scenario.failures
    in_cohort = _COHORT.fullmatch(path)
    if in_cohort is not None:
        c = int(in_cohort[1])
        if c >= len(scenario.fleet.cohorts):
            return ""
        words.append(f"cohort {scenario.cohort_names[c]}")
        rest, causes = in_cohort[2], scenario.fleet.cohorts[c].failures
    of_cause = _CAUSE.fullmatch(rest)
    if of_cause is not None:
        i = int(of_cause[1])
        if i >= len(causes):
            return ""
        words += [causes[i].stage, "silent" if causes[i].silent else f"code {causes[i].code}"]
    return ", ".join(words)


def values_of_draws(record: FitRecord, scenario: Scenario, n: int) -> list[dict[str, Any]]:
    """Return the values of the first draws, as a file would write them.

    Args:
        record: A fit.
        scenario: The fitted scenario, or one with the same numbers in the same places: what else it says may
            be other, like its policy.
        n: How many, >= 1.

    Returns:
        (n) values by path, for `Scenario.with_values`.

    Raises:
        ScenarioError: The fit is that of another template, or has fewer draws; with all that is wrong.
    """
    problems = []
    if n > len(record.draws):
        message = f"has {len(record.draws)} draws, too few for {n} replications"
        problems.append(Problem("draws", message, file=record.name))
    found = {path: one for one in unknowns_of(scenario) for path in one.paths}
    for row in record.numbers:
        missing = [path for path in row["paths"] if path not in found or found[path].kind != row["kind"]]
        if missing:
            there = f"no number like it in the scenario at {', '.join(missing)}"
        elif meaning(scenario, row["path"]) != row["of"]:
            there = f"in the scenario it is that of {meaning(scenario, row['path'])}, not of {row['of']}"
        else:
            continue
        problems.append(Problem(row["path"], f"is of another template: {there}", file=record.name))
    if problems:
        raise ScenarioError(problems)
    return [
        {
            path: _written(found[path], value)
            for row, value in zip(record.numbers, draw.tolist(), strict=True)
            for path in row["paths"]
        }
        for draw in record.draws[:n]
    ]


def _written(one: Unknown, value: float) -> float | str:
    """Return a value as a file may write it."""
    value = min(value, one.high)
    return f"{value!r} s" if one.is_duration else value
