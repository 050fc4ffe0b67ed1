"""Tests of times on the wire."""

from datetime import UTC, datetime

import pytest

from sim.emulator.calendar import Calendar, parse_time
from sim.errors import ApiError

START = datetime(2026, 1, 5, 20, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("time_s", "text"),
    [
        (0.0, "20260105T200000Z"),
        (59.999999, "20260105T200059Z"),
        (4 * 3600.0, "20260106T000000Z"),
        (54 * 86_400.0, "20260228T200000Z"),
    ],
)
def test_wire__is_utc_cut_to_the_second(time_s, text):
    """A time of the run is written as the vendor writes it, without fractions."""
    assert Calendar(START).wire(time_s) == text


def test_wire__early_years_have_four_digits():
    """Whatever the platform pads, a year has four digits."""
    assert Calendar(datetime(7, 1, 1, tzinfo=UTC)).wire(0.0) == "00070101T000000Z"


def test_seconds__is_the_way_back():
    """What was written reads back as the same whole second; before the start it is negative."""
    calendar = Calendar(START)

    assert calendar.seconds(calendar.wire(86_400.0)) == 86_400.0
    assert calendar.seconds("20260105T195959Z") == -1.0


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026-01-05T20:00:00Z",
        "20260105T200000",
        "20260105t200000z",
        "20260230T000000Z",
        "20260105T250000Z",
        "20260105T200000Z ",
        "20260105T200000Z\n",
        "\uff12\uff10260105T200000Z",
        "00000101T000000Z",
    ],
)
def test_parse_time__refuses_other_forms_and_days_that_do_not_exist(text):
    """Anything but an existing time in the vendor's form is the documented refusal."""
    with pytest.raises(ApiError) as refusal:
        parse_time(text)

    assert (refusal.value.status, refusal.value.code) == (400, "IOTDA.000009")
