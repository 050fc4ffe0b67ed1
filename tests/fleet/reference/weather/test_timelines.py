"""Timelines as lists of changes against timelines as places to go on from: equal to the tick."""

import numpy as np
import pytest
from fleet.make_spec import make_spec, start
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.fleet import spec as fs
from sim.fleet.model import timelines as model
from sim.fleet.reference import SimpyFleet
from sim.fleet.reference.draws import Draws
from sim.fleet.reference.sampling import StageTime
from sim.fleet.reference.weather.residuals import residual_s
from sim.fleet.reference.weather.timelines import make_timeline, processes_of
from sim.rules import Stage

HOUR = 3600 * fs.TICKS_PER_S
DAY_S = 86_400.0
_seconds = st.floats(60.0, 50_000.0)
distributions = st.one_of(
    st.integers(60, 4_000).map(float),
    st.tuples(st.just(fs.EXPONENTIAL), _seconds),
    st.tuples(st.just(fs.LOGNORMAL), _seconds, st.floats(0.0, 2.5)),
    st.tuples(st.just(fs.UNIFORM), st.floats(0.0, 100.0), st.floats(120.0, 9_000.0)),
    st.tuples(st.just(fs.WEIBULL), st.floats(0.2, 50.0), _seconds),
    st.just((fs.EMPIRICAL, [0.0, 0.3, 0.3, 1.0], [0.0, 60.0, 500.0, 70_000.0])),
    st.just((fs.EMPIRICAL, [0.0, 0.5, 0.9, 1.0], [100.0, 100.0, 4_000.0, 20_000.0])),
)
links = st.one_of(
    st.builds(lambda off, on: {"off": off, "on": on}, distributions, distributions),
    st.builds(lambda off: {"off": off, "on": 0.0, "share": 0.0}, distributions),
    st.builds(
        lambda every, part, phase: {"every": every, "for": every * part, "phase": phase and every * phase},
        st.floats(60.0, 90_000.0),
        st.floats(0.01, 0.99),
        st.one_of(st.none(), st.floats(0.0, 0.99)),
    ),
)


@settings(max_examples=200)
@given(
    links,
    st.sampled_from([1.0, 0.05, 3.7]),
    st.integers(0, 40),
    st.integers(0, 3),
    st.integers(0, 2**64 - 1),
    st.lists(st.integers(0, 10**11), min_size=1, max_size=8),
)
def test_timeline__is_the_models_to_the_tick(link, lift, device, number, seed, ticks):
    """Whoever looks, and in whatever order, sees what the other plane's arithmetic says of that tick."""
    spec = make_spec([{"devices": 41, "link": link}], seed=seed)
    if "every" in link:
        lift = 1.0
    [process] = processes_of(spec)
    ours = make_timeline(process, Draws(spec).of_timeline(device, number), lift)
    line = model.Timeline(0, number, device, lift, spec.platform.seed, spec.platform.replication)
    _, first_end = model.advance(spec.timelines, line, 0, 0, -1)
    for tick in [0, int(first_end), *ticks]:
        period, end = model.advance(spec.timelines, line, 0, 0, tick)
        *_, met = model.next_on(spec.timelines, line, 0, 0, tick)
        assert (ours.is_on(tick), ours.end_of(tick)) == (model.is_on(period), end)
        assert ours.next_on(tick) == met


def test_timeline__meets_instants():
    """On-periods of no length are met at their very tick, by whoever asks at it or before, and never last."""
    spec = make_spec([{"link": {"off": 3600.0, "on": 0.0, "share": 0.0}}])
    timeline = make_timeline(processes_of(spec)[0], Draws(spec).of_timeline(0, 0))
    first = timeline.next_on(0)
    assert 0 < first < HOUR
    assert timeline.next_on(first) == first
    assert timeline.next_on(first + 1) == first + HOUR
    assert not timeline.is_on(first)


def test_residual__of_a_time_beyond_all_numbers_is_the_longest_there_is():
    """A period under way that no double can hold ends as late as a tick can say."""
    link = {"off": (fs.LOGNORMAL, 1e300, 100.0), "on": 1.0, "share": 0.0}
    spec = make_spec([{"link": link}])
    timeline = make_timeline(processes_of(spec)[0], Draws(spec).of_timeline(0, 0))
    assert timeline.end_of(0) == 2**60
    with pytest.raises(OverflowError):
        residual_s(StageTime(fs.LOGNORMAL, 1e300, 100.0), 0.9, 0.5)


@settings(max_examples=25)
@given(links, st.sampled_from([1, 3, fs.NEVER]), st.integers(0, 3), st.floats(60.0, 40_000.0))
def test_weather__is_the_same_under_any_policy_and_capacity(link, places, retries, interval_s):
    """Links and conditions are what nobody's looking changes: they are what a fleet that did nothing sees."""
    cohorts = [{"devices": 6, "link": link, "spread": 0.8, "timers": {"online": 20_000.0}}]
    causes = [{"stage": Stage.QUERY, "p": 0.3, "lasts": (fs.EXPONENTIAL, 7_000.0)}]
    spec = make_spec(cohorts, causes, max_processing=places)
    fleet, other = SimpyFleet(spec), SimpyFleet(make_spec(cohorts, causes))
    wait = fs.to_ticks(interval_s)
    start(fleet, fs.RetryPolicy(retry_count=retries, retry_interval_ticks=wait if retries else 0))
    fleet.advance(fs.to_ticks(4 * DAY_S))
    for device in range(6):
        one, two = fleet._around.memory_of(device), other._around.memory_of(device)
        condition = fleet._around.cohorts[0].conditions[Stage.QUERY][0]
        for tick in np.linspace(0, fs.to_ticks(3 * DAY_S), 60).astype(np.int64).tolist():
            assert one.link.is_on(tick) == two.link.is_on(tick)
            assert one.is_in(condition, tick) == two.is_in(condition, tick)
