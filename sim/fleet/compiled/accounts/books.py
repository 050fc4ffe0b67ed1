"""What events write down of the time of devices.

A row of the books is the device's own if its time is known one by one, else one for devices of its cohort.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from sim.fleet.compiled.memory.cold import call_cold, cold, state_at
from sim.fleet.compiled.memory.prefetch import fetch_row
from sim.fleet.compiled.memory.shortcuts import SUMMED_BITS, Shortcuts
from sim.fleet.compiled.memory.state import (
    APPROACHING,
    IN_CELL_QUEUE,
    IN_FLIGHT,
    PLACE_QUEUE,
    QUEUED,
    QUIET,
    RETRY_WAIT,
    State,
)
from sim.fleet.compiled.memory.tables import Record
from sim.fleet.jit import inlined, natural
from sim.fleet.model.sampling import interval_behind

_BITS: Final = 31
PLAN_AGAIN: Final = -1
"""Instead of `packed_work`, when its numbers are too large."""


@inlined
def row_of(cuts: Shortcuts, device: int, c: int) -> int:
    """Return the row of `State.held_up` in which a device's time is booked."""
    # A division would take as long as all the rest.
    kept = (np.int64(device) * cuts.kept_factor) >> cuts.kept_shift
    if kept * cuts.kept_every == device:
        return natural(cuts.kept_from + kept)
    return natural(c + (device >> SUMMED_BITS))  # cohorts have consecutive devices: no two share a row


@inlined
def fetch_books(st: State, device: int) -> None:
    """Ask for the row of the books of a device that has its own; those of sums are always at hand."""
    fetch_row(st.held_up[row_of(st.given.cuts, device, np.int64(0))])


@cold
def frozen_ticks(state: Any, begin: int, end: int, _: int) -> int:
    """Return for how many ticks of begin..end dispatches are frozen.

    Args:
        state: Address of the state.
        begin: Tick.
        end: Tick, not before that.
    """
    outages = state_at(state).given.spec.outages
    n = len(outages.freeze_from)
    row, ticks = interval_behind(outages.freeze_to, np.int64(0), np.int64(n), begin), np.int64(0)
    while row < n and outages.freeze_from[row] < end:
        ticks += min(outages.freeze_to[row], end) - max(outages.freeze_from[row], begin)
        row += 1
    return ticks


@inlined
def book_ready(st: State, book: Record, since: int, now: int) -> None:
    """Book a wait in the ready queue, from `since` to `now`."""
    ticks = now - since
    if st.given.frozen != 0:
        frozen = call_cold(st.given.frozen, st, since, now, np.int64(0))
        book.outage += frozen
        ticks -= frozen
    book.ready_queue += ticks


@inlined
def book_approach(plan: Record, book: Record, is_silent: bool) -> None:
    """Book query and coverage as planned, and the silence after them until a timer runs out, if any."""
    query = plan.coverage_at if plan.coverage_at >= 0 else plan.approach
    book.query += query
    if plan.coverage_at >= 0:
        book.coverage += plan.approach - query
    if is_silent:
        book.timer += plan.rest
        if plan.coverage_at >= 0:
            book.coverage -= plan.rest
        else:
            book.query -= plan.rest


@inlined
def work_of(plan: Record) -> tuple[int, int]:
    """Return after how many ticks a plan has verify be over, and after how many install."""
    verified = plan.install_at if plan.install_at >= 0 else plan.rest
    installed = plan.reboot_at if plan.reboot_at >= 0 else plan.rest
    return verified, installed


@inlined
def packed_work(plan: Record) -> int:
    """Return as one number how long verify and install are planned to take, half an hour each at most."""
    verified, installed = work_of(plan)
    if max(verified, installed - verified) >> _BITS != 0:
        return np.int64(PLAN_AGAIN)
    return ((installed - verified) << _BITS) | verified


@inlined
def unpacked_work(packed: int) -> tuple[int, int]:
    """Return what `work_of` said of the plan."""
    verified = packed & ((1 << _BITS) - 1)
    return verified, verified + (packed >> _BITS)


@inlined
def book_work(book: Record, work: tuple[int, int], rest: int, waits: int, ticks: int) -> None:
    """Book what follows a download as planned, and silence after it.

    Args:
        book: Mutated.
        work: That of `work_of`.
        rest: Ticks that it is planned to take.
        waits: Those of them that pass before install, until its window opens.
        ticks: How long all of it takes, whatever is planned beyond.
    """
    ready, installed = work
    verified = min(ready - waits, ticks)
    ready, installed, worked = min(ready, ticks), min(installed, ticks), min(rest, ticks)
    book.verify += verified
    book.install += installed - ready
    book.reboot += worked - installed
    if waits > 0:
        book.window += ready - verified
    if ticks > worked:
        book.timer += ticks - worked


@inlined
def book_place_queue(st: State, device: int) -> None:
    """Book a wait for a place in a cell or at a site that is over now.

    Writes: held_up.place_queue, work.since.
    """
    device = natural(device)
    row = st.work[device]
    book = st.held_up[row_of(st.given.cuts, device, natural(st.given.spec.cohort[device]))]
    book.place_queue += st.reg.now - row.since
    row.since = st.reg.now


@inlined
def book_retry_wait(st: State, device: int, ticks: int) -> None:
    """Book a wait for an automatic retry that begins.

    Writes: held_up.retry_wait.
    """
    book = st.held_up[row_of(st.given.cuts, device, natural(st.given.spec.cohort[device]))]
    book.retry_wait += ticks


@inlined
def book_call(st: State, device: int) -> None:
    """Book the wait for a call that queues a subtask again now.

    Writes: held_up.call_wait, held_up.retry_wait.
    """
    row = st.work[device]
    book = st.held_up[row_of(st.given.cuts, device, natural(st.given.spec.cohort[device]))]
    if row.phase == RETRY_WAIT:
        book.retry_wait -= row.due - st.reg.now
        return
    book.call_wait += st.reg.now - st.out.end[device]


@cold
def book_until_now(state: Any, device: int, _: int, __: int) -> int:
    """Let the books say of a device what has come about of what it is at, and nothing of what was to come.

    What has been received of a download under way is booked by `transfers`.

    Args:
        state: Address of the state.
        device: Device index.

    Writes: held_up.download_place, held_up.place_queue, held_up.retry_wait, held_up.timer.
    """
    st = state_at(state)
    now = st.reg.now
    device = natural(device)
    row = st.work[device]
    phase = row.phase
    book = st.held_up[row_of(st.given.cuts, device, natural(st.given.spec.cohort[device]))]
    if phase == QUEUED:
        book_ready(st, book, row.since, now)
    elif phase == IN_CELL_QUEUE:
        book.place_queue += now - row.since
    elif phase == RETRY_WAIT:
        book.retry_wait -= row.due - now
    elif phase == QUIET:
        book.timer += now - row.flow_end
    elif phase == IN_FLIGHT or phase == APPROACHING:
        call_cold(st.given.take_back, st, device, now, np.int64(0))
    elif phase == PLACE_QUEUE:
        book.download_place += now - row.entered
    return np.int64(0)
