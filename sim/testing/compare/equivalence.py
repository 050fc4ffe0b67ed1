"""Whether a metric still is what it was, from replications in pairs: two questions, four answers.

*Is it the same?* Two one-sided t tests (TOST) show it: the 99 % interval of the mean difference lies
within the margin. *Did it move?* A test of signs shows it: if nothing has changed, a pair differs as
probably in one direction as in the other, whatever the metric's distribution, so that the signs are
coin tosses. Only what is not shown to be the same and is shown to have moved counts as different.

Decision: neither test alone. TOST alone raises an alarm whenever chance is larger than the margin, which
a makespan's always is. A test of difference alone passes whatever it can't see, and complains about a
microsecond. And no normal distribution in the second one: at one false alarm in ten million the tail of
a metric with rare events is nothing like normal, while the toss of coins is exact.
"""

from __future__ import annotations

import math
from enum import StrEnum
from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sim.fleet.spec import Floats

REPLICATIONS: Final = 64
"""Replications that a baseline holds unless somebody asks for another number."""

SUITE_LEVEL: Final = 1e-4
"""Probability that a whole suite raises a false alarm although nothing but chance has changed."""

SUITE_SIZE: Final = 100
"""Scenarios of the suite that the level is divided among, at least, so that the answer about one
scenario does not depend on how many others happen to be tested with it."""

CONFIDENCE: Final = 0.99
"""Of the interval of a mean difference: each of the two one-sided tests errs in 0.5 % of cases."""

_FIRST_LOOK: Final = 32
_BISECTIONS: Final = 30


class Answer(StrEnum):
    """What is known about a metric."""

    EQUAL = "equal"
    """The same value in every replication."""
    EQUIVALENT = "equivalent"
    """Its mean is shown to have moved by less than the margin."""
    UNDECIDED = "undecided"
    """Neither is shown: luck hides what there may be."""
    DIFFERENT = "different"
    """It moved, and not by less than the margin."""


class Finding(NamedTuple):
    """One metric, compared.

    Attributes:
        answer: What is known.
        pairs: Replications compared.
        difference: Mean of now - before over the pairs in which both are defined; NaN if none is.
        low: Lower end of its 99 % interval; NaN for fewer than two pairs.
        high: Its upper end; NaN likewise.
        margin: Difference that would not matter, >= 0.
        appeared: Pairs in which the metric is defined now and was not.
        vanished: Pairs in which it was defined and is not now.
        notices: Shift that would be noticed in 99 of 100 cases; infinite if none would.
        by_margin: The pairs were too few for either test, so that the mean was held against the margin.
    """

    answer: Answer
    pairs: int
    difference: float
    low: float
    high: float
    margin: float
    appeared: int
    vanished: int
    notices: float
    by_margin: bool


def looks(replications: int) -> tuple[int, ...]:
    """Return after how many pairs to look at what they show: enough for an answer, and all.

    Args:
        replications: Pairs that there can be, >= 1.
    """
    return (_FIRST_LOOK, replications) if replications >= 2 * _FIRST_LOOK else (replications,)


def level_of(comparisons: int, *, n_looks: int, suite: int) -> float:
    """Return the level of one look at one metric: the suite's, divided among all of them (Bonferroni).

    Args:
        comparisons: Metrics compared in the scenario, >= 1.
        n_looks: How often they are looked at.
        suite: Scenarios with baselines.
    """
    return SUITE_LEVEL / max(suite, SUITE_SIZE) / n_looks / max(comparisons, 1)


