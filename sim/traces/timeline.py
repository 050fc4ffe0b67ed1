"""From log, ledger and replay to one device's timeline."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, zip_longest
from typing import TYPE_CHECKING

import numpy as np

from sim.campaign import run_campaign
from sim.errors import ModelError
from sim.fleet.reference.records import MANUAL, LogRow
from sim.fleet.spec import NEVER, TICKS_PER_S, to_ticks
from sim.rules import Call, SubtaskState
from sim.scenario.model import GRID_MAX
from sim.traces.backdrop import Backdrop
from sim.traces.history import Logbook, Order, Stretch
from sim.traces.lasting import Lasting, lasting_of
from sim.traces.place_queue import Mates, mates_at_most, mates_of, place_ticks
from sim.traces.replay import Played, Player
from sim.traces.stages import StageTeller
from sim.traces.steps import Doing, Step
from sim.traces.waits import WaitTeller

if TYPE_CHECKING:
    from sim.campaign.record import CallRecord, CampaignRun

_FINAL = (Doing.FAILED, Doing.STOPPED)


@dataclass(frozen=True)
class AttemptStory:
    """One attempt.

    Attributes:
        number: From 1.
        trigger: 0 first try, 1 automatic retry, 2 manual retry.
        start: Tick of the dispatch.
        end: Tick of its end; None if the run ended before.
        status: What the subtask became; `PROCESSING` if the run ended before.
        reason: Why it failed (`sim.rules.Reason`), 0 if it didn't.
        caller: Who made the call that began a manual retry, or else that stopped it; None if nobody.
        timer: The platform's timer that ended it, like `download timer of 1 h`; None if none did.
        killer: Number of the attempt that left the device dead, this one or one before; 0 if it lives.
        steps: What went on, in order.
    """

    number: int
    trigger: int
    start: int
    end: int | None
    status: SubtaskState
    reason: int
    caller: str | None
    timer: str | None
    killer: int
    steps: tuple[Step, ...]


@dataclass(frozen=True)
class Timeline:
    """What one device did and waited for, from the start of a run to its own last change.

    Attributes:
        waits: Steps before each attempt, and those after the last one.
        attempts: Attempts in order; one less than `waits`.
        status: State when the run ended.
        end: Tick of the last change; the end of the run while pending.
        level: Radio coverage level, -1 without a radio cell.
        lasting: What lasts of the device beyond its attempts: its link and its conditions.
    """

    waits: tuple[tuple[Step, ...], ...]
    attempts: tuple[AttemptStory, ...]
    status: SubtaskState
    end: int
    level: int
    lasting: tuple[Lasting, ...]

    @property
    def killer(self) -> int:
        """Number of the attempt that left the device dead; 0 if it lives."""
        return self.attempts[-1].killer if self.attempts else 0

    @property
    def steps(self) -> tuple[Step, ...]:
        """All steps in order; each begins where the one before ends."""
        parts = zip_longest(self.waits, (attempt.steps for attempt in self.attempts), fillvalue=())
        return tuple(chain.from_iterable(chain.from_iterable(parts)))


class Timelines:
    """The timelines of some devices of a run; what they share is looked up once."""

    def __init__(
        self,
        run: CampaignRun,
        devices: Sequence[int],
        *,
        watched: CampaignRun | None = None,
        with_places: bool = True,
    ) -> None:
        """Look the devices up.

        Args:
            run: The run to tell of. Read only.
            devices: Device indices, each once.
            watched: A run that kept its attempts and is the same up to the end of `run`; longer, if an
                attempt of a device is under way there, so that it ends. `run` itself if None. Read only.
            with_places: Find out when each got its place in its cell or at its site. For that all who share
                these places are looked at; without, a wait for one is told as a part of that in the queue.
        """
        self._run, self._longer = run, run if watched is None else watched
        self._backdrop = Backdrop(self._longer.spec)
        self._mates: dict[int, Mates] = {}
        self._placed: dict[int, Mapping[Order, int]] = {}
        shared = mates_at_most(run.spec, np.asarray(devices, np.int64)) > 0
        placed = [
            device for device, is_shared in zip(devices, shared, strict=True) if with_places or not is_shared
        ]
        self._logbook = self._place(placed, devices)

    def of(self, device: int) -> Timeline:
        """Return the timeline of one of the devices.

        Raises:
            ModelError: Log, ledger and replay contradict each other.
        """
        run, logbook = self._run, self._logbook
        status = SubtaskState(int(run.records.status[device]))
        end = to_ticks(run.end_s) if status.is_live else int(run.records.end[device])
        mates = self._mates.get(device)
        wait_teller = WaitTeller(self._longer, device, mates=mates, placed=self._placed.get(device, {}))
        lasting = lasting_of(self._backdrop, device)
        stage_teller = StageTeller(self._backdrop, device, lasting)
        player = Player(self._backdrop, device)
        n = int(run.records.attempts[device])
        gaps, rows = logbook.stretches(device)[: n + 1], logbook.attempts[device][:n]
        if len(rows) < n:
            raise ModelError(f"the log lacks attempts of device {device}: {len(rows)} of {n}")
        waits = [list(_until(wait_teller.steps(gap), end)) for gap in gaps]
        if waits[-1] and waits[-1][-1].doing in _FINAL:  # the end of the story, and no step of it
            waits[-1].pop()
        timeline = Timeline(
            waits=tuple(tuple(steps) for steps in waits),
            attempts=tuple(
                _story(stage_teller, player.play(row), row, end, caller=_caller(logbook, row, gap))
                for row, gap in zip(rows, gaps, strict=False)
            ),
            status=status,
            end=end,
            level=-1 if mates is None else mates.level,
            lasting=tuple(lasting),
        )
        _check(timeline)
        return timeline

    def calls_on(self, device: int) -> Iterator[tuple[int, CallRecord]]:
        """Yield the calls that acted on one of the devices, each with its tick; in order."""
        yield from ((tick, self._longer.calls[i_call]) for tick, i_call in self._logbook.calls_on(device))

    def _place(self, placed: Sequence[int], devices: Sequence[int]) -> Logbook:
        """Find out when devices, and who shares places with them, got theirs.

        Args:
            placed: Devices for which that is done.
            devices: All devices.

        Returns:
            The books of all of them.
        """
        groups: list[Mates] = []
        for device in placed:
            if device not in self._mates:
                groups.append(mates_of(self._run.spec, device))
                self._mates.update(dict.fromkeys(groups[-1].devices, groups[-1]))
        mates = (mate for group in groups for mate in group.devices)
        logbook = Logbook(self._longer, list(dict.fromkeys([*devices, *mates])))
        for group in groups:
            if group.places < NEVER:
                visits = (visit for mate in group.devices for visit in logbook.visits(mate))
                got = {visit.joined: tick for visit, tick in place_ticks(visits, group.places).items()}
                self._placed.update(dict.fromkeys(group.devices, got))
        return logbook


def timeline_of(run: CampaignRun, device: int, *, watched: CampaignRun | None = None) -> Timeline:
    """Return a device's timeline.

    Args:
        run: The run to tell of. Read only.
        device: Device index.
        watched: See `Timelines`.

    Raises:
        ModelError: Log, ledger and replay contradict each other.
    """
    return Timelines(run, [device], watched=watched).of(device)


def watched_run(run: CampaignRun, *devices: int) -> CampaignRun:
    """Return a run in which every attempt of some devices that the given one began has ended.

    That is the run itself, unless an attempt is under way at its end; then it is made again and goes on
    for longer. What happens until then doesn't depend on how long a run is, and an attempt ends at the
    latest when all timers have run out, one after the other.

    Args:
        run: A run that kept its attempts. Read only.
        *devices: Device indices.
    """
    chosen = np.asarray(devices, np.int64)
    under_way = chosen[run.records.status[chosen] == SubtaskState.PROCESSING]
    if not len(under_way):
        return run
    timers = run.spec.cohorts.timers_ticks[np.unique(run.spec.cohort[under_way])]
    until_s = (
        run.scenario.run.until
        + float(np.where(timers < NEVER, timers, 0).sum(axis=1).max()) / TICKS_PER_S
        + 1.0
    )
    resolution_s = max(run.scenario.run.resolution, 2.0 * until_s / GRID_MAX)
    longer = run.scenario.with_values(
        {"run.until": f"{until_s!r} s", "run.resolution": f"{resolution_s!r} s"}
    )
    return run_campaign(
        longer, seed=run.seed, replication=run.replication, plane=run.plane, log_attempts=True
    )


def _caller(logbook: Logbook, row: LogRow, gap: Sequence[Stretch]) -> str | None:
    """Return whose call stopped an attempt or else began it, None if no call did."""
    if row.status == SubtaskState.STOPPED:
        return logbook.caller(row.device, Call.STOP, row.end)
    return logbook.caller(row.device, Call.RETRY, gap[-1].start) if row.trigger == MANUAL else None


def _story(teller: StageTeller, played: Played, row: LogRow, end: int, *, caller: str | None) -> AttemptStory:
    """Tell of one attempt, as far as it had come at the end."""
    steps = tuple(_until(teller.steps(row, played), end))
    is_over = row.end <= end
    return AttemptStory(
        number=row.attempt,
        trigger=row.trigger,
        start=row.start,
        end=row.end if is_over else None,
        status=SubtaskState(row.status) if is_over else SubtaskState.PROCESSING,
        reason=row.reason if is_over else 0,
        caller=caller,
        timer=teller.timer(played) if is_over else None,
        killer=played.killer if is_over else 0,
        steps=steps,
    )


def _until(steps: Iterable[Step], end: int) -> Iterator[Step]:
    """Yield steps up to a tick; one that lasts longer breaks off there, without its note."""
    for step in steps:
        if step.end <= end:
            yield step
        elif step.start < end:
            yield Step(step.start, end, step.doing, kept=step.kept)


def _check(timeline: Timeline) -> None:
    """Refuse a story with a hole in it."""
    at = 0
    for step in timeline.steps:
        if step.start != at:
            raise ModelError(f"a timeline jumps from tick {at} to {step.start}")
        at = step.end
    if at != timeline.end:
        raise ModelError(f"a timeline ends at tick {at}, its device at {timeline.end}")
