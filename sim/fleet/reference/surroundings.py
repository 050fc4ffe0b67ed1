"""What all attempts of the readable plane have around them."""

from __future__ import annotations

from sim.fleet.protocol import OWN_PACKAGE
from sim.fleet.reference.accounts import Accounts
from sim.fleet.reference.clock import Clock
from sim.fleet.reference.cohorts import cohorts_of
from sim.fleet.reference.device_memory import DeviceMemory
from sim.fleet.reference.draws import Draws
from sim.fleet.reference.network import Network
from sim.fleet.reference.queues import DownloadPlaces
from sim.fleet.spec import FleetSpec, instant_devices


class Surroundings:
    """What all attempts have around them.

    Attributes:
        spec: The fleet.
        clock: The SimPy environment.
        network: What carries downloads.
        places: Who may download.
        draws: All luck.
        accounts: Where the time of devices goes.
        cohorts: What devices have in common, by cohort.
        package: What a task installs that says nothing else.
        is_instant: By device, whether its downloads take no time.
    """

    def __init__(
        self,
        spec: FleetSpec,
        clock: Clock,
        network: Network,
        places: DownloadPlaces,
        memories: dict[int, DeviceMemory] | None = None,
    ) -> None:
        """Put it together.

        Args:
            spec: The fleet.
            clock: The SimPy environment.
            network: What carries downloads.
            places: Who may download.
            memories: What lasts of devices that have had attempts, by device; mutated. None if none has.
        """
        self.spec = spec
        self.clock = clock
        self.network = network
        self.places = places
        self.draws = Draws(spec)
        self.accounts = Accounts(spec, clock)
        self.cohorts = cohorts_of(spec)
        self.package = OWN_PACKAGE
        self.is_instant = instant_devices(spec)
        self._memories: dict[int, DeviceMemory] = {} if memories is None else memories

    def memory_of(self, device: int) -> DeviceMemory:
        """Return what lasts of a device."""
        memory = self._memories.get(device)
        if memory is None:
            memory = DeviceMemory(device, self.cohorts[self.spec.cohort[device]], self.draws)
            self._memories[device] = memory
        return memory
