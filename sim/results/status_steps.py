"""The fleet by status as steps that follow the campaign, however coarse the grid of its run is.

When a device began, failed first and ended is in its record, to the microsecond. What the record does not
say is how a device fared between its first failure and its end; how many of those are in which state is
known on the lines of the grid, and between two of them they are split as on the line before. Since that
is a guess, no more than the peak of the run, which is exact, are taken to be in Processing: the others,
whose retry may be due without a place being free, are in the queue again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from sim.rules import SubtaskState

if TYPE_CHECKING:
    from sim.fleet.protocol import Curves, TargetRecords
    from sim.fleet.spec import Floats, Int64s

LINES: Final = 400
"""Equal parts of the time between the first event and the last, and of its logarithm."""

ROWS_MIN: Final = 200
"""Rows of a grid that follows a campaign closely."""

_HALF_ROWS: Final = 40
"""Rows until half of the successes, if it follows them closely on a logarithmic axis too."""

_ENDS: Final = (SubtaskState.SUCCESS, SubtaskState.FAIL, SubtaskState.STOPPED)
_BETWEEN: Final = (
    SubtaskState.PROCESSING,
    SubtaskState.FAIL_WAIT_RETRY,
    SubtaskState.WAITTING,
    SubtaskState.FAIL,
    SubtaskState.STOPPED,
)
"""What a device may be between its first failure and its end."""


class StatusSteps(NamedTuple):
    """The fleet by status; a row holds from its time to that of the next one.

    Attributes:
        tick: (K,) int64, strictly ascending, from 0 to the end of the run.
        status: (K, 7) int64, devices by `sim.rules.SubtaskState`.
    """

    tick: Int64s
    status: Int64s


def grid_steps(curves: Curves, final: Int64s, end_tick: int) -> StatusSteps:
    """Return the rows of a run's grid as steps, with how it ended.

    Args:
        curves: State of the fleet on the grid. Read only.
        final: (7,) int64, devices by state at the end.
        end_tick: When the run ended.
    """
    if end_tick > curves.tick[-1]:
        return StatusSteps(np.append(curves.tick, end_tick), np.vstack([curves.status, final]))
    return StatusSteps(curves.tick, curves.status)


def status_steps(
    records: TargetRecords,
    curves: Curves,
    final: Int64s,
    *,
    end_tick: int,
    peak_processing: int,
    retry_ticks: int = 0,
) -> StatusSteps:
    """Return the fleet by status at the lines of its grid and, between them, where something happens.

    Args:
        records: What became of each device. Read only.
        curves: State of the fleet on the grid. Read only.
        final: (7,) int64, devices by state at the end.
        end_tick: When the run ended.
        peak_processing: Most devices in Processing at any instant of the run; no row has more.
        retry_ticks: How long a device waits for its first automatic retry; 0 if there is none.

    Returns:
        At least `ROWS_MIN` rows between the first event and the last, or a row an event if they are fewer.
        Of a campaign that the grid follows closely, the rows of the grid.
    """
    grid = grid_steps(curves, final, end_tick)
    if _is_close(grid):
        return grid
    ticks = np.setdiff1d(_event_lines(records), grid.tick)
    if not len(ticks):
        return grid
    sure = _Sure(records, retry_ticks)
    between, on_grid = sure.at(ticks), sure.at(grid.tick)
    unsure = np.maximum(len(records.status) - between.sum(axis=1), 0)
    left = np.maximum(grid.status - on_grid, 0)
    before = np.searchsorted(grid.tick, ticks, side="right") - 1
    after = np.minimum(before + 1, len(grid.tick) - 1)
    between += _split(unsure, left[before], left[after])
    too_many = np.maximum(between[:, SubtaskState.PROCESSING] - peak_processing, 0)
    between[:, SubtaskState.PROCESSING] -= too_many
    between[:, SubtaskState.WAITTING] += too_many
    tick, status = np.concatenate([grid.tick, ticks]), np.vstack([grid.status, between])
    order = np.argsort(tick, kind="stable")
    return StatusSteps(tick[order], status[order])


def _is_close(grid: StatusSteps) -> bool:
    """Tell whether the grid has enough rows where something happens: exact times would show nothing more."""
    changed = np.flatnonzero((np.diff(grid.status, axis=0) != 0).any(axis=1))
    if not len(changed) or changed[-1] - changed[0] < ROWS_MIN:
        return False
    success = grid.status[:, SubtaskState.SUCCESS]
    return int(np.searchsorted(success, success[-1] / 2)) - int(changed[0]) >= _HALF_ROWS


def _event_lines(records: TargetRecords) -> Int64s:
    """Return times between the first event and the last, close on a linear and on a logarithmic axis."""
    columns = (records.first_start, records.first_failure, records.end)
    if len(records.end) <= LINES:
        events = np.unique(np.concatenate(columns))
        return events[events >= 0]
    last = max(int(column.max()) for column in columns)
    first = min((int(column[column >= 0].min(initial=last)) for column in columns), default=last)
    if last <= 0:
        return np.zeros(0, np.int64)
    late = min((int(column[column > 0].min(initial=last)) for column in columns), default=last)
    lines = np.concatenate([np.linspace(first, last, LINES + 1), np.geomspace(late, last, LINES + 1)])
    return np.unique(np.rint(lines).astype(np.int64))


class _Sure:
    """How many devices are known to be in which state, at any time."""

    def __init__(self, records: TargetRecords, retry_ticks: int) -> None:
        """Sort the times at which it changes."""
        self._n = len(records.status)
        start, failure, end = records.first_start, records.first_failure, records.end
        has_ended = end >= 0
        self._ends = {state: np.sort(end[has_ended & (records.status == state)]) for state in _ENDS}
        # One that ends without ever having begun leaves the queue with its end.
        self._begun = np.sort(np.where(start >= 0, start, end)[(start >= 0) | has_ended])
        failed = failure >= 0
        self._failed = np.sort(failure[failed])
        self._failed_ended = np.sort(end[failed & has_ended])
        rests = failed & (records.auto_retries > 0) if retry_ticks else np.zeros(self._n, np.bool_)
        self._rest = np.sort(failure[rests])
        over = failure[rests] + retry_ticks
        self._rest_over = np.sort(np.where(end[rests] >= 0, np.minimum(over, end[rests]), over))

    def at(self, ticks: Int64s) -> Int64s:
        """Return devices that are surely in each state, (K, 7) int64, at some times.

        Args:
            ticks: (K,) int64.
        """

        def by(times: Int64s) -> Int64s:
            return np.searchsorted(times, ticks, side="right").astype(np.int64)

        known = np.zeros((len(ticks), len(SubtaskState)), np.int64)
        for state in _ENDS:
            known[:, state] = by(self._ends[state])
        known[:, SubtaskState.WAITTING] = self._n - by(self._begun)
        pending = self._n - known.sum(axis=1)
        failed = by(self._failed) - by(self._failed_ended)
        known[:, SubtaskState.PROCESSING] = np.maximum(pending - failed, 0)
        known[:, SubtaskState.FAIL_WAIT_RETRY] = by(self._rest) - by(self._rest_over)
        return known


def _split(unsure: Int64s, before: Int64s, after: Int64s) -> Int64s:
    """Split devices among states, as those on the line before are, or else as on the line after.

    Args:
        unsure: (K,) int64, how many.
        before: (K, 7) int64, what they are on the line of the grid before.
        after: (K, 7) int64, on the line after.
    """
    share: Floats = np.zeros(before.shape)
    share[:, SubtaskState.PROCESSING] = 1.0  # neither says anything: they are at work
    for weights in (after, before):
        likely = np.zeros(before.shape)
        likely[:, _BETWEEN] = weights[:, _BETWEEN]
        total = likely.sum(axis=1)
        share[total > 0] = likely[total > 0] / total[total > 0, None]
    parts = np.floor(share * unsure[:, None]).astype(np.int64)
    rows = np.arange(len(unsure))
    parts[rows, share.argmax(axis=1)] += unsure - parts.sum(axis=1)
    return parts
