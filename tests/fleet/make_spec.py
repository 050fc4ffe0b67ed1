"""Makes small fleets for tests: `make_spec(cohorts=[{"devices": 3}], max_downloads=1)`.

Import it as `from fleet.make_spec import make_spec, start`. Everything has a default: one MQTT device that is
always online, stages that take no time, no failures, no limits. Seconds and bytes in, a `FleetSpec` out.
"""

import math
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from fleet.make_timelines import condition, timeline_table

from sim.fleet import spec as fs
from sim.fleet.compiled.memory.shortcuts import shortcuts
from sim.fleet.model.sampling import choose_cause
from sim.fleet.protocol import Fleet
from sim.fleet.whereabouts import (
    HELD_BY_NOTHING,
    HELD_BY_OUTAGE,
    HELD_BY_WINDOW,
    OutageTable,
    SiteTable,
    WindowTable,
    no_sites,
)
from sim.rules import CELL_PLACES, DEFAULT_TIMERS_S, Protocol, Reason, Stage

Rows = Sequence[Mapping[str, Any]]
INF = float("inf")
DAY_S = 86_400.0

_TIMERS = {
    "online": fs.T_ONLINE,
    "version": fs.T_VERSION,
    "coverage": fs.T_COVERAGE,
    "download": fs.T_DOWNLOAD,
    "execute": fs.T_EXECUTE,
    "upgrade": fs.T_UPGRADE,
}
COHORT = {
    "devices": 1,
    "protocol": Protocol.MQTT,
    "link_rate": INF,  # bytes/s
    "package_bytes": None,  # those of the fleet
    "already_current": 0.0,
    "spread": 0.0,
    "contact": (),  # (from, to) seconds, disjoint and ascending: open then, and else closed
    "install": (),  # likewise
    "download": (),  # likewise
    "timers": {},  # seconds by name, over the vendor's: {"version": 60}
    "stages": {},  # {Stage.QUERY: 2.0} or {Stage.QUERY: (fs.LOGNORMAL, 2.0, 0.5)}; seconds
    "cell_devices": 0,
    "site_devices": 0,  # devices of one site; `uplink` (bytes/s) and `at_a_time` are its
    "uplink": INF,
    "at_a_time": fs.NEVER,
    "coverage_share": (1.0, 0.0, 0.0),
    "link": None,  # as in `make_timelines`
    "during_upgrade": fs.STAYS,
    "break_reason": Reason.SIGNAL_BAD,
    "resume": False,
}
CAUSE = {  # and "stage"
    "cohort": None,
    "p": 0.0,
    "permanent": 0.0,
    "reason": Reason.BUSY,
    "silent": False,
    "lasts": None,  # a distribution of seconds; `p` is the share of time then
    "rate": 0.0,  # a second
    "per_bytes": 0.0,
    "leaves": fs.LEAVES_OLD,
}
RISK = {"cohort": None, "p": 1.0, "reason": Reason.BUSY, "silent": False}  # and "from_s", "to_s"


