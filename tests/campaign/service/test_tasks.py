"""Tests of a task's way from its creation to its end state."""

import numpy as np
import pytest

from sim.campaign import BatchTaskService, FleetEnvironment, TaskRequest, build_names, build_spec
from sim.errors import ApiError
from sim.fleet.reference import SimpyFleet
from sim.rules import Limits, SubtaskState, TaskPolicy, TaskState, TaskType

S, F, W = SubtaskState.SUCCESS, SubtaskState.FAIL, SubtaskState.FAIL_WAIT_RETRY


def test_subscribe__until_it_is_ended(make_stage):
    """A subscriber hears of each task until it ends its subscription; others hear on."""
    stage = make_stage()
    first, second = [], []
    end_first = stage.service.subscribe(lambda task: first.append(task.task_id))
    stage.service.subscribe(lambda task: second.append(task.task_id))
    task = stage.create([0])
    end_first()
    other = stage.create([1])

    assert set(first) == {task.task_id}
    assert set(second) == {task.task_id, other.task_id}


def test_create__initializing_then_processing_within_the_instant(make_stage):
    """The creator sees `Initializing`; before anybody else has a turn the task is in progress."""
    stage = make_stage()
    seen = []
    stage.service.subscribe(lambda task: seen.append((task.state, stage.env.now)))
    task = stage.service.create_batch_task(TaskRequest("t"), [f"a-{i:07d}" for i in range(4)])

    assert task.status is TaskState.INITIALIZING
    stage.settle()
    assert seen == [(TaskState.INITIALIZING, 0), (TaskState.WAITTING, 0), (TaskState.PROCESSING, 0)]
    assert (task.created_s, task.started_s, task.settled_s) == (0.0, 0.0, None)
    assert stage.fleet.released.tolist() == [True] * 4 + [False] * 6


def test_create__ids_are_24_hex_digits_and_grow(make_stage):
    """Ids look like the vendor's, and a newer task has a larger one."""
    stage = make_stage()
    ids = [stage.create([i]).task_id for i in range(10)]

    assert all(len(task_id) == 24 and int(task_id, 16) > 0 for task_id in ids)
    assert sorted(ids) == ids
    assert len(set(ids)) == 10


def test_create__repeated_targets_count_once_and_are_put_in_order(make_stage):
    """The order in a task is that of the devices, whatever the request's."""
    task = make_stage().create([5, 1, 5, 3])

    assert task.devices.tolist() == [1, 3, 5]
    assert len(task) == 3


@pytest.mark.parametrize(
    ("request_fields", "targets", "status", "text"),
    [
        ({"task_name": "with space"}, [0], 400, "task_name"),
        ({"task_name": ""}, [0], 400, "task_name"),
        ({"task_name": "x" * 129}, [0], 400, "task_name"),
        ({"task_type": TaskType.CREATE_DEVICES}, [0], 501, "task_type"),
        ({"task_type": TaskType.MODULE_UPGRADE}, [0], 501, "task_type"),
        ({"task_policy": TaskPolicy(6, 300)}, [0], 400, "retry_count is 6"),
        ({"task_policy": TaskPolicy(2, None)}, [0], 400, "retry_interval"),
        ({"start_s": 7 * 86_400 + 1.0}, [0], 400, "schedule_time"),
        ({}, [], 400, "at least one"),
        ({}, list(range(9)), 400, "at most 8"),
        ({}, [10], 404, "does not exist"),
        ({}, [-1], 404, "does not exist"),
    ],
)
def test_create__what_the_service_refuses_creates_nothing(make_stage, request_fields, targets, status, text):
    """A bad request raises with the vendor's status, leaves no task, and stands in the ledger."""
    stage = make_stage(limits=Limits(targets_per_task=8))
    request = TaskRequest(**{"task_name": "t", **request_fields})
    with pytest.raises(ApiError, match=text) as refusal:
        stage.service.create_batch_task(request, np.array(targets, np.int64))

    assert refusal.value.status == status
    assert stage.service.tasks == []
    (call,) = stage.service.calls
    assert (call.call, call.task_id, call.http_status, call.error_code) == (
        "create",
        "",
        status,
        refusal.value.code,
    )


