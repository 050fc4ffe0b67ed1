"""Replications of one scenario: means with intervals, and bands around its curves."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Unpack

import numpy as np

from sim.study.engine.options import Complaints, Options, check_count, check_options, loaded
from sim.study.engine.points import Point
from sim.study.engine.study import Runs, Study
from sim.study.engine.unit import LEVELS, METRIC_NAMES
from sim.study.goals import Precision, looks, read_precisions
from sim.study.point_statistics import means

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from sim.fleet.spec import Floats
    from sim.results import Estimate
    from sim.scenario import Scenario

MOST: Final = 1_000
"""Replications at most while a precision is not reached."""

_BAND: Final = (0.05, 0.95)
_GRID: Final = 400


class Looked:
    """How a precision was reached, or wasn't.

    Attributes:
        precisions: What was asked for; empty if a number of replications was.
        looks: Numbers of replications at which it was looked at, up to the last one.
        is_met: Whether all were precise enough then.
    """

    def __init__(self, precisions: tuple[Precision, ...], looks: list[int], *, is_met: bool) -> None:
        """Keep what happened."""
        self.precisions = precisions
        self.looks = looks
        self.is_met = is_met

    def __str__(self) -> str:
        """Return the sentence that belongs beside a result of sequential stopping; empty without."""
        if not self.precisions:
            return ""
        asked = ", ".join(precision.text for precision in self.precisions)
        looked = ", ".join(map(str, self.looks))
        met = "reached" if self.is_met else "NOT reached"
        return (
            f"Precision {asked}: {met} after {self.looks[-1]} replications; looked at {looked} "
            "(sequential: such a 95 % interval covers about 94 %)"
        )


def until_precise(
    study: Study, points: list[Point], precisions: tuple[Precision, ...], most: int
) -> tuple[Runs, Looked]:
    """Run so many replications at all points that each mean is precise enough at each point.

    All points get the same number: with different ones they would not have the same luck.

    Args:
        study: Where to run.
        points: Where to look.
        precisions: What is asked for; with none exactly `most` replications are run.
        most: Replications at most.
    """
    seen: list[int] = []
    runs: Runs | None = None
    is_met = False
    for look in looks(most) if precisions else [most]:
        runs = study.runs(points, look)
        seen.append(look)
        is_met = all(p.is_met(e) for p in precisions for e in estimates_at_points(runs, p.metric))
        if is_met and precisions:
            break
    assert runs is not None
    return runs, Looked(precisions, seen, is_met=is_met)


def estimates_at_points(runs: Runs, name: str) -> list[Estimate]:
    """Return the mean of one metric at each point, with its interval.

    Args:
        runs: The runs.
        name: The metric.
    """
    from sim.results.statistics import estimate

    return [estimate(name, [None if np.isnan(v) else float(v) for v in row]) for row in runs.of(name)]


class Replications:
    """What replications of one scenario say.

    Attributes:
        scenario: What was run.
        seed: Key of all draws.
        runs: The runs, at a single point.
        looked: How their number came about.
        reused: Runs that were found in the folder.
    """

    def __init__(self, scenario: Scenario, seed: int, runs: Runs, looked: Looked, reused: int) -> None:
        """Keep the runs."""
        self.scenario = scenario
        self.seed = seed
        self.runs = runs
        self.looked = looked
        self.reused = reused

    @property
    def replications(self) -> int:
        """How many there are."""
        return self.runs.replications

    @property
    def digest(self) -> str:
        """SHA-256 over the records of all runs."""
        return self.runs.digest

    @cached_property
    def estimates(self) -> dict[str, Estimate]:
        """Every metric by name: mean, 95 % interval of the mean, one value a replication."""
        return {name: estimates_at_points(self.runs, name)[0] for name in METRIC_NAMES}

    @cached_property
    def frame(self) -> pd.DataFrame:
        """A row a replication: its number, every metric, the digest of its records."""
        import pandas as pd

        frame = pd.DataFrame(self.runs.metrics[0], columns=list(METRIC_NAMES))
        frame.insert(0, "replication", np.arange(len(frame)))
        frame["digest"] = self.runs.digests[0]
        return frame

    @cached_property
    def summary(self) -> pd.DataFrame:
        """A row a metric: its mean, the 95 % interval of the mean, and quantiles of single runs."""
        import pandas as pd

        rows = []
        for i_metric, name in enumerate(METRIC_NAMES):
            values = self.runs.metrics[:, :, i_metric]
            mean = means(name, values)
            known = values[~np.isnan(values)]
            quantiles = np.quantile(known, [0.05, 0.5, 0.95]) if len(known) else [np.nan] * 3
            rows.append((name, mean.mean[0], mean.low[0], mean.high[0], *quantiles, len(known)))
        return pd.DataFrame(rows, columns=["metric", "mean", "low", "high", "q05", "q50", "q95", "n"])

    @cached_property
    def bands(self) -> pd.DataFrame:
        """Completion and recovery over time: mean, and the band that holds 90 % of the runs."""
        import pandas as pd

        parts = [self._band(i_curve, name) for i_curve, name in enumerate(("completion", "recovery"))]
        return pd.concat(parts, ignore_index=True)

    def _band(self, i_curve: int, name: str) -> pd.DataFrame:
        """Return the band of one curve on a grid of its own."""
        import pandas as pd

        from sim.results.statistics import band

        times = self.runs.curves[0, :, i_curve]
        reached = times[~np.isnan(times)]
        if not len(reached):
            columns: dict[str, Any] = {"curve": [], "time_s": [], "mean": [], "low": [], "high": []}
            return pd.DataFrame(columns)
        last = self.runs.of("success_share" if i_curve == 0 else "recovered_share")[0]
        grid = _grid(reached)
        paths = np.stack([_path(row, share, grid) for row, share in zip(times, last, strict=True)])
        mean, low, high = band(paths, *_BAND)
        return pd.DataFrame({"curve": name, "time_s": grid, "mean": mean, "low": low, "high": high})

    def plot(self, axes: Axes | None = None) -> Axes:
        """Draw the completion curve with its band.

        Args:
            axes: Where; a new figure if None.
        """
        from sim.results.figures.overview import new_axes
        from sim.study.sweeps.figure import draw_bands

        axes = new_axes() if axes is None else axes
        draw_bands(axes, self)
        return axes

    def __str__(self) -> str:
        """Return the summary as a command prints it."""
        from sim.study.sweeps.text import replications_text

        return replications_text(self)

    def _repr_html_(self) -> str:
        """Return summary and figure for Jupyter."""
        from sim.study.sweeps.figure import replications_figure
        from sim.study.sweeps.text import study_html

        return study_html(str(self), replications_figure(self))


def _grid(reached: Floats) -> Floats:
    """Return times that show the first hour as well as the last day, (G,) float64 from 0 on."""
    high = float(reached.max())
    even = np.linspace(0.0, high, _GRID // 2)
    low = max(float(reached[reached > 0].min()) if (reached > 0).any() else 1.0, high / 1e5)
    return np.unique(np.concatenate([even, np.geomspace(low, max(high, low), _GRID // 2)]))


def _path(times: Floats, last: float, grid: Floats) -> Floats:
    """Return one run's share over time, between the levels by straight lines."""
    if np.isnan(times[0]):
        return np.zeros(len(grid))
    known = ~np.isnan(times[1:-1])
    at = np.concatenate([[times[0]], times[1:-1][known], [times[-1]]])
    share = np.concatenate([[0.0], LEVELS[known], [last]])
    return np.asarray(np.interp(grid, at, share, left=0.0), np.float64)


