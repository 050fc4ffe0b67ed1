"""What a download comes to: how many bytes it wants, and what breaks it when.

Bytes tell beforehand where a download breaks that a cause stops, or that breaks every so many bytes; a
break by time comes when bytes have flowed for so long. The earliest of them acts.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from sim.fleet.compiled.accounts.books import book_work, work_of
from sim.fleet.compiled.memory.cold import call_cold, cold, place_of, state_at
from sim.fleet.compiled.memory.shortcuts import Shortcuts
from sim.fleet.compiled.memory.state import State
from sim.fleet.compiled.memory.tables import Record
from sim.fleet.compiled.stages.attempt import (
    K_ENDED,
    K_TIMER,
    download_deadline,
    result_deadline,
    way_from_download,
)
from sim.fleet.compiled.stages.conditions import condition_at
from sim.fleet.compiled.stages.outcome import SILENT, first_breaks, note_strike, verdict_of
from sim.fleet.jit import inlined, natural
from sim.fleet.model import purposes, sampling
from sim.fleet.model.draws import uniform
from sim.fleet.model.network import bytes_received, clock_at, finish_tick, partial_bytes
from sim.fleet.model.sampling import NO_CAUSE
from sim.fleet.spec import NEVER, FleetSpec
from sim.rules.reasons import Reason
from sim.rules.stages import Stage

_DOWNLOAD = int(Stage.DOWNLOAD)
_DOWNLOAD_TIMEOUT = int(Reason.DOWNLOAD_TIMEOUT_PLATFORM)


@cold
def verdict_of_condition(state: Any, device: int, tick: int, otherwise: int) -> int:
    """Return what comes of the condition that a device is in as its download begins, if it is in any.

    Args:
        state: Address of the state.
        device: Device index.
        tick: When it begins.
        otherwise: What comes of it if it is in none.
    """
    st = state_at(state)
    spec, device = st.given.spec, natural(device)
    row = condition_at(spec, st.places, device, natural(spec.cohort[device]), np.int64(_DOWNLOAD), tick)
    return np.int64(otherwise) if row == NO_CAUSE else np.int64(verdict_of(spec, row))


@inlined
def _is_of_download(spec: FleetSpec, c: int, mark: int) -> bool:
    """Tell whether a mark, counted as in `download_plan`, stops downloads."""
    row = mark + spec.causes.lo[c, 0]
    return mark >= 0 and spec.causes.lo[c, _DOWNLOAD] <= row < spec.causes.hi[c, _DOWNLOAD]


@inlined
def download_plan(
    spec: FleetSpec,
    cuts: Shortcuts,
    st: State,
    device: int,
    c: int,
    attempt: int,
    mark: int,
    verdict: int,
    start: int,
    rest: int,
) -> tuple[int, int, int, int]:
    """Tell how a download that begins at `start` will go.

    Args:
        st: Its places of conditions that are looked at are moved on.
        device: Device index.
        c: Its cohort.
        attempt: Number that its draws go by.
        mark: Which of its cohort's causes is its permanent one, from 0, -1 if none.
        verdict: What the plan says, conditions and outages aside.
        start: Tick.
        rest: Bytes of the package that are to come.

    Returns:
        (bytes it wants, verdict, ticks, verdict then): the first verdict is 0 when it gets through, a
        device's reason when it breaks after those bytes, SILENT when it falls silent then. After so many
        ticks of flow the second one holds instead, if bytes are still to come; NEVER for no such break.
    """
    seed, replication = spec.platform.seed, spec.platform.replication
    if cuts.has_condition[c, _DOWNLOAD] and not _is_of_download(spec, c, mark):
        verdict = np.int64(call_cold(st.given.condition, st, device, start, verdict))
    if verdict == 0:
        row = sampling.outage_risk(spec.outages, c, start)
        if row != NO_CAUSE:
            u = uniform(seed, replication, device, attempt, purposes.P_OUTAGE_RISK)
            if u < spec.outages.risk_p[row]:
                verdict = SILENT if spec.outages.risk_silent[row] else np.int64(spec.outages.risk_reason[row])
    wanted = rest
    if verdict != 0:
        u = uniform(seed, replication, device, attempt, purposes.P_FRACTION)
        wanted = partial_bytes(u, rest)
    if not cuts.has_break[c, _DOWNLOAD]:
        return wanted, verdict, np.int64(NEVER), np.int64(0)
    causes = spec.causes
    rows = causes.lo[c, _DOWNLOAD], causes.hi[c, _DOWNLOAD], causes.lo[c, 0]
    wanted, by_bytes, ticks, by_time = first_breaks(
        causes.per_bytes, causes.rate, rows, (seed, replication, device, attempt), wanted
    )
    if by_bytes != NO_CAUSE:
        verdict = verdict_of(spec, by_bytes)
    return wanted, verdict, ticks, verdict_of(spec, by_time) if by_time != NO_CAUSE else np.int64(0)


@inlined
def way_through_free_download(
    spec: FleetSpec, cuts: Shortcuts, st: State, c: int, plan: Record, entered: int, rest: int, book: Record
) -> tuple[int, int, int, int, int]:
    """Play and book the rest of an attempt from its entry into a download that nothing else can influence.

    Args:
        st: Its places of conditions that are looked at are moved on.
        c: Cohort.
        plan: The attempt's. Conditions that it meets after the download are entered.
        entered: Tick.
        rest: Bytes of the package that are to come; without any there is no download.
        book: Mutated.

    Returns:
        A turn, then the tick at which bytes cease to flow, and the bytes received by then.
    """
    over, wanted = entered, np.int64(0)
    if rest > 0:
        mark = np.int64(plan.mark) - np.int64(spec.causes.lo[c, 0])
        wanted, verdict, ticks, broken = download_plan(
            spec, cuts, st, plan.target, c, plan.number, mark, np.int64(plan.load), entered, rest
        )
        deadline = download_deadline(spec, c, entered)
        if not cuts.instant[c]:
            rate = spec.cohorts.link_rate[c]
            over = finish_tick(entered, 0.0, rate, np.float64(wanted))
            if entered + ticks < over:
                over, verdict = entered + ticks, broken
                wanted = bytes_received(0.0, clock_at(0.0, rate, ticks), wanted)
            if over > deadline:
                got = bytes_received(0.0, clock_at(0.0, rate, deadline - entered), wanted)
                book.download += deadline - entered
                return deadline, np.int64(K_TIMER), np.int64(_DOWNLOAD_TIMEOUT), deadline, got
        book.download += over - entered
        if verdict == SILENT:
            book.timer += deadline - over
            return deadline, np.int64(K_TIMER), np.int64(_DOWNLOAD_TIMEOUT), over, wanted
        if verdict != 0:
            return over, np.int64(K_ENDED), verdict, over, wanted
    deadline = result_deadline(spec, c, entered, over)
    waits = np.int64(0)
    if cuts.looks_late[c]:
        call_cold(st.given.late, st, place_of(plan), over, deadline)
        waits = np.int64(plan.approach)
    if over + plan.rest <= deadline:
        note_strike(st, natural(plan.target), plan.does, over + plan.rest)
    tick, kind, verdict = way_from_download(deadline, over, plan.rest, np.int64(plan.after))
    book_work(book, work_of(plan), np.int64(plan.rest), waits, tick - over)
    return tick, kind, verdict, over, wanted
