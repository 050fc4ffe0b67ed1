"""Stepping the simulation from outside: to a time or to a condition, never on its own."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

from sim.campaign import FleetEnvironment
from sim.fleet.spec import TICKS_PER_S, to_ticks

_SLICE_TICKS: Final = 3600 * TICKS_PER_S


class SteppedEnvironment(FleetEnvironment):
    """A `FleetEnvironment` that runs exactly as far as it is told.

    It stops at whole ticks only, so that its float time and the plane's ticks never disagree. Where it
    stopped in between changes nothing of what happens later.
    """

    @property
    def now_ticks(self) -> int:
        """Ticks since the start of the run."""
        return to_ticks(self.now_s)

    def begin_at(self, tick: int) -> None:
        """Put the clock, which nothing has moved yet, to where the plane is.

        Args:
            tick: The plane's tick.
        """
        self._tick = tick
        self._now = tick / TICKS_PER_S

    def advance_to(self, tick: int) -> None:
        """Let everything happen up to and including a tick, and stand there.

        Whoever arrives at a tick finishes it: dispatches that are due at it are done, too. The present
        tick is allowed: what calls have set off within this instant happens then, but for dispatches;
        those come when time goes on or with `finish_instant`.

        Args:
            tick: Not before now, before the horizon.
        """
        arrives = tick > self.now_ticks
        while self._next_before(tick):
            pass
        if arrives:
            self.finish_instant()

    def finish_instant(self) -> None:
        """Let everything happen that is due now; a second time, without a call in between, does nothing."""
        tick = self.now_ticks
        while True:
            while self._next_before(tick):
                pass
            if not self.fleet.finish_tick():
                return
            self._fire(self.now_s)

    def run_until(
        self, is_done: Callable[[], bool], *, limit_ticks: int, can_change: Callable[[], bool]
    ) -> bool:
        """Run until a condition holds, and finish that instant.

        Args:
            is_done: The condition; looked at after each control event.
            limit_ticks: Where to give up, before the horizon.
            can_change: Tells whether devices can still do something without a call. If neither they nor a
                process can, nothing is waited for.

        Returns:
            Whether the condition held.
        """
        while not is_done():
            idle = math.isinf(self.peek()) and not can_change()
            if idle or self.now_ticks >= limit_ticks:
                break
            self._next_before(min(limit_ticks, self.now_ticks + _SLICE_TICKS))
        self.advance_to(self.now_ticks)
        return is_done()

    def _next_before(self, tick: int) -> bool:
        """Process the next control event up to a tick; stand at the tick if there is none.

        Returns:
            Whether there was one, or a watch made one.
        """
        until_s = tick / TICKS_PER_S
        if self.peek() <= until_s:
            self.step()
            return True
        if self._run_plane(tick, until_s):
            return True
        self._now = until_s
        return False
