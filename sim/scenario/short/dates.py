"""Dates instead of times since the start of a run: `2026-01-09 18:00`, perhaps with a zone behind it.

Decision: whatever begins like a date is read as one up to where a bound can end, instead of looking for a
whole date. Then what is wrong with it is said of all that was written, and nothing of it is left to be
taken for something else.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from sim.units import shown
from sim.wall_clock import zone_of

_LIKE_A_DATE: Final = re.compile(
    r"(?<![0-9])[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?![0-9]).*?"
    r"(?=\s*(?:$|:\s*(?:[<>=]|within\s)|:\s|\sin\s+at\s+least\s|\sof\s+baseline))",
    re.DOTALL,
)
_DATE: Final = re.compile(
    r"(?P<day>[0-9]{4}-[0-9]{2}-[0-9]{2})"
    r"(?:(?:T|\s+)(?P<time>[0-9]{1,2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,6})?)?))?"
    r"\s*(?P<zone>Z|[+-][0-9]{2}:?[0-9]{2}|(?<=\s)[A-Za-z][A-Za-z0-9_+-]*(?:/[A-Za-z0-9_+-]+)*)?"
)
_EXAMPLES: Final = "'2026-01-09 18:00', '2026-01-09 18:00 Europe/Berlin' or '2026-01-09 18:00+01:00'"
_TERMS: Final = (("d", timedelta(days=1)), ("h", timedelta(hours=1)), ("min", timedelta(minutes=1)))
_MICROSECOND: Final = timedelta(microseconds=1)


def has_date(text: object) -> bool:
    """Tell whether a text has a date in it."""
    return isinstance(text, str) and _LIKE_A_DATE.search(text) is not None


def without_dates(text: str, run: object) -> str:
    """Return a text with durations since the start of the run instead of dates.

    Args:
        text: Like `<= 2026-01-09 18:00 Europe/Berlin`; without a zone it is UTC.
        run: The section `run`, as plain values.

    Raises:
        ValueError: The run has no start, or the date is none, or not after the start.
    """
    start = _start_of(run)
    return _LIKE_A_DATE.sub(lambda match: _since(start, match[0]), text)


def _start_of(run: object) -> datetime:
    """Return the start of a run."""
    given: Any = run.get("start") if isinstance(run, Mapping) else None
    if given is None:
        raise ValueError("is a date, so the run needs a start, like 'run: {start: \"2026-01-05T20:00:00Z\"}'")
    try:
        return datetime.fromisoformat(str(given)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError("is a date, and run.start is none") from None


def _since(start: datetime, written: str) -> str:
    """Return a date as a duration since the start, to the microsecond."""
    rest, terms = _instant_of(written) - start, []
    if rest <= timedelta(0):
        is_whole = start.second == start.microsecond == 0
        when = start.strftime("%Y-%m-%d %H:%M" if is_whole else "%Y-%m-%d %H:%M:%S.%f")
        raise ValueError(f"{shown(written)} is not after the start of the run, {when} UTC (run.start)")
    for unit, worth in _TERMS:
        count, rest = divmod(rest, worth)
        if count:
            terms.append(f"{count} {unit}")
    if rest:
        seconds = Decimal(rest // _MICROSECOND).scaleb(-6).normalize()
        terms.append(f"{seconds:f} s")
    return " ".join(terms)


def _instant_of(written: str) -> datetime:
    """Return the time (UTC) that a date means."""
    match = _DATE.fullmatch(written)
    try:
        if match is None:
            raise ValueError
        zone = match["zone"] or "Z"
        is_offset = zone == "Z" or zone[0] in "+-"
        time = (match["time"] or "00:00").partition(":")
        local = datetime.fromisoformat(f"{match['day']}T{time[0]:0>2}:{time[2]}{zone if is_offset else ''}")
    except ValueError:
        raise ValueError(f"{shown(written)} is no date; write it like {_EXAMPLES}") from None
    if not is_offset:
        local = local.replace(tzinfo=zone_of(zone))
    try:
        return local.astimezone(UTC)
    except OverflowError:
        raise ValueError(f"{shown(written)} is no date; write it like {_EXAMPLES}") from None
