"""The executor on a Dask client: results in batches, and what is lost is told."""

from concurrent.futures import CancelledError, Future
from typing import Any

import pytest

from sim.study.engine.cluster import ClusterExecutor


class Remote:
    """A future of Dask's."""

    def __init__(self, key: str, status: str, value: Any) -> None:
        """Keep how it will end."""
        self.key, self.status, self._value = key, status, value

    def add_done_callback(self, callback):
        """Note who wants to know."""
        self.tell = lambda: callback(self)

    def result(self):
        """Return or raise how it ended."""
        if isinstance(self._value, BaseException):
            raise self._value
        return self._value


class Client:
    """A client whose calls end as a test says."""

    def __init__(self, *, loses_results: bool = False) -> None:
        """Begin without calls."""
        self.remotes: list[Remote] = []
        self.batches: list[int] = []
        self._loses_results = loses_results

    def submit(self, function, *arguments, pure):
        """Keep the call."""
        assert not pure
        self.remotes.append(Remote(f"call-{len(self.remotes)}", *function(*arguments)))
        return self.remotes[-1]

    def gather(self, remotes):
        """Return many results at once, or complain that one was lost."""
        self.batches.append(len(remotes))
        if self._loses_results:
            raise ConnectionError("lost")
        return [remote.result() for remote in remotes]


def ended(*endings: tuple[str, Any], loses_results: bool = False) -> tuple[list[Future], Client]:
    """Return the futures of calls that end so, all of them when the last one is handed out."""
    client = Client(loses_results=loses_results)
    executor = ClusterExecutor(client)
    futures = [executor.submit(lambda ending: ending, ending) for ending in endings]
    for remote in client.remotes:
        remote.tell()
    executor.shutdown()
    return futures, client


@pytest.mark.parametrize("loses_results", [False, True])
def test_results__come_to_their_futures(loses_results):
    """Whether they come together, or one by one since one was lost on its way."""
    futures, client = ended(*(("finished", i) for i in range(50)), loses_results=loses_results)

    assert [future.result(timeout=5) for future in futures] == list(range(50))
    assert sum(client.batches) == 50


def test_results__errors_and_cancelled_calls_are_told():
    """Each for itself; the others have their results."""
    futures, _ = ended(("finished", 1), ("error", ValueError("bad")), ("cancelled", None), ("lost", None))

    assert futures[0].result(timeout=5) == 1
    with pytest.raises(ValueError, match="bad"):
        futures[1].result(timeout=5)
    for future in futures[2:]:
        with pytest.raises(CancelledError):
            future.result(timeout=5)


@pytest.mark.slow
def test_client__a_real_one_answers():
    """Results and errors of a process of its own; what a scheduler drops is told as cancelled."""
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(1, threads_per_worker=1, dashboard_address=None, silence_logs=50) as cluster,
        distributed.Client(cluster) as client,
    ):
        executor = ClusterExecutor(client)
        good = [executor.submit(int, str(i)) for i in range(100)]
        bad = executor.submit(int, "x")

        assert [future.result(timeout=30) for future in good] == list(range(100))
        with pytest.raises(ValueError, match="invalid literal"):
            bad.result(timeout=30)
        executor.shutdown()
