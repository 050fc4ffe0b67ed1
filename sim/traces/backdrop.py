"""What the replays of all devices of a fleet share, made once: cohorts, draws, what is known in advance."""

from __future__ import annotations

from copy import copy
from dataclasses import replace
from typing import TYPE_CHECKING

from sim.fleet.reference.accounts import Accounts
from sim.fleet.reference.clock import Clock
from sim.fleet.reference.cohorts import ALWAYS_OPEN
from sim.fleet.reference.network import FreeNetwork
from sim.fleet.reference.queues import DownloadPlaces
from sim.fleet.reference.surroundings import Surroundings

if TYPE_CHECKING:
    from typing import Self

    from sim.fleet.spec import FleetSpec


class Backdrop(Surroundings):
    """What attempts that are played again have around them.

    Cohorts and draws are the same for every attempt of every device, and take longer to make than an
    attempt takes to play; a clock, and what goes by it, is new in each.

    Attributes:
        without_windows: The cohorts as if no window ever closed.
        without_outages: The cohorts as if no outage held anybody.
    """

    def __init__(self, spec: FleetSpec) -> None:
        """Look at the fleet.

        Args:
            spec: The fleet. Read only.
        """
        clock = Clock()
        super().__init__(spec, clock, FreeNetwork(spec, clock), DownloadPlaces(clock, 1))
        self.without_windows = [replace(cohort, contact=ALWAYS_OPEN) for cohort in self.cohorts]
        self.without_outages = [replace(cohort, away=()) for cohort in self.cohorts]

    def at(self, clock: Clock) -> Self:
        """Return the same with another clock, and with network and places for show: the log has the download.

        Args:
            clock: The attempt's own.
        """
        around = copy(self)
        around.clock = clock
        around.network, around.places = FreeNetwork(self.spec, clock), DownloadPlaces(clock, 1)
        around.accounts = Accounts(self.spec, clock)
        return around

    def forget(self, device: int) -> None:
        """Let a device be as it is at tick 0."""
        self._memories.pop(device, None)
