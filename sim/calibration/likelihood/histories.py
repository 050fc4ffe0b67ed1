"""What was seen of devices, as paths: the ways in which each history can have come about.

A path says of each attempt when it can have begun, when it ended and by which ending. A history whose causes
are known is one path; each cause that may be one of several multiplies them. An attempt that runs is what is
left of the path before it when all its possible ends by now are taken off, so it adds a path an ending, with
a minus. Devices with the same history are counted, not repeated.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise, product
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sim.calibration.cohort_model import CohortModel
from sim.calibration.likelihood.endings import CONTACTED, Ending, endings_of, online_timer_s
from sim.calibration.likelihood.outcomes import Outcomes
from sim.errors import Problem, ScenarioError
from sim.recording.attempts import NEVER, UNKNOWN_REASON, AttemptResult, Attempts, StartKind
from sim.rules import Reason

Floats = NDArray[np.float64]
Int64s = NDArray[np.int64]

_MS: Final = 1e-3

EndingKey = tuple[int, int, int]
"""Outcome, kind and reason of an ending."""


class Row(NamedTuple):
    """One attempt of a path; times in s since the origin.

    Attributes:
        follows: Whether it began the retry interval after the end before; else the next two say when.
        start_from: It began after this time; equal to `start_to` if that is exact.
        start_to: And by this one.
        end_from: It ended after this time; equal to `end_to` if that is exact.
        end_to: And by this one.
        ending: Number among the cohort's keys.
    """

    follows: bool
    start_from: float
    start_to: float
    end_from: float
    end_to: float
    ending: int


@dataclass(frozen=True)
class Path:
    """One way in which a history can have come about.

    Attributes:
        history: Number of the history.
        sign: +1, or -1 for an end that an attempt under way has not had.
        outcomes: Number of the sequence of outcomes.
        rows: The attempts; none for a device that has only begun its first.
    """

    history: int
    sign: int
    outcomes: int
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class CohortHistories:
    """What was seen of one cohort.

    Attributes:
        keys: Its endings; rows name them by number.
        counts: Devices with each history; (h,) float64.
        sequences: Different sequences of outcomes.
        paths: All paths.
    """

    keys: tuple[EndingKey, ...]
    counts: Floats
    sequences: tuple[Outcomes, ...]
    paths: tuple[Path, ...]


@dataclass(frozen=True)
class Histories:
    """What was seen of a fleet.

    Attributes:
        cohorts: By cohort of the scenario; None for one of which nothing was seen.
        notes: What of the data can't be what the template says.
    """

    cohorts: tuple[CohortHistories | None, ...]
    notes: tuple[str, ...]


_Attempt = tuple[int, int, int, int, int, int, int]
"""start_kind, start_from, start_to, end_from, end_to, result, reason; times in ms."""


def group(attempts: Attempts, models: Sequence[CohortModel]) -> Histories:
    """Group the devices of a table by what was seen of them.

    Args:
        attempts: The table.
        models: Cohorts of the template: what endings there are.

    Raises:
        ScenarioError: The table has devices of a cohort that the template lacks, or no attempts.
    """
    if len(attempts) == 0:
        raise ScenarioError([Problem("", "no attempt was seen of any device")])
    cohort_of = _cohort_numbers(attempts, models)
    seen: list[Counter[tuple[_Attempt, ...]]] = [Counter() for _ in models]
    columns = [
        getattr(attempts, name).tolist()
        for name in ("start_kind", "start_from", "start_to", "end_from", "end_to", "result", "reason")
    ]
    rows: list[_Attempt] = list(zip(*columns, strict=True))
    borders = np.flatnonzero(np.diff(attempts.device)) + 1
    for first, last in pairwise([0, *borders.tolist(), len(rows)]):
        seen[cohort_of[attempts.device[first]]][tuple(rows[first:last])] += 1
    notes: Counter[str] = Counter()
    cohorts = [_of_cohort(found, model, notes) for found, model in zip(seen, models, strict=True)]
    return Histories(tuple(cohorts), tuple(f"{text}: {n} times" for text, n in notes.items()))


def _cohort_numbers(attempts: Attempts, models: Sequence[CohortModel]) -> Int64s:
    """Return the number of each device's cohort among those of the template."""
    names = {model.name: c for c, model in enumerate(models)}
    if list(attempts.cohort_names) == [""] and len(models) == 1:
        return np.zeros(len(attempts.devices), np.int64)
    strange = [name for name in attempts.cohort_names if name not in names]
    if strange:
        told = ", ".join(repr(name) for name in strange[:5])
        message = f"devices of cohorts that the template does not have: {told}; it has {', '.join(names)}"
        raise ScenarioError([Problem("fleet.cohorts", message)])
    return np.array([names[name] for name in attempts.cohort_names], np.int64)[attempts.cohort]


