"""Which fields matter: first-order and total Sobol indices of metrics over ranges of fields.

The first-order index of a field is the share of a metric's variance that goes away, on average, once that
field is known; the total index is the share that stays if all others are known. Fields vary independently
and evenly over their ranges, and every point has the same draws, so that luck is no part of the variance.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Final, Unpack

import numpy as np

from sim.errors import Problem, ScenarioError
from sim.results.figures.canvas import drawn
from sim.scenario import load_scenario
from sim.scenario.arguments import is_number, is_whole, known_keywords
from sim.study.engine.kinds import SENSITIVITY
from sim.study.engine.options import (
    OPTION_NAMES,
    Complaints,
    Options,
    check_count,
    check_metrics,
    check_options,
)
from sim.study.engine.points import Point, points_at
from sim.study.engine.study import Study
from sim.study.ranges.vary import POINTS_MAX, Fields, Vary, read_vary
from sim.study.sobol.answer import SensitivityAnswer
from sim.study.sobol.figure import draw_indices, sensitivity_figure
from sim.study.sobol.text import sensitivity_headline, sensitivity_text
from sim.study.sweeps.answer import SHOWN
from sim.units import shown

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from sim.fleet.spec import Floats
    from sim.scenario import Scenario, ScenarioLike
    from sim.study.engine.folder import Content


SAMPLES: Final = 128
"""Base samples: the number of points is this times (fields + 2)."""

SAMPLES_BOUNDS: Final = (8, 16_384)
"""Fewest and most base samples."""


class Sensitivity(SensitivityAnswer):
    """How much each field matters to each metric, in numbers, words and figures."""

    @property
    def headline(self) -> str:
        """The answer in one or two sentences: what was found, or that nothing was, and why."""
        return sensitivity_headline(self)

    def text(self) -> str:
        """Return the indices as the command prints them."""
        return sensitivity_text(self)

    def figure(self) -> Figure:
        """Return the figure of the indices."""
        return sensitivity_figure(self)

    @known_keywords()
    def plot(self, metric: str | None = None, axes: Axes | None = None) -> Axes:
        """Draw the indices of one metric as bars.

        Args:
            metric: Its name; None for the first one.
            axes: Where; a new figure if None.
        """
        name = self.metrics[0] if metric is None else metric
        return drawn(axes, lambda axes: draw_indices(axes, self, name))

    def contents(self) -> Mapping[str, Content]:
        """Return what the study's folder gets, by the name of the file."""
        return {
            "sensitivity.parquet": self.frame,
            "points.parquet": self.points,
            "sensitivity.json": self.as_dict(),
            "sensitivity.png": self.figure,
        }


@known_keywords(*OPTION_NAMES)
def sensitivity(
    scenario: ScenarioLike,
    vary: Fields,
    *,
    metrics: Iterable[str] = SHOWN,
    samples: int = SAMPLES,
    replications: int | None = None,
    **options: Unpack[Options],
) -> Sensitivity:
    """Say which fields matter to which metrics.

    Args:
        scenario: A scenario, the path of its file, or a mapping with what a file would hold.
        vary: Range or list by path, like `{"platform.bandwidth": "200 Mbit/s..2 Gbit/s:log"}`. Values of a
            list, or with a step, are equally probable; `:log` spreads evenly over ratios.
        metrics: Names of metrics.
        samples: Base samples, a power of two, 8..16,384; points are so many times (fields + 2).
        replications: At each point; None for 1: the same draws everywhere is enough to see what matters.
        **options: See `Options`.

    Returns:
        First-order and total indices with bootstrap intervals.

    Raises:
        ScenarioError: Something in the input is wrong; nothing was run then.

    Example:
        >>> fields = {"platform.max_processing": "500..4000", "campaign.task_policy.retry_count": "1..3"}
        >>> found = sim.sensitivity("scenarios/quickstart.yaml", fields, metrics=["makespan"], samples=8)
        >>> found.frame[["field", "total"]]  # doctest: +SKIP
    """
    base = load_scenario(scenario)
    complaints = Complaints()
    names: list[str] = complaints.of(lambda: check_metrics(metrics), [])
    is_sensible = is_whole(samples) and is_number(samples, *SAMPLES_BOUNDS) and samples & (samples - 1) == 0
    if not is_sensible:
        complaints.add(Problem("samples", f"{shown(samples)} is not allowed; a power of two from 8 to 16384"))
    n = complaints.of(lambda: check_count("replications", replications, 1), 1)
    complaints.of(lambda: check_options(options), None)
    varied: list[Vary] = complaints.of(lambda: read_vary(vary, base), [])
    seed = base.run.seed if options.get("seed") is None else options["seed"]
    none: tuple[list[Point], list[int]] = ([], [])
    base_samples = samples if is_sensible else SAMPLES_BOUNDS[0]
    points, rows = complaints.of(lambda: _design(base, varied, base_samples, seed or 0), none)
    complaints.raise_any()
    with Study(base, options, kind=SENSITIVITY, groups_points=True) as study:
        runs = study.runs(points, n)
        result = Sensitivity(
            scenario=base,
            seed=study.seed,
            reused=study.reused,
            runs=runs,
            varied=tuple(varied),
            metrics=tuple(names) or SHOWN,
            samples=samples,
            rows=tuple(rows),
        )
        study.save(result.contents)
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
