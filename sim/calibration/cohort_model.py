"""What the likelihood knows of a cohort: plain numbers, so that a search can change any of them.

Decision: numbers of their own instead of scenarios. A search tries thousands of values; reading, checking
and laying out a scenario for each would cost more than the likelihood.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sim.campaign.layout.build_spec import build_spec
from sim.fleet.spec import EMPIRICAL, LEAVES_OLD, N_STAGES, NEVER, ON, TICKS_PER_S, CohortTable
from sim.rules import Protocol, Stage

if TYPE_CHECKING:
    from sim.fleet.spec import FleetSpec
    from sim.scenario import Cohort, Scenario

NO_LIMIT: Final = float("inf")
"""A timer that never expires, in seconds."""


@dataclass(frozen=True, slots=True)
class CauseNumbers:
    """One failure cause of a cohort.

    Attributes:
        stage: Number of the `Stage` at which it strikes.
        reason: Code that the device reports; 0 for a silent cause.
        silent: Nothing is heard of it: the platform's timer ends the attempt.
        probability: Share of the attempts of the median device that reach the stage, 0..1; of a condition,
            the share of time that the median device is in it.
        permanent: Share of the devices that always fail so, 0..1.
        lasts_s: Mean time that a condition lasts, s; 0 for a cause that strikes single attempts.
        leaves: `LEAVES_OLD`, `LEAVES_NEW` or `LEAVES_DEAD` of `sim.fleet.spec`.
        rate: Breaks a second while the stage works; 0 for none.
        per_bytes: Bytes that a break comes to on average; 0 for none.
    """

    stage: int
    reason: int
    silent: bool
    probability: float
    permanent: float = 0.0
    lasts_s: float = 0.0
    leaves: int = LEAVES_OLD
    rate: float = 0.0
    per_bytes: float = 0.0


@dataclass(frozen=True, slots=True)
class StageNumbers:
    """How long a stage takes.

    Attributes:
        kind: Of the distribution, as `CohortTable.dist_kind`.
        a: First parameter, as `CohortTable.dist_a`.
        b: Second parameter, as `CohortTable.dist_b`.
        quantiles: (share, seconds) of an empirical distribution, ascending; empty for others.
    """

    kind: int
    a: float
    b: float = 0.0
    quantiles: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True, slots=True)
class CohortModel:
    """One cohort, times in seconds.

    Attributes:
        name: Its name.
        protocol: `Protocol`, as a number.
        fraction: Share of time that a device's link is up, 0..1; 1 for no link.
        mean_offline_s: Mean of its exponential off-periods; 0 for no link.
        spread: Standard deviation of a device's tendency to fail, >= 0.
        already_current: Share that runs the version from the start, 0..1.
        causes: In the order in which the device plane looks at them: stage by stage, general ones first.
        stages: By `Stage`; that of contact takes no time, that of the download is not used.
        download_s: Size of the package by the rate of the device's own link; 0 for one without a limit.
        timers_s: By `T_*` of `sim.fleet.spec`; `NO_LIMIT` for those that never expire.
        retry_interval_s: From the end of an attempt to the automatic retry.
    """

    name: str
    protocol: int
    fraction: float
    mean_offline_s: float
    spread: float
    already_current: float
    causes: tuple[CauseNumbers, ...]
    stages: tuple[StageNumbers, ...]
    download_s: float
    timers_s: tuple[float, ...]
    retry_interval_s: float

    @property
    def has_coverage(self) -> bool:
        """Whether the platform asks for the radio coverage."""
        return self.protocol == Protocol.LWM2M


def cohort_models(scenario: Scenario) -> tuple[CohortModel, ...]:
    """Return the numbers of each cohort of a scenario, in its order.

    They are read off the arrays that the device plane gets, so both mean the same by them. What they leave
    out is what `sim.calibration.uncovered` says.
    """
    spec = build_spec(scenario)
    interval = scenario.campaign.task_policy.retry_interval
    return tuple(
        _numbers_of(spec, c, cohort, interval or 0.0) for c, cohort in enumerate(scenario.fleet.cohorts)
    )


def _numbers_of(spec: FleetSpec, c: int, cohort: Cohort, interval_s: float) -> CohortModel:
    table, online = spec.cohorts, cohort.online
    timers = table.timers_ticks[c].tolist()
    return CohortModel(
        name=cohort.name,
        protocol=int(table.protocol[c]),
        fraction=1.0 if online.is_always else online.share_on(),
        mean_offline_s=0.0 if online.is_always else online.mean_off_s(),
        spread=float(table.spread[c]),
        already_current=float(table.p_already_current[c]),
        causes=_causes_of(spec, c),
        stages=tuple(_stage_of(table, c, s) for s in range(N_STAGES)),
        download_s=float(table.package_bytes[c] / table.link_rate[c]),
        timers_s=tuple(NO_LIMIT if ticks >= NEVER else ticks / TICKS_PER_S for ticks in timers),
        retry_interval_s=interval_s,
    )


def _causes_of(spec: FleetSpec, c: int) -> tuple[CauseNumbers, ...]:
    causes, lines = spec.causes, spec.timelines
    found = []
    for stage in Stage:
        for row in range(causes.lo[c, stage], causes.hi[c, stage]):
            line = int(causes.timeline[row])
            found.append(
                CauseNumbers(
                    stage=int(stage),
                    reason=int(causes.reason[row]),
                    silent=bool(causes.silent[row]),
                    probability=float(causes.p[row] if line < 0 else lines.share[line]),
                    permanent=float(causes.p_permanent[row]),
                    lasts_s=0.0 if line < 0 else float(lines.dist_a[line, ON]),
                    leaves=int(causes.leaves[row]),
                    rate=float(causes.rate[row]),
                    per_bytes=float(causes.per_bytes[row]),
                )
            )
    return tuple(found)


def _stage_of(table: CohortTable, c: int, s: int) -> StageNumbers:
    kind = int(table.dist_kind[c, s])
    quantiles: tuple[tuple[float, float], ...] = ()
    if kind == EMPIRICAL:
        rows = slice(int(table.quantile_lo[c, s]), int(table.quantile_hi[c, s]))
        shares, seconds = table.quantile_p[rows].tolist(), table.quantile_s[rows].tolist()
        quantiles = tuple(zip(shares, seconds, strict=True))
    return StageNumbers(kind, float(table.dist_a[c, s]), float(table.dist_b[c, s]), quantiles)
