"""Fit a template's numbers to what was seen of a campaign."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from sim.calibration.cohort_model import CohortModel, cohort_models
from sim.calibration.grades import IDENTIFIED, NOT_IDENTIFIABLE, combination, grades_of
from sim.calibration.likelihood.histories import Histories, group
from sim.calibration.likelihood.likelihood import Likelihood
from sim.calibration.mode import Mode, find_mode
from sim.calibration.priors import Prior, default_prior, from_scale, to_scale
from sim.calibration.resampling import Draws, resample
from sim.calibration.uncovered import uncovered
from sim.calibration.unknowns import Unknown, models_at, unknowns_of
from sim.errors import ScenarioError
from sim.recording.attempts import UNKNOWN_REASON, AttemptResult, Attempts

if TYPE_CHECKING:
    import pandas as pd

    from sim.scenario import Scenario

Floats = NDArray[np.float64]

BOUND: Final = "bound"
"""Grade of a share of which the data say only how large it is at most."""

_SHARES: Final = ("probability", "permanent", "already_current")
_NONE: Final = 1e-9
_CLEAR: Final = 1.92
"""Half the 95 % quantile of chi-square with one degree of freedom."""


@dataclass(frozen=True, eq=False)
class Fit:
    """What a campaign says of a template's numbers.

    Attributes:
        template: The scenario with the numbers of before.
        unknowns: The numbers that were looked for, by path.
        estimates: (k,) medians of the posterior, natural units: shares 0..1, seconds.
        low: (k,) 2.5 % quantile; 0 for a bound.
        high: (k,) 97.5 % quantile; for a bound, the 95 % quantile.
        grades: (k,) `identified`, `weak`, `bound` or `not identifiable`.
        draws: (400, k) of the posterior, natural units, equally probable.
        effective: How many independent draws they are worth.
        pareto_k: Below 0.7 the draws can be relied on.
        log_likelihood: At the mode, up to a constant.
        data_digest: SHA-256 of the attempts that were fitted.
        n_devices: Devices that were seen.
        n_attempts: Their attempts.
        notes: What the data can't say, what the template has not, whether the search came to an end.
    """

    template: Scenario
    unknowns: tuple[Unknown, ...]
    estimates: Floats
    low: Floats
    high: Floats
    grades: tuple[str, ...]
    draws: Floats
    effective: float
    pareto_k: float
    log_likelihood: float
    data_digest: str
    n_devices: int
    n_attempts: int
    notes: tuple[str, ...]

    @property
    def table(self) -> pd.DataFrame:
        """A row a number: `path`, `template`, `estimate`, `low`, `high` in natural units, `grade`."""
        import pandas as pd

        return pd.DataFrame(
            {
                "path": [unknown.path for unknown in self.unknowns],
                "template": [unknown.value for unknown in self.unknowns],
                "estimate": self.estimates,
                "low": self.low,
                "high": self.high,
                "grade": list(self.grades),
            }
        )

    @property
    def values(self) -> dict[str, float]:
        """The fitted numbers by path, those that the data can't tell left out."""
        told = zip(self.unknowns, self.estimates.tolist(), self.grades, strict=True)
        return {unknown.path: value for unknown, value, grade in told if grade != NOT_IDENTIFIABLE}

    def __repr__(self) -> str:
        """Return the numbers of the fit in a line."""
        known = sum(grade == IDENTIFIED for grade in self.grades)
        return (
            f"<Fit of {self.template.name}: {known} of {len(self.unknowns)} numbers identified, "
            f"{self.n_devices:,} devices>"
        )


