"""The virtual clock: it stands still, or runs at a multiple of the wall clock's speed."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final, Literal

Mode = Literal["manual", "real"]

SPEED_MAX: Final = 1_000_000.0
_TICKS_PER_NS: Final = 1e-3


class VirtualClock:
    """Tells which simulated time it is. Nothing happens when it is asked.

    Attributes:
        mode: `manual`: it moves only when it is told. `real`: it runs.
        speed: Simulated seconds per second of the wall clock, > 0, at most `SPEED_MAX`.
    """

    def __init__(
        self,
        mode: Mode,
        *,
        speed: float = 1.0,
        limit_ticks: int,
        wall_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        """Set the clock to 0.

        Args:
            mode: Whether it runs.
            speed: Simulated seconds per second of the wall clock.
            limit_ticks: Where it stops for good.
            wall_ns: The wall clock, nanoseconds from anywhere, never going back.
        """
        self.mode: Mode = mode
        self.speed = speed
        self._limit_ticks = limit_ticks
        self._wall_ns = wall_ns
        self._base_ticks = 0
        self._base_ns = wall_ns()

    def now_ticks(self) -> int:
        """Return the simulated time, ticks since the start of the run."""
        if self.mode == "manual":
            return self._base_ticks
        elapsed_ns = self._wall_ns() - self._base_ns
        return min(self._base_ticks + int(elapsed_ns * _TICKS_PER_NS * self.speed), self._limit_ticks)

    def set(self, tick: int) -> None:
        """Put the clock to a time; it goes on from there."""
        self._base_ticks = tick
        self._base_ns = self._wall_ns()

    def freeze(self) -> None:
        """Let it stand where it is."""
        self.set(self.now_ticks())
        self.mode = "manual"

    def run(self, speed: float) -> None:
        """Let it run from where it is.

        Args:
            speed: Simulated seconds per second of the wall clock, > 0, at most `SPEED_MAX`.
        """
        self.set(self.now_ticks())
        self.mode = "real"
        self.speed = speed
