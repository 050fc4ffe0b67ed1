"""Time for who polls: a clock that can be exchanged, and the server's time as far as answers tell it.

Decisions:

- *Time is injected*: the same recorder polls a service for a week, and an emulator's week in seconds.
- *Bounds instead of a guess*: an answer says the whole second at which it was written, and came between
  sending and receiving. Each narrows where the server's clock stands against the steady clock of this
  machine, and what remains is the span in which an answer was true.
- *A clock that jumps back is not believed*: time goes on as the steady clock says, and the jump is told.
  A jump ahead is believed, since the steady clock of a machine that slept stood still meanwhile.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final, Protocol

from sim.errors import Problem, ScenarioError
from sim.recording.sightings import PageTime
from sim.recording.transport import Answer

WHOLE_SECOND_MS: Final = 2_000
"""How far the server may be ahead of its `Date`: a second, and one more since servers keep the text."""
_SLACK_MS: Final = 5_000.0
"""Clocks are pushed by so much without a word."""


class Clock(Protocol):
    """What the recorder asks for the time, and what it sleeps by."""

    @property
    def is_the_servers(self) -> bool:
        """Whether it shows the server's time already, so that what answers say is not needed."""

    def now_ms(self) -> float:
        """Return milliseconds since the Unix epoch."""

    def steady_ms(self) -> float:
        """Return milliseconds from anywhere, never going back."""

    def sleep(self, seconds: float) -> None:
        """Let time pass.

        Args:
            seconds: How long, >= 0.
        """


class WallClock:
    """The clock of this machine."""

    is_the_servers: Final = False

    def now_ms(self) -> float:
        """Return milliseconds since the Unix epoch."""
        return time.time() * 1e3

    def steady_ms(self) -> float:
        """Return milliseconds from anywhere, never going back."""
        return time.monotonic() * 1e3

    def sleep(self, seconds: float) -> None:
        """Wait.

        Args:
            seconds: How long, >= 0.
        """
        time.sleep(seconds)


