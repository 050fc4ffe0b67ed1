"""The readable plane's network: what each download gets, and when it is over.

Two networks with one face. In a free one no download touches another, so each end is known when it
begins. In a shared one the platform's egress is split max-min fair and outages change it, so ends are
found with a virtual clock a cohort (see `sim.fleet.model.network`).
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from bisect import bisect_right
from collections.abc import Sequence
from heapq import heappop, heappush
from itertools import count
from types import TracebackType

import simpy

from sim.fleet.reference.clock import BEFORE_ALL, Appointment, Clock, Kind
from sim.fleet.spec import NEVER, FleetSpec, is_instant, is_network_free


def fair_shares(bandwidth: float, caps: Sequence[float], active: Sequence[int]) -> list[float]:
    """Share a bandwidth max-min fair among active downloads.

    Args:
        bandwidth: Platform egress, bytes/s, >= 0; inf when unlimited.
        caps: What one download of each cohort can take, bytes/s; 0 while paused.
        active: Active downloads of each cohort.

    Returns:
        Bytes/s of one download of each cohort; 0 where nothing is active.

    Source:
        Water-filling: Bertsekas and Gallager, "Data Networks", 2nd ed., 6.5.2.
    """
    rates = [0.0] * len(caps)
    hungry = [c for c, cap in enumerate(caps) if active[c] > 0 and cap > 0.0]
    demand = 0.0
    for c in hungry:
        demand += caps[c] * active[c]
    if demand <= bandwidth:
        for c in hungry:
            rates[c] = caps[c]
        return rates
    left, n_left = bandwidth, sum(active[c] for c in hungry)
    hungry.sort(key=lambda c: caps[c])  # equal ones stay in order
    while hungry:
        lowest, fair = hungry[0], left / n_left
        if caps[lowest] > fair:  # so are all others'
            for c in hungry:
                rates[c] = max(fair, 0.0)
            break
        rates[lowest] = caps[lowest]
        left -= caps[lowest] * active[lowest]
        n_left -= active[lowest]
        del hungry[0]
    return rates


def clock_at(clock: float, rate: float, since_ticks: int) -> float:
    """Return a virtual clock `since_ticks` after it was last set; an idle or paused one stands still."""
    if since_ticks == 0 or rate == 0.0:
        return clock
    return clock + rate * (since_ticks * 1e-6)


def finish_tick(set_at: int, clock: float, rate: float, finish: float) -> int:
    """Return the tick at which a virtual clock, set at `set_at`, reaches `finish`; NEVER at rate 0.

    Rounded up, less a hundredth of a tick for float noise; not before `set_at`.
    """
    left = finish - clock
    if left <= 0.0:
        return set_at
    if rate <= 0.0:
        return NEVER
    ticks = left / rate * 1e6 - 0.01
    return NEVER if ticks >= 4.0e18 else set_at + max(math.ceil(ticks), 0)


def bytes_received(begun: float, clock: float, wanted: int) -> int:
    """Return the whole bytes a download has received, 0..wanted, when it is cut off."""
    return int(min(max(clock - begun + 1e-6, 0.0), wanted))


class Transfer:
    """Bytes on their way to one device.

    Use it as a context manager: the end of the block is the end of the transfer, complete or not.

    Attributes:
        cohort: Cohort of the device.
        wanted: Bytes after which it is over: the package, or the point where it breaks.
        begun: What the virtual clock showed at its beginning, bytes.
        start: Tick at which it began.
        end: Tick at which it ceased, -1 while it runs.
        over: Happens once all wanted bytes are there, as `Kind.OVER`, or at the deadline, as `Kind.TIMER`.
    """

    def __init__(
        self, network: Network, cohort: int, *, wanted: int, begun: float, over: Appointment
    ) -> None:
        """Describe a transfer that begins now; `Network.begin` makes them."""
        self.cohort = cohort
        self.wanted = wanted
        self.begun = begun
        self.start = network.clock.tick
        self.end = -1
        self.over = over
        self._network = network
        self._received = 0

    @property
    def is_complete(self) -> bool:
        """Whether all wanted bytes are there."""
        return self.over.processed and self.over.kind is Kind.OVER

    @property
    def received(self) -> int:
        """Whole bytes that have come so far."""
        return self._received if self.end >= 0 else self._network.received(self)

    def __enter__(self) -> Transfer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._received = self.wanted if self.is_complete else self._network.received(self)
        self.end = self._network.clock.tick
        self._network.finish(self)


class Network(ABC):
    """What carries downloads.

    Attributes:
        clock: Where events happen.
        active: Downloads under way, by cohort.
        rates: Bytes/s of one download, by cohort.
        n_changes: How often `active` or `rates` changed.
    """

    def __init__(self, spec: FleetSpec, clock: Clock) -> None:
        """Begin without downloads.

        Args:
            clock: Where events happen.
        """
        self.clock = clock
        self.active = [0] * len(spec.cohorts.link_rate)
        instant = is_instant(spec).tolist()
        links = spec.cohorts.link_rate.tolist()
        self.rates = [0.0 if instant[c] else rate for c, rate in enumerate(links)]
        self.n_changes = 0

    @abstractmethod
    def begin(self, device: int, cohort: int, wanted: int, deadline: int) -> Transfer:
        """Let bytes flow to a device from now on.

        Args:
            device: Which.
            cohort: Its cohort.
            wanted: Bytes after which the transfer is over.
            deadline: Tick at which the platform's timer ends it; an end at this very tick is in time.
        """

    @abstractmethod
    def received(self, transfer: Transfer) -> int:
        """Return the whole bytes that a running transfer has brought by now."""

    @abstractmethod
    def leave_tick(self) -> None:
        """Do what is due when all else of a tick is done; may make events at this tick."""

    def finish(self, transfer: Transfer) -> None:
        """Take a transfer out."""
        transfer.over.cancel()
        self.active[transfer.cohort] -= 1
        self.n_changes += 1

    @property
    def load(self) -> float:
        """Bytes/s that leave the platform, summed in the order of cohorts."""
        return self._load_of(self.rates)

    @property
    def load_after_tick(self) -> float:
        """Bytes/s that leave the platform if nothing else happens at this tick."""
        return self.load

    def _load_of(self, rates: Sequence[float]) -> float:
        """Return the bytes/s that leave the platform at some rates."""
        load = 0.0
        for rate, active in zip(rates, self.active, strict=True):
            if active > 0:
                load += rate * active
        return load


class FreeNetwork(Network):
    """Every download runs at its link's rate, whatever the others do."""

    def begin(self, device: int, cohort: int, wanted: int, deadline: int) -> Transfer:
        """Let bytes flow to a device from now on; the one event that ends it is known."""
        tick = finish_tick(self.clock.tick, 0.0, self.rates[cohort], wanted)
        is_in_time = tick <= deadline
        over = self.clock.at(min(tick, deadline), Kind.OVER if is_in_time else Kind.TIMER, device)
        self.active[cohort] += 1
        self.n_changes += 1
        return Transfer(self, cohort, wanted=wanted, begun=0.0, over=over)

    def received(self, transfer: Transfer) -> int:
        """Return the whole bytes that a running transfer has brought by now."""
        since = self.clock.tick - transfer.start
        return bytes_received(0.0, clock_at(0.0, self.rates[transfer.cohort], since), transfer.wanted)

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
        self._epochs: list[int] = spec.outages.epoch_tick.tolist()
        self._bandwidths: list[float] = spec.outages.epoch_bandwidth.tolist()
        self._caps: list[list[float]] = spec.outages.epoch_cap.tolist()
        self._epoch = 0
        self._virtual = [0.0] * len(self.rates)
        self._set_at = [0] * len(self.rates)
        self._n_shared = 0  # changes after which rates were computed last
        # By cohort: (finish mark on the virtual clock, serial number, transfer); ended ones stay until met.
        self._ahead: list[list[tuple[float, int, Transfer]]] = [[] for _ in self.rates]
        self._serial = count()
        self._next_call: Appointment | None = None
        self._share()
        for tick in self._epochs[1:]:
            clock.at(tick, Kind.EPOCH, BEFORE_ALL)

    def begin(self, device: int, cohort: int, wanted: int, deadline: int) -> Transfer:
        """Let bytes flow to a device from now on; its deadline is brought forward if they all come."""
        mark = self._mark(cohort)
        over = self.clock.at(deadline, Kind.TIMER, device)
        transfer = Transfer(self, cohort, wanted=wanted, begun=mark, over=over)
        heappush(self._ahead[cohort], (mark + wanted, next(self._serial), transfer))
        self.active[cohort] += 1
        self.n_changes += 1
        if self._finish_tick(cohort, mark + wanted) <= self.clock.tick:
            self._call_at(self.clock.tick)
        return transfer

    def received(self, transfer: Transfer) -> int:
        """Return the whole bytes that a running transfer has brought by now."""
        return bytes_received(transfer.begun, self._mark(transfer.cohort), transfer.wanted)

    def leave_tick(self) -> None:
        """Compute all rates anew if anything changed at this tick, and see which download is over next."""
        tick = self.clock.tick
        epoch = self._epoch_now()
        if self.n_changes == self._n_shared and epoch == self._epoch:
            return
        self._epoch = epoch
        self._share()
        self._n_shared = self.n_changes
        due = min((self._next_finish(cohort) for cohort in range(len(self._ahead))), default=NEVER)
        if due < NEVER:
            self._call_at(max(due, tick))

    @property
    def load_after_tick(self) -> float:
        """Bytes/s that leave the platform if nothing else happens at this tick: rates are old until then."""
        return self._load_of(self._shares(self._epoch_now()))

    def _epoch_now(self) -> int:
        """Return the epoch that this tick is in."""
        return bisect_right(self._epochs, self.clock.tick) - 1

    def _shares(self, epoch: int) -> list[float]:
        """Return how an epoch's bandwidth is split among the present downloads."""
        return fair_shares(self._bandwidths[epoch], self._caps[epoch], self.active)

    def _share(self) -> None:
        """Split the present epoch's bandwidth; a clock is set when its rate changes."""
        shares = self._shares(self._epoch)
        for cohort, (share, rate) in enumerate(zip(shares, self.rates, strict=True)):
            if share != rate:
                self._virtual[cohort] = self._mark(cohort)
                self._set_at[cohort] = self.clock.tick
                self.rates[cohort] = share
                self.n_changes += 1

    def _mark(self, cohort: int) -> float:
        """Return what a cohort's virtual clock shows now."""
        return clock_at(self._virtual[cohort], self.rates[cohort], self.clock.tick - self._set_at[cohort])

    def _finish_tick(self, cohort: int, mark: float) -> int:
        """Return when a cohort's virtual clock will show `mark`, as things are."""
        return finish_tick(self._set_at[cohort], self._virtual[cohort], self.rates[cohort], mark)

    def _next_finish(self, cohort: int) -> int:
        """Return when the cohort's next download is over, as things are; NEVER without one."""
        ahead = self._ahead[cohort]
        while ahead and ahead[0][-1].end >= 0:
            heappop(ahead)
        return self._finish_tick(cohort, ahead[0][0]) if ahead else NEVER

    def _call_at(self, tick: int) -> None:
        """See at a tick, before anything else of it, which downloads are over; one call at a time."""
        if self._next_call is not None:
            self._next_call.cancel()
        self._next_call = self.clock.at(tick, Kind.OVER, BEFORE_ALL)
        self._next_call.callbacks.append(self._call)

    def _call(self, _: simpy.Event) -> None:
        """Let each download that is over by now know, in the order of devices."""
        for cohort, ahead in enumerate(self._ahead):
            while self._next_finish(cohort) <= self.clock.tick:
                heappop(ahead)[-1].over.bring_forward(Kind.OVER)


def make_network(spec: FleetSpec, clock: Clock) -> Network:
    """Return the network that suits a fleet."""
    return FreeNetwork(spec, clock) if is_network_free(spec) else SharedNetwork(spec, clock)
