"""The answer of a comparison: both means and the paired difference of every metric."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from sim.results.display.format import counted
from sim.results.figures.shown import Shown
from sim.results.frames.bit_rates import with_bps_rows
from sim.scenario.metrics import METRICS
from sim.study.pairs.cohort_differences import COLUMNS, cohort_frame, difference_row
from sim.study.point_statistics import Means, differences

if TYPE_CHECKING:
    import pandas as pd

    from sim.fleet.spec import Floats
    from sim.scenario import Scenario
    from sim.study.pairs.sides import Side

SHOWN: Final = (
    "succeeded",
    "failed",
    "stopped",
    "pending",
    "time_to_success.p50",
    "time_to_success.p95",
    "time_to_success.p99",
    "makespan",
    "attempts",
    "bytes_wasted",
    "retry_calls",
    "peak_processing",
    "cost",
)
"""Metrics that are printed."""

LATE: Final = ("time_to_success.p95", "time_to_success.p90", "time_to_success.p50")
"""Times that the sentence is about, by preference: the first both reach in every pair and that differs."""


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class ComparisonAnswer(Shown):
    """How a second campaign differs from a first one with the same devices and draws.

    Attributes:
        first: What is compared with.
        second: What is compared.
        names: What each of them is called.
        without: What the second one lacks, in words, if that is all the difference; else empty.
    """

    first: Side
    second: Side
    names: tuple[str, str]
    without: str = ""

    @property
    def pairs(self) -> int:
        """Replications that both have: pairs with the same draws."""
        return min(self.first.replications, self.second.replications)

    @property
    def scenario(self) -> Scenario:
        """The first one's scenario."""
        return self.first.scenario

    @property
    def seed(self) -> int:
        """Key of all draws."""
        return self.first.seed

    def about(self) -> str:
        """Return what was compared, and how often."""
        return f"{' and '.join(self.names)}: {counted(self.pairs, 'pair')}, seed {self.seed}"

    @property
    def digest(self) -> str:
        """SHA-256 over the digests of both: equal digests mean equal comparisons."""
        return hashlib.sha256(f"{self.first.digest}\n{self.second.digest}".encode()).hexdigest()

    @property
    def metrics(self) -> tuple[str, ...]:
        """Metrics that both have."""
        return tuple(n for n in METRICS if n in self.first.values and n in self.second.values)

    def values(self, metric: str) -> tuple[Floats, Floats]:
        """Return a metric of both in each pair, (R,) float64 each; NaN where undefined.

        Args:
            metric: One of `metrics`.
        """
        return self.first.values[metric][: self.pairs], self.second.values[metric][: self.pairs]

    def difference(self, metric: str) -> Means:
        """Return the mean of second minus first over the pairs, with its 95 % interval; arrays of one.

        Args:
            metric: One of `metrics`.
        """
        before, now = self.values(metric)
        return differences(metric, now[None, :], before)

    @cached_property
    def late(self) -> str | None:
        """The time that the sentence is about; None if half of the fleet are not upgraded in every run."""
        reached = [name for name in LATE if not np.isnan(self.values(name)).any()]
        moved = (name for name in reached if self.difference(name).mean[0] != 0)
        return next(moved, reached[0] if reached else None)

    @cached_property
    def frame(self) -> pd.DataFrame:
        """A row a metric: both means, mean of second minus first, its 95 % interval, number of pairs."""
        import pandas as pd

        rows = [(name, *difference_row(name, *self.values(name))) for name in self.metrics]
        columns = ["metric", *COLUMNS]
        return with_bps_rows(pd.DataFrame(rows, columns=columns).set_index("metric"))

    @property
    def summary(self) -> pd.DataFrame:
        """The same as `frame`, under the name that it has in other answers."""
        return self.frame

    @cached_property
    def by_cohort(self) -> pd.DataFrame:
        """A row a cohort and metric, which are the index; columns as in `frame`.

        Results that were read from a folder know the means of their cohorts only: there is no interval then,
        and the number of pairs is 0.

        Raises:
            ScenarioError: One side is a study, which keeps no numbers of cohorts.
        """
        return cohort_frame(self.first, self.second)

    def as_dict(self) -> dict[str, Any]:
        """Return the comparison as plain data, None where something is not defined."""
        rows = self.frame.loc[list(self.metrics)].to_dict("index")
        return {
            "scenario": self.scenario.name,
            "seed": self.seed,
            "digest": self.digest,
            "pairs": self.pairs,
            "first": self.names[0],
            "second": self.names[1],
            "without": self.without or None,
            "metrics": {
                str(name): {str(key): None if value != value else value for key, value in row.items()}
                for name, row in rows.items()
            },
        }
