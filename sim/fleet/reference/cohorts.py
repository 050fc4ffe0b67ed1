"""What the devices of a cohort have in common, taken out of the fleet's tables into plain objects."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

from sim.fleet.held_up import Hold
from sim.fleet.model.purposes import D_PERMANENT, P_BREAK
from sim.fleet.reference.sampling import Cause, PossibleCauses, StageTime
from sim.fleet.reference.weather.timelines import Process, processes_of
from sim.fleet.spec import NEVER, FleetSpec, Int32s, Int64s
from sim.rules import Protocol, Stage


class Windows:
    """When something is open: by the clock, or always."""

    def __init__(self, begins: list[int], ends: list[int]) -> None:
        """Learn when.

        Args:
            begins: Ticks, ascending; none of them for what is always open.
            ends: When each interval is over; half-open, disjoint.
        """
        self._begins = begins
        self._ends = ends

    def next_open(self, tick: int) -> int:
        """Return the first tick, not before `tick`, at which it is open; NEVER if it opens no more."""
        if not self._begins:
            return tick
        ahead = bisect_right(self._ends, tick)
        return NEVER if ahead == len(self._ends) else max(tick, self._begins[ahead])


ALWAYS_OPEN: Final = Windows([], [])


class Mark(NamedTuple):
    """A cause that stops some devices of the cohort in every attempt.

    Attributes:
        stage: Stage that no attempt gets through.
        cause: Why.
        share: Share of devices, 0..1.
        purpose: Which of a device's draws decides.
    """

    stage: Stage
    cause: Cause
    share: float
    purpose: int


class Condition(NamedTuple):
    """Something that a device is in for a while, again and again; a stage that begins meanwhile fails.

    Attributes:
        process: When it is on.
        number: Its number among the device's timelines, which its draws go by.
        cause: Why the stage fails.
    """

    process: Process
    number: int
    cause: Cause


class Breaks(NamedTuple):
    """A clock that breaks a stage; it runs while the stage works, anew in each attempt.

    Attributes:
        cause: Why the stage fails.
        rate: Breaks a second, 0 for one that counts bytes.
        per_bytes: Mean bytes between two breaks of a download, 0 for one that counts time.
        purpose: Which of an attempt's draws it is set by.
    """

    cause: Cause
    rate: float
    per_bytes: float
    purpose: int


class Risk(NamedTuple):
    """An outage that lets downloads fail; ticks, half-open."""

    start: int
    end: int
    p: float
    cause: Cause


@dataclass(frozen=True, slots=True)
class Cohort:
    """One row of each of the fleet's tables.

    Attributes:
        is_mqtt: Whether it speaks MQTT, else LwM2M.
        package_bytes: Size of the campaign's own package for its devices.
        p_already_current: Share of devices that run the version already, 0..1.
        spread: Sigma of a device's tendency to fail, >= 0.
        timers: Ticks, by `sim.fleet.spec.T_*`.
        times: How long stages take, by stage.
        causes: What may make an attempt fail, by stage.
        conditions: What some devices are in for a while, by stage, in the order in which it is looked at.
        breaks: What may break a stage while it works, by stage.
        marks: What stops some devices for ever, in the order in which it is looked at.
        away: Outages in which no device can be reached, (start, end) ticks, half-open, ascending.
        risks: Outages that let downloads fail.
        contact: When devices may be contacted.
        install: When they may begin to install.
        link: When devices are in reach, None if they always are.
        during_upgrade: What a link that goes down does to the download, `sim.fleet.spec.STAYS` and so on.
        link_loss: Why a download fails that the link broke.
        resumes: Whether bytes of a download that broke off count for the next attempt.
    """

    is_mqtt: bool
    package_bytes: int
    p_already_current: float
    spread: float
    timers: tuple[int, ...]
    times: tuple[StageTime, ...]
    causes: tuple[PossibleCauses, ...]
    conditions: tuple[tuple[Condition, ...], ...]
    breaks: tuple[tuple[Breaks, ...], ...]
    marks: tuple[Mark, ...]
    away: tuple[tuple[int, int], ...]
    risks: tuple[Risk, ...]
    contact: Windows
    install: Windows
    link: Process | None
    during_upgrade: int
    link_loss: Cause
    resumes: bool

    def mark_of(self, draws: list[float]) -> Mark | None:
        """Return what stops a device in every attempt, None if nothing does.

        Only the earliest stage with a mark matters, since no attempt gets past it; of several marks of one
        stage the first in the list acts. Each has a draw of its own.

        Args:
            draws: What is drawn once a device.
        """
        for mark in self.marks:
            if draws[mark.purpose] < mark.share:
                return mark
        return None

    def reached_tick(self, tick: int) -> int:
        """Return the first tick, not before `tick`, at which a device can be contacted.

        That is when the window is open and no outage holds the device, both at once; NEVER if the window
        opens no more.
        """
        ends = [end for _, end in self.obstacles(tick)]
        return ends[-1] if ends else tick

    def obstacles(self, tick: int) -> Iterator[tuple[Hold, int]]:
        """Yield what keeps a device from being contacted from a tick on, one after the other: what, end."""
        while True:
            opens = self.contact.next_open(tick)
            if opens > tick:
                tick = opens
                yield Hold.WINDOW, tick
            back = next((end for start, end in self.away if start <= tick < end), None)
            if back is None:
                return
            tick = back
            yield Hold.OUTAGE, tick

    def risk_at(self, tick: int) -> Risk | None:
        """Return the outage that lets downloads fail at a tick, None if there is none."""
        return next((risk for risk in self.risks if risk.start <= tick < risk.end), None)


def cohorts_of(spec: FleetSpec) -> list[Cohort]:
    """Return all cohorts of a fleet, in order."""
    processes = processes_of(spec)
    return [_cohort(spec, c, processes) for c in range(len(spec.cohorts.protocol))]


def _cohort(spec: FleetSpec, c: int, processes: list[Process]) -> Cohort:
    """Return one cohort."""
    table, outages = spec.cohorts, spec.outages
    windows = spec.windows
    away = slice(outages.away_lo[c], outages.away_lo[c + 1])
    return Cohort(
        is_mqtt=bool(table.protocol[c] == Protocol.MQTT),
        package_bytes=int(table.package_bytes[c]),
        p_already_current=float(table.p_already_current[c]),
        spread=float(table.spread[c]),
        timers=tuple(table.timers_ticks[c].tolist()),
        times=tuple(_time(spec, c, stage) for stage in Stage),
        causes=tuple(_causes(spec, c, stage) for stage in Stage),
        conditions=tuple(_conditions(spec, c, stage, processes) for stage in Stage),
        breaks=tuple(_breaks(spec, c, stage) for stage in Stage),
        marks=_marks(spec, c),
        away=tuple(zip(outages.away_from[away].tolist(), outages.away_to[away].tolist(), strict=True)),
        risks=_risks(spec, c),
        contact=_windows(c, windows.contact_lo, windows.contact_from, windows.contact_to),
        install=_windows(c, windows.install_lo, windows.install_from, windows.install_to),
        link=processes[table.link[c]] if table.link[c] >= 0 else None,
        during_upgrade=int(table.during_upgrade[c]),
        link_loss=Cause(int(table.break_reason[c])),
        resumes=bool(table.resume[c]),
    )


def _windows(c: int, lo: Int32s, begins: Int64s, ends: Int64s) -> Windows:
    """Return when something is open in a cohort."""
    rows = slice(lo[c], lo[c + 1])
    return Windows(begins[rows].tolist(), ends[rows].tolist())


def _time(spec: FleetSpec, c: int, stage: Stage) -> StageTime:
    """Return how long a stage takes."""
    table = spec.cohorts
    points = slice(table.quantile_lo[c, stage], table.quantile_hi[c, stage])
    return StageTime(
        int(table.dist_kind[c, stage]),
        float(table.dist_a[c, stage]),
        float(table.dist_b[c, stage]),
        table.quantile_p[points].tolist(),
        table.quantile_s[points].tolist(),
    )


def _cause(spec: FleetSpec, row: int) -> Cause:
    """Return the cause of one row."""
    causes = spec.causes
    return Cause(int(causes.reason[row]), bool(causes.silent[row]), int(causes.leaves[row]))


def _causes(spec: FleetSpec, c: int, stage: Stage) -> PossibleCauses:
    """Return what may make an attempt fail at a stage."""
    rows = _rows(spec, c, stage)
    return PossibleCauses([_cause(spec, row) for row in rows], [float(spec.causes.p[row]) for row in rows])


def _rows(spec: FleetSpec, c: int, stage: Stage) -> range:
    """Return the rows of a stage's causes."""
    return range(spec.causes.lo[c, stage], spec.causes.hi[c, stage])


