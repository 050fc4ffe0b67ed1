"""How probable it is that an attempt has ended by a time, for all endings of a cohort at once.

`F` is the share that has ended x s after contact, `G` the share x s after a start at which the link was down:
G follows F by mu G' = F - G, mu being the mean of the off-periods, which is exact for a piecewise linear F
and costs one pass. Beyond the grid G has an exponential tail. The online timer cuts: who is not in contact by
then never is in this attempt. A second pair of tables has each end weighted by what the link still knows of
its contact, exp(-T / tau), from which the next attempt's chance to find it up follows.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sim.calibration.cohort_model import CohortModel
from sim.calibration.likelihood.endings import endings_of, online_timer_s
from sim.calibration.likelihood.histories import EndingKey

Floats = NDArray[np.float64]
Int64s = NDArray[np.int64]


class _Curves(NamedTuple):
    """One weighting of all endings, their nodes one ending after the other.

    Attributes:
        total: (e,) what F comes to.
        ended: F at the nodes.
        area: Integral of F up to the nodes.
        late: G at the nodes.
    """

    total: Floats
    ended: Floats
    area: Floats
    late: Floats


class TimeTables:
    """Tables of one cohort.

    Attributes:
        kinds: (e,) kind of each ending.
        step_s: Step of the grids.
        online_s: The online timer.
        wait_s: The retry interval.
        fraction: Share of time that the link is up.
        mu: Mean of its off-periods, s.
        forgets: Rate at which it forgets what state it was in, 1/s; 0 for devices that are always in reach.
    """

    def __init__(self, model: CohortModel, keys: tuple[EndingKey, ...]) -> None:
        """Work out the tables.

        Args:
            model: The cohort.
            keys: Its endings, in the order that rows name them by.
        """
        ends = endings_of(model)
        spans: list[list[tuple[float, Floats]]] = [[] for _ in keys]
        number = {key: i for i, key in enumerate(keys)}
        for end in ends.all:
            i = number.get((end.outcome, end.kind, end.reason))
            if i is not None:  # else too rare to have been there when paths were made
                spans[i].append((end.span.offset_s, end.span.mass))
        self.kinds = np.array([key[1] for key in keys])
        self.online_s = online_timer_s(model)
        self.wait_s = model.retry_interval_s
        self.fraction, self.mu = model.fraction, model.mean_offline_s or 1.0  # without a link nobody asks
        self.forgets = 0.0 if model.fraction >= 1.0 else 1.0 / (model.fraction * model.mean_offline_s)
        self.step_s = self._h = ends.step_s
        merged = [_merged(parts, self._h) for parts in spans]
        self._offset = np.array([offset for offset, _ in merged])
        sizes = np.array([len(mass) for _, mass in merged])
        self._size = sizes
        self._first = np.concatenate([[0], np.cumsum(sizes + 1)[:-1]])
        self.plain = self._curves([mass for _, mass in merged])
        times = [offset + np.arange(len(mass)) * self._h for offset, mass in merged]
        weighted = [mass * np.exp(-self.forgets * t) for (_, mass), t in zip(merged, times, strict=True)]
        self.weighted = self._curves(weighted)

    def _curves(self, masses: list[Floats]) -> _Curves:
        """Return F, its integral and G at the nodes of each ending, which lie half a step off its points."""
        ended, area, late = [], [], []
        for mass in masses:
            f = np.concatenate([[0.0], np.cumsum(mass)])
            ended.append(f)
            widths = np.full(len(mass), self._h)
            widths[0] /= 2
            area.append(np.concatenate([[0.0], np.cumsum((f[1:] + f[:-1]) / 2 * widths)]))
            late.append(_delayed(f, self._h, self.mu))
        total = np.array([float(mass.sum()) for mass in masses])
        return _Curves(total, np.concatenate(ended), np.concatenate(area), np.concatenate(late))

    def ended(self, curves: _Curves, e: Int64s, x: Floats) -> Floats:
        """Return F of endings e at x s after contact."""
        u = self._place(e, x)
        inside = self._between(curves.ended, e, u)
        single = np.where(u >= 0.5, curves.total[e], 0.0)
        return np.asarray(np.where(self._size[e] == 1, single, inside))

    def area(self, curves: _Curves, e: Int64s, x: Floats) -> Floats:
        """Return the integral of F up to x."""
        u = self._place(e, x)
        n = self._size[e]
        beyond = np.maximum(u - n, 0.0) * self._h * curves.total[e]
        smooth = self._between(curves.area, e, u) + beyond
        single = np.maximum(u - 0.5, 0.0) * self._h * curves.total[e]
        return np.asarray(np.where(n == 1, single, smooth))

    def late(self, curves: _Curves, e: Int64s, x: Floats) -> Floats:
        """Return G of endings e at x s after a start with the link down, online timer included."""
        if not (x > self.online_s).any():
            return self._late(curves, e, x)
        cut = np.exp(-self.online_s / self.mu)
        return np.asarray(self._late(curves, e, x) - cut * self._late(curves, e, x - self.online_s))

    def late_area(self, curves: _Curves, e: Int64s, x: Floats) -> Floats:
        """Return the integral of `late` up to x."""
        one = self.area(curves, e, x) - self.mu * self._late(curves, e, x)
        y = x - self.online_s
        if not (y > 0).any():
            return one
        other = self.area(curves, e, y) - self.mu * self._late(curves, e, y)
        return np.asarray(one - np.exp(-self.online_s / self.mu) * other)

    def _late(self, curves: _Curves, e: Int64s, x: Floats) -> Floats:
        u, n, total = self._place(e, x), self._size[e], curves.total[e]
        last = curves.late[self._first[e] + n]
        tail = total - (total - last) * np.exp(-np.maximum(u - n, 0.0) * self._h / self.mu)
        inside = np.where(u > n, tail, self._between(curves.late, e, u))
        single = total * -np.expm1(-np.maximum(u - 0.5, 0.0) * self._h / self.mu)
        return np.asarray(np.where(n == 1, single, inside))

    def _place(self, e: Int64s, x: Floats) -> Floats:
        """Return where a time lies among an ending's nodes, in steps from the first."""
        return np.asarray((x - self._offset[e]) / self._h + 0.5)

    def _between(self, nodes: Floats, e: Int64s, u: Floats) -> Floats:
        """Return what lies between nodes on straight lines; the ends beyond them."""
        u = np.clip(u, 0.0, self._size[e])
        u = np.where(u < 1.0, np.maximum(2.0 * u - 1.0, 0.0), u)  # nothing ends before its offset
        low = np.minimum(u.astype(np.int64), self._size[e] - 1)
        part, at = u - low, self._first[e] + low
        return np.asarray(nodes[at] * (1.0 - part) + nodes[at + 1] * part)


def _merged(parts: list[tuple[float, Floats]], h: float) -> tuple[float, Floats]:
    """Return one time of several that end in the same way."""
    if not parts:
        return 0.0, np.zeros(1)
    if len(parts) == 1:
        return parts[0]
    first = min(offset for offset, _ in parts)
    places = [round((offset - first) / h) for offset, _ in parts]
    mass = np.zeros(max(place + len(part) for place, (_, part) in zip(places, parts, strict=True)))
    for place, (_, part) in zip(places, parts, strict=True):
        mass[place : place + len(part)] += part
    return first, mass


def _delayed(f: Floats, h: float, mu: float) -> Floats:
    """Return G at the nodes of a piecewise linear F."""
    from scipy.signal import lfilter  # takes a tenth of a second to import

    slope = np.diff(f) / h * mu
    kept = np.exp(-h / mu)
    # G' = (F - G) / mu: over a step of slope s, G(x + h) = F(x + h) - s mu + (G - F + s mu) exp(-h / mu).
    pushed = f[1:] - slope - (f[:-1] - slope) * kept
    return np.concatenate([[0.0], lfilter([1.0], [1.0, -kept], pushed)])
