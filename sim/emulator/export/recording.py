"""What callers did in a session, in terms of tasks and devices: the journal, replayed and listened to."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from sim.campaign import BatchTask, CallAnswer
from sim.emulator.journal.commands import Advance, CallTask, CreateTask, HoldStates, decode
from sim.emulator.world import World
from sim.fleet.spec import TICKS_PER_S
from sim.rules import IS_ELIGIBLE, Call

if TYPE_CHECKING:
    from sim.emulator.journal.journal import Entry, Journal
    from sim.fleet.spec import Bools, Int16s, Int32s
    from sim.scenario import Scenario


@dataclass
class Creation:
    """A task that was created.

    Attributes:
        task: The task, as it stood at the end of the session.
        created_s: When, seconds since the start of the run.
        settled_s: When it was over for the first time, None if it never was.
    """

    task: BatchTask
    created_s: float
    settled_s: float | None = None


@dataclass
class Round:
    """One call, or several in a row that name targets of one task.

    Attributes:
        call: What was called.
        task: The task.
        at_s: Time of the first call, seconds since the start of the run.
        last_s: Time of the last call.
        devices: (k,) devices acted upon, ascending; of all calls together.
        largest: Most targets that one of the calls named; None for the body `{}`.
        eligible: (m,) devices that the first call could have acted upon, ascending.
        reasons: (m,) int16, why each of them had failed; 0 if it hadn't.
        n_calls: Number of calls.
    """

    call: Call
    task: BatchTask
    at_s: float
    last_s: float
    devices: Int32s
    largest: int | None
    eligible: Int32s
    reasons: Int16s
    n_calls: int = 1

    def is_continued_by(self, other: Round) -> bool:
        """Tell whether the next call belongs to this round."""
        return (
            self.call is other.call
            and self.task is other.task
            and self.largest is not None
            and other.largest is not None
        )

    def take(self, other: Round) -> None:
        """Add the next call."""
        self.last_s = other.last_s
        self.devices = np.union1d(self.devices, other.devices).astype(np.int32)
        self.largest = max(self.largest or 0, other.largest or 0)
        self.n_calls += 1


@dataclass
class Recording:
    """What happened in a session.

    Attributes:
        world: The world at the end.
        creations: Tasks, oldest first.
        rounds: Calls upon tasks, in order.
        was_held: Whether tasks were made to stay in a state for a while, as happens on a server only.
    """

    world: World
    creations: list[Creation] = field(default_factory=list)
    rounds: list[Round] = field(default_factory=list)
    was_held: bool = False


def record(journal: Journal, scenario: Scenario) -> Recording:
    """Replay a journal and take down what was done.

    Args:
        scenario: The scenario that it was begun with.
    """
    recording = Recording(World(scenario, seed=int(journal.about["seed"])))
    world = recording.world
    creation_of: dict[int, Creation] = {}

    def note_end(task: BatchTask) -> None:
        creation = creation_of.get(task.number)
        if creation is not None and task.state.is_terminal and creation.settled_s is None:
            creation.settled_s = task.settled_s

    world.service.subscribe(note_end)
    is_open = False
    for entry in journal.entries():
        world.advance_to(entry.tick)
        command = decode(entry.kind, entry.body)
        if isinstance(command, CallTask):
            task = world.service.task(command.task_id)
            able, reasons = _able(command.call, task)
            answer = command.act(world)
            this = _round(command, task, answer, entry, able, reasons)
            if is_open and recording.rounds[-1].is_continued_by(this):
                recording.rounds[-1].take(this)
            else:
                recording.rounds.append(this)
            is_open = True
        elif isinstance(command, CreateTask):
            task = command.act(world)
            creation_of[task.number] = creation = Creation(task, entry.tick / TICKS_PER_S)
            recording.creations.append(creation)
            is_open = False
        else:
            recording.was_held |= isinstance(command, HoldStates)
            command.act(world)
            is_open = is_open and not isinstance(command, Advance)
        world.advance_to(entry.tick)
    return recording


def _able(call: Call, task: BatchTask) -> tuple[Bools, Int16s]:
    """Return which subtasks a call could act upon, and why each had failed."""
    able: Bools = IS_ELIGIBLE[call][task.statuses()]
    return able, task.reasons().copy()


def _round(
    command: CallTask, task: BatchTask, answer: CallAnswer, entry: Entry, able: Bools, reasons: Int16s
) -> Round:
    """Return a round of one call."""
    now_s = entry.tick / TICKS_PER_S
    return Round(
        call=command.call,
        task=task,
        at_s=now_s,
        last_s=now_s,
        devices=np.sort(answer.accepted),
        largest=None if command.targets is None else len(command.targets),
        eligible=task.devices[able],
        reasons=reasons[able],
    )
