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
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sim.calibration.likelihood.endings import CONTACTED, OFFLINE
from sim.calibration.likelihood.histories import Path, Row
from sim.calibration.likelihood.time_tables import TimeTables

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


class Branch:
    """The same attempt, first or later, of paths of one shape: begun and ended in the same ways.

    Paths that begin alike share their first attempts, which are worked out once.
    """

    def __init__(self, rows: Sequence[tuple[int, Row]], kinds: Sequence[int], *, is_last: bool) -> None:
        """Lay out attempts.

        Args:
            rows: Of each, which of the branch before is before it, and itself; all of one shape.
            kinds: Kind of each ending of the cohort.
            is_last: Nothing follows.
        """
        first = rows[0][1]
        self.after: list[Branch] = []
        self.paths: tuple[Int64s, Int64s] = (np.zeros(0, np.int64), np.zeros(0, np.int64))
        self._is_last = is_last
        self._before = np.array([before for before, _ in rows])
        self._follows = first.follows
        self._hidden = first.start_from < first.start_to
        self._kind = kinds[first.ending]
        self._start = np.array([row[1:3] for _, row in rows], np.float64)
        self._end = np.array([row[3:5] for _, row in rows], np.float64)
        self._end[self._end[:, 0] == self._end[:, 1]] += np.array([-_EXACT_S, _EXACT_S])
        self._ending = np.array([row.ending for _, row in rows])

    def fill(self, tables: TimeTables, before: _Mass, found: Floats) -> None:
        """Write the probability of the times of all paths that go through here.

        Args:
            tables: Times of the cohort.
            before: Where the attempts before stand.
            found: By path; written.
        """
        stand = self._begun(tables, _Mass(*(part[self._before] for part in before)))
        if self._kind == CONTACTED:
            stand = self._contacted(tables, stand, 1 if self._is_last else PARTS)
        else:
            stand = self._timed_out(tables, stand)
        paths, attempts = self.paths
        found[paths] = stand.mass.sum(axis=1)[attempts]
        for branch in self.after:
            branch.fill(tables, stand, found)

    def _begun(self, tables: TimeTables, stand: _Mass) -> _Mass:
        """Return where the attempts begin."""
        if self._follows:
            faded = stand.link * np.exp(-tables.forgets * tables.wait_s)
            return _Mass(stand.at + tables.wait_s, stand.mass, faded)
        low, high = self._start[:, 0:1], self._start[:, 1:2]
        at, parts = high, 1
        if self._hidden:
            parts = START_PARTS
            at = low + (np.arange(parts) + 0.5) / parts * (high - low)
        mass = np.repeat(stand.mass.sum(axis=1, keepdims=True) / parts, parts, axis=1)
        gap = np.maximum(at[:, None, :] - stand.at[:, :, None], 0.0)
        link = (stand.link[:, :, None] * np.exp(-tables.forgets * gap)).sum(axis=1) / parts
        return _Mass(at, mass, link)

    def _contacted(self, tables: TimeTables, stand: _Mass, parts: int) -> _Mass:
        """Return where the attempts end if they are in contact with the device."""
        low, high = self._end[:, 0:1], self._end[:, 1:2]
        # What ends at once lies half a step around its start on the grid.
        first = stand.at.min(axis=1, keepdims=True)
        low = np.where(low <= first, first - tables.step_s, low)
        edges = low + np.arange(parts + 1) / parts * np.maximum(high - low, 0.0)
        x = edges[:, None, :] - stand.at[:, :, None]
        e = self._ending[:, None, None]
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

    def _timed_out(self, tables: TimeTables, stand: _Mass) -> _Mass:
        """Return where the attempts end if the online timer ends them."""
        at = stand.at + tables.online_s
        inside = (at > self._end[:, 0:1]) & (at <= self._end[:, 1:2])
        if self._kind == OFFLINE:
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


class TimePart:
    """The times of all paths of a cohort."""

    def __init__(self, paths: Sequence[Path], kinds: Sequence[int]) -> None:
        """Lay out the paths.

        Args:
            paths: All of the cohort.
            kinds: Kind of each of its endings.
        """
        self._n = len(paths)
        self._branches = _branches([(number, path.rows) for number, path in enumerate(paths)], {(): 0}, kinds)

    def probabilities(self, tables: TimeTables) -> Floats:
        """Return the probability of the times of each path, given its endings; (paths,) float64."""
        found = np.ones(self._n)  # nothing is asked of a path without an attempt
        nowhere = _Mass(np.zeros((1, 1)), np.ones((1, 1)), np.zeros((1, 1)))
        for branch in self._branches:
            branch.fill(tables, nowhere, found)
        return found


_Rows = tuple[Row, ...]


def _branches(
    paths: Sequence[tuple[int, _Rows]], before: Mapping[_Rows, int], kinds: Sequence[int]
) -> list[Branch]:
    """Return paths from an attempt on, those of one shape together.

    Args:
        paths: Numbers and attempts of the paths.
        before: Attempts that they have in common with the branch before, and which of that branch they are.
        kinds: Kind of each ending of the cohort.
    """
    depth = len(next(iter(before)))
    by_shape: dict[tuple[bool, bool, int, bool], list[tuple[int, _Rows]]] = defaultdict(list)
    for number, rows in paths:
        if len(rows) > depth:
            row = rows[depth]
            is_last = len(rows) == depth + 1
            shape = (row.follows and depth > 0, row.start_from < row.start_to, kinds[row.ending], is_last)
            by_shape[shape].append((number, rows))
    return [_branch(found, before, kinds, is_last=shape[3]) for shape, found in by_shape.items()]


def _branch(
    paths: Sequence[tuple[int, _Rows]], before: Mapping[_Rows, int], kinds: Sequence[int], *, is_last: bool
) -> Branch:
    """Return the branch of paths whose next attempts have one shape."""
    depth = len(next(iter(before)))
    here: dict[_Rows, int] = {}
    for _, rows in paths:
        here.setdefault(rows[: depth + 1], len(here))
    attempts = [(before[rows[:depth]], rows[depth]) for rows in here]
    if depth == 0:
        attempts = [(number, row._replace(follows=False)) for number, row in attempts]
    branch = Branch(attempts, kinds, is_last=is_last)
    if is_last:
        numbers = np.array([number for number, _ in paths])
        branch.paths = numbers, np.array([here[rows] for _, rows in paths])
    else:
        branch.after = _branches(paths, here, kinds)
    return branch
