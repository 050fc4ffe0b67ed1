"""Time axes that people can read."""

import itertools
import math

import pytest
from matplotlib.figure import Figure

from sim.results.figures.timeaxis import linear_time, log_time


@pytest.mark.parametrize(("span_s", "step_s"), [(0.004, 0.0005), (0.9, 0.1), (5.0, 1.0), (600.0, 120.0)])
def test_linear_time__has_several_ticks_however_short_it_is(span_s, step_s):
    """Ticks are a round step apart, and an axis of less than a second has some too."""
    axes = Figure().subplots()
    linear_time(axes, span_s, "time")
    ticks = [tick for tick in axes.get_xticks() if 0 <= tick <= span_s]

    assert len(ticks) >= 3
    assert ticks[1] == pytest.approx(step_s)


@pytest.mark.parametrize(
    ("low_s", "high_s"),
    [(43_200.0, 172_800.0), (60.0, 75.0), (1.0, 2.0), (5.0, 350.0), (0.01, 0.08), (86_400.0, 9e7)],
)
def test_log_time__has_three_ticks_at_least(low_s, high_s):
    """Where few round times fall into a logarithmic axis, it has the ticks of a linear one."""
    axes = Figure().subplots()
    log_time(axes, low_s, high_s, "time")
    ticks = [tick for tick in axes.get_xticks() if low_s <= tick <= high_s]

    assert len(ticks) >= 3
    assert all(axes.xaxis.get_major_formatter()(tick) for tick in ticks)


def test_linear_time__of_two_minutes_has_three_ticks():
    """Units that are large beside the axis are parted."""
    axes = Figure().subplots()
    for span_s in (121.0, 7_201.0, 345_601.0):
        linear_time(axes, span_s, "time")
        assert len([tick for tick in axes.get_xticks() if 0 <= tick <= span_s]) >= 3


def test_log_time__has_no_ticks_whose_texts_touch():
    """On an axis from a blink to days, round times that are too close to each other are left out."""
    axes = Figure().subplots()

    log_time(axes, 0.1, 430_000.0, "time")

    ticks = axes.get_xticks()
    assert all(math.log(b / a) >= 0.07 * math.log(4_300_000) for a, b in itertools.pairwise(ticks))
    assert len(ticks) >= 5
