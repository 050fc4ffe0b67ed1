"""Tests of kept states: a start that goes on from one is no different from one that replays everything."""

import asyncio
import contextlib
import random

import numpy as np
import pytest

from sim.emulator.clock import VirtualClock
from sim.emulator.journal.commands import CallTask, CreateTask, decode
from sim.emulator.schemas import CreateBatchTask
from sim.emulator.snapshot import FILE_NAME, Snapshot, take
from sim.emulator.world import LAST_TICK, World
from sim.errors import ApiError, ModelError
from sim.fleet.spec import TICKS_PER_S
from sim.rules import Call
from support.emulator import PACKAGE_ID, ids, scenario_of

FLEETS = {
    "free": {},
    "shared": {
        "platform": {"bandwidth": "4 Mbit/s", "dispatch_rate": "3 /s", "max_downloads": 20},
        "stages": {"query": {"constant": "2 s"}, "install": {"lognormal": {"median": "60 s", "sigma": 0.4}}},
    },
    "outage": {
        "outages": [{"at": "100 s", "lasts": "200 s", "effect": {"bandwidth": 0}}],
        "platform": {"bandwidth": "9 Mbit/s", "max_processing": 50},
    },
}


def command_of(rng, n_tasks):
    """Return some command."""
    task_id = f"{rng.randint(max(1, n_tasks - 3), max(n_tasks, 1)):024x}"
    if n_tasks == 0 or rng.random() < 0.3:
        body = {
            "task_name": f"t{n_tasks}",
            "task_type": "firmwareUpgrade",
            "targets": sorted({*rng.sample(ids("flaky", *range(170)), 30), *ids("good", rng.randrange(20))}),
            "need_confirm": rng.random() < 0.2,
            "document": {"package_ids": [PACKAGE_ID]},
            "task_policy": {"retry_count": rng.randint(0, 2), "retry_interval": rng.randint(1, 5)},
        }
        return CreateTask(CreateBatchTask.model_validate(body))
    call = rng.choice([Call.RETRY, Call.STOP, Call.STOP, Call.CONFIRM, Call.DELETE])
    named = rng.random() < 0.7 and call is not Call.DELETE
    return CallTask(call, task_id, tuple(rng.sample(ids("flaky", *range(170)), 9)) if named else None)


def play(rng, worlds, count):
    """Play the same commands upon worlds, which answer all the same."""
    for _ in range(count):
        wait = rng.choice([0, 1, TICKS_PER_S, 90 * TICKS_PER_S, 1_234_567_891])
        command = command_of(rng, len(worlds[0].service.tasks))
        tick = worlds[0].now_ticks + wait
        answers = []
        for world in worlds:
            world.advance_to(tick)
            try:
                answers.append(command.outcome(command.act(world)))
            except ApiError as error:
                answers.append(error.code)
            world.advance_to(tick)
            world.service.calls.clear()
        assert len(set(answers)) == 1


@pytest.mark.parametrize("fleet", FLEETS)
@pytest.mark.parametrize("seed", range(4))
def test_restored__goes_on_as_if_it_had_never_stopped(tmp_path, fleet, seed):
    """Every later answer, and the state in the end, are those of the world that was kept."""
    rng = random.Random(f"{fleet} {seed}")
    scenario = scenario_of(**FLEETS[fleet])
    first = World(scenario)
    play(rng, [first], 25)
    assert take(first, tmp_path, n_commands=25, chain=b"c" * 16)
    second = World(scenario)
    snapshot = Snapshot.read(tmp_path)
    snapshot.restore(second)

    assert (snapshot.n_commands, snapshot.chain) == (25, b"c" * 16)
    play(rng, [first, second], 25)
    for world in (first, second):
        world.advance_to(world.now_ticks + 40 * 3600 * TICKS_PER_S)
    assert first.digest() == second.digest()
    assert first.packages.state() == second.packages.state()
    for task_id in [task.task_id for task in first.service.tasks if not task.is_deleted]:
        assert first.service.show_batch_task(task_id).task.progress() == (
            second.service.show_batch_task(task_id).task.progress()
        )


def test_take__not_while_a_task_waits_for_its_time(tmp_path):
    """A scheduled start is nothing that is kept; the state is when it is over."""
    world = World(scenario_of())
    start = world.calendar.wire(3600.0)
    body = {
        "task_name": "t",
        "task_type": "firmwareUpgrade",
        "targets": ids("good", 1),
        "document": {"package_ids": [PACKAGE_ID]},
        "task_policy": {"schedule_time": start},
    }
    CreateTask(CreateBatchTask.model_validate(body)).act(world)
    world.advance_to(0)

    assert not take(world, tmp_path, n_commands=1, chain=bytes(16))
    world.advance_to(3600 * TICKS_PER_S)
    assert take(world, tmp_path, n_commands=1, chain=bytes(16))


def live(session, count):
    """Do something in a session."""
    rng = random.Random(3)
    for _ in range(count):
        with contextlib.suppress(ApiError):
            session.execute(command_of(rng, len(session.world.service.tasks)))
        session.advance_to(session.world.now_ticks + rng.choice([TICKS_PER_S, 200 * TICKS_PER_S]))


@pytest.fixture
def keeping(monkeypatch):
    """Let every session keep its state at its end."""
    monkeypatch.setattr("sim.emulator.session._KEEP_AT_END_S", 0.0)


