"""What is drawn for an attempt, many attempts at a time, whenever each of them may begin.

Numbers are drawn in loops of their own: nothing in them waits for another device, so the processor works
on several at once, which makes a draw cost a third of what it costs amid events. The event loop plans
ahead for the devices at the head of the ready queue (`State.plans`), straight play for a block of
devices. A plan is a pure function of device and attempt; one that comes to nothing costs its time only.
"""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np

from sim.fleet.compiled.accounts.books import book_work, fetch_books, row_of, work_of
from sim.fleet.compiled.memory.cold import cold, state_at
from sim.fleet.compiled.memory.prefetch import fetch, fetch_row
from sim.fleet.compiled.memory.shortcuts import N_PLANNED_BLOCKS, Shortcuts
from sim.fleet.compiled.memory.state import (
    DEAD,
    LIFT,
    N_PLANS,
    NOBODY,
    READY_QUEUE,
    State,
)
from sim.fleet.compiled.memory.tables import Record, Records
from sim.fleet.compiled.stages.attempt import K_ENDED, K_ENTRY, K_TIMER, look_late, way_from_download
from sim.fleet.compiled.stages.conditions import is_calm
from sim.fleet.compiled.stages.outcome import SILENT, cause_of, does_of, outcome, verdict_of
from sim.fleet.jit import called, inlined, natural
from sim.fleet.model.draws import two_blocks, uniform, word_of
from sim.fleet.model.purposes import D_SPREAD, STAGE_PURPOSES
from sim.fleet.model.sampling import NO_CAUSE, duration_ticks, interval_behind, normal_quantile
from sim.fleet.spec import LEAVES_OLD, T_COVERAGE, T_VERSION, Bools, FleetSpec, Floats, Int32s
from sim.rules.reasons import Reason
from sim.rules.stages import EXECUTION, Protocol, Stage

_CONTACT = int(Stage.CONTACT)
_QUERY = int(Stage.QUERY)
_COVERAGE = int(Stage.COVERAGE)
_DOWNLOAD = int(Stage.DOWNLOAD)
_LWM2M = int(Protocol.LWM2M)
_VERSION_TIMEOUT = int(Reason.VERSION_TIMEOUT)
_COVERAGE_TIMEOUT = int(Reason.COVERAGE_TIMEOUT)

_CONTACT_CAUSE = STAGE_PURPOSES[Stage.CONTACT].cause
_QUERY_TIME, _QUERY_CAUSE = STAGE_PURPOSES[Stage.QUERY]
_COVERAGE_TIME, _COVERAGE_CAUSE = STAGE_PURPOSES[Stage.COVERAGE]
_DOWNLOAD_CAUSE = STAGE_PURPOSES[Stage.DOWNLOAD].cause
# Stages after the download, with what they draw.
_EXECUTION = tuple(int(stage) for stage in EXECUTION)
_TIMES = tuple(STAGE_PURPOSES[stage].time for stage in EXECUTION)
_CAUSES = tuple(STAGE_PURPOSES[stage].cause for stage in EXECUTION)

_AHEAD: Final = 2  # dispatches between asking for a device's rows and reading them


@inlined
def _stage(
    spec: FleetSpec,
    cuts: Shortcuts,
    plan: Record,
    lift: float,
    s: int,
    u_time: float,
    u_cause: float,
) -> tuple[int, int]:
    """Draw one stage with a time: how long it goes on, and by which cause it ends then."""
    c = natural(plan.cohort)
    ticks = duration_ticks(spec.cohorts, c, s, u_time)
    row = cause_of(spec, cuts, c, s, np.int64(plan.mark), lift, u_cause)
    return outcome(spec, cuts, c, s, np.int64(plan.target), np.int64(plan.number), ticks, row)


@called
def _draw_uniforms(
    seed: np.uint64, replication: np.uint64, matters: Bools, plans: Records, u: Floats, n: int
) -> None:
    """Draw the uniforms of the first n plans that can matter: row p of u is purpose p.

    A function of its own with few arguments: amid others, its numbers would not stay in registers.
    """
    last = n - 1 if n & 1 == 1 else n
    for block in range(N_PLANNED_BLOCKS):
        row = 4 * block
        for i in range(0, last, 2):
            j = i + 1
            one, other = plans[i], plans[j]
            if matters[natural(one.cohort), block] or matters[natural(other.cohort), block]:
                of_one, of_other = two_blocks(
                    seed, replication, (one.target, one.number, block), (other.target, other.number, block)
                )
                u[row, i], u[row + 1, i], u[row + 2, i], u[row + 3, i] = of_one
                u[row, j], u[row + 1, j], u[row + 2, j], u[row + 3, j] = of_other
    if last < n:  # the odd one, often the only one: two of its own blocks in turn
        plan = plans[last]
        c = natural(plan.cohort)
        for block in range(0, N_PLANNED_BLOCKS, 2):
            row = 4 * block
            following = min(block + 1, N_PLANNED_BLOCKS - 1)
            if matters[c, block] or matters[c, following]:
                here, after = two_blocks(
                    seed,
                    replication,
                    (plan.target, plan.number, block),
                    (plan.target, plan.number, following),
                )
                u[row, last], u[row + 1, last], u[row + 2, last], u[row + 3, last] = here
                row = 4 * following
                u[row, last], u[row + 1, last], u[row + 2, last], u[row + 3, last] = after


