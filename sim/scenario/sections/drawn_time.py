"""Times that are drawn: the distributions that a file may write, their means and their tails.

What is said of a tail is the mean excess E[(X - t)+]: the part of a time that lies beyond t, on average.
Divided by the mean it is the probability that a period which is under way, of any age, lasts t longer.
The standard library has the normal and the gamma function; only the incomplete gamma function is missing.
"""

import math
from collections.abc import Iterator
from itertools import pairwise

from pydantic import Field

from sim.scenario.section import AbsentError, Fault, Part, Path, rule
from sim.scenario.values import DURATION_S_MAX, Duration, PositiveDuration, Shape, Share, Spread
from sim.units import format_duration

CYCLE_S_MIN = 1.0
"""Shortest mean cycle of a link or a condition: a look takes time for each cycle since the last look."""

_PRECISION = 1e-12
_STEPS_MAX = 10_000
_EXPONENT_MAX = 700.0  # beyond it exp overflows
_TINY = 1e-300


class Exponential(Part):
    """Exponential distribution."""

    mean: PositiveDuration = Field(description="Mean, in seconds, > 0.")

    def excess_s(self, t_s: float) -> float:
        """Return the mean excess over a time >= 0, in seconds."""
        return self.mean * math.exp(-t_s / self.mean)


class Lognormal(Part):
    """Lognormal distribution."""

    median: PositiveDuration = Field(description="Median, in seconds, > 0.")
    sigma: Spread = Field(description="Standard deviation of the natural logarithm, 0 to 10.")

    def excess_s(self, t_s: float) -> float:
        """Return the mean excess over a time >= 0, in seconds."""
        median, sigma = self.median, self.sigma
        if sigma == 0:
            return max(0.0, median - t_s)
        mean = median * math.exp(sigma**2 / 2)
        if t_s == 0:
            return mean
        d = (math.log(median) - math.log(t_s)) / sigma
        return max(0.0, mean * _normal(d + sigma) - t_s * _normal(d))


class Uniform(Part):
    """Uniform distribution."""

    low: Duration = Field(description="Shortest time, in seconds, >= 0.")
    high: Duration = Field(description="Longest time, in seconds, >= `low`.")

    @rule
    def _is_ordered(self) -> Iterator[Fault]:
        if self.low > self.high:
            yield Fault(("low",), "is more than 'high'")

    def excess_s(self, t_s: float) -> float:
        """Return the mean excess over a time >= 0, in seconds."""
        return _excess_of_line(self.low, self.high, t_s)


class Weibull(Part):
    """Weibull distribution."""

    shape: Shape = Field(description="Shape, above 0 and at most 100; below 1 has a long tail.")
    scale: PositiveDuration = Field(description="Scale, in seconds, > 0.")

    def excess_s(self, t_s: float) -> float:
        """Return the mean excess over a time >= 0, in seconds; inf if the mean is too large for a float."""
        try:
            mean = self.scale * math.gamma(1 + 1 / self.shape)
        except OverflowError:
            return math.inf
        return (
            mean if t_s == 0 else mean * _upper_gamma(1 / self.shape, self.shape * math.log(t_s / self.scale))
        )