@dataclass
class _Problem:
    """Numbers to look for, and what is known of them."""

    unknowns: tuple[Unknown, ...]
    priors: tuple[Prior, ...]
    models: tuple[CohortModel, ...]
    likelihood: Likelihood
    fixed: dict[int, float] = field(default_factory=dict)

    @property
    def free(self) -> list[int]:
        """Numbers of the unknowns that are looked for."""
        return [i for i in range(len(self.unknowns)) if i not in self.fixed]

    def values(self, x: Floats) -> list[float]:
        """Return all values in natural units for those of the free ones on the scale of the search."""
        found = [unknown.value for unknown in self.unknowns]
        for i, value in self.fixed.items():
            found[i] = value
        for i, place in zip(self.free, x.tolist(), strict=True):
            found[i] = from_scale(self.unknowns[i].transform, place)
        return found

    def log_likelihood(self, x: Floats) -> float:
        """Return the logarithm of the likelihood; -inf where a model can't be."""
        values = self.values(x)
        if not all(np.isfinite(values)) or min(values, default=1.0) <= 0.0:
            return -np.inf
        return self.likelihood(models_at(self.models, self.unknowns, values))

    def log_prior(self, x: Floats) -> float:
        """Return the logarithm of the prior, up to a constant."""
        means = np.array([self.priors[i].mean for i in self.free])
        sds = np.array([self.priors[i].sd for i in self.free])
        return -0.5 * float(np.sum(((x - means) / sds) ** 2))


def fit(
    template: Scenario,
    attempts: Attempts,
    *,
    fixed: Sequence[str] = (),
    priors: Mapping[str, Prior] | None = None,
    seed: int = 1,
    progress: Callable[[float], None] | None = None,
) -> Fit:
    """Fit a template's numbers to the attempts of a campaign.

    Args:
        template: What there is: cohorts, causes and their stages, timers, policy. Its numbers are where the
            search begins.
        attempts: What was seen.
        fixed: Paths of numbers that stay as they are.
        priors: What is believed of numbers by path, instead of the default.
        seed: Key of the draws.
        progress: Called now and then with the share of the work that is done, 0..1.

    Raises:
        ScenarioError: Nothing was seen, the devices are of other cohorts, the likelihood does not cover the
            template, or a fixed path is none of its numbers.
    """
    if missing := uncovered(template):
        raise ScenarioError(missing)
    unknowns = unknowns_of(template, fixed)
    models = cohort_models(template)
    histories = group(attempts, models)
    given = priors or {}
    problem = _Problem(
        unknowns,
        tuple(given.get(unknown.path) or default_prior(unknown) for unknown in unknowns),
        models,
        Likelihood(histories),
    )
    bounds = _unseen(unknowns, models, attempts)
    problem.fixed = {i: min(unknowns[i].value, high / 3) for i, high in bounds.items()}
    mode, draws = _search(problem, seed, progress)
    return _answer(template, problem, (mode, draws, bounds), attempts, histories)


def _search(problem: _Problem, seed: int, progress: Callable[[float], None] | None) -> tuple[Mode, Draws]:
    """Return the mode and draws around it, on the scale of the search."""
    free = problem.free
    start = np.array([to_scale(problem.unknowns[i].transform, problem.unknowns[i].value) for i in free])
    means = np.array([problem.priors[i].mean for i in free])
    sds = np.array([problem.priors[i].sd for i in free])
    mode = find_mode(problem.log_likelihood, start, means, sds, progress=progress)
    precision = (mode.curvature + mode.curvature.T) / 2 + np.diag(1 / sds**2)
    values, vectors = np.linalg.eigh(precision * sds * sds[:, None])
    # Differences may turn a direction round of which the data say nothing: nothing is wider than the prior.
    inverse = (vectors / np.maximum(values, 1.0)) @ vectors.T
    covariance = inverse * sds * sds[:, None]

    def log_posterior(x: Floats) -> float:
        return problem.log_likelihood(x) + problem.log_prior(x)

    return mode, resample(log_posterior, mode.at, (covariance + covariance.T) / 2, seed)


def _unseen(
    unknowns: Sequence[Unknown], models: Sequence[CohortModel], attempts: Attempts
) -> dict[int, float]:
    """Return the largest share, at 95 %, of causes of which no failure was seen, by number of the unknown."""
    failed = attempts.result == AttemptResult.FAILED
    reasons = set(attempts.reason[failed].tolist())
    if UNKNOWN_REASON in reasons:
        return {}  # any of them may have been any cause
    n = len(np.unique(attempts.device))
    found = {}
    for i, unknown in enumerate(unknowns):
        if unknown.kind not in ("probability", "permanent"):
            continue
        causes = [models[c].causes[row] for c, row in unknown.targets]
        if all(not cause.silent and cause.reason not in reasons for cause in causes):
            found[i] = min(3.0 / n, 0.5)
    return found


