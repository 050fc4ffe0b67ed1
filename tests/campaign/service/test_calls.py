"""Tests of the calls upon a task: who is acted upon, what is answered, what the ledger keeps."""

import numpy as np
import pytest

from sim.campaign import TaskRequest
from sim.errors import ApiError
from sim.rules import Call, Limits, SubtaskState, TaskState

S, F, W = SubtaskState.SUCCESS, SubtaskState.FAIL, SubtaskState.FAIL_WAIT_RETRY
UNKNOWN = "f" * 24


@pytest.fixture
def mixed(make_stage):
    """Return a stage and a task with a subtask of each kind: 0 S, 1 F, 2 waits, 3 runs, 4 stopped."""
    stage = make_stage(limits=Limits(targets_per_call=6))
    task = stage.create([0, 1, 2, 3, 4])
    stage.service.stop_batch_task(task.task_id, np.array([4]))
    stage.finish([0], S)
    stage.finish([1], F, reason=7)
    stage.finish([2], W, reason=2)
    stage.service.calls.clear()
    return stage, task


def codes_of(answer):
    """Return the answer of each target: its error code, or `ok`."""
    return {result.target: result.error_code or "ok" for result in answer.results}


def test_retry__takes_what_failed_or_was_stopped(mixed):
    """`{}` re-executes Fail, FailWaitRetry and Stopped, and answers for each of them."""
    stage, task = mixed
    answer = stage.service.retry_batch_task(task.task_id)

    assert answer.accepted.tolist() == [1, 2, 4]
    assert codes_of(answer) == {"a-0000001": "ok", "a-0000002": "ok", "a-0000004": "ok"}
    assert answer.refused == ()
    assert task.statuses().tolist() == [2, 0, 0, 1, 0]


def test_retry__answers_each_named_target(mixed):
    """Named targets are answered in the call's order, each once, with the code that fits."""
    stage, task = mixed
    named = ["a-0000001", "a-0000009", "a-0000000", "nobody", "a-0000001", "nobody"]
    answer = stage.service.retry_batch_task(task.task_id, named)

    assert codes_of(answer) == {
        "a-0000001": "ok",
        "a-0000009": "IOTDA.014219",
        "a-0000000": "IOTDA.014285",
        "nobody": "IOTDA.014219",
    }
    assert list(codes_of(answer)) == ["a-0000001", "a-0000009", "a-0000000", "nobody"]
    assert answer.accepted.tolist() == [1]
    assert [result.target for result in answer.refused] == ["a-0000009", "a-0000000", "nobody"]


def test_retry__ids_and_indices_say_the_same(mixed):
    """A call that names indices does and answers what one that names ids does."""
    stage, task = mixed
    by_index = stage.service.retry_batch_task(task.task_id, np.array([4, 3, 7]))

    assert by_index.accepted.tolist() == [4]
    assert codes_of(by_index) == {
        "a-0000004": "ok",
        "a-0000003": "IOTDA.014285",
        "a-0000007": "IOTDA.014219",
    }


def test_retry__a_repeated_index_counts_once(mixed):
    """Indices may come in any order and again; each is answered once, in the order of its first mention."""
    stage, task = mixed
    answer = stage.service.retry_batch_task(task.task_id, np.array([4, 1, 4, 3, 1]))

    assert list(codes_of(answer).items()) == [
        ("a-0000004", "ok"),
        ("a-0000001", "ok"),
        ("a-0000003", "IOTDA.014285"),
    ]
    assert answer.accepted.tolist() == [4, 1]


def test_stop__takes_what_is_live(mixed):
    """Stop by name acts on Processing and FailWaitRetry, and not on what has ended."""
    stage, task = mixed
    answer = stage.service.stop_batch_task(task.task_id, np.array([0, 1, 2, 3]))

    assert answer.accepted.tolist() == [2, 3]
    assert task.status is TaskState.PROCESSING
    assert task.statuses().tolist() == [2, 3, 5, 5, 5]


def test_call__an_empty_list_acts_on_nobody(mixed):
    """`{"targets": []}` is not `{}`: it names nobody and is answered with nothing."""
    stage, task = mixed
    answer = stage.service.retry_batch_task(task.task_id, [])

    assert (answer.http_status, answer.results, answer.accepted.tolist()) == (200, [], [])
    assert stage.service.calls[-1].body == "targets"


