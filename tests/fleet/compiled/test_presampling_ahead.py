"""Tests of plans drawn on another thread: they show in nothing but the time a run takes."""

import numpy as np
import pytest
from fleet.make_spec import make_spec
from fleet.make_timelines import link
from fleet.planes import same_results

from sim.fleet import spec as fs
from sim.fleet.compiled import CompiledFleet, presampling_ahead
from sim.fleet.compiled.memory.state import NOBODY, READY_QUEUE
from sim.rules import Stage

N = 3000
POLICY = fs.RetryPolicy(2, fs.to_ticks(60))


@pytest.fixture(autouse=True)
def small_lists(monkeypatch):
    """Plan ahead even for a small fleet."""
    monkeypatch.setattr(presampling_ahead, "_MOST", 200)
    monkeypatch.setattr(presampling_ahead, "_FEWEST", 90)
    monkeypatch.setattr(presampling_ahead, "_HEAD_START", 300)


def two_fleets(**platform):
    """Return a fleet that plans ahead and one that does not."""
    stages = {Stage.QUERY: (fs.LOGNORMAL, 2.0, 0.5), Stage.INSTALL: (fs.EXPONENTIAL, 30.0)}
    spec = make_spec(
        [{"devices": N // 2, "link_rate": 1e6, "stages": stages, "spread": 0.5, "link": link(0.8, 60.0)}] * 2,
        [{"stage": Stage.DOWNLOAD, "p": 0.2}, {"stage": Stage.INSTALL, "p": 0.1, "permanent": 0.02}],
        max_processing=50,
        **platform,
    )
    fleets = [CompiledFleet(spec, threads=threads, log_attempts=True) for threads in (2, 1)]
    for fleet in fleets:
        fleet.add_task(np.arange(N, dtype=np.int32), POLICY)
        fleet.release(np.arange(N, dtype=np.int32))
    return fleets


def is_ahead(fleet):
    """Tell whether plans of this fleet are drawn ahead."""
    return bool(fleet._st.reg.plans_next != NOBODY)


def ready(fleet):
    """Return the length of the ready queue, walked from end to end."""
    n, device = 0, fleet._st.queues[READY_QUEUE].head
    while device != NOBODY:
        n, device = n + 1, fleet._st.work["next"][device]
    return n


@pytest.mark.parametrize("platform", [{}, {"bandwidth": 5e6, "max_downloads": 20}], ids=["free", "shared"])
def test_plans_ahead__change_nothing(platform):
    """A run has the same attempts, to the tick, with one thread or two."""
    ahead, alone = two_fleets(**platform)
    for fleet in (ahead, alone):
        fleet.advance(fs.to_ticks(100))
    assert is_ahead(ahead)
    assert not is_ahead(alone)
    for fleet in (ahead, alone):
        fleet.advance(fs.NEVER)
    assert not is_ahead(ahead)  # too few were left
    same_results(ahead, alone)


def test_stop__leaves_no_plan_of_who_has_gone():
    """Devices that leave the queue from its middle upset the order; those behind keep their draws."""
    fleets = two_fleets()
    for fleet in fleets:
        fleet.advance(fs.to_ticks(20))
        fleet.stop(np.arange(100, 1500, 3, dtype=np.int32))
        fleet.advance(fs.to_ticks(40))
        fleet.retry(np.arange(100, 1500, 6, dtype=np.int32))
        fleet.advance(fs.NEVER)
    same_results(*fleets)


def test_queue__that_jumps_is_planned_anew():
    """A list that doesn't begin with the head of the queue is thrown away."""
    ahead, alone = two_fleets()
    for fleet in (ahead, alone):
        fleet.advance(fs.to_ticks(20))
        fleet.stop(np.arange(0, 600, dtype=np.int32))
        fleet.advance(fs.to_ticks(30))
    same_results(ahead, alone)


def test_plans_ahead__begin_behind_those_that_the_loop_plans_for():
    """Lists begin where the loop's own plans end, and grow while the queue is long enough for them."""
    ahead, _ = two_fleets()
    lengths, next_list = [], ahead._ahead.next_list

    def noted(st):
        next_list(st)
        lengths.append(int(st.reg.plan_n))

    ahead._ahead.next_list = noted
    ahead.advance(fs.NEVER)
    assert lengths.index(90) < lengths.index(180) < lengths.index(200)


def test_ready__is_the_length_of_the_queue():
    """Whatever joins or leaves the ready queue is counted: it tells whether planning ahead is worth it."""
    fleets = [*two_fleets(), *two_fleets(max_downloads=5, bandwidth=1e6)]
    for fleet in fleets:
        for k in range(8):
            fleet.advance(fs.to_ticks(100 * k + 20))
            assert fleet._st.reg.ready_n == ready(fleet)
            fleet.stop(np.arange(40 * k, 900, 3, dtype=np.int32))
            assert fleet._st.reg.ready_n == ready(fleet) > 0
            fleet.retry(np.arange(40 * k, 900, 6, dtype=np.int32))
            assert fleet._st.reg.ready_n == ready(fleet)
        fleet.advance(fs.NEVER)
        assert fleet._st.reg.ready_n == ready(fleet) == 0
