"""Incidence by cause from intervals, without a model: what a fitted curve is held against.

The estimator gives mass only to innermost intervals: those that begin where some observation begins, end
where one ends, and hold no other end. Where in such an interval the mass lies is unknown for good, so the
answer is a step between its ends and no curve.

Source:
    Turnbull, "The empirical distribution function with arbitrarily grouped, censored and truncated data",
    J. R. Statist. Soc. B 38 (1976), self-consistency; Hudgens, Satten and Longini, "Nonparametric maximum
    likelihood estimation for competing risks survival data subject to interval censoring and truncation",
    Biometrics 57 (2001), a set of innermost intervals for each cause.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sim.errors import ModelError
from sim.recording.attempts import NEVER

Floats = NDArray[np.float64]
Int64s = NDArray[np.int64]

_ROUNDS: Final = 5000
_CLOSE: Final = 1e-9
"""Largest change of the log-likelihood per observation in a round that ends the search."""


@dataclass(frozen=True, eq=False)
class Incidence:
    """Mass of one cause by innermost interval.

    Attributes:
        after: The mass lies after this time; (k,) int64 ms, ascending.
        by: And by this one; (k,) int64 ms.
        mass: Share of all observations; (k,) float64, 0..1.
    """

    after: Int64s
    by: Int64s
    mass: Floats

    def bounds(self, at: Int64s) -> tuple[Floats, Floats]:
        """Return the least and the most share that can have ended by some times.

        Args:
            at: (m,) int64 ms.

        Returns:
            Two (m,) float64: mass of intervals that are over by then, and of those that have begun.
        """
        upto = np.concatenate([[0.0], np.cumsum(self.mass)])
        return upto[np.searchsorted(self.by, at, "right")], upto[np.searchsorted(self.after, at, "left")]


class _Ranges(NamedTuple):
    """Which innermost intervals of a cause lie within each observation: first and one past the last."""

    first: Int64s
    past: Int64s


def turnbull(
    after: Int64s, by: Int64s, cause: Int64s, n_causes: int, weights: Floats | None = None
) -> tuple[Incidence, ...]:
    """Estimate how much of each cause has come by when.

    Args:
        after: The event of each observation came after this time; (n,) int64 ms.
        by: And by this one; (n,) int64 ms. Equal to `after` for an exact time, `NEVER` if nobody saw it.
        cause: Its cause; (n,) int64, 0..n_causes - 1. Of those nobody saw, it is not looked at.
        n_causes: Number of causes, >= 1.
        weights: How many devices each observation stands for; (n,) float64 > 0; 1 by default.

    Returns:
        By cause. The masses add up to the share that comes by the last look.

    Raises:
        ModelError: There is no observation, or an interval is turned round.
    """
    if len(after) == 0:
        raise ModelError("turnbull: no observations")
    if (after > by).any():
        raise ModelError("turnbull: an interval ends before it begins")
    share = np.ones(len(after)) if weights is None else np.asarray(weights, np.float64)
    share = share / share.sum()
    after = np.where(after == by, after - 1, after)  # whole milliseconds: (t - 1, t] holds t alone
    seen = by < NEVER
    cells = [_innermost(after, by, seen & (cause == c), ~seen) for c in range(n_causes)]
    own = [_within(after, by, *cells[c], seen & (cause == c)) for c in range(n_causes)]
    open_ended = [_within(after, by, *cells[c], ~seen) for c in range(n_causes)]
    masses = _self_consistent(cells, own, open_ended, (share, seen, cause))
    return tuple(Incidence(*cells[c], masses[c]) for c in range(n_causes))


def _innermost(
    after: Int64s, by: Int64s, own: NDArray[np.bool_], unseen: NDArray[np.bool_]
) -> tuple[Int64s, Int64s]:
    """Return the ends of the intervals that can hold mass of one cause."""
    begins = np.unique(np.concatenate([after[own], after[unseen]]))
    ends = np.unique(by[own])
    # An interval begins at the last begin before an end if no other end lies between the two.
    last = np.searchsorted(begins, ends, "left") - 1
    first_of_run = np.ones(len(ends), np.bool_)
    first_of_run[1:] = last[1:] != last[:-1]
    keep = (last >= 0) & first_of_run
    return begins[last[keep]], ends[keep]


def _within(after: Int64s, by: Int64s, begins: Int64s, ends: Int64s, rows: NDArray[np.bool_]) -> _Ranges:
    """Return the innermost intervals that lie within observations, neighbours since both are ascending."""
    return _Ranges(np.searchsorted(begins, after[rows], "left"), np.searchsorted(ends, by[rows], "right"))


def _self_consistent(
    cells: Sequence[tuple[Int64s, Int64s]],
    own: Sequence[_Ranges],
    open_ended: Sequence[_Ranges],
    observed: tuple[Floats, NDArray[np.bool_], Int64s],
) -> list[Floats]:
    """Return the masses at which each is what the observations expect of it."""
    share, seen, cause = observed
    shares = [share[seen & (cause == c)] for c in range(len(cells))]
    left = share[~seen]
    masses = [np.full(len(begins), 1.0 / max(sum(len(b) for b, _ in cells), 1)) for begins, _ in cells]
    never = float(left.sum()) / 2
    total = sum(float(mass.sum()) for mass in masses) + never
    masses, never = [mass / total for mass in masses], never / total
    before = -np.inf
    for _ in range(_ROUNDS):
        sums = [np.concatenate([[0.0], np.cumsum(mass)]) for mass in masses]
        unseen = never + sum(
            (s[r.past] - s[r.first] for s, r in zip(sums, open_ended, strict=True)), np.zeros(len(left))
        )
        inside = [s[r.past] - s[r.first] for s, r in zip(sums, own, strict=True)]
        likelihood = float(left @ np.log(unseen)) + sum(
            float(w @ np.log(p)) for w, p in zip(shares, inside, strict=True)
        )
        if likelihood - before < _CLOSE:
            break
        before = likelihood
        masses = [
            mass * (_spread(w / p, r, len(mass)) + _spread(left / unseen, o, len(mass)))
            for mass, w, p, r, o in zip(masses, shares, inside, own, open_ended, strict=True)
        ]
        never *= float((left / unseen).sum())
    return masses


def _spread(values: Floats, ranges: _Ranges, n: int) -> Floats:
    """Return for each of n intervals the sum of the values of observations around it."""
    steps = np.zeros(n + 1)
    np.add.at(steps, ranges.first, values)
    np.subtract.at(steps, ranges.past, values)
    return np.cumsum(steps)[:n]
