"""The answer of a sensitivity study: first-order and total Sobol indices, and what they were made of."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from sim.results.frames.bit_rates import with_bps
from sim.study.display.answer import RunsAnswer
from sim.study.point_statistics import means

if TYPE_CHECKING:
    import pandas as pd

    from sim.fleet.spec import Floats
    from sim.study.ranges.vary import Vary

_RESAMPLES: Final = 300

_BOUNDS: Final = (0.025, 0.975)


class Indices(NamedTuple):
    """Sobol indices of one metric; F fields.

    Attributes:
        first: (F,) float64, first-order indices.
        total: (F,) float64, total indices.
        first_bounds: (2, F) float64, bootstrap 95 % interval.
        total_bounds: (2, F) float64, likewise.
        together: Share of the variance that no field explains alone: 1 minus all first-order indices.
        together_bounds: (2,) float64, likewise.
    """

    first: Floats
    total: Floats
    first_bounds: Floats
    total_bounds: Floats
    together: float
    together_bounds: Floats


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class SensitivityAnswer(RunsAnswer):
    """How much each field matters to each metric.

    Attributes:
        varied: The fields and their ranges.
        metrics: The metrics that were asked for.
        samples: Base samples.
        rows: Which of the distinct points each point of the design is: A, then B, then A with one field
            from B, field by field.
    """

    varied: tuple[Vary, ...]
    metrics: tuple[str, ...]
    samples: int
    rows: tuple[int, ...]

    @cached_property
    def indices(self) -> dict[str, Indices | None]:
        """Indices by metric; None for one that is not defined at every point."""
        return {name: self._indices(name) for name in self.metrics}

    def _indices(self, name: str) -> Indices | None:
        """Return the indices of one metric."""
        values = means(name, self.runs.of(name)).mean[list(self.rows)]
        if np.isnan(values).any():
            return None
        return sobol_indices(values.reshape(len(self.varied) + 2, self.samples), seed=self.seed)

    @cached_property
    def frame(self) -> pd.DataFrame:
        """A row a metric and field: first-order and total index, with their 95 % intervals."""
        import pandas as pd

        rows = []
        for metric, found in self.indices.items():
            for i, vary in enumerate(self.varied):
                bounds = [np.nan] * 6
                if found is not None:
                    first, total = (
                        (found.first[i], *found.first_bounds[:, i]),
                        (found.total[i], *found.total_bounds[:, i]),
                    )
                    bounds = [*first, *total]
                rows.append((metric, vary.path, *bounds))
        names = ["first", "first_low", "first_high", "total", "total_low", "total_high"]
        return pd.DataFrame(rows, columns=["metric", "field", *names])

    @cached_property
    def points(self) -> pd.DataFrame:
        """A row a distinct point: the fields, and the mean of every metric."""
        import pandas as pd

        frame = pd.DataFrame([dict(point.values) for point in self.runs.points])
        for name in self.scenario.metric_names:
            frame[name] = means(name, self.runs.of(name)).mean
        return with_bps(frame)


def sobol_indices(values: Floats, *, seed: int) -> Indices:
    """Return first-order and total indices from a design's values.

    Args:
        values: (F + 2, n) float64: at A, at B, at A with field i from B. Read only.
        seed: Of the bootstrap, which draws base samples with replacement.

    Source:
        Saltelli et al., "Variance based sensitivity analysis of model output", Computer Physics
        Communications 181 (2010), as computed by `scipy.stats.sobol_indices`.
    """
    first, total = _saltelli(values)
    n = values.shape[1]
    generator = np.random.Generator(np.random.Philox(key=seed))
    resampled = np.array([_saltelli(values[:, generator.integers(0, n, n)]) for _ in range(_RESAMPLES)])
    bounds = np.quantile(resampled, _BOUNDS, axis=0)
    together = np.quantile(1.0 - resampled[:, 0].sum(axis=1), _BOUNDS)
    return Indices(first, total, bounds[:, 0], bounds[:, 1], 1.0 - float(first.sum()), together)


def _saltelli(values: Floats) -> tuple[Floats, Floats]:
    """Return first-order and total indices; a metric that does not vary has none but 0."""
    from scipy.stats import sobol_indices as of_values

    found = of_values(
        func={"f_A": values[:1], "f_B": values[1:2], "f_AB": values[2:, None, :]}, n=values.shape[1]
    )
    return np.atleast_1d(found.first_order), np.atleast_1d(found.total_order)
