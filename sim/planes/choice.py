"""Which device plane a run gets when nobody insists on one."""

from __future__ import annotations

import math
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Final, Literal

from sim.campaign.record import Plane
from sim.errors import Problem, ScenarioError
from sim.planes.display import SilentDisplay
from sim.scenario.arguments import choice_problems, is_whole
from sim.scenario.values import seed_problems
from sim.units import shown

if TYPE_CHECKING:
    from sim.scenario import Cause, Cohort, Scenario

PlaneChoice = Literal["auto", "compiled", "simpy"]
"""What may be asked for: `auto` is `compiled`, or `simpy` while compiling would take longer."""

PLANE_CHOICES: Final[tuple[PlaneChoice, ...]] = ("auto", "compiled", "simpy")

SMALL_S: Final = 10.0
"""Work that takes less on the SimPy plane does not wait for the compiler."""

_ATTEMPT_S: Final = 0.25e-3
"""What an attempt costs on the SimPy plane, about."""
_COHORT_S: Final = 2e-6
"""What each cohort adds to an attempt on a shared network, which looks at all of them."""

_INSTEAD: Final = "This runs on the SimPy plane; results are the same to the bit"
_NOT_YET: Final = (
    f"The fast plane's kernels are not compiled yet. {_INSTEAD}. To compile them, once: fleetsim compile"
)
_SAID: Final[set[str]] = set()
_LEAST_FAILED: Final = 0.1
"""Share of attempts that fail, at least: outages, timers and full places are not looked at."""


def check_choices(seed: object, replication: object, plane: object) -> None:
    """Refuse what no single run could be made of.

    Args:
        seed: Key of all draws, 0..2**64 - 1; None for the scenario's own.
        replication: Which replication of it, >= 0.
        plane: One of `PLANE_CHOICES`.

    Raises:
        ScenarioError: With everything that is wrong.
    """
    problems = seed_problems(seed)
    if not is_whole(replication) or replication < 0:  # type: ignore[operator]  # a number then
        problems.append(Problem("replication", f"{shown(replication)} is not allowed; at least 0"))
    problems += choice_problems("plane", plane, PLANE_CHOICES)
    if problems:
        raise ScenarioError(problems)


def choose_plane(
    choice: PlaneChoice,
    scenario: Scenario,
    *,
    runs: int,
    is_quiet: bool = False,
) -> Plane:
    """Return the plane for some work, loaded and with its kernels compiled.

    Args:
        choice: What is asked for.
        scenario: What is run.
        runs: How many runs of it, >= 1.
        is_quiet: Say nothing on stderr, neither that another plane runs than usual nor how far the
            compiler is.
    """
    if choice == "simpy":
        return "simpy"
    from sim.planes import compilation  # here: it loads the compiler; SimPy's plane does without

    chosen = _chosen(compilation, choice, scenario, runs, is_quiet=is_quiet)
    if chosen == "compiled":
        compilation.load_plane()
    return chosen


def _chosen(
    compilation: ModuleType, choice: PlaneChoice, scenario: Scenario, runs: int, *, is_quiet: bool
) -> Plane:
    """Return the plane for some work; compile what it needs.

    Args:
        compilation: The module that does that.
        choice: `auto` or `compiled`.
        scenario: What is run.
        runs: How many runs of it.
        is_quiet: See `choose_plane`.
    """
    tell = _tell_nobody if is_quiet else _tell
    if choice == "compiled" and not compilation.JIT_ENABLED:
        tell("NUMBA_DISABLE_JIT is set: the compiled plane's code runs as Python, slowly.")
        return "compiled"
    if compilation.kernels_ready():
        return "compiled"
    if not compilation.JIT_ENABLED:
        tell(f"NUMBA_DISABLE_JIT is set, so nothing can be compiled. {_INSTEAD}.")
        return "simpy"
    if choice == "auto" and seconds_on_simpy(scenario, runs) <= SMALL_S:
        tell(
            _NOT_YET
            if compilation.CACHE_FOLDER is not None
            else f"Compiled kernels can't be kept. {_INSTEAD}."
        )
        return "simpy"
    try:
        compilation.compile_kernels(SilentDisplay() if is_quiet else None)
    except Exception as error:
        if choice == "compiled":
            raise
        tell(f"The kernels can't be compiled ({type(error).__name__}: {error}). {_INSTEAD}.")
        return "simpy"
    return "compiled"


def seconds_on_simpy(scenario: Scenario, runs: int) -> float:
    """Return about how long runs of a scenario take on the SimPy plane, seconds.

    Args:
        scenario: What is run.
        runs: How many.
    """
    policy = scenario.campaign.task_policy
    attempts = 0.0
    for cohort, devices in zip(scenario.fleet.cohorts, scenario.cohort_sizes, strict=True):
        said = sum(_failed_share(scenario, cohort, cause) for cause in scenario.failures_of(cohort))
        failed = min(1.0, max(_LEAST_FAILED, said))
        attempts += devices * sum(failed**retry for retry in range(policy.retry_count + 1))
    calls = sum(operator.call == "retry" for operator in scenario.operators)
    shared = 0 if scenario.platform.bandwidth is None else len(scenario.fleet.cohorts)
    return runs * (1.0 + _LEAST_FAILED * calls) * attempts * (_ATTEMPT_S + shared * _COHORT_S)


def _failed_share(scenario: Scenario, cohort: Cohort, cause: Cause) -> float:
    """Return about which share of a cohort's attempts one cause makes fail, 0 to 1."""
    breaks = 0.0
    if cause.per is not None:
        breaks = scenario.package_size_of(cohort) / cause.per
    elif cause.rate is not None and cause.stage == "download":
        breaks = cause.rate * scenario.shortest_download_s(cohort)
    elif cause.rate is not None:
        breaks = cause.rate * scenario.stages_of(cohort)[cause.stage].mean_s
    return (cause.probability or 0.0) + (cause.permanent or 0.0) - math.expm1(-breaks)


def _tell_nobody(line: str) -> None:
    """Keep a line back."""


def _tell(line: str) -> None:
    """Write a line to stderr, once in a process."""
    if line not in _SAID:
        _SAID.add(line)
        sys.stderr.write(f"{line}\n")
