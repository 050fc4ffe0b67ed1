"""Networks on which downloads share links, so that ends are found with virtual clocks.

A *line* is a set of downloads of which each gets the same rate at any time. It has a virtual clock that shows
the bytes which one download has received that has run on it all along: a download is over when the clock
has gone on by the bytes it wants, however often the rate changes meanwhile (`sim.fleet.model.network`).
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable
from heapq import heappop, heappush
from itertools import count

import simpy

from sim.fleet.reference.clock import BEFORE_ALL, Appointment, Clock, Kind
from sim.fleet.reference.network.transfer import Network, Transfer, load_of
from sim.fleet.reference.rates import bytes_received, clock_at, fair_shares, finish_tick
from sim.fleet.spec import NEVER, FleetSpec


class SharingNetwork(Network):
    """Downloads share links, and outages change what flows.

    Rates change only when a tick is left, after everything of it is known: a download that begins
    where another one ends takes over its share without a step in between.

    Attributes:
        active: Downloads under way, by line, without those that their devices pause.
    """

    def __init__(self, spec: FleetSpec, clock: Clock, n_lines: int) -> None:
        """Begin without downloads, in the first epoch.

        Args:
            clock: Where events happen.
            n_lines: How many lines there are.
        """
        super().__init__(spec, clock)
        self.active = [0] * n_lines
        self._epoch = 0
        self._n_shared = 0  # changes after which rates were computed last
        # By line: (finish mark on the virtual clock, serial number, transfer); what ended or was paused
        # stays until it is met.
        self._ahead: list[list[tuple[float, int, Transfer]]] = [[] for _ in range(n_lines)]
        self._serial = count()
        self._next_call: Appointment | None = None
        for tick in self.epochs.starts[1:]:
            clock.at(tick, Kind.EPOCH, BEFORE_ALL)

    # --- what a network that shares has to know ----------------------------------------------------

    @abstractmethod
    def _line_of(self, device: int, cohort: int) -> int:
        """Return the line of a device."""

    @abstractmethod
    def _mark(self, line: int) -> float:
        """Return what a line's virtual clock shows now."""

    @abstractmethod
    def _finish_tick(self, line: int, mark: float) -> int:
        """Return when a line's virtual clock will show `mark`, as things are."""

    @abstractmethod
    def _share(self) -> None:
        """Compute the rates anew at this tick, for the downloads and the epoch as they are now."""

    @abstractmethod
    def _lines_ahead(self) -> Iterable[int]:
        """Yield lines, some perhaps twice; the next download to be over is on one of them."""

    def _changed(self, line: int) -> None:
        """Take note that another number of downloads flows on a line."""
        self.n_changes += 1

    # --- what all of them do -----------------------------------------------------------------------

    def begin(self, device: int, cohort: int, wanted: int, deadline: int, *, flows: bool) -> Transfer:
        """Begin a download; its deadline is brought forward if all bytes come."""
        line = self._line_of(device, cohort)
        over = self.clock.at(deadline, Kind.TIMER, device)
        transfer = Transfer(self, cohort, line=line, wanted=wanted, begun=self._mark(line), over=over)
        self.n_downloads += 1
        self.n_changes += 1
        if flows:
            self._enter(transfer)
        return transfer

    def pause(self, transfer: Transfer) -> None:
        """Let no byte of a transfer flow any more."""
        transfer.left = max(transfer.finish - self._mark(transfer.line), 0.0)
        self._leave(transfer)

    def go_on(self, transfer: Transfer) -> None:
        """Let bytes of a paused transfer flow from now on, as if it had begun so much earlier."""
        mark = self._mark(transfer.line)
        transfer.begun = mark + transfer.left - transfer.wanted
        transfer.finish = mark + transfer.left
        self._enter(transfer)

    def finish(self, transfer: Transfer) -> None:
        """Take a transfer out."""
        super().finish(transfer)
        if transfer.is_flowing:
            self._leave(transfer)

    def received(self, transfer: Transfer) -> int:
        """Return the whole bytes that a running transfer has brought by now."""
        if not transfer.is_flowing:
            return bytes_received(transfer.left, transfer.wanted, transfer.wanted)
        return bytes_received(transfer.begun, self._mark(transfer.line), transfer.wanted)

    def leave_tick(self) -> None:
        """Compute all rates anew if anything changed at this tick, and see which download is over next."""
        tick, epoch = self.clock.tick, self._epoch_now()
        if self.n_changes == self._n_shared and epoch == self._epoch:
            return
        self._epoch = epoch
        self._share()
        self._n_shared = self.n_changes
        due = min(map(self._next_finish, self._lines_ahead()), default=NEVER)
        if due < NEVER:
            self._call_at(max(due, tick))

    def _enter(self, transfer: Transfer) -> None:
        """Let bytes flow until the clock shows the transfer's finish mark."""
        line = transfer.line
        transfer.is_flowing = True
        transfer.serial = next(self._serial)
        heappush(self._ahead[line], (transfer.finish, transfer.serial, transfer))
        self.active[line] += 1
        self._changed(line)
        if self._finish_tick(line, transfer.finish) <= self.clock.tick:
            self._call_at(self.clock.tick)

    def _leave(self, transfer: Transfer) -> None:
        """Let bytes of a transfer flow no more."""
        transfer.is_flowing = False
        transfer.serial = -1
        self.active[transfer.line] -= 1
        self._changed(transfer.line)

    def _epoch_now(self) -> int:
        """Return the epoch that this tick is in."""
        return self.epochs.at(self.clock.tick)

    def _next_mark(self, line: int) -> float | None:
        """Return the mark at which a line's next download is over; None without one."""
        ahead = self._ahead[line]
        while ahead and ahead[0][-1].serial != ahead[0][1]:
            heappop(ahead)
        return ahead[0][0] if ahead else None

    def _next_finish(self, line: int) -> int:
        """Return when a line's next download is over, as things are; NEVER without one."""
        mark = self._next_mark(line)
        return NEVER if mark is None else self._finish_tick(line, mark)

    def _call_at(self, tick: int) -> None:
        """See at a tick, before anything else of it, which downloads are over; one call at a time."""
        if self._next_call is not None:
            self._next_call.cancel()
        self._next_call = self.clock.at(tick, Kind.OVER, BEFORE_ALL)
        self._next_call.callbacks.append(self._call)

    def _call(self, _: simpy.Event) -> None:
        """Let each download that is over by now know; they are worked off in the order of devices."""
        for line in self._lines_ahead():
            while self._next_finish(line) <= self.clock.tick:
                heappop(self._ahead[line])[-1].over.bring_forward(Kind.OVER)


