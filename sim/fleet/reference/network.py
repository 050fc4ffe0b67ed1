"""The readable plane's network: what each download gets, and when it is over.

Two networks with one face. In a free one no download touches another, so each end is known when it
begins. In a shared one the platform's egress is split max-min fair and outages change it, so ends are
found with a virtual clock a cohort (see `sim.fleet.model.network`).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from bisect import bisect_right
from heapq import heappop, heappush
from itertools import count
from types import TracebackType

import numpy as np
import simpy

from sim.fleet.model.network import bytes_received, clock_at, fair_shares, finish_tick, network_load
from sim.fleet.reference.clock import BEFORE_ALL, Clock, Kind
from sim.fleet.spec import NEVER, FleetSpec, is_instant, is_network_free


class Transfer:
    """Bytes on their way to one device.

    Use it as a context manager: the end of the block is the end of the transfer, complete or not.

    Attributes:
        device: Whose.
        cohort: The device's cohort.
        wanted: Bytes after which it is over: the package, or the point where it breaks.
        begun: What the virtual clock showed at its beginning, bytes.
        start: Tick at which it began.
        end: Tick at which it ceased, -1 while it runs.
        over: Event that happens once all wanted bytes are there.
    """

    def __init__(
        self, network: Network, device: int, cohort: int, *, wanted: int, begun: float, over: simpy.Event
    ) -> None:
        """Describe a transfer that begins now; `Network.begin` makes them."""
        self.device = device
        self.cohort = cohort
        self.wanted = wanted
        self.begun = begun
        self.start = network.clock.tick
        self.end = -1
        self.over = over
        self._network = network
        self._received = 0

    @property
    def received(self) -> int:
        """Whole bytes that have come so far."""
        return self._received if self.end >= 0 else self._network.received(self)

    def complete(self, _: simpy.Event) -> None:
        """Let `over` happen; a callback."""
        self.over.succeed()

    def __enter__(self) -> Transfer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._received = self.wanted if self.over.processed else self._network.received(self)
        self.end = self._network.clock.tick
        self._network.finish(self)


class Network(ABC):
    """What carries downloads.

    Attributes:
        clock: Where events happen.
        active: (C,) int64, downloads under way.
        rates: (C,) float64, bytes/s of one download of the cohort.
    """

    def __init__(self, spec: FleetSpec, clock: Clock) -> None:
        """Begin without downloads.

        Args:
            clock: Where events happen.
        """
        self.clock = clock
        self.active = np.zeros(len(spec.cohorts.link_rate), np.int64)
        self.rates = np.where(is_instant(spec), 0.0, spec.cohorts.link_rate)

    @abstractmethod
    def begin(self, device: int, cohort: int, wanted: int) -> Transfer:
        """Let `wanted` bytes flow to a device from now on."""

    @abstractmethod
    def received(self, transfer: Transfer) -> int:
        """Return the whole bytes that a running transfer has brought by now."""

    @abstractmethod
    def leave_tick(self) -> None:
        """Do what is due when all else of a tick is done; may make events at this tick."""

    def finish(self, transfer: Transfer) -> None:
        """Take a transfer out."""
        self.active[transfer.cohort] -= 1

    @property
    def load(self) -> float:
        """Bytes/s that leave the platform."""
        return float(network_load(self.rates, self.active))


class FreeNetwork(Network):
    """Every download runs at its link's rate, whatever the others do."""

    def begin(self, device: int, cohort: int, wanted: int) -> Transfer:
        """Let `wanted` bytes flow to a device from now on."""
        tick = finish_tick(self.clock.tick, 0.0, self.rates[cohort], float(wanted))
        over = self.clock.at(int(tick), Kind.OVER, device)
        self.active[cohort] += 1
        return Transfer(self, device, cohort, wanted=wanted, begun=0.0, over=over)

    def received(self, transfer: Transfer) -> int:
        """Return the whole bytes that a running transfer has brought by now."""
        since = self.clock.tick - transfer.start
        return int(bytes_received(0.0, clock_at(0.0, self.rates[transfer.cohort], since), transfer.wanted))

    def leave_tick(self) -> None:
        """Nothing is ever due here."""


