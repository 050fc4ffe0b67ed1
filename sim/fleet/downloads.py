"""Load of downloads that nothing influences: none of them is an event, so it is worked out afterwards.

Planes hand in the starts and ends of downloads, known as soon as an attempt is dispatched, in any order.
What lies before the present is folded into curve rows and peaks at once, so that memory holds what is
under way and not what is over. A download that is cut short later is mended by one that starts at its
foreseen end and ends at the cut: the two ends' changes cancel out.

A start or end is packed as tick << 15 | cohort, so that sorting it sorts by time.
"""

from __future__ import annotations

import copy
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sim.fleet._jit import kernel
from sim.fleet.spec import NEVER, Floats, Int64s

SPAN_COHORT_BITS: Final = 15
"""Bits of a packed start or end that hold the cohort."""

_LOWER_BITS: Final = 32
_LOWER_MASK: Final = (1 << _LOWER_BITS) - 1
_WINDOW: Final = 65_536  # packed ticks that are sorted at a time
_SAMPLE: Final = 1024
_WORTH_A_THREAD: Final = 50_000

# Fields of `FreeDownloads._level` and `._flow`.
_ROW: Final = 0
_NOW: Final = 1
_PEAK: Final = 2


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


class Stream(NamedTuple):
    """Packed ticks in ascending order, in four or five bytes each instead of eight.

    Attributes:
        upper: (K,) int64, what ticks have above their lower 32 bits, ascending.
        first: (K + 1,) int64, index of the first tick of each, then the number of ticks.
        lower: (n,) uint32.
        cohort: (n,) uint8, uint16 with many cohorts; (1,) when all are of one.
    """

    upper: Int64s
    first: Int64s
    lower: NDArray[np.uint32]
    cohort: NDArray[Any]


def pack_stream(spans: Int64s, n_cohorts: int) -> Stream:
    """Return packed ticks as a stream; they are sorted in place, and overwritten."""
    spans.sort()
    cohort = (spans & ((1 << SPAN_COHORT_BITS) - 1)).astype(np.uint8 if n_cohorts <= 256 else np.uint16)
    if (cohort == cohort[:1]).all():
        cohort = cohort[:1].copy()
    spans >>= SPAN_COHORT_BITS
    lower = spans.astype(np.uint32)
    spans >>= _LOWER_BITS
    steps = np.flatnonzero(spans[1:] != spans[:-1]) + 1
    first = np.concatenate([[0] if len(spans) else [], steps, [len(spans)]]).astype(np.int64)
    return Stream(upper=spans[first[:-1]], first=first, lower=lower, cohort=cohort)


def _position(stream: Stream, tick: int) -> int:
    """Return the index of the first entry at or after `tick`."""
    upper = tick >> _LOWER_BITS
    k = int(stream.upper.searchsorted(upper))
    lo = int(stream.first[k])
    if k == len(stream.upper) or stream.upper[k] != upper:
        return lo
    part = stream.lower[lo : stream.first[k + 1]]
    return lo + int(part.searchsorted(np.uint32(tick & _LOWER_MASK)))


def _unpack(stream: Stream, lo: int, hi: int) -> Int64s:
    """Return entries lo..hi as packed ticks."""
    packed = stream.lower[lo:hi].astype(np.int64)
    if len(stream.upper) == 1:
        packed |= stream.upper[0] << _LOWER_BITS
    else:
        counts = np.diff(np.clip(stream.first, lo, hi)).astype(np.int64)
        packed |= np.repeat(stream.upper << _LOWER_BITS, counts)
    packed <<= SPAN_COHORT_BITS
    packed |= stream.cohort[0] if len(stream.cohort) == 1 else stream.cohort[lo:hi]
    return packed


def _sample(stream: Stream) -> Int64s:
    """Return the ticks of every so many entries."""
    at = np.arange(0, len(stream.lower), _SAMPLE)
    upper = stream.upper[np.searchsorted(stream.first, at, side="right") - 1]
    ticks: Int64s = (upper << _LOWER_BITS) | stream.lower[at]
    return ticks


