"""Tests of the session: order, durability, replay, and what is done when something fails."""

import asyncio
import hashlib
import sqlite3

import pytest

from sim.emulator.clock import VirtualClock
from sim.emulator.faults import FaultSettings
from sim.emulator.journal.commands import Advance, CallTask, CreatePackage, CreateTask, DeletePackage
from sim.emulator.journal.journal import Journal
from sim.emulator.schemas import CreateBatchTask, CreateOtaPackage
from sim.emulator.world import LAST_TICK, World
from sim.errors import ApiError, ModelError, ScenarioError
from sim.fleet.spec import TICKS_PER_S
from sim.rules import Call
from sim.scenario import make_scenario
from support.emulator import PACKAGE_ID, ids, scenario_of

HOUR = 3600 * TICKS_PER_S
TASK = f"{1:024x}"
PACKAGE = CreateOtaPackage.model_validate(
    {
        "app_id": "a",
        "package_type": "firmwarePackage",
        "product_id": "p",
        "version": "3",
        "file_location": {
            "obs_location": {"region_name": "r", "bucket_name": "buc", "object_key": "k"},
        },
    }
)


def create(group="flaky", **fields):
    """Return a create command."""
    body = {
        "task_name": "t",
        "task_type": "firmwareUpgrade",
        "targets_filter": {"group_ids": [group]},
        "document": {"package_ids": [PACKAGE_ID]},
        **fields,
    }
    return CreateTask(CreateBatchTask.model_validate(body))


