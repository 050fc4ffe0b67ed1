"""Tests of the world: time, tasks, and what its state depends on."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.emulator.journal.commands import CallTask, CreateTask
from sim.emulator.schemas import CreateBatchTask
from sim.emulator.world import World
from sim.errors import ApiError
from sim.fleet.spec import TICKS_PER_S
from sim.rules import Call, SubtaskState, TaskState
from support.emulator import PACKAGE_ID, ids, scenario_of

MINUTE = 60 * TICKS_PER_S
HOUR = 60 * MINUTE


def body_of(groups=("flaky",), **fields):
    """Return the body of a create call."""
    return CreateBatchTask.model_validate(
        {
            "task_name": "t",
            "task_type": "firmwareUpgrade",
            "targets_filter": {"group_ids": list(groups)},
            "document": {"package_ids": [PACKAGE_ID]},
            **fields,
        }
    )


def world_with(*bodies, **sections):
    """Return a world in which tasks were just created."""
    world = World(scenario_of(**sections))
    for body in bodies:
        world.create_task(body)
        world.advance_to(world.now_ticks)
    return world


def test_create__is_in_progress_within_the_instant():
    """After a command its instant is finished: a new task runs, and time has not moved."""
    world = world_with(body_of())
    (task,) = world.service.tasks

    assert (task.state, world.now_ticks) == (TaskState.PROCESSING, 0)


def test_advance__ends_at_exactly_the_tick():
    """Time stands where it was told to, on the control plane's clock and on the devices'."""
    world = world_with(body_of())
    world.advance_to(12_345_678)

    assert (world.now_ticks, world.fleet.now_ticks, world.now_s) == (12_345_678, 12_345_678, 12.345678)


def test_stop__whole_task_is_stopped_within_the_instant():
    """A stopped task passes through `Stopping` and can be deleted without letting time pass."""
    world = world_with(body_of())
    (task,) = world.service.tasks
    CallTask(Call.STOP, task.task_id).act(world)
    assert task.state is TaskState.STOPPING
    world.advance_to(world.now_ticks)

    assert (task.state, world.now_ticks) == (TaskState.STOPPED, 0)


def test_until_settled__stands_at_the_end_of_the_task():
    """The clock stops at the tick of the last end, when the task is over."""
    world = world_with(body_of(["good"]))
    (task,) = world.service.tasks

    assert world.run_until_settled(task.task_id)
    assert (task.state, world.now_ticks) == (TaskState.SUCCESS, 62 * TICKS_PER_S)
    assert world.fleet.records().end.max() == world.now_ticks


def test_until_settled__a_task_that_is_over_takes_no_time():
    """What has happened already is not waited for."""
    world = world_with(body_of(["good"]))
    world.advance_to(HOUR)

    assert world.run_until_settled(world.service.tasks[0].task_id)
    assert world.now_ticks == HOUR


def test_until_settled__an_unconfirmed_task_is_not_waited_for():
    """A task that needs a call takes no time at all, and the answer says so."""
    world = world_with(body_of(["good"], need_confirm=True))

    assert not world.run_until_settled(world.service.tasks[0].task_id)
    assert world.now_ticks == 0


def test_until_settled__gives_up_soon_after_the_last_confirmed_target():
    """With some targets unconfirmed, time runs until the others have ended, and not to its end."""
    world = world_with(body_of(["good"], need_confirm=True))
    (task,) = world.service.tasks
    CallTask(Call.CONFIRM, task.task_id, ("good-0000001",)).act(world)

    assert not world.run_until_settled(task.task_id)
    assert task.progress()["success"] == 1
    assert world.now_ticks <= 2 * HOUR


def test_until_settled__a_scheduled_task_is_waited_for():
    """The start of a task in the future is something that happens without a call."""
    world = world_with(body_of(["good"], task_policy={"schedule_time": "20260106T000000Z"}))

    assert world.run_until_settled(world.service.tasks[0].task_id)
    assert world.now_ticks == 24 * HOUR + 62 * TICKS_PER_S


def test_until_settled__gives_up_at_the_limit():
    """A limit holds, wherever the devices are."""
    world = world_with(body_of(["flaky"]))

    assert not world.run_until_settled(world.service.tasks[0].task_id, limit_ticks=MINUTE)
    assert world.now_ticks == MINUTE


def test_next_event__is_the_next_end_of_a_subtask():
    """One step leads to the first failures of downloads, the next one to the ends of the others."""
    world = world_with(body_of(["good", "bad"]))
    ends = []
    while world.run_until_next_event():
        ends.append(world.now_ticks)
    records = world.fleet.records()

    assert set(np.unique(records.end[:30]).tolist()) <= set(ends)
    assert world.service.tasks[0].state.is_terminal


def test_next_event__a_scheduled_start_is_one():
    """The start of a task is an event, though no subtask ends."""
    world = world_with(body_of(["good"], task_policy={"schedule_time": "20260105T010000Z"}))

    assert world.run_until_next_event()
    assert world.now_ticks == HOUR
    assert world.service.tasks[0].state is TaskState.PROCESSING


def test_next_event__nothing_left_takes_no_time():
    """When nothing can happen, nothing is waited for."""
    world = world_with()

    assert not world.run_until_next_event()
    assert world.now_ticks == 0


def test_second_task__takes_devices_over_and_the_first_keeps_its_results():
    """A device may be upgraded again; the task before goes on showing how it ended there."""
    world = world_with(body_of(["good"]))
    world.advance_to(HOUR)
    first = world.service.tasks[0]
    world.create_task(body_of(["good"]))
    world.advance_to(HOUR)
    second = world.service.tasks[1]
    assert (first.progress()["success"], second.progress()["waitting"]) == (20, 20)
    world.advance_to(2 * HOUR)

    assert (first.progress()["success"], second.progress()["success"]) == (20, 20)
    assert second.settled_s == 3602.0  # they run the version already


def test_second_task__of_a_busy_device_conflicts():
    """A device that is still at work in one task fails in another with `Task Conflict`."""
    world = world_with(body_of(["good"]), body_of(["good", "bad"]))
    view = world.service.show_batch_task(world.service.tasks[1].task_id, target="good-0000003")

    assert view.details[0].error_msg == "Task Conflict"
    assert world.service.tasks[1].progress()["fail"] == 20


@pytest.mark.parametrize("task_id", ["", "1", "f" * 24, "0" * 24, f"{2:024x}"])
def test_task__that_does_not_exist(task_id):
    """Any id but that of a task is the documented 404."""
    with pytest.raises(ApiError) as refusal:
        world_with(body_of()).service.task(task_id)

    assert refusal.value.status == 404


def test_counts_by_cohort__are_those_of_the_devices():
    """Each cohort's devices are counted once: by state, or as those of no task."""
    world = world_with(body_of(["bad"]))
    world.advance_to(HOUR)
    counts = world.counts_by_cohort()

    assert {name: sum(row) for name, row in counts.items()} == {"good": 20, "bad": 10, "flaky": 170}
    assert counts["bad"][SubtaskState.FAIL] == 10
    assert counts["good"][-1] == 20
    assert world.cohorts_of(np.array([0, 25, 199], np.int32)).tolist() == [0, 1, 2]