class SharedNetwork(SharingNetwork):
    """The platform's egress is split max-min fair among all downloads: a line is a cohort.

    Attributes:
        rates: Bytes/s of one download, by cohort.
    """

    def __init__(self, spec: FleetSpec, clock: Clock) -> None:
        """Begin without downloads, in the first epoch.

        Args:
            clock: Where events happen.
        """
        n_cohorts = len(spec.cohorts.link_rate)
        super().__init__(spec, clock, n_cohorts)
        self.rates = [0.0] * n_cohorts
        self._virtual = [0.0] * n_cohorts
        self._set_at = [0] * n_cohorts

    def _line_of(self, device: int, cohort: int) -> int:
        """Return the line of a device."""
        return cohort

    def _lines_ahead(self) -> Iterable[int]:
        """Yield all lines."""
        return range(len(self.active))

    @property
    def load(self) -> float:
        """Bytes/s that leave the platform, summed in the order of cohorts."""
        return load_of(self.rates, self.active)

    @property
    def load_after_tick(self) -> float:
        """Bytes/s that leave the platform if nothing else happens at this tick: rates are old until then."""
        return load_of(self._shares(self._epoch_now()), self.active)

    def _shares(self, epoch: int) -> list[float]:
        """Return how an epoch's bandwidth is split among the present downloads."""
        return fair_shares(self.epochs.bandwidths[epoch], self.epochs.caps[epoch], self.active)

    def _share(self) -> None:
        """Split the present epoch's bandwidth; a clock is set when its rate changes."""
        for cohort, share in enumerate(self._shares(self._epoch)):
            if share != self.rates[cohort]:
                self._virtual[cohort] = self._mark(cohort)
                self._set_at[cohort] = self.clock.tick
                self.rates[cohort] = share
                self.n_changes += 1

    def _mark(self, line: int) -> float:
        """Return what a cohort's virtual clock shows now."""
        return clock_at(self._virtual[line], self.rates[line], self.clock.tick - self._set_at[line])

    def _finish_tick(self, line: int, mark: float) -> int:
        """Return when a cohort's virtual clock will show `mark`, as things are."""
        return finish_tick(self._set_at[line], self._virtual[line], self.rates[line], mark)
