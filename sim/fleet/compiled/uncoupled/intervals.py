"""Downloads of a free network as spans of time: how many begin and end within which intervals."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from sim.fleet.compiled.memory.curve_rows import row_from
from sim.fleet.compiled.memory.tables import Records
from sim.fleet.jit import inlined, kernel, natural
from sim.fleet.model.network import network_load
from sim.fleet.spec import Bools, Floats, Int16s, Int64s


class Spans(NamedTuple):
    """Where downloads are found.

    Attributes:
        work: (n,) WORK, the last download of each device.
        cohort: (n,) int16, cohort of each device.
        starts: (K,) int64, ticks at which earlier downloads began.
        ends: (K,) int64, ticks at which they ended.
        cohorts: (K,) int16, their cohorts.
    """

    work: Records
    cohort: Int16s
    starts: Int64s
    ends: Int64s
    cohorts: Int16s


class Edges(NamedTuple):
    """Starts of downloads, or ends.

    Attributes:
        ticks: (K,) int64.
        cohorts: (K,) int16, whose they are.
    """

    ticks: Int64s
    cohorts: Int16s


class Intervals(NamedTuple):
    """Half-open intervals (after, up to and including) of ticks: equal parts of some curve rows.

    Attributes:
        after: Ticks up to this one are left out.
        until: Ticks after this one are left out.
        resolution: Ticks between curve rows.
        first_row: Curve row of slot's first entry; row r ends at tick r * resolution.
        slot: (R,) int64, place of the row among those that are divided, -1 for a row that is left out.
        parts: Into how many parts a row is divided.
    """

    after: int
    until: int
    resolution: int
    first_row: int
    slot: Int64s
    parts: int


@inlined
def _interval_of(intervals: Intervals, tick: int) -> int:
    """Return the interval that a tick lies in, -1 for none."""
    if tick <= intervals.after or tick > intervals.until:
        return -1
    width = intervals.resolution
    row = row_from(tick, width)
    i = row - intervals.first_row
    if i < 0 or i >= len(intervals.slot):
        return np.int64(-1)
    slot = intervals.slot[natural(i)]
    if slot < 0 or intervals.parts == 1:
        return slot
    since = np.float64(tick - 1 - (row - 1) * width)
    part = np.int64(since * (np.float64(intervals.parts) / np.float64(width)))
    return slot * intervals.parts + min(part, intervals.parts - 1)


@kernel
def count_spans(spans: Spans, intervals: Intervals, starts: Int64s, ends: Int64s) -> None:
    """Count starts and ends by interval and cohort.

    Args:
        starts: (I, C) int64, added to.
        ends: (I, C) int64, added to.
    """
    for device in range(len(spans.work)):
        row = spans.work[device]
        if row.entered < 0 or row.flow_end <= row.entered:
            continue
        c = natural(spans.cohort[device])
        i = _interval_of(intervals, row.entered)
        if i >= 0:
            starts[natural(i), c] += 1
        i = _interval_of(intervals, row.flow_end)
        if i >= 0:
            ends[natural(i), c] += 1
    for k in range(len(spans.starts)):
        c = natural(spans.cohorts[k])
        i = _interval_of(intervals, spans.starts[k])
        if i >= 0:
            starts[natural(i), c] += 1
        i = _interval_of(intervals, spans.ends[k])
        if i >= 0:
            ends[natural(i), c] += 1


@kernel
def collect_spans(
    spans: Spans, intervals: Intervals, wanted: Bools, starts: Edges, ends: Edges
) -> tuple[int, int]:
    """Write down the starts and ends that lie in wanted intervals; return how many they are."""
    n = 0
    m = 0
    for device in range(len(spans.work)):
        row = spans.work[device]
        if row.entered < 0 or row.flow_end <= row.entered:
            continue
        i = _interval_of(intervals, row.entered)
        if i >= 0 and wanted[natural(i)]:
            starts.ticks[n] = row.entered
            starts.cohorts[n] = spans.cohort[device]
            n += 1
        i = _interval_of(intervals, row.flow_end)
        if i >= 0 and wanted[natural(i)]:
            ends.ticks[m] = row.flow_end
            ends.cohorts[m] = spans.cohort[device]
            m += 1
    for k in range(len(spans.starts)):
        i = _interval_of(intervals, spans.starts[k])
        if i >= 0 and wanted[natural(i)]:
            starts.ticks[n] = spans.starts[k]
            starts.cohorts[n] = spans.cohorts[k]
            n += 1
        i = _interval_of(intervals, spans.ends[k])
        if i >= 0 and wanted[natural(i)]:
            ends.ticks[m] = spans.ends[k]
            ends.cohorts[m] = spans.cohorts[k]
            m += 1
    return n, m


@kernel
def scan_spans(
    starts: Edges,
    ends: Edges,
    n_starts: Int64s,
    n_ends: Int64s,
    before: Int64s,
    rates: Floats,
    peaks: Floats,
) -> None:
    """Go through some intervals tick by tick, ends before starts.

    Args:
        starts: In order of their ticks.
        ends: In order of their ticks.
        n_starts: (I,) int64, how many of the starts lie in each interval.
        n_ends: (I,) int64, likewise.
        before: (I, C) int64 downloads in progress before each; overwritten.
        rates: (C,) float64 bytes/s of one download.
        peaks: (2,) float64, most downloads and most bytes/s; raised.
    """
    i = 0
    j = 0
    for interval in range(len(n_starts)):
        active = before[interval]
        last_start = i + n_starts[interval]
        last_end = j + n_ends[interval]
        while i < last_start:  # ends alone never make a peak
            tick = starts.ticks[i]
            while j < last_end and ends.ticks[j] <= tick:
                active[natural(ends.cohorts[j])] -= 1
                j += 1
            while i < last_start and starts.ticks[i] == tick:
                active[natural(starts.cohorts[i])] += 1
                i += 1
            count = np.int64(0)
            for c in range(len(active)):
                count += active[c]
            peaks[0] = max(peaks[0], np.float64(count))
            peaks[1] = max(peaks[1], network_load(rates, active))
        j = last_end
