"""Whether a device is online, and since when.

Online is who is in reach of the platform as far as link and outages go: who is shown offline is the one whom
a task would have to wait for. The vendor documents the states and no rule; chosen here:

- a closed *window* is a plan of the operator's, and no device goes offline for it; an *outage* that puts
  devices out of reach does show them offline, from its beginning;
- a *condition* of the contact (`stage: contact` with `lasts`) is not seen: the device is connected and does
  not answer;
- a device that by a permanent cause of the contact can never be reached is `INACTIVE`: it never was online;
- one that a failed attempt left dead is `OFFLINE`, since when is not told: the platform would know, but only
  the attempt under way knows here;
- that a device keeps awake for an attempt (`during_upgrade: stays`) is not seen either: the link is shown.
"""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

from sim.emulator.devices.link_periods import LinkPeriods, Period
from sim.emulator.devices.memories import NONE_OF_OURS, Memory
from sim.fleet.model.purposes import D_CURRENT
from sim.fleet.protocol import N_COMPONENTS
from sim.fleet.reference.cohorts import cohorts_of
from sim.fleet.reference.draws import Draws
from sim.fleet.spec import FleetSpec
from sim.rules import Stage

ConnectionStatus = Literal["ONLINE", "OFFLINE", "INACTIVE"]


class Connection(NamedTuple):
    """How a device is connected now.

    Attributes:
        status: As the vendor writes it.
        since: Tick at which it came to be so, before 0 for what was so when the run began, `-NEVER` for who
            always was in reach. None for who never was online, and if it is not known.
    """

    status: ConnectionStatus
    since: int | None


INACTIVE: Final = Connection("INACTIVE", None)
_DEAD: Final = Connection("OFFLINE", None)


class Connections:
    """The connections of a fleet, and what a device is before any task, from the same draws."""

    def __init__(self, spec: FleetSpec) -> None:
        """Draw nothing yet.

        Args:
            spec: The fleet; read only.
        """
        self._cohort = spec.cohort
        self._cohorts = cohorts_of(spec)
        self._draws = Draws(spec)
        self._links = LinkPeriods(spec)
        self._may_be_inactive = [
            any(mark.stage is Stage.CONTACT for mark in cohort.marks) for cohort in self._cohorts
        ]

    def of(self, device: int, tick: int, *, is_dead: bool) -> Connection:
        """Return how a device is connected at a tick.

        Args:
            device: Device index.
            tick: Not before 0.
            is_dead: Whether an attempt has left it out of reach for ever.
        """
        c = self._cohort[device]
        if self._may_be_inactive[c]:
            mark = self._cohorts[c].mark_of(self._draws.of_device(device))
            if mark is not None and mark.stage is Stage.CONTACT:
                return INACTIVE
        if is_dead:
            return _DEAD
        link, away = self._links.at(device, tick), self._cohorts[c].away
        if link.is_on and not any(start <= tick < end for start, end in away):
            return Connection("ONLINE", max([link.begin, *(end for _, end in away if end <= tick)]))
        return Connection("OFFLINE", self._offline_since(device, tick, link, away))

    def _offline_since(self, device: int, tick: int, link: Period, away: tuple[tuple[int, int], ...]) -> int:
        """Return when the time began in which link and outages have kept a device away without a break."""
        since = tick + 1 if link.is_on else link.begin
        while True:
            outage = next((start for start, end in away if start < since <= end), None)
            if outage is None:
                return since
            before = self._links.at(device, max(outage - 1, 0))  # none begins before the run
            since = outage if before.is_on else before.begin

    def memory_at_start(self, device: int) -> Memory:
        """Return what a device is before any task.

        Args:
            device: Device index.
        """
        share = self._cohorts[self._cohort[device]].p_already_current
        is_current = self._draws.of_device(device)[D_CURRENT] < share
        runs = (0 if is_current else NONE_OF_OURS, *[NONE_OF_OURS] * (N_COMPONENTS - 1))
        return Memory(runs, is_dead=False)
