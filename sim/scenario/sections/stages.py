"""`stages`: how long the stages of an attempt take."""

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import ClassVar, Literal

from pydantic import Field

from sim.scenario.section import Fault, Part, rule
from sim.scenario.values import Duration, PositiveDuration, Shape, Share, Spread

TimedStage = Literal["query", "coverage", "verify", "install", "reboot"]
"""The stages whose time is drawn."""


class Exponential(Part):
    """Exponential distribution."""

    mean: PositiveDuration = Field(description="Mean, in seconds, > 0.")


class Lognormal(Part):
    """Lognormal distribution."""

    median: PositiveDuration = Field(description="Median, in seconds, > 0.")
    sigma: Spread = Field(description="Standard deviation of the natural logarithm, 0 to 10.")


class Uniform(Part):
    """Uniform distribution."""

    low: Duration = Field(description="Shortest time, in seconds, >= 0.")
    high: Duration = Field(description="Longest time, in seconds, >= `low`.")

    @rule
    def _is_ordered(self) -> Iterator[Fault]:
        if self.low > self.high:
            yield Fault(("low",), "is more than 'high'")


class Weibull(Part):
    """Weibull distribution."""

    shape: Shape = Field(description="Shape, above 0 and at most 100; below 1 has a long tail.")
    scale: PositiveDuration = Field(description="Scale, in seconds, > 0.")


class DrawnTime(Part):
    """How long a stage takes: exactly one of these."""

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


class StageTimes(Part):
    """Drawn times of stages; a stage that is absent takes no time."""

    hints: ClassVar[Mapping[str, str]] = {
        "contact": "how long contact takes follows from a cohort's 'online' and 'window'",
        "download": "its time follows from package.size, link_rate and bandwidth",
    }

    query: DrawnTime | None = Field(default=None, description="Version query, until the device has reported.")
    coverage: DrawnTime | None = Field(default=None, description="Query of the radio coverage (lwm2m only).")
    verify: DrawnTime | None = Field(default=None, description="Check of the downloaded package.")
    install: DrawnTime | None = Field(default=None, description="Installation.")
    reboot: DrawnTime | None = Field(default=None, description="Restart (firmwareUpgrade only).")
