"""Playing tasks straight through: each up to the tick asked for, however many are under way.

What a task's devices go through is added up into the same registers and curve rows that the event loop
keeps, so that the two ways can follow each other within a run. An advance stops when a task settles that
somebody watches; the others have been played beyond that tick then: they lie *ahead*. Who asks for a task
that has settled, or how many have ended, is told so at once. For anything else (`look`) those that lie
ahead are laid out anew as they began, and played up to now.

One figure is not a sum over tasks: most subtasks in `Processing` at once. It is reached as devices are
dispatched after a call, unless those that wait for a retry then could add to it later. Where what is known
anyway can't rule that out, `play` declines.
"""

from __future__ import annotations

import heapq
from typing import Final

import numpy as np

from sim.fleet.compiled import calls
from sim.fleet.compiled.accounts.rows import ticks_of
from sim.fleet.compiled.add_task import as_list
from sim.fleet.compiled.memory.growth import make_room
from sim.fleet.compiled.memory.shortcuts import Shortcuts
from sim.fleet.compiled.memory.state import (
    FAIL,
    FAIL_WAIT_RETRY,
    IN_FLIGHT,
    LIVE,
    N_STATUS,
    NOBODY,
    QUEUED,
    READY_QUEUE,
    RETRY_WAIT,
    RUNNING,
    STOPPED,
    SUCCESS,
    State,
)
from sim.fleet.compiled.uncoupled.batch import Batch, Sums
from sim.fleet.compiled.uncoupled.blocks import Blocks
from sim.fleet.compiled.uncoupled.load import FreeDownloads
from sim.fleet.compiled.watches import check_watches
from sim.fleet.spec import NEVER, FleetSpec, Int32s, Int64s

# What playing costs, in devices that are looked at; an event in order costs as much as some 64.
_LOOKS_AN_EVENT: Final = 64
_LOOKS_A_PLAY: Final = 1 << 14
# In vain at most: so often each device, and so many at any rate.
_LOOKS_A_DEVICE: Final = 8
_LOOKS_FREE: Final = 1 << 18