def live_a_little(session):
    """Do one of everything."""
    session.execute(create(task_policy={"retry_count": 1, "retry_interval": 3}))
    session.execute(create("good", targets=ids("good", 1, 2, 3), task_ext_info={"a": [1, None, "ä"]}))
    session.advance_to(HOUR // 8)
    session.execute(CallTask(Call.STOP, TASK, tuple(ids("flaky", 5, 6))))
    package = session.execute(CreatePackage(PACKAGE)).answer
    session.run_until_settled(TASK)
    session.execute(CallTask(Call.RETRY, TASK))
    session.execute(DeletePackage(package.package_id))
    session.run_until_next_event()
    session.execute(CallTask(Call.DELETE, f"{2:024x}"))
    session.execute(create("bad", need_confirm=True))
    session.execute(CallTask(Call.CONFIRM, f"{3:024x}", tuple(ids("bad", 4))))
    session.advance_to(session.world.now_ticks + HOUR)


def test_session__leads_to_what_older_journals_remember(make_session, tmp_path):
    """Journals of earlier builds stay good: the same commands have the outcomes and the digest of then."""
    session = make_session()
    live_a_little(session)
    digest = session.world.digest()
    session.close()
    journal = Journal.open(tmp_path / "state0")
    outcomes = hashlib.sha256(b"".join(entry.outcome for entry in journal.entries())).hexdigest()
    journal.close()

    assert digest == "38c63a4df0061398167ee0065aceacb26d6861f7ec94ad3bf25d02463a96f555"
    assert outcomes == "5f428bdf8b36d6118a1d4b4450dea29071487e6e5b6dcf9f13599e697b457679"


def test_replay__leads_to_the_same_state(make_session, tmp_path):
    """A session that is opened again is where it was, to the last bit and the same tick."""
    session = make_session()
    live_a_little(session)
    digest, now, commands = session.world.digest(), session.world.now_ticks, session.n_commands
    session.close()
    again = make_session(folder=tmp_path / "state0")

    assert (again.world.digest(), again.world.now_ticks, again.n_commands) == (digest, now, commands)
    assert again.clock.now_ticks() == now
    again.close()


def test_replay__of_a_real_clock_needs_no_journal_of_looks(make_session, tmp_path):
    """Looks that let a running clock's time pass are not written down, and change nothing."""

    class Wall:
        ns = 0

        def __call__(self):
            self.ns += 700_000_000
            return self.ns

    clock = VirtualClock("real", speed=30.0, limit_ticks=LAST_TICK, wall_ns=Wall())
    session = make_session(clock=clock)
    session.execute(create())
    for _ in range(20):
        session.look()
    session.execute(CallTask(Call.STOP, TASK, tuple(ids("flaky", 9))))
    for _ in range(20):
        session.look()
    session.freeze()
    digest, commands = session.world.digest(), session.n_commands
    session.close()
    again = make_session(folder=tmp_path / "state0")

    assert commands == 3
    assert again.world.digest() == digest
    again.close()


def test_close__remembers_how_far_a_running_clock_came(make_session, tmp_path):
    """After an orderly end time goes on from where the last look saw it."""
    wall = iter(range(0, 10**15, 10**9))
    clock = VirtualClock("real", limit_ticks=LAST_TICK, wall_ns=lambda: next(wall))
    session = make_session(clock=clock)
    session.execute(create())
    seen = session.look().now_ticks
    session.close()
    again = make_session(folder=tmp_path / "state0")

    assert again.world.now_ticks >= seen > 0
    again.close()


def test_execute__a_refusal_leaves_no_trace(make_session):
    """What the rules refuse is not in the journal and changes nothing."""
    session = make_session()
    session.execute(create())
    digest = session.world.digest()
    for command in (
        CallTask(Call.DELETE, TASK),
        CallTask(Call.RETRY, f"{9:024x}"),
        create(document={}),
        DeletePackage("nothing"),
    ):
        with pytest.raises(ApiError):
            session.execute(command)

    assert (session.n_commands, session.world.digest()) == (1, digest)
    session.close()


class _Broken:
    """A command that fails half-way, after it has changed something."""

    kind = "advance"

    def encode(self):
        return b"{}"

    def act(self, world):
        world.service.stop_batch_task(TASK)
        raise ModelError("half-way")


def test_execute__a_failure_half_way_is_undone(make_session):
    """A fault of ours leaves the world as the journal has it; the session goes on."""
    session = make_session()
    session.execute(create())
    digest = session.world.digest()
    with pytest.raises(ModelError, match="half-way"):
        session.execute(_Broken())

    assert (session.world.digest(), session.n_commands) == (digest, 1)
    assert session.execute(CallTask(Call.STOP, TASK)).seq == 2
    session.close()


def break_disk(session, monkeypatch):
    """Let every commit fail from now on; return what mends it."""

    def fail(self, jobs):
        raise sqlite3.OperationalError("disk I/O error")

    monkeypatch.setattr(Journal, "write", fail)
    return monkeypatch.undo


def test_execute__what_cannot_be_written_has_not_happened(make_session, monkeypatch):
    """If the disk fails, the command fails, and the state is that of the journal."""
    session = make_session()
    session.execute(create())
    digest = session.world.digest()
    mend = break_disk(session, monkeypatch)
    with pytest.raises(sqlite3.OperationalError):
        session.execute(CallTask(Call.STOP, TASK))
    assert (session.world.digest(), session.n_commands) == (digest, 1)
    mend()

    assert session.execute(CallTask(Call.STOP, TASK)).seq == 2
    session.close()


def test_served__commands_share_commits_and_all_are_there(make_session, tmp_path):
    """While one commit is under way others gather; every command is on the disk when it is answered."""
    session = make_session()
    commits = []

    async def call(name):
        done = session.execute(create(targets=ids("flaky", name)))
        await session.flushed()
        return done.seq

    async def run():
        write = Journal.write

        def counted(journal, jobs):
            commits.append(len(jobs))
            write(journal, jobs)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Journal, "write", counted)
            async with session.served():
                return await asyncio.gather(*(call(name) for name in range(30)))

    assert sorted(asyncio.run(run())) == list(range(1, 31))
    assert sum(commits) == 32  # and, at the end, two notes: the digest, and that nobody has it open
    assert len(commits) < 31
    again = make_session(folder=tmp_path / "state0")
    assert again.n_commands == 30
    again.close()


def test_served__a_lost_commit_fails_all_who_built_upon_it(make_session, monkeypatch, tmp_path):
    """When a commit fails, everybody whose command was in it or after it hears so, and it is undone."""
    session = make_session()
    session.execute(create())
    digest = session.world.digest()

    async def call(name):
        session.execute(CallTask(Call.STOP, TASK, tuple(ids("flaky", name))))
        await session.flushed()

    async def run():
        async with session.served():
            mend = break_disk(session, monkeypatch)
            results = await asyncio.gather(*(call(name) for name in range(5)), return_exceptions=True)
            mend()
            assert all(isinstance(result, sqlite3.OperationalError) for result in results)
            assert (session.world.digest(), session.n_commands) == (digest, 1)
            await call(7)

    asyncio.run(run())
    again = make_session(folder=tmp_path / "state0")
    assert again.n_commands == 2
    again.close()


