"""The share of the fleet that is upgraded by a time, read off the curves that a study keeps."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sim.study.engine.unit import LEVELS

if TYPE_CHECKING:
    from sim.fleet.spec import Floats
    from sim.study.engine.study import Runs


def path_at(times: Floats, last: float, at: Floats) -> Floats:
    """Return one run's share over time, between the levels by straight lines; (G,) float64.

    Args:
        times: (202,) float64 seconds of the first step, each of `LEVELS`, the last step; NaN where never.
        last: The share after the last step, 0..1.
        at: (G,) float64 seconds, ascending.
    """
    if np.isnan(times[0]):
        return np.zeros(len(at))
    known = ~np.isnan(times[1:-1])
    steps = np.concatenate([[times[0]], times[1:-1][known], [times[-1]]])
    share = np.concatenate([[0.0], LEVELS[known], [last]])
    return np.asarray(np.interp(at, steps, share, left=0.0), np.float64)


def upgraded_by(runs: Runs, time_s: float) -> float:
    """Return the share of the fleet that was in Success by a time at the first point, the mean over the runs.

    It is exact where all were done by then, else to half a per cent, as finely as curves are kept.

    Args:
        runs: With curves.
        time_s: Seconds since the start of the run.
    """
    shares = runs.of("success_share")[0]
    at = np.array([time_s])
    return float(
        np.mean([path_at(row[0], last, at)[0] for row, last in zip(runs.curves[0], shares, strict=True)])
    )
