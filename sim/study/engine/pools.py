"""Where units run: threads, processes, a Dask cluster, or an executor of the caller's.

All are a `concurrent.futures.Executor`; what differs is how one is made, and made again when it breaks.
"""

from __future__ import annotations

import os
import re
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from multiprocessing import connection, get_context, parent_process
from typing import TYPE_CHECKING, Any, Final

from sim.cpus import as_one_of, usable_cpus
from sim.errors import Problem, ScenarioError
from sim.scenario.arguments import count_problems
from sim.scenario.memory import BYTES_PER_DEVICE
from sim.study.engine.cluster import ClusterExecutor
from sim.units import shown
from sim.version import __version__

if TYPE_CHECKING:
    from sim.scenario import Scenario

THREADS: Final = "threads"
PROCESSES: Final = "processes"

_CLUSTER: Final = re.compile(r"(?:tcp|tls|ucx)://\S+:[0-9]+|local:(?P<count>[0-9]+)")
_CONNECT_S: Final = 10.0
_PER_WORKER: Final = 4
_PER_REMOTE_WORKER: Final = 32


class Pool:
    """An executor, and how to get another one.

    Attributes:
        name: What it is, for messages.
        workers: Units that run at once.
        window: Units to hand out at a time: enough for nobody to wait, and not all of them, since each is
            kept until it is done.
    """

    def __init__(
        self,
        make: Callable[[], Executor],
        *,
        name: str,
        workers: int,
        can_renew: bool = False,
        per_worker: int = _PER_WORKER,
        close: Callable[[Executor, bool], None] | None = None,
    ) -> None:
        """Make the executor.

        Args:
            make: Returns a new executor.
            name: What it is, for messages.
            workers: Units that run at once, >= 1.
            can_renew: Whether another one can be made when it breaks.
            per_worker: Units to hand out at a time, for each that runs.
            close: Called with the executor, and whether it is in a hurry; None leaves it as it is.
        """
        self._make = make
        self._close = close
        self.can_renew = can_renew
        self.name = name
        self.workers = workers
        self.window = workers * per_worker
        self._executor = make()

    def submit(self, function: Callable[..., Any], *arguments: Any) -> Future[Any]:
        """Hand out a call; it gets its share of the processors of wherever it runs."""
        return self._executor.submit(as_one_of, self.workers, function, *arguments)

    def renew(self) -> None:
        """Replace a broken executor."""
        self._executor.shutdown(wait=False, cancel_futures=True)
        self._executor = self._make()

    def close(self, *, hurry: bool = False) -> None:
        """End the executor; one in a hurry drops what has not begun."""
        if self._close is not None:
            self._close(self._executor, hurry)


def open_pool(
    where: str | Executor | None, *, plane: str, workers: int | None, scenario: Scenario | None = None
) -> Pool:
    """Return where units will run.

    Args:
        where: `threads`, `processes`, `local:N` or `tcp://HOST:PORT` for a cluster, an executor, or None:
            threads for the compiled plane, whose kernels leave the interpreter to others, and processes
            for the SimPy plane, which doesn't.
        plane: `compiled` or `simpy`.
        workers: How many; None for one a processor, or as many as fit into memory.
        scenario: Whose fleet must fit into memory several times.

    Raises:
        ScenarioError: There is no such place, it can't be reached, or a number is wrong.
    """
    check_place(where, workers)
    if isinstance(where, Executor):
        count = workers or getattr(where, "_max_workers", None) or usable_cpus()
        return Pool(lambda: where, name=type(where).__name__, workers=count)
    if where is not None and where not in (THREADS, PROCESSES):
        return _cluster(where)
    count = workers or min(usable_cpus(), _fitting(scenario))
    if (where or (THREADS if plane == "compiled" else PROCESSES)) == THREADS:
        return Pool(
            lambda: ThreadPoolExecutor(count, thread_name_prefix="study"),
            name=THREADS,
            workers=count,
            close=lambda executor, _: executor.shutdown(wait=True, cancel_futures=True),
        )
    return Pool(
        lambda: ProcessPoolExecutor(count, get_context("spawn"), _begin_worker),
        name=PROCESSES,
        workers=count,
        can_renew=True,
        close=_end_processes,
    )


def _place_problems(where: object) -> list[Problem]:
    """Return what is wrong with the type of a place to run."""
    if where is None or isinstance(where, str | Executor):
        return []
    allowed = "a text like 'threads' or 'local:4', or an executor of concurrent.futures"
    return [Problem("executor", f"{shown(where)} is no place to run; allowed: {allowed}")]


