"""What a fleet is made of: plain arrays and numbers, the only input of both device planes.

Everything is a `Table` of arrays and numbers, because tables pass into compiled code as they are; nothing
here knows scenarios, files or names. Index `c` is a cohort, `s` a `sim.rules.Stage`.
Times are ticks: int64 microseconds since the start of the run.
"""

from __future__ import annotations

from typing import Annotated, Final, NamedTuple

import numpy as np

from sim.fleet.arrays import Bools as Bools
from sim.fleet.arrays import Floats as Floats
from sim.fleet.arrays import Int8s as Int8s
from sim.fleet.arrays import Int16s as Int16s
from sim.fleet.arrays import Int32s as Int32s
from sim.fleet.arrays import Int64s as Int64s
from sim.fleet.table import Table
from sim.fleet.whereabouts import OutageTable, SiteTable, WindowTable
from sim.rules.stages import Stage

TICKS_PER_S: Final = 1_000_000
NEVER: Final = 2**62
"""A tick after every event; also an unlimited capacity."""

N_STAGES: Final = len(Stage)

# Columns of `CohortTable.timers_ticks`. MQTT uses online, version and upgrade, LwM2M the other five.
T_ONLINE: Final = 0
T_VERSION: Final = 1
T_COVERAGE: Final = 2
T_DOWNLOAD: Final = 3
T_EXECUTE: Final = 4
T_UPGRADE: Final = 5
N_TIMERS: Final = 6

# Values of `CohortTable.dist_kind` and what `dist_a`, `dist_b` mean (seconds unless said otherwise).
CONSTANT: Final = 0  # a = value
EXPONENTIAL: Final = 1  # a = mean
LOGNORMAL: Final = 2  # a = median, b = sigma (of the logarithm)
UNIFORM: Final = 3  # a = low, b = high
WEIBULL: Final = 4  # a = shape (no unit), b = scale
EMPIRICAL: Final = 5  # points quantile_lo..quantile_hi of the quantile table

# Values of `RetryPolicy.jitter`.
JITTER_NONE: Final = 0
JITTER_FULL: Final = 1
JITTER_EQUAL: Final = 2
JITTER_DECORRELATED: Final = 3


# Columns of `TimelineTable.dist_*`.
OFF: Final = 0
ON: Final = 1

# Values of `CohortTable.during_upgrade`: what a link that goes down does to the download.
STAYS: Final = 0
PAUSES: Final = 1
BREAKS: Final = 2

# Values of `CauseTable.leaves`: what runs on the device after the failure.
LEAVES_OLD: Final = 0
LEAVES_NEW: Final = 1
LEAVES_DEAD: Final = 2


class CohortTable(Table):
    """One row a cohort.

    Attributes:
        protocol: (C,) int8, `sim.rules.Protocol`.
        link_rate: (C,) float64, bytes/s a device can take in, > 0; inf when unlimited.
        package_bytes: (C,) int64, size of the campaign's own package for these devices, > 0.
        p_already_current: (C,) float64, 0..1.
        spread: (C,) float64, sigma of the device's tendency to fail, >= 0.
        timers_ticks: (C, N_TIMERS) int64, the platform's timers by `T_*` column.
        dist_kind: (C, N_STAGES) int8, duration distribution of each stage.
        dist_a: (C, N_STAGES) float64, first parameter.
        dist_b: (C, N_STAGES) float64, second parameter.
        quantile_lo: (C, N_STAGES) int32, first point of an empirical distribution.
        quantile_hi: (C, N_STAGES) int32, one past its last point.
        quantile_p: (Q,) float64, ascending within a distribution, from 0 to 1.
        quantile_s: (Q,) float64, seconds at that probability, not descending.
        cell_devices: (C,) int32, devices that share a radio cell, or 0 for none.
        coverage_share: (C, 3) float64, shares of coverage levels 0, 1 and 2, adding up to 1.
        link: (C,) int32, row of the link in `FleetSpec.timelines`, -1 when devices are always in reach.
        during_upgrade: (C,) int8, `STAYS`, `PAUSES` or `BREAKS`.
        break_reason: (C,) int16, result code of a download that the link broke (`sim.rules.Reason`).
        resume: (C,) bool, whether bytes of a download that broke off count for the next attempt.
    """

    protocol: Int8s
    link_rate: Floats
    package_bytes: Int64s
    p_already_current: Floats
    spread: Floats
    timers_ticks: Annotated[Int64s, 2]
    dist_kind: Annotated[Int8s, 2]
    dist_a: Annotated[Floats, 2]
    dist_b: Annotated[Floats, 2]
    quantile_lo: Annotated[Int32s, 2]
    quantile_hi: Annotated[Int32s, 2]
    quantile_p: Floats
    quantile_s: Floats
    cell_devices: Int32s
    coverage_share: Annotated[Floats, 2]
    link: Int32s
    during_upgrade: Int8s
    break_reason: Int16s
    resume: Bools