def test_create__chinese_names_and_the_last_allowed_moment_are_fine(make_stage):
    """Names may be Chinese, and a start in exactly seven days is within the next seven days."""
    task = make_stage().service.create_batch_task(TaskRequest("固件_1", start_s=7 * 86_400.0), np.array([0]))

    assert task.task_name == "固件_1"


def test_create__task_policy_reaches_the_plane_in_ticks(make_stage):
    """Three retries at 5 minutes are three retries at 300,000,000 ticks."""
    stage = make_stage()
    stage.create([0], task_policy=TaskPolicy(3, 300))
    stage.create([1])

    assert [(p.retry_count, p.retry_interval_ticks) for p in stage.fleet.policies] == [
        (3, 300_000_000),
        (0, 0),
    ]
    assert stage.fleet.groups == [3, 3]


@pytest.mark.parametrize(
    ("ends", "state"),
    [
        ({S: [0, 1, 2]}, TaskState.SUCCESS),
        ({S: [0, 1], F: [2]}, TaskState.PARTIAL_SUCCESS),
        ({F: [0, 1, 2]}, TaskState.FAIL),
    ],
)
def test_task__ends_in_the_state_its_subtasks_make(make_stage, ends, state):
    """All succeeded, some, or none: the end state says which, at the time of the last end."""
    stage = make_stage()
    task = stage.create([0, 1, 2])
    for status, devices in ends.items():
        stage.fleet.finish(np.array(devices), status)
    ended_s = stage.env.now
    stage.settle()

    assert task.status is state
    assert task.settled_s == ended_s
    assert task.progress()["total"] == 3


def test_task__is_not_settled_while_a_retry_is_to_come(make_stage):
    """FailWaitRetry is no end."""
    stage = make_stage()
    task = stage.create([0, 1])
    stage.finish([0], S)
    stage.finish([1], W)

    assert task.status is TaskState.PROCESSING
    assert not task.settled.triggered
    assert task.progress()["fail_wait_retry"] == 1


def test_settled__wakes_a_process_at_the_time_of_the_end(make_stage):
    """`yield task.settled` goes on when the task ends, and at once if it has ended before."""
    stage = make_stage()
    task = stage.create([0])
    log = []

    def process():
        log.append((yield task.settled) is task)
        log.append(stage.env.now)
        yield task.settled
        log.append(stage.env.now)

    stage.env.process(process())
    stage.settle()
    stage.finish([0], S)

    assert log == [True, 2.0, 2.0]


def test_settled__is_new_after_a_task_was_reopened(make_stage):
    """A retried task ends again, and whoever waits then waits for that end."""
    stage = make_stage()
    task = stage.create([0])
    stage.finish([0], F)
    first = task.settled
    stage.service.retry_batch_task(task.task_id)

    assert first.triggered
    assert not task.settled.triggered
    assert (task.status, task.settled_s) == (TaskState.PROCESSING, None)
    stage.settle()
    stage.finish([0], S)
    assert task.settled.triggered
    assert task.status is TaskState.SUCCESS


def test_quota__further_tasks_wait_and_start_in_order(make_stage):
    """Ten tasks are in progress at once; the others stay `Waitting` and follow one by one."""
    stage = make_stage(15)
    tasks = [stage.create([i]) for i in range(13)]

    assert [task.status for task in tasks] == [TaskState.PROCESSING] * 10 + [TaskState.WAITTING] * 3
    assert not stage.fleet.released[10:].any()
    stage.finish([7], S)
    assert [task.started_s is None for task in tasks[10:]] == [False, True, True]
    stage.finish([0, 1], S)
    assert [task.status for task in tasks[10:]] == [TaskState.PROCESSING] * 3


def test_quota__counts_by_resource_space(make_stage):
    """Tasks of one resource space don't wait for those of another."""
    stage = make_stage(limits=Limits(tasks_in_progress=1))
    tasks = [stage.create([i], app_id=app_id) for i, app_id in enumerate("aabb")]

    assert [task.status is TaskState.PROCESSING for task in tasks] == [True, False, True, False]


def test_quota__a_stopped_waiting_task_is_passed_over(make_stage):
    """A task that was stopped while it waited doesn't take the place that falls free."""
    stage = make_stage(limits=Limits(tasks_in_progress=1))
    first, second, third = (stage.create([i]) for i in range(3))
    stage.service.stop_batch_task(second.task_id)
    stage.settle()
    stage.finish([0], S)

    assert [task.status for task in (first, second, third)] == [
        TaskState.SUCCESS,
        TaskState.STOPPED,
        TaskState.PROCESSING,
    ]
    assert second.started_s is None


