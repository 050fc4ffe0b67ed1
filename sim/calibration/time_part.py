"""How probable the times of paths are, given their endings.

A retry begins the retry interval after the end before, which is known to lie between two looks only. So the
mass of an end is spread over parts of its interval as its own distribution says, each with its mean time, and
carried on; in the middle of the interval it would make stages seem too short and the fit too sure. With it
goes what is left of the knowledge of the link: phi + kappa is the chance that it is up.

Source:
    Design M16: a link that was up d before is up with probability phi + (1 - phi) exp(-d / tau), tau being
    phi times the mean of the off-periods; one that was down, with phi (1 - exp(-d / tau)).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sim.calibration.endings import CONTACTED, OFFLINE
from sim.calibration.histories import Path
from sim.calibration.time_tables import TimeTables

Floats = NDArray[np.float64]
Int64s = NDArray[np.int64]

PARTS: Final = 20
"""Parts of the interval in which an end is hidden."""
START_PARTS: Final = 12
"""Parts of the interval in which a start is hidden."""
_EXACT_S: Final = 0.5
"""An exact time stands for this much on both sides: a density up to a constant factor."""


class _Mass(NamedTuple):
    """Where paths stand, (paths, parts) each.

    Attributes:
        at: Time, s.
        mass: Probability of the path so far, in this part.
        link: Mass times kappa.
    """

    at: Floats
    mass: Floats
    link: Floats


class Batch:
    """Paths of one shape: as many attempts, begun and ended in the same ways, so that arrays fit."""

    def __init__(self, paths: Sequence[tuple[int, Path]], kinds: Sequence[int]) -> None:
        """Lay out paths.

        Args:
            paths: Their numbers and themselves; all of one shape (`shape_of`).
            kinds: Kind of each ending of the cohort.
        """
        self.numbers = np.array([number for number, _ in paths])
        rows = [path.rows for _, path in paths]
        self._n = len(rows[0])
        self._follows = [row.follows for row in rows[0]]
        self._hidden = [row.start_from < row.start_to for row in rows[0]]
        self._kinds = [kinds[row.ending] for row in rows[0]]
        columns = np.array([[row[1:] for row in path] for path in rows], np.float64)
        columns = columns.reshape(len(rows), self._n, 5)
        self._start = columns[:, :, 0:2]
        self._end = columns[:, :, 2:4].copy()
        exact = self._end[:, :, 0] == self._end[:, :, 1]
        self._end[exact] += np.array([-_EXACT_S, _EXACT_S])
        self._ending = columns[:, :, 4].astype(np.int64)

    def probabilities(self, tables: TimeTables) -> Floats:
        """Return the probability of the times of each path; (paths,) in the order of `numbers`."""
        n = len(self.numbers)
        if self._n == 0:
            return np.ones(n)
        stand = _Mass(np.zeros((n, 1)), np.ones((n, 1)), np.zeros((n, 1)))
        for k in range(self._n):
            stand = self._begun(tables, stand, k)
            is_last = k == self._n - 1
            if self._kinds[k] == CONTACTED:
                stand = self._contacted(tables, stand, k, 1 if is_last else PARTS)
            else:
                stand = self._timed_out(tables, stand, k)
        return np.asarray(stand.mass.sum(axis=1))

    def _begun(self, tables: TimeTables, stand: _Mass, k: int) -> _Mass:
        """Return where attempt k begins."""
        if self._follows[k] and k > 0:
            faded = stand.link * np.exp(-tables.forgets * tables.wait_s)
            return _Mass(stand.at + tables.wait_s, stand.mass, faded)
        low, high = self._start[:, k, 0:1], self._start[:, k, 1:2]
        at, parts = high, 1
        if self._hidden[k]:
            parts = START_PARTS
            at = low + (np.arange(parts) + 0.5) / parts * (high - low)
        mass = np.repeat(stand.mass.sum(axis=1, keepdims=True) / parts, parts, axis=1)
        gap = np.maximum(at[:, None, :] - stand.at[:, :, None], 0.0)
        link = (stand.link[:, :, None] * np.exp(-tables.forgets * gap)).sum(axis=1) / parts
        return _Mass(at, mass, link)

    def _contacted(self, tables: TimeTables, stand: _Mass, k: int, parts: int) -> _Mass:
        """Return where attempt k ends if it is in contact with the device."""
        low, high = self._end[:, k, 0:1], self._end[:, k, 1:2]
        # What ends at once lies half a step around its start on the grid.
        first = stand.at.min(axis=1, keepdims=True)
        low = np.where(low <= first, first - tables.step_s, low)
        edges = low + np.arange(parts + 1) / parts * np.maximum(high - low, 0.0)
        x = edges[:, None, :] - stand.at[:, :, None]
        e = self._ending[:, k][:, None, None]
        up = (tables.fraction * stand.mass + stand.link)[:, :, None]
        down = stand.mass[:, :, None] - up
        has_link = tables.fraction < 1.0

        def total(at_once: Floats, late: Floats | float) -> Floats:
            return np.asarray((up * at_once + down * late).sum(axis=1))

        plain = tables.plain
        ended = total(tables.ended(plain, e, x), tables.late(plain, e, x) if has_link else 0.0)
        mass = np.maximum(np.diff(ended, axis=1), 0.0)
        if parts == 1:
            return _Mass(high, mass, np.zeros_like(mass))
        area = total(tables.area(plain, e, x), tables.late_area(plain, e, x) if has_link else 0.0)
        at = _means(edges, ended, area, mass)
        if not has_link:
            return _Mass(at, mass, np.zeros_like(mass))
        known = tables.weighted
        felt = total(tables.ended(known, e, x), tables.late(known, e, x))
        return _Mass(at, mass, (1.0 - tables.fraction) * np.maximum(np.diff(felt, axis=1), 0.0))

    def _timed_out(self, tables: TimeTables, stand: _Mass, k: int) -> _Mass:
        """Return where attempt k ends if the online timer ends it."""
        at = stand.at + tables.online_s
        inside = (at > self._end[:, k, 0:1]) & (at <= self._end[:, k, 1:2])
        if self._kinds[k] == OFFLINE:
            down = (1.0 - tables.fraction) * stand.mass - stand.link
            mass = down * np.exp(-tables.online_s / tables.mu) * inside
            return _Mass(at, mass, -tables.fraction * mass)
        kept = np.exp(-tables.forgets * tables.online_s)
        return _Mass(at, stand.mass * inside, stand.link * inside * kept)


def _means(edges: Floats, ended: Floats, area: Floats, mass: Floats) -> Floats:
    """Return the mean time of what ends between neighbouring edges; the middle where nothing does."""
    low, high = edges[:, :-1], edges[:, 1:]
    before = np.diff(area, axis=1) - ended[:, :-1] * (high - low)
    safe = np.where(mass > 1e-14, mass, 1.0)
    mean = np.where(mass > 1e-14, high - before / safe, (low + high) / 2)
    return np.clip(mean, low, high)


def batches_of(paths: Sequence[Path], kinds: Sequence[int]) -> list[Batch]:
    """Return paths in batches of one shape.

    Args:
        paths: All of a cohort.
        kinds: Kind of each of its endings.
    """
    by_shape: dict[tuple[tuple[bool, bool, bool], ...], list[tuple[int, Path]]] = defaultdict(list)
    for number, path in enumerate(paths):
        shape = tuple(
            (row.follows, row.start_from < row.start_to, kinds[row.ending] == CONTACTED, kinds[row.ending])
            for row in path.rows
        )
        by_shape[shape].append((number, path))  # type: ignore[index]
    return [Batch(found, kinds) for found in by_shape.values()]
