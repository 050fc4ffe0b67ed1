"""Which numbers of a scenario a fit looks for, and what the cohorts are with other values of them.

Decisions:

- *What a template leaves out is structure*, and so is what can't happen or always does (0 %, 100 %, a
  `spread` of 0): a fit changes numbers, never what there is.
- *One number that is written once is one unknown*, whoever it is for: general failures and stages, and what
  cohorts share by a template or an anchor. So a file says after the fit no more than it said before.
- *Distributions whose parameters bound them stay as they are* (`constant`, `uniform`, `quantiles`): where
  a parameter says what can't happen, the likelihood breaks off and has no slope to follow.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, Literal

from sim.calibration.cohort_model import CauseNumbers, CohortModel, StageNumbers
from sim.errors import Problem, ScenarioError
from sim.rules import Stage
from sim.scenario.editing.paths import PathError, completed, targets
from sim.scenario.section import dotted
from sim.scenario.short.selectors import labelled
from sim.scenario.suggest import unknown
from sim.scenario.values import DURATION_S_MAX

if TYPE_CHECKING:
    from sim.scenario import Cause, Cohort, DrawnTime, Scenario
    from sim.scenario.section import Path

Kind = Literal[
    "fraction",
    "mean_offline",
    "spread",
    "already_current",
    "probability",
    "permanent",
    "lasts",
    "stage_a",
    "stage_b",
]
"""What a number is in a `CohortModel`."""

Transform = Literal["logit", "log"]

Target = tuple[int, int]
"""A cohort's index, and the row of its cause or the number of the stage; -1 for what is the cohort's."""

_SHARES: Final = ("fraction", "already_current", "probability", "permanent")
_OF_COHORTS: Final = {
    "fraction": "fraction",
    "mean_offline": "mean_offline_s",
    "spread": "spread",
    "already_current": "already_current",
}
_OF_CAUSES: Final = {"probability": "probability", "permanent": "permanent", "lasts": "lasts_s"}
_OF_STAGES: Final = {"stage_a": "a", "stage_b": "b"}
_SPREAD_MAX: Final = 10.0
_SHAPE_MAX: Final = 100.0
_PARAMETERS: Final = {
    "exponential": ("mean",),
    "lognormal": ("median", "sigma"),
    "weibull": ("shape", "scale"),
}
"""Parameters of the distributions that are fitted, in the order of `StageNumbers.a` and `b`."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """A number that a fit looks for.

    Attributes:
        path: Where it stands, from the top, cohorts by position: `fleet.cohorts[0].online.fraction`.
        paths: All places that the same written number is for, `path` first.
        transform: Scale on which it is free: `logit` of a share, `log` of everything else.
        value: The template's, in natural units: a share 0..1, seconds, or a plain number.
        kind: What it is in a `CohortModel`.
        targets: Where the cohorts' numbers have it.
        high: Largest value that a scenario may have.
    """

    path: str
    paths: tuple[str, ...]
    transform: Transform
    value: float
    kind: Kind
    targets: tuple[Target, ...]
    high: float

    @property
    def is_duration(self) -> bool:
        """Whether it counts seconds."""
        return self.transform == "log" and self.high == DURATION_S_MAX

    def free(self, value: float) -> float:
        """Return a value, > 0 and for a share < 1, on the scale on which it is free."""
        return math.log(value) if self.transform == "log" else math.log(value) - math.log1p(-value)

    def natural(self, free: float) -> float:
        """Return a value in natural units, given the one on the free scale; at most `high`."""
        if self.transform == "log":
            return min(math.exp(min(free, math.log(self.high))), self.high)
        return 1.0 / (1.0 + math.exp(-free)) if free > -700.0 else 0.0


def unknowns_of(scenario: Scenario, fixed: Sequence[str] = ()) -> tuple[Unknown, ...]:
    """Return the numbers of a template that a fit looks for.

    Args:
        scenario: The template.
        fixed: Paths of numbers, or of sections with all that is in them, that stay as they are. Cohorts go by
            name, position, pattern or label.

    Returns:
        In the order of the cohorts, then of the general failures, then of the general stages. A number that
        an anchor shares with something of another kind is none of them.

    Raises:
        ScenarioError: A fixed path means none of the numbers; with all such paths.
    """
    groups: dict[object, list[_Place]] = {}
    for place in _places(scenario):
        groups.setdefault(_written_at(scenario, place), []).append(place)
    found = tuple(_joined(group) for group in groups.values() if _is_one_number(scenario, group))
    found = tuple(one for one in found if one.targets)
    kept = _kept(scenario, found, fixed)
    return tuple(one for one in found if one.path not in kept)


def models_at(
    models: Sequence[CohortModel], unknowns: Sequence[Unknown], values: Sequence[float]
) -> tuple[CohortModel, ...]:
    """Return the numbers of the cohorts with other values of unknowns.

    Args:
        models: By cohort, of the template.
        unknowns: Of the same template.
        values: One each, in natural units.

    Returns:
        By cohort; one without a changed number comes back as it is. Where the probabilities of a stage
        would add up to more than 1, they are scaled down to 1.
    """
    own: dict[int, dict[str, Any]] = {}
    causes: dict[int, dict[int, dict[str, Any]]] = {}
    stages: dict[int, dict[int, dict[str, Any]]] = {}
    for one, value in zip(unknowns, values, strict=True):
        for c, item in one.targets:
            if one.kind in _OF_CAUSES:
                causes.setdefault(c, {}).setdefault(item, {})[_OF_CAUSES[one.kind]] = float(value)
            elif one.kind in _OF_STAGES:
                stages.setdefault(c, {}).setdefault(item, {})[_OF_STAGES[one.kind]] = float(value)
            else:
                own.setdefault(c, {})[_OF_COHORTS[one.kind]] = float(value)
    after = []
    for c, model in enumerate(models):
        changes = own.get(c, {})
        if c in causes:
            changes["causes"] = _possible(_changed_causes(model.causes, causes[c]))
        if c in stages:
            changes["stages"] = _changed_stages(model.stages, stages[c])
        after.append(replace(model, **changes) if changes else model)
    return tuple(after)


def _changed_causes(
    before: tuple[CauseNumbers, ...], changes: dict[int, dict[str, Any]]
) -> tuple[CauseNumbers, ...]:
    return tuple(
        replace(cause, **changes[row]) if row in changes else cause for row, cause in enumerate(before)
    )


def _changed_stages(
    before: tuple[StageNumbers, ...], changes: dict[int, dict[str, Any]]
) -> tuple[StageNumbers, ...]:
    return tuple(replace(stage, **changes[s]) if s in changes else stage for s, stage in enumerate(before))


def _possible(causes: tuple[CauseNumbers, ...]) -> tuple[CauseNumbers, ...]:
    """Return causes that strike at most every attempt at a stage; conditions don't exclude each other."""
    totals = dict.fromkeys(Stage, 0.0)
    for cause in causes:
        if cause.lasts_s == 0.0:
            totals[Stage(cause.stage)] += cause.probability
    if max(totals.values()) <= 1.0:
        return causes
    return tuple(
        replace(cause, probability=cause.probability / totals[Stage(cause.stage)])
        if cause.lasts_s == 0.0 and totals[Stage(cause.stage)] > 1.0
        else cause
        for cause in causes
    )


