"""Curves of a run, small enough to be shown: some hundred points at any size of fleet.

Times are kept where something happens: a grid that is fine at both a linear and a logarithmic time axis,
and between two of its lines the extremes, so that a short peak doesn't get lost. Every curve is a step: a
value holds until the next time.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from sim.fleet.spec import TICKS_PER_S
from sim.results.recovery import recovery_curve
from sim.results.statistics import Band, band
from sim.results.status_steps import LINES, grid_steps
from sim.results.time_span import TimeSpan, time_span
from sim.rules import SubtaskState
from sim.scenario.metrics import HELD_UP

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sim.fleet.spec import Bools, Floats, Int64s
    from sim.results.recovery import RecoveryCurve
    from sim.results.replication import FleetRecords, Outcome
    from sim.results.status_steps import StatusSteps

_LINES: Final = 220
_COHORT_ROWS: Final = 4_000
"""Rows of all cohorts together."""
_MARGIN: Final = 1.02
"""An axis ends a little after what is shown, or its last step would lie on the frame."""
_ROWS_MIN: Final = 8
"""Lines of the grid under a load; fewer of them say nothing about its course."""
_COHORTS_SHOWN: Final = 25
_DOWNLOADING: Final = ("download", "shared_link")
_IN_QUEUES: Final = ("ready_queue", "place_queue", "retry_wait", "call_wait")
"""What the time of a device goes to that is not in Processing, by the names of `HELD_UP`."""


class Curve(NamedTuple):
    """Mean completion over replications, as plain numbers that a file can hold.

    Attributes:
        time_s: Ascending, seconds since the start of the run.
        success: Share of the fleet in Success at that time, 0..1.
        failed: Share of the fleet in Fail, 0..1.
    """

    time_s: tuple[float, ...]
    success: tuple[float, ...]
    failed: tuple[float, ...]


class StatusCurves(NamedTuple):
    """The fleet by status over time.

    Attributes:
        span: Its time axis.
        time_s: (G,) float64.
        share: (G, 7) float64, mean share of the fleet by `SubtaskState`.
        success: Share in Success.
    """

    span: TimeSpan
    time_s: Floats
    share: Floats
    success: Band


class LoadCurves(NamedTuple):
    """What the platform carries over time; each with its own times, since each has its own peaks.

    Attributes:
        span: Their time axis, which is that of the fleet by status.
        processing: Times (G,) in seconds, and subtasks in Processing.
        downloads: Likewise, downloads in progress.
        bandwidth: Likewise, bytes/s leaving the platform.
        is_mean: Whether the grid has too few lines in the campaign to say how downloads and bandwidth went:
            both are then flat, at their mean over the time in which anything was in progress.
    """

    span: TimeSpan
    processing: tuple[Floats, Band]
    downloads: tuple[Floats, Band]
    bandwidth: tuple[Floats, Band]
    is_mean: bool


class RecoveryBands(NamedTuple):
    """Recovery over time since the first failure.

    Attributes:
        span: Its time axis.
        time_s: (G,) float64.
        recovered: Share that has reached Success.
        given_up: Share that has ended in Fail or Stopped for good.
    """

    span: TimeSpan
    time_s: Floats
    recovered: Band
    given_up: Band


class CohortCurves(NamedTuple):
    """How the devices of one cohort ended, by the time at which they did; (G,) float64 each.

    Attributes:
        success: Share that has reached Success.
        fail: Share that has ended in Fail for good.
        stopped: Share that has ended in Stopped for good.
    """

    success: Floats
    fail: Floats
    stopped: Floats


class RunCurves(NamedTuple):
    """All curves of a run that a page shows.

    Attributes:
        status: The fleet by status.
        load: What the platform carries.
        recovery: Recovery; None if no first attempt failed.
        cohort_time_s: (G,) float64, times of `cohorts`: some of those of `status`.
        cohorts: How each cohort's devices ended, by cohort index; of the replication with records.
        recovery_time_s: (H,) float64, times of `recoveries`: some of those of `recovery`.
        recoveries: Each cohort's recovery, by cohort index: shares recovered and given up, (H,) float64.
            None where no first attempt failed.
    """

    status: StatusCurves
    load: LoadCurves
    recovery: RecoveryBands | None
    cohort_time_s: Floats
    cohorts: list[CohortCurves]
    recovery_time_s: Floats
    recoveries: list[tuple[Floats, Floats] | None]


def shown(runs: Sequence[Outcome], fleet: FleetRecords) -> RunCurves:
    """Return all curves of a run, those of its cohorts at fewer times.

    Args:
        runs: The replications, at least one.
        fleet: What became of each device in the first of them. Read only.
    """
    time_s, paths = status_paths(runs)
    status, recovery = status_curves(time_s, paths), recovery_bands(runs)
    n_cohorts = min(len(fleet.cohort_names), _COHORTS_SHOWN)
    cohort_time_s = status.time_s[:: max(1, len(status.time_s) * n_cohorts // _COHORT_ROWS)]
    recovery_time_s = np.empty(0) if recovery is None else recovery.time_s[::2]
    return RunCurves(
        status=status,
        load=_load_curves(runs, time_s, paths, status.span),
        recovery=recovery,
        cohort_time_s=cohort_time_s,
        cohorts=cohort_curves(fleet, cohort_time_s),
        recovery_time_s=recovery_time_s,
        recoveries=cohort_recoveries(fleet, recovery_time_s),
    )


def status_curves(time_s: Floats, paths: Floats) -> StatusCurves:
    """Return the fleet by status, up to the last change, from times and shares; see `status_paths`."""
    mean = paths.mean(axis=0)
    span = status_span(time_s, mean)
    busy = [mean[:, SubtaskState.PROCESSING], mean[:, SubtaskState.FAIL_WAIT_RETRY]]
    rows = _shown_rows(time_s, busy, span)
    return StatusCurves(span, time_s[rows], mean[rows], band(paths[:, rows, SubtaskState.SUCCESS]))


def load_curves(runs: Sequence[Outcome]) -> LoadCurves:
    """Return what the platform carries, up to the last change of the fleet.

    Args:
        runs: The replications, at least one.
    """
    time_s, paths = status_paths(runs)
    return _load_curves(runs, time_s, paths, status_span(time_s, paths.mean(axis=0)))


def _load_curves(runs: Sequence[Outcome], time_s: Floats, paths: Floats, span: TimeSpan) -> LoadCurves:
    """Return what the platform carries: Processing from the steps of the fleet, the rest from the grid."""
    devices = np.array([[run.metrics["devices"] or 0] for run in runs], np.float64)
    processing = paths[:, :, SubtaskState.PROCESSING] * devices
    rows = _shown_rows(time_s, [processing.mean(axis=0)], span)
    grid_s = max((run.curves.tick for run in runs), key=len) / TICKS_PER_S
    is_mean = int((grid_s <= span.high_s / _MARGIN).sum()) < _ROWS_MIN
    loads = _mean_loads(runs, time_s, processing) if is_mean else _grid_loads(runs, grid_s, span)
    return LoadCurves(span, (time_s[rows], band(processing[:, rows])), *loads, is_mean)


def _grid_loads(
    runs: Sequence[Outcome], grid_s: Floats, span: TimeSpan
) -> tuple[tuple[Floats, Band], tuple[Floats, Band]]:
    """Return downloads and bandwidth at some times of the grid."""
    time_s = grid_s[: int(np.searchsorted(grid_s, span.high_s, side="right"))]
    found = []
    for name in ("downloads", "bandwidth"):
        values = np.zeros((len(runs), len(time_s)))
        for i_run, run in enumerate(runs):
            column = getattr(run.curves, name)[: len(time_s)]
            values[i_run, : len(column)] = column
        rows = _shown_rows(time_s, [values.mean(axis=0)], span)
        found.append((np.append(time_s[rows], span.high_s), band(values[:, [*rows, rows[-1]]])))
    return found[0], found[1]


def _mean_loads(
    runs: Sequence[Outcome], time_s: Floats, processing: Floats
) -> tuple[tuple[Floats, Band], tuple[Floats, Band]]:
    """Return downloads and bandwidth as their means over the time in which anything was in progress.

    Bytes over that time are the mean bandwidth. Of the devices in Processing as many download, in the mean,
    as that is the share of their time that went there.

    Args:
        runs: The replications.
        time_s: (G,) float64, seconds.
        processing: (R, G) float64, subtasks in Processing at those times.
    """
    steps_s = np.append(np.diff(time_s), 0.0)
    is_busy = processing > 0
    busy_s = is_busy @ steps_s
    busy_s[busy_s == 0] = 1.0
    at_work = np.array([_share_at_work(run) for run in runs])
    sent = np.array([run.metrics["bytes_downloaded"] or 0 for run in runs])
    means = (processing @ steps_s / busy_s * at_work, sent / busy_s)
    edges = np.flatnonzero(np.diff(is_busy.any(axis=0), prepend=False)) if is_busy.any() else np.array([0])
    rows = np.unique([0, *edges, len(time_s) - 1])
    found = [(time_s[rows], band(mean[:, None] * is_busy[:, rows])) for mean in means]
    return found[0], found[1]


def _share_at_work(run: Outcome) -> float:
    """Return which share of the time in Processing went to downloads; 1 if nobody has counted it."""
    names = [name for name in HELD_UP if name not in _IN_QUEUES]
    spent = {name: run.metrics.get(f"held_up.{name}") or 0.0 for name in names}
    total = sum(spent.values())
    return sum(spent[name] for name in _DOWNLOADING) / total if total else 1.0


def recovery_bands(runs: Sequence[Outcome]) -> RecoveryBands | None:
    """Return recovery over time since the first failure; None if no first attempt failed.

    Args:
        runs: The replications, at least one.
    """
    curves = [run.recovery for run in runs if len(run.recovery.tick)]
    if not curves:
        return None
    span = recovery_span(curves)
    time_s = _both_grids(span)
    recovered = np.stack([curve.at(curve.recovered, time_s) for curve in curves])
    given_up = np.stack([curve.at(curve.competing, time_s) for curve in curves])
    return RecoveryBands(span, time_s, band(recovered), band(given_up))


def cohort_curves(fleet: FleetRecords, time_s: Floats) -> list[CohortCurves]:
    """Return how each cohort's devices ended.

    A device counts as what it is when the run ends, from the time on at which it became that.

    Args:
        fleet: What became of each device. Read only.
        time_s: (G,) float64, ascending, when to look.
    """
    ticks = np.rint(time_s * TICKS_PER_S).astype(np.int64)
    records, found = fleet.records, []
    for c in range(len(fleet.cohort_names)):
        members = np.flatnonzero(fleet.cohort == c)
        status, end = records.status[members], records.end[members]
        shares = [
            np.searchsorted(np.sort(end[status == state]), ticks, side="right") / max(len(members), 1)
            for state in (SubtaskState.SUCCESS, SubtaskState.FAIL, SubtaskState.STOPPED)
        ]
        found.append(CohortCurves(*shares))
    return found


def cohort_recoveries(fleet: FleetRecords, time_s: Floats) -> list[tuple[Floats, Floats] | None]:
    """Return each cohort's recovery: shares recovered and given up; None where no first attempt failed.

    Args:
        fleet: What became of each device. Read only.
        time_s: (G,) float64, ascending, times since the first failure.
    """
    end_tick = round(fleet.end_s * TICKS_PER_S)
    found: list[tuple[Floats, Floats] | None] = []
    for c in range(len(fleet.cohort_names)):
        curve = recovery_curve(fleet.records, end_tick, fleet.cohort == c)
        if len(curve.tick):
            found.append((curve.at(curve.recovered, time_s), curve.at(curve.competing, time_s)))
        else:
            found.append(None)
    return found


def status_paths(runs: Sequence[Outcome]) -> tuple[Floats, Floats]:
    """Return times (G,) in seconds and shares by status (R, G, 7), cut a little after the last change.

    Of one run the times are those of its steps, of several they are on a grid that is fine from the first
    change to the last, on a linear and on a logarithmic axis.
    """
    steps = [run.steps or grid_steps(run.curves, run.final, round(run.end_s * TICKS_PER_S)) for run in runs]
    ticks = steps[0].tick if len(steps) == 1 else _common_ticks(steps)
    shares = np.empty((len(runs), len(ticks), len(SubtaskState)))
    for i_run, (run, one) in enumerate(zip(runs, steps, strict=True)):
        rows = np.searchsorted(one.tick, ticks, side="right") - 1
        shares[i_run] = one.status[rows] / (run.metrics["devices"] or 1)
    changed = np.flatnonzero((np.diff(shares, axis=1) != 0).any(axis=(0, 2)))
    last_change = int(changed[-1]) + 1 if len(changed) else len(ticks) - 1
    time_s = ticks[: last_change + 1] / TICKS_PER_S
    end_s = _MARGIN * float(time_s[-1]) or 1.0
    rows = np.append(np.arange(last_change + 1), last_change)
    return np.append(time_s, end_s), shares[:, rows]


def _common_ticks(steps: Sequence[StatusSteps]) -> Int64s:
    """Return times at which the steps of several runs are looked at."""
    changes = [one.tick[1:][(np.diff(one.status, axis=0) != 0).any(axis=1)] for one in steps]
    changed = np.concatenate([*changes, [1]])
    low, high = float(changed[changed > 0].min()), float(max(changed.max(), 1))
    longest = max((one.tick for one in steps), key=len)
    lines = [np.linspace(0.0, high, LINES + 1), np.geomspace(low, high, LINES + 1)]
    ends = [one.tick[-1] for one in steps]
    return np.unique(np.rint(np.concatenate([*lines, longest, ends])).astype(np.int64))


def status_span(time_s: Floats, mean: Floats) -> TimeSpan:
    """Return the time axis of the fleet by status.

    Args:
        time_s: (G,) float64, as from `status_paths`.
        mean: (G, 7) float64, mean shares by status.
    """
    success = mean[:, SubtaskState.SUCCESS]
    half_s = float(time_s[np.searchsorted(success, success[-1] / 2)])
    changed = np.flatnonzero((np.diff(mean, axis=0) != 0).any(axis=1))
    first_s = float(time_s[changed[0] + 1]) if len(changed) else float(time_s[-1])
    return time_span(first_s, half_s, float(time_s[-1]))


def recovery_span(curves: Sequence[RecoveryCurve]) -> TimeSpan:
    """Return the time axis of recovery curves.

    Args:
        curves: At least one; each with at least one row.
    """
    high_s = max(float(curve.tick[-1]) for curve in curves) / TICKS_PER_S
    steps = [curve.tick[np.diff(curve.recovered, prepend=0.0) > 0] / TICKS_PER_S for curve in curves]
    first_s = min((float(step[0]) for step in steps if len(step)), default=0.0)
    half_s = 0.0
    for curve in curves:
        half = curve.recovered[-1] / 2
        if half > 0:
            half_s = max(half_s, float(curve.tick[np.searchsorted(curve.recovered, half)]) / TICKS_PER_S)
    return time_span(first_s, half_s, (high_s or 1.0) * 1.02)


def _both_grids(span: TimeSpan) -> Floats:
    """Return times that are close on a linear and on a logarithmic axis."""
    linear = np.linspace(0.0, span.high_s, _LINES)
    return np.unique(np.concatenate([linear, np.geomspace(span.low_s, span.high_s, _LINES)]))


def _shown_rows(time_s: Floats, tracks: Sequence[Floats], span: TimeSpan) -> Int64s:
    """Return the rows to show: those on both grids, and the extremes of each track in between."""
    edges = np.unique(np.clip(np.searchsorted(time_s, _both_grids(span)), 0, len(time_s) - 1))
    chosen: Bools = np.zeros(len(time_s), np.bool_)
    chosen[edges] = True
    for low, high in pairwise(edges.tolist()):
        if high - low > 1:
            for track in tracks:
                chosen[low + int(np.argmax(track[low:high]))] = True
                chosen[low + int(np.argmin(track[low:high]))] = True
    return np.flatnonzero(chosen)
