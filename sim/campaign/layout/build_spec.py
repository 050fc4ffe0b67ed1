"""From a scenario to the arrays that a device plane is made of."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from sim.campaign.device_names import DeviceNames
from sim.campaign.layout.distributions import Distributions
from sim.campaign.layout.outages import outage_table
from sim.campaign.layout.sites import have_lines, site_table
from sim.campaign.layout.timelines import lay_out_timelines
from sim.campaign.layout.windows import last_opening, open_for, window_table
from sim.fleet.spec import (
    BREAKS,
    LEAVES_DEAD,
    LEAVES_NEW,
    LEAVES_OLD,
    N_STAGES,
    N_TIMERS,
    NEVER,
    PAUSES,
    STAYS,
    T_COVERAGE,
    T_DOWNLOAD,
    T_EXECUTE,
    T_ONLINE,
    T_UPGRADE,
    T_VERSION,
    TICKS_PER_S,
    CauseTable,
    CohortTable,
    FleetSpec,
    Floats,
    Int16s,
    Int32s,
    Platform,
    to_ticks,
)
from sim.rules import Protocol, Reason, Stage

if TYPE_CHECKING:
    from sim.scenario import Cause, Cohort, Online, Scenario

_TIMER_COLUMNS: Final = {
    "online": T_ONLINE,
    "version": T_VERSION,
    "coverage": T_COVERAGE,
    "download": T_DOWNLOAD,
    "execute": T_EXECUTE,
    "upgrade": T_UPGRADE,
}
_PROTOCOLS: Final = {protocol.label: protocol for protocol in Protocol}
_STAGES: Final = {stage.label: stage for stage in Stage}
_DURING_UPGRADE: Final = {"stays": STAYS, "pauses": PAUSES, "breaks": BREAKS}
_LEAVES: Final = {"old": LEAVES_OLD, "new": LEAVES_NEW, "dead": LEAVES_DEAD}
_BREAK_CODE: Final = int(Reason.SIGNAL_BAD)  # of a download that the link broke, if the file says nothing
_FLOAT_NOISE: Final = 1e-15  # a rate is read, and divided by, with a rounding or two


def build_spec(
    scenario: Scenario, *, seed: int | None = None, replication: int = 0, horizon_s: float | None = None
) -> FleetSpec:
    """Lay out a scenario's fleet, platform and outages as arrays.

    Args:
        scenario: What to run.
        seed: First word of the key of all draws, 0..2**64 - 1; None for the scenario's own.
        replication: Second word of that key, >= 0.
        horizon_s: End of the simulated time, up to which windows open; that of the run if None.

    Returns:
        The only input of a device plane. Devices are numbered cohort by cohort, in file order.
    """
    cohorts = scenario.fleet.cohorts
    bandwidth = math.inf if scenario.platform.bandwidth is None else scenario.platform.bandwidth
    link_rate = np.array([math.inf if c.link_rate is None else c.link_rate for c in cohorts], np.float64)
    sizes = scenario.cohort_sizes
    causes = _listed_causes(scenario)
    links = [None if cohort.online.is_always else cohort.online for cohort in cohorts]
    timelines = lay_out_timelines(links, causes.rows)
    n_links = int((timelines.link >= 0).any())
    cause_table = _cause_table(causes, timelines.condition, n_links=n_links)
    opens_until = last_opening(scenario, horizon_s)
    cohort = np.repeat(np.arange(len(sizes), dtype=np.int16), sizes)
    sites = site_table(scenario)
    return FleetSpec(
        cohort=cohort,
        cohorts=_cohort_table(scenario, link_rate, timelines.link),
        causes=cause_table,
        outages=outage_table(
            scenario.outages,
            scenario.cohort_names,
            bandwidth=bandwidth,
            link_rate=link_rate,
            has_line=have_lines(sites, cohort, len(sizes)),
            open_for_download=open_for(scenario, "download", opens_until),
        ),
        windows=window_table(scenario, opens_until),
        sites=sites,
        platform=_platform(scenario, scenario.run.seed if seed is None else seed, replication),
        timelines=timelines.table,
        n_timelines=max(n_links, int(cause_table.slot.max(initial=-1)) + 1),
    )


def build_names(scenario: Scenario, spec: FleetSpec) -> DeviceNames:
    """Return the ids of the devices: the inventory's, else `<cohort>-<7 digits>`."""
    ids = None
    if scenario.inventory is not None:
        ids = [name for c in range(len(scenario.cohort_names)) for name in scenario.device_ids(c)]
    return DeviceNames(scenario.cohort_names, spec.cohort, ids)


def gap_ticks(rate_per_s: float | None) -> int:
    """Return the least time between two dispatches at a rate, rounded up to the tick.

    0 for no rate, `NEVER` for one at which no second dispatch comes in any time that can be told.
    """
    if rate_per_s is None:
        return 0
    gap = TICKS_PER_S / rate_per_s * (1 - _FLOAT_NOISE)
    return NEVER if gap >= NEVER else math.ceil(gap)