class StraightPlay:
    """Batches of devices under way, and how far each of them is played.

    Attributes:
        is_on: Whoever is under way is played so; else events run in order.
    """

    def __init__(
        self, spec: FleetSpec, cuts: Shortcuts, st: State, downloads: FreeDownloads, *, threads: int
    ) -> None:
        """Begin with nobody.

        Args:
            st: Mutated.
            downloads: Takes in earlier downloads of devices that begin another attempt.
            threads: Threads to use.
        """
        self.is_on = False
        self._in_vain = 0
        self._spec = spec
        self._st = st
        self._downloads = downloads
        self._blocks = Blocks(spec, cuts, st, downloads, threads=threads)
        self._batches: list[Batch] = []
        self._settles: list[tuple[int, int]] = []  # (tick, task) that lie ahead, a heap
        # Changes of the counts by curve row, from the first one that is not written; the counts have them.
        self._changes = self._no_changes = np.zeros((0, N_STATUS), np.int64)

    @property
    def is_ahead(self) -> bool:
        """Whether somebody was played beyond now."""
        return bool(self._ahead())

    @property
    def pays(self) -> bool:
        """Whether not too many devices were looked at lately that had nothing to do."""
        n_devices = sum(len(batch.devices) for batch in self._batches)
        return self._in_vain <= _LOOKS_A_DEVICE * n_devices + _LOOKS_FREE

    @property
    def goes_on(self) -> bool:
        """Whether something can happen without a call."""
        return any(not batch.is_over for batch in self._batches) or self.is_ahead

    def _ahead(self) -> list[Batch]:
        """Return the batches that were played beyond now."""
        now = int(self._st.reg.now)
        return [batch for batch in self._batches if batch.played > now]

    def knows(self, task: int) -> bool:
        """Tell whether a task's counts are those of now."""
        return all(batch.task != task for batch in self._ahead())

    def n_ended(self) -> int:
        """Return how many subtasks have ended up to now."""
        later = [self._st.out.end[batch.devices] > self._st.reg.now for batch in self._ahead()]
        ended = int(self._st.counts[[SUCCESS, FAIL, STOPPED]].sum())
        return ended - sum(int(np.count_nonzero(of)) for of in later)

    # --- who is played --------------------------------------------------------------------------

    def admits(self, devices: Int32s) -> bool:
        """Tell whether some devices, one or more, are of one task, of which nobody is under way."""
        task = self._st.out.task[devices]
        first = int(task[0])
        is_free = first >= 0 and all(batch.task != first for batch in self._batches)
        return is_free and bool((task == first).all())

    def release(self, devices: Int32s) -> None:
        """Take in devices that are released now; they are told so when a thread comes along.

        Args:
            devices: In any order, admitted, read only.
        """
        self._begin(devices, are_ready=False)

    def take_ready(self, devices: Int32s) -> None:
        """Take in those of some devices that have just become ready; they leave the ready queue."""
        self._st.queues[READY_QUEUE] = (NOBODY, NOBODY)
        self._st.reg.ready_n = 0
        devices = devices[self._st.work["phase"][devices] == QUEUED]
        _, first = np.unique(devices, return_index=True)
        if len(first):
            self._begin(as_list(devices[np.sort(first)]), are_ready=True)

    def _begin(self, devices: Int32s, *, are_ready: bool) -> None:
        """Add a batch; released devices that are named twice are so once."""
        reg = self._st.reg
        now = reg.next_event = int(reg.now)
        ascending = devices
        if not (devices[1:] > devices[:-1]).all():
            by_number = np.sort(devices)
            ascending = as_list(by_number[np.diff(by_number, prepend=-1) > 0])
        task = int(self._st.out.task[devices[0]])
        self._batches.append(Batch(task, ascending, now, now, are_ready, devices))

    def leave(self) -> None:
        """Enter everybody into the event queues, as they stand now."""
        self.look()
        st, played = self._st, [batch.devices for batch in self._batches if not batch.is_new]
        if played:
            devices = np.sort(np.concatenate(played))
            phase = st.work["phase"][devices]
            flying, waiting = devices[phase == IN_FLIGHT], devices[phase == RETRY_WAIT]
            waiting = waiting[np.argsort(st.work["due"][waiting], kind="stable")]
            make_room(st, heap=len(flying) + len(waiting))
            calls.rebuild_queues(st, as_list(waiting), as_list(flying))
            calls.queue_ready(st, as_list(devices[phase == QUEUED]))
        for batch in self._batches:
            if batch.is_new and batch.are_ready:
                calls.queue_ready(st, batch.given)
            elif batch.is_new:
                calls.release(st, batch.given)
        self._batches.clear()
        self.is_on, self._in_vain = False, 0
        st.reg.next_event = st.reg.now

    # --- time -----------------------------------------------------------------------------------

    def play(self, until: int) -> bool:
        """Play everybody up to and including `until`, without the dispatches at that tick; now stays.

        Args:
            until: Last tick; the curve has rows up to it.

        Returns:
            False if nothing was done, since the most in progress at once could not be told.
        """
        reg, was_ahead = self._st.reg, self.is_ahead
        due = [batch for batch in self._batches if batch.played < until and batch.next_due <= until]
        if not due:
            return True
        if any(batch.is_new for batch in due) and not self._peak_is_told():
            return False
        if was_ahead or len(self._batches) > 1:  # else nothing can lie ahead of the end of the only one
            for batch in due:
                batch.keeps = batch.since is None
        in_progress = int(reg.processing)
        sums, changes = self._blocks.play(due, until, first_row=int(reg.grid_n))
        for batch, of in zip(due, sums, strict=True):
            self._book(batch, of)
            if self._st.task_counts[batch.task][LIVE].sum() == 0:
                heapq.heappush(self._settles, (batch.played, batch.task))
        self._add_changes(changes)
        n_begun = sum(of.begun for of in sums)
        if not was_ahead:
            reg.peak_processing = max(int(reg.peak_processing), in_progress + n_begun)
        n_looks = _LOOKS_A_PLAY + sum(len(batch.devices) for batch in due)
        n_events = n_begun + sum(of.worked for of in sums)
        self._in_vain = max(self._in_vain + n_looks - _LOOKS_AN_EVENT * n_events, 0)
        return True

    def _peak_is_told(self) -> bool:
        """Tell whether the most in progress at once will have been reached as the ready are dispatched."""
        out, reg = self._st.out, self._st.reg
        if not self.is_ahead and self._st.counts[FAIL_WAIT_RETRY] == 0:
            return True  # everybody under way is in progress then
        n_pending = sum(len(batch.devices) for batch in self._batches)
        if n_pending > reg.peak_processing:
            ends = [out.end[batch.devices] for batch in self._batches]
            n_pending = sum(int(np.count_nonzero((end < 0) | (end > reg.now))) for end in ends)
        return n_pending <= int(reg.peak_processing)

    def _book(self, batch: Batch, sums: Sums, *, sign: int = 1) -> None:
        """Add what a batch went through to every account of it, or take it back with a negative sign."""
        st, reg, change = self._st, self._st.reg, sign * sums.change
        st.counts += change
        st.task_counts[batch.task] += change
        for row in (st.tasks[batch.task].group, len(st.group_ended) - 1):
            st.group_ended[row] += change[[SUCCESS, FAIL]]
        st.flows["wasted"] += sign * sums.wasted
        ticks_of(st.held_up)[: len(sums.held_up)] += sign * sums.held_up
        reg.processing += int(change[RUNNING])
        reg.n_events += sign * sums.worked

    def _add_changes(self, changes: Int64s) -> None:
        """Add changes of the counts by curve row, which begin at the same row."""
        before, self._changes = self._changes, changes
        if len(before) > len(changes):
            before, self._changes = changes, before
        self._changes[: len(before)] += before

    def next_settled(self, until: int) -> int | None:
        """Return the next tick at which a task settles, None if none does up to `until`."""
        return self._settles[0][0] if self._settles and self._settles[0][0] <= until else None

    def move_to(self, tick: int) -> None:
        """Let it be a tick up to which everybody was played."""
        reg, downloads = self._st.reg, self._downloads
        reg.now = tick
        self._write_rows()
        while self.next_settled(tick) is not None:
            heapq.heappop(self._settles)
        ends = [batch.last_end for batch in self._batches if batch.played <= tick]
        reg.last_end = max([int(reg.last_end), *ends])
        self._batches = [batch for batch in self._batches if not batch.is_over or batch.played > tick]
        if self.is_ahead:
            reg.next_event = tick
            return
        reg.next_event = min((batch.next_due for batch in self._batches), default=NEVER)
        self._changes = self._no_changes
        if downloads.settle(self._st.work, self._spec.cohort, before=tick):
            self.forget()

    def _write_rows(self) -> None:
        """Write the curve's rows before now."""
        st, reg, resolution = self._st, self._st.reg, self._spec.platform.resolution_ticks
        first = int(reg.grid_n)
        last = -(-int(reg.now) // resolution)
        if last <= first:
            return
        due, self._changes = self._changes[: last - first], self._changes[last - first :]
        after = st.counts - self._changes.sum(axis=0)
        rows = st.grid[first:last]
        rows["status"][len(due) :] = after
        if len(due):
            by_row = np.cumsum(due, axis=0)
            rows["status"][: len(due)] = by_row + (after - by_row[-1])
        rows["downloads"] = 0
        rows["load"] = 0.0
        reg.grid_n = last
        reg.grid_tick = last * resolution

    def check_watches(self) -> bool:
        """Look at the watches; tell whether any tripped."""
        st, counts = self._st, self._st.task_counts
        if self._settles:
            counts = counts.copy()
            counts[[task for _, task in self._settles], RUNNING] += 1  # they settle later than now
        st.reg.ended = 0
        return bool(check_watches(st.watches, counts, st.group_ended, st.group_first))

    def look(self) -> None:
        """Let all memory be as it is now: play those that lie ahead again, up to now."""
        ahead, now = self._ahead(), int(self._st.reg.now)
        if not ahead:
            return
        for batch in ahead:
            undone = batch.lay_out(self._st)
            self._downloads.take_back(undone.downloads)
            self._book(batch, undone, sign=-1)
        self._settles.clear()
        first_row = min(batch.played for batch in ahead) // self._spec.platform.resolution_ticks
        sums, _ = self._blocks.play(ahead, now, first_row=first_row)
        for batch, of in zip(ahead, sums, strict=True):
            self._book(batch, of)
        self._changes = self._no_changes  # rows before now are written, the others will be
        self.move_to(now)

    def forget(self) -> None:
        """Never go back beyond now: something else than time has changed the devices."""
        for batch in self._batches:
            batch.forget()

    def let_go(self, devices: Int32s) -> None:
        """Leave devices to another task, for which they will be taken in anew; they are final in theirs."""
        for batch in self._batches:
            stays = ~np.isin(batch.given, devices)
            if not stays.all():
                batch.given = as_list(batch.given[stays])
                batch.devices = as_list(np.unique(batch.given))
