"""What every study understands, and how everything that is wrong with an input is said at once."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypedDict, TypeVar

from sim.errors import Problem, ScenarioError
from sim.scenario.arguments import choice_problems, count_problems, given_texts
from sim.scenario.suggest import unknown
from sim.scenario.values import seed_problems
from sim.study.engine.pools import check_place
from sim.study.engine.unit import METRIC_NAMES
from sim.units import shown

if TYPE_CHECKING:
    from sim.study.engine.unit import Plane

_T = TypeVar("_T")


class Options(TypedDict, total=False):
    """What every study understands.

    Attributes:
        seed: Key of all draws, 0..2**64 - 1; None for the scenario's own.
        plane: `compiled`, or `simpy`: slow and transparent, with the same results.
        executor: `threads`, `processes`, `local:N`, the address of a Dask scheduler, or an executor of
            your own. None: threads for the compiled plane, processes for SimPy's.
        workers: How many at once; None for one a processor.
        folder: Where files go, and what the study goes on from; None keeps everything in memory.
        force: Begin anew in a folder of another study.
        progress: Show a progress bar with the time left.
    """

    seed: int | None
    plane: Plane
    executor: str | Executor | None
    workers: int | None
    folder: str | Path | None
    force: bool
    progress: bool


OPTION_NAMES: Final = tuple(Options.__annotations__)
"""The keywords that every study understands."""


class Complaints:
    """Collects what is wrong with an input, so that all of it is said at once."""

    def __init__(self) -> None:
        """Begin without any."""
        self._problems: list[Problem] = []

    def of(self, check: Callable[[], _T], otherwise: _T) -> _T:
        """Return what a check returns; if it complains, remember that and return something else.

        Args:
            check: Returns a value or raises `ScenarioError`.
            otherwise: Stands in for the value.
        """
        try:
            return check()
        except ScenarioError as error:
            self._problems += error.problems
            return otherwise

    def add(self, problem: Problem) -> None:
        """Add one."""
        self._problems.append(problem)

    def raise_any(self) -> None:
        """Raise them all.

        Raises:
            ScenarioError: If there are any.
        """
        if self._problems:
            raise ScenarioError(self._problems)


def check_count(name: str, value: int | None, default: int) -> int:
    """Return a number of replications, or its default.

    Raises:
        ScenarioError: It is no whole number, or less than 1.
    """
    problems = count_problems(name, value)
    if problems:
        raise ScenarioError(problems)
    return default if value is None else value


def _folder_problems(given: object) -> list[Problem]:
    """Return what is wrong with the type of a folder's path."""
    if given is None or isinstance(given, str | Path):
        return []
    return [Problem("folder", f"{shown(given)} is not allowed; the path of a folder, or None")]


def check_metric(name: str) -> str:
    """Return the name of a metric.

    Raises:
        ScenarioError: There is no such metric.
    """
    if name not in METRIC_NAMES:
        raise ScenarioError([Problem("metric", unknown("metric", name, METRIC_NAMES))])
    return name


def check_metrics(names: object) -> list[str]:
    """Return the names of some metrics, or of a single one.

    Raises:
        ScenarioError: There is no such metric, or these are no names.
    """
    return [check_metric(name) for name in given_texts("metrics", names)]


def check_options(options: Options) -> None:
    """Refuse options that no study could have, without looking at the folder or reaching a cluster.

    Raises:
        ScenarioError: With everything that is wrong.
    """
    complaints = Complaints()
    complaints.of(lambda: check_place(options.get("executor"), options.get("workers")), None)
    for problem in (*seed_problems(options.get("seed")), *_folder_problems(options.get("folder"))):
        complaints.add(problem)
    for problem in choice_problems("plane", options.get("plane", "compiled"), ("compiled", "simpy")):
        complaints.add(problem)
    complaints.raise_any()
