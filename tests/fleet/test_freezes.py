"""Freezes stop the dispatch and nothing else, on both planes."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from fleet.make_spec import make_spec, start

from sim.fleet import spec as fs
from sim.fleet.compiled import CompiledFleet
from sim.fleet.protocol import Fleet
from sim.fleet.reference import SimpyFleet
from sim.rules import Reason, Stage, SubtaskState

S = fs.TICKS_PER_S
PLANES = pytest.mark.parametrize("plane", [CompiledFleet, SimpyFleet])
Plane = Callable[..., Fleet]


def dispatched(plane: Plane, freezes: Sequence[tuple[float, float]], **arguments: Any) -> list[float]:
    """Return when the devices of a fleet were dispatched, in seconds."""
    cohorts = arguments.pop("cohorts", [{"devices": 6}])
    fleet = plane(make_spec(cohorts, freezes=freezes, **arguments))
    start(fleet)
    fleet.advance(fs.to_ticks(1e6))
    return (fleet.records().first_start / S).tolist()


@PLANES
def test_freeze__holds_all_from_its_first_tick_up_to_its_last(plane: Plane) -> None:
    """A dispatch that is due as the freeze begins waits; one that is due as it ends does not."""
    assert dispatched(plane, [(20.0, 40.0)], dispatch_gap_s=10.0) == [0, 10, 40, 50, 60, 70]
    assert dispatched(plane, [(20.000001, 40.0)], dispatch_gap_s=10.0) == [0, 10, 20, 40, 50, 60]
    assert dispatched(plane, [(0.0, 5.0)]) == [5.0] * 6
    assert dispatched(plane, []) == [0.0] * 6


@PLANES
def test_freeze__end_does_not_cut_the_gap_short(plane: Plane) -> None:
    """The gap counts from the last dispatch before the freeze, so the freeze may cost nothing."""
    assert dispatched(plane, [(12.0, 18.0)], dispatch_gap_s=10.0) == [0, 10, 20, 30, 40, 50]
    assert dispatched(plane, [(12.0, 23.0)], dispatch_gap_s=10.0) == [0, 10, 23, 33, 43, 53]


@PLANES
def test_freeze__several_come_one_after_the_other(plane: Plane) -> None:
    """One that begins where another ends goes on with it; one between two dispatches costs nothing."""
    freezes = [(5.0, 15.0), (15.0, 31.0), (32.0, 33.0), (51.0, 51.5), (60.0, 100.0)]
    assert dispatched(plane, freezes, dispatch_gap_s=10.0) == [0, 31, 41, 51.5, 100, 110]


@PLANES
def test_freeze__keeps_nothing_else_from_going_on(plane: Plane) -> None:
    """What was dispatched before it goes through contact, download and install, and ends in it."""
    cohort = {
        "devices": 2,
        "link": {"every": 1e6, "for": 5e5, "phase": 100.0},
        "link_rate": 1e4,
        "stages": {Stage.INSTALL: 50.0},
    }
    fleet = plane(make_spec([cohort], freezes=[(1.0, 5_000.0)], max_processing=1, bandwidth=1e6))
    start(fleet)
    fleet.advance(fs.to_ticks(1e6))
    records = fleet.records()
    assert sorted(records.first_start.tolist()) == [0, 5_000 * S]
    assert sorted(records.end.tolist()) == [250 * S, 5_150 * S]


@PLANES
def test_freeze__holds_retries_and_calls_in_the_ready_queue(plane: Plane) -> None:
    """An automatic retry that falls due in it, and devices that are retried in it, wait in Waitting."""
    causes = [{"stage": Stage.QUERY, "permanent": 1.0, "reason": Reason.BUSY}]
    fleet = plane(make_spec([{"devices": 3}], causes, freezes=[(50.0, 500.0)]), log_attempts=True)
    start(fleet, fs.RetryPolicy(retry_count=1, retry_interval_ticks=60 * S))
    fleet.advance(fs.to_ticks(100))
    assert fleet.counts()[SubtaskState.WAITTING] == 3
    fleet.stop(np.array([1], np.int32))
    fleet.advance(fs.to_ticks(200))
    fleet.retry(np.array([1], np.int32))
    fleet.advance(fs.to_ticks(499.999999))
    assert fleet.counts()[SubtaskState.WAITTING] == 3
    fleet.advance(fs.to_ticks(1_000))
    starts = fleet.attempt_log().start.tolist()
    assert starts[:6] == [0, 0, 0, 500 * S, 500 * S, 500 * S]


@PLANES
def test_freeze__that_nobody_was_awake_for_holds_as_well(plane: Plane) -> None:
    """Devices released in the midst of it, on an idle plane that had been moved there, wait for its end."""
    fleet = plane(make_spec([{"devices": 2}], freezes=[(50.0, 500.0)]))
    task = fleet.add_task(np.arange(2, dtype=np.int32), fs.RetryPolicy())
    fleet.advance(fs.to_ticks(300))
    fleet.release(fleet.task_devices(task))
    fleet.finish_tick()
    assert fleet.counts()[SubtaskState.WAITTING] == 2
    fleet.advance(fs.to_ticks(1_000))
    assert fleet.records().end.tolist() == [500 * S] * 2


@PLANES
def test_freeze__keeps_when_the_gap_is_changed_in_it(plane: Plane) -> None:
    """A shorter gap does not let a dispatch out of a freeze, and the last dispatch still counts after it."""
    fleet = plane(make_spec([{"devices": 4}], freezes=[(50.0, 95.0)], dispatch_gap_s=40.0))
    start(fleet)
    fleet.advance(fs.to_ticks(60))
    fleet.set_dispatch_gap(5 * S)
    fleet.advance(fs.to_ticks(1_000))
    assert fleet.records().first_start.tolist() == [0, 40 * S, 95 * S, 100 * S]
