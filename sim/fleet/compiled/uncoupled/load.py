"""Load of downloads that nothing influences: none of them is an event, so it is worked out afterwards.

The last download of each device stands in its row; earlier ones are handed in when the device begins
another attempt. Curve rows come from counting starts and ends by row. Peaks are exact: a peak can only lie
where the level before an interval and all starts within it together exceed what is reached for certain;
so intervals are narrowed down, and only the few that are left are looked at tick by tick. Sorting all
starts and ends instead took five times as long.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final, NamedTuple, TypeVar

import numpy as np

from sim.cpus import usable_cpus
from sim.fleet.compiled.memory.tables import Records
from sim.fleet.compiled.uncoupled.intervals import (
    Edges,
    Intervals,
    Spans,
    collect_spans,
    count_spans,
    scan_spans,
)
from sim.fleet.spec import Bools, Floats, Int16s, Int64s

_MOST_COUNTS: Final = 1 << 20  # row counts of all cohorts that are kept at a time
_MOST_PARTS: Final = 1 << 16  # counts of the intervals that rows are divided into
_WORTH_A_THREAD: Final = 50_000  # devices
_FEW: Final = 1 << 14  # starts and ends that are not worth dividing up
_COHORT_BITS: Final = 15
_MOST_PACKED: Final = 1 << 63 - _COHORT_BITS  # ticks that fit into a number beside a cohort

_T = TypeVar("_T")


@dataclass(frozen=True)
class FreeLoad:
    """Downloads of a free network up to a tick.

    Attributes:
        peak_downloads: Most at once.
        peak_bandwidth: Most bytes/s.
        downloads: (G,) int64 by curve row.
        bandwidth: (G,) float64 bytes/s by curve row.
    """

    peak_downloads: int
    peak_bandwidth: float
    downloads: Int64s
    bandwidth: Floats


class Counts(NamedTuple):
    """What lies in intervals, by cohort; (I, C) int64 each.

    Attributes:
        starts: Downloads that begin within it.
        ends: Downloads that end within it.
        before: Downloads in progress before it.
    """

    starts: Int64s
    ends: Int64s
    before: Int64s


def _loads(rates: Floats, active: Int64s) -> Floats:
    """Return the bytes/s of each row of active downloads, added up in the order of the cohorts.

    Args:
        rates: (C,) bytes/s of one download.
        active: (I, C) downloads.
    """
    loads = np.zeros(len(active), np.float64)
    for c, rate in enumerate(rates.tolist()):
        loads += rate * active[:, c]
    return loads


class FreeDownloads:
    """Curve rows and peaks of downloads that nothing influences."""

    def __init__(self, rates: Floats, resolution: int) -> None:
        """Begin without any.

        Args:
            rates: (C,) float64 bytes/s of one download by cohort.
            resolution: Ticks between curve rows.
        """
        self._rates = rates
        self._resolution = resolution
        self._starts: list[Int64s] = [np.empty(0, np.int64)]
        self._ends: list[Int64s] = [np.empty(0, np.int64)]
        self._cohorts: list[Int16s] = [np.empty(0, np.int16)]
        self._n_earlier = 0
        # What is final: ticks up to `_settled`, the downloads in progress after it, peaks, curve rows.
        self._settled = -1
        self._level = np.zeros(len(rates), np.int64)
        self._peaks = np.zeros(2, np.float64)
        self._rows: tuple[Int64s, Floats] = (np.zeros(0, np.int64), np.zeros(0, np.float64))

    def add(self, spans: Records) -> Int64s:
        """Take in downloads of devices that have begun another attempt, in any order.

        Args:
            spans: (K,) SPAN. Copied.

        Returns:
            What `take_back` knows them by.
        """
        added: Int64s = spans["start"].copy()
        if len(spans):  # else a run of many rounds would make longer and longer lists of nothing
            self._starts.append(added)
            self._ends.append(spans["end"].copy())
            self._cohorts.append(spans["cohort"].copy())
            self._n_earlier += len(spans)
        return added

    def take_back(self, added: Sequence[Int64s]) -> None:
        """Forget downloads that were added since anything was settled: they have not come to pass."""
        gone = {id(starts) for starts in added}
        stay = [i for i, starts in enumerate(self._starts) if id(starts) not in gone]
        self._starts = [self._starts[i] for i in stay]
        self._ends = [self._ends[i] for i in stay]
        self._cohorts = [self._cohorts[i] for i in stay]
        self._n_earlier = sum(map(len, self._starts))

    def _spans(self, work: Records, cohort: Int16s) -> Spans:
        """Return all downloads that are not settled."""
        starts, ends = np.concatenate(self._starts), np.concatenate(self._ends)
        return Spans(work, cohort, starts, ends, np.concatenate(self._cohorts))

    def settle(self, work: Records, cohort: Int16s, *, before: int) -> bool:
        """Forget downloads that are over, if there are many; nothing changes any more before a tick.

        Returns:
            Whether there were that many.
        """
        if before > 0 and self._n_earlier > max(len(work), _FEW):
            load, self._level, self._peaks = self._load(work, cohort, before - 1)
            self._rows = (load.downloads, load.bandwidth)
            self._settled = before - 1
            spans = self._spans(work, cohort)
            goes_on = spans.ends >= before
            self._starts, self._ends = [spans.starts[goes_on]], [spans.ends[goes_on]]
            self._cohorts = [spans.cohorts[goes_on]]
            self._n_earlier = len(self._starts[0])
            return True
        return False

    def load(self, work: Records, cohort: Int16s, *, now: int) -> FreeLoad:
        """Return the load up to and including a tick.

        Args:
            work: (n,) WORK, which hold the last download of each device.
            cohort: (n,) int16, cohort of each device.
            now: Tick.
        """
        return self._load(work, cohort, now)[0]

    def _load(self, work: Records, cohort: Int16s, now: int) -> tuple[FreeLoad, Int64s, Floats]:
        """Return the load up to a tick, the downloads in progress by cohort, and the peaks."""
        spans = self._spans(work, cohort)
        n_rows, first_row = now // self._resolution + 1, len(self._rows[0])
        step = max(_MOST_COUNTS // len(self._rates), 1)
        level, peaks = self._level, self._peaks.copy()
        counts, loads = [self._rows[0]], [self._rows[1]]
        # The row after the last one has no value yet, but its ticks count for the peaks.
        for row in range(first_row, n_rows + 1, step):
            slot = np.arange(min(step, n_rows + 1 - row), dtype=np.int64)
            parts = _parts_of(len(slot), len(level)) if len(work) > _FEW else 1
            intervals = Intervals(self._settled, now, self._resolution, row, slot, parts)
            levels = self._rows_of(spans, intervals, level, peaks)
            counts.append(levels.sum(axis=1))
            loads.append(_loads(self._rates, levels))
            level = levels[-1]
        downloads, bandwidth = np.concatenate(counts)[:n_rows], np.concatenate(loads)[:n_rows]
        return FreeLoad(int(peaks[0]), float(peaks[1]), downloads, bandwidth), level, peaks

    def _rows_of(self, spans: Spans, intervals: Intervals, level: Int64s, peaks: Floats) -> Int64s:
        """Return the downloads in progress at the ends of consecutive rows, and raise the peaks to theirs.

        Args:
            intervals: The rows, divided or not.
            level: (C,) downloads before the first of them.
            peaks: (2,) float64, raised.

        Returns:
            (rows, C) int64.
        """
        counts, after = self._counts(spans, intervals, level[None])
        wanted = self._may_exceed(counts, peaks)
        rows = np.unique(np.flatnonzero(wanted) // intervals.parts)
        parts = _parts_of(len(rows), len(level)) if len(rows) else 0
        if counts.starts[wanted].sum() > _FEW and parts > intervals.parts:
            slot = np.full(len(intervals.slot), -1, np.int64)
            slot[rows] = np.arange(len(rows))
            before = counts.before[rows * intervals.parts]
            intervals_of_rows = intervals._replace(slot=slot, parts=parts)
            counts, _ = self._counts(spans, intervals_of_rows, before)
            self._look_within(spans, intervals_of_rows, counts, self._may_exceed(counts, peaks), peaks)
        else:
            self._look_within(spans, intervals, counts, wanted, peaks)
        return after[intervals.parts - 1 :: intervals.parts]

    def _look_within(
        self, spans: Spans, intervals: Intervals, counts: Counts, wanted: Bools, peaks: Floats
    ) -> None:
        """Raise the peaks to those within wanted intervals, tick by tick.

        Args:
            intervals: The rows, divided or not.
            counts: Of the intervals.
            wanted: (I,) bool.
            peaks: (2,) float64, raised.
        """
        if not wanted.any():
            return
        some = Counts(*(of[wanted] for of in counts))
        n_starts, n_ends = some.starts.sum(axis=1), some.ends.sum(axis=1)
        around = _around(intervals, np.flatnonzero(wanted))

        def collect(part: Spans) -> tuple[Edges, Edges]:
            starts, ends = _room(n_starts.sum()), _room(n_ends.sum())
            n, m = collect_spans(part, around, wanted, starts, ends)
            return _first(starts, n), _first(ends, m)

        starts, ends = (_in_order(parts) for parts in zip(*_of_parts(collect, spans), strict=True))
        scan_spans(starts, ends, n_starts, n_ends, some.before, self._rates, peaks)

    def _counts(self, spans: Spans, intervals: Intervals, before: Int64s) -> tuple[Counts, Int64s]:
        """Return the counts of all intervals, and the downloads in progress after each, (I, C) int64.

        Args:
            intervals: The rows, divided or not.
            before: (1, C) int64 downloads before the first of consecutive rows, or (rows, C) before each.
        """
        starts, ends = self._counted(spans, intervals)
        change = starts - ends
        inner = np.cumsum(change.reshape(len(before), -1, change.shape[1]), axis=1)
        after: Int64s = (before[:, None] + inner).reshape(change.shape)
        return Counts(starts, ends, after - change), after

    def _counted(self, spans: Spans, intervals: Intervals) -> tuple[Int64s, Int64s]:
        """Return starts and ends by interval and cohort, (I, C) int64 each."""
        n = int(intervals.slot.max() + 1) * intervals.parts

        def count(part: Spans) -> tuple[Int64s, Int64s]:
            starts, ends = (np.zeros((n, len(self._rates)), np.int64) for _ in range(2))
            count_spans(part, intervals, starts, ends)
            return starts, ends

        parts = _of_parts(count, spans)
        starts, ends = parts[0]
        for more_starts, more_ends in parts[1:]:
            starts += more_starts
            ends += more_ends
        return starts, ends

    def _may_exceed(self, counts: Counts, peaks: Floats) -> Bools:
        """Raise the peaks to what stands at the ends of intervals; tell which may lie above within."""
        after = counts.before + counts.starts - counts.ends
        peaks[0] = max(peaks[0], after.sum(axis=1).max())
        peaks[1] = max(peaks[1], _loads(self._rates, after).max())
        most = counts.before + counts.starts
        may: Bools = (most.sum(axis=1) > peaks[0]) | (_loads(self._rates, most) > peaks[1])
        return may


def _parts_of(n_rows: int, n_cohorts: int) -> int:
    """Return into how many parts so many rows are divided."""
    return max(_MOST_PARTS // (n_rows * n_cohorts), 1)


def _room(n: int) -> Edges:
    """Return room for n starts or ends."""
    return Edges(np.empty(n, np.int64), np.empty(n, np.int16))


def _first(edges: Edges, n: int) -> Edges:
    """Return the first n of them."""
    return Edges(edges.ticks[:n], edges.cohorts[:n])


def _in_order(parts: Sequence[Edges]) -> Edges:
    """Return starts or ends of several parts together, in order of their ticks."""
    ticks = np.concatenate([part.ticks for part in parts])
    cohorts = np.concatenate([part.cohorts for part in parts])
    if not len(ticks) or ticks.max() - ticks.min() >= _MOST_PACKED:
        order = np.argsort(ticks)
        return Edges(ticks[order], cohorts[order])
    # Both in one number are sorted several times as fast.
    first = ticks.min()
    packed = (ticks - first) << _COHORT_BITS | cohorts
    packed.sort()
    return Edges((packed >> _COHORT_BITS) + first, (packed & (1 << _COHORT_BITS) - 1).astype(np.int16))


def _of_parts(work: Callable[[Spans], tuple[_T, _T]], spans: Spans) -> Sequence[tuple[_T, _T]]:
    """Return what `work` answers for all downloads, or for two parts of them on two threads."""
    half = len(spans.work) // 2
    if half < _WORTH_A_THREAD or usable_cpus() == 1:
        return [work(spans)]
    none = np.empty(0, np.int64)
    halves = (
        Spans(spans.work[:half], spans.cohort[:half], none, none, spans.cohorts[:0]),
        spans._replace(work=spans.work[half:], cohort=spans.cohort[half:]),
    )
    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(work, halves))


def _around(intervals: Intervals, chosen: Int64s) -> Intervals:
    """Return the intervals without ticks far before the first chosen one and far behind the last."""
    rows = np.flatnonzero(intervals.slot >= 0) + intervals.first_row
    slot, part = np.divmod(chosen[[0, -1]], intervals.parts)
    width = int(intervals.resolution)
    # As Python's integers: a row of centuries times a part of it is more than 63 bits hold.
    first, last = (
        (row - 1) * width + width * each // intervals.parts
        for row, each in zip(rows[slot].tolist(), part.tolist(), strict=True)
    )
    # A tick or two to either side, since parts are told by inexact arithmetic.
    return intervals._replace(
        after=max(intervals.after, first - 1),
        until=min(intervals.until, last + width // intervals.parts + 2),
    )