class DrawnTime(Part):
    """How long something takes: exactly one of these."""

    constant: Duration | None = Field(default=None, description="Always the same time, in seconds, >= 0.")
    exponential: Exponential | None = Field(default=None, description="Exponential distribution.")
    lognormal: Lognormal | None = Field(default=None, description="Lognormal distribution.")
    uniform: Uniform | None = Field(default=None, description="Uniform distribution.")
    weibull: Weibull | None = Field(default=None, description="Weibull distribution.")
    quantiles: tuple[tuple[Share, Duration], ...] | None = Field(
        default=None,
        min_length=2,
        max_length=10_000,
        description="Measured distribution: pairs of a share and the time, in seconds, within which that "
        "share is done, from 0 % to 100 %; straight lines between them.",
    )

    @property
    def kind(self) -> str:
        """Which of the distributions it is: the name of the field that is set."""
        (name,) = (name for name in type(self).model_fields if getattr(self, name) is not None)
        return name

    @property
    def shortest_s(self) -> float:
        """The shortest time that it can give, in seconds."""
        if self.constant is not None:
            return self.constant
        if self.uniform is not None:
            return self.uniform.low
        return self.quantiles[0][1] if self.quantiles is not None else 0.0

    @property
    def mean_s(self) -> float:
        """Mean, in seconds; inf if it is too large for a float."""
        return self.excess_s(0.0)

    def excess_s(self, t_s: float) -> float:
        """Return the mean excess over a time, E[(X - t)+].

        Args:
            t_s: The time t, in seconds, >= 0.

        Returns:
            Seconds, >= 0.

        Raises:
            AbsentError: It is not one distribution, since the file is wrong here.
        """
        given = [name for name in type(self).model_fields if getattr(self, name) is not None]
        if len(given) != 1:
            raise AbsentError("distribution")
        if self.constant is not None:
            return max(0.0, self.constant - t_s)
        if self.quantiles is not None:
            return math.fsum(
                (after[0] - before[0]) * _excess_of_line(before[1], after[1], t_s)
                for before, after in pairwise(self.quantiles)
            )
        excess_s: float = getattr(self, given[0]).excess_s(t_s)
        return excess_s

    def overshoot(self, t_s: float) -> float:
        """Return the probability that a period which is under way, of any age, lasts longer than that.

        Args:
            t_s: Seconds, >= 0.

        Returns:
            0 to 1: the mean excess over it as a part of the mean, which must be more than 0 and finite.
        """
        return self.excess_s(t_s) / self.mean_s

    @rule
    def _is_one_distribution(self) -> Iterator[Fault]:
        names = type(self).model_fields
        given = [name for name in names if getattr(self, name) is not None]
        if len(given) != 1:
            what = " and ".join(given) or "nothing"
            yield Fault((), f"{what} given; needs exactly one of {', '.join(names)}")

    @rule
    def _quantiles_rise_to_the_whole(self) -> Iterator[Fault]:
        if self.quantiles is None:
            return
        shares = [share for share, _ in self.quantiles]
        if shares[0] != 0 or shares[-1] != 1:
            yield Fault(("quantiles",), "the first pair must be at 0 % and the last one at 100 %")
        for i_pair, (before, after) in enumerate(pairwise(self.quantiles), start=1):
            if after[0] <= before[0]:
                yield Fault(("quantiles", i_pair, 0), "the shares must grow from pair to pair")
            if after[1] < before[1]:
                yield Fault(("quantiles", i_pair, 1), "the times must not shrink from pair to pair")


def mean_faults(drawn: DrawnTime, path: Path) -> Iterator[Fault]:
    """Yield why a distribution can't be that of a period: periods need a mean that is neither 0 nor endless.

    Args:
        drawn: The distribution.
        path: Where it stands.

    Yields:
        At most one fault.
    """
    mean_s = drawn.excess_s(0.0)
    if mean_s == 0:
        yield Fault(path, "has a mean of 0 s; it must be more than 0")
    elif mean_s > DURATION_S_MAX:
        yield Fault(path, "has a mean of more than 36500 d")


def cycle_faults(cycle_s: float, path: Path) -> Iterator[Fault]:
    """Yield why two periods, one after the other, are too short.

    Args:
        cycle_s: Their mean length together, in seconds; 0 if a fault of its own says so.
        path: Where they stand.

    Yields:
        At most one fault.
    """
    if 0 < cycle_s < CYCLE_S_MIN:
        yield Fault(path, f"a cycle of {format_duration(cycle_s)} on average is too short; at least 1 s")


def _excess_of_line(low: float, high: float, t: float) -> float:
    """Return the mean excess over t of what is uniform from low to high."""
    if t <= low:
        return (low + high) / 2 - t
    return 0.0 if t >= high else (high - t) ** 2 / (high - low) / 2


def _normal(x: float) -> float:
    """Return the distribution function of the standard normal distribution."""
    return math.erfc(-x / math.sqrt(2)) / 2


def _upper_gamma(a: float, log_x: float) -> float:
    """Return the regularised upper incomplete gamma function Q(a, x), for a > 0 and the logarithm of x.

    Below a + 1 as a power series, above it as Lentz evaluates a continued fraction.
    """
    if log_x > math.log(_EXPONENT_MAX + a):
        return 0.0
    x = math.exp(log_x)
    front = math.exp(a * log_x - x - math.lgamma(a))
    if x < a + 1:
        term = total = 1 / a
        for n in range(1, _STEPS_MAX):
            term *= x / (a + n)
            total += term
            if term < total * _PRECISION:
                break
        return min(1.0, max(0.0, 1 - front * total))
    b = x + 1 - a
    c, d = 1 / _TINY, 1 / b
    fraction = d
    for n in range(1, _STEPS_MAX):
        factor = n * (a - n)
        b += 2
        d = 1 / (_not_0(factor * d + b))
        c = _not_0(b + factor / c)
        fraction *= c * d
        if abs(c * d - 1) < _PRECISION:
            break
    return front * fraction


def _not_0(x: float) -> float:
    """Return a number that can be divided by."""
    return x if abs(x) > _TINY else _TINY
