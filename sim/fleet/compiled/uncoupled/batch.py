"""Devices of one task that begin at the same tick, and how they stood then.

What a device goes through is drawn by keys, so playing it again from there tells the same story: a batch
that was played too far for what somebody asks is laid out anew and played up to now.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sim.fleet.compiled.accounts.rows import kept_rows, ticks_of
from sim.fleet.compiled.memory.state import QUEUED, WAITTING, State
from sim.fleet.compiled.memory.tables import Records
from sim.fleet.spec import NEVER, Int32s, Int64s

# What playing changes of the records, and what it is before the first attempt.
_BEFORE: Final = {
    "status": WAITTING,
    **dict.fromkeys(("reason", "attempts", "manual_retries", "bytes"), 0),
    **dict.fromkeys(("first_start", "first_failure", "end"), -1),
}
_WORK_BEFORE: Final = {"phase": QUEUED, "due": -1, "entered": -1, "used": 0, "trigger": 0}
_LASTING: Final = ("current", "mark")


@dataclass
class Sums:
    """What some devices went through.

    Attributes:
        change: (7,) int64 changes of the counts.
        wasted: (C,) int64 bytes.
        held_up: (R, N_HOLDS) int64 ticks, of those that have no row of their own in `State.held_up`.
        worked: Events worked off.
        begun: Attempts begun at the first tick.
        last_end: Tick of the last end of a subtask, -1 if none.
        next_due: Earliest event that is left, NEVER if there is none.
        downloads: Those that they had finished by beginning another attempt, as they were added.
    """

    change: Int64s
    wasted: Int64s
    held_up: Int64s
    worked: int = 0
    begun: int = 0
    last_end: int = -1
    next_due: int = NEVER
    downloads: list[Int64s] = field(default_factory=list)

    def add(self, other: Sums) -> None:
        """Add what other devices went through, or the same ones later."""
        self.change = self.change + other.change
        self.wasted = self.wasted + other.wasted
        self.held_up = self.held_up + other.held_up
        self.worked += other.worked
        self.begun += other.begun
        self.last_end = max(self.last_end, other.last_end)
        self.next_due = min(self.next_due, other.next_due)
        self.downloads = self.downloads + other.downloads


class _Kept(NamedTuple):
    """Rows of some devices.

    Attributes:
        devices: (k,) device indices.
        work: (k,) WORK; None if they were ready for their first attempt, all else as `_BEFORE` says.
        out: Columns of the records, (k,) each.
        failed_at: (k, K) int64.
        held: (k,) int64.
        books: (K, N_HOLDS) int64, rows of the books of those that have their own; None if nothing was booked.
        struck: (k,) STRUCK.
        lasting: Columns of WORK that attempts change for good, (k,) each; they are part of `work`.
    """

    devices: Int32s
    work: Records | None
    out: dict[str, NDArray[np.generic]]
    failed_at: Int64s
    held: Int64s
    books: Int64s | None
    struck: Records
    lasting: dict[str, NDArray[np.generic]]


@dataclass(eq=False)
class Batch:
    """Devices of one task that are released, or retried, at the same tick.

    Attributes:
        task: Their task.
        devices: Device indices, ascending.
        played: Tick up to which they were played, or their last end if nothing is left to happen; the
            tick of the release at first.
        next_due: Earliest event that is left, NEVER if there is none.
        are_ready: Those of them that can be ready know it.
        is_new: Not played yet.
        given: The devices in the order in which they were released or retried. It matters only if they leave
            for the event queues before they are played; played in ascending order, neighbours share memory.
        last_end: Tick of the last end of a subtask, -1 if none.
        keeps: Keep the rows the next time that it is played.
        since: What they went through since rows were kept, None if none are.
    """

    task: int
    devices: Int32s
    played: int
    next_due: int
    are_ready: bool
    given: Int32s
    is_new: bool = True
    last_end: int = -1
    keeps: bool = False
    since: Sums | None = None
    _kept_at: int = -1
    _kept: list[_Kept] = field(default_factory=list)

    @property
    def is_over(self) -> bool:
        """Whether nothing is left to happen without a call."""
        return self.next_due >= NEVER

    def forget(self) -> None:
        """Give up going back to where rows were kept."""
        self.since = None
        self._kept.clear()

    def keep(self, st: State, devices: Int32s, *, are_untouched: bool) -> None:
        """Keep the rows of some of the devices as they are; called for all of them at the same tick.

        Args:
            devices: Device indices, not changed any more.
            are_untouched: They are all ready for their first attempt, so that nothing has to be copied.
        """
        if are_untouched and not len(st.held):
            lasting = {name: st.work[name][devices] for name in _LASTING}
            # In their first task there, so that nothing was booked of them yet.
            books = ticks_of(st.held_up)[kept_rows(st, devices)] if len(st.earlier) else None
            kept = _Kept(devices, None, {}, st.failed_at[:0], st.held, books, st.struck[:0], lasting)
            self._kept.append(kept)
            return
        out = {name: getattr(st.out, name)[devices] for name in _BEFORE}
        failed_at = st.failed_at[devices] if len(st.failed_at) else st.failed_at
        held = st.held[devices] if len(st.held) else st.held
        struck = st.struck[devices] if len(st.struck) else st.struck
        books = ticks_of(st.held_up)[kept_rows(st, devices)]
        self._kept.append(_Kept(devices, st.work[devices], out, failed_at, held, books, struck, {}))

    def note(self, sums: Sums, until: int) -> None:
        """Note that it was played up to a tick, and what its devices went through."""
        if self.keeps:
            self.keeps, self.since, self._kept_at = False, sums, self.played
        elif self.since is not None:
            self.since.add(sums)
        self.is_new, self.are_ready = False, True
        self.next_due = sums.next_due
        self.last_end = max(self.last_end, sums.last_end)
        self.played = max(self.last_end, self.played) if self.is_over else until

    def lay_out(self, st: State) -> Sums:
        """Write the rows as they were kept; return what the devices went through since."""
        n_timelines = len(st.places) // max(len(st.work), 1)
        for kept in self._kept:
            if n_timelines:  # it was looked at later than now
                st.places.reshape(-1, n_timelines)[kept.devices] = 0
            ticks_of(st.held_up)[kept_rows(st, kept.devices)] = 0 if kept.books is None else kept.books
            if kept.work is None:
                _lay_out_untouched(st, kept.devices)
                st.work["since"][kept.devices] = self._kept_at
                for name, column in kept.lasting.items():
                    st.work[name][kept.devices] = column
                continue
            st.work[kept.devices] = kept.work
            for name, column in kept.out.items():
                getattr(st.out, name)[kept.devices] = column
            if len(st.failed_at):
                st.failed_at[kept.devices] = kept.failed_at
            if len(st.held):
                st.held[kept.devices] = kept.held
            if len(st.struck):
                st.struck[kept.devices] = kept.struck
        undone, self.since = self.since, None
        assert undone is not None, "played ahead although no rows were kept"
        self.played = self.next_due = self._kept_at
        self.last_end = -1
        self._kept.clear()
        return undone


def _lay_out_untouched(st: State, devices: Int32s) -> None:
    """Write the rows of devices that are ready for their first attempt."""
    for name, value in _BEFORE.items():
        getattr(st.out, name)[devices] = value
    for name, value in _WORK_BEFORE.items():
        st.work[name][devices] = value
    if len(st.failed_at):
        st.failed_at[devices] = -NEVER
