"""Margins: 1 % of the mean, or what is nothing by the metric's kind."""

import pytest

from sim.scenario import METRICS, Expectation, parse_expectation
from sim.testing.compare.tolerances import default_margin, mean_of, stated_margin

BEFORE = {
    "devices": (10_000,),
    "failed": (3, 5),
    "succeeded": (9_000, 9_200),
    "success_share": (0.5, 0.5),
    "failed_share": (0.01,),
    "attempts_per_device": (2.0,),
    "makespan": (7_200.0, 7_200.0),
    "time_to_recovery.p50": (20.0,),
    "bytes_downloaded": (10**9,),
    "bytes_wasted": (10**6,),
    "peak_bandwidth": (1e6,),
    "retry_calls": (2,),
    "peak_processing": (4_000,),
}


@pytest.mark.parametrize(
    ("name", "margin"),
    [
        ("succeeded", 91.0),
        ("success_share", 0.005),
        ("attempts_per_device", 0.02),
        ("makespan", 72.0),
        ("bytes_downloaded", 1e7),
        ("peak_bandwidth", 1e4),
        ("peak_processing", 40.0),
    ],
)
def test_default_margin__is_1_percent_of_the_mean(name, margin):
    """Far from 0 the margin is relative."""
    assert default_margin(name, BEFORE) == pytest.approx(margin)


@pytest.mark.parametrize(
    ("name", "margin"),
    [
        ("failed", 10.0),  # one device in a thousand
        ("failed_share", 0.001),
        ("time_to_recovery.p50", 1.0),
        ("bytes_wasted", 1e6),  # a thousandth of what was downloaded
        ("retry_calls", 0.5),
    ],
)
def test_default_margin__is_absolute_near_0(name, margin):
    """1 % of next to nothing would make every device an alarm."""
    assert default_margin(name, BEFORE) == pytest.approx(margin)


@pytest.mark.parametrize("name", METRICS)
def test_default_margin__exists_for_every_metric(name):
    """No metric is held to a margin of 0 by oversight."""
    before = {**BEFORE, name: (0,)}
    if name not in ("devices", "bytes_downloaded"):
        assert default_margin(name, before) > 0


@pytest.mark.parametrize(
    ("text", "margin"), [("within 2 % of baseline", 40.0), ("within 90 s of baseline", 90.0)]
)
def test_stated_margin__is_taken_at_its_word(text, margin):
    """A line's own margin is relative or absolute as written, without a floor."""
    line = Expectation(**parse_expectation("makespan", text))

    assert stated_margin(line, (1_000.0, None, 3_000.0)) == pytest.approx(margin)


def test_mean_of__leaves_out_what_is_undefined():
    """Undefined values are no zeros; nothing at all is 0."""
    assert mean_of((1, None, 2)) == 1.5
    assert mean_of((None,)) == 0.0
