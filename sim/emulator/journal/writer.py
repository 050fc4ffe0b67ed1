"""How changes get into the journal: one by one, or all that wait in one commit.

A commit takes as long as the disk takes, often longer than the command. While one is under way, the
commands of other clients gather, and the next commit takes all of them. No answer leaves before the
commit of everything that it could have seen.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from sim.emulator.journal.journal import Journal

Job = Callable[[Journal], object]
"""One change of the journal."""


class Writer(Protocol):
    """Takes changes and puts them into the journal, in order."""

    def submit(self, job: Job) -> None:
        """Take a change; it need not be on the disk yet when this returns."""

    def drain(self) -> None:
        """Put everything onto the disk, while the caller waits."""

    async def flushed(self) -> None:
        """Return once everything taken so far is on the disk.

        Raises:
            sqlite3.Error: It could not be written, and the journal doesn't have it.
        """


class DirectWriter:
    """Writes every change at once."""

    def __init__(self, journal: Journal) -> None:
        """Write to a journal."""
        self._journal = journal

    def submit(self, job: Job) -> None:
        """Write a change."""
        self._journal.write([job])

    def drain(self) -> None:
        """Do nothing: all is written."""

    async def flushed(self) -> None:
        """Do nothing: all is written."""


@dataclass
class _Batch:
    """Changes that share a commit."""

    landed: asyncio.Future[None]
    jobs: list[Job] = field(default_factory=list)
    flight: concurrent.futures.Future[None] | None = None


class GroupWriter:
    """Writes on a thread of its own; changes that come during a commit share the next one.

    Everything but the commit itself happens on the event loop's thread.
    """

    def __init__(
        self, journal: Journal, loop: asyncio.AbstractEventLoop, *, on_loss: Callable[[], None]
    ) -> None:
        """Start the thread.

        Args:
            journal: The journal; only the writer touches it from now on.
            loop: The event loop that submits changes.
            on_loss: Called when changes that were taken could not be written.
        """
        self._journal = journal
        self._loop = loop
        self._on_loss = on_loss
        self._thread = concurrent.futures.ThreadPoolExecutor(1, "journal")
        self._flying: _Batch | None = None
        self._gathering: _Batch | None = None

    def submit(self, job: Job) -> None:
        """Take a change; it need not be on the disk yet when this returns."""
        if self._gathering is None:
            self._gathering = _Batch(self._loop.create_future())
        self._gathering.jobs.append(job)
        if self._flying is None:
            self._take_off()

    def drain(self) -> None:
        """Put everything onto the disk, while the caller waits."""
        for _ in range(2):  # what is flying, and what has gathered meanwhile
            batch = self._flying
            if batch is not None and batch.flight is not None:
                concurrent.futures.wait([batch.flight])
                self._land(batch)

    async def flushed(self) -> None:
        """Return once everything taken so far is on the disk; see `Writer.flushed`."""
        batch = self._gathering or self._flying
        if batch is not None:
            await asyncio.shield(batch.landed)

    def close(self) -> None:
        """Write what is left and end the thread."""
        self.drain()
        self._thread.shutdown()

    def _take_off(self) -> None:
        """Begin the commit of what has gathered."""
        batch = self._gathering
        self._flying, self._gathering = batch, None
        if batch is None:
            return
        batch.flight = self._thread.submit(self._journal.write, batch.jobs)
        batch.flight.add_done_callback(lambda _: self._loop.call_soon_threadsafe(self._land, batch))

    def _land(self, batch: _Batch) -> None:
        """Tell those who wait how the commit ended, and begin the next one."""
        if batch is not self._flying or batch.flight is None:
            return  # it was drained
        error = batch.flight.exception()
        if error is None:
            batch.landed.set_result(None)
            self._take_off()
            return
        # What has gathered since was built upon what is lost.
        lost = [batch] if self._gathering is None else [batch, self._gathering]
        self._flying = self._gathering = None
        for one in lost:
            one.landed.set_exception(error)
            one.landed.exception()  # retrieved, also if nobody waits
        self._on_loss()