def make_spec(
    cohorts: Rows = ({},),
    causes: Rows = (),
    *,
    away: Sequence[tuple[float, float, int | None]] = (),
    risks: Rows = (),
    bandwidth: float = INF,
    bandwidth_changes: Sequence[tuple[float, float]] = (),
    freezes: Sequence[tuple[float, float]] = (),
    site_of: Sequence[int] | None = None,
    sites: Sequence[tuple[float, int]] = (),
    max_processing: int = fs.NEVER,
    dispatch_gap_s: float = 0.0,
    max_downloads: int = fs.NEVER,
    cell_places: Sequence[int] = CELL_PLACES,
    package_bytes: int = 1_000_000,
    resolution_s: float = 60.0,
    seed: int = 1,
    replication: int = 0,
) -> fs.FleetSpec:
    """Return a fleet.

    Args:
        cohorts: A dict a cohort, keys as in `COHORT`; devices are numbered in this order.
        causes: A dict a failure cause, `stage` and keys as in `CAUSE`; no cohort means all.
        away: Unreachable from, to (seconds), cohort or None for all; disjoint and ascending in a cohort.
        risks: A dict an outage that adds a failure probability, keys as in `RISK`.
        bandwidth: Platform egress, bytes/s.
        bandwidth_changes: (from when, bytes/s), ascending.
        freezes: (from, to) seconds, disjoint and ascending.
        site_of: Site of each device, -1 for none, instead of what the cohorts say.
        sites: (uplink in bytes/s, at_a_time) of each of those.
        max_processing: As in `Platform`, and so on.
        dispatch_gap_s: Seconds.
        max_downloads: Places.
        cell_places: By coverage level.
        package_bytes: Those of cohorts that say nothing else.
        resolution_s: Seconds between rows of the curves.
        seed: Key of the draws.
        replication: Second word of the key.
    """
    strange = {key for row in cohorts for key in row} - COHORT.keys()
    assert not strange, f"cohorts have no {strange}"
    rows = [{**COHORT, **row} for row in cohorts]
    changes = [(0.0, bandwidth), *bandwidth_changes]
    platform = fs.Platform(
        max_processing=max_processing,
        dispatch_gap_ticks=fs.to_ticks(dispatch_gap_s),
        max_downloads=max_downloads,
        cell_places=np.array(cell_places, np.int64),
        resolution_ticks=fs.to_ticks(resolution_s),
        seed=np.uint64(seed),
        replication=np.uint64(replication),
    )
    conditions = [{**CAUSE, **cause} for cause in causes]
    links = [row["link"] for row in rows if row["link"] is not None]
    lasting = [condition(row["lasts"], row["p"]) for row in conditions if row["lasts"] is not None]
    return fs.FleetSpec(
        cohort=np.repeat(np.arange(len(rows)), [row["devices"] for row in rows]).astype(np.int16),
        cohorts=_cohort_table(rows, package_bytes),
        causes=_cause_table(conditions, len(rows), n_links=len(links)),
        outages=_outage_table(rows, away, [{**RISK, **risk} for risk in risks], changes, freezes),
        windows=_window_table(rows),
        sites=_site_table(rows) if site_of is None else _site_table_of(site_of, sites),
        platform=platform,
        timelines=timeline_table([*links, *lasting]),
        n_timelines=bool(links) + max(map(len, _conditions_of(conditions, len(rows))), default=0),
    )


def daily(
    opens: float, closes: float, *, day_start: float = 0.0, days: int = 40
) -> tuple[tuple[float, float], ...]:
    """Return when something is open that opens and closes at the same times of each day.

    Args:
        opens: Seconds after midnight.
        closes: Seconds after midnight, of the next day if earlier.
        day_start: Time of day at the start of the run.
        days: How many.
    """
    length = (closes - opens) % DAY_S
    begins = [opens - day_start + day * DAY_S for day in range(-1, days)]
    return tuple((max(begin, 0.0), begin + length) for begin in begins if begin + length > 0.0)


def start(fleet: Fleet, policy: fs.RetryPolicy | None = None) -> int:
    """Put all devices in one task and release them; return the task."""
    devices = np.arange(len(fleet.spec.cohort), dtype=np.int32)
    task = fleet.add_task(devices, policy or fs.RetryPolicy())
    fleet.release(devices)
    return task


def _window_table(rows: Rows) -> WindowTable:
    """Return when each cohort may be contacted and may install."""
    columns: dict[str, Any] = {}
    for kind in ("contact", "install"):
        intervals = [interval for row in rows for interval in row[kind]]
        columns[f"{kind}_lo"] = np.cumsum([0, *(len(row[kind]) for row in rows)]).astype(np.int32)
        columns[f"{kind}_from"] = _ticks(begin for begin, _ in intervals)
        columns[f"{kind}_to"] = _ticks(end for _, end in intervals)
    return WindowTable(**columns)