# --- the numbers of a template ---


@dataclass(frozen=True, slots=True)
class _Place:
    """A number at one place of a scenario."""

    path: Path
    kind: Kind
    value: float
    targets: tuple[Target, ...]
    high: float


def _places(scenario: Scenario) -> Iterator[_Place]:
    """Yield all numbers that could be looked for, each place by itself."""
    for c, cohort in enumerate(scenario.fleet.cohorts):
        yield from _of_cohort(scenario, c, cohort)
    rows = [_rows_of(scenario, c) for c in range(len(scenario.fleet.cohorts))]
    for i, cause in enumerate(scenario.failures):
        path: Path = ("failures", i)
        found = tuple((c, of_cohort[path]) for c, of_cohort in enumerate(rows) if path in of_cohort)
        yield from _of_cause(path, cause, found)
    for name in type(scenario.stages).model_fields:
        cohorts = [
            c
            for c, cohort in enumerate(scenario.fleet.cohorts)
            if scenario.has_stage(cohort, name) and getattr(cohort.stages, name) is None
        ]
        drawn = getattr(scenario.stages, name)
        yield from _of_stage(("stages", name), drawn, name, cohorts)


def _of_cohort(scenario: Scenario, c: int, cohort: Cohort) -> Iterator[_Place]:
    """Yield the numbers of one cohort."""
    path: Path = ("fleet", "cohorts", c)
    online, target = cohort.online, ((c, -1),)
    if not online.is_always and online.every is None and online.online is None and online.fraction > 0:
        exponential = None if online.offline is None else online.offline.exponential
        if online.offline is None or exponential is not None:
            yield _Place((*path, "online", "fraction"), "fraction", online.fraction, target, 1.0)
            end = ("mean_offline",) if exponential is None else ("offline", "exponential", "mean")
            mean_s = online.mean_off_s()
            yield _Place((*path, "online", *end), "mean_offline", mean_s, target, DURATION_S_MAX)
    if cohort.spread > 0:
        yield _Place((*path, "spread"), "spread", cohort.spread, target, _SPREAD_MAX)
    if 0 < cohort.already_current < 1:
        yield _Place((*path, "already_current"), "already_current", cohort.already_current, target, 1.0)
    rows = _rows_of(scenario, c)
    for i, cause in enumerate(cohort.failures):
        place = (*path, "failures", i)
        yield from _of_cause(place, cause, ((c, rows[place]),) if place in rows else ())
    for name in type(cohort.stages).model_fields:
        cohorts = [c] if scenario.has_stage(cohort, name) else []
        yield from _of_stage((*path, "stages", name), getattr(cohort.stages, name), name, cohorts)


