"""Runs held against earlier ones, a scenario's against its baseline: which metrics are what they were."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

from sim.testing.compare.equivalence import Answer, Finding, compare, level_of, looks
from sim.testing.compare.tolerances import default_margin, stated_margin
from sim.testing.runs import place_of

if TYPE_CHECKING:
    from sim.results.statistics import Metric
    from sim.scenario import Expectation
    from sim.testing.runs import Samples

_DECIDED: Final = (Answer.EQUAL, Answer.EQUIVALENT, Answer.DIFFERENT)


class Subject(NamedTuple):
    """One thing that is compared.

    Attributes:
        place: METRIC, or by_cohort.NAME.METRIC, and the time if it has one.
        line: The expectation that asks for it; None for a metric that is compared because all are.
        before: The baseline's values, one a replication.
        margin: Difference that would not matter.
    """

    place: str
    line: Expectation | None
    before: tuple[Metric, ...]
    margin: float


class Compared(NamedTuple):
    """A subject, and what became of it.

    Attributes:
        subject: What was compared.
        now: Its values, one a replication, as many as pairs were looked at.
        finding: The answer.
    """

    subject: Subject
    now: tuple[Metric, ...]
    finding: Finding


class Comparison(NamedTuple):
    """Runs held against earlier ones.

    Attributes:
        moved: Whether anything at all differs: False means equal to the last bit.
        items: What was compared; empty if nothing moved.
        appeared: Metrics that the earlier runs don't have.
        vanished: Metrics that only they have.
        pairs: Replications that were compared.
    """

    moved: bool
    items: tuple[Compared, ...]
    appeared: tuple[str, ...]
    vanished: tuple[str, ...]
    pairs: int

    def of(self, line: Expectation) -> Compared | None:
        """Return what became of a line `within ... of baseline`; None if nothing moved."""
        return next((item for item in self.items if item.subject.line == line), None)

    @property
    def by_default(self) -> tuple[Compared, ...]:
        """What no line of the scenario asks for."""
        return tuple(item for item in self.items if item.subject.line is None)

    @property
    def is_fine(self) -> bool:
        """Whether nothing is different among what no line asks for."""
        different = any(item.finding.answer is Answer.DIFFERENT for item in self.by_default)
        return not (different or self.appeared or self.vanished)


def compare_runs(
    before: Samples,
    sample: Callable[[int], Samples],
    *,
    own: int,
    lines: Sequence[Expectation] = (),
    suite: int = 1,
) -> Comparison:
    """Hold runs against earlier ones, replication by replication.

    Args:
        sample: Returns the first so many replications of now, those that were made before among them.
        own: How many to look at first, >= 1. Further ones are asked for only if these differ.
        lines: Expectations `within ... of baseline`.
        suite: Scenarios with baselines, for the level.
    """
    n_own = min(own, before.replications)
    now = sample(n_own)
    appeared = tuple(name for name in now.metrics if name not in before.metrics)
    vanished = tuple(name for name in before.metrics if name not in now.metrics)
    if not _has_moved(before.first(n_own), now):
        return Comparison(False, (), appeared, vanished, n_own)
    subjects = _subjects(before, now, lines)
    stops = looks(before.replications)
    level = level_of(len(subjects), n_looks=len(stops), suite=suite)
    items: tuple[Compared, ...] = ()
    for stop in stops:
        now = sample(stop)
        items = tuple(_again(item, now, level) for item in items or _unlooked(subjects))
        if all(item.finding.answer in _DECIDED for item in items):
            break
    return Comparison(True, items, appeared, vanished, now.replications)


def _has_moved(before: Samples, now: Samples) -> bool:
    """Tell whether anything differs among what both have."""
    pairs = ((before.metrics, now.metrics), (before.lines, now.lines))
    values = any(name in new and new[name] != old[name] for old, new in pairs for name in old)
    return values or before.digests != now.digests


def _subjects(before: Samples, now: Samples, lines: Sequence[Expectation]) -> list[Subject]:
    """Return what is compared: each line, and each metric for which no line sets the margin."""
    subjects = []
    for line in lines:
        place = place_of(line)
        values = before.metrics.get(place) or before.lines.get(place)
        if values is not None:
            subjects.append(Subject(place, line, values, stated_margin(line, values)))
    stated = {subject.place for subject in subjects}
    for name in now.metrics:
        if name in before.metrics and name not in stated:
            margin = default_margin(name, before.metrics)
            subjects.append(Subject(name, None, before.metrics[name], margin))
    return subjects


def _unlooked(subjects: Sequence[Subject]) -> list[Compared]:
    """Return subjects that nobody has looked at."""
    nothing = Finding(Answer.UNDECIDED, 0, math.nan, math.nan, math.nan, 0.0, 0, 0, math.inf, False)
    return [Compared(subject, (), nothing) for subject in subjects]


def _again(item: Compared, now: Samples, level: float) -> Compared:
    """Look at a subject once more; one that was proven different stays so."""
    subject = item.subject
    values = now.metrics.get(subject.place) or now.lines[subject.place]
    before = subject.before[: len(values)]
    finding = compare(_numbers(before), _numbers(values), margin=subject.margin, level=level)
    if item.finding.answer is Answer.DIFFERENT:
        finding = finding._replace(answer=Answer.DIFFERENT)
    return Compared(subject, values, finding)


def _numbers(values: Sequence[Metric]) -> list[float]:
    """Return values as numbers, NaN where undefined."""
    return [math.nan if value is None else float(value) for value in values]