@called
def _draw_lifts(
    seed: np.uint64, replication: np.uint64, spread: Floats, plans: Records, lifts: Floats, n: int
) -> None:
    """Draw for the first n plans the factors on the odds of their devices' failures."""
    last = n - 1 if n & 1 == 1 else n
    for i in range(0, last, 2):
        one, other = plans[i], plans[i + 1]
        if spread[natural(one.cohort)] > 0.0 or spread[natural(other.cohort)] > 0.0:
            of_one, of_other = two_blocks(seed, replication, (one.target, 0, 0), (other.target, 0, 0))
            lifts[i], lifts[i + 1] = word_of(of_one, D_SPREAD), word_of(of_other, D_SPREAD)
    if last < n and spread[natural(plans[last].cohort)] > 0.0:
        lifts[last] = uniform(seed, replication, plans[last].target, 0, D_SPREAD)
    for i in range(n):
        sigma = spread[natural(plans[i].cohort)]
        lifts[i] = math.exp(sigma * normal_quantile(lifts[i])) if sigma > 0.0 else 1.0


@inlined
def _plan_approach(spec: FleetSpec, cuts: Shortcuts, plan: Record, u: Floats, i: int) -> None:
    """Plan contact, query and coverage."""
    c = natural(plan.cohort)
    mark = np.int64(plan.mark)
    lift = u[LIFT, i]
    row = cause_of(spec, cuts, c, _CONTACT, mark, lift, u[_CONTACT_CAUSE, i])
    plan.is_out = row != NO_CAUSE or mark == DEAD

    u_time, u_cause = u[_QUERY_TIME, i], u[_QUERY_CAUSE, i]
    ticks, row = _stage(spec, cuts, plan, lift, _QUERY, u_time, u_cause)
    verdict = verdict_of(spec, row)
    plan.coverage_at = -1
    kind = np.int64(K_ENTRY)
    timer = spec.cohorts.timers_ticks[c, T_VERSION]
    if verdict == SILENT or ticks > timer:
        plan.rest = timer - min(ticks, timer)
        ticks, kind, verdict = timer, np.int64(K_TIMER), np.int64(_VERSION_TIMEOUT)
    elif verdict != 0 or plan.current:
        kind = np.int64(K_ENDED)
    elif spec.cohorts.protocol[c] == _LWM2M:
        before = ticks
        plan.coverage_at = before
        u_time, u_cause = u[_COVERAGE_TIME, i], u[_COVERAGE_CAUSE, i]
        ticks, row = _stage(spec, cuts, plan, lift, _COVERAGE, u_time, u_cause)
        verdict = verdict_of(spec, row)
        timer = spec.cohorts.timers_ticks[c, T_COVERAGE]
        if verdict == SILENT or ticks > timer:
            plan.rest = timer - min(ticks, timer)
            ticks, kind, verdict = timer, np.int64(K_TIMER), np.int64(_COVERAGE_TIMEOUT)
        elif verdict != 0:
            kind = np.int64(K_ENDED)
        ticks += before
    plan.approach = ticks
    plan.kind = kind
    plan.reason = verdict


@inlined
def _plan_download_and_rest(spec: FleetSpec, cuts: Shortcuts, plan: Record, u: Floats, i: int) -> None:
    """Plan what the download comes to, and verify, install and reboot."""
    c = natural(plan.cohort)
    mark = np.int64(plan.mark)
    plan.load = verdict_of(spec, cause_of(spec, cuts, c, _DOWNLOAD, mark, u[LIFT, i], u[_DOWNLOAD_CAUSE, i]))
    rest = np.int64(0)
    row = np.int64(NO_CAUSE)
    plan.install_at = plan.reboot_at = -1
    plan.does = LEAVES_OLD
    for k in range(len(_EXECUTION)):
        if row == NO_CAUSE:
            if k == 1:
                plan.install_at = rest
            elif k == 2:
                plan.reboot_at = rest
            ticks, row = _stage(
                spec, cuts, plan, u[LIFT, i], _EXECUTION[k], u[_TIMES[k], i], u[_CAUSES[k], i]
            )
            rest += ticks
            if row != NO_CAUSE:
                plan.does = does_of(spec, _EXECUTION[k], row)
    plan.rest = rest
    plan.after = verdict_of(spec, row)


@inlined
def draw_plans(spec: FleetSpec, cuts: Shortcuts, plans: Records, u: Floats, n: int) -> None:
    """Draw the first n plans.

    Args:
        plans: (K,) PLAN; `target`, `number`, `cohort`, `mark` and `current` are given, the rest is written.
        u: (N_DRAWN, K) float64, overwritten.
        n: 0..K.
    """
    seed, replication = spec.platform.seed, spec.platform.replication
    _draw_uniforms(seed, replication, cuts.draws_block, plans, u, n)
    _draw_lifts(seed, replication, spec.cohorts.spread, plans, u[LIFT], n)
    for i in range(n):
        _plan_approach(spec, cuts, plans[i], u, i)
    for i in range(n):
        if plans[i].kind != K_TIMER:
            _plan_download_and_rest(spec, cuts, plans[i], u, i)


