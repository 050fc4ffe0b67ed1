"""What the time of a download that shares the network is booked as.

Bytes take the ticks that they need at the speed of the device's own link; what they take beyond that is lost
to others on the same line. While none can flow, something holds them: the link, a window, an outage.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from sim.fleet.compiled.accounts.books import row_of
from sim.fleet.compiled.memory.cold import call_cold, cold, state_at
from sim.fleet.compiled.memory.state import PAUSED, State
from sim.fleet.compiled.memory.tables import Record
from sim.fleet.compiled.stages.outcome import first_breaks
from sim.fleet.jit import called, inlined, natural
from sim.fleet.model.network import epoch_at, finish_tick
from sim.fleet.spec import NEVER
from sim.fleet.whereabouts import HELD_BY_WINDOW, OutageTable
from sim.rules.stages import Stage

_DOWNLOAD = int(Stage.DOWNLOAD)


@inlined
def _book_flow(book: Record, link_rate: float, got: int, ticks: int) -> None:
    """Book so many ticks of flow in which so many bytes have come."""
    own = min(ticks, finish_tick(np.int64(0), 0.0, link_rate, np.float64(got)))
    book.download += own
    book.shared_link += ticks - own


@inlined
def book_transfer(st: State, device: int, c: int, got: int) -> None:
    """Book a download up to now, in which so many bytes have come, and the wait for its place.

    Writes: held_up.download_place.
    """
    device, c = natural(device), natural(c)
    book = st.held_up[row_of(st.given.cuts, device, c)]
    book.download_place += st.net[device].flow - st.work[device].entered
    if st.given.cuts.flow_stops[c]:
        call_cold(st.given.stopping_flow, st, device, c, got)
        return
    _book_flow(book, st.given.spec.cohorts.link_rate[c], got, st.reg.now - st.net[device].flow)


@called
def book_held(outages: OutageTable, c: int, begin: int, end: int, book: Record) -> int:
    """Book the ticks of begin..end in which no bytes can flow to a cohort; return how many are left."""
    n = len(outages.epoch_tick)
    flowing = end - begin
    for epoch in range(epoch_at(outages, begin), n):
        if outages.epoch_tick[epoch] >= end:
            break
        if outages.epoch_cap[epoch, c] > 0.0 and outages.epoch_bandwidth[epoch] > 0.0:
            continue
        start = max(begin, outages.epoch_tick[epoch])
        until = min(end, outages.epoch_tick[epoch + 1]) if epoch + 1 < n else end
        ticks = max(until - start, 0)
        flowing -= ticks
        if outages.epoch_held[epoch, c] == HELD_BY_WINDOW:
            book.window += ticks
        else:
            book.outage += ticks
    return flowing


@called
def book_stretch(st: State, device: int, c: int) -> None:
    """Book the time since the link of a download was last looked at; the flow is booked in the end.

    Writes: breaks.left, held_up.offline.
    """
    device = natural(device)
    limits = st.breaks[device]
    book = st.held_up[row_of(st.given.cuts, device, c)]
    if st.work[device].phase == PAUSED:
        book.offline += st.reg.now - limits.since
    else:
        limits.left -= book_held(st.given.spec.outages, c, np.int64(limits.since), st.reg.now, book)


@cold
def book_stopping_flow(state: Any, device: int, c: int, got: int) -> int:
    """Book a download up to now whose bytes could not always flow.

    Args:
        state: Address of the state.
        device: Device index.
        c: Its cohort.
        got: Bytes that have come.
    """
    st = state_at(state)
    spec, device, c = st.given.spec, natural(device), natural(c)
    book = st.held_up[row_of(st.given.cuts, device, c)]
    if st.given.cuts.follows_link[c]:
        book_stretch(st, device, c)
        limits = st.breaks[device]
        flowed = _limit_of_flow(st, device, c, np.int64(limits.strikes)) - limits.left
    else:
        flowed = book_held(spec.outages, c, np.int64(st.net[device].flow), st.reg.now, book)
    _book_flow(book, spec.cohorts.link_rate[c], got, flowed)
    return np.int64(0)


@inlined
def _limit_of_flow(st: State, device: int, c: int, strikes: int) -> int:
    """Return what `Break.left` was at first; `strikes` is that of the row."""
    if strikes == 0:
        return np.int64(NEVER)
    spec, causes = st.given.spec, st.given.spec.causes
    rows = causes.lo[c, _DOWNLOAD], causes.hi[c, _DOWNLOAD], causes.lo[c, 0]
    number = np.int64(st.out.attempts[device])
    if len(st.earlier) > 0:
        number += st.earlier[device]
    attempt = spec.platform.seed, spec.platform.replication, device, number
    _, _, ticks, _ = first_breaks(causes.per_bytes, causes.rate, rows, attempt, np.int64(0))
    return ticks