def replicate(
    scenario: Scenario | str | Path,
    *,
    replications: int | None = None,
    precision: str | Iterable[str] | None = None,
    **options: Unpack[Options],
) -> Replications:
    """Run a scenario again and again with other luck, and say how sure its numbers are.

    Args:
        scenario: A scenario, or the path of its file.
        replications: How many; None for the scenario's own number. With a precision: how many at most,
            None for 1,000.
        precision: When to stop, like `success_share ± 0.2 %`; several must all be met.
        **options: See `Options`.

    Returns:
        The runs, their means, and bands around their curves.

    Raises:
        ScenarioError: Something in the input is wrong; nothing was run then.
    """
    base = loaded(scenario)
    complaints = Complaints()
    precisions: tuple[Precision, ...] = complaints.of(lambda: read_precisions(precision or ()), ())
    default = MOST if precisions else base.run.replications
    most = complaints.of(lambda: check_count("replications", replications, default), default)
    complaints.of(lambda: check_options(options), None)
    complaints.raise_any()
    with Study(base, options, kind="replications", keeps_curves=True) as study:
        points = [Point(study.scenario.digest, {})]
        runs, looked = until_precise(study, points, precisions, most)
        result = Replications(study.scenario, study.seed, runs, looked, study.reused)
        if study.folder is not None:
            from sim.results.figures.style import image_bytes
            from sim.study.sweeps.figure import replications_figure

            study.folder.write_frame("replications.parquet", result.frame)
            study.folder.write_frame("summary.parquet", result.summary)
            study.folder.write_frame("bands.parquet", result.bands)
            study.folder.write("replications.png", image_bytes(lambda: replications_figure(result)))
    return result
