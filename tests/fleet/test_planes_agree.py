"""Both planes tell the same story: same states, attempts and codes, same times to the tick."""

from typing import Any

import numpy as np
import pytest
from fleet.features import FEATURES
from fleet.make_spec import daily, make_spec
from fleet.planes import (
    calls,
    fleets,
    next_task,
    policies,
    same_results,
    same_story,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.fleet import spec as fs
from sim.fleet.compiled import CompiledFleet
from sim.fleet.protocol import PackageRef
from sim.fleet.reference import SimpyFleet
from sim.rules import Protocol, Stage
from support.effort import many

Script = list[tuple[float, str, int]]
_SHARED = ("during_upgrade", "window for download", "freeze", "sites")
"""Features that let devices share something."""


@settings(max_examples=60)
@given(fleets(), policies, st.integers(1, 3), calls)
def test_planes__agree_on_random_fleets_and_calls(
    arguments: dict[str, Any], policy: fs.RetryPolicy, n_tasks: int, script: Script
) -> None:
    """Whatever the fleet, the policy and the calls, no record differs."""
    same_story(arguments, policy, n_tasks, script)


@settings(max_examples=60)
@given(fleets().flatmap(FEATURES["sites"]), policies, st.integers(1, 3), calls)
def test_planes__agree_on_random_fleets_with_sites(
    arguments: dict[str, Any], policy: fs.RetryPolicy, n_tasks: int, script: Script
) -> None:
    """Wherever devices are, and whatever lines and places they share there."""
    same_story(arguments, policy, n_tasks, script)


@pytest.mark.slow
@settings(max_examples=many(2_000))
@given(fleets().flatmap(FEATURES["sites"]), policies, st.integers(1, 3), calls)
def test_planes__agree_on_very_many_random_fleets_with_sites(
    arguments: dict[str, Any], policy: fs.RetryPolicy, n_tasks: int, script: Script
) -> None:
    """The same with many more examples."""
    same_story(arguments, policy, n_tasks, script)


@pytest.mark.slow
@settings(max_examples=many(3_000))
@given(fleets(), policies, st.integers(1, 3), calls)
def test_planes__agree_on_very_many_random_fleets(
    arguments: dict[str, Any], policy: fs.RetryPolicy, n_tasks: int, script: Script
) -> None:
    """The same with many more examples."""
    same_story(arguments, policy, n_tasks, script)


def test_planes__agree_on_downloads_that_break_as_they_begin() -> None:
    """Of two that begin at a tick in a cohort that was idle, and break at once, neither is forgotten."""
    arguments: dict[str, Any] = {
        "cohorts": [{"devices": 2, "link_rate": 1000.0}] * 2,
        "causes": [{"stage": Stage.DOWNLOAD, "p": 1.0, "cohort": 1}],
        "max_downloads": 2,  # taken by the first cohort, and given back by both of its devices at a time
        "bandwidth": 20_000.0,
        "package_bytes": 1,
    }
    fleet = same_story(arguments, fs.RetryPolicy(), 1, [])
    assert fleet.records().end.tolist() == [fs.to_ticks(0.001)] * 4


def test_planes__agree_on_attempts_that_end_as_they_enter_the_download() -> None:
    """Such an end comes after the ends of others at that tick, and so does what it sets free."""
    timers = {"online": 4000.0, "version": 20.0, "coverage": 20.0, "download": 20.0, "execute": 20.0}
    arguments: dict[str, Any] = {
        "cohorts": [
            {"devices": 9, "link_rate": 1000.0},
            {
                "devices": 6,
                "protocol": Protocol.LWM2M,
                "link_rate": 1000.0,
                "contact": daily(3600.0, 7200.0),
                "timers": timers,
                "cell_devices": 3,
            },
            {"link_rate": 1000.0},
        ],
        "causes": [
            *[{"stage": Stage.CONTACT, "silent": True}] * 3,
            {"stage": Stage.QUERY, "permanent": 0.1},
        ],
        "risks": [{"from_s": 60.0, "to_s": 4000.0, "p": 0.5}],
        "max_processing": 3,
        "cell_places": (2, 1, 1),
        "package_bytes": 1,
    }
    same_story(arguments, fs.RetryPolicy(), 1, [])


@settings(max_examples=60)
@given(fleets([name for name in FEATURES if name not in _SHARED]), policies, calls)
def test_straight_play__agrees_with_events_in_order(
    arguments: dict[str, Any], policy: fs.RetryPolicy, script: Script
) -> None:
    """Devices that share nothing come to the same end when they are played straight through."""
    free = {**arguments, "away": [], "bandwidth": float("inf"), "bandwidth_changes": []}
    free |= {"max_processing": fs.NEVER, "max_downloads": fs.NEVER, "dispatch_gap_s": 0.0}
    free["cohorts"] = [{**cohort, "cell_devices": 0} for cohort in arguments["cohorts"]]
    spec = make_spec(**free)
    planes = [CompiledFleet(spec, threads=2), SimpyFleet(spec)]
    for plane in planes:
        devices = np.arange(len(spec.cohort), dtype=np.int32)
        task = plane.add_task(devices, policy)
        plane.watch_settled(task)
        plane.release(devices)
        now_s = 0.0
        for wait_s, call, step in script:
            now_s += wait_s
            while plane.advance(fs.to_ticks(now_s)):
                plane.tripped()
            status = plane.records().status
            if call == "retry":
                plane.retry(devices[np.isin(status, [3, 4, 5])][::step])
            elif call == "stop":
                plane.stop(devices[np.isin(status, [0, 1, 4])][::step])
            elif call == "task":
                next_task(plane, policy, step)
        while plane.advance(fs.to_ticks(864_000)):
            plane.tripped()
        plane.close()
    same_results(planes[0], planes[1])


def test_straight_play__leaves_a_device_to_its_new_task_alone() -> None:
    """One that is final while others of its task are not, and is put in another task, is played for that."""
    spec = make_spec([{"stages": {Stage.QUERY: 2.0}}, {"stages": {Stage.QUERY: 500.0}}])
    everybody, first = np.arange(2, dtype=np.int32), np.zeros(1, np.int32)
    planes = [CompiledFleet(spec, threads=2), SimpyFleet(spec)]
    for plane in planes:
        plane.release(plane.task_devices(plane.add_task(everybody, fs.RetryPolicy())))
        plane.advance(fs.to_ticks(100))
        again = plane.add_task(first, fs.RetryPolicy(), package=PackageRef(1, 10))
        plane.release(first)
        plane.advance(fs.to_ticks(101))
        plane.stop(everybody)
        plane.advance(fs.to_ticks(1_000))
        assert plane.task_counts(again).tolist() == [0, 0, 0, 0, 0, 1, 0]
        assert plane.records().attempts.tolist() == [1, 1]
    same_results(planes[0], planes[1])
