"""Axes of metrics have round ticks in the units that they are written in."""

from itertools import pairwise

import pytest

from sim.report.time_scales import value_ticks

GIB = 2.0**30


@pytest.mark.parametrize(
    ("low", "high", "unit"), [(3.7 * GIB, 4.3 * GIB, GIB), (0.0, 900.0, 1.0), (5e5, 5e6, 2.0**20)]
)
def test_value_ticks__of_bytes_are_round_in_binary_units(low, high, unit):
    """Ticks are whole steps of 1, 2 or 5 in their unit, and enclose what is shown."""
    ticks = value_ticks("size", [low, None, float("nan"), high])
    step = next(later - earlier for earlier, later in pairwise(ticks)) / unit

    assert ticks[0] <= low
    assert ticks[-1] >= high
    assert 3 <= len(ticks) <= 9
    assert f"{step:.0e}"[0] in "125"


def test_value_ticks__leaves_plain_numbers_to_the_chart():
    """Counts, shares and nothing at all have no ticks of their own."""
    assert value_ticks("count", [1.0, 2.0]) is None
    assert value_ticks(None, [1.0]) is None
    assert value_ticks("size", [None]) is None
    assert value_ticks("duration", [0.0, 10.0])[0] == 0.0
