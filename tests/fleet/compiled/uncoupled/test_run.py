"""Tests of playing tasks straight through: no event loop, and nobody notices."""

from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
from fleet.make_spec import make_spec
from fleet.planes import fleets, policies, same_results
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.fleet import spec as fs
from sim.fleet.compiled import CompiledFleet, event_loop
from sim.fleet.reference import SimpyFleet
from sim.rules import Stage
from support.effort import many

STAGES = {Stage.QUERY: (fs.LOGNORMAL, 2.0, 0.5), Stage.INSTALL: (fs.EXPONENTIAL, 30.0)}
CAUSES = [{"stage": Stage.INSTALL, "p": 0.2}, {"stage": Stage.QUERY, "permanent": 0.05}]
POLICY = fs.RetryPolicy(2, fs.to_ticks(60))
END = fs.to_ticks(10 * 86_400)

CALLS = ["release"] * 4 + ["retry", "retry", "stop", "refill", "add", "watch", "failures", "nothing"]
LOOKS = ["records", "counts", "task counts", "ended", "totals", "curves"]
# (seconds since the step before, or until the next watch trips; what to do; with which task)
steps = st.lists(
    st.tuples(
        st.sampled_from([0.0, 0.0, 0.005, 1.0, 60.0, 20_000.0, *["trip"] * 5]),
        st.sampled_from(CALLS + LOOKS),
        st.integers(0, 5),
    ),
    max_size=20,
)