def test_session__resumes_from_the_kept_state(make_session, tmp_path, keeping, monkeypatch):
    """The commands before it are not carried out again; those after it are."""
    session = make_session()
    live(session, 30)
    digest, count = session.world.digest(), session.n_commands
    session.close()
    lived = []
    monkeypatch.setattr("sim.emulator.session.decode", lambda *row: lived.append(row) or decode(*row))
    again = make_session(folder=tmp_path / "state0")

    assert (again.world.digest(), again.n_commands, lived) == (digest, count, [])
    monkeypatch.setattr("sim.emulator.session._KEEP_AT_END_S", 1e9)
    live(again, 5)
    digest, more = again.world.digest(), again.n_commands - count
    again.close()
    third = make_session(folder=tmp_path / "state0")

    assert (third.world.digest(), len(lived)) == (digest, more)
    third.close()


@pytest.mark.parametrize("speed", [None, 1000.0])
def test_served__keeps_the_state_while_others_call_and_time_runs(make_session, tmp_path, monkeypatch, speed):
    """Whether or not the clock runs and others are calling, a killed server leaves a kept state."""
    monkeypatch.setattr("sim.emulator.session._KEEP_AFTER_S", 0.0)
    monkeypatch.setattr("sim.emulator.session._KEEP_SHARE", 0)
    mode = "manual" if speed is None else "real"
    session = make_session(clock=VirtualClock(mode, speed=speed or 1.0, limit_ticks=LAST_TICK))

    async def call(number):
        body = {
            "task_name": "t",
            "task_type": "firmwareUpgrade",
            "targets": ids("flaky", number),
            "document": {"package_ids": [PACKAGE_ID]},
        }
        session.look()
        session.execute(CreateTask(CreateBatchTask.model_validate(body)))
        await session.flushed()

    async def run():
        async with session.served():
            for first in range(0, 40, 4):
                await asyncio.gather(*(call(first + number) for number in range(4)))
            return Snapshot.read(tmp_path / "state0")

    kept = asyncio.run(run())
    again = make_session(folder=tmp_path / "state0")

    assert 30 < kept.n_commands <= 40
    assert again.n_commands >= 40
    again.close()


DAMAGES = {
    "gone": lambda path: path.unlink(),
    "cut": lambda path: path.write_bytes(path.read_bytes()[:2000]),
    "of something else": lambda path: path.write_bytes(b"x" * 5000),
    "a bit": lambda path: path.write_bytes(path.read_bytes()[:-3000] + b"\x55" + path.read_bytes()[-2999:]),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_session__without_a_usable_state_replays_everything(make_session, tmp_path, keeping, damage):
    """Whatever happens to that file, the journal is what counts."""
    session = make_session()
    live(session, 20)
    digest = session.world.digest()
    session.close()
    path = tmp_path / "state0" / FILE_NAME
    assert path.stat().st_mode & 0o777 == 0o600
    DAMAGES[damage](path)
    again = make_session(folder=tmp_path / "state0")

    assert again.world.digest() == digest
    again.close()


def test_session__a_kept_state_of_before_a_reset_plays_no_part(make_session, tmp_path, keeping):
    """After a reset there are other commands under the same numbers; the chain tells them apart."""
    session = make_session()
    live(session, 5)
    session.close()
    kept = (tmp_path / "state0" / FILE_NAME).read_bytes()
    session = make_session(folder=tmp_path / "state0")
    session.reset()
    for _ in range(40):
        session.advance_to(session.world.now_ticks + TICKS_PER_S)
    session.close()
    (tmp_path / "state0" / FILE_NAME).write_bytes(kept)
    again = make_session(folder=tmp_path / "state0")

    assert (again.n_commands, again.world.service.tasks) == (40, [])
    again.close()


def test_restore__of_another_fleet_is_refused(tmp_path):
    """Arrays that don't fit are no state of this world."""
    first = World(scenario_of())
    play(random.Random(1), [first], 3)
    take(first, tmp_path, n_commands=3, chain=bytes(16))
    other = World(scenario_of(fleet={"cohorts": [{"name": "flaky", "devices": 170}]}))
    with pytest.raises(ModelError, match="an array of the state"):
        Snapshot.read(tmp_path).restore(other)


def test_read__runs_nothing(tmp_path):
    """A file with pickled objects in it is none of ours."""
    np.savez(tmp_path / FILE_NAME, about=np.array([object()], dtype=object), allow_pickle=True)
    (tmp_path / f"{FILE_NAME}.npz").rename(tmp_path / FILE_NAME)

    assert Snapshot.read(tmp_path) is None


def test_restored__knows_the_versions_that_devices_run(tmp_path):
    """A version that a package since deleted has brought is known again, by device and by name."""
    world, restored = World(scenario_of()), World(scenario_of())
    fields = world.packages.get(PACKAGE_ID).fields.model_copy(update={"version": "3.0"})
    package = world.packages.create(fields, 0.0)

    def upgrade(world, package_id):
        body = CreateBatchTask.model_validate(
            {
                "task_name": "t",
                "task_type": "firmwareUpgrade",
                "targets": ids("good", 0, 1, 2),
                "document": {"package_ids": [package_id]},
            }
        )
        began = world.now_ticks
        assert world.run_until_settled(world.create_task(body).task_id)
        return (world.now_ticks - began) / TICKS_PER_S

    assert upgrade(world, package.package_id) == 62.0
    world.packages.delete(package.package_id)
    take(world, tmp_path, n_commands=1, chain=b"")
    Snapshot.read(tmp_path).restore(restored)
    for each in (world, restored):
        again = each.packages.create(fields, each.now_s).package_id
        assert [upgrade(each, one) for one in (again, PACKAGE_ID, again)] == [2.0, 62.0, 62.0]

    assert world.digest() == restored.digest()