def _conditions(spec: FleetSpec, c: int, stage: Stage, processes: list[Process]) -> tuple[Condition, ...]:
    """Return what devices are in for a while that makes a stage fail."""
    table = spec.causes
    number_of_first = 1 - int(table.lo[c, 0])  # 0 is the link's
    return tuple(
        Condition(processes[table.timeline[row]], number_of_first + row, _cause(spec, row))
        for row in _rows(spec, c, stage)
        if table.timeline[row] >= 0
    )


def _breaks(spec: FleetSpec, c: int, stage: Stage) -> tuple[Breaks, ...]:
    """Return what may break a stage while it works."""
    table = spec.causes
    purpose_of_first = P_BREAK - int(table.lo[c, 0])
    return tuple(
        Breaks(_cause(spec, row), float(table.rate[row]), float(table.per_bytes[row]), purpose_of_first + row)
        for row in _rows(spec, c, stage)
        if table.rate[row] > 0.0 or table.per_bytes[row] > 0.0
    )


def _marks(spec: FleetSpec, c: int) -> tuple[Mark, ...]:
    """Return what stops some devices for ever, stage by stage."""
    table = spec.causes
    purpose_of_first = D_PERMANENT - int(table.lo[c, 0])
    return tuple(
        Mark(stage, _cause(spec, row), float(table.p_permanent[row]), purpose_of_first + row)
        for stage in Stage
        for row in _rows(spec, c, stage)
        if table.p_permanent[row] > 0.0
    )


def _risks(spec: FleetSpec, c: int) -> tuple[Risk, ...]:
    """Return the outages that let downloads fail."""
    table = spec.outages
    return tuple(
        Risk(
            int(table.risk_from[row]),
            int(table.risk_to[row]),
            float(table.risk_p[row]),
            Cause(int(table.risk_reason[row]), bool(table.risk_silent[row])),
        )
        for row in range(table.risk_lo[c], table.risk_lo[c + 1])
    )
