"""Counters of a run over time: places, downloads, bandwidth, and how devices ended.

Attempts that have ended are in the log to the microsecond, so that counters rise and fall however coarse the
grid of the run is. Of what the log does not say (attempts under way when the run ended, devices that failed
and were tried again by a call) the grid tells how much there was on each of its lines; it is taken to last
until the next one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from sim.fleet.spec import TICKS_PER_S, to_ticks
from sim.rules import SubtaskState

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sim.campaign.record import CampaignRun
    from sim.fleet.protocol import AttemptLog
    from sim.fleet.spec import Floats, Int64s

BITS: Final = 8

ROWS_MIN: Final = 200
"""Lines of the grid with a download in progress from which on it follows the bandwidth closely."""


class CounterTrack(NamedTuple):
    """A counter of one or more values; a row holds from its time to that of the next one.

    Attributes:
        name: What is counted.
        columns: Names of the values.
        tick: (K,) int64, strictly ascending, from 0 to the end of the run.
        values: (K, len(columns)) int64, >= 0.
    """

    name: str
    columns: tuple[str, ...]
    tick: Int64s
    values: Int64s


def counters(run: CampaignRun, log: AttemptLog) -> Iterator[CounterTrack]:
    """Yield the counters of a run.

    Places and downloads are exact as long as all attempts have ended. Bandwidth is that on the lines of a
    grid that follows it closely; else each download is taken to be as fast all the time as it was on
    average, and all together no faster than the peak of the run.

    Args:
        run: The run. Read only.
        log: Its attempts. Read only.
    """
    records, status, totals = run.records, run.curves.status, run.totals
    moments = _Moments(run, log)
    final = np.bincount(records.status, minlength=len(SubtaskState))
    alone = (records.status == SubtaskState.PROCESSING) & (records.attempts == 1)  # begun, not in the log
    begun = np.concatenate([log.start, records.first_start[alone]])
    places = moments.at_lines(
        moments.sum(begun, log.end), status[:, SubtaskState.PROCESSING], totals.peak_processing
    )
    places[-1] = final[SubtaskState.PROCESSING]
    yield CounterTrack("places", ("in Processing",), moments.tick, places[:, None])

    known = moments.sum(*_downloads(log))
    loading = moments.at_lines(known, run.curves.downloads, totals.peak_downloads)
    loading[places == 0] = 0
    yield CounterTrack("downloads", ("in progress",), moments.tick, loading[:, None])
    bits = np.rint(_bandwidth(run, log, moments, known, loading) * BITS).astype(np.int64)
    yield CounterTrack("bandwidth", ("bit/s",), moments.tick, bits[:, None])

    ended = []
    for state in (SubtaskState.SUCCESS, SubtaskState.FAIL):
        known = moments.sum(records.end[records.status == state])
        ended.append(moments.at_lines(known, status[:, state], len(records.status)))
        ended[-1][-1] = final[state]
    yield CounterTrack("devices", ("succeeded", "failed"), moments.tick, np.column_stack(ended))


def _downloads(log: AttemptLog) -> tuple[Int64s, Int64s]:
    """Return when downloads began and ceased, (D,) int64 each."""
    has_begun = log.download_start >= 0
    return log.download_start[has_begun], log.download_end[has_begun]


class _Moments:
    """Times at which a counter may change, and what holds from then on.

    Attributes:
        tick: (K,) int64, strictly ascending, from 0 to the end of the run; all lines of the grid are in it.
        line: (K,) int64, line of the grid at or before each.
    """

    def __init__(self, run: CampaignRun, log: AttemptLog) -> None:
        """Gather them."""
        grid, records = run.curves.tick, run.records
        end = np.array([to_ticks(run.end_s)])
        columns = (records.first_start, records.end, log.start, log.end, *_downloads(log))
        ticks = np.unique(np.concatenate([grid, end, *columns]))
        self.tick: Int64s = ticks[ticks >= 0]
        self.line = np.searchsorted(grid, self.tick, side="right") - 1
        self._rows_of_lines = np.searchsorted(self.tick, grid)

    def sum(self, begun: Int64s, over: Int64s | None = None) -> Int64s:
        """Return how many have begun and are not over, (K,) int64.

        Args:
            begun: When each began, in any order.
            over: When some were over, likewise.
        """
        known = np.searchsorted(np.sort(begun), self.tick, side="right")
        if over is not None:
            known -= np.searchsorted(np.sort(over), self.tick, side="right")
        return known.astype(np.int64)

    def speeds(self, begun: Int64s, over: Int64s, speed: Floats) -> Floats:
        """Return the sum of the speeds of those that have begun and are not over, (K,) float64."""
        change = np.bincount(np.searchsorted(self.tick, begun), speed, len(self.tick))
        change -= np.bincount(np.searchsorted(self.tick, over), speed, len(self.tick))
        total: Floats = np.maximum(np.cumsum(change), 0.0)
        return total

    def at_lines(self, known: Int64s, on_grid: Int64s, most: int) -> Int64s:
        """Return what is known with what the grid has beyond that, (K,) int64, no more than a bound."""
        beyond = on_grid - known[self._rows_of_lines]
        return np.clip(known + beyond[self.line], 0, most)


def _bandwidth(
    run: CampaignRun, log: AttemptLog, moments: _Moments, known: Int64s, loading: Int64s
) -> Floats:
    """Return bytes per second leaving the platform, (K,) float64; 0 wherever no download is in progress.

    Args:
        run: The run.
        log: Its attempts.
        moments: When something changes.
        known: (K,) int64, downloads of the log in progress.
        loading: (K,) int64, all downloads in progress.
    """
    on_grid = run.curves.bandwidth[moments.line]
    if np.count_nonzero(run.curves.downloads) >= ROWS_MIN:
        return np.where(loading > 0, on_grid, 0.0)
    lasts = (log.download_start >= 0) & (log.download_end > log.download_start)
    begun, over = log.download_start[lasts], log.download_end[lasts]
    speed = moments.speeds(begun, over, log.bytes[lasts] / (over - begun) * TICKS_PER_S)
    others = np.maximum(loading - known, 0) / np.maximum(run.curves.downloads[moments.line], 1)
    total = np.minimum(speed + others * on_grid, run.totals.peak_bandwidth)
    return np.where(loading > 0, total, 0.0)
