"""Plays a device's logged attempts again and watches: when each stage began and ended, and what broke it.

An attempt is the readable plane's own, undisturbed but for its download: whatever other devices did to
that is in the log, which says when bytes began to flow and when they ceased, and what the device held
before. Everything else follows from the draws, and from what the attempts before have left of the device.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sim.errors import ModelError
from sim.fleet.reference.attempt import Attempt, Failed, Steps
from sim.fleet.reference.clock import Clock, Kind
from sim.fleet.reference.sampling import Cause
from sim.rules import Reason, Stage, SubtaskState

if TYPE_CHECKING:
    from sim.fleet.reference.records import LogRow
    from sim.fleet.reference.surroundings import Surroundings
    from sim.traces.backdrop import Backdrop


@dataclass
class Passage:
    """One stage of an attempt.

    Attributes:
        stage: Which.
        start: Tick at which it began.
        end: Tick at which it ended, whatever ended it.
        online: Contact only: tick at which the device comes online by itself, -1 if it never does.
        opens: Install only: tick at which it begins, after `start` if its window is closed; -1 of others.
        quiet: Tick from which nothing was heard from the device any more, -1 if it reported.
        condition: Number of the condition by which it failed, -1 if it did not fail by one.
    """

    stage: Stage
    start: int
    end: int
    online: int = -1
    opens: int = -1
    quiet: int = -1
    condition: int = -1


@dataclass(frozen=True)
class Played:
    """An attempt, played again.

    Attributes:
        passages: Stages in order; the last one may be cut off by a stop call.
        deadline: Tick of the timer that ended it, -1 if none did.
        killer: Number of the attempt that left the device dead, this one or one before; 0 if it lives.
    """

    passages: list[Passage]
    deadline: int
    killer: int


class Player:
    """Plays the attempts of one device, each once and in their order."""

    def __init__(self, backdrop: Backdrop, device: int) -> None:
        """Begin with the device as it is at tick 0.

        Args:
            backdrop: What its attempts have around them; what it remembers of the device is replaced.
            device: Device index.
        """
        backdrop.forget(device)
        self._backdrop = backdrop
        self._killer = 0

    def play(self, row: LogRow) -> Played:
        """Play the next attempt; it has ended.

        Args:
            row: What the log says about it.

        Raises:
            ModelError: The attempt goes another way than the log says.
        """
        clock = Clock()
        if row.start > 0:
            clock.move_to(row.start)
        around = self._backdrop.at(clock)
        memory = around.memory_of(row.device)
        memory.held = row.held
        replay = _Replay(around, row)
        process = clock.process(replay.run())
        while process.is_alive and clock.peek() <= row.end:
            clock.step()
        if row.status == SubtaskState.STOPPED:
            agrees = process.is_alive
        else:
            agrees = not process.is_alive and (clock.tick, process.value) == (row.end, row.reason)
        if not agrees:
            raise ModelError(f"a replay of attempt {row.attempt} of device {row.device} contradicts the log")
        if memory.is_dead and not self._killer:
            self._killer = row.attempt
        return Played(replay.passages_until(row.end), replay.deadline, self._killer)


class _Replay(Attempt):
    """An attempt that notes its stages, with the times of its download taken from the log."""

    def __init__(self, around: Surroundings, row: LogRow) -> None:
        super().__init__(around, row.device, row.attempt)
        self.deadline = -1
        self._row = row
        self._passages: list[Passage] = []

    def passages_until(self, end: int) -> list[Passage]:
        """Return the stages; one that has not ended is cut off."""
        if self._passages and self._passages[-1].end < 0:
            self._passages[-1].end = end
        return self._passages

    @contextmanager
    def _noted(self, stage: Stage) -> Iterator[None]:
        """Note when a stage begins and ends."""
        passage = Passage(stage, self.env.tick, -1)
        self._passages.append(passage)
        try:
            yield
        finally:
            if passage.end < 0:  # else it was cut off, and the generator is being thrown away
                passage.end = self.env.tick

    def contact(self) -> Steps[None]:
        """Wait for the device, and note it."""
        with self._noted(Stage.CONTACT):
            yield from super().contact()

    def download(self) -> Steps[int]:
        """Download, and note it."""
        with self._noted(Stage.DOWNLOAD):
            return (yield from super().download())

    def work_through(self, stages: tuple[Stage, ...], deadline: int, timeout: Reason) -> Steps[None]:
        """Let stages take their time one by one, and note each."""
        for stage in stages:
            with self._noted(stage):
                yield from super().work_through((stage,), deadline, timeout)

    def transfer(self, deadline: int) -> Steps[Cause | None]:
        """Let bytes flow when the log says that they did."""
        row = self._row
        timer = self.appointment(deadline, Kind.TIMER)
        if row.download_start < 0:
            yield timer
            self.deadline = self.env.tick
            raise Failed(Reason.DOWNLOAD_START_TIMEOUT)
        yield self.appointment(row.download_start, Kind.OVER)
        self.download_start = self.env.tick
        wanted, cause = self.bytes_to_come()
        yield self.appointment(row.download_end, Kind.OVER)
        waits_for_timer = row.reason == Reason.DOWNLOAD_TIMEOUT_PLATFORM
        is_quiet = cause is not None and cause.silent
        if row.bytes == wanted and (is_quiet or not waits_for_timer):
            return cause
        breaks = self.break_clock(Stage.DOWNLOAD)[1]
        if breaks is not None and breaks.silent and row.download_end < min(row.end, deadline):
            return breaks
        if waits_for_timer or row.status == SubtaskState.STOPPED:
            yield timer
            self.deadline = self.env.tick
            raise Failed(Reason.DOWNLOAD_TIMEOUT_PLATFORM)
        raise Failed(row.reason)  # the clock broke it, or its link

    def cause(self, stage: Stage, tick: int) -> Cause | None:
        """Return why a stage fails, and note the condition if it is one."""
        cause, memory = super().cause(stage, tick), self.memory
        is_marked = memory.mark is not None and memory.mark.stage is stage
        conditions = () if is_marked or cause is None else self._common.conditions[stage]
        for condition in conditions:
            if memory.is_in(condition, tick):
                self._passages[-1].condition = condition.number
                break
        return cause

    def next_online(self, tick: int) -> int:
        """Return when the device comes online by itself, and note it if it does so for the first time."""
        online = super().next_online(tick)
        if self._passages[-1].online < 0:
            self._passages[-1].online = online
        return online

    def install_opens(self, tick: int) -> int:
        """Return when install may begin, and note it."""
        self._passages[-1].opens = super().install_opens(tick)
        return self._passages[-1].opens

    def break_down(
        self, stage: Stage, cause: Cause, tick: int, deadline: int, timeout: Reason
    ) -> Steps[None]:
        """Fail, and note from when on nothing is heard."""
        if cause.silent and tick <= deadline:
            self._passages[-1].quiet = tick
        yield from super().break_down(stage, cause, tick, deadline, timeout)

    def time_out(self, deadline: int, reason: Reason) -> Steps[None]:
        """Fail by a timer, and note it."""
        self.deadline = deadline
        yield from super().time_out(deadline, reason)