def test_digest__tells_states_apart():
    """Time, tasks, packages and devices all count; equal histories have equal digests."""
    policy = {"retry_count": 1, "retry_interval": 5}
    seen = {
        world_with().digest(),
        world_with(body_of()).digest(),
        world_with(body_of(task_policy=policy)).digest(),
        World(scenario_of(), seed=5).digest(),
    }
    later = world_with(body_of())
    later.advance_to(MINUTE)
    fewer = world_with()
    fewer.packages.delete(PACKAGE_ID)

    assert len({*seen, later.digest(), fewer.digest()}) == 5  # the seed shows only once something is drawn
    assert world_with(body_of()).digest() == world_with(body_of()).digest()


@given(st.lists(st.integers(0, 8 * HOUR), max_size=8), st.data())
def test_looking__changes_nothing(stops, data):
    """Wherever one stops to look in between, the same commands lead to the same state."""
    commands = [
        (0, CreateTask(body_of(["flaky", "good"], task_policy={"retry_count": 2, "retry_interval": 7}))),
        (HOUR // 7, CallTask(Call.STOP, f"{1:024x}", ("flaky-0000003", "good-0000002"))),
        (HOUR, CallTask(Call.RETRY, f"{1:024x}")),
        (2 * HOUR, CallTask(Call.STOP, f"{1:024x}")),
        (2 * HOUR, CreateTask(body_of(["flaky"]))),
    ]

    def play(*, looks):
        world = World(scenario_of())
        todo = sorted([*commands, *((tick, None) for tick in looks)], key=lambda item: item[0])
        for tick, command in todo:
            world.advance_to(tick)
            if command is not None:
                command.act(world)
                world.advance_to(tick)
            elif data.draw(st.booleans()):
                world.service.show_batch_task(f"{1:024x}")
        world.advance_to(30 * HOUR)
        return world.digest()

    looks = [stop for stop in stops if stop > 0]
    assert play(looks=looks) == play(looks=[])


def test_digest__tells_versions_apart_that_are_still_to_be_installed():
    """Two worlds that will go on differently differ, although all their devices stand alike."""
    digests = []
    for version in ("2.0", "3.0", "4.0"):
        world = World(scenario_of())
        body = body_of(["good"])
        task = world.service.create_batch_task(
            world.request_of(body, version), ids("good", 0, 1), caller="api"
        )
        world.bodies[task.task_id] = body
        digests.append(world.digest())

    assert len(set(digests)) == 3


def test_windows__open_as_long_as_the_world_lasts():
    """Three years after the end of the scenario's run devices still wait for the night, by local time."""
    window = {"opens": "02:00", "closes": "05:00", "zone": "Europe/Berlin"}
    fleet = {"cohorts": [{"name": "good", "devices": 20, "window": window}]}
    world = World(scenario_of(fleet=fleet, run={"start": "2026-01-05T00:00:00Z"}))
    opens = (3 * 365 + 180) * 24 * HOUR  # midnight UTC in summer
    world.advance_to(opens - 12 * HOUR)
    world.create_task(body_of(("good",)))
    world.advance_to(opens + 62_000_000 - 1)
    (task,) = world.service.tasks
    assert task.progress()["processing"] == 20
    world.advance_to(opens + 62_000_000)
    assert task.progress()["success"] == 20
