"""Which fields matter: first-order and total Sobol indices of metrics over ranges of fields.

The first-order index of a field is the share of a metric's variance that goes away, on average, once that
field is known; the total index is the share that stays if all others are known. Fields vary independently
and evenly over their ranges, and every point has the same luck, so that luck is no part of the variance.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple, Unpack

import numpy as np

from sim.errors import Problem, ScenarioError
from sim.study.engine.options import Complaints, Options, check_count, check_options, loaded
from sim.study.engine.points import Point, points_at
from sim.study.engine.study import Runs, Study
from sim.study.engine.unit import METRIC_NAMES
from sim.study.point_statistics import means
from sim.study.ranges.vary import POINTS_MAX, Fields, Vary, read_vary
from sim.study.sweeps.run import SHOWN, check_metric

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from sim.fleet.spec import Floats
    from sim.scenario import Scenario

SAMPLES: Final = 128
"""Base samples: the number of points is this times (fields + 2)."""

SAMPLES_BOUNDS: Final = (8, 16_384)
"""Fewest and most base samples."""

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


class Sensitivity:
    """How much each field matters to each metric.

    Attributes:
        scenario: What was varied.
        seed: Key of all draws, and of the sample of points.
        varied: The fields and their ranges.
        metrics: The metrics that were asked for.
        samples: Base samples.
        runs: The runs, at points A, then B, then A with one field from B, field by field.
        reused: Runs that were found in the folder.
    """

    def __init__(
        self,
        scenario: Scenario,
        seed: int,
        varied: list[Vary],
        metrics: tuple[str, ...],
        samples: int,
        runs: Runs,
        rows: list[int],
        reused: int,
    ) -> None:
        """Keep the runs.

        Args:
            scenario: What was varied.
            seed: Key of all draws.
            varied: The fields.
            metrics: The metrics.
            samples: Base samples.
            runs: Runs at the distinct points.
            rows: Which of them each point of the design is.
            reused: Runs that were found in the folder.
        """
        self.scenario = scenario
        self.seed = seed
        self.varied = varied
        self.metrics = metrics
        self.samples = samples
        self.runs = runs
        self.rows = rows
        self.reused = reused

    @property
    def digest(self) -> str:
        """SHA-256 over the records of all runs."""
        return self.runs.digest

    @cached_property
    def indices(self) -> dict[str, Indices | None]:
        """Indices by metric; None for one that is not defined at every point."""
        return {name: self._indices(name) for name in self.metrics}

    def _indices(self, name: str) -> Indices | None:
        """Return the indices of one metric."""
        values = means(name, self.runs.of(name)).mean[self.rows]
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
        for name in METRIC_NAMES:
            frame[name] = means(name, self.runs.of(name)).mean
        return frame

    def plot(self, metric: str | None = None, axes: Axes | None = None) -> Axes:
        """Draw the indices of one metric as bars.

        Args:
            metric: Its name; None for the first one.
            axes: Where; a new figure if None.
        """
        from sim.results.figures.overview import new_axes
        from sim.study.sobol.figure import draw_indices

        axes = new_axes() if axes is None else axes
        draw_indices(axes, self, self.metrics[0] if metric is None else metric)
        return axes

    def __str__(self) -> str:
        """Return the indices as the command prints them."""
        from sim.study.sobol.figure import sensitivity_text

        return sensitivity_text(self)

    def _repr_html_(self) -> str:
        """Return indices and figure for Jupyter."""
        from sim.study.sobol.figure import sensitivity_figure
        from sim.study.sweeps.text import study_html

        return study_html(str(self), sensitivity_figure(self))


def sensitivity(
    scenario: Scenario | str | Path,
    vary: Fields,
    *,
    metrics: Iterable[str] = SHOWN,
    samples: int = SAMPLES,
    replications: int | None = None,
    **options: Unpack[Options],
) -> Sensitivity:
    """Say which fields matter to which metrics.

    Args:
        scenario: A scenario, or the path of its file.
        vary: Range or list by path, like `{"platform.bandwidth": "200 Mbit/s..2 Gbit/s:log"}`. Values of a
            list, or with a step, are equally probable; `:log` spreads evenly over ratios.
        metrics: Names of metrics.
        samples: Base samples, a power of two, 8..16,384; points are so many times (fields + 2).
        replications: At each point; None for 1: the same luck everywhere is enough to see what matters.
        **options: See `Options`.

    Returns:
        First-order and total indices with bootstrap intervals.

    Raises:
        ScenarioError: Something in the input is wrong; nothing was run then.
    """
    base = loaded(scenario)
    complaints = Complaints()
    names: list[str] = complaints.of(lambda: [check_metric(name) for name in metrics], [])
    is_sensible = SAMPLES_BOUNDS[0] <= samples <= SAMPLES_BOUNDS[1] and samples & (samples - 1) == 0
    if not is_sensible:
        complaints.add(Problem("samples", f"{samples} is not allowed; a power of two from 8 to 16384"))
    n = complaints.of(lambda: check_count("replications", replications, 1), 1)
    complaints.of(lambda: check_options(options), None)
    varied: list[Vary] = complaints.of(lambda: read_vary(vary), [])
    seed = base.run.seed if options.get("seed") is None else options["seed"]
    none: tuple[list[Point], list[int]] = ([], [])
    points, rows = complaints.of(
        lambda: _design(base, varied, samples if is_sensible else 8, seed or 0), none
    )
    complaints.raise_any()
    with Study(base, options, kind="sensitivity", groups_points=True) as study:
        runs = study.runs(points, n)
        result = Sensitivity(
            base, study.seed, varied, tuple(names) or SHOWN, samples, runs, rows, study.reused
        )
        if study.folder is not None:
            from sim.results.figures.style import image_bytes
            from sim.study.sobol.figure import sensitivity_figure

            study.folder.write_frame("sensitivity.parquet", result.frame)
            study.folder.write_frame("points.parquet", result.points)
            study.folder.write("sensitivity.png", image_bytes(lambda: sensitivity_figure(result)))
    return result


def _design(base: Scenario, varied: list[Vary], samples: int, seed: int) -> tuple[list[Point], list[int]]:
    """Return the distinct points of a design, and which of them each of its points is."""
    if not varied:
        return [], []
    if len(varied) == 1:
        raise ScenarioError(
            [Problem(varied[0].path, "varies alone, so all depends on it; name a second field")]
        )
    n_points = samples * (len(varied) + 2)
    if n_points > POINTS_MAX:
        raise ScenarioError([Problem("samples", f"makes {n_points:,} points; at most {POINTS_MAX:,}")])
    for one in varied:
        if len({str(one.at(position)) for position in np.linspace(0, 1, 257)}) < 2:
            raise ScenarioError([Problem(one.path, "has a single value, which can't matter")])
    variants = [
        {one.path: one.at(float(position)) for one, position in zip(varied, row, strict=True)}
        for row in sample_positions(len(varied), samples, seed=seed)
    ]
    # Whole numbers and lists meet again and again: each distinct point is run once.
    texts = [repr(sorted(values.items())) for values in variants]
    first = {text: i for i, text in reversed(list(enumerate(texts)))}
    distinct = sorted(first.values())
    number = {texts[i]: row for row, i in enumerate(distinct)}
    points = points_at(base, [variants[i] for i in distinct])
    return points, [number[text] for text in texts]


def sample_positions(fields: int, samples: int, *, seed: int) -> Floats:
    """Return the points of a Saltelli design in the unit cube, (samples * (fields + 2), fields) float64.

    Args:
        fields: Number of fields, >= 1.
        samples: Base samples, a power of two.
        seed: Shifts the low-discrepancy sequence (modulo 1), so that no point lies on an edge.
    """
    from scipy.stats import qmc

    sequence = qmc.Sobol(2 * fields, scramble=False).random(samples)
    shift = np.random.Generator(np.random.Philox(key=seed)).random(2 * fields)
    both = (sequence + shift) % 1.0
    a, b = both[:, :fields], both[:, fields:]
    parts = [a, b]
    for field in range(fields):
        mixed = a.copy()
        mixed[:, field] = b[:, field]
        parts.append(mixed)
    return np.concatenate(parts)


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
