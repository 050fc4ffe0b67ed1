"""The answer of a sweep: every metric at every point, and how each point differs from the first."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from sim.results.files.columns import note_of
from sim.results.frames.bit_rates import with_bps, with_bps_rows
from sim.results.statistics import may_fork, unseen_of
from sim.scenario.metrics import METRICS, MetricKind
from sim.study.display.answer import RunsAnswer
from sim.study.engine.unit import METRIC_NAMES
from sim.study.point_statistics import Means, differences, means

if TYPE_CHECKING:
    import pandas as pd
    import xarray

    from sim.study.engine.stopping import Looked
    from sim.study.ranges.vary import Axis

SHOWN: Final = ("success_share", "time_to_success.p95")
"""Metrics that are printed and drawn if nobody says which."""


NO_XARRAY: Final = (
    "to_xarray needs the extra 'xarray'; install it with: pip install 'fleet-upgrade-sim[xarray]'"
)
"""What is said without the package."""


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class SweepAnswer(RunsAnswer):
    """What happens at each point of a grid.

    Attributes:
        axes: The fields that vary; the last one varies fastest.
        looked: How the number of replications came about.
        why: If as many devices were upgraded at all points, what kept the others from it; empty if none.
    """

    axes: tuple[Axis, ...]
    looked: Looked
    why: str = ""

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
        frame = with_bps(frame[list(self.scenario.metric_names)])
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

        Differences are paired: the same replication, hence the same draws, at both points.
        """
        import pandas as pd

        n_points = len(self.runs.points)
        fields: dict[str, Any] = {"point": np.arange(n_points)}
        for axis in self.axes:
            fields[axis.path] = pd.Series(self._column(axis)).infer_objects()
        parts = []
        for name in self.scenario.metric_names:
            values = self.runs.of(name)
            mean, low, high = self.means_of(name)
            diff, diff_low, diff_high = differences(name, values, values[0])
            diff_low[0] = diff_high[0] = diff[0]  # the first point is the same as itself
            part = pd.DataFrame({**fields, "metric": name, "mean": mean, "low": low, "high": high})
            part["difference"], part["difference_low"], part["difference_high"] = diff, diff_low, diff_high
            parts.append(part)
        frame = with_bps_rows(pd.concat(parts, ignore_index=True))
        return frame.sort_values("point", kind="stable", ignore_index=True)

    def to_xarray(self) -> xarray.Dataset:
        """Return every metric as an array with a dimension a varied field, and one of replications.

        Returns:
            A dataset; fields that are quantities of one kind are numbers in `attrs["units"]` of their
            coordinate, the others stand as a scenario file writes them. Undefined values are NaN.

        Raises:
            ImportError: The extra `xarray` is not installed.

        Example: `grid.to_xarray()["makespan"].mean("replication").plot()`.
        """
        try:
            import xarray
        except ImportError:
            raise ImportError(NO_XARRAY) from None
        dimensions = [*(axis.path for axis in self.axes), "replication"]
        shape = (*self.shape, self.replications)
        coordinates: dict[str, Any] = {
            axis.path: ([axis.path], _coordinate(axis), {"units": axis.unit or "1"}) for axis in self.axes
        }
        coordinates["replication"] = np.arange(self.replications)
        arrays = {}
        for name in METRIC_NAMES:
            note = note_of("sweep", name)
            notes = {} if note is None else {"units": note.unit or "1", "long_name": note.description}
            arrays[name] = (dimensions, self.runs.of(name).reshape(shape), notes)
        origin = {"scenario": self.scenario.name, "seed": str(self.seed), "digest": self.digest}
        return xarray.Dataset(arrays, coords=coordinates, attrs=origin)

    def means_of(self, name: str) -> Means:
        """Return a metric's means: with the intervals that were judged, and what equal values leave open.

        Args:
            name: The metric.
        """
        found = means(name, self.runs.of(name))
        known = (~np.isnan(self.runs.of(name))).sum(axis=1).tolist()
        forks, devices = may_fork(self.scenario), self.runs.of("devices")[:, 0]
        for i_point in np.flatnonzero(np.isnan(found.low) & ~np.isnan(found.mean)).tolist():
            unseen = unseen_of(name, int(devices[i_point]), forks=forks)
            if unseen is not None and known[i_point] > 1:
                found.low[i_point], found.high[i_point] = unseen.around(found.mean[i_point], known[i_point])
        for i_point, judged in enumerate(self.looked.judged.get(name, ())):
            found.low[i_point] = np.nan if judged.low is None else judged.low
            found.high[i_point] = np.nan if judged.high is None else judged.high
        return found

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
        never = METRICS[name].kind is MetricKind.TIME and np.isnan(values).any(axis=1).mean() > 0.5
        return not never and bool(np.nanmax(np.abs(values - values[:1]), initial=0.0) > 0)


def _coordinate(axis: Axis) -> list[Any]:
    """Return the values of a field as coordinates: numbers if they are quantities of one kind, else texts."""
    if axis.numbers is not None:
        return list(axis.numbers)
    return [value if isinstance(value, str) else repr(value) for value in axis.values]
