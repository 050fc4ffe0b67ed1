"""Tests of how outages are laid out."""

import math

import numpy as np
import pytest

from sim.campaign.layout.outages import outage_table
from sim.fleet.spec import TICKS_PER_S
from sim.scenario import Effect, Outage

S = TICKS_PER_S
NAMES = ("a", "b")
RATES = np.array([1e6, 2e6])


def outage(at, lasts, effect, cohorts=None):
    """Return an outage as a file would write it."""
    return Outage.model_validate(
        {"at": f"{at} s", "lasts": f"{lasts} s", "effect": effect, "cohorts": cohorts}
    )


def table_of(*outages, bandwidth=math.inf, link_rate=RATES):
    """Return the table of some outages."""
    return outage_table(outages, NAMES, bandwidth=bandwidth, link_rate=link_rate)


def away_of(table, cohort):
    """Return the unreachable intervals of a cohort, in seconds."""
    rows = slice(table.away_lo[cohort], table.away_lo[cohort + 1])
    return list(zip((table.away_from[rows] / S).tolist(), (table.away_to[rows] / S).tolist(), strict=True))


def test_outages__none_leave_one_epoch():
    """Without outages nothing changes, and the network has the rates it was given."""
    table = table_of(bandwidth=5e6)

    assert table.epoch_tick.tolist() == [0]
    assert table.epoch_bandwidth.tolist() == [5e6]
    assert table.epoch_cap.tolist() == [[1e6, 2e6]]
    assert away_of(table, 0) == away_of(table, 1) == []


def test_unreachable__overlapping_intervals_are_one():
    """Intervals of a cohort that overlap or touch are merged; those of others are not its own."""
    table = table_of(
        outage(10, 10, "unreachable"),
        outage(15, 10, "unreachable", ["a"]),
        outage(25, 5, "unreachable", ["a"]),
        outage(50, 1, "unreachable", ["b"]),
    )

    assert away_of(table, 0) == [(10, 30)]
    assert away_of(table, 1) == [(10, 20), (50, 51)]


def test_unreachable__pauses_downloads():
    """While a cohort is away its downloads have no rate, and get it back afterwards."""
    table = table_of(outage(10, 10, "unreachable", ["b"]), bandwidth=9e6)

    assert (table.epoch_tick / S).tolist() == [0, 10, 20]
    assert table.epoch_cap.tolist() == [[1e6, 2e6], [1e6, 0.0], [1e6, 2e6]]
    assert table.epoch_bandwidth.tolist() == [9e6] * 3


def test_bandwidth__of_all_scales_the_egress_of_some_their_links():
    """Without cohorts the platform's egress shrinks, with cohorts their link rate."""
    table = table_of(
        outage(0, 10, {"bandwidth": "50 %"}), outage(5, 10, {"bandwidth": "10 %"}, ["a"]), bandwidth=8e6
    )

    assert (table.epoch_tick / S).tolist() == [0, 5, 10, 15]
    assert table.epoch_bandwidth.tolist() == [4e6, 4e6, 8e6, 8e6]
    assert table.epoch_cap.tolist() == [[1e6, 2e6], [1e5, 2e6], [1e5, 2e6], [1e6, 2e6]]


def test_bandwidth__overlapping_scales_multiply():
    """Half of half is a quarter, and nothing of anything is nothing."""
    table = table_of(
        outage(0, 30, {"bandwidth": "50 %"}),
        outage(10, 10, {"bandwidth": "50 %"}),
        outage(20, 5, {"bandwidth": "0 %"}),
        bandwidth=8e6,
    )

    assert table.epoch_bandwidth.tolist() == [4e6, 2e6, 0.0, 4e6, 8e6]


def test_link__an_unlimited_one_takes_the_whole_egress_at_most():
    """No download gets an infinite rate from a finite platform."""
    table = table_of(bandwidth=5e6, link_rate=np.array([math.inf, 9e6]))

    assert table.epoch_cap.tolist() == [[5e6, 9e6]]


def test_instant__downloads_that_take_no_time_are_not_paused():
    """Where neither links nor egress have a rate, an outage makes no epochs; contacts wait all the same."""
    table = table_of(outage(5, 5, "unreachable"), link_rate=np.array([math.inf, math.inf]))

    assert table.epoch_tick.tolist() == [0]
    assert np.isinf(table.epoch_cap).all()
    assert away_of(table, 0) == [(5, 10)]


def test_instant__only_the_cohorts_that_take_time_are_paused():
    """A cohort without any rate stays as it is beside one with a link rate."""
    table = table_of(outage(5, 5, "unreachable"), link_rate=np.array([math.inf, 1e6]))

    assert table.epoch_cap.tolist() == [[math.inf, 1e6], [math.inf, 0.0], [math.inf, 1e6]]


def test_failure__is_listed_for_each_cohort_it_hits():
    """Added failures keep their order, and make no epoch."""
    first = outage(1, 4, {"failure": {"probability": "20 %", "code": 2}})
    second = outage(2, 4, {"failure": {"probability": "5 %", "silent": True}}, ["b"])
    table = table_of(first, second)

    assert table.risk_lo.tolist() == [0, 1, 3]
    assert (table.risk_from / S).tolist() == [1, 1, 2]
    assert (table.risk_to / S).tolist() == [5, 5, 6]
    assert table.risk_p.tolist() == [0.2, 0.2, 0.05]
    assert table.risk_reason.tolist() == [2, 2, 0]
    assert table.risk_silent.tolist() == [False, False, True]
    assert table.epoch_tick.tolist() == [0]


def test_effect__shorthand_is_the_mapping():
    """`unreachable` alone means the same as the mapping, since both are shipped in scenarios."""
    assert Effect.model_validate("unreachable") == Effect.model_validate({"unreachable": True})


def test_names__unknown_cohorts_never_get_here():
    """A cohort that the fleet lacks is a fault of the caller, and is not passed over."""
    with pytest.raises(KeyError):
        table_of(outage(0, 1, "unreachable", ["nobody"]))
