"""One attempt of one device, from dispatch to its end: what happens and when.

Everything that depends on the device alone has been drawn (`presampling`); when it happens depends on
the tick of the dispatch, and on others where the download has to wait for them. So an attempt is
worked out in parts: the way to the download, the download, and the way from it to the end. Each part ends
in a *turn*: (tick, kind, verdict), with kind one of the `K_*` orders of events and verdict 0 for success,
else the `sim.rules.Reason` of the failure.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from sim.fleet.compiled.accounts.books import book_approach
from sim.fleet.compiled.memory.cold import book_at, call_cold, cold, place_of, plan_at, state_at
from sim.fleet.compiled.memory.shortcuts import Shortcuts
from sim.fleet.compiled.memory.state import State
from sim.fleet.compiled.memory.tables import Record, Records
from sim.fleet.compiled.stages.conditions import condition_at, link_next_on
from sim.fleet.compiled.stages.outcome import SILENT, does_of, struck, verdict_of
from sim.fleet.jit import called, inlined, natural
from sim.fleet.model import sampling
from sim.fleet.model.sampling import NO_CAUSE, interval_behind, opening_tick
from sim.fleet.model.timelines import is_on
from sim.fleet.spec import T_COVERAGE, T_DOWNLOAD, T_EXECUTE, T_ONLINE, T_UPGRADE, T_VERSION, FleetSpec
from sim.rules.reasons import Reason
from sim.rules.stages import EXECUTION, Protocol, Stage

# Order of events at one tick; see `sim.fleet.protocol`.
K_FINISHED: Final = 0
K_ENDED: Final = 1
K_ENTRY: Final = 2
K_LINK: Final = 3
K_TIMER: Final = 4
K_RETRY: Final = 5

_CONTACT: Final = int(Stage.CONTACT)
_QUERY: Final = int(Stage.QUERY)
_COVERAGE: Final = int(Stage.COVERAGE)
_DOWNLOAD: Final = int(Stage.DOWNLOAD)
_VERIFY: Final = int(Stage.VERIFY)
_INSTALL: Final = int(Stage.INSTALL)
_REBOOT: Final = int(Stage.REBOOT)
_EXECUTION: Final = tuple(int(stage) for stage in EXECUTION)

_MQTT: Final = int(Protocol.MQTT)
_VERSION_TIMEOUT: Final = int(Reason.VERSION_TIMEOUT)
_COVERAGE_TIMEOUT: Final = int(Reason.COVERAGE_TIMEOUT)
_ONLINE_TIMEOUT: Final = int(Reason.ONLINE_TIMEOUT)
_RESULT_TIMEOUT: Final = int(Reason.RESULT_TIMEOUT)


@inlined
def way_to_download(
    spec: FleetSpec, cuts: Shortcuts, st: State, c: int, plan: Record, start: int, book: Record
) -> tuple[int, int, int]:
    """Play contact, query and coverage from the dispatch at `start`; their time is booked.

    Returns:
        A turn; K_ENTRY when the download is reached.
    """
    deadline = start + spec.cohorts.timers_ticks[c, T_ONLINE]
    if plan.is_out:
        book.timer += deadline - start
        return deadline, np.int64(K_TIMER), np.int64(_ONLINE_TIMEOUT)
    tick = sampling.reached_tick(spec, c, start)
    if cuts.looks_early[c] and (tick > start or not _goes_as_planned(spec, st.places, c, plan, start)):
        tick = np.int64(call_cold(st.given.early, st, place_of(plan), start, place_of(book)))
        return tick, np.int64(plan.kind), np.int64(plan.reason)
    if tick > start:
        call_cold(st.given.waits, st, place_of(plan), start, place_of(book))
        if tick > deadline:
            return deadline, np.int64(K_TIMER), np.int64(_ONLINE_TIMEOUT)
    book_approach(plan, book, plan.kind == K_TIMER)
    return tick + plan.approach, np.int64(plan.kind), np.int64(plan.reason)


@inlined
def _goes_as_planned(spec: FleetSpec, places: Records, c: int, plan: Record, start: int) -> bool:
    """Tell by what earlier looks have found that a device is in reach at a tick, and in no condition after.

    It need not be told: then looks find out.
    """
    first = natural(plan.target * spec.n_timelines)
    if spec.cohorts.link[c] >= 0:
        link = places[first]
        if not is_on(link.period) or link.end <= start:
            return False
    until = start + plan.approach
    for row in range(spec.causes.lo[c, 0], spec.causes.lo[c, _DOWNLOAD]):
        if spec.causes.timeline[row] >= 0:
            condition = places[first + natural(spec.causes.slot[row])]
            if is_on(condition.period) or condition.end <= until:
                return False
    return True


@called
def book_reach(spec: FleetSpec, c: int, tick: int, deadline: int, book: Record) -> int:
    """Do as `reached_tick`, and book the waits until the deadline; after it any later tick will do."""
    windows, outages = spec.windows, spec.outages
    first, last = windows.contact_lo[c], windows.contact_lo[c + 1]
    row, end = np.int64(outages.away_lo[c]), np.int64(outages.away_lo[c + 1])
    while True:
        if first < last:
            opens: int = opening_tick(windows.contact_from, windows.contact_to, first, last, tick)
            book.window += min(opens, deadline) - tick
            tick = opens
        if row < end:
            row = interval_behind(outages.away_to, row, end, tick)
        if tick > deadline or row == end or tick < outages.away_from[row]:
            return tick
        back: int = np.int64(outages.away_to[row])
        book.outage += min(back, deadline) - tick
        tick = back
        if tick > deadline:
            return tick


@cold
def book_waits(state: Any, place: Any, start: int, account: Any) -> int:
    """Book the waits before the contact of a device that has no link; see `look_before_download`."""
    spec, plan = state_at(state).given.spec, plan_at(place)
    c = natural(plan.cohort)
    deadline = start + spec.cohorts.timers_ticks[c, T_ONLINE]
    return np.int64(book_reach(spec, c, start, deadline, book_at(account)))


@inlined
def contact(
    spec: FleetSpec, places: Records, device: int, c: int, start: int, deadline: int, book: Record
) -> int:
    """Return the first tick at which the link is up, the window open and no outage holds, all at once.

    After the deadline any later tick will do: nobody looks beyond it. Waits until then are booked.
    """
    tick = start
    while True:
        on = link_next_on(spec, places, device, c, tick) if spec.cohorts.link[c] >= 0 else np.int64(tick)
        book.offline += min(on, deadline) - tick
        tick = on if on > deadline else np.int64(book_reach(spec, c, on, deadline, book))
        if tick == on or tick > deadline:
            return tick


@inlined
def _met(spec: FleetSpec, cuts: Shortcuts, places: Records, c: int, s: int, plan: Record, tick: int) -> int:
    """Return the condition that acts in a stage which begins at a tick, or NO_CAUSE."""
    if not cuts.has_condition[c, s] or spec.causes.lo[c, s] <= plan.mark < spec.causes.hi[c, s]:
        return NO_CAUSE
    return condition_at(spec, places, natural(plan.target), c, s, tick)


@cold
def look_before_download(state: Any, place: Any, start: int, account: Any) -> int:
    """Play contact, query and coverage where a link or conditions have a say; see `way_to_download`.

    Args:
        state: Address of the state.
        place: Address of the plan.
        start: Tick of the dispatch.
        account: Address of the row of the books.

    Returns:
        The tick of the turn; its kind and its verdict are put into the plan.
    """
    st, plan, book = state_at(state), plan_at(place), book_at(account)
    spec, cuts, places = st.given.spec, st.given.cuts, st.places
    c = natural(plan.cohort)
    device, number = natural(plan.target), np.int64(plan.number)
    timers = spec.cohorts.timers_ticks
    deadline = start + timers[c, T_ONLINE]
    tick = deadline + 1
    if not plan.is_out and _met(spec, cuts, places, c, _CONTACT, plan, start) == NO_CAUSE:
        tick = np.int64(contact(spec, places, device, c, start, deadline, book))
    else:
        book.timer += deadline - start
    if tick > deadline:
        plan.kind, plan.reason = K_TIMER, _ONLINE_TIMEOUT
        return deadline
    s, begins, timer, timeout = np.int64(_QUERY), tick, T_VERSION, _VERSION_TIMEOUT
    row = np.int64(_met(spec, cuts, places, c, s, plan, begins))
    if row == NO_CAUSE and plan.coverage_at >= 0:
        begins = tick + plan.coverage_at
        s, timer, timeout = np.int64(_COVERAGE), T_COVERAGE, _COVERAGE_TIMEOUT
        row = np.int64(_met(spec, cuts, places, c, s, plan, begins))
    if row == NO_CAUSE:
        book_approach(plan, book, plan.kind == K_TIMER)
        return tick + plan.approach
    ticks, row = struck(spec, cuts, c, s, device, number, row)
    verdict = np.int64(verdict_of(spec, row))
    works = min(ticks, timers[c, timer])
    if s == _QUERY:
        book.query += works
    else:
        book.query += plan.coverage_at
        book.coverage += works
    if verdict == SILENT or ticks > timers[c, timer]:
        book.timer += timers[c, timer] - works
        plan.kind, plan.reason = K_TIMER, timeout
        return begins + timers[c, timer]
    plan.kind, plan.reason = K_ENDED, verdict
    return begins + ticks


@inlined
def download_deadline(spec: FleetSpec, c: int, entered: int) -> int:
    """Return the tick at which the platform's timer ends a download entered at `entered`."""
    column = T_UPGRADE if spec.cohorts.protocol[c] == _MQTT else T_DOWNLOAD
    return entered + spec.cohorts.timers_ticks[c, column]


