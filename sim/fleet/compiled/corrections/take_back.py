"""Corrections of what was booked ahead: an attempt is planned once more, and tells what was booked."""

from __future__ import annotations

from typing import Any

import numpy as np

from sim.fleet.compiled.accounts.books import book_until_now, book_work, row_of, work_of
from sim.fleet.compiled.downloads import bytes_to_come, is_alone
from sim.fleet.compiled.memory.cold import address_of, cold, state_at
from sim.fleet.compiled.memory.state import APPROACHING, State
from sim.fleet.compiled.memory.tables import Record
from sim.fleet.compiled.presampling import plan_present
from sim.fleet.compiled.stages.attempt import (
    K_ENTRY,
    contact,
    look_late,
    result_deadline,
    way_to_download,
)
from sim.fleet.compiled.stages.conditions import forget_places
from sim.fleet.compiled.stages.download import way_through_free_download
from sim.fleet.jit import inlined, natural

_CONTACT, _BOOKED, _REST = 0, 1, 2  # rows of `State.drafts`


@cold
def book_work_again(state: Any, device: int, ticks: int, _: int) -> int:
    """Book what follows a download that shared the network and is over now, if no row has room for its plan.

    Args:
        state: Address of the state.
        device: Device index.
        ticks: That it takes.
    """
    st = state_at(state)
    plan_present(st, device)
    plan, device = st.spare[0], natural(device)
    book = st.held_up[row_of(st.given.cuts, device, natural(plan.cohort))]
    book_work(book, work_of(plan), np.int64(plan.rest), np.int64(0), ticks)
    return np.int64(0)


@inlined
def _clear(draft: Record) -> None:
    """Let a row have no time."""
    draft.offline = draft.window = draft.outage = draft.query = draft.coverage = 0
    draft.download = draft.verify = draft.install = draft.reboot = draft.timer = 0


@inlined
def _take_back_contact(book: Record, draft: Record, sign: int) -> None:
    """Add the waits before the contact, or take them back with a negative sign."""
    book.offline += sign * draft.offline
    book.window += sign * draft.window
    book.outage += sign * draft.outage


@inlined
def _take_back_beyond(book: Record, draft: Record, ticks: int) -> None:
    """Take back all of a draft but its first ticks; what is in it comes in one order, contact aside."""
    left = ticks
    kept = min(draft.query, left)
    book.query -= draft.query - kept
    left -= kept
    kept = min(draft.coverage, left)
    book.coverage -= draft.coverage - kept
    left -= kept
    kept = min(draft.download, left)
    book.download -= draft.download - kept
    left -= kept
    kept = min(draft.verify, left)
    book.verify -= draft.verify - kept
    left -= kept
    kept = min(draft.window, left)
    book.window -= draft.window - kept
    left -= kept
    kept = min(draft.install, left)
    book.install -= draft.install - kept
    left -= kept
    kept = min(draft.reboot, left)
    book.reboot -= draft.reboot - kept
    left -= kept
    book.timer -= draft.timer - min(draft.timer, left)


@cold
def take_back(state: Any, device: int, until: int, _: int) -> int:
    """Take back what is booked of a device's attempt, which is on its way, beyond a tick.

    Where looks at what lasts have come to is forgotten.

    Args:
        state: Address of the state.
        device: Device index; IN_FLIGHT or APPROACHING.
        until: Tick, not before the dispatch and not after the end.
    """
    st = state_at(state)
    device = natural(device)
    plan_present(st, device)
    spec, cuts, plan = st.given.spec, st.given.cuts, st.spare[0]
    c = natural(plan.cohort)
    row = st.work[device]
    book, draft = st.held_up[row_of(cuts, device, c)], st.drafts[_BOOKED]
    forget_places(spec.n_timelines, st.places, device)
    _clear(draft)
    rest = bytes_to_come(spec, st, device)
    goes_alone = is_alone(cuts, st, device, c, rest)
    if row.phase != APPROACHING and row.entered >= 0 and not goes_alone:
        over = np.int64(row.flow_end)
        plan.approach = 0
        if cuts.looks_late[c]:
            look_late(st, plan, over, result_deadline(spec, c, row.entered, over))
        book_work(draft, work_of(plan), np.int64(plan.rest), np.int64(plan.approach), row.due - over)
        _take_back_beyond(book, draft, until - over)
        return np.int64(0)
    start = np.int64(row.since)
    tick, kind, _verdict = way_to_download(spec, cuts, st, c, plan, start, draft)
    met = start + draft.offline + draft.window + draft.outage
    if until < met:
        _take_back_contact(book, draft, np.int64(-1))
        forget_places(spec.n_timelines, st.places, device)
        waits = st.drafts[_CONTACT]
        _clear(waits)
        contact(spec, st.places, device, c, start, until, waits)
        _take_back_contact(book, waits, np.int64(1))
    draft.offline = draft.window = draft.outage = 0
    _take_back_beyond(book, draft, max(until - met, 0))
    if kind == K_ENTRY and goes_alone:
        draft = st.drafts[_REST]
        _clear(draft)
        way_through_free_download(spec, cuts, st, c, plan, tick, rest, draft)
        _take_back_beyond(book, draft, max(until - tick, 0))
    return np.int64(0)


def find_corrections(st: State) -> None:
    """Enter the addresses of what corrects the books of whatever is under way, for a call or a look."""
    if not st.given.take_back:
        st.given.until_now = address_of(book_until_now)
        st.given.take_back = address_of(take_back)
