"""A network in which the downloads of a site share its line, and all of them the platform's egress.

A line is the downloads of one cohort at one site, or of one cohort at none. What the site's line leaves to
each of its downloads is that line's *level*, whether the egress lets it have that or not. The egress knows no
sites: it is split among levels, and downloads of one level have one rate wherever they are. That is the
max-min fair split over the whole tree, since a download gets what the narrowest link on its path leaves to it
(Bertsekas and Gallager, "Data Networks", 2nd ed., 6.5.2).

So it is levels that have virtual clocks here. A line's clock is that of its level, shifted: when a line comes
to another level its clock goes on from where it is, and the shift is what the two differ by. In the same way
all levels that the egress limits share one clock, since they get the same.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from heapq import heappop, heappush

from sim.fleet.reference.clock import Clock
from sim.fleet.reference.network.egress import split_egress
from sim.fleet.reference.network.lines_of_sites import LinesOfSites
from sim.fleet.reference.rates import clock_at, finish_tick
from sim.fleet.spec import FleetSpec


class _VirtualClock:
    """A virtual clock: of one level, or of all that the egress limits.

    Attributes:
        clock: What it showed when it was last set.
        set_at: Tick at which that was.
        rate: Bytes/s of one download since then.
    """

    def __init__(self, tick: int) -> None:
        """Begin now, with a clock that stands at 0."""
        self.clock = 0.0
        self.set_at = tick
        self.rate = 0.0

    def clock_now(self, tick: int) -> float:
        """Return what the virtual clock shows at a tick."""
        return clock_at(self.clock, self.rate, tick - self.set_at)

    def finish_tick(self, mark: float) -> int:
        """Return when the clock will show `mark`, as things are."""
        return finish_tick(self.set_at, self.clock, self.rate, mark)

    def go_on(self, rate: float, tick: int) -> None:
        """Go on at a rate from now; the clock is set if that is another one."""
        if rate != self.rate:
            self.clock = self.clock_now(tick)
            self.set_at = tick
            self.rate = rate


class _Level:
    """Lines whose sites leave the same to each download.

    Attributes:
        n: Downloads.
        own: Its virtual clock while the egress does not limit it.
        common: That of all levels that the egress limits.
        shift: What its clock shows more than that; None while the egress does not limit it.
        ahead: Heap of (bytes that the level's own clock shows when a line's next download is over, line);
            what is no longer true stays until it is met.
    """

    def __init__(self, common: _VirtualClock, tick: int) -> None:
        """Begin now, without lines, with a clock that stands at 0."""
        self.n = 0
        self.own = _VirtualClock(tick)
        self.common = common
        self.shift: float | None = None
        self.ahead: list[tuple[float, int]] = []

    def clock_now(self, tick: int) -> float:
        """Return what the virtual clock shows at a tick."""
        return self.own.clock_now(tick) if self.shift is None else self.shift + self.common.clock_now(tick)

    def finish_tick(self, mark: float) -> int:
        """Return when the virtual clock will show `mark`, as things are."""
        return (
            self.own.finish_tick(mark) if self.shift is None else self.common.finish_tick(mark - self.shift)
        )

    def be_limited(self, tick: int) -> None:
        """Share the common clock from now on."""
        if self.shift is None:
            self.shift = self.clock_now(tick) - self.common.clock_now(tick)

    def be_free(self, share: float, tick: int) -> None:
        """Have what its lines give from now on."""
        if self.shift is not None:
            self.own.clock, self.own.set_at, self.own.rate = self.clock_now(tick), tick, share
            self.shift = None
        self.own.go_on(share, tick)


class _Line:
    """Downloads of one cohort at one site.

    Attributes:
        level: Which one it has been at since rates were computed last; None while nothing flows.
        n: Downloads that its level counts.
        shift: Its clock less that of its level; without a level, its clock.
    """

    def __init__(self) -> None:
        """Begin without downloads."""
        self.level: _Level | None = None
        self.n = 0
        self.shift = 0.0


class TreeNetwork(LinesOfSites):
    """Sites share lines of their own, and all of them the platform's egress, max-min fair."""

    def __init__(self, spec: FleetSpec, clock: Clock) -> None:
        """Begin without downloads, in the first epoch.

        Args:
            clock: Where events happen.
        """
        super().__init__(spec, clock)
        self._lines = [_Line() for _ in self.active]
        self._levels: dict[float, _Level] = {}
        self._limited = _VirtualClock(clock.tick)
        self._load = 0.0

    # --- rates -------------------------------------------------------------------------------------

    def _share(self) -> None:
        """Find the levels of lines that may have changed, move those lines, and split the egress."""
        for number, share in self._shares_that_changed():
            self._move(number, share)
        self._levels = {share: self._levels[share] for share in sorted(self._levels) if self._levels[share].n}
        active = [level.n for level in self._levels.values()]
        split = split_egress(self.epochs.bandwidths[self._epoch], list(self._levels), active)
        for share, level in self._levels.items():
            if share > split.cut:
                level.be_limited(self.clock.tick)
            else:
                level.be_free(share, self.clock.tick)
        self._limited.go_on(split.rate, self.clock.tick)
        self._load = split.load
        self.n_changes += 1

    def _move(self, number: int, share: float | None) -> None:
        """Let a line be at the level of a share, a new one perhaps, with the downloads it has now."""
        line, tick = self._lines[number], self.clock.tick
        to = None if share is None else self._levels.setdefault(share, _Level(self._limited, tick))
        if line.level is not None:
            line.level.n -= line.n
        if to is not line.level:
            clock = self._mark(number)
            line.shift = clock if to is None else clock - to.clock_now(tick)
            line.level = to
        line.n = self.active[number]
        mark = self._next_mark(number)
        if to is not None:
            to.n += line.n
            if mark is not None:
                heappush(to.ahead, (mark - line.shift, number))

    @property
    def load(self) -> float:
        """Bytes/s that leave the platform."""
        return self._load

    @property
    def load_after_tick(self) -> float:
        """Bytes/s that leave the platform if nothing else happens at this tick: rates are old until then."""
        epoch, n_at = self._epoch_now(), Counter[float]()
        for site in self.at_site:
            for number, share in self.shares_at(site, epoch):
                if share is not None:
                    n_at[share] += self.active[number]
        levels = sorted(n_at)
        active = [n_at[share] for share in levels]
        return split_egress(self.epochs.bandwidths[epoch], levels, active).load

    # --- ends --------------------------------------------------------------------------------------

    def _mark(self, line: int) -> float:
        """Return what a line's virtual clock shows now."""
        of = self._lines[line]
        return of.shift if of.level is None else of.shift + of.level.clock_now(self.clock.tick)

    def _finish_tick(self, line: int, mark: float) -> int:
        """Return when a line's virtual clock will show `mark`, as things are."""
        of = self._lines[line]
        if of.level is None:
            return finish_tick(self.clock.tick, 0.0, 0.0, mark - of.shift)
        return of.level.finish_tick(mark - of.shift)

    def _lines_ahead(self) -> Iterable[int]:
        """Yield the lines that have changed at this tick, and of each level the one that is over next.

        Once that has nothing more that is over by now, another one of its level may have: the next one.
        """
        for site in list(self.touched):
            yield from self.at_site[site]
        for level in self._levels.values():
            before = None
            while (line := self._first_at(level)) is not None and line != before:
                yield line
                before = line

    def _first_at(self, level: _Level) -> int | None:
        """Return the line of a level on which a download is over next; None without one."""
        while level.ahead:
            mark, number = level.ahead[0]
            line, next_mark = self._lines[number], self._next_mark(number)
            if line.level is level and next_mark is not None and next_mark - line.shift == mark:
                return number
            heappop(level.ahead)
        return None
