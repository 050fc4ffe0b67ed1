"""Windows by the clock on the wall: zones, summer time, weekdays, midnight."""

import itertools
from datetime import UTC, datetime

import hypothesis.strategies as st
import pytest
from hypothesis import given

from sim.wall_clock import DAYS, Daily, intervals, merged, openings, zone_of

HOUR = 3_600 * 10**6
DAY = 24 * HOUR
EVERY_DAY = tuple(range(7))


def daily(opens: str, closes: str, zone: str = "UTC", days: str = " ".join(DAYS)) -> Daily:
    """Return what opens and closes at times like `02:30`."""
    (hour, minute), (last_hour, last_minute) = (map(float, text.split(":")) for text in (opens, closes))
    numbers = tuple(DAYS.index(day) for day in days.split())
    return Daily(hour * 3_600 + minute * 60, last_hour * 3_600 + last_minute * 60, numbers, zone)


def hours(start: str, n_days: int, *dailies: Daily) -> list[tuple[float, float]]:
    """Return when it is open in the first days of a run, in hours from its start."""
    found = intervals(dailies, datetime.fromisoformat(start).replace(tzinfo=UTC), n_days * DAY)
    return [(begin / HOUR, end / HOUR) for begin, end in found]


def test_intervals__of_utc_repeat_each_day():
    """A window over midnight that is open as the run begins is open from 0."""
    assert hours("2026-01-05T23:00", 2, daily("22:00", "06:00")) == [(0, 7), (23, 31), (47, 55)]
    assert hours("2026-01-05T06:00", 1, daily("22:00", "06:00")) == [(16, 24)]
    assert hours("2026-01-05T00:00", 1, daily("09:15", "17:45")) == [(9.25, 17.75)]


def test_intervals__keep_the_microseconds_of_the_start():
    """Nothing is rounded: the run may begin between two seconds."""
    start = datetime(2026, 1, 5, 1, 59, 59, 999_999, tzinfo=UTC)
    assert intervals((daily("02:00", "03:00"),), start, HOUR) == ((1, HOUR + 1),)


@pytest.mark.parametrize(
    ("zone", "night", "before", "on", "after"),
    [
        # Hours of [02:00, 05:00) in UTC around the change, from noon UTC of the day before the change.
        ("Europe/Berlin", "2026-03-28", (-11, -8), (13, 15), (36, 39)),  # 23 h
        ("Europe/Berlin", "2026-10-24", (-12, -9), (12, 16), (37, 40)),  # 25 h
        ("America/New_York", "2026-03-07", (-5, -2), (19, 21), (42, 45)),
        ("America/New_York", "2026-10-31", (-6, -3), (19, 22), (43, 46)),
        # In the south, and in the calendar's day before: 02:00 in Sydney is 16:00 UTC in winter.
        ("Australia/Sydney", "2026-10-03", (-20, -17), (4, 6), (27, 30)),
        ("Australia/Sydney", "2026-04-04", (-21, -18), (3, 7), (28, 31)),
        # Half an hour of summer time, from +10:30 to +11:00 and back.
        ("Australia/Lord_Howe", "2026-10-03", (-20.5, -17.5), (3.5, 6), (27, 30)),
        ("Australia/Lord_Howe", "2026-04-04", (-21, -18), (3.5, 6.5), (27.5, 30.5)),
    ],
)
def test_intervals__follow_summer_time(zone, night, before, on, after):
    """02:00 to 05:00 is shorter or longer in the night of the change, and comes earlier or later after it."""
    window = daily("02:00", "05:00", zone)
    start = f"{night}T12:00"
    begin = datetime.fromisoformat(start).replace(tzinfo=UTC)
    assert hours(start, 2, window)[:2] == [on, after]
    earlier = intervals((window,), begin.replace(day=begin.day - 2), 3 * DAY)
    assert before in [(a / HOUR - 48, b / HOUR - 48) for a, b in earlier]


def test_openings__in_the_skipped_hour_are_at_its_end():
    """02:30 does not exist in the spring night: what opens or closes then does so with the change."""
    assert hours("2026-03-28T12:00", 1, daily("02:30", "05:00", "Europe/Berlin")) == [(13, 15)]
    assert hours("2026-03-28T12:00", 1, daily("00:30", "02:30", "Europe/Berlin")) == [(11.5, 13)]


