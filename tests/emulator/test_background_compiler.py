"""Tests of servers on machines that have nothing compiled."""

import time
from functools import partial

import pytest

from sim.emulator import background_compiler
from sim.emulator.background_compiler import SMALL_DEVICES, BackgroundCompiler, is_small
from sim.emulator.world import World
from sim.errors import ApiError
from sim.fleet import kernel_files
from sim.fleet.compiled import CompiledFleet
from sim.fleet.jit import JIT_ENABLED
from sim.fleet.reference import SimpyFleet
from sim.rules import codes
from support.emulator import PACKAGE_ID, TASKS, scenario_of
from support.server import ENVIRONMENT, Client, Server

REQUEST_S_MAX = 2.0


@pytest.fixture
def no_kernels(monkeypatch):
    """Let this process believe that nothing is compiled."""
    monkeypatch.setattr(kernel_files._Known, "ready", False)


def large():
    """Return a scenario with more devices than the SimPy plane serves."""
    return scenario_of(fleet={"cohorts": [{"name": "all", "devices": SMALL_DEVICES + 1}]})


def body(*groups):
    """Return the body of a create call."""
    return {
        "task_name": "t",
        "task_type": "firmwareUpgrade",
        "document": {"package_ids": [PACKAGE_ID]},
        "targets_filter": {"group_ids": list(groups)},
    }


def fleet_of(world):
    """Return the plane behind a world."""
    world.fleet.counts()
    return world.fleet._fleet


@pytest.mark.skipif(not JIT_ENABLED, reason="nothing is compiled")
def test_make_fleet__compiled_once_there_are_kernels():
    """With kernels every fleet gets the compiled plane."""
    make = BackgroundCompiler().make_fleet

    assert isinstance(fleet_of(World(scenario_of(), make_fleet=make)), CompiledFleet)
    assert isinstance(fleet_of(World(large(), make_fleet=make)), CompiledFleet)


@pytest.mark.usefixtures("no_kernels")
def test_make_fleet__without_kernels_small_ones_are_simpys():
    """A large one is refused until there are kernels, or until it is certain that there won't be any."""
    compiler = BackgroundCompiler()

    assert isinstance(fleet_of(World(scenario_of(), make_fleet=compiler.make_fleet)), SimpyFleet)
    world = World(large(), make_fleet=compiler.make_fleet)
    with pytest.raises(ApiError) as refusal:
        world.fleet.counts()
    assert refusal.value.status == 503
    compiler.close()
    assert isinstance(fleet_of(world), SimpyFleet)


@pytest.mark.usefixtures("no_kernels")
def test_calls__that_need_a_large_fleet_are_told_when_to_come_again(make_session, make_api):
    """Nothing of a refused call stays; calls that need no fleet are answered; later all goes on."""
    compiler = BackgroundCompiler()
    api = make_api(session=make_session(large(), make_world=partial(World, make_fleet=compiler.make_fleet)))

    refused = api.post(TASKS, body("all"))
    assert (refused.status, refused.code) == (503, codes.NOT_READY.code)
    assert int(refused.headers["retry-after"]) > 0
    assert api.get(TASKS, task_type="firmwareUpgrade").json["page"]["count"] == 0
    assert api.get("/_sim/fleet").json["idle"] == SMALL_DEVICES + 1
    assert api.post("/_sim/clock/advance", {"seconds": 60}).status == 200

    compiler.close()
    created = api.post(TASKS, body("all"))
    assert created.status in (200, 201)
    assert api.get(TASKS, task_type="firmwareUpgrade").json["page"]["count"] == 1
    assert api.get("/_sim/clock").json["now_s"] == 60