class Story:
    """What a fleet tells while a script is played."""

    def __init__(self, fleet, n_tasks, policy):
        """Make tasks of most of a fleet."""
        self.fleet, self.policy, self.told, self.unreleased = fleet, policy, [], []
        n = len(fleet.spec.cohort)
        self.apart = np.arange(n, dtype=np.int32)[:: n_tasks + 1]  # in no task at first
        rest = np.setdiff1d(np.arange(n, dtype=np.int32), self.apart).astype(np.int32)
        self.tasks = []
        for devices in np.array_split(rest, n_tasks):
            self.add(devices)

    def add(self, devices):
        """Add a task and watch for its end."""
        task = self.fleet.add_task(devices, self.policy, group=0)
        self.fleet.watch_settled(task)
        self.tasks.append(task)
        self.unreleased.append(task)

    def advance(self, until, *, once=False):
        """Advance, over watches that trip, or to the first of them."""
        while self.fleet.advance(until):
            self.told.append(("tripped", self.fleet.now_ticks, self.fleet.tripped()))
            if once:
                return

    def do(self, what, k):
        """Do one thing to the k-th task, or ask for it."""
        fleet = self.fleet
        task = self.tasks[k % len(self.tasks)]
        devices = fleet.task_devices(task)
        if what == "release" and self.unreleased:
            fleet.release(fleet.task_devices(self.unreleased.pop(0)))
        elif what == "retry":
            fleet.retry(devices)
        elif what == "stop":
            fleet.stop(devices[::3])
        elif what == "refill":
            fleet.refill_budget(devices)
        elif what == "add" and len(self.apart):
            self.add(self.apart)
            self.apart = self.apart[:0]
        elif what == "watch":
            fleet.watch_settled(task)
        elif what == "failures":
            fleet.watch_failures(0, share=0.5, count=3, of_at_least=2)
        else:
            self.told.append((what, self.asked(what, task)))

    def asked(self, what, task):
        """Return what the fleet answers."""
        fleet = self.fleet
        if what == "records":
            return [column.tolist() for column in fleet.records()]
        if what == "totals":
            of = fleet.totals()
            return of.peak_processing, of.peak_downloads, of.last_end, of.bytes_wasted.tolist()
        if what == "curves":
            return fleet.curves().status.tolist(), fleet.curves().downloads.tolist()
        answers = {"counts": fleet.counts, "task counts": lambda: fleet.task_counts(task)}
        return answers[what]().tolist() if what in answers else fleet.n_ended()

    def play(self, script, at_once):
        """Release some tasks, play a script, release the rest, and let the fleet run for ten days."""
        for _ in range(at_once):
            self.do("release", 0)
            self.advance(self.fleet.now_ticks + 5000)
        for wait, what, k in script:
            if wait == "trip":
                self.advance(max(END // 2, self.fleet.now_ticks), once=True)
            else:
                self.advance(self.fleet.now_ticks + fs.to_ticks(wait))
            self.do(what, k)
        while self.unreleased:
            self.do("release", 0)
            self.advance(self.fleet.now_ticks + 5000)
        self.advance(END)
        self.told.append(("end", self.fleet.n_ended(), self.fleet.counts().tolist()))
        self.fleet.close()
        return self.told


def uncoupled(arguments):
    """Return a fleet's arguments without anything that devices share."""
    free = {**arguments, "away": [], "bandwidth": float("inf"), "bandwidth_changes": []}
    free |= {"max_processing": fs.NEVER, "max_downloads": fs.NEVER, "dispatch_gap_s": 0.0}
    free["cohorts"] = [{**cohort, "cell_devices": 0} for cohort in arguments["cohorts"]]
    return free


def both_tell_the_same(spec, n_tasks, at_once, policy, script):
    """Assert that both planes tell the same; return the compiled one."""
    planes = [CompiledFleet(spec, threads=2), SimpyFleet(spec)]
    told = [Story(plane, n_tasks, policy).play(script, at_once) for plane in planes]
    assert told[0] == told[1]
    same_results(*planes)
    return planes[0]


@settings(max_examples=150)
@given(fleets(), policies, st.integers(1, 6), st.integers(0, 4), steps)
def test_tasks__tell_what_events_in_order_tell(
    arguments: dict[str, Any], policy: fs.RetryPolicy, n_tasks: int, at_once: int, script: list[Any]
) -> None:
    """Whoever releases, retries, stops, watches or looks, and whenever: no answer differs."""
    both_tell_the_same(make_spec(**uncoupled(arguments)), n_tasks, at_once, policy, script)


@pytest.mark.slow
@settings(max_examples=many(1_500))
@given(fleets(), policies, st.integers(1, 6), st.integers(0, 4), steps)
def test_tasks__tell_the_same_in_very_many_stories(
    arguments: dict[str, Any], policy: fs.RetryPolicy, n_tasks: int, at_once: int, script: list[Any]
) -> None:
    """The same with many more examples."""
    both_tell_the_same(make_spec(**uncoupled(arguments)), n_tasks, at_once, policy, script)


def spec_of(n):
    """Return a fleet that shares nothing."""
    return make_spec(
        [{"devices": n // 2, "link_rate": rate, "stages": STAGES} for rate in (1e6, 3e5)], CAUSES
    )


def no_events():
    """Let the event loop fail if it is entered."""
    return patch.object(event_loop, "run_events", side_effect=AssertionError("the event loop was entered"))


def release_in_turn(fleet, n_tasks, at_once):
    """Create tasks 5 ms apart; some run at once, each other begins as one settles. Return which did when."""
    devices = np.array_split(np.arange(len(fleet.spec.cohort), dtype=np.int32), n_tasks)
    settled = []
    for i, of in enumerate(devices):
        task = fleet.add_task(of, POLICY)
        fleet.watch_settled(task)
        if i < at_once:
            fleet.release(of)
        assert not fleet.advance(5000 * (i + 1))
    begun = at_once
    while fleet.advance(END):
        for number in fleet.tripped():
            settled.append((fleet.now_ticks, number, fleet.task_counts(number).tolist(), fleet.n_ended()))
            if begun < n_tasks:
                fleet.release(devices[begun])
                begun += 1
    fleet.close()
    return settled


def test_tasks__of_a_fleet_that_shares_nothing_need_no_events() -> None:
    """34 tasks, ten at a time: played straight through, to the same end and over the same watches."""
    planes = [CompiledFleet(spec_of(3400), threads=2), SimpyFleet(spec_of(3400))]
    with no_events():
        told = release_in_turn(planes[0], 34, 10)
    assert len(told) == 34
    assert told == release_in_turn(planes[1], 34, 10)
    same_results(*planes)


def test_retry__of_a_few_needs_no_events() -> None:
    """Days after all have settled, those that failed are played straight through again, however few."""
    planes = [CompiledFleet(spec_of(3000), threads=2), SimpyFleet(spec_of(3000))]
    everybody = np.arange(3000, dtype=np.int32)

    def tell(fleet):
        fleet.watch_settled(fleet.add_task(everybody, POLICY))
        fleet.release(everybody)
        story = []
        for until in (END // 2, END // 2, END):
            story.append((fleet.advance(until), fleet.now_ticks, fleet.tripped()))
            if fleet.now_ticks == END // 2:
                story.append(int(fleet.counts()[3]))
                fleet.retry(everybody)
                fleet.watch_settled(0)
        fleet.close()
        return story

    with no_events():
        told = tell(planes[0])
    assert 0 < told[2] < 300
    assert told == tell(planes[1])
    same_results(*planes)


def test_small_steps__enter_the_queues() -> None:
    """Who has little to do from step to step is not looked at each time: events in order go on from there."""
    planes = [CompiledFleet(spec_of(3000), threads=2), SimpyFleet(spec_of(3000))]
    everybody = np.arange(3000, dtype=np.int32)
    told = []
    for fleet in planes:
        fleet.watch_settled(fleet.add_task(everybody, POLICY))
        fleet.release(everybody)
        told.append([])
        for second in range(0, 4000, 2):
            told[-1].append((fleet.advance(fs.to_ticks(second)), fleet.n_ended()))
        fleet.close()
    assert told[0] == told[1]
    assert not planes[0]._straight.is_on
    same_results(*planes)


def test_peak__of_tasks_that_begin_while_others_wait_for_a_retry() -> None:
    """Those that come back later may be more at once than there are as the next task begins."""
    causes = [{"stage": Stage.QUERY, "p": 0.5}]
    cohort = {"devices": 600, "link_rate": 1e4, "stages": {Stage.QUERY: (fs.UNIFORM, 1.0, 20.0)}}
    planes = [CompiledFleet(make_spec([cohort], causes)), SimpyFleet(make_spec([cohort], causes))]
    for fleet in planes:
        first, second = np.split(np.arange(600, dtype=np.int32), 2)
        policy = fs.RetryPolicy(1, fs.to_ticks(25))
        fleet.add_task(first, policy)
        fleet.add_task(second, policy)
        fleet.release(first)
        fleet.advance(fs.to_ticks(22))
        begun = int(fleet.counts()[1]) + len(second)
        fleet.release(second)
        fleet.advance(END)
        fleet.close()
    assert planes[0].totals().peak_processing > begun
    same_results(*planes)


def test_release__in_any_order_is_obeyed_as_soon_as_it_matters() -> None:
    """Nobody waits for another at first; with a gap between dispatches, first come is first served."""
    order = np.array([4, 1, 5, 0, 3, 2], np.int32)
    for fleet in (CompiledFleet(spec_of(6)), SimpyFleet(spec_of(6))):
        fleet.add_task(np.arange(6, dtype=np.int32), POLICY)
        fleet.release(order)
        fleet.set_dispatch_gap(fs.to_ticks(1))
        fleet.advance(END)
        assert np.argsort(fleet.records().first_start).tolist() == order.tolist()


def test_release__in_any_order_is_played_straight_through() -> None:
    """The order of those who share nothing costs no event loop, and who is named twice begins once."""
    ascending = np.arange(500, dtype=np.int32)
    shuffled = np.random.default_rng(1).permutation(ascending)
    runs = []
    for devices in (ascending, shuffled, np.concatenate([shuffled, shuffled[:9]])):
        fleet = CompiledFleet(spec_of(500), threads=2)
        fleet.add_task(ascending, POLICY)
        fleet.release(devices)
        with no_events():
            fleet.advance(END)
        runs.append(fleet)

    for run in runs[1:]:
        same_results(run, runs[0])
