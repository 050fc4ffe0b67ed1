"""The likelihood of what was seen, for numbers of the cohorts.

The outcomes of a device's attempts and their times meet in its paths only: the probability of a history is
the sum over its paths of that of the outcomes times that of the times. So the two parts are worked out apart,
and each only when a number that it depends on has changed: of a dozen unknowns most touch outcomes alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sim.calibration.cohort_model import CohortModel
from sim.calibration.likelihood.histories import CohortHistories, Histories
from sim.calibration.likelihood.outcomes import OutcomePart
from sim.calibration.likelihood.time_part import TimePart
from sim.calibration.likelihood.time_tables import TimeTables

Floats = NDArray[np.float64]

_LEAST: Final = 1e-300
_KEPT: Final = 4


class CohortLikelihood:
    """The likelihood of one cohort's histories; keeps the parts of the last numbers."""

    def __init__(self, seen: CohortHistories) -> None:
        """Lay out the paths.

        Args:
            seen: What was seen of the cohort.
        """
        self._seen = seen
        self._time_part = TimePart(seen.paths, [key[1] for key in seen.keys])
        self._history = np.array([path.history for path in seen.paths])
        self._sign = np.array([float(path.sign) for path in seen.paths])
        self._outcomes = np.array([path.outcomes for path in seen.paths])
        self._times = _Kept(self._signed_times)
        self._sequences = _Kept(self._sequence_probabilities)

    def history_probabilities(self, model: CohortModel) -> Floats:
        """Return the probability of each history; (h,) float64."""
        times = self._times(_what_times_need(model))
        outcomes = self._sequences(_what_outcomes_need(model))
        found = np.zeros(len(self._seen.counts))
        np.add.at(found, self._history, times * outcomes[self._outcomes])
        return found

    def __call__(self, model: CohortModel) -> float:
        """Return the logarithm of the likelihood."""
        found = self.history_probabilities(model)
        return float(self._seen.counts @ np.log(np.maximum(found, _LEAST)))

    def _signed_times(self, model: CohortModel) -> Floats:
        """Return the probability of the times of each path, with its sign."""
        return np.asarray(self._time_part.probabilities(TimeTables(model, self._seen.keys)) * self._sign)

    def _sequence_probabilities(self, model: CohortModel) -> Floats:
        """Return the probability of each sequence of outcomes."""
        part = OutcomePart(model)
        return np.array([part.probability(sequence) for sequence in self._seen.sequences])


class _Kept:
    """A function of a model whose last few values are kept: a search comes back to where it was."""

    def __init__(self, function: Callable[[CohortModel], Floats]) -> None:
        self._function = function
        self._known: dict[CohortModel, Floats] = {}

    def __call__(self, model: CohortModel) -> Floats:
        """Return the value, known or not."""
        found = self._known.pop(model, None)
        if found is None:
            found = self._function(model)
        self._known[model] = found  # the last asked for is the last to go
        if len(self._known) > _KEPT:
            del self._known[next(iter(self._known))]
        return found


def _what_times_need(model: CohortModel) -> CohortModel:
    """Return a model without the numbers that times don't depend on."""
    causes = tuple(replace(cause, probability=0.0, permanent=0.0, lasts_s=0.0) for cause in model.causes)
    return replace(model, spread=0.0, already_current=0.0, causes=causes)


def _what_outcomes_need(model: CohortModel) -> CohortModel:
    """Return a model without the numbers that outcomes don't depend on."""
    return replace(
        model, fraction=1.0, mean_offline_s=1.0, stages=(), download_s=0.0, timers_s=(), retry_interval_s=0.0
    )


class Likelihood:
    """The likelihood of what was seen of a fleet."""

    def __init__(self, histories: Histories) -> None:
        """Lay out all cohorts.

        Args:
            histories: What was seen, grouped.
        """
        self.cohorts = tuple(None if seen is None else CohortLikelihood(seen) for seen in histories.cohorts)

    def __call__(self, models: Sequence[CohortModel]) -> float:
        """Return the logarithm of the likelihood of the cohorts' numbers, up to a constant."""
        return sum(
            cohort(model) for cohort, model in zip(self.cohorts, models, strict=True) if cohort is not None
        )
