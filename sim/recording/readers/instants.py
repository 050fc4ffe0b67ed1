"""Times as files write them: text with a zone, or numbers since the Unix epoch."""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import UTC, datetime
from typing import Final

ALLOWED: Final = (
    "write a time with its zone, like 2026-11-30T08:00:00.000Z, or seconds or milliseconds since 1970"
)

_NUMBER: Final = re.compile(r"-?[0-9]+(\.[0-9]*)?")
_MS_FROM: Final = 10**11
"""Numbers from here on are milliseconds: as seconds they would lie after the year 5000."""
_COMPACT: Final = "%Y%m%dT%H%M%SZ"
_LAST: Final = 253_402_300_800_000


def instant(value: object) -> int:
    """Return a time in milliseconds since the Unix epoch.

    Args:
        value: Text in ISO 8601 with a zone (also compact, also with a comma before the milliseconds), a
            number of seconds or milliseconds since the epoch, or a time.

    Raises:
        ValueError: It is none of these; the message says what is allowed.
    """
    if isinstance(value, bool):
        raise ValueError(f"'{value}' is no time; {ALLOWED}")
    if isinstance(value, int | float):
        return _of_number(float(value), str(value))
    if isinstance(value, datetime):
        when = value
    else:
        text = str(value).strip()
        if _NUMBER.fullmatch(text):
            return _of_number(float(text), text)
        when = _of_text(text)
    if when.tzinfo is None:
        raise ValueError(f"'{value}' has no time zone; {ALLOWED}")
    return round((when - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds() * 1000)


def _of_number(number: float, text: str) -> int:
    ms = number if number >= _MS_FROM else number * 1000
    if not 0 <= ms < _LAST:  # nor not a number
        raise ValueError(f"'{text}' is no time; {ALLOWED}")
    return round(ms)


def _of_text(text: str) -> datetime:
    with suppress(ValueError):
        return datetime.strptime(text, _COMPACT).replace(tzinfo=UTC)
    try:
        return datetime.fromisoformat(text.replace(",", "."))
    except ValueError:
        raise ValueError(f"'{text}' is no time; {ALLOWED}") from None
