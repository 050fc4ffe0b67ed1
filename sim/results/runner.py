"""`sim.run`: replications of one scenario, each condensed as soon as it is done."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sim.campaign import run_campaign
from sim.cpus import abandoned_early, usable_cpus
from sim.errors import Problem, ScenarioError
from sim.planes.choice import PLANE_CHOICES, PlaneChoice, choose_plane
from sim.planes.stopwatch import Stopwatch
from sim.progress import Progress
from sim.results.replication import Replication, condense
from sim.results.result import RunResult
from sim.scenario import check_memory, load_scenario
from sim.scenario.arguments import choice_problems, count_problems, known_keywords
from sim.scenario.values import seed_problems
from sim.units import shown

if TYPE_CHECKING:
    from sim.scenario import Scenario, ScenarioLike


@known_keywords()
def run(
    scenario: ScenarioLike,
    *,
    seed: int | None = None,
    replications: int | None = None,
    plane: PlaneChoice = "auto",
    log_attempts: bool = False,
    processes: Sequence[Callable[..., Any]] = (),
    progress: bool = False,
    all_targets: bool = False,
    values: Sequence[Mapping[str, Any]] = (),
) -> RunResult:
    """Run a scenario and return its result.

    Replication r of seed s is the same run whatever else is run beside it, and in whatever order.

    Args:
        scenario: A scenario, the path of its file, or a mapping with what a file would hold.
        seed: Key of all draws, 0..2**64 - 1; None for the scenario's own.
        replications: How many runs, >= 1; None for the scenario's own number.
        plane: `compiled`; `simpy`: slow and transparent; `auto`: that for small work if nothing is compiled.
        log_attempts: Keep every attempt of the runs that are kept.
        processes: Generator functions `(env, service)` that join each run; with any, runs follow each other.
        progress: Show a progress bar, on stderr or in the notebook, on long work.
        all_targets: Keep what became of each device in every replication, not in the first one only.
        values: Other values for each replication, as `Scenario.with_values` takes them; or none.

    Raises:
        ScenarioError: The scenario, or one of the numbers, is wrong.

    Example:
        >>> sim.run("scenarios/quickstart.yaml", seed=1)
        <RunResult quickstart: 10,000 devices, 1 replication, seed 1, 98.8% succeeded>
    """
    loaded = load_scenario(scenario)
    n = loaded.run.replications if replications is None else replications
    key = loaded.run.seed if seed is None else seed
    _check(loaded, key, n, plane, processes, values)
    chosen = choose_plane(plane, loaded, runs=n)
    with Stopwatch() as watch, Progress("simulating", total=1.0, shown=progress) as shown:
        shares, played = _Shares(n, shown), [loaded.with_values(own) for own in values] or [loaded] * n

        def one(replication: int, check: Callable[..., None] | None = None) -> Replication:
            reach = shares.reacher(replication, check)
            kept = all_targets or replication == 0
            done = run_campaign(
                played[replication],
                seed=key,
                replication=replication,
                plane=chosen,
                log_attempts=log_attempts and kept,
                processes=processes,
                progress=reach if progress or check is not None else None,
            )
            reach(1.0)
            return condense(done, keep=kept, is_shown=True)

        runs = _each(one, n, side_by_side=chosen == "compiled" and not processes)
    return RunResult(loaded, seed=key, plane=chosen, runs=runs, wall_s=watch.seconds, values=values)


def _check(
    scenario: Scenario,
    seed: int,
    replications: int,
    plane: str,
    processes: object,
    values: Sequence[object],
) -> None:
    """Refuse numbers that no scenario file could have given, and a fleet that the memory can't hold."""
    problems = [
        *seed_problems(seed),
        *count_problems("replications", replications),
        *choice_problems("plane", plane, PLANE_CHOICES),
    ]
    if len(values) not in (0, replications):
        message = f"values for {len(values)} runs given; as many as the {replications} replications, or none"
        problems.append(Problem("values", message))
    if not isinstance(processes, Sequence) or not all(map(callable, processes)):
        problems.append(
            Problem("processes", f"{shown(processes)} is not allowed; generator functions of (env, service)")
        )
    if problems:
        raise ScenarioError(problems)
    check_memory(scenario)


def _each(one: Callable[..., Replication], n: int, *, side_by_side: bool) -> list[Replication]:
    """Run replications; side by side helps where the plane leaves the interpreter to others."""
    workers = min(n, usable_cpus()) if side_by_side else 1
    return _in_threads(one, n, workers) if workers > 1 else [one(r) for r in range(n)]


def _in_threads(one: Callable[..., Replication], n: int, workers: int) -> list[Replication]:
    """Run replications in threads; an error, or an interrupt, ends them all soon."""
    with abandoned_early(workers, "replication") as beside:
        futures = [beside.submit(one, r, beside.check) for r in range(n)]
        return [future.result() for future in futures]


class _Shares:
    """Adds up how far replications are that run side by side."""

    def __init__(self, n: int, progress: Progress) -> None:
        """Begin with none.

        Args:
            n: Replications.
            progress: Shows the share of all.
        """
        self._done = [0.0] * n
        self._progress = progress

    def reacher(self, replication: int, check: Callable[..., None] | None) -> Callable[[float], None]:
        """Return what takes the share done of a replication, and calls `check` then if there is one."""

        def reach(share: float) -> None:
            self.reach(replication, share)
            if check is not None:
                check()

        return reach

    def reach(self, replication: int, share: float) -> None:
        """Take the share done (0..1) of a replication."""
        self._done[replication] = max(self._done[replication], min(share, 1.0))
        self._progress.reach(sum(self._done) / len(self._done))