class SharedNetwork(Network):
    """Downloads share the platform's egress, and outages change what flows.

    Rates change only when a tick is left, after everything of it is known: a download that begins
    where another one ends takes over its share without a step in between.
    """

    def __init__(self, spec: FleetSpec, clock: Clock) -> None:
        """Begin without downloads, in the first epoch.

        Args:
            clock: Where events happen.
        """
        super().__init__(spec, clock)
        self._outages = spec.outages
        self._epoch = 0
        self._virtual = np.zeros(len(self.rates), np.float64)
        self._set_at = np.zeros(len(self.rates), np.int64)
        self._changed = False
        # By cohort: (finish mark on the virtual clock, serial number, transfer); ended ones stay until met.
        self._ahead: list[list[tuple[float, int, Transfer]]] = [[] for _ in self.rates]
        self._serial = count()
        self._share()
        for tick in spec.outages.epoch_tick[1:]:
            clock.at(int(tick), Kind.EPOCH, BEFORE_ALL)

    def begin(self, device: int, cohort: int, wanted: int) -> Transfer:
        """Let `wanted` bytes flow to a device from now on."""
        mark = self._mark(cohort)
        transfer = Transfer(self, device, cohort, wanted=wanted, begun=mark, over=self.clock.event())
        heappush(self._ahead[cohort], (mark + wanted, next(self._serial), transfer))
        self.active[cohort] += 1
        self._changed = True
        if self._finish_tick(cohort, mark + wanted) <= self.clock.tick:
            self._call_at(self.clock.tick)
        return transfer

    def finish(self, transfer: Transfer) -> None:
        """Take a transfer out; the others get its share when the tick is left."""
        super().finish(transfer)
        self._changed = True

    def received(self, transfer: Transfer) -> int:
        """Return the whole bytes that a running transfer has brought by now."""
        return int(bytes_received(transfer.begun, self._mark(transfer.cohort), transfer.wanted))

    def leave_tick(self) -> None:
        """Compute all rates anew if anything changed at this tick, and see which download is over next."""
        tick = self.clock.tick
        epoch = bisect_right(self._outages.epoch_tick, tick) - 1
        if not self._changed and epoch == self._epoch:
            return
        self._epoch = epoch
        self._share()
        self._changed = False
        due = min((self._next_finish(cohort) for cohort in range(len(self._ahead))), default=NEVER)
        if due < NEVER:
            self._call_at(max(due, tick))

    def _share(self) -> None:
        """Split the present epoch's bandwidth; a clock is set when its rate changes."""
        bandwidth = self._outages.epoch_bandwidth[self._epoch]
        shares = np.zeros_like(self.rates)
        fair_shares(bandwidth, self._outages.epoch_cap[self._epoch], self.active, shares)
        for cohort in np.flatnonzero(shares != self.rates).tolist():
            self._virtual[cohort] = self._mark(cohort)
            self._set_at[cohort] = self.clock.tick
            self.rates[cohort] = shares[cohort]

    def _mark(self, cohort: int) -> float:
        """Return what a cohort's virtual clock shows now."""
        since = self.clock.tick - self._set_at[cohort]
        return float(clock_at(self._virtual[cohort], self.rates[cohort], since))

    def _finish_tick(self, cohort: int, mark: float) -> int:
        """Return when a cohort's virtual clock will show `mark`, as things are."""
        return int(finish_tick(self._set_at[cohort], self._virtual[cohort], self.rates[cohort], mark))

    def _next_finish(self, cohort: int) -> int:
        """Return when the cohort's next download is over, as things are; NEVER without one."""
        ahead = self._ahead[cohort]
        while ahead and ahead[0][-1].end >= 0:
            heappop(ahead)
        return self._finish_tick(cohort, ahead[0][0]) if ahead else NEVER

    def _call_at(self, tick: int) -> None:
        """See at a tick, before anything else of it, which downloads are over."""
        call = self.clock.at(tick, Kind.OVER, BEFORE_ALL)
        assert call.callbacks is not None
        call.callbacks.append(self._call)

    def _call(self, _: simpy.Event) -> None:
        """Give each download that is over by now its event, in the order of devices.

        A call made before rates changed finds none: a new one has been made for the new rates.
        """
        for cohort, ahead in enumerate(self._ahead):
            while self._next_finish(cohort) <= self.clock.tick:
                transfer = heappop(ahead)[-1]
                event = self.clock.at(self.clock.tick, Kind.OVER, transfer.device)
                assert event.callbacks is not None
                event.callbacks.append(transfer.complete)


def make_network(spec: FleetSpec, clock: Clock) -> Network:
    """Return the network that suits a fleet."""
    return FreeNetwork(spec, clock) if is_network_free(spec) else SharedNetwork(spec, clock)
