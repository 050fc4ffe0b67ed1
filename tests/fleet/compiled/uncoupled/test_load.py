"""Tests of the load of free downloads: rows and peaks against counting tick by tick."""

from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.fleet.compiled.memory.tables import SPAN, WORK, records
from sim.fleet.compiled.uncoupled import load as downloads
from sim.fleet.compiled.uncoupled.load import FreeDownloads

RATES = np.array([1e6, 3e5, 0.1])
RESOLUTION = 100

# (cohort, start, ticks); short times, so that many fall together
spans = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 900), st.integers(0, 300)), max_size=60)


def rows_of(spans):
    """Return the device rows and cohorts of devices with these downloads."""
    work = records(len(spans), WORK)
    work["entered"] = [start for _, start, _ in spans]
    work["flow_end"] = [start + ticks for _, start, ticks in spans]
    return work, np.array([c for c, _, _ in spans], np.int16)


def earlier_ones(spans):
    """Return downloads as the plane notes them."""
    return np.array([(start, start + ticks, c) for c, start, ticks in spans], SPAN).view(np.recarray)


def counted(spans, now):
    """Count tick by tick: (downloads, bytes/s) after each tick up to now."""
    active = np.zeros((now + 1, len(RATES)), np.int64)
    for c, start, ticks in spans:
        active[start : start + ticks, c] += 1
    load = np.zeros(now + 1)
    for c, rate in enumerate(RATES):
        load += rate * active[:, c]
    return active.sum(axis=1), load


def check(load, spans, now):
    """Compare a load with what was counted."""
    count, bandwidth = counted(spans, now)
    np.testing.assert_array_equal(load.downloads, count[::RESOLUTION])
    np.testing.assert_array_equal(load.bandwidth, bandwidth[::RESOLUTION])
    assert (load.peak_downloads, load.peak_bandwidth) == (count.max(), bandwidth.max())


NARROWING = {
    "whole rows": {"_FEW": 1000},
    "divided rows": {"_FEW": 0},
    "divided twice": {"_FEW": 0, "_MOST_PARTS": 400},
    "few rows at a time": {"_FEW": 0, "_MOST_PARTS": 60, "_MOST_COUNTS": 9},
    "starts and ends too far apart to be packed": {"_FEW": 0, "_MOST_PACKED": 1},
    "two threads": {"_FEW": 0, "_WORTH_A_THREAD": 0},
}
ways = pytest.mark.parametrize("bounds", NARROWING.values(), ids=NARROWING)


def bounded(bounds):
    """Let small fleets be treated as large ones are."""
    return patch.multiple(downloads, **bounds)


@ways
@given(last=spans, earlier=spans, now=st.integers(0, 1300))
def test_load__is_what_counting_says(bounds, last, earlier, now):
    """Rows are exact at their ticks, and peaks between them."""
    load = FreeDownloads(RATES, RESOLUTION)
    load.add(earlier_ones(earlier))
    with bounded(bounds):
        check(load.load(*rows_of(last), now=now), last + earlier, now)


@ways
@given(over=spans, last=spans, at=st.integers(1, 1000), later=st.integers(0, 300))
def test_settle__changes_nothing(bounds, over, last, at, later):
    """What is over may be forgotten at any tick; only what comes later still counts."""
    over = [(c, start, min(ticks, at - start)) for c, start, ticks in over if start < at]
    last = last[: max(len(over) - 1, 0)]  # so that they are worth forgetting
    load = FreeDownloads(RATES, RESOLUTION)
    load.add(earlier_ones(over))
    with bounded({**bounds, "_FEW": 0}):
        load.settle(*rows_of(last), before=at)
        assert sum(map(len, load._starts)) <= sum(start + ticks == at for _, start, ticks in over)
        check(load.load(*rows_of(last), now=at + later), over + last, at + later)


def test_settle__a_few_are_kept():
    """Forgetting looks at every device, so it waits until it is worth it."""
    load = FreeDownloads(RATES, RESOLUTION)
    load.add(earlier_ones([(0, 1, 2)]))
    load.settle(*rows_of([]), before=50)
    assert sum(map(len, load._starts)) == 1


@given(stay=spans, go=spans, now=st.integers(0, 1300))
def test_take_back__leaves_what_was_never_added(stay, go, now):
    """Downloads that are taken back count no more, whatever was added before and after them."""
    load = FreeDownloads(RATES, RESOLUTION)
    load.add(earlier_ones(stay))
    gone = [load.add(earlier_ones(go)), load.add(earlier_ones(go[:1]))]
    load.add(earlier_ones(stay))
    load.take_back(gone)
    check(load.load(*rows_of([]), now=now), stay + stay, now)