def _site_table(rows: Rows) -> SiteTable:
    """Return the sites of cohorts whose devices are at some, each cohort at its own."""
    of: list[int] = []
    sites: list[tuple[float, int]] = []
    for row in rows:
        size = row["site_devices"]
        of += [len(sites) + i // size if size else -1 for i in range(row["devices"])]
        sites += [(row["uplink"], row["at_a_time"])] * (-(-row["devices"] // size) if size else 0)
    return _site_table_of(of, sites) if sites else no_sites()


def _site_table_of(site_of: Sequence[int], sites: Sequence[tuple[float, int]]) -> SiteTable:
    """Return the sites of devices, one by one."""
    return SiteTable(
        of=np.array(site_of, np.int32),
        uplink=np.array([uplink for uplink, _ in sites], np.float64),
        at_a_time=np.array([places for _, places in sites], np.int64),
    )


def _cohort_table(rows: Rows, package_bytes: int) -> fs.CohortTable:
    """Return the cohorts; a duration's tuple may hold (EMPIRICAL, probabilities, seconds)."""
    shape = (len(rows), fs.N_STAGES)
    kind, a, b = np.zeros(shape, np.int8), np.zeros(shape), np.zeros(shape)
    lo, hi = np.zeros(shape, np.int32), np.zeros(shape, np.int32)
    timers = np.full((len(rows), fs.N_TIMERS), fs.NEVER, np.int64)
    points_p: list[float] = []
    points_s: list[float] = []
    for c, row in enumerate(rows):
        for name, seconds in {**DEFAULT_TIMERS_S[row["protocol"]], **row["timers"]}.items():
            timers[c, _TIMERS[name]] = fs.to_ticks(seconds)
        for stage, duration in row["stages"].items():
            if not isinstance(duration, tuple):
                duration = (fs.CONSTANT, duration)
            kind[c, stage] = duration[0]
            if duration[0] == fs.EMPIRICAL:
                lo[c, stage] = len(points_p)
                points_p += duration[1]
                points_s += duration[2]
                hi[c, stage] = len(points_p)
            else:
                a[c, stage], b[c, stage] = (*duration[1:], 0.0)[:2]
    has_link = np.array([row["link"] is not None for row in rows])
    return fs.CohortTable(
        protocol=np.array([row["protocol"] for row in rows], np.int8),
        link_rate=np.array([row["link_rate"] for row in rows], np.float64),
        package_bytes=np.array([row["package_bytes"] or package_bytes for row in rows], np.int64),
        p_already_current=np.array([row["already_current"] for row in rows], np.float64),
        spread=np.array([row["spread"] for row in rows], np.float64),
        timers_ticks=timers,
        dist_kind=kind,
        dist_a=a,
        dist_b=b,
        quantile_lo=lo,
        quantile_hi=hi,
        quantile_p=np.array(points_p, np.float64),
        quantile_s=np.array(points_s, np.float64),
        cell_devices=np.array([row["cell_devices"] for row in rows], np.int32),
        coverage_share=np.array([row["coverage_share"] for row in rows], np.float64),
        link=np.where(has_link, np.cumsum(has_link) - 1, -1).astype(np.int32),
        during_upgrade=np.array([row["during_upgrade"] for row in rows], np.int8),
        break_reason=np.array([row["break_reason"] for row in rows], np.int16),
        resume=np.array([row["resume"] for row in rows], np.bool_),
    )


def _conditions_of(causes: Rows, n_cohorts: int) -> list[list[Mapping[str, Any]]]:
    """Return the conditions of each cohort, in the order of their slots."""
    lasting = [row for row in causes if row["lasts"] is not None]
    return [[row for row in lasting if row["cohort"] in (None, c)] for c in range(n_cohorts)]


def _cause_table(causes: Rows, n_cohorts: int, *, n_links: int) -> fs.CauseTable:
    """Return the causes, laid out by cohort and stage."""
    lo = np.zeros((n_cohorts, fs.N_STAGES), np.int32)
    hi = np.zeros((n_cohorts, fs.N_STAGES), np.int32)
    rows: list[Mapping[str, Any]] = []
    slots: list[int] = []
    timelines: list[int] = []
    lasting = [row for row in causes if row["lasts"] is not None]
    for c, of_cohort in enumerate(_conditions_of(causes, n_cohorts)):
        for stage in Stage:
            lo[c, stage] = len(rows)
            for row in causes:
                if row["stage"] != stage or row["cohort"] not in (None, c):
                    continue
                rows.append(row)
                lasts = row["lasts"] is not None
                slots.append(_place(of_cohort, row) + bool(n_links) if lasts else -1)
                timelines.append(_place(lasting, row) + n_links if lasts else -1)
            hi[c, stage] = len(rows)
    return fs.CauseTable(
        lo=lo,
        hi=hi,
        p=np.array([0.0 if row["lasts"] is not None else row["p"] for row in rows], np.float64),
        p_permanent=np.array([row["permanent"] for row in rows], np.float64),
        reason=np.array([0 if row["silent"] else row["reason"] for row in rows], np.int16),
        silent=np.array([row["silent"] for row in rows], np.bool_),
        timeline=np.array(timelines, np.int32),
        slot=np.array(slots, np.int16),
        rate=np.array([row["rate"] for row in rows], np.float64),
        per_bytes=np.array([row["per_bytes"] for row in rows], np.float64),
        leaves=np.array([row["leaves"] for row in rows], np.int8),
    )


def _place(rows: Rows, wanted: Mapping[str, Any]) -> int:
    """Return where a row stands, which is not where another one with the same entries does."""
    return next(i for i, row in enumerate(rows) if row is wanted)


def _outage_table(
    cohorts: Rows,
    away: Sequence[tuple[float, float, int | None]],
    risks: Rows,
    changes: Sequence[tuple[float, float]],
    freezes: Sequence[tuple[float, float]],
) -> OutageTable:
    """Return the outages, and the epochs of the network that follow from them."""
    n = len(cohorts)
    gone = [[(begin, end) for begin, end, c in away if c in (None, cohort)] for cohort in range(n)]
    risky = [[row for row in risks if row["cohort"] in (None, cohort)] for cohort in range(n)]
    flat_gone = [pair for pairs in gone for pair in pairs]
    flat_risky = [row for rows in risky for row in rows]
    opens_and_closes = {at for row in cohorts for pair in row["download"] for at in pair}
    epochs = sorted({at for at, _ in changes} | {at for pair in flat_gone for at in pair} | opens_and_closes)
    held = [[_held_at(cohorts[c]["download"], gone[c], at) for c in range(n)] for at in epochs]
    cap = [[0.0 if held_at[c] else cohorts[c]["link_rate"] for c in range(n)] for held_at in held]
    times = [at for at, _ in changes]
    return OutageTable(
        away_lo=np.cumsum([0, *map(len, gone)]).astype(np.int32),
        away_from=_ticks(begin for begin, _ in flat_gone),
        away_to=_ticks(end for _, end in flat_gone),
        risk_lo=np.cumsum([0, *map(len, risky)]).astype(np.int32),
        risk_from=_ticks(row["from_s"] for row in flat_risky),
        risk_to=_ticks(row["to_s"] for row in flat_risky),
        risk_p=np.array([row["p"] for row in flat_risky], np.float64),
        risk_reason=np.array([0 if row["silent"] else row["reason"] for row in flat_risky], np.int16),
        risk_silent=np.array([row["silent"] for row in flat_risky], np.bool_),
        epoch_tick=_ticks(epochs),
        epoch_bandwidth=np.array([changes[bisect_right(times, at) - 1][1] for at in epochs], np.float64),
        epoch_cap=np.array(cap, np.float64).reshape(len(epochs), n),
        epoch_held=np.array(held, np.int8).reshape(len(epochs), n),
        freeze_from=_ticks(begin for begin, _ in freezes),
        freeze_to=_ticks(end for _, end in freezes),
    )


def _held_at(
    windows: Sequence[tuple[float, float]], outages: Sequence[tuple[float, float]], at: float
) -> int:
    """Return why no bytes flow to a cohort: an outage first, then its window."""
    if any(begin <= at < end for begin, end in outages):
        return HELD_BY_OUTAGE
    is_closed = len(windows) > 0 and not any(begin <= at < end for begin, end in windows)
    return HELD_BY_WINDOW if is_closed else HELD_BY_NOTHING


def _ticks(seconds: Any) -> fs.Int64s:
    """Return times as ticks."""
    return np.array([fs.to_ticks(value) for value in seconds], np.int64)


def chooser(spec: fs.FleetSpec, stage: Stage) -> Callable[[float, float], int]:
    """Return how the compiled plane chooses the cause row of a stage in cohort 0.

    Args:
        spec: The fleet.
        stage: Which.

    Returns:
        Called with what the device adds to the logit of its failures and a uniform in (0, 1).
    """
    lo, hi = int(spec.causes.lo[0, stage]), int(spec.causes.hi[0, stage])
    total = float(shortcuts(spec).p_total[0, stage])
    return lambda added, u: choose_cause(spec.causes, lo, hi, total, math.exp(added), u)