def test_quota__a_reopened_task_goes_on_at_once(make_stage):
    """A retry call isn't held up by the number of tasks in progress; the next new task is."""
    stage = make_stage(limits=Limits(tasks_in_progress=1))
    first, second = stage.create([0]), stage.create([1])
    stage.finish([0], F)
    stage.service.retry_batch_task(first.task_id)
    third = stage.create([2])

    assert [task.status for task in (first, second)] == [TaskState.PROCESSING] * 2
    stage.finish([1], S)
    assert third.status is TaskState.WAITTING
    stage.finish([0], S)
    assert third.status is TaskState.PROCESSING


def test_schedule__the_task_waits_until_then(make_stage):
    """A scheduled task is `Waitting` and starts at exactly its time."""
    stage = make_stage()
    task = stage.create([0, 1], start_s=3600.0)
    stage.env.run(until=3599.9)
    assert (task.status, stage.fleet.released.any()) == (TaskState.WAITTING, False)
    stage.env.run(until=3600.1)

    assert (task.status, task.started_s) == (TaskState.PROCESSING, 3600.0)
    assert stage.fleet.released[:2].all()


def test_schedule__a_start_in_the_past_is_now(make_stage):
    """What should have begun already begins at once."""
    stage = make_stage()
    stage.settle()

    assert stage.create([0], start_s=0.5).status is TaskState.PROCESSING


def test_schedule__the_place_in_the_queue_is_taken_when_it_is_due(make_stage):
    """A task for later doesn't hold back one that is due now."""
    stage = make_stage(limits=Limits(tasks_in_progress=1))
    later, now = stage.create([0], start_s=100.0), stage.create([1])
    stage.env.run(until=200)

    assert (later.status, now.status) == (TaskState.WAITTING, TaskState.PROCESSING)


def test_confirm__targets_wait_for_it(make_stage):
    """With `need_confirm` only confirmed targets start, and the task with the first of them."""
    stage = make_stage()
    task = stage.create([2, 4, 6], need_confirm=True)
    assert (task.status, stage.fleet.released.any()) == (TaskState.WAITTING, False)
    answer = stage.service.confirm_batch_task(task.task_id, ["a-0000004"])

    assert (answer.http_status, answer.accepted.tolist()) == (200, [4])
    assert task.status is TaskState.PROCESSING
    assert np.flatnonzero(stage.fleet.released).tolist() == [4]
    stage.service.confirm_batch_task(task.task_id)
    assert np.flatnonzero(stage.fleet.released).tolist() == [2, 4, 6]


def test_confirm__is_remembered_until_the_task_may_start(make_stage):
    """Confirmed early, the targets start at the scheduled time, without those not confirmed."""
    stage = make_stage()
    task = stage.create([0, 1], need_confirm=True, start_s=60.0)
    stage.service.confirm_batch_task(task.task_id, np.array([1]))
    stage.settle()
    assert task.status is TaskState.WAITTING
    stage.env.run(until=61)

    assert task.status is TaskState.PROCESSING
    assert np.flatnonzero(stage.fleet.released).tolist() == [1]


def test_confirm__an_unconfirmed_task_takes_no_place(make_stage):
    """Of two tasks with one place, the one that nobody confirms lets the other one pass."""
    stage = make_stage(limits=Limits(tasks_in_progress=1))
    unconfirmed, other = stage.create([0], need_confirm=True), stage.create([1])
    assert other.status is TaskState.PROCESSING
    stage.service.confirm_batch_task(unconfirmed.task_id)
    assert unconfirmed.status is TaskState.WAITTING
    stage.finish([1], S)

    assert unconfirmed.status is TaskState.PROCESSING


def test_stop__a_target_stopped_before_the_start_never_starts(make_stage):
    """What was stopped while the task waited is left out when it starts."""
    stage = make_stage()
    task = stage.create([0, 1, 2], start_s=60.0)
    stage.service.stop_batch_task(task.task_id, np.array([1]))
    stage.env.run(until=61)

    assert np.flatnonzero(stage.fleet.released).tolist() == [0, 2]
    assert task.progress()["stopped"] == 1


