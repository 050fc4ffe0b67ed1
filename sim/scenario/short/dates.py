"""Dates instead of times since the start of a run: `2026-01-09 18:00`, perhaps with a zone behind it.

A date without a zone is by the clock of `run.start`: by UTC if that ends with `Z`.

Decision: a date that the clock of its zone skips in spring, or shows twice in autumn, is refused, instead of
being taken for one of the times that may be meant. Who writes an offset says which.

Decision: whatever begins like a date is read as one up to where a bound can end, instead of looking for a
whole date. Then what is wrong with it is said of all that was written, and nothing of it is left to be
taken for something else.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from decimal import Decimal
from typing import Any, Final, Self

from sim.units import shown
from sim.wall_clock import offset_text, zone_of

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


class Dated(str):
    """A text in which a time stands instead of a date.

    Attributes:
        written: The text with the date.
    """

    written: str

    def __new__(cls, text: str, written: str) -> Self:
        """Make one of a text and what stood in the file."""
        made = super().__new__(cls, text)
        made.written = written
        return made


def has_date(text: object) -> bool:
    """Tell whether a text has a date in it."""
    return isinstance(text, str) and _LIKE_A_DATE.search(text) is not None


def without_dates(text: str, run: object, *, or_start: bool = False) -> str:
    """Return a text with durations since the start of the run instead of dates.

    Args:
        text: Like `<= 2026-01-09 18:00 Europe/Berlin`; without a zone it is by the clock of the start.
        run: The section `run`, as plain values.
        or_start: Whether the start of the run itself may be meant.

    Raises:
        ValueError: The run has no start, or the date is none, or not after the start.
    """
    start = _start_of(run)
    return _LIKE_A_DATE.sub(lambda match: _since(start, match[0], or_start=or_start), text)


def start_in_utc(written: object) -> str | None:
    """Return a start with another zone than UTC as it is written with that.

    Args:
        written: `run.start` as a file has it.

    Returns:
        Text that ends with `Z`; None if it is no date with a zone, or one that ends with `Z` already.

    Raises:
        ValueError: It has a zone that nobody knows, or a time that its clock skips or shows twice.
    """
    match = _DATE.fullmatch(written.strip()) if isinstance(written, str) else None
    if match is None or match["zone"] in (None, "Z"):
        return None
    return _instant_of(match[0], UTC).isoformat().replace("+00:00", "Z")


def zone_of_start(run: object) -> tzinfo:
    """Return the zone in which a start is written; UTC if none is, or it is wrong.

    Args:
        run: The section `run`, as plain values.
    """
    given: Any = run.get("start") if isinstance(run, Mapping) else None
    match = _DATE.fullmatch(given.strip()) if isinstance(given, str) else None
    try:
        if match is None or match["zone"] in (None, "Z"):
            return UTC
        return _local(match, UTC).tzinfo or UTC
    except ValueError:
        return UTC


def _start_of(run: object) -> datetime:
    """Return the start of a run, by its own clock."""
    given: Any = run.get("start") if isinstance(run, Mapping) else None
    if given is None:
        raise ValueError("is a date, so the run needs a start, like 'run: {start: \"2026-01-05T20:00:00Z\"}'")
    try:
        moment = datetime.fromisoformat(start_in_utc(given) or str(given))
        return moment.astimezone(UTC).astimezone(zone_of_start(run))
    except (ValueError, OverflowError):
        raise ValueError("is a date, and run.start is none") from None


def _since(start: datetime, written: str, *, or_start: bool) -> str:
    """Return a date as a duration since the start, to the microsecond."""
    rest, terms = _instant_of(written, start.tzinfo or UTC) - start.astimezone(UTC), []
    if rest < timedelta(0) or (rest == timedelta(0) and not or_start):
        is_whole = start.second == start.microsecond == 0
        when = start.strftime("%Y-%m-%d %H:%M" if is_whole else "%Y-%m-%d %H:%M:%S.%f")
        side = "is before" if or_start else "is not after"
        raise ValueError(
            f"{shown(written)} {side} the start of the run, {when} {offset_text(start)} (run.start)"
        )
    for unit, worth in _TERMS:
        count, rest = divmod(rest, worth)
        if count:
            terms.append(f"{count} {unit}")
    if rest:
        seconds = Decimal(rest // _MICROSECOND).scaleb(-6).normalize()
        terms.append(f"{seconds:f} s")
    return " ".join(terms) or "0 s"


def _instant_of(written: str, default: tzinfo) -> datetime:
    """Return the time (UTC) that a date means.

    Args:
        written: The date.
        default: Zone of a date that names none.

    Raises:
        ValueError: It is none, or the clock of its zone never shows it, or twice.
    """
    match = _DATE.fullmatch(written)
    try:
        if match is None:
            raise ValueError
        local = _local(match, default)
    except _ZoneError as error:
        raise ValueError(str(error)) from None
    except ValueError:
        raise ValueError(f"{shown(written)} is no date; write it like {_EXAMPLES}") from None
    try:
        _check_once(written, local)
        return local.astimezone(UTC)
    except OverflowError:
        raise ValueError(f"{shown(written)} is no date; write it like {_EXAMPLES}") from None


class _ZoneError(ValueError):
    """The zone of a date is unknown."""


def _local(match: re.Match[str], default: tzinfo) -> datetime:
    """Return a date by the clock of its zone."""
    zone = match["zone"]
    is_offset = zone is not None and (zone == "Z" or zone[0] in "+-")
    time = (match["time"] or "00:00").partition(":")
    offset = zone if is_offset else ""
    local = datetime.fromisoformat(f"{match['day']}T{time[0]:0>2}:{time[2]}{offset}")
    if is_offset:
        return local
    try:
        return local.replace(tzinfo=default if zone is None else zone_of(zone))
    except ValueError as error:
        raise _ZoneError(str(error)) from None


def _check_once(written: str, local: datetime) -> None:
    """Refuse a time that the clock of its zone skips, or shows twice."""
    first, second = (local.replace(fold=fold).utcoffset() or timedelta() for fold in (0, 1))
    if first == second:
        return
    before, after = (local.replace(fold=fold).strftime("%z") for fold in (0, 1))
    day = local.strftime("%Y-%m-%d %H:%M" if local.second == 0 else "%Y-%m-%d %H:%M:%S")
    if first > second:
        message = f"comes twice by the clock of {offset_text(local)}, which is put back"
        hint = f"write '{day}{before[:3]}:{before[3:]}' or '{day}{after[:3]}:{after[3:]}'"
        raise ValueError(f"{shown(written)} {message}; {hint}")
    moment = (local - first).replace(tzinfo=UTC).astimezone(local.tzinfo)
    message = f"never comes by the clock of {offset_text(local)}, which is put forward then"
    raise ValueError(f"{shown(written)} {message}; did you mean {moment:%H:%M}?")
