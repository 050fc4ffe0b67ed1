"""Times on the wire: UTC to the second, as `20151212T121212Z`; some to the millisecond, in another form."""

from __future__ import annotations

import functools
import re
from datetime import UTC, datetime, timedelta
from typing import Final

from sim.rules import codes

PATTERN: Final = "^[0-9]{8}T[0-9]{6}Z$"
FINE_PATTERN: Final = "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{3}Z$"
"""`yyyy-MM-dd'T'HH:mm:ss.SSS'Z'`, which the SDK's model of `ShowDevice` has for what devices do."""
_FORM: Final = re.compile(PATTERN.removesuffix("$"))
_FORMAT: Final = "%Y%m%dT%H%M%SZ"


class Calendar:
    """Translates between seconds of the run and times on the wire."""

    def __init__(self, start: datetime) -> None:
        """Fix the run's beginning.

        Args:
            start: Date and time, with a zone, at which the simulated time is 0.
        """
        self.start = start.astimezone(UTC)

    def wire(self, time_s: float) -> str:
        """Return a time of the run, cut to the second.

        Args:
            time_s: Seconds since the start of the run.
        """
        return _wire(self.start, time_s)

    def fine(self, time_s: float) -> str:
        """Return a time of the run, cut to the millisecond, as `2015-12-12T12:12:12.122Z`.

        Args:
            time_s: Seconds since the start of the run.
        """
        time = self.start + timedelta(seconds=time_s)
        return f"{time.isoformat(timespec='milliseconds').removesuffix('+00:00')}Z"

    def seconds(self, text: str) -> float:
        """Return a time on the wire as seconds since the start of the run; negative before it.

        Args:
            text: Like `20151212T121212Z`.

        Raises:
            ApiError: It has another form, or there is no such time.
        """
        return (parse_time(text) - self.start).total_seconds()


@functools.lru_cache(1024)  # lists show the same few times over and over
def _wire(start: datetime, time_s: float) -> str:
    """Return the time so many seconds after a beginning, as on the wire."""
    # strftime pads years below 1000 differently from platform to platform.
    return f"{start + timedelta(seconds=time_s):%Y%m%dT%H%M%SZ}".rjust(16, "0")


def parse_time(text: str) -> datetime:
    """Return a time on the wire.

    Args:
        text: Like `20151212T121212Z`.

    Raises:
        ApiError: It has another form, or there is no such time.
    """
    if _FORM.fullmatch(text) is not None:
        try:
            return datetime.strptime(text, _FORMAT).replace(tzinfo=UTC)
        except ValueError:
            pass
    raise codes.INVALID_TIME.api_error("Times are written like 20151212T121212Z")
