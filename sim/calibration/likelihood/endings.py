"""The ways in which an attempt of a cohort can end: what is reported, and how long after contact.

An ending has an outcome, whose probability the tendencies and marks of devices decide (`outcomes`), and a
time. Several endings may share an outcome: the stages that it stands for may take longer than a timer allows.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from sim.calibration.cohort_model import CohortModel
from sim.calibration.likelihood.stage_sums import (
    NOTHING,
    Span,
    cut_at,
    grid_step_s,
    part_span,
    stage_span,
    then,
)
from sim.fleet.spec import (
    LEAVES_DEAD,
    N_STAGES,
    T_COVERAGE,
    T_DOWNLOAD,
    T_EXECUTE,
    T_ONLINE,
    T_UPGRADE,
    T_VERSION,
)
from sim.rules import Reason, Stage

SUCCESS: Final = 0
"""Outcome of an attempt that went through all stages."""
CURRENT: Final = 1
"""Outcome of one that ended in success at query, since the device runs the version."""
REACHABLE: Final = 2
"""Outcome of one of which only the link can have kept the device away: of its ending `offline` alone."""
DEAD: Final = 3
"""Outcome of one on a device that an earlier attempt has left dead."""
FIRST_CAUSE: Final = 4
"""Outcome of the first cause; the others follow."""

CONTACTED: Final = 0
OFFLINE: Final = 1
UNTOUCHED: Final = 2

TIMEOUTS: Final = {
    Stage.CONTACT: Reason.ONLINE_TIMEOUT,
    Stage.QUERY: Reason.VERSION_TIMEOUT,
    Stage.COVERAGE: Reason.COVERAGE_TIMEOUT,
    Stage.DOWNLOAD: Reason.DOWNLOAD_TIMEOUT_PLATFORM,
    Stage.VERIFY: Reason.RESULT_TIMEOUT,
    Stage.INSTALL: Reason.RESULT_TIMEOUT,
    Stage.REBOOT: Reason.RESULT_TIMEOUT,
}
"""What the platform says when its timer runs out in a stage."""

_RARE: Final = 1e-10


@dataclass(frozen=True)
class Ending:
    """One way to end.

    Attributes:
        outcome: `SUCCESS` … `FIRST_CAUSE` + row of the cause.
        kind: `CONTACTED`: the time counts from contact. `OFFLINE`: the online timer ran out while the link
            was down. `UNTOUCHED`: it ran out whatever the link did.
        reason: Number of the `Reason` that is reported; 0 for success.
        span: The time from contact on, and its probability given the outcome; of `CONTACTED` only.
    """

    outcome: int
    kind: int
    reason: int
    span: Span


@dataclass(frozen=True)
class Endings:
    """All endings of a cohort.

    Attributes:
        step_s: Step of the grids of all spans, s.
        all: The endings.
    """

    step_s: float
    all: tuple[Ending, ...]


_Group = tuple[tuple[int, ...], int]


def _groups(model: CohortModel) -> tuple[_Group, ...]:
    """Return the stages that share a timer, and its column, in their order."""
    query: _Group = ((Stage.QUERY,), T_VERSION)
    execution = (Stage.VERIFY, Stage.INSTALL, Stage.REBOOT)
    if not model.has_coverage:
        return (query, ((Stage.DOWNLOAD, *execution), T_UPGRADE))
    return (
        query,
        ((Stage.COVERAGE,), T_COVERAGE),
        ((Stage.DOWNLOAD,), T_DOWNLOAD),
        (execution, T_EXECUTE),
    )


def endings_of(model: CohortModel) -> Endings:
    """Return the ways in which an attempt can end, with their times."""
    used = [time for s, time in enumerate(model.stages) if s not in (Stage.CONTACT, Stage.DOWNLOAD)]
    h = grid_step_s(used)
    spans = [stage_span(time, h) for time in model.stages]
    spans[Stage.DOWNLOAD] = Span(model.download_s, NOTHING.mass)
    online = TIMEOUTS[Stage.CONTACT]
    found = [Ending(REACHABLE, OFFLINE, online, NOTHING)]
    if any(cause.leaves == LEAVES_DEAD for cause in model.causes):
        found.append(Ending(DEAD, UNTOUCHED, online, NOTHING))
    found += _until(model, spans, h, CURRENT, int(Stage.COVERAGE), None)
    found += _until(model, spans, h, SUCCESS, N_STAGES, None)
    for row, cause in enumerate(model.causes):
        outcome = FIRST_CAUSE + row
        if cause.stage == Stage.CONTACT:
            found.append(Ending(outcome, UNTOUCHED, online, NOTHING))
        else:
            found += _until(model, spans, h, outcome, cause.stage, None if cause.silent else cause.reason)
    return Endings(h, tuple(found))


def _until(
    model: CohortModel, spans: list[Span], h: float, outcome: int, stage: int, reason: int | None
) -> Iterator[Ending]:
    """Yield how an attempt ends that gets as far as a stage: there, or at a timer before.

    Args:
        model: The cohort.
        spans: Time of each stage.
        h: Step of their grids, s.
        outcome: What becomes of it.
        stage: The stage in which it fails; for a success, the first that it does not go through.
        reason: What it reports there; None for silence, or for a success.
    """
    is_success = outcome < FIRST_CAUSE
    before = NOTHING
    for stages, timer in _groups(model):
        timer_s, inside = model.timers_s[timer], NOTHING
        for s in stages:
            if s == stage and not is_success:
                if reason is None:  # silent: the timer ends it, whatever it was doing
                    yield Ending(
                        outcome, CONTACTED, TIMEOUTS[Stage(s)], then(before, Span(timer_s, NOTHING.mass))
                    )
                    return
                yield from _within_timer(
                    (before, then(inside, part_span(spans[s], h))), timer_s, h, outcome, Stage(s), reason
                )
                return
            if s < stage:
                inside = then(inside, spans[s])
        last = Stage(max((s for s in stages if s < stage), default=stages[0]))
        inside, late = cut_at(inside, timer_s, h)
        if late > _RARE:
            cut = Span(timer_s, NOTHING.mass * late)
            yield Ending(outcome, CONTACTED, TIMEOUTS[last], then(before, cut))
        before = then(before, inside)
    if before.total > _RARE:
        yield Ending(outcome, CONTACTED, 0, before)


def _within_timer(
    parts: tuple[Span, Span], timer_s: float, h: float, outcome: int, stage: Stage, reason: int
) -> Iterator[Ending]:
    """Yield the failure that is reported in time, and the timer that comes before it.

    Args:
        parts: Time before the stages that the timer is for, and time in them.
        timer_s: The timer, s.
        h: Step of the grids, s.
        outcome: What becomes of the attempt.
        stage: Where it fails.
        reason: What it reports.
    """
    before, inside = parts
    kept, late = cut_at(inside, timer_s, h)
    if kept.total > _RARE:
        yield Ending(outcome, CONTACTED, reason, then(before, kept))
    if late > _RARE:
        yield Ending(outcome, CONTACTED, TIMEOUTS[stage], then(before, Span(timer_s, NOTHING.mass * late)))


def online_timer_s(model: CohortModel) -> float:
    """Return for how long the platform waits for contact, s."""
    return model.timers_s[T_ONLINE]
