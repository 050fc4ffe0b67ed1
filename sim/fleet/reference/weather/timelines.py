"""The readable plane's timelines: at which ticks a device's link or condition changes.

A timeline here is a list of the ticks at which its periods end, made longer whenever somebody looks further
ahead, and a look is a search in it; a beat is worked out from the time since it last began. The compiled
plane remembers one place instead and goes on from there (`sim.fleet.model.timelines`, which also says what
timelines are and what they draw).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from typing import NamedTuple

from sim.fleet.reference.sampling import MOST_TICKS, StageTime, ticks_of
from sim.fleet.reference.weather.residuals import residual_s
from sim.fleet.spec import OFF, ON, FleetSpec


class Process(NamedTuple):
    """What a timeline is made of; ticks.

    Attributes:
        share: Share of time that a device is on, 0..1.
        every: Length of a cycle, 0 when periods are drawn.
        on_for: How long a periodic one is on.
        phase: When a periodic one first goes on; -1 if that is drawn.
        periods: How long off-periods and on-periods are.
    """

    share: float
    every: int
    on_for: int
    phase: int
    periods: tuple[StageTime, StageTime]


def processes_of(spec: FleetSpec) -> list[Process]:
    """Return all rows of a fleet's timelines, in order."""
    table = spec.timelines
    return [
        Process(
            float(table.share[row]),
            int(table.every_ticks[row]),
            int(table.for_ticks[row]),
            int(table.phase_ticks[row]),
            (_periods(spec, row, OFF), _periods(spec, row, ON)),
        )
        for row in range(len(table.share))
    ]


def _periods(spec: FleetSpec, row: int, state: int) -> StageTime:
    """Return how long the periods of a state are."""
    table = spec.timelines
    points = slice(table.quantile_lo[row, state], table.quantile_hi[row, state])
    return StageTime(
        int(table.dist_kind[row, state]),
        float(table.dist_a[row, state]),
        float(table.dist_b[row, state]),
        table.quantile_p[points].tolist(),
        table.quantile_s[points].tolist(),
        table.quantile_weight[points].tolist(),
    )


class Timeline(ABC):
    """When one device is on and when it is off. Intervals are half-open, ticks >= 0."""

    @abstractmethod
    def is_on(self, tick: int) -> bool:
        """Tell whether a tick lies in an on-period."""

    @abstractmethod
    def end_of(self, tick: int) -> int:
        """Return when the period that a tick lies in ends."""

    @abstractmethod
    def next_on(self, tick: int) -> int:
        """Return the first tick, not before `tick`, at which the device can be met.

        That is one in an on-period, or where an on-period of no length is.
        """


class Beat(Timeline):
    """On for the same time once a cycle."""

    def __init__(self, process: Process, words: Iterator[float]) -> None:
        """Find the first beginning.

        Args:
            process: A periodic one.
            words: The timeline's draws.
        """
        self._every, self._on_for = process.every, process.on_for
        _, _, part = next(words), next(words), next(words)
        self._first = process.phase if process.phase >= 0 else process.every - int(part * process.every)

    def _since(self, tick: int) -> int:
        """Return for how long the present cycle has lasted."""
        return (tick - self._first) % self._every

    def is_on(self, tick: int) -> bool:
        """Tell whether a tick lies in an on-period."""
        return self._since(tick) < self._on_for

    def end_of(self, tick: int) -> int:
        """Return when the period that a tick lies in ends."""
        return tick - self._since(tick) + (self._on_for if self.is_on(tick) else self._every)

    def next_on(self, tick: int) -> int:
        """Return the first tick, not before `tick`, at which the device is on."""
        return tick if self.is_on(tick) else self.end_of(tick)


class Renewal(Timeline):
    """On and off by turns, for times that are drawn."""

    def __init__(self, process: Process, words: Iterator[float], lift: float) -> None:
        """Draw the period at tick 0.

        Args:
            process: One whose periods are drawn.
            words: The timeline's draws.
            lift: Factor on the odds of being on, > 0; off-periods are that much shorter.
        """
        self._periods, self._words, self._lift = process.periods, words, lift
        share = process.share
        self._is_on_first = next(words) < share * lift / (1.0 - share + share * lift)
        state = ON if self._is_on_first else OFF
        try:
            seconds = residual_s(self._periods[state], next(words), next(words))
            first = ticks_of(seconds / lift if state == OFF else seconds)
        except OverflowError:  # where IEEE arithmetic says infinity
            first = MOST_TICKS
        if state == OFF:
            next(words)  # it is that of an on-period after an on-period at 0
        self._ends = [first]

    def is_on(self, tick: int) -> bool:
        """Tell whether a tick lies in an on-period."""
        return self._is_on_in(self._period_at(tick))

    def end_of(self, tick: int) -> int:
        """Return when the period that a tick lies in ends."""
        return self._ends[self._period_at(tick)]

    def next_on(self, tick: int) -> int:
        """Return the first tick, not before `tick`, at which the device can be met."""
        period = self._period_at(tick)
        # An off-period that ends at this very tick may be followed by an on-period of no length.
        before = bisect_left(self._ends, tick)
        if before < period and not self._is_on_in(before):
            return tick
        return tick if self._is_on_in(period) else self._ends[period]

    def _period_at(self, tick: int) -> int:
        """Return which period a tick lies in, from 0."""
        ends = self._ends
        while ends[-1] <= tick:
            ends.append(ends[-1] + self._next_length())
        return bisect_right(ends, tick)

    def _is_on_in(self, period: int) -> bool:
        """Tell whether a period is an on-period."""
        return (period % 2 == 0) == self._is_on_first

    def _next_length(self) -> int:
        """Return the length of the next period, in ticks."""
        u = next(self._words)
        if self._is_on_in(len(self._ends)):
            return self._periods[ON].ticks(u)
        return self._periods[OFF].ticks(u, self._lift)


def make_timeline(process: Process, words: Iterator[float], lift: float = 1.0) -> Timeline:
    """Return a device's timeline.

    Args:
        process: What it is made of.
        words: Its draws.
        lift: Factor on the odds of being on, > 0, for one whose periods are drawn.
    """
    return Beat(process, words) if process.every > 0 else Renewal(process, words, lift)