class EmulatedClock:
    """The clock of a server that simulates: where it stands still it is moved, instead of waiting.

    While it runs, it is reckoned on from what the server last told, so it may be behind by the time that one
    answer takes.
    """

    is_the_servers: Final = True

    def __init__(self, ask: Callable[[str, str, bytes], Answer]) -> None:
        """Ask the server for its time.

        Args:
            ask: From method, path and body to an answer.

        Raises:
            OSError: No answer came.
            ScenarioError: The server simulates nothing.
        """
        self._ask = ask
        self._take(ask("GET", "/_sim/clock", b""))

    def now_ms(self) -> float:
        """Return milliseconds since the Unix epoch, simulated."""
        passed_s = (time.monotonic() - self._told_at_s) * self._speed
        return self._told_ms + 1e3 * passed_s

    def steady_ms(self) -> float:
        """Return the same: simulated time never goes back."""
        return self.now_ms()

    def sleep(self, seconds: float) -> None:
        """Move the clock, or wait until it has moved.

        Args:
            seconds: How long, simulated, >= 0.

        Raises:
            OSError: No answer came.
            ScenarioError: The server moves no clock.
        """
        if self._speed:
            time.sleep(seconds / self._speed)
            self._take(self._ask("GET", "/_sim/clock", b""))
            return
        # Whole milliseconds, as in the files: a page is then true at the very time that it is noted with.
        until_ms = math.ceil(self._told_ms + 1e3 * seconds)
        body = json.dumps({"until_s": (until_ms - self._start_ms) / 1e3}).encode()
        self._take(self._ask("POST", "/_sim/clock/advance", body))

    def _take(self, answer: Answer) -> None:
        """Take over what the server tells of its clock."""
        try:
            told = json.loads(answer.body)
            second = datetime.strptime(told["now"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
            now_s, speed, mode = float(told["now_s"]), float(told["speed"]), told["mode"]
        except (ValueError, KeyError, TypeError):
            message = f"has no simulated clock (HTTP {answer.status}); leave out --simulated-time"
            raise ScenarioError([Problem("URL", message)]) from None
        self._start_ms = second.timestamp() * 1e3 - math.floor(now_s) * 1e3
        self._told_ms = self._start_ms + 1e3 * now_s
        self._told_at_s = time.monotonic()
        self._speed = speed if mode == "real" else 0.0


@dataclass(frozen=True)
class Jump:
    """The server's clock was put to another time.

    Attributes:
        at_ms: When, by the time that goes on.
        by_ms: By how much; negative for back.
    """

    at_ms: int
    by_ms: int


class ServerTime:
    """The server's clock against the steady clock of this machine.

    Attributes:
        source: `Date header`, `local clock` where answers tell no time, or `given` by a clock that is the
            server's.
        jumps: What its clock did, oldest first.
    """

    def __init__(self, clock: Clock, *, not_before_ms: int = 0) -> None:
        """Know nothing yet.

        Args:
            clock: The local clocks.
            not_before_ms: The last time that is known from before; what answers tell first can't be earlier.
        """
        self._clock = clock
        self._bounds: tuple[float, float] | None = None
        self._shift_ms = 0.0
        self._not_before_ms = not_before_ms
        self.source = "given" if clock.is_the_servers else "local clock"
        self.jumps: list[Jump] = []

    def of_answer(self, sent_ms: float, received_ms: float, date: str | None) -> PageTime:
        """Return when an answer was true, and learn from what it tells.

        Args:
            sent_ms: Steady time at which the request was sent.
            received_ms: Steady time at which the answer was there.
            date: Its header `Date`; None without one.
        """
        told = None if self._clock.is_the_servers or date is None else _milliseconds(date)
        if told is None:
            # The local clock was just read: what it shows now is what the steady clock shows now.
            offset = self._clock.now_ms() - self._clock.steady_ms()
            self._learn(offset, offset, received_ms)
        else:
            self.source = "Date header"
            self._learn(told - received_ms, told + WHOLE_SECOND_MS - sent_ms, received_ms)
        assert self._bounds is not None
        low, high = self._bounds
        return PageTime(int(sent_ms + low), int(-(-(received_ms + high) // 1)))

    def now_ms(self) -> int:
        """Return the server's time, as nearly as it is known; that of the local clock before any answer."""
        if self._bounds is None:
            return int(self._clock.now_ms())
        return int(self._clock.steady_ms() + sum(self._bounds) / 2)

    def offset_ms(self) -> int:
        """Return by how much the server's clock is ahead of the local one."""
        return self.now_ms() - int(self._clock.now_ms())

    def _learn(self, low: float, high: float, steady_ms: float) -> None:
        """Narrow the bounds, or begin anew where they contradict what was known."""
        low, high = low + self._shift_ms, high + self._shift_ms
        if self._bounds is None:
            back = self._not_before_ms - (steady_ms + high)
            if back > _SLACK_MS:  # put back while nobody looked
                self._note(steady_ms + high, -back)
                self._shift_ms += back
                low, high = low + back, high + back
            self._bounds = (low, high)
            return
        known_low, known_high = self._bounds
        if max(low, known_low) <= min(high, known_high):
            self._bounds = (max(low, known_low), min(high, known_high))
            return
        if low - known_high > _SLACK_MS:
            self._note(steady_ms + known_high, low - known_high)
        elif known_low - high > _SLACK_MS:
            back = known_low - high
            self._note(steady_ms + known_low, -back)
            self._shift_ms += back
            low, high = low + back, high + back
        self._bounds = (low, high)

    def _note(self, at_ms: float, by_ms: float) -> None:
        self.jumps.append(Jump(int(at_ms), int(by_ms)))


def iso(ms: float) -> str:
    """Return a time as ISO text in UTC with milliseconds.

    Args:
        ms: Since the Unix epoch.
    """
    return datetime.fromtimestamp(ms / 1e3, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _milliseconds(date: str) -> float | None:
    """Return the time in a header `Date`, or None if it has none."""
    try:
        return parsedate_to_datetime(date).timestamp() * 1e3
    except (ValueError, OverflowError, TypeError):
        return None
