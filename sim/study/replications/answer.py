"""The answer of replications: means with intervals, and bands around the scenario's curves."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from sim.results.frames.bit_rates import with_bps, with_bps_rows
from sim.results.statistics import band
from sim.study.display.answer import RunsAnswer
from sim.study.engine.completion import path_at
from sim.study.engine.stopping import estimate_at
from sim.study.engine.unit import METRIC_NAMES

if TYPE_CHECKING:
    import pandas as pd

    from sim.fleet.spec import Floats
    from sim.results import Estimate
    from sim.study.engine.stopping import Looked

_GRID: Final = 400


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class ReplicationsAnswer(RunsAnswer):
    """What replications of one scenario say.

    Attributes:
        looked: How the number of replications came about.
    """

    looked: Looked

    @cached_property
    def estimates(self) -> dict[str, Estimate]:
        """Every metric by name: mean, 95 % interval of the mean, one value a replication.

        The interval of a metric with a precision is the one that was judged.
        """
        judged = {name: estimates[0] for name, estimates in self.looked.judged.items()}
        return {
            name: judged.get(name) or estimate_at(name, self.runs.of(name)[0], self.scenario)
            for name in self.scenario.metric_names
        }

    @cached_property
    def frame(self) -> pd.DataFrame:
        """A row a replication: its number, every metric (rates in bit/s too), the digest of its records."""
        import pandas as pd

        frame = pd.DataFrame(self.runs.metrics[0], columns=list(METRIC_NAMES))
        frame = with_bps(frame[list(self.scenario.metric_names)])
        frame.insert(0, "replication", np.arange(len(frame)))
        frame["digest"] = self.runs.digests[0]
        return frame

    @cached_property
    def summary(self) -> pd.DataFrame:
        """A row a metric, which is the index: mean, its 95 % interval, and quantiles of single runs."""
        import pandas as pd

        rows = []
        for name in self.scenario.metric_names:
            values = self.runs.of(name)
            estimate = self.estimates[name]
            ends = [np.nan if end is None else end for end in estimate[:3]]
            known = values[~np.isnan(values)]
            quantiles = np.quantile(known, [0.05, 0.5, 0.95]) if len(known) else [np.nan] * 3
            rows.append((name, *ends, *quantiles, len(known)))
        columns = ["metric", "mean", "low", "high", "q05", "q50", "q95", "n"]
        return with_bps_rows(pd.DataFrame(rows, columns=columns).set_index("metric"))

    @cached_property
    def bands(self) -> pd.DataFrame:
        """Completion and recovery over time: mean, and the band that holds 90 % of the runs."""
        import pandas as pd

        parts = [self._band(i_curve, name) for i_curve, name in enumerate(("completion", "recovery"))]
        return pd.concat(parts, ignore_index=True)

    def _band(self, i_curve: int, name: str) -> pd.DataFrame:
        """Return the band of one curve on a grid of its own."""
        import pandas as pd

        times = self.runs.curves[0, :, i_curve]
        reached = times[~np.isnan(times)]
        if not len(reached):
            columns: dict[str, Any] = {"curve": [], "time_s": [], "mean": [], "low": [], "high": []}
            return pd.DataFrame(columns)
        last = self.runs.of("success_share" if i_curve == 0 else "recovered_share")[0]
        grid = _grid(reached)
        paths = np.stack([path_at(row, share, grid) for row, share in zip(times, last, strict=True)])
        mean, low, high = band(paths)
        return pd.DataFrame({"curve": name, "time_s": grid, "mean": mean, "low": low, "high": high})


def _grid(reached: Floats) -> Floats:
    """Return times that show the first hour as well as the last day, (G,) float64 from 0 on."""
    high = float(reached.max())
    even = np.linspace(0.0, high, _GRID // 2)
    low = max(float(reached[reached > 0].min()) if (reached > 0).any() else 1.0, high / 1e5)
    return np.unique(np.concatenate([even, np.geomspace(low, max(high, low), _GRID // 2)]))