class CauseTable(Table):
    """Failure causes of each cohort and stage, in the order they are looked at.

    Attributes:
        lo: (C, N_STAGES) int32, first row of the stage's causes.
        hi: (C, N_STAGES) int32, one past the last.
        p: (R,) float64, probability an attempt, median device, 0..1; 0 for a condition.
        p_permanent: (R,) float64, share of devices that always fail so, 0..1.
        reason: (R,) int16, the device's result code (`sim.rules.Reason`); 0 for a silent cause.
        silent: (R,) bool, the device never reports.
        timeline: (R,) int32, row of a condition in `FleetSpec.timelines`, -1 for causes that don't last. Its
            draws go by the number 1 + (row - lo[c, 0]); those of a link by 0.
        slot: (R,) int16, place of the condition among the device's timelines, -1 for causes that don't last.
        rate: (R,) float64, breaks a second while the stage works, 0 for none.
        per_bytes: (R,) float64, mean bytes between two breaks of a download, 0 for none.
        leaves: (R,) int8, `LEAVES_*`.
    """

    lo: Annotated[Int32s, 2]
    hi: Annotated[Int32s, 2]
    p: Floats
    p_permanent: Floats
    reason: Int16s
    silent: Bools
    timeline: Int32s
    slot: Int16s
    rate: Floats
    per_bytes: Floats
    leaves: Int8s


class TimelineTable(Table):
    """On/off processes of devices, a row each.

    A row is periodic, or its periods are drawn. Then column `OFF` of `dist_*` is about its off-periods,
    column `ON` about its on-periods; what `dist_a` and `dist_b` mean is what they mean in `CohortTable`.
    Means are more than 0, but for on-periods of no length at all: constant 0 s, with a share of 0.

    Attributes:
        share: (T,) float64, 0..1, share of time that a device is on if its off-periods are as stated.
        every_ticks: (T,) int64, length of a cycle, 0 when periods are drawn.
        for_ticks: (T,) int64, how long a periodic one is on, 0 < for < every.
        phase_ticks: (T,) int64, when a periodic one first goes on, 0..every - 1; -1: drawn for each device.
        dist_kind: (T, 2) int8, distribution of the periods.
        dist_a: (T, 2) float64, first parameter.
        dist_b: (T, 2) float64, second parameter.
        quantile_lo: (T, 2) int32, first point of an empirical distribution.
        quantile_hi: (T, 2) int32, one past its last point.
        quantile_p: (Q,) float64, ascending within a distribution, from 0 to 1.
        quantile_s: (Q,) float64, seconds at that probability, not descending.
        quantile_weight: (Q,) float64, part of the mean that lies below that point, from 0 to 1
            (`weights_of`).
    """

    share: Floats
    every_ticks: Int64s
    for_ticks: Int64s
    phase_ticks: Int64s
    dist_kind: Annotated[Int8s, 2]
    dist_a: Annotated[Floats, 2]
    dist_b: Annotated[Floats, 2]
    quantile_lo: Annotated[Int32s, 2]
    quantile_hi: Annotated[Int32s, 2]
    quantile_p: Floats
    quantile_s: Floats
    quantile_weight: Floats


