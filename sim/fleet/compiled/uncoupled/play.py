"""Devices that share nothing, played straight through: no event queue, and in parallel.

When no limit binds, a device's life depends on nobody else's. Then every device is played on its own up
to the tick asked for, which is several times as fast as events in order: nothing is queued, and each
device's row is read and written once. `run` decides who is played, and up to when.
"""

from __future__ import annotations

from typing import Annotated, Final

import numpy as np

from sim.fleet.compiled.accounts.books import row_of
from sim.fleet.compiled.downloads import bytes_to_come
from sim.fleet.compiled.memory.curve_rows import row_from
from sim.fleet.compiled.memory.shortcuts import Shortcuts
from sim.fleet.compiled.memory.state import (
    AUTO,
    FAIL,
    FAIL_WAIT_RETRY,
    IDLE,
    IN_FLIGHT,
    N_PLANS,
    QUEUED,
    RETRY_WAIT,
    RUNNING,
    SUCCESS,
    WAITTING,
    State,
)
from sim.fleet.compiled.memory.tables import HELD, PLAN, SPAN, Record, Records
from sim.fleet.compiled.presampling import ask_for_plan, draw_plans
from sim.fleet.compiled.stages import attempt as play
from sim.fleet.compiled.stages.download import way_through_free_download
from sim.fleet.compiled.transitions import (
    count_attempt,
    has_retry,
    leave_behind,
    note_failure,
    retry_wait,
)
from sim.fleet.jit import inlined, kernel, local, natural
from sim.fleet.spec import LEAVES_OLD, FleetSpec, Floats, Int32s, Int64s
from sim.fleet.table import Table

# Counters that `play_block` answers with.
N_SPANS: Final = 0
LATEST_END: Final = 1
N_WORKED: Final = 2
N_BEGUN: Final = 3  # dispatched at the first tick
NEXT_DUE: Final = 4  # earliest event that is left; the last tick if a device is left ready
N_TALLY: Final = 5

_MOST_ATTEMPTS: Final = 128  # more than a device can begin within one call
N_ROOM: Final = 2 * _MOST_ATTEMPTS * N_PLANS
"""Earlier downloads that an account has room for."""


class Account(Table):
    """What blocks of devices went through; `play_block` adds to it.

    Attributes:
        first_row: Curve row of diff's first row.
        diff: (G, 7) int64 changes of the counts by curve row.
        change: (7,) int64 changes of the counts, all in all.
        wasted: (C,) int64 bytes.
        held_up: (R,) HELD, where the time goes of devices that have no row of their own in `State.held_up`.
        spans: SPAN, downloads whose devices have begun another attempt, from 0.
        plans: (K,) PLAN, what the block's devices do next.
        begins: (K,) int64, tick of the dispatch that each plan is for.
        uniforms: (N_DRAWN, K) float64, what plans are drawn with.
        tally: (N_TALLY,) int64, starts at 0 except LATEST_END at -1 and NEXT_DUE at NEVER.
    """

    first_row: int
    diff: Annotated[Int64s, 2]
    change: Int64s
    wasted: Int64s
    held_up: Annotated[Records, HELD]
    spans: Annotated[Records, SPAN]
    plans: Annotated[Records, PLAN]
    begins: Int64s
    uniforms: Annotated[Floats, 2]
    tally: Int64s


@inlined
def _shift(account: Account, resolution: int, tick: int, before: int, after: int) -> None:
    """Enter that one subtask moved from a state to another at `tick`."""
    row = natural(row_from(tick, resolution) - account.first_row)
    account.diff[row, natural(before)] -= 1
    account.diff[row, natural(after)] += 1


@inlined
def _book_of(cuts: Shortcuts, st: State, device: int, c: int, account: Account) -> Record:
    """Return the row of the books in which a device's time is booked."""
    row = row_of(cuts, device, c)
    return st.held_up[row] if row >= len(account.held_up) else account.held_up[row]


@inlined
def _start(
    spec: FleetSpec,
    cuts: Shortcuts,
    st: State,
    device: int,
    c: int,
    plan: Record,
    now: int,
    account: Account,
) -> None:
    """Begin an attempt as planned; its end is known at once.

    Writes: struck.does, work.due, work.entered, work.flow_end, work.kind, work.phase, work.since,
        work.verdict, work.wanted.
    """
    count_attempt(st, device, now)
    book = _book_of(cuts, st, device, c, account)
    row = st.work[device]
    if row.entered >= 0 and row.flow_end > row.entered:
        n = natural(account.tally[N_SPANS])
        span = account.spans[n]
        span.start = row.entered
        span.end = row.flow_end
        span.cohort = c
        account.tally[N_SPANS] = n + 1
    if len(st.struck) > 0:
        st.struck[device].does = LEAVES_OLD
    tick, kind, verdict = play.way_to_download(spec, cuts, st, c, plan, now, book)
    row.since = now
    row.entered = -1
    if kind == play.K_ENTRY:
        row.entered = tick
        rest = bytes_to_come(spec, st, device)
        tick, kind, verdict, flow_end, wanted = way_through_free_download(
            spec, cuts, st, c, plan, tick, rest, book
        )
        row.flow_end = flow_end
        row.wanted = wanted
    row.phase = IN_FLIGHT
    row.due = tick
    row.kind = kind
    row.verdict = verdict