def test_stop__passes_through_stopping(make_stage):
    """A task that is stopped as a whole is `Stopping`, and `Stopped` within the same instant."""
    stage = make_stage()
    task = stage.create([0, 1])
    stage.finish([0], S)
    answer = stage.service.stop_batch_task(task.task_id)
    assert (task.status, answer.accepted.tolist()) == (TaskState.STOPPING, [1])
    stopped_s = stage.env.now
    stage.settle()

    assert (task.status, task.settled_s) == (TaskState.STOPPED, stopped_s)


def test_stop__in_the_instant_of_the_creation(make_stage):
    """A task may be stopped while it is `Initializing`; none of its targets ever starts."""
    stage = make_stage()
    task = stage.service.create_batch_task(TaskRequest("t"), np.array([0, 1]))
    assert stage.service.stop_batch_task(task.task_id).is_ok
    stage.settle()

    assert task.status is TaskState.STOPPED
    assert not stage.fleet.released.any()


def test_stop__of_every_target_by_name_is_no_whole_stop(make_stage):
    """A task whose targets were all stopped by name ends as `Fail`, and can be retried."""
    stage = make_stage()
    task = stage.create([0, 1])
    stage.service.stop_batch_task(task.task_id, np.array([0, 1]))
    stage.settle()
    assert task.status is TaskState.FAIL
    assert stage.service.retry_batch_task(task.task_id).accepted.tolist() == [0, 1]


def test_progress__reads_the_plane_of_scattered_devices(make_stage):
    """States and reasons come out in the task's order, whether its devices are neighbours or not."""
    stage = make_stage()
    task = stage.create([1, 4, 8])
    stage.finish([4], F, reason=7)
    stage.finish([8], S)

    assert task.statuses().tolist() == [1, 3, 2]
    assert task.reasons().tolist() == [0, 7, 0]
    assert task.positions_of(np.array([8, 0, 4, 9, -1])).tolist() == [2, -1, 1, -1, -1]
    assert "Processing" in repr(task)


def test_positions_in__finds_subtasks_by_state_in_the_plane_and_out_of_it(make_stage):
    """Scattered devices or neighbours, with a target that failed because its device was busy or without."""
    stage = make_stage()
    failed = np.isin(np.arange(7), F)
    over = np.isin(np.arange(7), (S, F))
    first = stage.create([1, 4, 8])
    stage.finish([4], S)
    assert first.positions_in(over).tolist() == [1]
    assert first.positions_in(failed).tolist() == []

    second = stage.create([4, 5, 8])  # 8 is still busy
    assert second.positions_in(failed).tolist() == [2]
    stage.finish([5, 8], F, reason=7)
    assert second.positions_in(failed).tolist() == [1, 2]
    assert first.positions_in(over).tolist() == [1, 2]
    for task in (first, second):
        assert task.counted().tolist() == task.counts().tolist()


def test_create__keeps_the_devices_of_an_array_that_may_change(make_stage):
    """What a caller does with its own array later is nothing to the task, which nobody can change."""
    stage = make_stage()
    devices = np.array([1, 4, 8], np.int32)
    task = stage.create(devices)
    devices[:] = 0

    assert task.devices.tolist() == [1, 4, 8]
    with pytest.raises(ValueError, match="read-only"):
        task.devices[0] = 2


def test_settled__a_retry_in_the_instant_of_the_end_keeps_the_task_going(make_scenario_of):
    """Between the last end and its notice a call may come: the task runs on, and settles later."""
    scenario = make_scenario_of(5, failures=[{"stage": "query", "silent": True, "permanent": "100 %"}])
    spec = build_spec(scenario)
    env = FleetEnvironment(SimpyFleet(spec), horizon_s=1e6)
    service = BatchTaskService(env, build_names(scenario, spec))
    task = service.create_batch_task(TaskRequest("t"), np.arange(5))
    env.run(until=180)  # when the timer of the version query ends all attempts

    assert (task.progress()["fail"], task.status) == (5, TaskState.PROCESSING)
    assert len(service.retry_batch_task(task.task_id).accepted) == 5
    env.run(until=181)
    assert task.status is TaskState.PROCESSING
    env.run()
    assert (task.status, task.settled_s) == (TaskState.FAIL, 360.0)
