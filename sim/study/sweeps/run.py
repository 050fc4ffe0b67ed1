"""A sweep: the same scenario at every point of a grid."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Final, Unpack

from sim.results.figures.canvas import drawn
from sim.scenario import load_scenario
from sim.scenario.arguments import known_keywords
from sim.study.engine.kinds import SWEEP
from sim.study.engine.options import (
    OPTION_NAMES,
    Complaints,
    Options,
    check_count,
    check_metric,
    check_metrics,
    check_options,
)
from sim.study.engine.points import Point, points_at
from sim.study.engine.stopping import MOST, until_precise
from sim.study.engine.study import Runs, Study
from sim.study.goals import Precision, read_precisions
from sim.study.one_run import why_short
from sim.study.ranges.vary import Axis, Fields, read_vary, sweep_axes
from sim.study.sweeps.answer import SweepAnswer
from sim.study.sweeps.best import varies
from sim.study.sweeps.figure import draw_sweep, sweep_figure
from sim.study.sweeps.text import sweep_headline, sweep_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from sim.scenario import Scenario, ScenarioLike
    from sim.study.engine.folder import Content


REPLICATIONS_MIN: Final = 10
"""Replications of a sweep if nobody says how many, unless the scenario has more."""


class Sweep(SweepAnswer):
    """What happens at each point of a grid, in numbers, words and figures."""

    @property
    def headline(self) -> str:
        """The answer in one or two sentences: what was found, or that nothing was, and why."""
        return sweep_headline(self)

    def text(self, metrics: Sequence[str] = ()) -> str:
        """Return the summary as the command prints it.

        Args:
            metrics: What to show; those that matter and differ if empty.
        """
        return sweep_text(self, tuple(metrics) or self.default_metrics())

    def figure(self, metrics: Sequence[str] = ()) -> Figure:
        """Return the figure of some metrics.

        Args:
            metrics: What to draw; those that matter and differ if empty.
        """
        return sweep_figure(self, tuple(metrics) or self.default_metrics())

    @known_keywords()
    def plot(self, metric: str | None = None, axes: Axes | None = None) -> Axes:
        """Draw one metric over one or two varied fields.

        Args:
            metric: Its name; None for the first that matters and differs.
            axes: Where; a new figure if None.
        """
        name = self.default_metrics()[0] if metric is None else check_metric(metric)
        return drawn(axes, lambda axes: draw_sweep(axes, self, name))

    def contents(self, metrics: Sequence[str] = ()) -> Mapping[str, Content]:
        """Return what the study's folder gets, by the name of the file.

        Args:
            metrics: What the figure shows; those that matter and differ if empty.
        """
        return {
            "sweep.parquet": self.frame,
            "summary.parquet": self.summary,
            "sweep.json": {**self.as_dict(), "metrics": list(metrics) or list(self.default_metrics())},
            "sweep.png": lambda: self.figure(metrics),
        }


@known_keywords(*OPTION_NAMES)
def sweep(
    scenario: ScenarioLike,
    vary: Fields,
    *,
    replications: int | None = None,
    precision: str | Iterable[str] | None = None,
    metrics: Iterable[str] = (),
    **options: Unpack[Options],
) -> Sweep:
    """Run a scenario at every point of a grid, with the same draws everywhere.

    Args:
        scenario: A scenario, the path of its file, or a mapping with what a file would hold.
        vary: Values by path: a sequence as a file writes them, or text like `0..5` (see
            `sim.study.ranges.vary`).
        replications: At each point; None for the scenario's own number, at least 10. With a precision:
            how many at most, None for 1,000.
        precision: When to stop, like `success_share ± 0.2 %`; it must be met at each point.
        metrics: What the figure in the folder shows; those that matter and differ if empty.
        **options: See `Options`.

    Returns:
        Every metric at every point, with paired differences from the first one.

    Raises:
        ScenarioError: Something in the input is wrong; nothing was run then.

    Example:
        >>> counts = {"campaign.task_policy.retry_count": [1, 2]}
        >>> sim.sweep("scenarios/quickstart.yaml", counts, replications=2)
        <Sweep quickstart: 2 points, 2 replications, seed 1>
    """
    base = load_scenario(scenario)
    complaints = Complaints()
    precisions: tuple[Precision, ...] = complaints.of(lambda: read_precisions(precision or ()), ())
    drawn_metrics: list[str] = complaints.of(lambda: check_metrics(metrics), [])
    none: tuple[list[Axis], list[Point]] = ([], [])
    axes, points = complaints.of(lambda: _grid(base, vary), none)
    default = MOST if precisions else max(base.run.replications, REPLICATIONS_MIN)
    most = complaints.of(lambda: check_count("replications", replications, default), default)
    complaints.of(lambda: check_options(options), None)
    complaints.raise_any()
    with Study(base, options, kind=SWEEP) as study:
        runs, looked = until_precise(study, points, precisions, most)
        why = _why_alike(study, runs, points[0].of(base))
        result = Sweep(
            scenario=base,
            seed=study.seed,
            reused=study.reused,
            runs=runs,
            axes=tuple(axes),
            looked=looked,
            why=why,
        )
        study.save(lambda: result.contents(drawn_metrics))
    return result


def _why_alike(study: Study, runs: Runs, first: Scenario) -> str:
    """Return what kept devices from being upgraded, if as many were upgraded at all points.

    Args:
        study: Knows the draws.
        runs: Those of all points.
        first: The scenario at the first point.
    """
    succeeded = runs.of("succeeded")
    if varies(succeeded) or (succeeded == runs.of("devices")).all():
        return ""
    return why_short(study, first)


def _grid(base: Scenario, vary: Fields) -> tuple[list[Axis], list[Point]]:
    """Return the axes, and a checked point for each combination of their values."""
    axes = sweep_axes(read_vary(vary, base))
    names = [axis.path for axis in axes]
    grid = itertools.product(*(axis.values for axis in axes))
    return axes, points_at(base, [dict(zip(names, values, strict=True)) for values in grid])
