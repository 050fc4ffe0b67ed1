"""When the link of a device came up or went down last, worked out from the fleet's tables alone.

Both planes draw links as timelines that exist whether or not anybody looks (`sim.fleet.model.timelines`):
word 0 says whether the link is up at t = 0, words 1 and 2 what is left of that period, word k + 2 how long
period k is. Here the same words make the same periods; and one question more is answered than the planes
ask: when the period that is under way at t = 0 began.

Source:
    A stationary renewal process at a random moment: the whole period under way is length-biased, and what is
    left of it is a uniform part of it, hence so is its age (Cox, "Renewal Theory", 1962, 5.4). Of exponential
    periods age and rest are independent, and both are exponential.

Decision: the age of the first period uses the draws that its rest has, not a stream of its own. For all
distributions but the exponential one, words 1 and 2 tell how long the whole period is and which part of it
is left; the age is the other part. What is left of an exponential period is drawn from word 1 alone, so the
age has word 2, which nothing else uses.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final, NamedTuple

import numpy as np

from sim.fleet.model.philox import KeyedPhilox
from sim.fleet.model.purposes import BLOCK_WORDS
from sim.fleet.reference.sampling import MOST_TICKS, StageTime, ticks_of
from sim.fleet.reference.weather.residuals import residual_s
from sim.fleet.reference.weather.timelines import Process, processes_of
from sim.fleet.spec import EXPONENTIAL, NEVER, OFF, ON, FleetSpec

_LINK: Final = 0  # number of the link among a device's timelines
_FIRST_PERIOD: Final = 2  # word k + 2 is period k's
_NEIGHBOURS: Final = 64  # devices that are drawn for at once: those of a page are neighbours
_BLOCKS_KEPT: Final = 512


class Period(NamedTuple):
    """A period of a link; ticks, half-open.

    Attributes:
        is_on: Whether the link is up.
        begin: When it began; before 0 if it was under way then.
        end: When it ends.
    """

    is_on: bool
    begin: int
    end: int


ALWAYS: Final = Period(is_on=True, begin=-NEVER, end=NEVER)
"""The one period of a device that has no link: it is always in reach."""


class LinkPeriods:
    """The periods of all links of a fleet."""

    def __init__(self, spec: FleetSpec) -> None:
        """Draw nothing yet.

        Args:
            spec: The fleet; read only.
        """
        platform = spec.platform
        self._philox = KeyedPhilox(int(platform.seed), int(platform.replication))
        self._cohort, self._n = spec.cohort, len(spec.cohort)
        processes = processes_of(spec)
        self._process = [processes[row] if row >= 0 else None for row in spec.cohorts.link.tolist()]
        # Number, begin and end of the period that was found last; pages of memory that nobody touches are
        # no memory yet. An end of 0 stands for none: a first period that ends there is no period.
        self._places = np.zeros((self._n, 3), np.int64)
        self._block = lru_cache(_BLOCKS_KEPT)(self._draw_block)

    def at(self, device: int, tick: int) -> Period:
        """Return the period of a device's link that a tick lies in.

        Args:
            device: Device index.
            tick: Not before 0. It takes longer to look back behind an earlier look than to go on from it.
        """
        process = self._process[self._cohort[device]]
        if process is None:
            return ALWAYS
        if process.every > 0:
            return self._beat(process, device, tick)
        number, begin, end = self._places[device].tolist()
        if end == 0 or tick < begin:
            number, begin, end = self._first(process, device)
        while end <= tick:
            number += 1
            begin, end = end, end + self._length(process, device, number)
        self._places[device] = number, begin, end
        return Period(number % 2 == 0, begin, end)

    def _beat(self, process: Process, device: int, tick: int) -> Period:
        """Return the part of the cycle that a tick lies in, of a link that goes by the clock."""
        first = process.phase
        if first < 0:
            first = process.every - int(self._words(device, 0)[2] * process.every)
        cycle = tick - (tick - first) % process.every
        if tick < cycle + process.on_for:
            return Period(True, cycle, cycle + process.on_for)
        return Period(False, cycle + process.on_for, cycle + process.every)

    def _first(self, process: Process, device: int) -> tuple[int, int, int]:
        """Return number, begin and end of the period that is under way at 0; even ones are on."""
        is_on, length, part, _ = self._words(device, 0)
        share = process.share
        number = 0 if is_on < share / (1.0 - share + share) else 1
        periods = process.periods[ON if number == 0 else OFF]
        return number, -_age_ticks(periods, length, part), _rest_ticks(periods, length, part)

    def _length(self, process: Process, device: int, number: int) -> int:
        """Return the length of a period that begins after 0."""
        block, word = divmod(number + _FIRST_PERIOD, BLOCK_WORDS)
        return process.periods[ON if number % 2 == 0 else OFF].ticks(self._words(device, block)[word])

    def _words(self, device: int, block: int) -> list[float]:
        """Return a block of what is drawn for a device's link."""
        neighbours, i = divmod(device, _NEIGHBOURS)
        return self._block(neighbours, block)[i]

    def _draw_block(self, neighbours: int, block: int) -> list[list[float]]:
        """Return a block of up to `_NEIGHBOURS` devices in a row."""
        first = neighbours * _NEIGHBOURS
        n = min(_NEIGHBOURS, self._n - first)
        words: list[list[float]] = self._philox.timeline_uniforms(_LINK, first, n, block).tolist()
        return words


def _rest_ticks(periods: StageTime, length: float, part: float) -> int:
    """Return what is left of a period under way, as both planes draw it."""
    try:
        return ticks_of(residual_s(periods, length, part))
    except OverflowError:  # where IEEE arithmetic says infinity
        return MOST_TICKS


def _age_ticks(periods: StageTime, length: float, part: float) -> int:
    """Return how long a period under way has lasted, of which `_rest_ticks` is what is left."""
    if periods.kind == EXPONENTIAL:
        return _rest_ticks(periods, part, length)
    return _rest_ticks(periods, length, 1.0 - part)