def compare(before: Sequence[float], after: Sequence[float], *, margin: float, level: float) -> Finding:
    """Compare a metric in pairs of replications.

    Args:
        before: One value a replication, NaN where undefined.
        after: As many, in the same order.
        margin: Difference of the means that would not matter, in the metric's unit, >= 0.
        level: Probability of `DIFFERENT` if only the draws have changed, 0..1.
    """
    old, new = np.asarray(before, np.float64), np.asarray(after, np.float64)
    known = ~(np.isnan(old) | np.isnan(new))
    appeared = int(np.count_nonzero(np.isnan(old) & ~np.isnan(new)))
    vanished = int(np.count_nonzero(~np.isnan(old) & np.isnan(new)))
    moved = new[known] - old[known]
    mean, low, high = interval(moved)
    # A metric is looked at twice: for its value, and for whether it has one.
    proof = min(toss_bound(moved), toss_bound(np.repeat([1.0, -1.0], [appeared, vanished])))
    by_margin = toss_bound(np.ones(len(old))) > level / 2
    switched = appeared + vanished
    if not switched and not moved.any():
        answer = Answer.EQUAL
    elif by_margin:
        answer = Answer.DIFFERENT if switched or abs(mean) > margin else Answer.EQUIVALENT
    elif not switched and -margin <= low and high <= margin:
        answer = Answer.EQUIVALENT
    else:
        answer = Answer.DIFFERENT if proof <= level / 2 else Answer.UNDECIDED
    return Finding(
        answer,
        pairs=len(old),
        difference=mean,
        low=low,
        high=high,
        margin=margin,
        appeared=appeared,
        vanished=vanished,
        notices=_noticed_shift(moved, level / 2),
        by_margin=by_margin,
    )


def interval(moved: Floats) -> tuple[float, float, float]:
    """Return the mean of differences and the ends of its 99 % interval (Student's t).

    Args:
        moved: (k,) float64. Read only.

    Returns:
        NaN for the mean of none, and for the ends with fewer than two.
    """
    n = len(moved)
    if n == 0:
        return math.nan, math.nan, math.nan
    mean = float(moved.mean())
    if n == 1:
        return mean, math.nan, math.nan
    # The special functions load in a fraction of the time that scipy.stats takes.
    from scipy.special import stdtrit

    half = float(stdtrit(n - 1, 0.5 + CONFIDENCE / 2)) * float(moved.std(ddof=1)) / math.sqrt(n)
    return mean, mean - half, mean + half


def toss_bound(moved: Floats) -> float:
    """Bound the probability of a sum at least as large if each difference had its sign from a coin toss.

    Args:
        moved: (k,) float64, differences in pairs. Read only.

    Returns:
        A two-sided bound, 0..1, exact if all differences are equal.

    Source:
        Chernoff's bound of a Rademacher sum: P(sum >= t) <= min over h of exp(-h t) prod cosh(h |d|).
    """
    size = np.abs(moved[moved != 0])
    total = abs(float(moved.sum()))
    if not len(size) or total == 0.0:
        return 1.0
    largest = float(size.max())
    size, total = size / largest, total / largest
    low, high = 0.0, 1.0
    while _slope(size, high) < total and high < 1e6:
        low, high = high, 2 * high
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        low, high = (middle, high) if _slope(size, middle) < total else (low, middle)
    log_cosh = high * size + np.log1p(np.exp(-2 * high * size)) - math.log(2)
    return min(1.0, 2 * math.exp(min(0.0, float(log_cosh.sum()) - high * total)))


def _slope(size: Floats, h: float) -> float:
    """Return the derivative of the bound's exponent by h, but for the total."""
    return float((size * np.tanh(h * size)).sum())


def _noticed_shift(moved: Floats, level: float) -> float:
    """Return how large a shift is proven in 99 of 100 cases, by what luck does to the pairs."""
    n = len(moved)
    ratio = _noticed_ratio(n, level) if n > 1 else math.inf
    return ratio * float(moved.std(ddof=1)) if math.isfinite(ratio) else math.inf


@lru_cache(maxsize=64)
def _noticed_ratio(n: int, level: float) -> float:
    """Return that shift in standard deviations; infinite if so few pairs prove nothing.

    A normal sample is assumed here, and only here: the number is for the reader, no answer hangs on it.
    """
    from scipy.special import ndtri

    scores = ndtri((np.arange(n) + 0.5) / n)
    low, high = 0.0, 64.0
    if toss_bound(scores + high) > level:
        return math.inf
    while high - low > 0.01:
        middle = (low + high) / 2
        low, high = (middle, high) if toss_bound(scores + middle) > level else (low, middle)
    # That is for a sample in the middle; mean and deviation of a sample scatter.
    return high + float(ndtri(0.99)) * math.sqrt(1 / n + high**2 / (2 * n))
