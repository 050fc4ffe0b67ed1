"""The readable plane's network: what each download gets, and when it is over.

Two networks with one face. In a free one no download touches another, so each end is known when it
begins. In a shared one the platform's egress is split max-min fair and outages change it, so ends are
found with a virtual clock a cohort (see `sim.fleet.model.network`).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from heapq import heappop, heappush
from itertools import count
from types import TracebackType

import simpy

from sim.fleet.reference.clock import BEFORE_ALL, Appointment, Clock, Kind
from sim.fleet.reference.rates import Epochs, bytes_received, clock_at, fair_shares, finish_tick
from sim.fleet.spec import NEVER, FleetSpec, is_instant, is_network_free


class Transfer:
    """Bytes on their way to one device.

    Use it as a context manager: the end of the block is the end of the transfer, complete or not.

    Attributes:
        cohort: Cohort of the device.
        wanted: Bytes after which it is over: the package, or the point where it breaks.
        begun: What the virtual clock showed when it had no byte yet, as if it had never been paused.
        finish: What it will show when all wanted bytes are there.
        left: Bytes that are still to come to a paused one; of no use while they flow.
        is_flowing: Whether it isn't paused.
        serial: Which of its network's entries is its own, for a network that lists them.
        start: Tick at which it began.
        end: Tick at which it ceased, -1 while it runs.
        over: Happens once all wanted bytes are there, as `Kind.OVER`, or at the deadline, as `Kind.TIMER`.
    """

    def __init__(
        self, network: Network, cohort: int, *, wanted: int, begun: float, over: Appointment
    ) -> None:
        """Describe a transfer that is paused still; `Network.begin` makes them."""
        self.cohort = cohort
        self.wanted = wanted
        self.begun = begun
        self.finish = begun + wanted
        self.left = float(wanted)
        self.is_flowing = False
        self.serial = -1
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

    def set_flowing(self, is_flowing: bool) -> None:
        """Let bytes flow from now on, or let none flow; the place in the queue and the timer stay."""
        if is_flowing and not self.is_flowing:
            self._network.go_on(self)
        elif self.is_flowing and not is_flowing:
            self._network.pause(self)

    def flowing_until(self, ticks: int) -> int:
        """Return when bytes will have flowed for so long from now on, if the device does not pause them."""
        return self._network.epochs.flowing_until(self.cohort, self._network.clock.tick, ticks)

    def flowed_ticks(self, since: int) -> int:
        """Return for how long bytes have flowed since a tick, if the device did not pause them."""
        return self._network.epochs.flowing_ticks(self.cohort, since, self._network.clock.tick)

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
        epochs: What it lets through, and when.
        active: Downloads under way, by cohort, without those that their devices pause.
        n_paused: Those.
        rates: Bytes/s of one download, by cohort.
        n_changes: How often `active` or `rates` changed.
    """

    def __init__(self, spec: FleetSpec, clock: Clock) -> None:
        """Begin without downloads.

        Args:
            clock: Where events happen.
        """
        self.clock = clock
        self.epochs = Epochs(spec)
        self.active = [0] * len(spec.cohorts.link_rate)
        instant = is_instant(spec).tolist()
        links = spec.cohorts.link_rate.tolist()
        self.rates = [0.0 if instant[c] else rate for c, rate in enumerate(links)]
        self.n_paused = 0
        self.n_changes = 0

    @property
    def n_downloads(self) -> int:
        """Downloads in progress, flowing or not."""
        return sum(self.active) + self.n_paused

    @abstractmethod
    def begin(self, device: int, cohort: int, wanted: int, deadline: int, *, flows: bool) -> Transfer:
        """Begin a download.

        Args:
            device: Which.
            cohort: Its cohort.
            wanted: Bytes after which the transfer is over.
            deadline: Tick at which the platform's timer ends it; an end at this very tick is in time.
            flows: Whether bytes flow from now on; else it begins paused.
        """

    @abstractmethod
    def pause(self, transfer: Transfer) -> None:
        """Let no byte of a transfer flow any more."""

    @abstractmethod
    def go_on(self, transfer: Transfer) -> None:
        """Let bytes of a paused transfer flow from now on."""

    @abstractmethod
    def received(self, transfer: Transfer) -> int:
        """Return the whole bytes that a running transfer has brought by now."""

    @abstractmethod
    def leave_tick(self) -> None:
        """Do what is due when all else of a tick is done; may make events at this tick."""

    def finish(self, transfer: Transfer) -> None:
        """Take a transfer out."""
        transfer.over.cancel()
        if transfer.is_flowing:
            self.active[transfer.cohort] -= 1
        else:
            self.n_paused -= 1
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
    """Every download runs at its link's rate, whatever the others do; none can be paused."""

    def begin(self, device: int, cohort: int, wanted: int, deadline: int, *, flows: bool) -> Transfer:
        """Let bytes flow to a device from now on; the one event that ends it is known."""
        assert flows, "a network with pauses is a shared one"
        tick = finish_tick(self.clock.tick, 0.0, self.rates[cohort], wanted)
        is_in_time = tick <= deadline
        over = self.clock.at(min(tick, deadline), Kind.OVER if is_in_time else Kind.TIMER, device)
        self.active[cohort] += 1
        self.n_changes += 1
        transfer = Transfer(self, cohort, wanted=wanted, begun=0.0, over=over)
        transfer.is_flowing = True
        return transfer

    def pause(self, transfer: Transfer) -> None:
        """Never asked for: a fleet with pauses has a shared network."""
        raise NotImplementedError

    def go_on(self, transfer: Transfer) -> None:
        """Never asked for: a fleet with pauses has a shared network."""
        raise NotImplementedError

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
        self._epoch = 0
        self._virtual = [0.0] * len(self.rates)
        self._set_at = [0] * len(self.rates)
        self._n_shared = 0  # changes after which rates were computed last
        # By cohort: (finish mark on the virtual clock, serial number, transfer); what ended or was paused
        # stays until it is met.
        self._ahead: list[list[tuple[float, int, Transfer]]] = [[] for _ in self.rates]
        self._serial = count()
        self._next_call: Appointment | None = None
        self._share()
        for tick in self.epochs.starts[1:]:
            clock.at(tick, Kind.EPOCH, BEFORE_ALL)

    def begin(self, device: int, cohort: int, wanted: int, deadline: int, *, flows: bool) -> Transfer:
        """Begin a download; its deadline is brought forward if all bytes come."""
        mark = self._mark(cohort)
        over = self.clock.at(deadline, Kind.TIMER, device)
        transfer = Transfer(self, cohort, wanted=wanted, begun=mark, over=over)
        self.n_changes += 1
        if flows:
            self._enter(transfer)
        else:
            self.n_paused += 1
        return transfer

    def pause(self, transfer: Transfer) -> None:
        """Let no byte of a transfer flow any more."""
        transfer.left = max(transfer.finish - self._mark(transfer.cohort), 0.0)
        transfer.is_flowing = False
        transfer.serial = -1
        self.active[transfer.cohort] -= 1
        self.n_paused += 1
        self.n_changes += 1

    def go_on(self, transfer: Transfer) -> None:
        """Let bytes of a paused transfer flow from now on, as if it had begun so much earlier."""
        mark = self._mark(transfer.cohort)
        transfer.begun = mark + transfer.left - transfer.wanted
        transfer.finish = mark + transfer.left
        self.n_paused -= 1
        self.n_changes += 1
        self._enter(transfer)

    def _enter(self, transfer: Transfer) -> None:
        """Let bytes flow until the clock shows the transfer's finish mark."""
        cohort = transfer.cohort
        transfer.is_flowing = True
        transfer.serial = next(self._serial)
        heappush(self._ahead[cohort], (transfer.finish, transfer.serial, transfer))
        self.active[cohort] += 1
        if self._finish_tick(cohort, transfer.finish) <= self.clock.tick:
            self._call_at(self.clock.tick)

    def finish(self, transfer: Transfer) -> None:
        """Take a transfer out."""
        super().finish(transfer)
        transfer.serial = -1

    def received(self, transfer: Transfer) -> int:
        """Return the whole bytes that a running transfer has brought by now."""
        if not transfer.is_flowing:
            return bytes_received(transfer.left, transfer.wanted, transfer.wanted)
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
        return self.epochs.at(self.clock.tick)

    def _shares(self, epoch: int) -> list[float]:
        """Return how an epoch's bandwidth is split among the present downloads."""
        return fair_shares(self.epochs.bandwidths[epoch], self.epochs.caps[epoch], self.active)

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
        while ahead and ahead[0][-1].serial != ahead[0][1]:
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