@pytest.mark.parametrize(
    ("call", "ended", "code"),
    [
        (Call.RETRY, S, "IOTDA.014218"),
        (Call.STOP, S, "IOTDA.014281"),
        (Call.STOP, F, "IOTDA.014281"),
        (Call.CONFIRM, S, "IOTDA.014282"),
        (Call.DELETE, None, "IOTDA.014283"),
    ],
)
def test_call__refused_by_the_tasks_state(make_stage, call, ended, code):
    """A refused call is an answer with the code of that call; nothing changes, the ledger has it."""
    stage = make_stage()
    task = stage.create([0, 1])
    if ended is not None:
        stage.finish([0, 1], ended)
    before = task.status
    answer = getattr(stage.service, f"{call.value}_batch_task")(task.task_id)

    assert not answer.is_ok
    assert (answer.http_status, answer.error.code, answer.results) == (400, code, [])
    assert task.status is before
    record = stage.service.calls[-1]
    assert (record.call, record.error_code, record.http_status) == (call.value, code, 400)
    assert len(record.accepted) == 0
    with pytest.raises(ApiError, match=code):
        answer.raise_for_refusal()


def test_call__too_many_targets_comes_before_the_task(mixed):
    """The body is checked before the task is looked for, or at."""
    stage, task = mixed
    for task_id in (task.task_id, UNKNOWN):
        answer = stage.service.retry_batch_task(task_id, np.arange(7))
        assert (answer.http_status, answer.error.code) == (400, "IOTDA.000006")


@pytest.mark.parametrize("call", list(Call))
def test_call__upon_an_unknown_task(make_stage, call):
    """A task that isn't there is 404 for every call, and for the query."""
    stage = make_stage()
    answer = getattr(stage.service, f"{call.value}_batch_task")(UNKNOWN)

    assert answer.http_status == 404
    assert stage.service.calls[-1].task_id == UNKNOWN
    with pytest.raises(ApiError, match="404"):
        stage.service.show_batch_task(UNKNOWN)


def test_delete__takes_a_finished_task_out_of_the_service(make_stage):
    """A deleted task is gone for calls and queries, what became of its devices is not."""
    stage = make_stage()
    task = stage.create([0])
    stage.finish([0], S)
    answer = stage.service.delete_batch_task(task.task_id)

    assert (answer.http_status, answer.results) == (204, [])
    assert task.is_deleted
    assert stage.service.tasks == [task]
    assert stage.service.list_batch_tasks().tasks == ()
    assert stage.service.retry_batch_task(task.task_id).http_status == 404
    assert stage.fleet.status[0] == S


def test_refills__only_if_asked_for(make_stage):
    """A retry call refills the automatic budget of its targets if the scenario says so, else not."""
    for refills, refilled in ((False, []), (True, [1])):
        stage = make_stage(refills=refills)
        task = stage.create([0, 1])
        stage.finish([1], F)
        stage.service.retry_batch_task(task.task_id)
        assert stage.fleet.refilled == refilled


def test_ledger__keeps_who_called_when_and_the_answer(mixed):
    """A record holds the time, the caller, the form of the body, who was taken and who was not."""
    stage, task = mixed
    service = stage.service

    def night_shift():
        yield stage.env.timeout(10)
        service.retry_batch_task(task.task_id, ["a-0000001", "nobody"])

    stage.env.process(night_shift())
    stage.env.run(until=50)
    service.stop_batch_task(task.task_id, caller="me")
    service.retry_batch_task(task.task_id)

    first, second, third = service.calls
    assert (first.caller, first.call, first.body, first.task_id) == (
        "night_shift",
        "retry",
        "targets",
        task.task_id,
    )
    assert first.accepted.tolist() == [1]
    assert [(r.target, r.error_code) for r in first.refused] == [("nobody", "IOTDA.014219")]
    assert (second.time_s, second.caller, second.body, second.http_status) == (50.0, "me", "{}", 200)
    assert (third.caller, third.http_status) == ("api", 400)


def test_retry__between_the_end_of_a_task_and_its_notice(make_stage):
    """A call that comes in the instant of the end is judged by the state it meets, and the task goes on."""
    stage = make_stage()
    task = stage.create([0])
    stage.fleet.finish(np.array([0]), F)
    assert task.status is TaskState.PROCESSING
    assert stage.service.retry_batch_task(task.task_id).accepted.tolist() == [0]
    stage.settle()
    assert task.status is TaskState.PROCESSING
    stage.finish([0], S)

    assert task.status is TaskState.SUCCESS


# --- a device in a second task ------------------------------------------------------------------


