"""Cohort by cohort: how a second campaign differs from a first one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sim.errors import Problem, ScenarioError
from sim.results.frames.bit_rates import with_bps_rows
from sim.scenario.metrics import METRICS
from sim.study.point_statistics import differences, means

if TYPE_CHECKING:
    import pandas as pd

    from sim.fleet.spec import Floats
    from sim.study.pairs.sides import Side

COLUMNS = ("first", "second", "difference", "low", "high", "pairs")
"""Both means, mean of second minus first, its 95 % interval, number of pairs."""


def difference_row(metric: str, before: Floats, now: Floats) -> tuple[float, ...]:
    """Return what `COLUMNS` name.

    Args:
        metric: Its name.
        before: (R,) float64, the first one's values, NaN where undefined.
        now: (R,) float64, the second one's, replication by replication.
    """
    mean, low, high = (float(part[0]) for part in differences(metric, now[None, :], before))
    both = [float(means(metric, values[None, :]).mean[0]) for values in (before, now)]
    return (*both, mean, low, high, int((~np.isnan(before) & ~np.isnan(now)).sum()))


def cohort_frame(first: Side, second: Side) -> pd.DataFrame:
    """Return a row a cohort and metric; see `ComparisonAnswer.by_cohort`.

    Raises:
        ScenarioError: One side knows nothing of its cohorts.
    """
    import pandas as pd

    sides = (first, second)
    if not all(side.cohorts for side in sides):
        message = "a study keeps no numbers of cohorts; compare results of sim.run, or scenarios"
        raise ScenarioError([Problem("by_cohort", message)])
    pairs = min(side.replications for side in sides)
    is_paired = all(len(side.cohorts) >= pairs for side in sides)
    rows = []
    for cohort, metrics in first.cohorts[0].items():
        for name in metrics:
            if name not in METRICS or any(name not in side.cohorts[0][cohort] for side in sides):
                continue  # a folder of another version may have others
            before, now = (_values(side, cohort, name)[: pairs if is_paired else None] for side in sides)
            if is_paired:
                rows.append((cohort, name, *difference_row(name, before, now)))
                continue
            both = [float(means(name, values[None, :]).mean[0]) for values in (before, now)]
            rows.append((cohort, name, *both, both[1] - both[0], np.nan, np.nan, 0))
    frame = pd.DataFrame(rows, columns=["cohort", "metric", *COLUMNS])
    return with_bps_rows(frame).set_index(["cohort", "metric"])


def _values(side: Side, cohort: str, metric: str) -> Floats:
    """Return a metric of a cohort, one value an entry, NaN where undefined."""
    values = [each[cohort][metric] for each in side.cohorts]
    return np.array([np.nan if value is None else value for value in values], np.float64)
