"""A grid of values: every metric at every point, and how each point differs from the first."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Unpack

import numpy as np

from sim.errors import Problem, ScenarioError
from sim.scenario.suggest import unknown
from sim.study.engine.options import Complaints, Options, check_count, check_options, loaded
from sim.study.engine.points import Point, points_at
from sim.study.engine.study import Runs, Study
from sim.study.engine.unit import METRIC_NAMES
from sim.study.goals import Precision, read_precisions
from sim.study.point_statistics import NEVER_IS_NAN, differences, means
from sim.study.ranges.vary import Axis, Fields, read_vary, sweep_axes
from sim.study.replications.run import MOST, Looked, until_precise

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from sim.scenario import Scenario

REPLICATIONS_MIN: Final = 10
"""Replications of a sweep if nobody says how many, unless the scenario has more."""

SHOWN: Final = ("success_share", "time_to_success.p95")
"""Metrics that are printed and drawn if nobody says which."""


class Sweep:
    """What happens at each point of a grid.

    Attributes:
        scenario: What was varied.
        seed: Key of all draws, the same at every point.
        axes: The fields that vary; the last one varies fastest.
        runs: The runs at all points.
        looked: How the number of replications came about.
        reused: Runs that were found in the folder.
    """

    def __init__(
        self, scenario: Scenario, seed: int, axes: Sequence[Axis], runs: Runs, looked: Looked, reused: int
    ) -> None:
        """Keep the runs."""
        self.scenario = scenario
        self.seed = seed
        self.axes = tuple(axes)
        self.runs = runs
        self.looked = looked
        self.reused = reused

    @property
    def replications(self) -> int:
        """Replications at each point."""
        return self.runs.replications

    @property
    def digest(self) -> str:
        """SHA-256 over the records of all runs, point by point."""
        return self.runs.digest

    @property
    def shape(self) -> tuple[int, ...]:
        """Values of each axis."""
        return tuple(len(axis.values) for axis in self.axes)

    @cached_property
    def frame(self) -> pd.DataFrame:
        """A row a run: point, the varied fields, replication, every metric, digest of its records."""
        import pandas as pd

        n_points, n_runs, n_metrics = self.runs.metrics.shape
        frame = pd.DataFrame(self.runs.metrics.reshape(-1, n_metrics), columns=list(METRIC_NAMES))
        frame.insert(0, "point", np.repeat(np.arange(n_points), n_runs))
        for i_axis, axis in enumerate(self.axes):
            column = np.repeat(np.array(self._column(axis), object), n_runs)
            frame.insert(1 + i_axis, axis.path, pd.Series(column).infer_objects())
        frame.insert(1 + len(self.axes), "replication", np.tile(np.arange(n_runs), n_points))
        frame["digest"] = [digest for digests in self.runs.digests for digest in digests]
        return frame

    @cached_property
    def summary(self) -> pd.DataFrame:
        """A row a point and metric: mean, its 95 % interval, difference from the first point, likewise.

        Differences are paired: the same replication, hence the same luck, at both points.
        """
        import pandas as pd

        n_points = len(self.runs.points)
        fields: dict[str, Any] = {"point": np.arange(n_points)}
        for axis in self.axes:
            fields[axis.path] = pd.Series(self._column(axis)).infer_objects()
        parts = []
        for name in METRIC_NAMES:
            values = self.runs.of(name)
            mean, low, high = means(name, values)
            diff, diff_low, diff_high = differences(name, values, values[0])
            part = pd.DataFrame({**fields, "metric": name, "mean": mean, "low": low, "high": high})
            part["difference"], part["difference_low"], part["difference_high"] = diff, diff_low, diff_high
            parts.append(part)
        frame = pd.concat(parts, ignore_index=True)
        return frame.sort_values("point", kind="stable", ignore_index=True)

    def _column(self, axis: Axis) -> list[Any]:
        """Return the value of one axis at each point, as a column of one type."""
        values = [point.values[axis.path] for point in self.runs.points]
        if all(type(value) is type(values[0]) and isinstance(value, int | float | str) for value in values):
            return values
        return [value if isinstance(value, str) else repr(value) for value in values]

    def default_metrics(self) -> tuple[str, ...]:
        """Return what to show: what usually matters, but nothing that is the same at every point."""
        wanted = (*SHOWN, "time_to_success.p99", "makespan", "failed", "attempts", "peak_processing")
        varying = [name for name in wanted if self._varies(name)]
        return tuple(varying[:2]) or SHOWN[:1]

    def _varies(self, name: str) -> bool:
        """Tell whether a metric differs between points, and is known at most of them."""
        values = self.runs.of(name)
        never = name.startswith(NEVER_IS_NAN) and np.isnan(values).any(axis=1).mean() > 0.5
        return not never and bool(np.nanmax(np.abs(values - values[:1]), initial=0.0) > 0)

    def plot(self, metric: str | None = None, axes: Axes | None = None) -> Axes:
        """Draw one metric over one or two varied fields.

        Args:
            metric: Its name; None for the first that matters and differs.
            axes: Where; a new figure if None.
        """
        from sim.results.figures.overview import new_axes
        from sim.study.sweeps.figure import draw_sweep

        name = self.default_metrics()[0] if metric is None else check_metric(metric)
        axes = new_axes() if axes is None else axes
        draw_sweep(axes, self, name)
        return axes

    def __str__(self) -> str:
        """Return the summary as the command prints it."""
        from sim.study.sweeps.text import sweep_text

        return sweep_text(self, self.default_metrics())

    def _repr_html_(self) -> str:
        """Return summary and figure for Jupyter."""
        from sim.study.sweeps.figure import sweep_figure
        from sim.study.sweeps.text import study_html

        return study_html(str(self), sweep_figure(self, self.default_metrics()))


def check_metric(name: str) -> str:
    """Return the name of a metric.

    Raises:
        ScenarioError: There is no such metric.
    """
    if name not in METRIC_NAMES:
        raise ScenarioError([Problem("metric", unknown("metric", name, METRIC_NAMES))])
    return name


def sweep(
    scenario: Scenario | str | Path,
    vary: Fields,
    *,
    replications: int | None = None,
    precision: str | Iterable[str] | None = None,
    metrics: Iterable[str] = (),
    **options: Unpack[Options],
) -> Sweep:
    """Run a scenario at every point of a grid, with the same luck everywhere.

    Args:
        scenario: A scenario, or the path of its file.
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
    """
    base = loaded(scenario)
    complaints = Complaints()
    precisions: tuple[Precision, ...] = complaints.of(lambda: read_precisions(precision or ()), ())
    drawn: list[str] = complaints.of(lambda: [check_metric(name) for name in metrics], [])
    none: tuple[list[Axis], list[Point]] = ([], [])
    axes, points = complaints.of(lambda: _grid(base, vary), none)
    default = MOST if precisions else max(base.run.replications, REPLICATIONS_MIN)
    most = complaints.of(lambda: check_count("replications", replications, default), default)
    complaints.of(lambda: check_options(options), None)
    complaints.raise_any()
    with Study(base, options, kind="sweep") as study:
        runs, looked = until_precise(study, points, precisions, most)
        result = Sweep(base, study.seed, axes, runs, looked, study.reused)
        if study.folder is not None:
            from sim.results.figures.style import image_bytes
            from sim.study.sweeps.figure import sweep_figure

            shown = tuple(drawn) or result.default_metrics()
            study.folder.write_frame("sweep.parquet", result.frame)
            study.folder.write_frame("summary.parquet", result.summary)
            study.folder.write("sweep.png", image_bytes(lambda: sweep_figure(result, shown)))
    return result


def _grid(base: Scenario, vary: Fields) -> tuple[list[Axis], list[Point]]:
    """Return the axes, and a checked point for each combination of their values."""
    axes = sweep_axes(read_vary(vary))
    names = [axis.path for axis in axes]
    grid = itertools.product(*(axis.values for axis in axes))
    return axes, points_at(base, [dict(zip(names, values, strict=True)) for values in grid])