def test_served__a_failure_waits_for_commits_under_way(make_session):
    """Making the world anew takes account of commands whose commit has not ended yet."""
    session = make_session()

    async def run():
        async with session.served():
            session.execute(create())
            session.execute(CallTask(Call.STOP, TASK, tuple(ids("flaky", 1))))
            digest = session.world.digest()
            with pytest.raises(ModelError):
                session.execute(_Broken())
            assert (session.world.digest(), session.n_commands) == (digest, 2)
            await session.flushed()

    asyncio.run(run())


def test_reset__begins_anew_on_the_disk_too(make_session, tmp_path):
    """After a reset everything is as at the first start, also after a restart; ids begin again."""
    session = make_session()
    fresh = session.world.digest()
    live_a_little(session)
    session.reset()
    assert (session.world.digest(), session.n_commands, session.clock.now_ticks()) == (fresh, 0, 0)
    session.execute(create())
    session.close()
    again = make_session(folder=tmp_path / "state0")

    assert again.n_commands == 1
    assert again.world.service.tasks[0].task_id == TASK
    again.close()


def test_faults__survive_a_restart(make_session, tmp_path):
    """What was injected is still injected after a restart."""
    session = make_session()
    session.set_faults(FaultSettings(throttle_share=0.5))
    session.close()
    again = make_session(folder=tmp_path / "state0")

    assert again.faults.settings.throttle_share == 0.5
    again.close()


def test_open__a_replay_that_ends_elsewhere_is_noticed(make_session, tmp_path):
    """Another model makes another outcome; the first command that differs is named."""
    session = make_session()
    session.execute(create())
    session.advance_to(30 * TICKS_PER_S)
    session.close()
    path = tmp_path / "state0"
    other = scenario_of(stages={"query": {"constant": "2 s"}})

    def other_world(_, *, seed):
        return World(other, seed=seed)

    with pytest.raises(ModelError, match="command 2 has another outcome"):
        make_session(folder=path, make_world=other_world)
    make_session(folder=path).close()  # the journal was given free


def test_open__a_state_that_differs_at_the_end_is_noticed(make_session, tmp_path):
    """The digest of an orderly end is compared, even if every single outcome was the same."""
    session = make_session()
    session.execute(create())
    session.close()
    journal = Journal.open(tmp_path / "state0")
    journal.write([lambda j: j.note("end", {"commands": 1, "digest": "0" * 64})])
    journal.close()

    with pytest.raises(ModelError, match="leaves another state"):
        make_session(folder=tmp_path / "state0")


def test_open__a_command_that_is_refused_now_is_noticed(make_session, tmp_path):
    """A journal whose command the rules refuse was not written by these rules."""
    session = make_session()
    session.execute(create())
    session.close()
    journal = Journal.open(tmp_path / "state0")
    command = CallTask(Call.DELETE, TASK)
    journal.write([lambda j: j.append(0, command.kind, command.encode(), b"0" * 16)])
    journal.close()

    with pytest.raises(ModelError, match="command 2 is refused"):
        make_session(folder=tmp_path / "state0")


def test_open__another_scenario_or_seed_is_refused(make_session, tmp_path):
    """A folder resumes its own session only; the same scenario and seed may be named."""
    make_session(scenario_of(), seed=3).close()
    path = tmp_path / "state0"
    with pytest.raises(ScenarioError, match="another scenario, small and its session has the seed 3"):
        make_session(scenario_of(description="changed"), path, seed=4)
    session = make_session(scenario_of(), path, seed=3)

    assert session.world.seed == 3
    session.close()


def test_open__a_changed_inventory_is_refused(make_session, tmp_path):
    """Device ids of a session can't change under it."""
    values = {
        "fleet": {"cohorts": [{"name": "a"}], "inventory": "devices.csv"},
        "campaign": {"package": {"version": "1", "size": "1 MiB"}},
    }
    (tmp_path / "devices.csv").write_text("device_id,cohort\nx1,a\nx2,a\n")
    session = make_session(make_scenario(values, folder=tmp_path))
    assert session.world.service.names.all_ids() == ["x1", "x2"]
    session.close()
    make_session(folder=tmp_path / "state0").close()
    (tmp_path / "devices.csv").write_text("device_id,cohort\nx1,a\nx3,a\n")

    with pytest.raises(ScenarioError, match="has changed since the session began"):
        make_session(folder=tmp_path / "state0")


def test_advance__is_a_command_like_others(make_session):
    """Time that was told to pass is in the journal."""
    session = make_session()
    session.advance_to(5)
    session.execute(Advance())

    assert session.n_commands == 2
    session.close()