def _windows(streams: list[Stream], before: int) -> list[int]:
    """Return ascending ticks up to `before` between which there are not too many entries."""
    marks = np.sort(np.concatenate([_sample(stream) for stream in streams]))
    bounds = np.unique(marks[_WINDOW // _SAMPLE :: _WINDOW // _SAMPLE])
    return [*bounds[bounds < before].tolist(), before]


@kernel
def _fold(
    starts: Int64s,
    ends: Int64s,
    rates: Floats,
    active: Int64s,
    level: Int64s,
    flow: Floats,
    resolution: int,
    rows: Int64s,
    row_flow: Floats,
) -> None:
    """Go through starts and ends in order, from tick to tick.

    Args:
        starts: (S,) packed, ascending.
        ends: (E,) packed, ascending.
        rates: (C,) float64 bytes/s of one download.
        active: (C,) int64 downloads in progress; mutated.
        level: (3,) int64: next curve row, downloads now, most downloads; mutated.
        flow: (3,) float64: unused, bytes/s now, most bytes/s; mutated.
        resolution: Ticks between curve rows.
        rows: (G,) int64 downloads by curve row; written up to the last tick.
        row_flow: (G,) float64 bytes/s by curve row; likewise.
    """
    bits = np.int64(SPAN_COHORT_BITS)
    cohort_mask = np.int64((1 << SPAN_COHORT_BITS) - 1)
    i = 0
    j = 0
    row = level[_ROW]
    count = level[_NOW]
    load = flow[_NOW]
    while i < len(starts) or j < len(ends):
        tick = np.int64(NEVER)
        if j < len(ends):
            tick = ends[j] >> bits
        if i < len(starts):
            tick = min(tick, starts[i] >> bits)
        while row * resolution < tick:
            rows[row] = count
            row_flow[row] = load
            row += 1
        while j < len(ends) and ends[j] >> bits == tick:
            active[ends[j] & cohort_mask] -= 1
            count -= 1
            j += 1
        while i < len(starts) and starts[i] >> bits == tick:
            active[starts[i] & cohort_mask] += 1
            count += 1
            i += 1
        load = 0.0
        for c in range(len(rates)):
            if active[c] > 0:
                load += rates[c] * active[c]
        level[_PEAK] = max(level[_PEAK], count)
        flow[_PEAK] = max(flow[_PEAK], load)
    level[_ROW] = row
    level[_NOW] = count
    flow[_NOW] = load


def _merged(parts: tuple[Int64s, Int64s]) -> Int64s:
    """Return both arrays as one, ascending."""
    return np.sort(np.concatenate(parts))


def _grown(array: NDArray[Any], n: int) -> NDArray[Any]:
    """Return the array with at least n entries."""
    return np.resize(array, max(n, 2 * len(array))) if n > len(array) else array


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
        self._active = np.zeros(len(rates), np.int64)
        self._level = np.zeros(3, np.int64)
        self._flow = np.zeros(3, np.float64)
        self._rows = np.zeros(64, np.int64)
        self._row_flow = np.zeros(64, np.float64)
        self._starts = np.empty(0, np.int64)
        self._ends = np.empty(0, np.int64)

    @property
    def row_bytes(self) -> int:
        """Bytes of the curve's rows."""
        return self._rows.nbytes + self._row_flow.nbytes

    def fold(self, starts: Int64s, ends: Int64s, *, before: int) -> None:
        """Take in starts and ends; those before a tick are final.

        Args:
            starts: (S,) int64 packed, any order.
            ends: (S,) int64 packed, any order.
            before: Tick; from it on, entries may still come.
        """
        parts = ((self._starts, starts), (self._ends, ends))
        if len(starts) > _WORTH_A_THREAD:
            with ThreadPoolExecutor(2) as pool:  # sorting releases the GIL
                starts, ends = pool.map(_merged, parts)
        else:
            starts, ends = map(_merged, parts)
        n_starts, n_ends = (int(np.searchsorted(part, before << SPAN_COHORT_BITS)) for part in (starts, ends))
        last = max((int(part[n - 1]) for part, n in ((starts, n_starts), (ends, n_ends)) if n), default=0)
        n_rows = (last >> SPAN_COHORT_BITS) // self._resolution + 2
        self._rows, self._row_flow = _grown(self._rows, n_rows), _grown(self._row_flow, n_rows)
        _fold(
            starts[:n_starts],
            ends[:n_ends],
            self._rates,
            self._active,
            self._level,
            self._flow,
            self._resolution,
            self._rows,
            self._row_flow,
        )
        self._starts, self._ends = starts[n_starts:].copy(), ends[n_ends:].copy()

    def fold_streams(self, starts: list[Stream], ends: list[Stream], *, before: int) -> None:
        """Take in streams, a window of time after the other; otherwise like `fold`."""
        done = [[0] * len(streams) for streams in (starts, ends)]
        for tick in [*_windows([*starts, *ends], before), NEVER]:
            parts = []
            for streams, positions in zip((starts, ends), done, strict=True):
                pieces = [np.empty(0, np.int64)]
                for i, stream in enumerate(streams):
                    until = _position(stream, tick)
                    if until > positions[i]:
                        pieces.append(_unpack(stream, positions[i], until))
                        positions[i] = until
                parts.append(np.concatenate(pieces))
            self.fold(*parts, before=min(tick, before))

    def load(self, starts: Int64s, ends: Int64s, *, now: int) -> FreeLoad:
        """Return the load up to and including a tick, with starts and ends that are not folded yet."""
        after = copy.copy(self)
        for name in ("_active", "_level", "_flow", "_rows", "_row_flow"):
            setattr(after, name, getattr(self, name).copy())
        after.fold(starts, ends, before=now + 1)
        n, written = now // self._resolution + 1, int(after._level[_ROW])
        downloads, bandwidth = np.zeros(n, np.int64), np.zeros(n, np.float64)
        downloads[:written], bandwidth[:written] = after._rows[:written], after._row_flow[:written]
        downloads[written:], bandwidth[written:] = after._level[_NOW], after._flow[_NOW]
        return FreeLoad(int(after._level[_PEAK]), float(after._flow[_PEAK]), downloads, bandwidth)
