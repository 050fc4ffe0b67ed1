"""A network on which no download touches another, so that each end is known when it begins."""

from __future__ import annotations

from sim.fleet.reference.clock import Clock, Kind
from sim.fleet.reference.network.transfer import Network, Transfer, load_of
from sim.fleet.reference.rates import bytes_received, clock_at, finish_tick
from sim.fleet.spec import FleetSpec


class FreeNetwork(Network):
    """Every download runs at its link's rate, whatever the others do; none can be paused."""

    def __init__(self, spec: FleetSpec, clock: Clock) -> None:
        """Begin without downloads.

        Args:
            clock: Where events happen.
        """
        super().__init__(spec, clock)
        self._rates: list[float] = spec.cohorts.link_rate.tolist()
        self._active = [0] * len(self._rates)

    def begin(self, device: int, cohort: int, wanted: int, deadline: int, *, flows: bool) -> Transfer:
        """Let bytes flow to a device from now on; the one event that ends it is known."""
        assert flows, "a network with pauses is a shared one"
        tick = finish_tick(self.clock.tick, 0.0, self._rates[cohort], wanted)
        is_in_time = tick <= deadline
        over = self.clock.at(min(tick, deadline), Kind.OVER if is_in_time else Kind.TIMER, device)
        self._active[cohort] += 1
        self.n_downloads += 1
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
        return bytes_received(0.0, clock_at(0.0, self._rates[transfer.cohort], since), transfer.wanted)

    def finish(self, transfer: Transfer) -> None:
        """Take a transfer out."""
        super().finish(transfer)
        self._active[transfer.cohort] -= 1

    @property
    def load(self) -> float:
        """Bytes/s that leave the platform, summed in the order of cohorts."""
        return load_of(self._rates, self._active)

    def leave_tick(self) -> None:
        """Nothing is ever due here."""
