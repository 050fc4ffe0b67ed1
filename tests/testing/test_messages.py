"""What people read: signs, units, points, undefined values."""

import math

import pytest

from sim.testing.compare.comparison import Compared, Comparison, Subject
from sim.testing.compare.equivalence import Answer, Finding
from sim.testing.messages import counts, how_compared, metric_of, table, undecided


def compared(place, before, now, difference, low, high, *, margin=1.0, answer=Answer.DIFFERENT, **more):
    """Return a compared metric."""
    values = {"pairs": 64, "appeared": 0, "vanished": 0, "notices": 12.0, "by_margin": False, **more}
    finding = Finding(answer, difference=difference, low=low, high=high, margin=margin, **values)
    return Compared(Subject(place, None, before, margin), now, finding)


def row(item):
    """Return the cells of a metric's row."""
    return table([item])[1].split("  ")


@pytest.mark.parametrize(
    ("item", "cells"),
    [
        (
            compared("makespan", (7_200.0,), (3_600.0,), -3_600.0, -3_700.0, -3_500.0, margin=72.0),
            ["makespan", "2 h", "1 h", "−1 h [−1 h 1 min, −58 min 20 s]", "± 72 s"],
        ),
        (
            compared("success_share", (0.985,), (0.98,), -0.005, -0.006, -0.004, margin=0.001),
            ["success_share", "98.5 %", "98.0 %", "−0.5 [−0.6, −0.4] points", "± 0.1 points"],
        ),
        (
            compared("by_cohort.a.failed at 60 s", (3,), (5,), 2.0, math.nan, math.nan),
            ["by_cohort.a.failed at 60 s", "3", "5", "+2", "± 1"],
        ),
        (
            compared("makespan", (5.0,), (None,), math.nan, math.nan, math.nan, vanished=3, appeared=1),
            ["makespan", "5 s", "never", "now never in 3 of 64, no longer never in 1 of 64", "± 1 s"],
        ),
        (
            compared("recovered_share", (0.5,), (None,), math.nan, math.nan, math.nan, vanished=64),
            ["recovered_share", "50.0 %", "–", "now undefined in 64 of 64", "± 1e+02 points"],
        ),
        (
            compared("attempts", (20_000,), (21_500,), 1_500.0, 1_400.0, 1_600.0, margin=200.0),
            ["attempts", "20,000", "21,500", "+1,500 [+1,400, +1,600]", "± 200"],
        ),
    ],
)
def test_table__writes_each_kind_of_metric(item, cells):
    """Times as times, shares in points, counts as numbers, undefined values in words."""
    assert [cell.strip() for cell in row(item) if cell.strip()] == cells


def test_counts_and_undecided__summarise_without_hiding():
    """The reader learns how many metrics got which answer, and what luck hid."""
    hidden = [
        compared("makespan", (1.0,), (1.0,), 2.0, -3.0, 7.0, answer=Answer.UNDECIDED, notices=notices)
        for notices in (9.0, math.inf, 9.0, 9.0)
    ]
    equal = compared("failed", (1,), (1,), 0.0, 0.0, 0.0, answer=Answer.EQUAL)
    found = Comparison(True, (equal, *hidden), (), (), 64)

    assert counts(found) == "1 equal, 4 undecided"
    text = undecided(found)
    assert text.startswith(
        "undecided, chance is larger than the margin: makespan (+2 s [−3 s, +7 s], seen from ± 9 s)"
    )
    assert text.endswith(" and 1 more")
    assert "seen from no shift on" in text
    assert undecided(Comparison(True, (equal,), (), (), 64)) == ""


def test_how_compared__warns_where_luck_can_t_be_told_from_change():
    """Few replications are called few."""
    few = compared("failed", (1,), (1,), 0.0, 0.0, 0.0, by_margin=True)
    many = compared("failed", (1,), (1,), 0.0, 0.0, 0.0)

    assert how_compared(Comparison(True, (many,), (), (), 64)) == "64 replications in pairs"
    text = how_compared(Comparison(True, (few,), (), (), 1))
    assert text == "1 replication, held against the margins alone: this may be chance"


def test_metric_of__forgets_cohort_and_time():
    """What remains says how the value is written."""
    assert metric_of("by_cohort.a-1.time_to_success.p50 at 60 s") == "time_to_success.p50"
    assert metric_of("time_to_success.p50") == "time_to_success.p50"
