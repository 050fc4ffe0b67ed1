"""What devices run and who is dead: both planes say the same at every moment."""

import itertools

import pytest

from sim.emulator.devices.memories import Memory, memories_of
from sim.emulator.journal.commands import CallTask
from sim.emulator.schemas import CreateBatchTask, CreateOtaPackage
from sim.emulator.world import World
from sim.fleet.reference import SimpyFleet
from sim.fleet.spec import TICKS_PER_S
from sim.rules import Call
from support.emulator import PACKAGE_ID, scenario_of

FAILURES = [
    {"stage": "install", "code": 10, "probability": "20 %", "leaves": "dead"},
    {"stage": "install", "silent": True, "probability": "10 %", "leaves": "dead"},
    {"stage": "reboot", "silent": True, "probability": "30 %", "leaves": "new"},
    {"stage": "download", "code": 2, "probability": "20 %"},
]
FLEET = {
    "cohorts": [
        {
            "name": "all",
            "devices": 200,
            "already_current": "30 %",
            "online": {"fraction": "70 %", "mean_offline": "10 min"},
            "failures": FAILURES,
        }
    ]
}
LIMITED = {"max_processing": 40, "bandwidth": "1 MB/s"}


def create(world, task_type="firmwareUpgrade", package_id=PACKAGE_ID):
    """Create a task for everybody and return it."""
    body = {
        "task_name": "t",
        "task_type": task_type,
        "targets_filter": {"group_ids": ["all"]},
        "document": {"package_ids": [package_id]},
        "task_policy": {"retry_count": 1, "retry_interval": 5},
    }
    return world.create_task(CreateBatchTask.model_validate(body))


def package(world, version, package_type="firmwarePackage"):
    """Create a package and return its id."""
    body = {
        "app_id": "default",
        "package_type": package_type,
        "product_id": "all",
        "version": version,
        "file_location": {
            "obs_location": {"region_name": "r", "bucket_name": "bucket", "object_key": "k"},
        },
    }
    return world.packages.create(CreateOtaPackage.model_validate(body), world.now_s).package_id


def campaign(world):
    """Yield again and again while three tasks and their retries go on."""

    def pass_by(seconds, step):
        for _ in range(seconds // step):
            world.advance_to(world.now_ticks + step * TICKS_PER_S)
            yield

    create(world)
    yield from pass_by(3600, 60)
    yield from pass_by(3 * 86_400, 21_600)
    task = create(world, "softwareUpgrade", package(world, "s-7", "softwarePackage"))
    yield from pass_by(1800, 60)
    CallTask(Call.STOP, task.task_id).act(world)
    yield from pass_by(60, 60)
    task = create(world, package_id=package(world, "3.0"))
    yield from pass_by(1800, 60)
    yield from pass_by(4 * 86_400, 43_200)
    CallTask(Call.RETRY, task.task_id).act(world)
    yield from pass_by(3600, 300)


@pytest.mark.parametrize("platform", [{}, LIMITED])
def test_memories__are_the_same_on_both_planes(platform):
    """Minute by minute, through failures that leave devices new or dead, stops, retries, versions."""
    sections = {"fleet": FLEET, "platform": platform}
    compiled = World(scenario_of(**sections))
    readable = World(scenario_of(**sections), make_fleet=SimpyFleet)
    seen = set()
    for _ in itertools.zip_longest(campaign(compiled), campaign(readable)):
        memories = memories_of(compiled.fleet, range(200))
        assert memories == memories_of(readable.fleet, range(200))
        seen.update(memories)

    assert seen >= {
        Memory((-1, -1), is_dead=False),
        Memory((-1, -1), is_dead=True),
        Memory((0, -1), is_dead=False),
        Memory((0, 1), is_dead=False),
        Memory((2, -1), is_dead=False),
        Memory((2, 1), is_dead=False),
    }


def test_memories__asking_changes_nothing():
    """A world that was asked all the time ends as one that never was."""
    asked, unasked = World(scenario_of(fleet=FLEET)), World(scenario_of(fleet=FLEET))
    for _ in campaign(asked):
        memories_of(asked.fleet, range(200))
    for _ in campaign(unasked):
        pass

    assert asked.digest() == unasked.digest()


def test_memories__a_version_is_there_when_it_strikes_not_when_it_is_reported():
    """A silent failure of the reboot leaves the new version: it runs from then on, long before the timer."""
    cause = {"stage": "reboot", "silent": True, "probability": 1, "leaves": "new"}
    fleet = {"cohorts": [{"name": "all", "devices": 3, "failures": [cause]}]}
    world = World(scenario_of(fleet=fleet, stages={"reboot": {"constant": "60 s"}}))
    create(world)
    world.advance_to(600 * TICKS_PER_S)

    assert {memory.runs for memory in memories_of(world.fleet, range(3))} == {(0, -1)}
    assert world.service.tasks[0].progress()["processing"] == 3
