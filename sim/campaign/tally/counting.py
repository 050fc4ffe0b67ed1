"""Counting a run: which way, and how percentiles come out of two compiled passes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from sim.campaign.tally import by_numpy
from sim.campaign.tally.layout import SUMS, Counts
from sim.campaign.tally.numbers import NEVER, Tally, ranks_of, with_fleet
from sim.fleet.spec import TICKS_PER_S
from sim.rules import Reason, SubtaskState

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sim.campaign.record import CampaignRun
    from sim.fleet.protocol import TargetRecords
    from sim.fleet.spec import Bools, Int16s, Int64s

_BUCKET_BITS: Final = 12
_CELL_BITS: Final = 18
"""Hundreds of cohorts get fewer buckets: 2**18 cells take 6 MiB."""


def tally_of(run: CampaignRun) -> Tally:
    """Count what became of a fleet; see the package for the two ways."""
    records, cohort = run.records, run.spec.cohort
    counts = _empty(records, len(run.names.cohort_names))
    if run.plane != "compiled":
        return by_numpy.count(records, cohort, counts)
    return _by_kernels(records, cohort, counts, round(run.end_s * TICKS_PER_S))


def _empty(records: TargetRecords, n_cohorts: int) -> Counts:
    """Return arrays of zeros to count into."""
    sums = np.zeros(n_cohorts, SUMS)
    sums["last_end"] = NEVER
    return Counts(
        states=np.zeros((n_cohorts, len(SubtaskState)), np.int64),
        sums=sums,
        attempts=np.zeros((int(records.attempts.max(initial=0)) + 1, 2), np.int64),
        reasons=np.zeros(max(Reason) + 1, np.int64),
    )


def _by_kernels(records: TargetRecords, cohort: Int16s, counts: Counts, end_tick: int) -> Tally:
    """Return the tally by compiled code.

    Args:
        records: What became of each device. Read only.
        cohort: (n,) int16. Read only.
        counts: Zeros. Written.
        end_tick: When the run ended: about the largest time that there can be.
    """
    # The compiler's run time takes a third of a second to load, and only this way needs it.
    from sim.campaign.tally import passes

    n_cohorts = len(counts.states)
    # No more buckets than devices either: small fleets would only search empty ones.
    bits = min(_BUCKET_BITS, _CELL_BITS - n_cohorts.bit_length(), len(cohort).bit_length())
    shift = max(0, end_tick.bit_length() - bits)
    cells = np.zeros((2, 2**bits, n_cohorts), np.int32)
    passes.count_devices(records, cohort, shift, counts, cells)
    counts = with_fleet(counts)
    kinds = [
        _Buckets(cells[kind], ranks_of(of))
        for kind, of in enumerate((counts.states.sum(axis=1), counts.sums["needed"]))
    ]
    wanted = np.stack([kind.wanted() for kind in kinds])
    n_times = np.where(wanted, cells, 0).ravel()
    ends = np.cumsum(n_times, dtype=np.int64)
    starts = (ends - n_times).reshape(cells.shape)
    times = np.empty(int(ends[-1]), np.int64)
    passes.collect_times(records, cohort, shift, np.where(wanted, starts, -1), times)
    success, recovery = (kind.percentiles(starts[k], times) for k, kind in enumerate(kinds))
    return Tally(counts, success, recovery)


class _Buckets:
    """Where the percentiles of one kind of time lie among the buckets."""

    def __init__(self, cells: NDArray[np.int32], ranks: Int64s) -> None:
        """Find the bucket of each rank.

        Args:
            cells: (buckets, C) int32, how many times there are.
            ranks: (C + 1, percentages) int64, which ones are looked for.
        """
        self._cells = np.concatenate([cells, cells.sum(axis=1, keepdims=True)], axis=1)  # with the fleet's
        self._ends = np.cumsum(self._cells, axis=0, dtype=np.int64)
        self._ranks = ranks
        self._known = (ranks >= 0) & (ranks < self._ends[-1, :, np.newaxis])
        self._bucket = np.stack(
            [np.searchsorted(self._ends[:, part], of, side="right") for part, of in enumerate(ranks)]
        )

    def wanted(self) -> Bools:
        """Return the times of which cells are needed, (buckets, C): the fleet needs all of a bucket."""
        wanted = np.zeros(self._cells.shape, np.bool_)
        part, percent = np.nonzero(self._known)
        wanted[self._bucket[part, percent], part] = True
        return wanted[:, :-1] | wanted[:, -1:]

    def percentiles(self, starts: Int64s, times: Int64s) -> Int64s:
        """Return the percentiles, (C + 1, percentages) int64 ticks, `NEVER` where there is none.

        Args:
            starts: (buckets, C) int64, where a wanted cell's times begin.
            times: (k,) int64, a bucket's cells one after the other.
        """
        found = np.full(self._ranks.shape, NEVER)
        for part, ranks in enumerate(self._ranks):
            for bucket in np.unique(self._bucket[part, self._known[part]]):
                here = self._known[part] & (self._bucket[part] == bucket)
                n = self._cells[bucket, part]
                first = starts[bucket, part if part < starts.shape[1] else 0]
                within = ranks[here] - (self._ends[bucket, part] - n)
                found[part, here] = np.partition(times[first : first + n], within)[within]
        return found
