"""Tests of lists and pages."""

import numpy as np
import pytest

from sim.campaign import Paging
from sim.errors import ApiError
from sim.rules import SubtaskState, TaskState, TaskType


@pytest.fixture
def listed(make_stage):
    """Return a stage with twelve tasks of one target each; the even ones have succeeded."""
    stage = make_stage(12)
    tasks = [
        stage.create(
            [i],
            app_id="x" if i < 4 else "y",
            task_type=TaskType.SOFTWARE_UPGRADE if i == 3 else TaskType.FIRMWARE_UPGRADE,
        )
        for i in range(12)
    ]
    stage.finish(list(range(0, 12, 2)), SubtaskState.SUCCESS)
    return stage.service, tasks


def test_list__newest_first_ten_a_page(listed):
    """Without paging the ten newest come, with the total and the marker of the last one."""
    service, tasks = listed
    page = service.list_batch_tasks()

    assert page.tasks == tuple(reversed(tasks[2:]))
    assert (page.count, page.marker) == (12, tasks[2].task_id)


def test_list__the_marker_leads_to_the_next_page(listed):
    """Pages by marker show every task once, and the total stays what it was."""
    service, tasks = listed
    seen, marker = [], None
    for _ in range(4):
        page = service.list_batch_tasks(paging=Paging(limit=5, marker=marker))
        assert page.count == 12
        seen += page.tasks
        marker = page.marker

    assert seen == tasks[::-1]
    assert marker is None


def test_list__offset_skips_after_the_marker(listed):
    """The offset counts from the marker on."""
    service, tasks = listed
    page = service.list_batch_tasks(paging=Paging(limit=2, marker=tasks[9].task_id, offset=3))

    assert page.tasks == (tasks[5], tasks[4])


def test_list__filters(listed):
    """Resource space, type and state narrow the list and its total."""
    service, tasks = listed

    assert service.list_batch_tasks(task_type=TaskType.SOFTWARE_UPGRADE).tasks == (tasks[3],)
    assert service.list_batch_tasks(app_id="x").count == 4
    assert service.list_batch_tasks(status=TaskState.SUCCESS, app_id="x").tasks == (tasks[2], tasks[0])


@pytest.mark.parametrize(
    ("paging", "code"),
    [
        (Paging(limit=0), "IOTDA.000017"),
        (Paging(limit=51), "IOTDA.000017"),
        (Paging(marker="xyz"), "IOTDA.000018"),
        (Paging(marker="F" * 24), "IOTDA.000018"),
        (Paging(offset=-1), "IOTDA.000006"),
        (Paging(offset=501), "IOTDA.000006"),
    ],
)
def test_paging__out_of_bounds_is_refused(listed, paging, code):
    """Each field has its bounds and its code, in both queries."""
    service, tasks = listed
    with pytest.raises(ApiError, match=code):
        service.list_batch_tasks(paging=paging)
    with pytest.raises(ApiError, match=code):
        service.show_batch_task(tasks[0].task_id, paging=paging)


@pytest.fixture
def shown(make_stage):
    """Return a stage and a task of 8 of its 20 devices: 2 failed by code, 1 by a timer, 5 running."""
    stage = make_stage(20)
    task = stage.create(np.arange(0, 16, 2))
    stage.finish([2, 6], SubtaskState.FAIL, reason=10)
    stage.finish([4], SubtaskState.FAIL_WAIT_RETRY, reason=1000)
    return stage, task


def test_show__details_say_what_happened(shown):
    """A failed subtask shows the device's code and its meaning, or the platform's text without a code."""
    stage, task = shown
    view = stage.service.show_batch_task(task.task_id)
    by_target = {detail.target: detail for detail in view.details}

    assert view.count == 8
    assert by_target["a-0000002"].error_code == "10"
    assert by_target["a-0000002"].error_msg == "Upgrade package installation failure"
    timed_out = by_target["a-0000004"]
    assert (timed_out.status, timed_out.error_code) == ("FailWaitRetry", None)
    assert timed_out.error_msg == "Waiting for the device online timeout"
    assert by_target["a-0000000"].error_msg is None


def test_show__an_old_failure_is_not_shown_once_it_is_retried(shown):
    """A subtask that runs again has no error, although the device's last attempt failed."""
    stage, task = shown
    stage.service.retry_batch_task(task.task_id, ["a-0000002"])
    stage.settle()
    (detail,) = stage.service.show_batch_task(task.task_id, target="a-0000002").details

    assert (detail.status, detail.error_code, detail.error_msg) == ("Processing", None, None)


def test_show__filters_and_pages_the_details(shown):
    """State, target and paging act upon the details, newest record first."""
    stage, task = shown
    show = stage.service.show_batch_task

    failed = show(task.task_id, task_detail_status=SubtaskState.FAIL)
    assert [detail.target for detail in failed.details] == ["a-0000006", "a-0000002"]
    assert show(task.task_id, target="a-0000001").details == ()
    assert show(task.task_id, target="nobody").count == 0
    seen, marker = [], None
    for _ in range(4):
        view = show(task.task_id, paging=Paging(limit=3, marker=marker))
        assert view.count == 8
        seen += [detail.target for detail in view.details]
        marker = view.marker
    assert seen == [f"a-{i:07d}" for i in range(14, -1, -2)]
    assert marker is None


def test_show__the_marker_of_another_task_is_refused(shown):
    """Only a marker that the task gave out, or the newest of all, leads to a page of it."""
    stage, task = shown
    newer = stage.create([1])
    of_newer = stage.service.show_batch_task(newer.task_id).marker
    of_older = stage.service.show_batch_task(task.task_id, paging=Paging(limit=8)).marker
    beyond = f"{int(of_older, 16) + 8:024x}"
    pairs = [(task, of_newer), (newer, of_older), (task, beyond), (task, "0" * 24)]
    for asked, marker in pairs:
        with pytest.raises(ApiError, match=r"IOTDA\.000018"):
            stage.service.show_batch_task(asked.task_id, paging=Paging(marker=marker))

    assert stage.service.show_batch_task(newer.task_id, paging=Paging(marker="f" * 24)).count == 1
