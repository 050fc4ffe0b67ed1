"""Where the time of a run went: of the fleet, of its cohorts, and of the devices that ended last."""

import pytest

from sim.campaign.tally.time_spent import Spent, time_spent
from sim.fleet.held_up import Hold
from sim.rules import SubtaskState
from sim.scenario.metrics import HELD_UP

SUCCESS, FAIL, PROCESSING = SubtaskState.SUCCESS, SubtaskState.FAIL, SubtaskState.PROCESSING


def words(held_s):
    """Return ticks as seconds by the causes that took any."""
    return {name: ticks / 1e6 for name, ticks in zip(HELD_UP, held_s.ticks, strict=True) if ticks}


def test_held_up__has_the_names_of_what_holds_devices():
    """Names, words and columns are one list."""
    assert list(HELD_UP) == [hold.name.lower() for hold in Hold]


def test_time_spent__of_cohorts_adds_up_to_the_fleet(make_run):
    """Three devices in two cohorts."""
    run = make_run(
        [SUCCESS] * 3,
        sizes={"north": 1, "south": 2},
        held_s=[{Hold.QUERY: 2.0}, {Hold.QUERY: 3.0, Hold.TIMER: 60.0}, {Hold.REBOOT: 5.0}],
    )
    spent = time_spent(run)
    assert [part.devices for part in spent.cohorts] == [1, 2]
    assert [words(part) for part in spent.cohorts] == [
        {"query": 2.0},
        {"query": 3.0, "reboot": 5.0, "timer": 60.0},
    ]
    assert words(spent.fleet) == {"query": 5.0, "reboot": 5.0, "timer": 60.0}
    assert spent.fleet.device_time_s == 70.0
    assert spent.fleet.shares["timer"] == pytest.approx(60 / 70)


def test_time_spent__of_the_slowest_is_of_the_hundredth_that_ended_last(make_run):
    """Of 300 devices the three whose ends are latest."""
    run = make_run(
        [SUCCESS] * 300, end_s=list(range(1, 301)), held_s=[{Hold.OFFLINE: float(i)} for i in range(1, 301)]
    )
    assert (time_spent(run).slowest.devices, words(time_spent(run).slowest)) == (3, {"offline": 897.0})


def test_time_spent__of_the_slowest_takes_in_all_that_are_tied(make_run):
    """Of 200 devices 20 are pending; none of them is slower than the others."""
    run = make_run(
        [SUCCESS] * 180 + [PROCESSING] * 20,
        end_s=[50.0] * 180 + [-1] * 20,
        held_s=[{Hold.QUERY: 50.0}] * 180 + [{Hold.TIMER: 100.0}] * 20,
    )
    assert (time_spent(run).slowest.devices, words(time_spent(run).slowest)) == (20, {"timer": 2000.0})


def test_time_spent__of_the_slowest_leaves_out_who_was_never_released(make_run):
    """Devices of a wave that never came have no time; the slowest is the one that ended last."""
    run = make_run(
        [SUCCESS, FAIL, PROCESSING], end_s=[5, 9, -1], held_s=[{Hold.QUERY: 5.0}, {Hold.QUERY: 9.0}, {}]
    )
    assert (time_spent(run).slowest.devices, words(time_spent(run).slowest)) == (1, {"query": 9.0})
    nobody = make_run([PROCESSING], held_s=[{}])
    assert time_spent(nobody).slowest == Spent(0, (0,) * len(HELD_UP))
    assert set(time_spent(nobody).fleet.shares.values()) == {None}
