"""Where the time went, in the summary and in words."""

import pytest

from sim.fleet.held_up import Hold
from sim.results.display.summary import summary_dict
from sim.rules import SubtaskState

SUCCESS = SubtaskState.SUCCESS


def test_summary__holds_means_over_replications(make_run, make_result):
    """Seconds are means of seconds, shares means of shares, as the metrics have them."""
    runs = [
        make_run([SUCCESS], held_s=[{Hold.QUERY: 10.0}], replication=0),
        make_run([SUCCESS], held_s=[{Hold.QUERY: 10.0, Hold.REBOOT: 30.0}], replication=1),
    ]
    summary = summary_dict(make_result(*runs))
    fleet = summary["held_up"]["fleet"]
    assert (fleet["devices"], fleet["device_time_s"]) == (1, 25.0)
    assert (fleet["seconds"]["query"], fleet["seconds"]["reboot"]) == (10.0, 15.0)
    assert (fleet["share"]["query"], fleet["share"]["reboot"]) == (0.625, 0.375)
    assert summary["metrics"]["held_up.query"]["mean"] == 0.625
    assert summary["metrics"]["held_up.query"]["values"] == [1.0, 0.25]
    assert summary["held_up"]["by_cohort"]["all"] == fleet
    assert summary["by_cohort"]["all"]["held_up.reboot"] == 0.375


def test_result__text_says_where_the_time_went(make_run, make_result):
    """Large shares by name, the largest first; what hardly counts together; nothing if no time passed."""
    held = {Hold.OFFLINE: 6_000.0, Hold.READY_QUEUE: 3_000.0, Hold.QUERY: 980.0, Hold.VERIFY: 20.0}
    text = str(make_result(make_run([SUCCESS] * 4, held_s=[held] * 4)))
    line = "  of 11.1 device-hours: 60 % offline, 30 % ready queue, 10 % query, less than 1 % other"
    assert line in text.splitlines()
    assert "Where the time went" not in str(make_result(make_run([SUCCESS], held_s=[{}])))


@pytest.mark.parametrize(
    ("hours", "said"),
    [
        (0.01, "36 device-seconds"),
        (0.2833, "1,020 device-seconds"),
        (0.9999, "3,600 device-seconds"),
        (2.25, "2.2 device-hours"),
        (1234.4, "1,234 device-hours"),
        (1.234e6, "1.23 million device-hours"),
        (9.996e8, "1,000 million device-hours"),
        (1.5e9, "1.5 billion device-hours"),
    ],
)
def test_result__text_has_hours_as_people_say_them(make_run, make_result, hours, said):
    """From seconds to billions of hours."""
    assert f"of {said}: " in str(make_result(make_run([SUCCESS], held_s=[{Hold.QUERY: hours * 3600}])))


def test_result__text_tells_of_the_slowest_of_many(make_run, make_result):
    """Of a hundred devices the last one waits for a timer, all others for a query."""
    held = [{Hold.QUERY: 36.0}] * 99 + [{Hold.TIMER: 3_600.0}]
    text = str(make_result(make_run([SUCCESS] * 100, end_s=[36.0] * 99 + [3_600.0], held_s=held)))
    assert "  of the slowest device, 1 device-hour: 100 % silent until a timer" in text.splitlines()


def test_result__text_tells_of_some_of_the_slowest_of_very_many(make_run, make_result):
    """Of more than 6,144 devices not every one is known by itself, so that there may be others as slow."""
    held = [{Hold.QUERY: 36.0}] * 6_138 + [{Hold.TIMER: 3_600.0}] * 62
    text = str(make_result(make_run([SUCCESS] * 6_200, end_s=[36.0] * 6_138 + [3_600.0] * 62, held_s=held)))
    assert "  of 62 of the slowest devices, 62 device-hours: 100 % silent until a timer" in text.splitlines()
