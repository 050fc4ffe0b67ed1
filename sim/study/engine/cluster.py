"""A Dask cluster as an executor of `concurrent.futures`.

Dask brings one, but it fetches results one after the other in a single thread, some ten milliseconds each: a
handful of workers would keep it busy, and more of them would wait for it. This one fetches whatever is ready
in one go.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import CancelledError, Executor, Future
from contextlib import suppress
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any


class ClusterExecutor(Executor):
    """Hands calls to a Dask client. It neither opens nor closes the client."""

    def __init__(self, client: Any) -> None:
        """Begin to listen for results.

        Args:
            client: A `distributed.Client`.
        """
        self._client = client
        self._promises: dict[str, Future[Any]] = {}
        self._ready: SimpleQueue[Any] = SimpleQueue()
        Thread(target=self._collect, name="collect-results", daemon=True).start()

    def submit(self, function: Callable[..., Any], /, *arguments: Any, **keywords: Any) -> Future[Any]:
        """Hand out a call; equal calls are separate ones."""
        promise: Future[Any] = Future()
        promise.set_running_or_notify_cancel()
        remote = self._client.submit(function, *arguments, pure=False, **keywords)
        self._promises[remote.key] = promise
        remote.add_done_callback(self._ready.put)
        return promise

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Stop listening. Calls under way belong to the client, whose end is theirs."""
        self._ready.put(None)

    def _collect(self) -> None:
        """Keep promises until told to stop."""
        while True:
            batch = [self._ready.get()]
            with suppress(Empty):
                while True:
                    batch.append(self._ready.get_nowait())
            self._deliver([remote for remote in batch if remote is not None])
            if None in batch:
                return

    def _deliver(self, batch: list[Any]) -> None:
        """Fetch results, all in one go, and pass them on with whatever went wrong."""
        finished = [remote for remote in batch if remote.status == "finished"]
        try:
            results = dict(
                zip((remote.key for remote in finished), self._client.gather(finished), strict=True)
            )
        except Exception:  # one of them was lost on its way; each is asked for itself below
            results = {}
        for remote in batch:
            promise = self._promises.pop(remote.key)
            if remote.key in results:
                promise.set_result(results[remote.key])
            elif remote.status in ("cancelled", "lost"):
                promise.set_exception(CancelledError())
            else:
                try:
                    promise.set_result(remote.result())
                except Exception as error:
                    promise.set_exception(error)
