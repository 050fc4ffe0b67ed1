"""What opens and closes by the clock on the wall, in any time zone, summer time included.

Decision: windows are laid out as intervals of the run before it begins, instead of asking for the time of day
at each contact. Then no plane knows of zones, days of 23 and 25 hours cost nothing, and both planes read the
same numbers. Zones are those of the IANA database through `zoneinfo`, which is imported when the first zone
other than UTC comes up: it would delay every start.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import Final, NamedTuple

DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
"""Days of the week, in the order of `date.weekday`."""

_TICK: Final = timedelta(microseconds=1)
_SECOND: Final = timedelta(seconds=1)
_DAY: Final = timedelta(days=1)
# Names that `zoneinfo` finds on some machines and that mean another thing on each, or nothing.
_NO_ZONES: Final = frozenset({"localtime", "posixrules", "Factory"})

ABBREVIATIONS: Final = {
    "EST": "America/New_York",
    "EDT": "America/New_York",
    "EST5EDT": "America/New_York",
    "CST": "America/Chicago",
    "CDT": "America/Chicago",
    "CST6CDT": "America/Chicago",
    "MST": "America/Denver",
    "MDT": "America/Denver",
    "MST7MDT": "America/Denver",
    "PST": "America/Los_Angeles",
    "PDT": "America/Los_Angeles",
    "PST8PDT": "America/Los_Angeles",
    "HST": "Pacific/Honolulu",
    "BRT": "America/Sao_Paulo",
    "BST": "Europe/London",
    "WET": "Europe/Lisbon",
    "WEST": "Europe/Lisbon",
    "CET": "Europe/Berlin",
    "CEST": "Europe/Berlin",
    "MET": "Europe/Berlin",
    "MEST": "Europe/Berlin",
    "MEZ": "Europe/Berlin",
    "MESZ": "Europe/Berlin",
    "EET": "Europe/Athens",
    "EEST": "Europe/Athens",
    "MSK": "Europe/Moscow",
    "SAST": "Africa/Johannesburg",
    "IST": "Asia/Kolkata",
    "SGT": "Asia/Singapore",
    "HKT": "Asia/Hong_Kong",
    "KST": "Asia/Seoul",
    "JST": "Asia/Tokyo",
    "AWST": "Australia/Perth",
    "ACST": "Australia/Adelaide",
    "ACDT": "Australia/Adelaide",
    "AEST": "Australia/Sydney",
    "AEDT": "Australia/Sydney",
    "NZST": "Pacific/Auckland",
    "NZDT": "Pacific/Auckland",
}
"""Abbreviations of zones, and the place that is probably meant; the database has some of them."""

Interval = tuple[int, int]
"""First tick in it, first tick after it."""


class Daily(NamedTuple):
    """What opens on some days of the week and closes again within 24 hours on the clock.

    Attributes:
        opens_s: Time of day, seconds after midnight.
        closes_s: Time of day, another one; that of the next day when it is the earlier one.
        days: Numbers of the days on which it opens, 0 for Monday.
        zone: Name of the zone whose clock it goes by.
    """

    opens_s: float
    closes_s: float
    days: tuple[int, ...]
    zone: str


class Opening(NamedTuple):
    """One time that it is open.

    Attributes:
        day: Date on which it opens, by the clock of its zone.
        begin: Tick at which it opens, before 0 if it was open already.
        end: Tick at which it closes; not after `begin` if summer time leaves nothing of it.
    """

    day: date
    begin: int
    end: int


def zone_of(name: str) -> tzinfo:
    """Return a time zone.

    Args:
        name: As the IANA database has it.

    Raises:
        ValueError: There is none of that name; with the nearest one, if one is near.
    """
    if name == "UTC":
        return UTC
    import zoneinfo  # here, since few files name a zone

    try:
        if name not in _NO_ZONES:
            return zoneinfo.ZoneInfo(name)
    except (ValueError, OSError, zoneinfo.ZoneInfoNotFoundError):
        pass
    near = _nearest(name, zoneinfo.available_timezones() - _NO_ZONES)
    raise ValueError(
        f"unknown zone '{name[:60]}'; {near}allowed are the names of the IANA time zone database, "
        'like "Europe/Berlin", and "UTC"'
    )


def later(start: datetime, seconds: float) -> datetime:
    """Return the time some seconds after another, by the clock of the same zone.

    Args:
        start: With its zone.
        seconds: How much later, whatever summer time does in between.
    """
    return (start.astimezone(UTC) + timedelta(seconds=seconds)).astimezone(start.tzinfo)


def offset_text(moment: datetime) -> str:
    """Return the zone of a time as a date may have it behind it: `UTC`, `UTC+01:00`, `Europe/Berlin`."""
    return str(moment.tzinfo or UTC)


def _nearest(name: str, names: Iterable[str]) -> str:
    """Return a question for the zone that was probably meant, by its whole name or that of its city."""
    from difflib import get_close_matches  # here, since only a wrong file needs it

    if name.upper() in ABBREVIATIONS:
        return f"did you mean '{ABBREVIATIONS[name.upper()]}'? "
    zones = {zone.lower(): zone for zone in names}
    cities = {zone.rsplit("/", 1)[-1]: zones[zone] for zone in sorted(zones)}
    for known, cutoff in ((zones, 0.7), (cities, 0.8)):
        for match in get_close_matches(name.lower(), known, n=1, cutoff=cutoff):
            return f"did you mean '{known[match]}'? "
    return ""


def openings(daily: Daily, start: datetime, until: int) -> Iterator[Opening]:
    """Yield when something is open during a run, in order.

    An opening or closing that the clock skips in spring is at the tick of the change. One that comes twice in
    autumn is at its first coming.

    Args:
        daily: What.
        start: Date and time (UTC) of tick 0.
        until: Tick before which the openings begin that are wanted.

    Yields:
        Openings that are not over at tick 0. Those of which summer time leaves nothing are among them.
    """
    zone, begin = zone_of(daily.zone), start.replace(tzinfo=None)
    closes = daily.closes_s + (86_400.0 if daily.closes_s < daily.opens_s else 0.0)
    # Clocks differ by a day and a window spans two; dates beyond the calendar can't be reckoned with.
    day = max(begin.date(), date.min + 4 * _DAY) - 2 * _DAY
    while day < date.max - 3 * _DAY:
        if day.weekday() in daily.days:
            midnight = datetime.combine(day, datetime.min.time())
            first = _instant(midnight + timedelta(seconds=daily.opens_s), zone)
            last = _instant(midnight + timedelta(seconds=closes), zone)
            opening = Opening(day, (first - begin) // _TICK, (last - begin) // _TICK)
            if opening.begin >= until:
                return
            if opening.end > 0:
                yield opening
        day += _DAY


@lru_cache(maxsize=256)
def intervals(dailies: tuple[Daily, ...], start: datetime, until: int) -> tuple[Interval, ...]:
    """Return when at least one of several is open: half-open intervals, disjoint, not touching, ascending.

    Args:
        dailies: What.
        start: Date and time (UTC) of tick 0.
        until: Tick before which the intervals begin that are wanted.
    """
    found = [opening for daily in dailies for opening in openings(daily, start, until)]
    return tuple(merged((max(opening.begin, 0), opening.end) for opening in found))


def next_open(ascending: Sequence[Interval], tick: int) -> int | None:
    """Return the first tick, not before `tick`, at which something is open; None if it opens no more.

    Args:
        ascending: When it is open, as `intervals` returns it; nothing is needed if it is empty.
        tick: From when on.
    """
    if not ascending:
        return tick
    ahead = bisect_right(ascending, tick, key=_end)
    return None if ahead == len(ascending) else max(tick, ascending[ahead][0])


def open_until(ascending: Sequence[Interval], tick: int, ticks: int) -> int | None:
    """Return the first tick by which something has been open for so long; None if it never is.

    Args:
        ascending: As in `next_open`.
        tick: From when on.
        ticks: How long, > 0.
    """
    if not ascending:
        return tick + ticks
    for begin, end in ascending[bisect_right(ascending, tick, key=_end) :]:
        start = max(begin, tick)
        if ticks <= end - start:
            return start + ticks
        ticks -= end - start
    return None


def _end(interval: Interval) -> int:
    return interval[1]


def merged(some: Iterable[Interval]) -> list[Interval]:
    """Return the union of half-open intervals: disjoint, not touching, ascending, none of them empty."""
    union: list[Interval] = []
    for begin, end in sorted(some):
        if begin >= end:
            continue
        if union and begin <= union[-1][1]:
            union[-1] = (union[-1][0], max(union[-1][1], end))
        else:
            union.append((begin, end))
    return union


def _instant(wall: datetime, zone: tzinfo) -> datetime:
    """Return the time (UTC, naive) at which the clock of a zone first shows a time, or skips it."""
    first, second = (wall.replace(tzinfo=zone, fold=fold).utcoffset() or timedelta() for fold in (0, 1))
    if first >= second:  # once, or twice with the clock put back in between
        return wall - first
    before, behind = wall - second, wall - first  # the clock skips it: it is put forward between these two
    while behind - before > _SECOND:
        middle = before + (behind - before) // 2 // _SECOND * _SECOND
        offset = middle.replace(tzinfo=UTC).astimezone(zone).utcoffset()
        before, behind = (middle, behind) if offset == first else (before, middle)
    return behind