def _of_cohort(
    seen: Counter[tuple[_Attempt, ...]], model: CohortModel, notes: Counter[str]
) -> CohortHistories | None:
    """Return the histories of one cohort."""
    if not seen:
        return None
    maker = _PathMaker(model, notes)
    for history, (attempts, n) in enumerate(seen.items()):
        maker.add(history, attempts, n)
    counts = np.array(list(seen.values()), np.float64)
    return CohortHistories(maker.keys, counts, tuple(maker.sequences), tuple(maker.paths))


class _PathMaker:
    """Makes the paths of one cohort's histories.

    Attributes:
        keys: Endings of the cohort.
        sequences: Sequences of outcomes so far, by their numbers.
        paths: Paths so far.
    """

    def __init__(self, model: CohortModel, notes: Counter[str]) -> None:
        """Begin with none.

        Args:
            model: The cohort.
            notes: Counts what does not fit the template.
        """
        found = endings_of(model)
        ends = found.all
        self.keys: tuple[EndingKey, ...] = tuple(
            dict.fromkeys((end.outcome, end.kind, end.reason) for end in ends)
        )
        self.sequences: dict[Outcomes, int] = {}
        self.paths: list[Path] = []
        self._notes = notes
        self._name = model.name
        self._interval_s = model.retry_interval_s
        lengths = {(end.outcome, end.kind, end.reason): _lengths(end, found.step_s, model) for end in ends}
        self._lengths = [lengths[key] for key in self.keys]
        self._has_memory = any(cause.lasts_s > 0.0 for cause in model.causes)
        self._failures = [i for i, key in enumerate(self.keys) if key[2] != Reason.NONE]

    def add(self, history: int, attempts: tuple[_Attempt, ...], n: int) -> None:
        """Add the paths of a history that n devices have."""
        ended = [attempt for attempt in attempts if _is_over(attempt)]
        choices = [self._choices(attempt, n) for attempt in ended]
        for chosen in product(*choices):
            rows = tuple(_row(attempt, i) for attempt, i in zip(ended, chosen, strict=True))
            if len(ended) == len(attempts):
                self._add_path(history, 1, rows)
                continue
            self._add_path(history, 1, rows)
            open_ended = attempts[len(ended)]
            for i in range(len(self.keys)):
                last = _row(open_ended, i)._replace(end_from=-np.inf, end_to=open_ended[3] * _MS)
                self._add_path(history, -1, (*rows, last))

    def _choices(self, attempt: _Attempt, n: int) -> list[int]:
        """Return the endings that an attempt can have had."""
        reason = attempt[6]
        if reason != UNKNOWN_REASON:
            found = [i for i, key in enumerate(self.keys) if key[2] == reason]
            if found:
                return found
            text = f"cohort {self._name}: failed of {Reason(reason).name.lower()}, which no cause says"
            self._notes[text] += n
        return self._failures

    def _add_path(self, history: int, sign: int, rows: tuple[Row, ...]) -> None:
        """Add a path."""
        outcomes = tuple(self.keys[row.ending][0] for row in rows)
        gaps = tuple(self._gaps(rows)) if self._has_memory else (0.0,) * len(rows)
        number = self.sequences.setdefault(Outcomes(outcomes, gaps), len(self.sequences))
        self.paths.append(Path(history, sign, number, rows))

    def _gaps(self, rows: Sequence[Row]) -> Iterator[float]:
        """Yield the time between contacts of neighbouring attempts, 0 for the first.

        Ends are taken for the middles of their intervals, and contact for the start of the attempt unless it
        can't have lasted so long: conditions last longer than an interval between looks.
        """
        ended = contact = 0.0
        for k, row in enumerate(rows):
            begun = ended + self._interval_s if row.follows and k > 0 else row.start_to
            before, contact = contact, begun
            if np.isfinite(row.end_from):
                ended = (row.end_from + row.end_to) / 2
                mean, longest = self._lengths[row.ending]
                if row.end_from > begun + longest:
                    contact = ended - mean
            yield max(contact - before, 0.0) if k > 0 else 0.0


def _lengths(end: Ending, step_s: float, model: CohortModel) -> tuple[float, float]:
    """Return the mean and the longest time from contact to an end; without contact, the online timer."""
    if end.kind != CONTACTED:
        return online_timer_s(model), online_timer_s(model)
    steps = float(end.span.mass @ np.arange(len(end.span.mass))) / end.span.total
    likely = int(np.searchsorted(np.cumsum(end.span.mass), 0.999 * end.span.total))
    return end.span.offset_s + steps * step_s, end.span.offset_s + likely * step_s


def _is_over(attempt: _Attempt) -> bool:
    """Tell whether an attempt ended by itself; one that was stopped is known until then only."""
    return attempt[4] < NEVER and attempt[5] in (AttemptResult.SUCCESS, AttemptResult.FAILED)


def _row(attempt: _Attempt, ending: int) -> Row:
    """Return a row of a path."""
    kind, start_from, start_to, end_from, end_to, *_ = attempt
    return Row(
        kind == StartKind.AUTO,
        start_from * _MS,
        start_to * _MS,
        end_from * _MS,
        end_to * _MS,
        ending,
    )