@inlined
def result_deadline(spec: FleetSpec, c: int, entered: int, over: int) -> int:
    """Return the tick by which a device must have reported whose download was over at `over`."""
    if spec.cohorts.protocol[c] == _MQTT:
        return entered + spec.cohorts.timers_ticks[c, T_UPGRADE]
    return over + spec.cohorts.timers_ticks[c, T_EXECUTE]


@cold
def look_after_download(state: Any, place: Any, over: int, deadline: int) -> int:
    """Let windows and conditions have a say in what a plan says of verify, install and reboot; it is changed.

    Args:
        state: Address of the state.
        place: Address of the plan.
        over: Tick at which the download was over.
        deadline: Tick after which nothing is looked at.
    """
    st, plan = state_at(state), plan_at(place)
    look_late(st, plan, over, deadline)
    return np.int64(0)


@inlined
def _wait_to_install(spec: FleetSpec, c: int, plan: Record, over: int, deadline: int) -> None:
    """Put off what a plan says of install and reboot until the cohort's window to install is open."""
    windows = spec.windows
    lo, hi = windows.install_lo[c], windows.install_lo[c + 1]
    ready = over + plan.install_at
    if lo == hi or plan.install_at < 0 or ready > deadline:
        return
    wait = opening_tick(windows.install_from, windows.install_to, lo, hi, ready) - ready
    plan.approach = wait
    plan.install_at += wait
    plan.rest += wait
    if plan.reboot_at >= 0:
        plan.reboot_at += wait


