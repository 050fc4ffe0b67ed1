"""A session: one world, one clock, one journal, and the order in which things happen.

Every method that acts runs to its end without giving way, on one thread. So commands take effect in the
order of the journal, and whoever looks sees the outcome of whole commands only. That all of them are on
the disk is what `flushed` waits for, before an answer leaves.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Final, Generic

from sim.campaign import Holds
from sim.emulator.clock import VirtualClock
from sim.emulator.faults import Faults, FaultSettings
from sim.emulator.journal.commands import Advance, Answer, Command, HoldStates, decode, fingerprint
from sim.emulator.journal.journal import Journal
from sim.emulator.journal.writer import DirectWriter, GroupWriter, Job, Writer
from sim.emulator.snapshot import Snapshot, take
from sim.emulator.world import World
from sim.errors import ApiError, ModelError

_LOG: Final = logging.getLogger(__name__)
_KEEP_AFTER_S: Final = 2.0
_KEEP_AT_END_S: Final = 0.3
_KEEP_SHARE: Final = 20  # keeping takes at most a twentieth of the time
_END_NOTE: Final = "end"
_FAULTS_NOTE: Final = "faults"


Progress = Callable[[int, int], None]
"""Takes how many commands have been replayed, and how many there are."""


@dataclass(frozen=True)
class Done(Generic[Answer]):
    """A command that was carried out.

    Attributes:
        answer: What it answered.
        seq: Its number in the journal.
    """

    answer: Answer
    seq: int


class Session:
    """What all requests work on.

    Attributes:
        world: The simulation. Only `Session` lets its time pass.
        clock: The virtual clock.
        faults: What goes wrong on the way of requests.
    """

    def __init__(
        self,
        make_world: Callable[[], World],
        journal: Journal,
        clock: VirtualClock,
        progress: Progress | None = None,
    ) -> None:
        """Make the world and bring it to where the journal ends.

        Args:
            make_world: Makes the world at time 0, always the same.
            journal: What has happened in it so far.
            clock: The virtual clock; it is put to the time of the last command.
            progress: Told how far the replay has come.

        Raises:
            ModelError: The replay ended elsewhere than the journal says.
        """
        self._make_world = make_world
        self._journal = journal
        self._writer: Writer = DirectWriter(journal)
        self._is_closed = False
        self._resumed = -1, ""  # after how many commands the kept state was taken, and its digest
        self._unkept_s = 0.0  # what it takes to live through all since the state was kept
        self._keep_from_s = _KEEP_AFTER_S  # of the above, when it is worth while
        self.clock = clock
        self.world = self._replayed(progress)
        self._check_end()
        clock.set(self.world.now_ticks)
        initial = self.world.scenario.platform.api
        settings = FaultSettings(throttle_share=initial.throttle_share, error_share=initial.error_share)
        if journal.noted(_FAULTS_NOTE) is not None:
            settings = FaultSettings.model_validate(journal.noted(_FAULTS_NOTE))
        # What the world does is a command, since it is replayed; the note is about the way of requests.
        settings = settings.model_copy(update=self.world.service.holds._asdict())
        self.faults = Faults(settings, seed=self.world.seed)

    @property
    def n_commands(self) -> int:
        """Commands carried out so far."""
        return self._n_commands

    @property
    def notices(self) -> tuple[str, ...]:
        """What was found in the state folder and is to be told, in sentences."""
        return self._journal.notices

    async def flushed(self) -> None:
        """Return once everything that has happened so far is on the disk.

        Raises:
            sqlite3.Error: Something could not be written; it has not happened then.
        """
        await self._writer.flushed()
        if self._unkept_s >= self._keep_from_s:
            self._keep_state()

    @asynccontextmanager
    async def served(self) -> AsyncIterator[None]:
        """Let commands of several clients share commits; the session is closed at the end."""
        loop = asyncio.get_running_loop()
        writer = GroupWriter(self._journal, loop, on_loss=self._begin_from_journal)
        self._writer = writer
        try:
            yield
        finally:
            writer.close()
            self._writer = DirectWriter(self._journal)
            self.close()

    def look(self) -> World:
        """Return the world at the clock's time, to be read only."""
        now = self.clock.now_ticks()
        if now > self.world.now_ticks:
            with self._undone_if_it_fails():
                self.world.advance_to(now)
        return self.world

    def execute(self, command: Command[Answer]) -> Done[Answer]:
        """Carry a command out at the clock's time and put it into the journal.

        Args:
            command: The command.

        Returns:
            Its answer and its number.

        Raises:
            ApiError: It is refused; nothing has changed, and the journal doesn't have it.
        """
        begin = time.perf_counter()
        world = self.look()
        with self._undone_if_it_fails():
            answer = command.act(world)
            world.advance_to(world.now_ticks)  # what it set off within this instant
            self._writer.submit(_row(command, answer, world))
        self._n_commands += 1
        self._command_tick = world.now_ticks
        world.service.calls.clear()  # the journal has them
        self._unkept_s += time.perf_counter() - begin
        return Done(answer, self._n_commands)

    def _keep_state(self) -> str | None:
        """Keep the world's state and return its digest; None if that is not possible now."""
        if self.world.now_ticks > self._command_tick:
            return None  # a replay would end before
        digest = None
        self._writer.drain()
        begin = time.perf_counter()
        try:
            chain = self._journal.chain_after(self._n_commands)
            digest = take(self.world, self._journal.folder, n_commands=self._n_commands, chain=chain)
            if digest is not None:
                self._unkept_s = 0.0
        except Exception:
            _LOG.exception("the state could not be kept; the next start takes longer")
        self._keep_from_s = self._unkept_s + max(_KEEP_AFTER_S, _KEEP_SHARE * (time.perf_counter() - begin))
        return digest

    @contextmanager
    def _undone_if_it_fails(self) -> Iterator[None]:
        """Make the world anew if something is done by half; a refusal has changed nothing."""
        try:
            yield
        except ApiError:
            raise
        except sqlite3.Error:  # the disk; whoever asked is told
            self._begin_from_journal()
            raise
        except Exception:
            _LOG.exception("something failed; the world is made anew from the journal")
            self._begin_from_journal()
            raise

    def _begin_from_journal(self) -> None:
        """Make the world anew: what the journal has is what has happened."""
        self._writer.drain()
        self.world = self._replayed()
        self.clock.set(self.world.now_ticks)

    def renew_fleet(self) -> None:
        """Live through the journal again up to now, with the device plane that there can be by now."""
        now = self.world.now_ticks
        self._writer.drain()
        try:
            world = self._replayed()
            world.advance_to(now)
        except Exception:
            _LOG.exception("the session could not be replayed; it goes on as it was")
            return
        self.world = world

    def advance_to(self, tick: int) -> None:
        """Let time pass up to a tick.

        Args:
            tick: Not before now, at most `LAST_TICK`.
        """
        self.look()
        self.clock.set(tick)
        self.execute(Advance())

    def run_until_settled(self, task_id: str) -> bool:
        """Let time pass until a task is over; tell whether it is, or can't be without a call.

        Args:
            task_id: The task.

        Raises:
            ApiError: There is no such task.
        """
        return self._run(lambda world: world.run_until_settled(task_id))

    def run_until_next_event(self) -> bool:
        """Let time pass until a task changes its state or a subtask ends; tell whether one did."""
        return self._run(lambda world: world.run_until_next_event())

    def _run(self, run: Callable[[World], bool]) -> bool:
        """Let the world run ahead of the clock, and the clock follow it."""
        world = self.look()
        with self._undone_if_it_fails():
            done = run(world)
        self.clock.set(max(self.clock.now_ticks(), self.world.now_ticks))
        self.execute(Advance())
        return done

    def freeze(self) -> None:
        """Let the clock stand."""
        self.clock.freeze()
        self.execute(Advance())

    def set_speed(self, speed: float) -> None:
        """Let the clock run.

        Args:
            speed: Simulated seconds per second, > 0.
        """
        self.execute(Advance())
        self.clock.run(speed)

    def set_faults(self, settings: FaultSettings) -> None:
        """Change what goes wrong on the way of requests."""
        self._hold(settings.holds)
        note = settings.model_dump()
        self._writer.submit(lambda journal: journal.note(_FAULTS_NOTE, note))
        self.faults = Faults(settings, seed=self.world.seed)

    def reset(self) -> None:
        """Begin anew: the fleet as it was, no task, time 0, an empty journal. Faults stay."""
        self._writer.submit(lambda journal: journal.clear())
        self.world = self._make_world()
        self._n_commands = 0
        self._command_tick = 0
        self._unkept_s, self._keep_from_s = 0.0, _KEEP_AFTER_S
        self.clock.set(0)
        self._hold(self.faults.settings.holds)

    def _hold(self, holds: Holds) -> None:
        """Make states last, if they don't last so long already."""
        if holds != self.world.service.holds:
            self.execute(HoldStates(holds))

    def close(self) -> None:
        """End the session: remember where it ended, and give the journal free; once is enough."""
        if self._is_closed:
            return
        self._is_closed = True
        try:
            if self.look().now_ticks > self._command_tick:
                self.execute(Advance())
            digest = self._keep_state() if self._unkept_s >= _KEEP_AT_END_S else None
            if self._n_commands:
                end = {"commands": self._n_commands, "digest": digest or self.world.digest()}
                self._writer.submit(lambda journal: journal.note(_END_NOTE, end))
        finally:  # also if the disk is full
            self._journal.close()

    def _replayed(self, progress: Progress | None = None) -> World:
        """Return a world that has lived through the journal."""
        self._n_commands = self._journal.n_commands
        begin = time.perf_counter()
        world, n_lived = self._kept_world() or (self._make_world(), 0)
        for entry in self._journal.entries(after=n_lived):
            world.advance_to(entry.tick)
            try:
                command = decode(entry.kind, entry.body)
                answer = command.act(world)
            except ApiError as error:
                raise _astray(entry.seq, f"is refused: {error}") from error
            world.advance_to(entry.tick)
            if fingerprint(command, answer, world) != entry.outcome:
                raise _astray(entry.seq, "has another outcome")
            world.service.calls.clear()
            if progress is not None:
                progress(entry.seq, self._n_commands)
        self._command_tick = world.now_ticks
        if n_lived < self._n_commands:
            self._unkept_s = time.perf_counter() - begin
        return world

    def _kept_world(self) -> tuple[World, int] | None:
        """Return a world in the state that was kept last, and how many commands it has lived through."""
        snapshot = Snapshot.read(self._journal.folder)
        if snapshot is None or snapshot.n_commands > self._n_commands:
            return None
        if self._journal.chain_after(snapshot.n_commands) != snapshot.chain:
            return None
        world = self._make_world()
        try:
            snapshot.restore(world)
        except Exception:  # the journal is what counts
            _LOG.warning("the kept state is not usable; the journal is replayed from its beginning")
            return None
        self._resumed = snapshot.n_commands, snapshot.digest
        return world, snapshot.n_commands

    def _check_end(self) -> None:
        """Compare the state with that of the last orderly end, if nothing has happened since."""
        end = self._journal.noted(_END_NOTE)
        if end is None or end["commands"] != self._journal.n_commands:
            return
        n_commands, digest = self._resumed
        if n_commands != self._n_commands:
            digest = self.world.digest()
        if end["digest"] != digest:
            raise _astray(self._journal.n_commands, "leaves another state")


def _row(command: Command[Answer], answer: Answer, world: World) -> Job:
    """Return what adds a command to the journal."""
    tick, body, outcome = world.now_ticks, command.encode(), fingerprint(command, answer, world)
    return lambda journal: journal.append(tick, command.kind, body, outcome)


def _astray(seq: int, what: str) -> ModelError:
    return ModelError(
        f"replaying the journal went astray: command {seq} {what}; start anew with another --state"
    )