def check_place(where: str | Executor | None, workers: int | None) -> None:
    """Refuse what is no place to run, and no number of workers, without reaching for it.

    Raises:
        ScenarioError: With everything that is wrong.
    """
    problems = count_problems("workers", workers)
    problems += _place_problems(where)
    if isinstance(where, str) and where not in (THREADS, PROCESSES):
        match = _CLUSTER.fullmatch(where)
        if match is None:
            allowed = "threads, processes, local:N, or the scheduler's address like tcp://host:8786"
            problems.append(Problem("cluster", f"{shown(where)} is no place to run; allowed: {allowed}"))
        elif match["count"] is not None and int(match["count"]) < 1:
            problems.append(Problem("cluster", f"{shown(where)} has no workers; at least local:1"))
    if problems:
        raise ScenarioError(problems)


def _fitting(scenario: Scenario | None) -> int:
    """Return how many runs of a scenario fit into memory at once, at least 1."""
    try:
        memory_bytes = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):  # a system that keeps it to itself
        return usable_cpus()
    need_bytes = BYTES_PER_DEVICE * (1 if scenario is None else scenario.n_devices)
    return max(1, memory_bytes // need_bytes)


def _begin_worker() -> None:
    """Set up a worker process: it goes quietly with Ctrl-C, and with a parent that was killed."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    parent = parent_process()
    assert parent is not None, "a worker process has a parent"

    def follow() -> None:
        connection.wait([parent.sentinel])
        os._exit(1)  # the main thread may be inside a kernel for minutes

    threading.Thread(target=follow, name="follow-parent", daemon=True).start()


def _end_processes(executor: Executor, hurry: bool) -> None:
    """End worker processes; in a hurry in the middle of their work, since files are whole or absent."""
    assert isinstance(executor, ProcessPoolExecutor)
    # There is no public way to end them before Python 3.14.
    workers = list((executor._processes or {}).values()) if hurry else []
    executor.shutdown(wait=not hurry, cancel_futures=True)
    for worker in workers:
        worker.terminate()
    for worker in workers:
        worker.join()


@contextmanager
def _deaf_to_interrupts() -> Iterator[None]:
    """Let processes that are started here inherit that Ctrl-C is none of their business.

    They are ended by whoever started them; left to themselves they would fill the terminal with what
    they were just doing.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _cluster(where: str) -> Pool:
    """Return a Dask cluster: one of our own, or one that runs already."""
    try:
        from distributed import Client, LocalCluster
    except ImportError:
        message = "needs the package 'distributed': pip install 'fleet-upgrade-sim[cluster]'"
        raise ScenarioError([Problem("cluster", message)]) from None
    local = None
    if where.startswith("local:"):
        with _deaf_to_interrupts():
            local = LocalCluster(  # type: ignore[no-untyped-call]  # as all of Dask
                n_workers=int(where.removeprefix("local:")),
                threads_per_worker=1,
                processes=True,
                dashboard_address=None,
                silence_logs=50,
            )
    try:
        client = Client(local or where, timeout=_CONNECT_S)  # type: ignore[no-untyped-call]  # likewise
    except (OSError, TimeoutError) as error:
        message = f"can't be reached at {where}: {str(error) or type(error).__name__}"
        raise ScenarioError([Problem("cluster", message)]) from None

    def end(executor: Executor, hurry: bool) -> None:
        executor.shutdown()
        client.close(timeout=1 if hurry else _CONNECT_S)  # type: ignore[no-untyped-call]  # likewise
        if local is not None:
            local.close(timeout=_CONNECT_S)

    executor = ClusterExecutor(client)
    try:
        workers = _checked_workers(client, where)
    except BaseException:
        end(executor, True)
        raise
    # A future of a cluster takes some milliseconds to come back: more of them must be on their way.
    return Pool(lambda: executor, name=where, workers=workers, per_worker=_PER_REMOTE_WORKER, close=end)


def _checked_workers(client: Any, where: str) -> int:
    """Return the number of threads of a cluster's workers, which must have this very version.

    Raises:
        ScenarioError: There is no worker, or one has another version.
    """
    try:
        client.wait_for_workers(1, timeout=_CONNECT_S)
    except TimeoutError:
        raise ScenarioError([Problem("cluster", f"{where} has no workers")]) from None
    threads = client.nthreads()
    try:
        versions = client.run(worker_versions)
    except Exception as error:  # whatever went wrong over there, it is the cluster that can't be used
        message = f"workers of {where} can't import this package: {error!r}"
        raise ScenarioError([Problem("cluster", message)]) from None
    mine = worker_versions()
    problems = [
        Problem("cluster", f"worker {name} has {theirs}; this is {mine}")
        for name, theirs in versions.items()
        if theirs != mine
    ]
    if problems:
        raise ScenarioError(problems)
    return sum(threads.values())


def worker_versions() -> str:
    """Return what must be equal everywhere for results to be equal."""
    from importlib.metadata import version

    names = ("numba", "numpy", "simpy")
    found = [f"fleetsim {__version__}", *(f"{name} {version(name)}" for name in names)]
    return ", ".join([*found, f"Python {sys.version_info.major}.{sys.version_info.minor}"])