def _platform(scenario: Scenario, seed: int, replication: int) -> Platform:
    """Return the platform's limits and the key of the draws."""
    platform = scenario.platform
    return Platform(
        max_processing=NEVER if platform.max_processing is None else platform.max_processing,
        dispatch_gap_ticks=gap_ticks(platform.dispatch_rate),
        max_downloads=NEVER if platform.max_downloads is None else platform.max_downloads,
        cell_places=np.array(platform.cell_places, np.int64),
        resolution_ticks=max(1, to_ticks(scenario.run.resolution)),
        seed=np.uint64(seed),
        replication=np.uint64(replication),
    )


def _cohort_table(scenario: Scenario, link_rate: Floats, link: Int32s) -> CohortTable:
    """Return one row a cohort."""
    cohorts = scenario.fleet.cohorts
    times = Distributions(len(cohorts), N_STAGES)
    for i_cohort, cohort in enumerate(cohorts):
        for name, drawn in scenario.stages_of(cohort).items():
            times.enter(i_cohort, _STAGES[name], drawn)
    cells = [cohort.cell for cohort in cohorts]
    return CohortTable(
        protocol=np.array([_PROTOCOLS[cohort.protocol] for cohort in cohorts], np.int8),
        link_rate=link_rate,
        package_bytes=np.array([scenario.package_size_of(cohort) for cohort in cohorts], np.int64),
        p_already_current=np.array([cohort.already_current for cohort in cohorts], np.float64),
        spread=np.array([cohort.spread for cohort in cohorts], np.float64),
        timers_ticks=np.array([_timers(scenario, cohort) for cohort in cohorts], np.int64),
        dist_kind=times.kind,
        dist_a=times.a,
        dist_b=times.b,
        quantile_lo=times.lo,
        quantile_hi=times.hi,
        quantile_p=times.quantile_p,
        quantile_s=times.quantile_s,
        cell_devices=np.array([cell.devices if cell else 0 for cell in cells], np.int32),
        coverage_share=np.array([cell.coverage if cell else (1, 0, 0) for cell in cells], np.float64),
        link=link,
        during_upgrade=np.array([_during_upgrade(cohort.online) for cohort in cohorts], np.int8),
        break_reason=np.array([cohort.online.break_code or _BREAK_CODE for cohort in cohorts], np.int16),
        resume=np.array([scenario.resumes(cohort) for cohort in cohorts], np.bool_),
    )


def _timers(scenario: Scenario, cohort: Cohort) -> list[int]:
    """Return one cohort's timers by column; those that its protocol lacks never expire."""
    row = [NEVER] * N_TIMERS
    for name, seconds in scenario.timers_of(cohort).items():
        row[_TIMER_COLUMNS[name]] = to_ticks(seconds)
    return row


def _during_upgrade(online: Online) -> int:
    """Return what a link does to a download; one that is never down does nothing."""
    return STAYS if online.is_always else _DURING_UPGRADE[online.during_upgrade]


class _Causes(NamedTuple):
    """The causes of all cohorts, in the order of the table, and where each cohort finds its own by stage."""

    rows: list[Cause]
    lo: Int32s
    hi: Int32s


def _listed_causes(scenario: Scenario) -> _Causes:
    """Return the failure causes: general ones first, then the cohort's own, stage by stage.

    Cohorts with the same causes share their rows.
    """
    rows: list[Cause] = []
    begun: dict[tuple[Cause, ...], tuple[list[int], list[int]]] = {}
    lo, hi = [], []
    for cohort in scenario.fleet.cohorts:
        causes = scenario.failures_of(cohort)
        if causes not in begun:
            first, last = [], []
            for stage in Stage:
                first.append(len(rows))
                rows += [cause for cause in causes if cause.stage == stage.label]
                last.append(len(rows))
            begun[causes] = (first, last)
        lo.append(begun[causes][0])
        hi.append(begun[causes][1])
    return _Causes(rows, np.array(lo, np.int32), np.array(hi, np.int32))


def _cause_table(causes: _Causes, condition: Int32s, *, n_links: int) -> CauseTable:
    """Return the table of causes; `n_links` is the number of slots that links take, 0 or 1."""
    rows = causes.rows
    return CauseTable(
        lo=causes.lo,
        hi=causes.hi,
        p=np.array([0.0 if cause.is_condition else cause.probability or 0.0 for cause in rows], np.float64),
        p_permanent=np.array([cause.permanent or 0.0 for cause in rows], np.float64),
        reason=np.array([cause.code or 0 for cause in rows], np.int16),
        silent=np.array([cause.silent for cause in rows], np.bool_),
        timeline=condition,
        slot=_slots(causes, condition, n_links=n_links),
        rate=np.array([cause.rate or 0.0 for cause in rows], np.float64),
        per_bytes=np.array([cause.per or 0.0 for cause in rows], np.float64),
        leaves=np.array([_LEAVES[cause.leaves] for cause in rows], np.int8),
    )


def _slots(causes: _Causes, condition: Int32s, *, n_links: int) -> Int16s:
    """Return the place of each condition among its device's timelines, after the link's; -1 for others."""
    slots = np.full(len(condition), -1, np.int16)
    for lo, hi in zip(causes.lo[:, 0], causes.hi[:, -1], strict=True):
        lasting = lo + np.flatnonzero(condition[lo:hi] >= 0)
        slots[lasting] = n_links + np.arange(len(lasting))
    return slots