def _answer(
    template: Scenario,
    problem: _Problem,
    found: tuple[Mode, Draws, Mapping[int, float]],
    attempts: Attempts,
    histories: Histories,
) -> Fit:
    """Return the numbers with their intervals and grades."""
    mode, draws, bounds = found
    unknowns, free = problem.unknowns, problem.free
    natural = np.tile(np.array(problem.values(mode.at)), (len(draws.at), 1))
    for column, i in enumerate(free):
        transform = unknowns[i].transform
        natural[:, i] = [from_scale(transform, x) for x in draws.at[:, column].tolist()]
    low, middle, high = np.quantile(natural, [0.025, 0.5, 0.975], axis=0)
    sds = np.array([problem.priors[i].sd for i in free])
    some, groups = grades_of(mode.curvature, sds)
    grades = [BOUND] * len(unknowns)
    for column, i in enumerate(free):
        grades[i] = some[column]
        if unknowns[i].kind in _SHARES and _may_be_none(problem, mode, column):
            grades[i], low[i], high[i] = BOUND, 0.0, np.quantile(natural[:, i], 0.95)
    for i, most in bounds.items():
        low[i], high[i] = 0.0, most
    for pair in _exchangeable(problem, mode):
        for column in pair:
            grades[free[column]] = NOT_IDENTIFIABLE
        groups.append(pair)
    names = [unknowns[i].path for i in free]
    notes = [*attempts.notes, *histories.notes, *combination(names, groups)]
    if not mode.has_converged:
        notes.append("the search did not come to an end: intervals may be wrong")
    if draws.pareto_k > 0.7:
        notes.append(f"the draws are worth {draws.effective:.0f} of 400 only: intervals are rough")
    return Fit(
        template=template,
        unknowns=unknowns,
        estimates=middle,
        low=low,
        high=high,
        grades=tuple(grades),
        draws=natural,
        effective=draws.effective,
        pareto_k=draws.pareto_k,
        log_likelihood=problem.log_likelihood(mode.at),
        data_digest=attempts.digest(),
        n_devices=len(np.unique(attempts.device)),
        n_attempts=len(attempts),
        notes=tuple(notes),
    )


def _may_be_none(problem: _Problem, mode: Mode, column: int) -> bool:
    """Tell whether the data are hardly less likely without a cause at all."""
    without: Any = mode.at.copy()
    without[column] = to_scale("logit", _NONE)
    return problem.log_likelihood(mode.at) - problem.log_likelihood(without) < _CLEAR


def _exchangeable(problem: _Problem, mode: Mode) -> Iterator[tuple[int, int]]:
    """Yield the numbers of causes of which the data can't tell whether they pass or stay, as columns.

    The curvature at the mode does not show it: one of the two may be next to nothing there, and the other
    known. So each is taken away in turn and the other moved to where it explains the most.
    """
    columns = {(problem.unknowns[i].kind, problem.unknowns[i].targets): k for k, i in enumerate(problem.free)}
    for (kind, targets), passing in columns.items():
        staying = columns.get(("permanent", targets))
        if kind == "probability" and staying is not None:
            best = problem.log_likelihood(mode.at)
            losses = [
                best - _without(problem, mode, *pair) for pair in ((passing, staying), (staying, passing))
            ]
            if max(losses) < _CLEAR:
                yield passing, staying


def _without(problem: _Problem, mode: Mode, gone: int, other: int) -> float:
    """Return the highest log-likelihood without one share, another one being free."""
    from scipy.optimize import minimize_scalar  # half a second to import

    def loss(place: float) -> float:
        x = mode.at.copy()
        x[gone], x[other] = to_scale("logit", _NONE), place
        return -problem.log_likelihood(x)

    return -float(minimize_scalar(loss, bounds=(-9.0, 3.0), method="bounded").fun)
