"""Tests of the invariants: each one notices what it is there for."""

from dataclasses import replace

import numpy as np
import pytest

from sim.campaign import check_invariants
from sim.errors import ModelError
from sim.fleet.held_up import Hold
from sim.fleet.protocol import AttemptLog
from sim.rules import SubtaskState


@pytest.fixture
def stage(make_stage):
    """Return a stage in which one device of four has succeeded, one has failed, two run."""
    stage = make_stage(6)
    stage.create([0, 1, 2, 3])
    stage.finish([0], SubtaskState.SUCCESS)
    stage.finish([1], SubtaskState.FAIL, reason=7)
    return stage


def log_of(devices):
    """Return a log of one attempt for each device given."""
    empty = np.zeros(len(devices), np.int64)
    return AttemptLog(np.array(devices, np.int32), *[empty] * 11)


def test_invariants__hold(stage):
    """A sound run raises nothing, with a log or without."""
    check_invariants(stage.fleet, stage.service)
    check_invariants(stage.fleet, stage.service, log_of([0, 1]))


@pytest.mark.parametrize(
    ("field", "device", "value", "message"),
    [
        ("attempts", 2, 2, "device 2 has 2 attempts, but 1"),
        ("status", 5, 3, "devices by state|task"),
        ("first_start", 0, -1, "device 0 has 1 attempts, but 0"),
        ("end", 1, -1, "device 1 is in state 3 and has end -1"),
        ("end", 2, 5, "device 2 is in state 1 and has end 5"),
        ("first_start", 0, 2**40, "device 0 ends before"),
        ("first_failure", 1, 0, "device 1 ends before"),
        ("bytes", 3, -1, "device 3 received a negative"),
        ("manual_retries", 0, 1, "device 0 has 1 attempts, but 2"),
    ],
)
def test_invariants__notice_a_wrong_record(stage, field, device, value, message):
    """A record that contradicts the others is named with the device and the values."""
    records = stage.fleet.records()
    fields = {field: getattr(records, field).copy()}
    if field == "first_failure":  # earlier than the start of the attempt that failed
        fields["first_start"] = records.first_start + 10 * (records.first_start >= 0)
        fields["end"] = records.end + 20 * (records.end >= 0)
    fields[field][device] = value
    if field == "status":
        fields["task"] = records.task.copy()
        fields["task"][device] = 0
        fields["first_start"] = np.zeros(6, np.int64)
        fields["attempts"] = np.ones(6, np.int32)
    broken = records._replace(**fields)
    stage.fleet.records = lambda: broken
    with pytest.raises(ModelError, match=f"invariant broken: .*({message})"):
        check_invariants(stage.fleet, stage.service)


def test_invariants__notice_a_state_without_attempt(stage):
    """A device can't have succeeded without having begun."""
    stage.fleet.attempts[0] = 0
    stage.fleet.first_start[0] = -1
    with pytest.raises(ModelError, match="device 0 is in state 2 without an attempt"):
        check_invariants(stage.fleet, stage.service)


def test_invariants__notice_wrong_counts(stage):
    """The plane's counts must be those of its records."""
    stage.fleet.counts = lambda: np.array([0, 3, 0, 1, 0, 0, 0])
    with pytest.raises(ModelError, match="the plane counts"):
        check_invariants(stage.fleet, stage.service)


def test_invariants__idle_devices_may_count_as_waiting(stage):
    """Devices of no task are counted by a plane or not; both are sound."""
    counts = stage.fleet.counts() + np.array([2, 0, 0, 0, 0, 0, 0])
    stage.fleet.counts = lambda: counts

    check_invariants(stage.fleet, stage.service)


def test_invariants__notice_a_task_that_is_over_too_early(stage):
    """A task with live subtasks can't be in an end state."""
    (task,) = stage.service.tasks
    task.state = task.state.SUCCESS
    with pytest.raises(ModelError, match="is Success with live subtasks"):
        check_invariants(stage.fleet, stage.service)


def test_invariants__notice_wrong_progress(stage):
    """A task's progress must be the count of its subtasks."""
    stage.fleet.task_counts = lambda task: np.array([0, 4, 0, 0, 0, 0, 0])
    with pytest.raises(ModelError, match="its subtasks are"):
        check_invariants(stage.fleet, stage.service)


def test_invariants__notice_more_waste_than_bytes(stage):
    """What was wasted was received before."""
    totals = replace(stage.fleet.totals(), bytes_wasted=np.array([7]))
    stage.fleet.totals = lambda: totals
    with pytest.raises(ModelError, match="7 bytes wasted of 0 received"):
        check_invariants(stage.fleet, stage.service)


def test_invariants__notice_retries_that_nobody_called_for(stage):
    """Each manual retry was accepted by a call."""
    records = stage.fleet.records()
    ones = np.array([0, 1, 0, 0, 0, 0], np.int32)
    broken = records._replace(manual_retries=ones, attempts=records.attempts + ones)
    stage.fleet.records = lambda: broken
    with pytest.raises(ModelError, match="1 manual retries, 0 accepted"):
        check_invariants(stage.fleet, stage.service)


@pytest.mark.parametrize("devices", [[0], [0, 1, 1], [0, 1, 2]])
def test_invariants__notice_a_log_with_other_attempts(stage, devices):
    """The log has every ended attempt once, and none that is under way."""
    with pytest.raises(ModelError, match="in the log"):
        check_invariants(stage.fleet, stage.service, log_of(devices))


@pytest.mark.parametrize(
    ("device", "hold", "ticks", "message"),
    [
        (0, Hold.TIMER, 10**9, "the time of device 0, .* can't be"),
        (2, Hold.INSTALL, -1, "the time of device 2, .* can't be"),
        (5, Hold.QUERY, 3, "the times of a cohort"),
    ],
)
def test_invariants__notice_time_that_nobody_had(stage, device, hold, ticks, message):
    """A device's time lasts from its release to its end, and a cohort has the sum of its devices'."""
    held = stage.fleet.held_up()
    held.by_device[device, hold] += ticks
    stage.fleet.held_up = lambda: held
    with pytest.raises(ModelError, match=message):
        check_invariants(stage.fleet, stage.service)
