"""Time axes that people can read."""

import pytest
from matplotlib.figure import Figure

from sim.results.figures.timeaxis import linear_time


@pytest.mark.parametrize(("span_s", "step_s"), [(0.004, 0.0005), (0.9, 0.1), (5.0, 1.0), (600.0, 120.0)])
def test_linear_time__has_several_ticks_however_short_it_is(span_s, step_s):
    """Ticks are a round step apart, and an axis of less than a second has some too."""
    axes = Figure().subplots()
    linear_time(axes, span_s, "time")
    ticks = [tick for tick in axes.get_xticks() if 0 <= tick <= span_s]

    assert len(ticks) >= 3
    assert ticks[1] == pytest.approx(step_s)