def _rows_of(scenario: Scenario, c: int) -> dict[Path, int]:
    """Return the rows of a cohort's causes in its model, by where they stand; see `cohort_models`."""
    cohort = scenario.fleet.cohorts[c]
    listed: list[tuple[Path, Cause]] = [(("failures", i), cause) for i, cause in enumerate(scenario.failures)]
    own: Path = ("fleet", "cohorts", c, "failures")
    listed += [((*own, i), cause) for i, cause in enumerate(cohort.failures)]
    order = [stage.label for stage in Stage]
    met = [(path, cause) for path, cause in listed if scenario.has_stage(cohort, cause.stage)]
    met.sort(key=lambda one: order.index(one[1].stage))
    return {path: row for row, (path, _) in enumerate(met)}


def _of_cause(path: Path, cause: Cause, found: tuple[Target, ...]) -> Iterator[_Place]:
    """Yield the numbers of one cause."""
    if cause.probability and cause.probability < 1:
        yield _Place((*path, "probability"), "probability", cause.probability, found, 1.0)
    if cause.permanent and cause.permanent < 1:
        yield _Place((*path, "permanent"), "permanent", cause.permanent, found, 1.0)
    if cause.is_condition and cause.lasts is not None and cause.lasts.exponential is not None:
        place = (*path, "lasts", "exponential", "mean")
        yield _Place(place, "lasts", cause.lasts.exponential.mean, found, DURATION_S_MAX)


def _of_stage(path: Path, drawn: DrawnTime | None, name: str, cohorts: list[int]) -> Iterator[_Place]:
    """Yield the numbers of the time that a stage takes."""
    if drawn is None or drawn.kind not in _PARAMETERS:
        return
    (number,) = (int(stage) for stage in Stage if stage.label == name)
    found = tuple((c, number) for c in cohorts)
    kinds: tuple[Kind, Kind] = ("stage_a", "stage_b")
    for key, kind in zip(_PARAMETERS[drawn.kind], kinds, strict=False):
        value = float(getattr(getattr(drawn, drawn.kind), key))
        high = {"sigma": _SPREAD_MAX, "shape": _SHAPE_MAX}.get(key, DURATION_S_MAX)
        if value > 0:
            yield _Place((*path, drawn.kind, key), kind, value, found, high)


# --- numbers that are written once ---


def _written_at(scenario: Scenario, place: _Place) -> object:
    """Return what tells written numbers apart: the position in the text, else the place itself."""
    source = scenario.source
    span = source.spans.get(source.as_written(place.path))
    return place.path if span is None else span.value


def _is_one_number(scenario: Scenario, group: list[_Place]) -> bool:
    """Tell whether one written number is the same for all places, and for nothing else."""
    if len({(place.kind, place.value) for place in group}) > 1:
        return False
    source = scenario.source
    position = _written_at(scenario, group[0])
    own = {source.as_written(place.path) for place in group}
    return all(
        span.value != position or not span.is_single or path in own for path, span in source.spans.items()
    )


def _joined(group: list[_Place]) -> Unknown:
    first = group[0]
    return Unknown(
        path=dotted(first.path),
        paths=tuple(dotted(place.path) for place in group),
        transform="logit" if first.kind in _SHARES else "log",
        value=first.value,
        kind=first.kind,
        targets=tuple(target for place in group for target in place.targets),
        high=first.high,
    )


# --- what stays as it is ---


def _kept(scenario: Scenario, found: Sequence[Unknown], fixed: Sequence[str]) -> set[str]:
    """Return the paths of unknowns that are to stay as they are."""
    data = scenario.source.data
    labels = None if scenario.inventory is None else scenario.inventory.labels
    cohorts = labelled(data.get("fleet"), labels)
    by_name = {name: i for i, name in enumerate(scenario.cohort_names)}
    every = {path: one.path for one in found for path in one.paths}
    kept, problems = set(), []
    for given in fixed:
        try:
            places = list(targets(data, completed(data, given), cohorts))
        except PathError as error:
            problems.append(Problem(f"fixed '{given}'", str(error), file=scenario.source.name))
            continue
        meant = [dotted(_by_position(tuple(steps), by_name)) for steps in places]
        matching = {every[path] for path in every for place in meant if _is_in(path, place)}
        if not matching:
            message = unknown("number that is fitted", meant[0], every)
            problems.append(Problem(f"fixed '{given}'", message, file=scenario.source.name))
        kept |= matching
    if problems:
        raise ScenarioError(problems)
    return kept


def _by_position(steps: Path, by_name: dict[str, int]) -> Path:
    """Return steps in which a cohort goes by its position."""
    if len(steps) > 2 and steps[:2] == ("fleet", "cohorts"):
        third = steps[2]
        position = (
            int(third) if str(third).isdecimal() and third not in by_name else by_name.get(str(third), third)
        )
        return (*steps[:2], position, *steps[3:])
    return steps


def _is_in(path: str, place: str) -> bool:
    """Tell whether a path is a place, or one in it."""
    return path == place or path.startswith((f"{place}.", f"{place}["))
