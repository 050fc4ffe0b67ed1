"""Playing a whole fleet straight through: blocks on threads, then one account of what happened.

`free` plays one block; here the blocks' accounts are added up into the same registers and curve rows
that the event loop keeps, so that the two ways can follow each other within a run.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from sim.fleet.compiled import calls
from sim.fleet.compiled.attempt import Shortcuts
from sim.fleet.compiled.memory.growth import make_room
from sim.fleet.compiled.memory.registers import Registers
from sim.fleet.compiled.memory.state import (
    FAIL,
    IN_FLIGHT,
    LIVE,
    N_PLANS,
    NOBODY,
    QUEUED,
    READY_QUEUE,
    RETRY_WAIT,
    SUCCESS,
    State,
    new_uniforms,
)
from sim.fleet.compiled.memory.tables import PLAN, records
from sim.fleet.compiled.uncoupled import play as free
from sim.fleet.compiled.uncoupled.load import FreeDownloads
from sim.fleet.spec import NEVER, FleetSpec, Int32s, Int64s

EachBlock = Callable[[Callable[[int, int], None]], None]
"""Calls a function with (lo, hi) of blocks that cover all devices."""


def play_straight(
    spec: FleetSpec,
    cuts: Shortcuts,
    st: State,
    *,
    task: int,
    released: Int32s,
    until: int,
    each_block: EachBlock,
    downloads: FreeDownloads,
) -> int:
    """Play all live devices, all of one task, up to and including `until`.

    The plane's time becomes `until`, or the last end if the task settles before.

    Args:
        st: Mutated.
        task: The one task with live subtasks.
        released: Devices, ascending, that become ready if they can.
        until: Last tick; the curve has rows up to it.
        each_block: Runs the blocks.
        downloads: Takes in earlier downloads of devices that begin another attempt.

    Returns:
        The number of events worked off.
    """
    reg = st.reg
    n_rows = -(-until // spec.platform.resolution_ticks) - int(reg.grid_n) + 1
    st.queue_head[READY_QUEUE] = NOBODY  # who stands ready is known by its phase
    st.queue_tail[READY_QUEUE] = NOBODY
    reg.ready_n = 0
    accounts: list[free.Account] = []

    def play(lo: int, hi: int) -> None:
        first, last = np.searchsorted(released, np.array([lo, hi], np.int32))
        calls.mark_ready(st.out.status, st.work, released[first:last])
        # One account a thread: laying out and adding up one a block would cost a quarter of the time.
        try:
            account = accounts.pop()
        except IndexError:
            account = _new_account(st, n_rows)
        while lo < hi:
            lo = free.play_block(spec, cuts, st, lo, hi, int(reg.now), until, account)
            n = int(account.tally[free.N_SPANS])
            downloads.add(account.span_start[:n], account.span_end[:n], account.span_cohort[:n])
            account.tally[free.N_SPANS] = 0
        accounts.append(account)

    each_block(play)
    tallies = np.array([account.tally for account in accounts])
    _register(reg, tallies)
    st.wasted[:] += np.sum([account.wasted for account in accounts], axis=0)
    _book(spec, st, task, _sum_of(accounts), until)
    downloads.settle(st.work, spec.cohort, before=int(reg.now))
    if tallies[:, free.N_QUEUED].any():
        calls.queue_ready(st, np.flatnonzero(st.work["phase"] == QUEUED).astype(np.int32))
    return int(tallies[:, free.N_WORKED].sum())


def _sum_of(accounts: list[free.Account]) -> Int64s:
    """Return the sum of the accounts' changes, and let the accounts go."""
    diff = accounts.pop().diff
    while accounts:
        diff += accounts.pop().diff
    return diff


def _register(reg: Registers, of: Int64s) -> None:
    """Enter the accounts' tallies, a row an account, into the registers."""
    reg.last_end = max(int(reg.last_end), int(of[:, free.LATEST_END].max()))
    reg.next_event = int(of[:, free.NEXT_DUE].min())
    reg.n_events += int(of[:, free.N_WORKED].sum())
    # All of them are in flight together at the first tick, and never more than that later.
    peak = int(reg.processing) + int(of[:, free.N_BEGUN].sum())
    reg.peak_processing = max(int(reg.peak_processing), peak)


def _new_account(st: State, n_rows: int) -> free.Account:
    """Return an empty account."""
    tally = np.zeros(free.N_TALLY, np.int64)
    tally[free.LATEST_END] = -1
    tally[free.NEXT_DUE] = NEVER
    return free.Account(
        first_row=int(st.reg.grid_n),
        diff=np.zeros((n_rows, 7), np.int64),
        wasted=np.zeros_like(st.wasted),
        span_start=np.empty(free.N_ROOM, np.int64),
        span_end=np.empty(free.N_ROOM, np.int64),
        span_cohort=np.empty(free.N_ROOM, np.int16),
        plans=records(N_PLANS, PLAN),
        begins=np.zeros(N_PLANS, np.int64),
        uniforms=new_uniforms(),
        tally=tally,
    )


def _book(spec: FleetSpec, st: State, task: int, diff: Int64s, until: int) -> None:
    """Add the changes of the counts to every account of them, and write the curve's rows."""
    reg, resolution = st.reg, spec.platform.resolution_ticks
    change = diff.sum(axis=0)
    levels = st.counts + np.cumsum(diff, axis=0)
    st.counts[:] += change
    st.task_counts[task] += change
    for row in (st.tasks[task].group, len(st.group_ended) - 1):
        st.group_ended[row, 0] += change[SUCCESS]
        st.group_ended[row, 1] += change[FAIL]
    reg.processing += change[1]
    settled = st.task_counts[task][LIVE].sum() == 0
    now = max(int(reg.last_end), int(reg.now)) if settled else until
    first_row = int(reg.grid_n)
    n_rows = -(-now // resolution) - first_row
    if n_rows > 0:
        st.grid_status[first_row : first_row + n_rows] = levels[:n_rows]
        st.grid_downloads[first_row : first_row + n_rows] = 0
        st.grid_load[first_row : first_row + n_rows] = 0.0
        reg.grid_n = first_row + n_rows
        reg.grid_tick = (first_row + n_rows) * resolution
    reg.now = now


def enter_queues(st: State) -> None:
    """Enter devices that were played straight through into the event queues."""
    phase = st.work["phase"]
    flying = np.flatnonzero(phase == IN_FLIGHT).astype(np.int32)
    waiting = np.flatnonzero(phase == RETRY_WAIT).astype(np.int32)
    waiting = waiting[np.argsort(st.work["due"][waiting], kind="stable")]
    make_room(st, heap=len(flying) + len(waiting))
    calls.rebuild_queues(st, waiting, flying)