class Platform(Table):
    """Limits of the platform and of the run.

    Attributes:
        max_processing: Subtasks in `Processing` at once, >= 1; NEVER when unlimited.
        dispatch_gap_ticks: Least time between two dispatches, >= 0.
        max_downloads: Downloads at once, >= 1; NEVER when unlimited.
        cell_places: (3,) int64, upgrades at once in a cell by coverage level.
        resolution_ticks: Spacing of the curves' time grid, > 0.
        seed: First word of the key of all draws, 0..2**64 - 1.
        replication: Second word of the key.
    """

    max_processing: int
    dispatch_gap_ticks: int
    max_downloads: int
    cell_places: Int64s
    resolution_ticks: int
    seed: np.uint64
    replication: np.uint64


class FleetSpec(Table):
    """A whole fleet: `cohort` gives each device's cohort, the rest is shared tables.

    Attributes:
        cohort: (n,) int16, cohort of each device; the device index is the position.
        cohorts: Tables by cohort.
        causes: Failure causes.
        outages: Outages.
        windows: When devices may be contacted, and may install.
        sites: Where devices share a line.
        platform: Platform limits and the key of the draws.
        timelines: Links and conditions.
        n_timelines: Most timelines that a device has. The link's slot is 0 if any cohort has one.
    """

    cohort: Int16s
    cohorts: CohortTable
    causes: CauseTable
    outages: OutageTable
    windows: WindowTable
    sites: SiteTable
    platform: Platform
    timelines: TimelineTable
    n_timelines: int


class RetryPolicy(NamedTuple):
    """How a task retries by itself.

    Only the first two fields exist at the vendor (iotda.md §2.4); the others are what-if extensions
    whose defaults switch them off.

    Attributes:
        retry_count: Automatic retries a subtask has, 0..5.
        retry_interval_ticks: Wait after a failure, > 0 when retry_count > 0.
        backoff_factor: The wait of retry k is interval * factor**(k - 1), >= 1.
        max_interval_ticks: Upper bound of that wait, before jitter.
        jitter: One of `JITTER_*`.
        only_reasons: (R,) int16, ascending: reasons that are retried; empty for all.
        penalty_failures: Failures within `penalty_within_ticks` after which a device rests, 0 for never.
        penalty_within_ticks: >= 0.
        penalty_rest_ticks: Least wait before the next automatic retry of a device that rests, >= 0.
    """

    retry_count: int = 0
    retry_interval_ticks: int = 0
    backoff_factor: float = 1.0
    max_interval_ticks: int = NEVER
    jitter: int = JITTER_NONE
    only_reasons: Int16s = np.empty(0, np.int16)
    penalty_failures: int = 0
    penalty_within_ticks: int = 0
    penalty_rest_ticks: int = 0


def is_network_free(spec: FleetSpec) -> bool:
    """Tell whether no download can influence another one or be paused, nor a link that goes down break it.

    Then a download's end is known when it begins, and no event is needed for it. Both planes ask here,
    so that both use the same arithmetic for the same fleet.
    """
    outages = spec.outages
    return (
        spec.platform.max_downloads >= NEVER
        and len(outages.epoch_tick) == 1
        and bool(np.isinf(outages.epoch_bandwidth[0]))
        and not bool(follows_links(spec).any())
        and not has_uplinks(spec)
    )


def has_uplinks(spec: FleetSpec) -> bool:
    """Tell whether any device is at a site whose line is limited: then downloads share a tree of lines."""
    is_limited = np.isfinite(spec.sites.uplink)
    return bool(is_limited.any()) and bool(np.append(is_limited, False)[spec.sites.of].any())  # -1: no site


def has_egress_limit(spec: FleetSpec) -> bool:
    """Tell whether the platform's egress can be a limit: through it sites affect one another.

    It can't be if it carries what all lines of sites do, and the links of devices elsewhere. Both planes ask
    here, so that both use the same arithmetic for the same fleet.
    """
    least = spec.outages.epoch_bandwidth.min()
    if np.isinf(least):
        return False
    is_limited = np.append(np.isfinite(spec.sites.uplink), False)[spec.sites.of]  # -1: no site
    caps, uplinks = spec.outages.epoch_cap.max(axis=0), spec.sites.uplink
    elsewhere = np.bincount(spec.cohort[~is_limited], minlength=len(caps))
    used = np.bincount(spec.sites.of[is_limited], minlength=len(uplinks)) > 0
    has_any = elsewhere > 0
    demand = float(uplinks[used].sum()) + float((caps[has_any] * elsewhere[has_any]).sum())
    return demand > float(least)


