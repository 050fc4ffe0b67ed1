"""Dates instead of times since the start of a run: `2026-01-09 18:00`, perhaps with a zone behind it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from sim.units import shown
from sim.wall_clock import zone_of

_DATE: Final = re.compile(
    r"(?P<day>[0-9]{4}-[0-9]{2}-[0-9]{2})(?:[T ](?P<time>[0-9]{2}:[0-9]{2}(?::[0-9]{2})?))?"
    r"(?P<zone>Z|[+-][0-9]{2}:[0-9]{2}|\s+[A-Za-z]+(?:/[A-Za-z_+-]+)*(?=\s*(?:$|:\s|in at least)))?"
)
_TERMS: Final = (("d", 86_400), ("h", 3600), ("min", 60), ("s", 1))


def has_date(text: object) -> bool:
    """Tell whether a text has a date in it."""
    return isinstance(text, str) and _DATE.search(text) is not None


def without_dates(text: str, run: object) -> str:
    """Return a text with durations since the start of the run instead of dates.

    Args:
        text: Like `<= 2026-01-09 18:00 Europe/Berlin`; without a zone it is UTC.
        run: The section `run`, as plain values.

    Raises:
        ValueError: The run has no start, or the date is none, or not after the start.
    """
    start = _start_of(run)
    return _DATE.sub(lambda match: _since(start, match), text)


def _start_of(run: object) -> datetime:
    """Return the start of a run."""
    given: Any = run.get("start") if isinstance(run, Mapping) else None
    if given is None:
        raise ValueError("is a date, so the run needs a start, like 'run: {start: \"2026-01-05T20:00:00Z\"}'")
    try:
        return datetime.fromisoformat(str(given)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError("is a date, and run.start is none") from None


def _since(start: datetime, match: re.Match[str]) -> str:
    """Return a date as a duration since the start."""
    zone = (match["zone"] or "Z").strip()
    is_offset = zone == "Z" or zone[0] in "+-"
    try:
        local = datetime.fromisoformat(
            f"{match['day']}T{match['time'] or '00:00'}{zone if is_offset else ''}"
        )
    except ValueError:
        raise ValueError(f"{shown(match[0].strip())} is no date; write it like '2026-01-09 18:00'") from None
    instant = local if is_offset else local.replace(tzinfo=zone_of(zone))
    seconds = (instant.astimezone(UTC) - start).total_seconds()
    if seconds <= 0:
        when = start.strftime("%Y-%m-%d %H:%M UTC")
        raise ValueError(f"{shown(match[0].strip())} is not after the start of the run, {when} (run.start)")
    rest, terms = round(seconds), []
    for unit, worth in _TERMS:
        count, rest = divmod(rest, worth)
        if count:
            terms.append(f"{count} {unit}")
    return " ".join(terms)