@inlined
def _end(spec: FleetSpec, st: State, device: int, c: int, account: Account) -> int:
    """End the attempt at its due tick; return the subtask's new state.

    Writes: out.bytes, out.end, out.first_failure, out.reason, work.due, work.kind, work.phase,
        work.trigger.
    """
    row = st.work[device]
    now = row.due
    reason = np.int64(row.verdict)
    st.out.reason[device] = reason
    got = row.wanted if row.entered >= 0 else np.int64(0)
    st.out.bytes[device] += got
    leave_behind(st, device, got, now, reason == 0)
    row.phase = IDLE
    row.due = -1
    status = SUCCESS
    if reason != 0:
        account.wasted[c] += got
        note_failure(st, device, now)
        if st.out.attempts[device] == 1:
            st.out.first_failure[device] = now
        status = FAIL
        if has_retry(st, device, reason):
            row.phase = RETRY_WAIT
            row.trigger = AUTO
            row.kind = play.K_RETRY
            row.due = now + retry_wait(spec, st, device, now)
            book = _book_of(st.given.cuts, st, device, c, account)
            book.retry_wait += row.due - now
            status = FAIL_WAIT_RETRY
    if status != FAIL_WAIT_RETRY:
        st.out.end[device] = now
    return status


@inlined
def _work_off(spec: FleetSpec, st: State, device: int, c: int, status: int, account: Account) -> int:
    """Let the device's due event happen; return the subtask's new state.

    Writes: work.due, work.phase, work.since.
    """
    row = st.work[device]
    tally = account.tally
    tally[N_WORKED] += 1
    if row.phase == RETRY_WAIT:
        row.phase = QUEUED
        row.since = row.due
        row.due = -1
        return WAITTING
    now = row.due
    status = np.int64(_end(spec, st, device, c, account))
    if status != FAIL_WAIT_RETRY:
        tally[LATEST_END] = max(tally[LATEST_END], now)
    return status


@inlined
def _play_on(
    spec: FleetSpec, st: State, device: int, c: int, now: int, begin: int, until: int, account: Account
) -> int:
    """Let events of a device happen until it has to be dispatched, or has none up to `until`.

    Args:
        st: Mutated.
        device: Device index.
        c: Its cohort.
        now: Tick.
        begin: First tick of all.
        until: Last tick.
        account: Filled.

    Returns:
        The tick of its next dispatch, -1 if there is none before `until`.

    Writes: out.status.
    """
    resolution = spec.platform.resolution_ticks
    tally = account.tally
    row = st.work[device]
    status = np.int64(st.out.status[device])
    account.change[natural(status)] -= 1
    answer = np.int64(-1)
    while row.phase != IDLE:
        if row.phase == QUEUED:
            if now >= until:
                tally[NEXT_DUE] = min(tally[NEXT_DUE], now)
                break
            if now == begin:
                tally[N_BEGUN] += 1
            _shift(account, resolution, now, status, RUNNING)
            status = np.int64(RUNNING)
            answer = now
            break
        if row.due > until:
            tally[NEXT_DUE] = min(tally[NEXT_DUE], row.due)
            break
        now = row.due
        before = status
        status = _work_off(spec, st, device, c, status, account)
        _shift(account, resolution, now, before, status)
    st.out.status[device] = status
    account.change[natural(status)] += 1
    return answer


@kernel
def play_block(
    spec: FleetSpec,
    cuts: Shortcuts,
    st: State,
    devices: Int32s,
    lo: int,
    hi: int,
    begin: int,
    until: int,
    account: Account,
) -> int:
    """Play devices[lo..hi] up to and including `until`, without the dispatches at that tick.

    Devices go through their attempts together: all first ones are planned and begun, then all second
    ones of those that need one, and so on.

    Args:
        st: Mutated in the rows of these devices only.
        devices: Device indices, each once.
        lo: Position of the first device.
        hi: One past the position of the last.
        begin: Tick at which queued devices are dispatched.
        until: Last tick.
        account: Filled.

    Returns:
        The position of the first device that was not played any more for lack of room for its downloads,
        else `hi`.
    """
    spec, cuts, st, account = local(spec), local(cuts), local(st), local(account)
    plans = account.plans
    while lo < hi:
        if account.tally[N_SPANS] + _MOST_ATTEMPTS * len(plans) > len(account.spans):
            return np.int64(lo)
        n = min(np.int64(hi) - lo, np.int64(len(plans)))  # devices to look at
        is_first = True  # look at devices from lo on; then at those that have a plan
        while n > 0:
            m = np.int64(0)  # devices that are to begin an attempt
            for i in range(n):
                device = natural(devices[lo + i]) if is_first else natural(plans[i].target)
                c = natural(spec.cohort[device])
                now = np.int64(begin)
                if not is_first:
                    now = account.begins[i]
                    _start(spec, cuts, st, device, c, plans[i], now, account)
                now = _play_on(spec, st, device, c, now, begin, until, account)
                if now >= 0:
                    ask_for_plan(spec, st.work, st.out.attempts, st.earlier, plans, m, device)
                    account.begins[m] = now
                    m += 1
            draw_plans(spec, cuts, plans, account.uniforms, m)
            n = m
            is_first = False
        lo += len(plans)
    return np.int64(hi)