@pytest.mark.skipif(not JIT_ENABLED, reason="nothing is compiled")
def test_renew_fleet__goes_on_where_it_was(make_session, make_api, monkeypatch):
    """The other plane has lived through the same commands, and stands at the same time and state."""
    monkeypatch.setattr(kernel_files._Known, "ready", False)
    compiler = BackgroundCompiler()
    session = make_session(scenario_of(), make_world=partial(World, make_fleet=compiler.make_fleet))
    api = make_api(session=session)
    api.create(groups=["flaky"])
    api.post("/_sim/clock/advance", {"seconds": 100})
    before = session.world.digest(), session.world.now_ticks, session.n_commands
    first = fleet_of(session.world)

    monkeypatch.setattr(kernel_files._Known, "ready", True)
    session.renew_fleet()

    assert isinstance(first, SimpyFleet)
    assert isinstance(fleet_of(session.world), CompiledFleet)
    assert (session.world.digest(), session.world.now_ticks, session.n_commands) == before


def test_renew_fleet__that_fails_leaves_the_session_as_it_was(make_session, monkeypatch, caplog):
    """Who can't be replayed goes on with the plane that he has."""
    session = make_session(scenario_of())
    world = session.world
    monkeypatch.setattr(session, "_make_world", lambda: 1 / 0)

    session.renew_fleet()

    assert session.world is world
    assert "could not be replayed" in caplog.text


@pytest.mark.usefixtures("no_kernels")
def test_prepare__gives_up_on_a_compiler_that_fails(monkeypatch):
    """Then all fleets get the SimPy plane, and the user is told."""
    said = []
    monkeypatch.setattr(background_compiler.sys, "executable", "/bin/false")
    monkeypatch.setattr(kernel_files, "is_complete", lambda folder: False)
    compiler = BackgroundCompiler(said.append)

    assert compiler.prepare() is False
    assert "SimPy plane" in said[-1]
    assert isinstance(fleet_of(World(large(), make_fleet=compiler.make_fleet)), SimpyFleet)


@pytest.mark.skipif(not JIT_ENABLED, reason="nothing is compiled")
@pytest.mark.parametrize("devices", [1000, 10_000])
def test_server__with_an_empty_cache_lets_nobody_wait(tmp_path, devices):
    """While another process compiles, each call is answered within two seconds, or told to come again."""
    file = tmp_path / "some.yaml"
    cohort = f"{{name: all, devices: {devices}}}"
    file.write_text(
        f"name: some\nfleet: {{cohorts: [{cohort}]}}\n"
        'campaign: {package: {version: "2", size: 1 MiB}}\nrun: {until: 1 d}\n'
    )
    environment = {**ENVIRONMENT, "XDG_CACHE_HOME": str(tmp_path / "cache")}
    took, statuses = [], []
    with Server(str(file), environment=environment) as server, Client(server.port) as client:

        def call(*what):
            begin = time.monotonic()
            answer = client.exchange(*what)
            took.append(time.monotonic() - begin)
            statuses.append(answer[0])
            return answer

        for second in range(5):
            call("GET", f"{TASKS}?task_type=firmwareUpgrade")
            created = call("POST", TASKS, {**body("all"), "task_name": f"t{second}"})
            call("POST", "/_sim/clock/advance", {"seconds": 3600})
            call("GET", "/_sim/fleet")
            time.sleep(0.5)
        said = server.stop()

    assert max(took) < REQUEST_S_MAX
    assert "Compiling the kernels" in said
    if devices > SMALL_DEVICES:
        assert statuses == [200, 503, 200, 200] * 5
        assert int({name.lower(): value for name, value in created[1].items()}["retry-after"]) > 0
    else:
        assert statuses == [200, 201, 200, 200] * 5


@pytest.mark.parametrize(
    ("devices", "cohorts", "small"),
    [(2_000, 1, True), (2_001, 1, False), (1_000, 50, True), (1_001, 50, False), (2_000, 400, False)],
)
def test_is_small__many_cohorts_make_events_of_a_shared_network_dear(devices, cohorts, small):
    """Whether a call takes more than a second or two there depends on devices times cohorts."""
    assert is_small(devices, cohorts) is small
