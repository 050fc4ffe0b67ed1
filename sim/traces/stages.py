"""Tells what went on in the stages of an attempt."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from operator import itemgetter
from typing import TYPE_CHECKING, Final

import numpy as np

from sim.fleet.spec import (
    BREAKS,
    STAYS,
    T_COVERAGE,
    T_DOWNLOAD,
    T_EXECUTE,
    T_ONLINE,
    T_UPGRADE,
    T_VERSION,
    TICKS_PER_S,
    FleetSpec,
)
from sim.fleet.whereabouts import HELD_BY_WINDOW
from sim.rules import Protocol, Stage
from sim.rules.stages import EXECUTION
from sim.traces.lasting import LINK
from sim.traces.steps import WORK, Doing, Step, clock
from sim.units import format_duration, format_rate, format_size

if TYPE_CHECKING:
    from sim.fleet.reference.records import LogRow
    from sim.traces.backdrop import Backdrop
    from sim.traces.lasting import Lasting
    from sim.traces.replay import Passage, Played

_TIMERS: Final = {
    Stage.CONTACT: ("online", T_ONLINE),
    Stage.QUERY: ("version", T_VERSION),
    Stage.COVERAGE: ("coverage", T_COVERAGE),
    Stage.DOWNLOAD: ("download", T_DOWNLOAD),
    **dict.fromkeys(EXECUTION, ("execute", T_EXECUTE)),
}
_MQTT_TIMERS: Final = {
    **_TIMERS,
    **dict.fromkeys((Stage.DOWNLOAD, *EXECUTION), ("upgrade", T_UPGRADE)),
}
_NEAR: Final = 0.98


class StageTeller:
    """Turns a replayed attempt of one device into steps."""

    def __init__(self, backdrop: Backdrop, device: int, lasting: Iterable[Lasting]) -> None:
        """Learn the device's circumstances.

        Args:
            backdrop: What is known of its fleet.
            device: Device index.
            lasting: What lasts of it.
        """
        spec = self._spec = backdrop.spec
        self._lasting = {each.number: each for each in lasting}
        self._cohort = int(spec.cohort[device])
        self._package = int(spec.cohorts.package_bytes[self._cohort])
        is_mqtt = spec.cohorts.protocol[self._cohort] == Protocol.MQTT
        self._timers = _MQTT_TIMERS if is_mqtt else _TIMERS
        self._shared = _shared_lines(spec, device)
        self._without_windows = backdrop.without_windows[self._cohort]
        self._without_outages = backdrop.without_outages[self._cohort]

    def steps(self, row: LogRow, played: Played) -> Iterator[Step]:
        """Yield the steps of an attempt; those of no length are left out."""
        for passage in played.passages:
            for step in self._stage(row, passage, played.killer):
                if step.end > step.start:
                    yield step

    def timer(self, played: Played) -> str | None:
        """Return the timer that ended an attempt, with its length; None if none did."""
        if played.deadline < 0:
            return None
        name, column = self._timers[played.passages[-1].stage]
        ticks = int(self._spec.cohorts.timers_ticks[self._cohort, column])
        return f"{name} timer of {format_duration(ticks / TICKS_PER_S)}"

    def _stage(self, row: LogRow, passage: Passage, killer: int) -> Iterator[Step]:
        """Yield the steps of one stage."""
        talks_until = passage.end if passage.quiet < 0 else passage.quiet
        if passage.stage == Stage.CONTACT:
            yield from self._contact(passage, killer if killer < row.attempt else 0)
        elif passage.stage == Stage.DOWNLOAD:
            yield from self._download(row, passage)
        else:
            is_kept = passage.stage == Stage.VERIFY and row.entered >= 0 and row.held == self._package
            kept = "the package is there already" if is_kept else ""
            note = ", ".join(filter(None, (kept, self._condition_note(passage))))
            begins = min(max(passage.start, passage.opens), talks_until)
            yield Step(passage.start, begins, Doing.INSTALL_WINDOW)
            yield Step(begins, talks_until, WORK[passage.stage], note, kept)
        if passage.quiet >= 0:
            yield Step(passage.quiet, passage.end, Doing.SILENT)

    def _contact(self, passage: Passage, killer: int) -> Iterator[Step]:
        """Yield what a contact waits for."""
        if killer:
            yield Step(passage.start, passage.end, Doing.DEAD, f"bricked by attempt {killer}")
            return
        if passage.online < 0:
            note = self._condition_note(passage) or "never comes online in this attempt"
            yield Step(passage.start, passage.end, Doing.OFFLINE, note)
            return
        since = passage.start
        while since < passage.end:
            doing, until = Doing.OFFLINE, self._online(passage, since)
            if until == since:
                doing, until = Doing.WINDOW, self._without_outages.reached_tick(since)
            if until == since:
                doing, until = Doing.OUTAGE, self._without_windows.reached_tick(since)
            assert until > since, "nothing holds the contact, but it waits"
            note = f"until {clock(until)}" if doing is Doing.OFFLINE else ""
            yield Step(since, min(until, passage.end), doing, note)
            since = until

    def _online(self, passage: Passage, tick: int) -> int:
        """Return when the device is online by itself, at a tick of its contact or after it."""
        link = self._lasting.get(LINK)
        return max(tick, passage.online) if link is None else link.timeline.next_on(tick)

    def _condition_note(self, passage: Passage) -> str:
        """Return since when the condition has lasted by which a stage failed; empty if none was it."""
        if passage.condition < 0:
            return ""
        condition = self._lasting[passage.condition]
        since = condition.since(max(passage.start, passage.opens))
        return f"{condition.name} since {clock(since) if since else 'before the run'}"

    def _download(self, row: LogRow, passage: Passage) -> Iterator[Step]:
        """Yield the wait for a place, and the flow of bytes with its pauses."""
        start = row.download_start if row.download_start >= 0 else passage.end
        places = int(self._spec.platform.max_downloads)
        yield Step(passage.start, start, Doing.PLACE, f"all {places:,} are taken")
        if row.download_start < 0:
            return
        pauses = self._pauses(start, row.download_end)
        held = [(begin, end) for begin, end, _ in pauses]
        unlinked = self._link_pauses(held, start, row.download_end)
        pauses += ((begin, end, Doing.PAUSED_LINK) for begin, end in unlinked)
        pauses.sort(key=itemgetter(0))
        flow_ticks = row.download_end - start - sum(end - begin for begin, end, _ in pauses)
        begins = [start, *(end for _, end, _ in pauses)]
        ends = [*(begin for begin, _, _ in pauses), row.download_end]
        flows = [i for i, (begin, end) in enumerate(zip(begins, ends, strict=True)) if begin < end]
        flow = self._flow_note(row, flow_ticks, in_all="in all " if len(flows) > 1 else "")
        notes = (flow, self._condition_note(passage), self._break_note(row))
        for i_flow, (begin, end) in enumerate(zip(begins, ends, strict=True)):
            # Nobody knows how much came in each part, so the last one tells of all of them.
            is_last = i_flow == (flows[-1] if flows else len(pauses))
            kept = f"goes on from {format_size(row.held)}" if row.held and [i_flow] == flows[:1] else ""
            yield Step(begin, end, Doing.DOWNLOAD, ", ".join(filter(None, notes)) if is_last else "", kept)
            for low, high, doing in pauses[i_flow : i_flow + 1]:
                yield Step(low, high, doing, f"until {clock(high)}" if doing is Doing.PAUSED_LINK else "")

    def _break_note(self, row: LogRow) -> str:
        """Return that the link broke a download, if it did."""
        link, end = self._lasting.get(LINK), row.download_end
        if link is None or self._spec.cohorts.during_upgrade[self._cohort] != BREAKS:
            return ""
        if row.bytes + row.held >= self._package or end <= row.download_start or end > row.end:
            return ""
        went_down = link.timeline.is_on(end - 1) and link.timeline.end_of(end - 1) == end
        return "its link goes down" if went_down else ""

    def _link_pauses(
        self, held: Sequence[tuple[int, int]], start: int, end: int
    ) -> Iterator[tuple[int, int]]:
        """Yield when a download waits for its link and for nothing else; disjoint, ascending.

        Args:
            held: When an outage or its window holds it; disjoint, ascending.
            start: Tick at which the download began.
            end: Tick at which it ended.
        """
        link = self._lasting.get(LINK)
        if link is None or self._spec.cohorts.during_upgrade[self._cohort] == STAYS:
            return
        free = [start, *(tick for interval in held for tick in interval), end]
        for low, high in zip(free[::2], free[1::2], strict=True):
            tick = low
            while tick < high:
                until = min(link.timeline.end_of(tick), high)
                if not link.timeline.is_on(tick):
                    yield tick, until
                tick = until

    def _pauses(self, start: int, end: int) -> list[tuple[int, int, Doing]]:
        """Return when no bytes could flow to the cohort in an interval, and why; disjoint, ascending."""
        outages = self._spec.outages
        bounds = [*outages.epoch_tick.tolist(), end]
        pauses: list[tuple[int, int, Doing]] = []
        for epoch, (begin, until) in enumerate(pairwise(bounds)):
            low, high = max(begin, start), min(until, end)
            flows = outages.epoch_cap[epoch, self._cohort] > 0 and outages.epoch_bandwidth[epoch] > 0
            if flows or low >= high:
                continue
            is_closed = outages.epoch_held[epoch, self._cohort] == HELD_BY_WINDOW
            doing = Doing.PAUSED_WINDOW if is_closed else Doing.PAUSED
            if pauses and pauses[-1][1:] == (low, doing):
                low = pauses.pop()[0]
            pauses.append((low, high, doing))
        return pauses

    def _flow_note(self, row: LogRow, flow_ticks: int, *, in_all: str) -> str:
        """Return how much came, how fast, and how fast its own link would have been."""
        goes_on = f"goes on from {format_size(row.held)}: " if row.held else ""
        if flow_ticks == 0:
            return goes_on.removesuffix(": ")
        n_bytes, rate = row.bytes, row.bytes / flow_ticks * TICKS_PER_S
        link, wanted = float(self._spec.cohorts.link_rate[self._cohort]), self._package - row.held
        note = f"{goes_on}{in_all}{format_size(n_bytes)}"
        if n_bytes < wanted:
            note += f" of {format_size(wanted)}"
        note += f" at {format_rate(rate)}"
        if rate < _NEAR * link:
            note += f" through {self._shared}"
            if np.isfinite(link):
                note += f", alone {format_duration(n_bytes / link)} at {format_rate(link)}"
        return note


def _shared_lines(spec: FleetSpec, device: int) -> str:
    """Return in words which lines a device's download shares with others."""
    of = spec.sites.of
    at_line = len(of) > 0 and of[device] >= 0 and bool(np.isfinite(spec.sites.uplink[of[device]]))
    at_egress = bool(np.isfinite(spec.outages.epoch_bandwidth).any())
    lines = ["the line of its site"] if at_line else []
    return " and ".join([*lines, "the shared egress"] if at_egress or not lines else lines)