@called
def plan_present(st: State, device: int) -> None:
    """Plan the present attempt of a device once more, into `State.spare`.

    Writes: spare.number.
    """
    spec = st.given.spec
    ask_for_plan(spec, st.work, st.out.attempts, st.earlier, st.spare, np.int64(0), natural(device))
    st.spare[0].number -= 1
    draw_plans(spec, st.given.cuts, st.spare, st.uniforms, np.int64(1))


@inlined
def _is_open(spec: FleetSpec, c: int, since: int, until: int) -> bool:
    """Tell whether the window to install of a cohort is open from a tick on, up to and including another."""
    windows = spec.windows
    lo, hi = windows.install_lo[c], windows.install_lo[c + 1]
    if lo == hi:
        return True
    row = interval_behind(windows.install_to, lo, hi, until)
    return row < hi and windows.install_from[row] <= since


@cold
def look_again(state: Any, device: int, deadline: int, rest: int) -> int:
    """Plan into `State.spare` what follows a download that is over now, as windows and conditions let it.

    Args:
        state: Address of the state.
        device: Device index.
        deadline: Tick after which nothing is looked at.
        rest: Ticks that it takes if no condition is met and no window closed.

    Returns:
        0 if neither can be meanwhile: then nothing is planned again.
    """
    st = state_at(state)
    spec, cuts = st.given.spec, st.given.cuts
    now, c = st.reg.now, natural(spec.cohort[device])
    calm = _is_open(spec, c, now, now + rest)
    for s in _EXECUTION:
        calm = calm and is_calm(spec, st.places, natural(device), c, s, now, now + rest)
    if calm:
        return np.int64(0)
    plan_present(st, device)
    plan = st.spare[0]
    book = st.held_up[row_of(cuts, natural(device), c)]
    look_late(st, plan, now, deadline)
    tick, _, _ = way_from_download(deadline, now, np.int64(plan.rest), np.int64(plan.after))
    book_work(book, work_of(plan), np.int64(plan.rest), np.int64(plan.approach), tick - now)
    return np.int64(1)


@inlined
def ask_for_plan(
    spec: FleetSpec, work: Records, attempts: Int32s, earlier: Int32s, plans: Records, i: int, device: int
) -> None:
    """Write into plan i whose next attempt is to be planned; `earlier` is that of `State`."""
    plan = plans[i]
    row = work[device]
    plan.target = device
    plan.number = attempts[device] + 1
    if len(earlier) > 0:
        plan.number += earlier[device]
    c = natural(spec.cohort[device])
    plan.cohort = c
    plan.mark = row.mark
    if row.mark >= 0:
        plan.mark += spec.causes.lo[c, 0]
    plan.current = row.current


@inlined
def has_plan(st: State) -> bool:
    """Tell whether the head of the ready queue has a plan."""
    at = st.reg.plan_at
    return at < st.reg.plan_n and st.plans[natural(at)].target == st.queues[READY_QUEUE].head


@inlined
def wants_plans(st: State) -> bool:
    """Tell whether the event loop is to ask for plans, or for somebody to draw them on another thread."""
    if has_plan(st):
        return False
    if st.reg.plans_next == NOBODY:
        return st.reg.ready_n >= st.reg.plans_least
    return st.reg.plans_next == st.queues[READY_QUEUE].head


@inlined
def next_plan(spec: FleetSpec, cuts: Shortcuts, st: State) -> int:
    """Return the place in `State.plans` of the plan for the head of the ready queue.

    A call that takes devices out of the queue upsets the order; then the rest is planned again.

    Writes: reg.plan_at, reg.plan_n.
    """
    device = np.int64(st.queues[READY_QUEUE].head)
    at = st.reg.plan_at
    if not has_plan(st):
        n = np.int64(0)
        while device != NOBODY and device != st.reg.plans_next and n < N_PLANS:
            ask_for_plan(spec, st.work, st.out.attempts, st.earlier, st.plans, natural(n), natural(device))
            device = np.int64(st.work[natural(device)].next)
            n += 1
        draw_plans(spec, cuts, st.plans, st.uniforms, n)
        st.reg.plan_n = n
        at = np.int64(0)
    st.reg.plan_at = at + 1
    if at + _AHEAD < st.reg.plan_n:
        fetch_for_dispatch(st, np.int64(st.plans[natural(at + _AHEAD)].target))
    return natural(at)


@inlined
def fetch_for_dispatch(st: State, device: int) -> None:
    """Ask for what the dispatch of a device will read, which is one of the next."""
    device = natural(device)
    fetch_row(st.work[device])
    fetch_books(st, device)
    if len(st.places) > 0:
        fetch_row(st.places[natural(device * st.given.spec.n_timelines)])
    fetch(st.out.task, device)
    fetch(st.out.status, device)
    fetch(st.out.attempts, device)
    fetch(st.out.first_start, device)
    fetch(st.given.spec.cohort, device)