def test_openings__swallowed_ones_do_not_open():
    """A window that lies in the skipped hour is not open that night, and is the next one."""
    window = daily("02:10", "02:50", "Europe/Berlin")
    found = list(openings(window, datetime(2026, 3, 28, 12, tzinfo=UTC), 2 * DAY))
    assert [(opening.day.isoformat(), opening.end - opening.begin) for opening in found] == [
        ("2026-03-29", 0),
        ("2026-03-30", HOUR * 2 // 3),
    ]
    assert len(hours("2026-03-28T12:00", 2, window)) == 1


def test_openings__in_the_hour_that_comes_twice_are_at_its_first_coming():
    """Openings and closings take the first 02:30; a window over both comings lasts longer by the hour."""
    assert hours("2026-10-24T12:00", 1, daily("02:30", "04:00", "Europe/Berlin")) == [(12.5, 15)]
    assert hours("2026-10-24T12:00", 1, daily("01:00", "02:30", "Europe/Berlin")) == [(11, 12.5)]
    assert hours("2026-10-24T12:00", 1, daily("02:15", "02:45", "Europe/Berlin")) == [(12.25, 12.75)]
    assert hours("2026-04-04T12:00", 1, daily("01:30", "03:00", "Australia/Lord_Howe")) == [(2.5, 4.5)]


def test_openings__days_are_those_of_the_zone_on_which_it_opens():
    """Friday night is Friday's, also after midnight; Saturday begins earlier in the east."""
    start = "2026-01-09T00:00"  # a Friday
    assert hours(start, 7, daily("22:00", "06:00", days="fri")) == [(22, 30)]
    assert hours(start, 7, daily("01:00", "02:00", "Pacific/Auckland", days="sat")) == [(12, 13)]
    assert hours(start, 7, daily("01:00", "02:00", days="mon sat")) == [(25, 26), (73, 74)]


def test_intervals__of_several_are_their_union():
    """Windows in several zones that meet are one interval."""
    windows = daily("02:00", "04:00", "Europe/Berlin"), daily("02:00", "04:00", "Europe/London")
    assert hours("2026-01-05T00:00", 1, *windows) == [(1, 4)]
    assert hours("2026-01-05T00:00", 1) == []


def test_openings__end_with_the_calendar():
    """A run at the end of the calendar has no windows beyond it, and does not fail."""
    assert list(openings(daily("02:00", "03:00"), datetime(9999, 12, 30, tzinfo=UTC), 30 * DAY)) == []
    first = datetime(1, 1, 1, tzinfo=UTC)
    found = openings(daily("02:00", "03:00"), first, 4 * DAY)
    assert [opening.begin for opening in found] == [50 * HOUR, 74 * HOUR]


@pytest.mark.parametrize(
    ("name", "meant"),
    [("Berlin", "Europe/Berlin"), ("europe/berlin", "Europe/Berlin"), ("Europe/Berln", "Europe/Berlin")],
)
def test_zone__unknown_ones_are_met_with_the_nearest(name, meant):
    """A city alone, another case or a letter too few: the message has the name that was meant."""
    with pytest.raises(ValueError, match=f"did you mean '{meant}'"):
        zone_of(name)


@pytest.mark.parametrize(
    "name", ["", "Moon/Tycho", "../UTC", "/etc/localtime", "localtime", "Factory", "Europe"]
)
def test_zone__files_and_folders_are_no_zones(name):
    """Whatever else `zoneinfo` might find on a disk is refused, with what is allowed."""
    with pytest.raises(ValueError, match=r"unknown zone .* IANA"):
        zone_of(name)


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), max_size=8))
def test_merged__is_the_union(pairs):
    """Every instant is in the union exactly if it is in one of the intervals, and no two of them meet."""
    union = merged(pairs)

    covered = {t for start, end in pairs for t in range(start, end)}
    assert {t for start, end in union for t in range(start, end)} == covered
    assert all(before[1] < after[0] for before, after in itertools.pairwise(union))
    assert all(start < end for start, end in union)