def follows_links(spec: FleetSpec) -> Bools:
    """Tell for each cohort whether a link that goes down pauses or breaks its downloads; (C,) bool."""
    follows: Bools = (spec.cohorts.link >= 0) & (spec.cohorts.during_upgrade != STAYS)
    return follows


def shares_nothing(spec: FleetSpec) -> bool:
    """Tell whether no device can influence another one at all."""
    platform = spec.platform
    return (
        is_network_free(spec)
        and platform.max_processing >= len(spec.cohort)
        and platform.dispatch_gap_ticks == 0
        and len(spec.outages.freeze_from) == 0
        and not bool((spec.cohorts.cell_devices > 0).any())
        and not bool((spec.sites.at_a_time < NEVER).any())
    )


def is_unlimited(spec: FleetSpec) -> Bools:
    """Tell for each cohort whether nothing but lines of sites can limit its downloads; (C,) bool."""
    return np.isinf(spec.cohorts.link_rate) & bool(np.isinf(spec.outages.epoch_bandwidth).all())


def instant_devices(spec: FleetSpec) -> Bools:
    """Tell for each device whether its downloads take no time: nothing on their way limits the rate.

    Such a download takes no place, is not delayed and is not counted in peaks.

    Returns:
        (n,) bool.
    """
    devices: Bools = is_unlimited(spec)[spec.cohort]
    if has_uplinks(spec):
        of = spec.sites.of
        devices &= (of < 0) | np.isinf(spec.sites.uplink[of])
    return devices


def first_cells(spec: FleetSpec) -> Int64s:
    """Return (C + 1,) int64, number of the first radio cell of each cohort, then their count."""
    of = spec.cohorts.cell_devices.astype(np.int64)
    if not of.any():
        return np.zeros(len(of) + 1, np.int64)
    sizes = np.bincount(spec.cohort, minlength=len(of)).astype(np.int64)
    cells = np.where(of > 0, -(-sizes // np.maximum(of, 1)), 0)
    return np.concatenate([[0], np.cumsum(cells)]).astype(np.int64)


def rows_of(devices: Int32s) -> slice | Int32s:
    """Return what picks devices out of arrays by device: a slice, which copies nothing, for neighbours.

    Args:
        devices: (k,) int32, ascending, each once.
    """
    if len(devices) and int(devices[-1]) - int(devices[0]) + 1 == len(devices):
        return slice(int(devices[0]), int(devices[-1]) + 1)
    return devices


def to_ticks(seconds: float) -> int:
    """Return the tick nearest to `seconds`."""
    return round(seconds * TICKS_PER_S)


def weights_of(p: Floats, s: Floats) -> Floats:
    """Return which part of the mean of an empirical distribution lies below each of its points.

    Args:
        p: (Q,) probabilities, ascending from 0 to 1.
        s: (Q,) seconds at those, not descending, the last one more than 0.

    Returns:
        (Q,) float64, from 0 to 1.
    """
    parts = np.diff(p) * (s[1:] + s[:-1]) / 2.0
    below = np.concatenate([[0.0], np.cumsum(parts)])
    return np.asarray(below / below[-1], np.float64)


def no_timelines() -> TimelineTable:
    """Return the table of a fleet that has none."""
    times, numbers = np.zeros(0, np.int64), np.zeros(0)
    return TimelineTable(
        share=numbers,
        every_ticks=times,
        for_ticks=times,
        phase_ticks=times,
        dist_kind=np.zeros((0, 2), np.int8),
        dist_a=np.zeros((0, 2)),
        dist_b=np.zeros((0, 2)),
        quantile_lo=np.zeros((0, 2), np.int32),
        quantile_hi=np.zeros((0, 2), np.int32),
        quantile_p=numbers,
        quantile_s=numbers,
        quantile_weight=numbers,
    )