@called
def look_late(st: State, plan: Record, over: int, deadline: int) -> None:
    """Do so; not for a state that is a copy. `Plan.approach`, which is over, says how long install waits."""
    spec, cuts, places = st.given.spec, st.given.cuts, st.places
    c = natural(plan.cohort)
    plan.approach = 0
    for s in _EXECUTION:
        begins = np.int64(0)
        if s == _INSTALL:
            _wait_to_install(spec, c, plan, over, deadline)
            begins = np.int64(plan.install_at)
        elif s == _REBOOT:
            begins = np.int64(plan.reboot_at)
        if begins < 0 or over + begins > deadline:
            return
        row = np.int64(_met(spec, cuts, places, c, s, plan, over + begins))
        if row != NO_CAUSE:
            ticks, row = struck(spec, cuts, c, s, natural(plan.target), np.int64(plan.number), row)
            plan.rest = begins + ticks
            plan.after = verdict_of(spec, row)
            plan.does = does_of(spec, s, row)
            if s == _VERIFY:
                plan.install_at = -1
            if s != _REBOOT:
                plan.reboot_at = -1
            return


@inlined
def way_from_download(deadline: int, over: int, rest: int, verdict: int) -> tuple[int, int, int]:
    """Play verify, install and reboot after a download that was over at `over`.

    One timer runs over all of them, so their time altogether is what counts.

    Args:
        deadline: That of `result_deadline`.
        over: Tick.
        rest: Ticks that they take, or that pass until one fails.
        verdict: What comes of them.

    Returns:
        A turn; never K_ENTRY.
    """
    if verdict == SILENT or over + rest > deadline:
        return deadline, np.int64(K_TIMER), np.int64(_RESULT_TIMEOUT)
    return over + rest, np.int64(K_ENDED), verdict