def test_conflict__a_device_pending_elsewhere_fails_in_the_new_task(make_stage):
    """A target that another task is busy with is a failed subtask with the vendor's text."""
    stage = make_stage()
    stage.create([0, 1])
    task = stage.create([1, 2])

    assert task.statuses().tolist() == [F, SubtaskState.PROCESSING]
    (detail,) = stage.service.show_batch_task(task.task_id, target="a-0000001").details
    assert (detail.status, detail.error_code, detail.error_msg) == ("Fail", "IOTDA.014286", "Task Conflict")
    stage.finish([2], S)
    assert (task.status, task.progress()["fail"]) == (TaskState.PARTIAL_SUCCESS, 1)


def test_conflict__a_task_of_busy_devices_only_fails_at_once(make_stage):
    """If every target is busy elsewhere the task ends as `Fail` in the instant of its creation."""
    stage = make_stage()
    stage.create([0, 1])
    task = stage.create([0, 1])

    assert (task.status, task.settled_s, task.started_s) == (TaskState.FAIL, 1.0, None)


def test_conflict__a_whole_stop_of_such_a_task_ends_too(make_stage):
    """Stopped in the instant of its creation, a task of busy devices only is `Stopped`."""
    stage = make_stage()
    stage.create([0])
    task = stage.service.create_batch_task(TaskRequest("t"), np.array([0]))
    stage.service.stop_batch_task(task.task_id)
    stage.settle()

    assert task.status is TaskState.STOPPED


def test_conflict__retry_is_refused_while_the_device_is_busy(make_stage):
    """A conflict is answered per target as long as it lasts; afterwards the device joins the task."""
    stage = make_stage()
    first = stage.create([0, 1])
    task = stage.create([1, 2])
    stage.finish([2], F)
    answer = stage.service.retry_batch_task(task.task_id)
    assert codes_of(answer) == {"a-0000002": "ok", "a-0000001": "IOTDA.014286"}
    assert answer.accepted.tolist() == [2]

    stage.finish([1], S)
    stage.settle()
    answer = stage.service.retry_batch_task(task.task_id, ["a-0000001"])
    assert answer.accepted.tolist() == [1]
    stage.settle()
    assert task.statuses().tolist() == [SubtaskState.PROCESSING] * 2
    assert first.statuses().tolist() == [SubtaskState.PROCESSING, S]
    stage.finish([1, 2], S)
    assert task.status is TaskState.SUCCESS


def test_second_task__the_first_one_remembers_how_it_ended(make_stage):
    """A device may be upgraded again by a later task; what the earlier task shows stays."""
    stage = make_stage()
    first = stage.create([0, 1, 2])
    stage.finish([0, 1], S)
    stage.finish([2], F, reason=10)
    second = stage.create([1, 2, 3])
    assert first.status is TaskState.PARTIAL_SUCCESS
    assert first.statuses().tolist() == [S, S, F]
    assert first.reasons().tolist() == [0, 0, 10]
    assert second.statuses().tolist() == [SubtaskState.PROCESSING] * 3

    busy = stage.service.retry_batch_task(first.task_id)
    assert codes_of(busy) == {"a-0000002": "IOTDA.014286"}
    assert first.status is TaskState.PARTIAL_SUCCESS
    stage.finish([1, 2, 3], S)
    assert second.status is TaskState.SUCCESS
    stage.service.retry_batch_task(first.task_id)
    stage.settle()
    assert first.statuses().tolist() == [S, S, SubtaskState.PROCESSING]
    assert second.statuses().tolist() == [S, S, S]
    stage.finish([2], F)
    assert first.status is TaskState.PARTIAL_SUCCESS


def test_order__targets_are_answered_and_acted_upon_as_they_were_named(make_stage):
    """A task keeps the order in which its creator named the targets, a call that of its own list."""
    stage = make_stage()
    task = stage.create([5, 2, 7, 2, 1])
    stage.finish(task.devices, F, reason=2)

    assert (task.devices.tolist(), task.order.tolist()) == ([1, 2, 5, 7], [5, 2, 7, 1])
    assert task.in_order(np.array([0, 2, 3])).tolist() == [2, 3, 0]
    named = stage.service.retry_batch_task(task.task_id, np.array([7, 1]))
    assert named.accepted.tolist() == [7, 1]
    stage.finish(task.devices, F, reason=2)
    everybody = stage.service.retry_batch_task(task.task_id)
    assert everybody.accepted.tolist() == [5, 2, 7, 1]
    assert [result.target for result in everybody.results] == [f"a-000000{k}" for k in (5, 2, 7, 1)]
