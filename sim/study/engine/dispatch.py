"""Hands out units of work, takes back what comes, and hands out again what a dead worker lost."""

from __future__ import annotations

import pickle
from collections import Counter, deque
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, CancelledError, Future, wait
from typing import Final

from sim.errors import Problem, ScenarioError
from sim.study.engine.pools import Pool
from sim.study.engine.unit import Job, Unit, UnitResult, perform_packed

_DEATHS_MAX: Final = 4
_ALONE_AFTER: Final = 2

_GONE: Final = "the scheduler at {} dropped the work; what was whole is kept, run it again to go on"
_DIED: Final = (
    "the workers ({}) died {} times, the last time at {}. Out of memory? Take fewer with --workers; a "
    "script that uses processes needs `if __name__ == '__main__':`. What was whole is kept"
)


def hand_out(job: Job, units: Sequence[Unit], pool: Pool, keep: Callable[[Unit, UnitResult], None]) -> None:
    """Have units done.

    When a worker process dies, its pool is of no use any more and everything under way is lost: it is made
    again, and the lost units are handed out again, one by one if it was not the first time, so that the
    one that kills its workers is found and the others are not blamed.

    Args:
        job: What they have in common.
        units: What is to be done.
        pool: Where. Renewed when it breaks.
        keep: Called with each unit and what it brought, as they come.

    Raises:
        ScenarioError: A run can't be made, or the workers die again and again.
        ModelError: An invariant of the model broke.
    """
    packed = pickle.dumps(job)
    waiting = deque(units)
    running: dict[Future[UnitResult], Unit] = {}
    deaths: Counter[Unit] = Counter()
    suspects: set[Unit] = set()
    while waiting or running:
        lost = _fill(packed, waiting, running, pool, 1 if suspects else pool.window)
        done = wait(running, return_when=FIRST_COMPLETED).done if running else set()
        for future in done:
            unit = running.pop(future)
            try:
                result = future.result()
            except BrokenExecutor:
                lost.append(unit)
                continue
            except CancelledError:
                raise ScenarioError([Problem("cluster", _GONE.format(pool.name))]) from None
            except Exception as error:
                if type(error).__name__ == "KilledWorker":  # Dask's; it has tried several times
                    raise _died(pool, unit, _DEATHS_MAX) from None
                error.add_note(f"while running {dict(unit.points[0].values)}, replications from {unit.first}")
                raise
            keep(unit, result)
            suspects.discard(unit)
        if lost:
            lost += running.values()
            running.clear()
            for unit in lost:
                deaths[unit] += 1
                if deaths[unit] >= _DEATHS_MAX or not pool.can_renew:
                    raise _died(pool, unit, deaths[unit])
                if deaths[unit] >= _ALONE_AFTER:
                    suspects.add(unit)
            waiting.extendleft(reversed(lost))
            pool.renew()


def _fill(
    packed: bytes, waiting: deque[Unit], running: dict[Future[UnitResult], Unit], pool: Pool, window: int
) -> list[Unit]:
    """Hand out units until enough are under way; return those that a broken pool refused."""
    while waiting and len(running) < window:
        unit = waiting.popleft()
        try:
            running[pool.submit(perform_packed, packed, unit)] = unit
        except BrokenExecutor:  # it broke since we last looked
            return [unit]
    return []


def _died(pool: Pool, unit: Unit, times: int) -> ScenarioError:
    """Return the error for a unit that no worker survives."""
    return ScenarioError([Problem("workers", _DIED.format(pool.name, times, dict(unit.points[0].values)))])
