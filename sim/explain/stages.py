"""Tells what went on in the stages of an attempt."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, Final

import numpy as np

from sim.explain.steps import WORK, Doing, Step
from sim.fleet.reference.cohorts import cohorts_of
from sim.fleet.spec import (
    T_COVERAGE,
    T_DOWNLOAD,
    T_EXECUTE,
    T_ONLINE,
    T_UPGRADE,
    T_VERSION,
    TICKS_PER_S,
    FleetSpec,
)
from sim.rules import Protocol, Stage
from sim.rules.stages import EXECUTION
from sim.units import format_duration, format_rate, format_size

if TYPE_CHECKING:
    from sim.explain.replay import Passage, Played
    from sim.fleet.reference.records import LogRow

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

    def __init__(self, spec: FleetSpec, device: int) -> None:
        """Learn the device's circumstances.

        Args:
            device: Device index.
        """
        self._spec = spec
        self._cohort = int(spec.cohort[device])
        is_mqtt = spec.cohorts.protocol[self._cohort] == Protocol.MQTT
        self._timers = _MQTT_TIMERS if is_mqtt else _TIMERS
        cohort = cohorts_of(spec)[self._cohort]
        self._without_windows, self._without_outages = replace(cohort, window=None), replace(cohort, away=())

    def steps(self, row: LogRow, played: Played) -> Iterator[Step]:
        """Yield the steps of an attempt; those of no length are left out."""
        for passage in played.passages:
            for step in self._stage(row, passage):
                if step.end > step.start:
                    yield step

    def timer(self, played: Played) -> str | None:
        """Return the timer that ended an attempt, with its length; None if none did."""
        if played.deadline < 0:
            return None
        name, column = self._timers[played.passages[-1].stage]
        ticks = int(self._spec.cohorts.timers_ticks[self._cohort, column])
        return f"{name} timer of {format_duration(ticks / TICKS_PER_S)}"

    def _stage(self, row: LogRow, passage: Passage) -> Iterator[Step]:
        """Yield the steps of one stage."""
        talks_until = passage.end if passage.quiet < 0 else passage.quiet
        if passage.stage == Stage.CONTACT:
            yield from self._contact(passage)
        elif passage.stage == Stage.DOWNLOAD:
            yield from self._download(row, passage)
        else:
            yield Step(passage.start, talks_until, WORK[passage.stage])
        if passage.quiet >= 0:
            yield Step(passage.quiet, passage.end, Doing.SILENT)

    def _contact(self, passage: Passage) -> Iterator[Step]:
        """Yield what a contact waits for."""
        if passage.online < 0:
            yield Step(passage.start, passage.end, Doing.OFFLINE, "never comes online in this attempt")
            return
        since = min(passage.online, passage.end)
        yield Step(passage.start, since, Doing.OFFLINE)
        while since < passage.end:
            doing, until = Doing.WINDOW, self._without_outages.reached_tick(since)
            if until == since:
                doing, until = Doing.OUTAGE, self._without_windows.reached_tick(since)
            assert until > since, "nothing holds the contact, but it waits"
            yield Step(since, min(until, passage.end), doing)
            since = until

    def _download(self, row: LogRow, passage: Passage) -> Iterator[Step]:
        """Yield the wait for a place, and the flow of bytes with its pauses."""
        start = row.download_start if row.download_start >= 0 else passage.end
        places = int(self._spec.platform.max_downloads)
        yield Step(passage.start, start, Doing.PLACE, f"all {places:,} are taken")
        if row.download_start < 0:
            return
        pauses = self._pauses(start, row.download_end)
        flow_ticks = row.download_end - start - sum(end - begin for begin, end in pauses)
        note = self._flow_note(row.bytes, flow_ticks)
        since = start
        for begin, end in pauses:
            yield Step(since, begin, Doing.DOWNLOAD, note)
            yield Step(begin, end, Doing.PAUSED)
            since = end
        yield Step(since, row.download_end, Doing.DOWNLOAD, note)

    def _pauses(self, start: int, end: int) -> list[tuple[int, int]]:
        """Return when no bytes could flow to the cohort in an interval; disjoint, ascending, not touching."""
        outages = self._spec.outages
        bounds = [*outages.epoch_tick.tolist(), end]
        pauses: list[tuple[int, int]] = []
        for epoch, (begin, until) in enumerate(pairwise(bounds)):
            low, high = max(begin, start), min(until, end)
            flows = outages.epoch_cap[epoch, self._cohort] > 0 and outages.epoch_bandwidth[epoch] > 0
            if flows or low >= high:
                continue
            if pauses and pauses[-1][1] == low:
                low = pauses.pop()[0]
            pauses.append((low, high))
        return pauses

    def _flow_note(self, n_bytes: int, flow_ticks: int) -> str:
        """Return how much came, how fast, and how fast its own link would have been."""
        if flow_ticks == 0:
            return ""
        size, rate = format_size(n_bytes), n_bytes / flow_ticks * TICKS_PER_S
        link = float(self._spec.cohorts.link_rate[self._cohort])
        note = f"{size} at {format_rate(rate)}"
        if n_bytes < self._spec.platform.package_bytes:
            note = f"{size} of {format_size(self._spec.platform.package_bytes)} at {format_rate(rate)}"
        if rate < _NEAR * link:
            note += " through the shared egress"
            if np.isfinite(link):
                note += f", alone {format_duration(n_bytes / link)} at {format_rate(link)}"
        return note
