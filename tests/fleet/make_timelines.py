"""Makes the table of timelines of small fleets for tests.

A link is given as `{"off": dist, "on": dist}`, with the `share` of time it is on if means do not say it, or
as `{"every": seconds, "for": seconds, "phase": seconds or None}`. A distribution is a number of seconds, or a
tuple like `(fs.LOGNORMAL, median, sigma)` or `(fs.EMPIRICAL, probabilities, seconds)`.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from sim.fleet import spec as fs

Dist = float | tuple


def mean_of(dist: Dist) -> float:
    """Return the mean of a distribution, seconds."""
    if not isinstance(dist, tuple):
        return dist
    kind, *of = dist
    if kind == fs.EMPIRICAL:
        return float((np.diff(of[0]) * (np.array(of[1])[1:] + np.array(of[1])[:-1]) / 2).sum())
    return {
        fs.CONSTANT: lambda: of[0],
        fs.EXPONENTIAL: lambda: of[0],
        fs.LOGNORMAL: lambda: of[0] * math.exp(of[1] ** 2 / 2),
        fs.UNIFORM: lambda: (of[0] + of[1]) / 2,
        fs.WEIBULL: lambda: of[1] * math.gamma(1 + 1 / of[0]),
    }[kind]()


def link(share: float, mean_off_s: float) -> dict[str, Any]:
    """Return the link that is up for a share of the time, with exponential periods."""
    on_s = share * mean_off_s / (1 - share)
    return {
        "off": (fs.EXPONENTIAL, mean_off_s),
        "on": (fs.EXPONENTIAL, on_s) if share else 0.0,
        "share": share,
    }


def condition(lasts: Dist, p: float) -> dict[str, Any]:
    """Return the timeline of a condition that lasts so long and is on for a share of the time."""
    return {"on": lasts, "off": (fs.EXPONENTIAL, mean_of(lasts) * (1 - p) / p), "share": p}


def timeline_table(rows: Sequence[Mapping[str, Any]]) -> fs.TimelineTable:
    """Return the table of some timelines, a row each."""
    kind, a, b = np.zeros((len(rows), 2), np.int8), np.zeros((len(rows), 2)), np.zeros((len(rows), 2))
    lo, hi = np.zeros((len(rows), 2), np.int32), np.zeros((len(rows), 2), np.int32)
    points_p: list[float] = []
    points_s: list[float] = []
    weights: list[float] = []
    for row, of in enumerate(rows):
        for state, key in ((fs.OFF, "off"), (fs.ON, "on")):
            dist = of.get(key, 1.0)
            dist = dist if isinstance(dist, tuple) else (fs.CONSTANT, dist)
            kind[row, state] = dist[0]
            if dist[0] == fs.EMPIRICAL:
                lo[row, state] = len(points_p)
                points_p += dist[1]
                points_s += dist[2]
                weights += list(fs.weights_of(np.array(dist[1]), np.array(dist[2])))
                hi[row, state] = len(points_p)
            else:
                a[row, state], b[row, state] = (*dist[1:], 0.0)[:2]
    phases = [of.get("phase") for of in rows]
    return fs.TimelineTable(
        share=np.array([_share(of) for of in rows], np.float64),
        every_ticks=np.array([fs.to_ticks(of.get("every", 0.0)) for of in rows], np.int64),
        for_ticks=np.array([fs.to_ticks(of.get("for", 0.0)) for of in rows], np.int64),
        phase_ticks=np.array([-1 if phase is None else fs.to_ticks(phase) for phase in phases], np.int64),
        dist_kind=kind,
        dist_a=a,
        dist_b=b,
        quantile_lo=lo,
        quantile_hi=hi,
        quantile_p=np.array(points_p, np.float64),
        quantile_s=np.array(points_s, np.float64),
        quantile_weight=np.array(weights, np.float64),
    )


def _share(of: Mapping[str, Any]) -> float:
    """Return the share of time that a timeline is on."""
    if "every" in of:
        return of["for"] / of["every"]
    if "share" in of:
        return of["share"]
    on, off = mean_of(of["on"]), mean_of(of["off"])
    return on / (on + off)
