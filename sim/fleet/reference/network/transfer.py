"""What every network of the readable plane has in common: bytes on their way, and when they are over."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from types import TracebackType

from sim.fleet.reference.clock import Appointment, Clock, Kind
from sim.fleet.reference.rates import Epochs
from sim.fleet.spec import FleetSpec


class Transfer:
    """Bytes on their way to one device.

    Use it as a context manager: the end of the block is the end of the transfer, complete or not.

    Attributes:
        cohort: Cohort of the device.
        line: Which of its network's lines it is on, for a network that shares.
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
        self, network: Network, cohort: int, *, line: int = -1, wanted: int, begun: float, over: Appointment
    ) -> None:
        """Describe a transfer that is paused still; `Network.begin` makes them."""
        self.cohort = cohort
        self.line = line
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
        n_downloads: Downloads in progress, flowing or not.
        n_changes: How often downloads or their rates changed.
    """

    def __init__(self, spec: FleetSpec, clock: Clock) -> None:
        """Begin without downloads.

        Args:
            clock: Where events happen.
        """
        self.clock = clock
        self.epochs = Epochs(spec)
        self.n_downloads = 0
        self.n_changes = 0

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
        self.n_downloads -= 1
        self.n_changes += 1

    @property
    @abstractmethod
    def load(self) -> float:
        """Bytes/s that leave the platform."""

    @property
    def load_after_tick(self) -> float:
        """Bytes/s that leave the platform if nothing else happens at this tick."""
        return self.load


def load_of(rates: Sequence[float], active: Sequence[int]) -> float:
    """Return the bytes/s of all downloads together, added up in the order given.

    Args:
        rates: Bytes/s of one download of each kind.
        active: Downloads of each kind.
    """
    load = 0.0
    for rate, n in zip(rates, active, strict=True):
        if n > 0:
            load += rate * n
    return load
