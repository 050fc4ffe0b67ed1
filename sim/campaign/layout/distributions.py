"""Distributions of a scenario, laid out as the device planes read them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sim.fleet.spec import CONSTANT, EMPIRICAL, EXPONENTIAL, LOGNORMAL, UNIFORM, WEIBULL, Floats

if TYPE_CHECKING:
    from sim.scenario import DrawnTime


class Distributions:
    """Duration distributions by row and column, entered one by one; nothing entered takes 0 s.

    Attributes:
        kind: (rows, columns) int8, as `CohortTable.dist_kind`.
        a: (rows, columns) float64, first parameter.
        b: (rows, columns) float64, second parameter.
        lo: (rows, columns) int32, first point of an empirical distribution.
        hi: (rows, columns) int32, one past its last point.
    """

    def __init__(self, n_rows: int, n_columns: int) -> None:
        """Make room for as many as there are rows and columns."""
        shape = (n_rows, n_columns)
        self.kind = np.full(shape, CONSTANT, np.int8)
        self.a = np.zeros(shape, np.float64)
        self.b = np.zeros(shape, np.float64)
        self.lo = np.zeros(shape, np.int32)
        self.hi = np.zeros(shape, np.int32)
        self._p: list[float] = []
        self._s: list[float] = []

    @property
    def quantile_p(self) -> Floats:
        """(Q,) float64, probabilities of the points."""
        return np.array(self._p, np.float64)

    @property
    def quantile_s(self) -> Floats:
        """(Q,) float64, seconds at those."""
        return np.array(self._s, np.float64)

    def enter(self, row: int, column: int, drawn: DrawnTime) -> None:
        """Enter a distribution of the scenario."""
        at = (row, column)
        if drawn.constant is not None:
            self.a[at] = drawn.constant
        elif drawn.exponential is not None:
            self.enter_exponential(row, column, drawn.exponential.mean)
        elif drawn.lognormal is not None:
            self.kind[at] = LOGNORMAL
            self.a[at], self.b[at] = drawn.lognormal.median, drawn.lognormal.sigma
        elif drawn.uniform is not None:
            self.kind[at], self.a[at], self.b[at] = UNIFORM, drawn.uniform.low, drawn.uniform.high
        elif drawn.weibull is not None:
            self.kind[at], self.a[at], self.b[at] = WEIBULL, drawn.weibull.shape, drawn.weibull.scale
        elif drawn.quantiles is not None:
            self.kind[at], self.lo[at] = EMPIRICAL, len(self._p)
            self._p += [share for share, _ in drawn.quantiles]
            self._s += [seconds for _, seconds in drawn.quantiles]
            self.hi[at] = len(self._p)

    def enter_exponential(self, row: int, column: int, mean_s: float) -> None:
        """Enter an exponential distribution by its mean, in seconds, > 0."""
        self.kind[row, column], self.a[row, column] = EXPONENTIAL, mean_s
