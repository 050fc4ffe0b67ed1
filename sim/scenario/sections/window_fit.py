"""Whether upgrades fit between the openings of their windows and the platform's timers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from sim.wall_clock import Interval, next_open, open_until

_S: Final = 10**6
_GRID: Final = 1_800 * _S
_WEEK: Final = 8 * 86_400 * _S
"""Entries into the download are tried at each half hour of a week, and at all edges of windows in it."""


@dataclass(frozen=True)
class Upgrade:
    """What an upgrade of a cohort needs at least, and what it gets; ticks from the start of the run.

    Attributes:
        until: End of the run.
        contact: When devices may be contacted; always without intervals, like the next two. Known for as long
            after the end of the run as a device may wait.
        download: When bytes flow.
        install: When it may begin to install.
        before: Shortest time from the contact to the download.
        load: Shortest time in which the bytes flow, 0 for one that takes none.
        verify: Shortest time of verify.
        rest: Shortest time of install and reboot.
        load_timer: Timer that ends a download, from its entry.
        result_timer: Timer that ends what comes after it, None if the same one runs on.
    """

    until: int
    contact: tuple[Interval, ...]
    download: tuple[Interval, ...]
    install: tuple[Interval, ...]
    before: int
    load: int
    verify: int
    rest: int
    load_timer: int
    result_timer: int | None

    @property
    def needs_windows(self) -> bool:
        """Whether windows can make it fail that would succeed without any."""
        rest = self.verify + self.rest
        fits = self.load <= self.load_timer and rest <= (self.result_timer or self.load_timer - self.load)
        return fits and bool(self.download or self.install)

    @cached_property
    def longest_closed(self) -> int:
        """Longest time in which nobody may be contacted, before the last window; 0 if they always may."""
        ends = [0, *(end for _, end in self.contact)]
        return max((begin - end for end, (begin, _) in zip(ends, self.contact, strict=False)), default=0)

    def misfit(self, of: Callable[[int], bool]) -> int | None:
        """Return the first entry into the download that `of` is true of, None if it is of none that is tried.

        Args:
            of: `is_late_to_load` or `is_late_to_install`.
        """
        return next((entry for entry in self._entries if of(entry)), None)

    def always(self, of: Callable[[int], bool]) -> bool:
        """Tell whether something is true of all entries that are tried."""
        return all(of(entry) for entry in self._entries)

    def is_late_to_load(self, entry: int) -> bool:
        """Tell whether the timer ends a download entered at a tick, since it waits for its window."""
        over = self._over(entry)
        return over is None or over > entry + self.load_timer

    def is_late_to_install(self, entry: int) -> bool:
        """Tell whether the timer ends an upgrade while it waits for its window to install."""
        over = self._over(entry)
        if over is None or over > entry + self.load_timer:
            return False
        begins = next_open(self.install, over + self.verify)
        deadline = entry + self.load_timer if self.result_timer is None else over + self.result_timer
        return begins is None or begins + self.rest > deadline

    def fails(self, entry: int) -> bool:
        """Tell whether either is true."""
        return self.is_late_to_load(entry) or self.is_late_to_install(entry)

    def _over(self, entry: int) -> int | None:
        """Return when the bytes of a download entered at a tick are there, None if never."""
        return open_until(self.download, entry, self.load) if self.load else entry

    @cached_property
    def _entries(self) -> list[int]:
        """Ticks at which a download may be entered, ascending: those that matter, and a grid of others."""
        return sorted({entry for entry in self._tried() if self._may_enter(entry)})

    def _tried(self) -> Iterator[int]:
        last = min(self.until, self.contact[0][0] + _WEEK if self.contact else _WEEK)
        yield from range(0, last, _GRID)
        for edge in self._edges(self.contact, last):
            yield from (edge + self.before, edge - 1 + self.before)
        yield from self._edges(self.download, last)
        for edge in self._edges(self.install, last):
            yield edge - self.verify - self.load

    @staticmethod
    def _edges(windows: tuple[Interval, ...], last: int) -> Iterator[int]:
        """Yield when windows open and close up to a tick."""
        for begin, end in windows:
            if begin > last:
                break
            yield from (begin, end)

    def _may_enter(self, entry: int) -> bool:
        contact = entry - self.before
        return 0 <= contact and entry < self.until and next_open(self.contact, contact) == contact
