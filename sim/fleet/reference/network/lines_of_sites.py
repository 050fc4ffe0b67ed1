"""A network in which the downloads of a site share its line, and nothing is shared beyond.

The platform has no limit, so that no site has an effect on another one: each line, the downloads of one
cohort at one site or of one cohort at none, has a virtual clock of its own.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from heapq import heappop, heappush

from sim.fleet.reference.clock import Clock
from sim.fleet.reference.network.shared import SharingNetwork
from sim.fleet.reference.network.transfer import load_of
from sim.fleet.reference.rates import clock_at, fair_shares, finish_tick
from sim.fleet.spec import NEVER, FleetSpec

_NO_SITE = -1


class LinesOfSites(SharingNetwork):
    """Sites share lines of their own.

    Attributes:
        sites: Site of each line, -1 for none.
        cohorts: Cohort of each line.
        at_site: Lines of each site, in the order of cohorts.
        touched: Sites on which another number flows since rates were computed.
    """

    def __init__(self, spec: FleetSpec, clock: Clock) -> None:
        """Begin without downloads, in the first epoch.

        Args:
            clock: Where events happen.
        """
        # By device, its site and its cohort.
        self._where = list(zip(spec.sites.of.tolist(), spec.cohort.tolist(), strict=True))
        pairs = sorted(set(self._where))  # lines of a site in the order of cohorts
        super().__init__(spec, clock, len(pairs))
        self._number = {pair: number for number, pair in enumerate(pairs)}
        self.sites = [site for site, _ in pairs]
        self.cohorts = [cohort for _, cohort in pairs]
        self.at_site: defaultdict[int, list[int]] = defaultdict(list)
        for number, site in enumerate(self.sites):
            self.at_site[site].append(number)
        self._uplink = {site: float(rate) for site, rate in enumerate(spec.sites.uplink)}
        self._uplink[_NO_SITE] = float("inf")
        self.touched: dict[int, None] = {}
        self._epoch_of_shares = 0

    def _line_of(self, device: int, cohort: int) -> int:
        """Return the line of a device."""
        return self._number[self._where[device]]

    def _changed(self, line: int) -> None:
        """Take note that another number of downloads flows on a line."""
        super()._changed(line)
        self.touched[self.sites[line]] = None

    def _shares_that_changed(self) -> Iterator[tuple[int, float | None]]:
        """Yield what `shares_at` does of all sites with changes, which are none from then on."""
        if self._epoch != self._epoch_of_shares:
            self.touched = dict.fromkeys(self.at_site)
            self._epoch_of_shares = self._epoch
        for site in self.touched:
            yield from self.shares_at(site, self._epoch)
        self.touched = {}

    def shares_at(self, site: int, epoch: int) -> Iterator[tuple[int, float | None]]:
        """Yield the lines of a site, and what one download gets of the site's line; None if there is none."""
        numbers = self.at_site[site]
        caps = [self.epochs.caps[epoch][self.cohorts[number]] for number in numbers]
        active = [self.active[number] for number in numbers]
        shares = fair_shares(self._uplink[site], caps, active)
        for number, share, n in zip(numbers, shares, active, strict=True):
            yield number, share if n > 0 else None


class SitesNetwork(LinesOfSites):
    """Sites share lines of their own, and the platform has no limit."""

    def __init__(self, spec: FleetSpec, clock: Clock) -> None:
        """Begin without downloads, in the first epoch.

        Args:
            clock: Where events happen.
        """
        super().__init__(spec, clock)
        n_lines = len(self.active)
        self._virtual = [0.0] * n_lines
        self._set_at = [0] * n_lines
        self._rates = [0.0] * n_lines
        # Heap of (tick at which a line's next download is over, line); what is no longer true stays until it
        # is met.
        self._due: list[tuple[int, int]] = []

    def _share(self) -> None:
        """Compute the rates of lines of sites with changes; a clock is set when its rate changes."""
        for line, share in self._shares_that_changed():
            rate = share or 0.0
            if rate != self._rates[line]:
                self._virtual[line] = self._mark(line)
                self._set_at[line] = self.clock.tick
                self._rates[line] = rate
            due = self._next_finish(line)
            if due < NEVER:
                heappush(self._due, (due, line))
        self.n_changes += 1

    def _mark(self, line: int) -> float:
        """Return what a line's virtual clock shows now."""
        return clock_at(self._virtual[line], self._rates[line], self.clock.tick - self._set_at[line])

    def _finish_tick(self, line: int, mark: float) -> int:
        """Return when a line's virtual clock will show `mark`, as things are."""
        return finish_tick(self._set_at[line], self._virtual[line], self._rates[line], mark)

    def _lines_ahead(self) -> Iterable[int]:
        """Yield the lines that have changed at this tick, and all with a download that is over next.

        Once a line has nothing more that is over by now, another one may have: the next one.
        """
        for site in list(self.touched):
            yield from self.at_site[site]
        before = None
        while self._due:
            due, line = self._due[0]
            if self._next_finish(line) != due:
                heappop(self._due)
            elif line == before:
                return
            else:
                yield line
                before = line

    @property
    def load(self) -> float:
        """Bytes/s that leave the platform, summed by line."""
        return load_of(self._rates, self.active)

    @property
    def load_after_tick(self) -> float:
        """Bytes/s that leave the platform if nothing else happens at this tick: rates are old until then."""
        epoch, rates = self._epoch_now(), [0.0] * len(self.active)
        for site in self.at_site:
            for line, share in self.shares_at(site, epoch):
                rates[line] = share or 0.0
        return load_of(rates, self.active)
