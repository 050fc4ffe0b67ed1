"""Tests of which plane runs when nobody insists on one."""

import pytest

from sim.planes import compilation
from sim.planes.choice import choose_plane, seconds_on_simpy
from sim.scenario import make_scenario


def scenario_of(devices=100, **campaign):
    """Return a fleet of one cohort."""
    return make_scenario(
        {
            "name": "some",
            "fleet": {"cohorts": [{"name": "all", "devices": devices}]},
            "campaign": {"package": {"version": "2", "size": "1 MiB"}, **campaign},
            "run": {"until": "1 d"},
        }
    )


@pytest.fixture
def compiled(monkeypatch):
    """Return the list that each call of the compiler is noted in, instead of compiling."""
    calls = []
    monkeypatch.setattr(compilation, "compile_kernels", calls.append)
    return calls


def test_choose__compiled_when_the_kernels_are_there(compiled, capsys):
    """With kernels in the cache there is nothing to weigh, compile or say."""
    assert choose_plane("auto", scenario_of(), runs=1) == "compiled"
    assert compiled == []
    assert capsys.readouterr().err == ""


@pytest.mark.usefixtures("no_kernels")
def test_choose__small_work_does_not_wait_and_says_so_once(compiled, capsys):
    """One line names the plane, says that results are the same, and how to get the other one."""
    planes = [choose_plane("auto", scenario_of(), runs=2) for _ in range(3)]

    assert (planes, compiled) == (["simpy"] * 3, [])
    (line,) = capsys.readouterr().err.splitlines()
    assert "SimPy plane" in line
    assert "same to the bit" in line
    assert "fleetsim compile" in line


@pytest.mark.usefixtures("no_kernels")
@pytest.mark.parametrize(("devices", "runs"), [(1_000_000, 1), (100, 10_000)])
def test_choose__large_work_compiles_first(compiled, capsys, devices, runs):
    """A million devices, or many runs of a few, are worth half a minute of the compiler."""
    assert choose_plane("auto", scenario_of(devices), runs=runs) == "compiled"
    assert compiled == [None]
    assert capsys.readouterr().err == ""


@pytest.mark.usefixtures("no_kernels")
def test_choose__what_is_asked_for_is_done(compiled):
    """Neither plane is replaced when it was named."""
    assert choose_plane("simpy", scenario_of(1_000_000), runs=1) == "simpy"
    assert compiled == []
    assert choose_plane("compiled", scenario_of(), runs=1) == "compiled"
    assert len(compiled) == 1


@pytest.mark.usefixtures("no_kernels")
def test_choose__a_compiler_that_fails_stops_nobody(monkeypatch, capsys):
    """Large work goes on upon the other plane and says why; whoever named the plane gets the error."""

    def fail(display):
        raise RuntimeError("no room")

    monkeypatch.setattr(compilation, "compile_kernels", fail)

    assert choose_plane("auto", scenario_of(1_000_000), runs=1) == "simpy"
    assert "can't be compiled (RuntimeError: no room)" in capsys.readouterr().err
    with pytest.raises(RuntimeError, match="no room"):
        choose_plane("compiled", scenario_of(), runs=1)


@pytest.mark.usefixtures("no_kernels")
def test_choose__without_a_compiler_or_a_cache(compiled, monkeypatch, capsys):
    """It says that nothing can be compiled, or kept; then naming `fleetsim compile` would be no help."""
    monkeypatch.setattr(compilation, "CACHE_FOLDER", None)
    assert choose_plane("auto", scenario_of(), runs=1) == "simpy"
    line = capsys.readouterr().err
    assert "can't be kept" in line
    assert "fleetsim compile" not in line

    monkeypatch.setattr(compilation, "JIT_ENABLED", False)
    assert choose_plane("auto", scenario_of(1_000_000), runs=1) == "simpy"
    assert "NUMBA_DISABLE_JIT" in capsys.readouterr().err
    assert choose_plane("compiled", scenario_of(), runs=1) == "compiled"
    assert "runs as Python, slowly" in capsys.readouterr().err
    assert compiled == []


@pytest.mark.usefixtures("no_kernels")
def test_choose__quiet_says_nothing(compiled, capsys):
    """Who wants no words gets none, and no bar either."""
    assert choose_plane("auto", scenario_of(), runs=1, is_quiet=True) == "simpy"
    assert choose_plane("auto", scenario_of(1_000_000), runs=1, is_quiet=True) == "compiled"
    assert [type(display).__name__ for display in compiled] == ["SilentDisplay"]
    assert capsys.readouterr().err == ""


def test_seconds__grow_with_devices_runs_and_retries():
    """Twice the devices or runs cost twice as much, retries some more, and a script's calls too."""
    one = seconds_on_simpy(scenario_of(1000), 1)

    assert seconds_on_simpy(scenario_of(2000), 1) == pytest.approx(2 * one)
    assert seconds_on_simpy(scenario_of(1000), 3) == pytest.approx(3 * one)
    retries = {"task_policy": {"retry_count": 5, "retry_interval": "5 min"}}
    assert one < seconds_on_simpy(scenario_of(1000, **retries), 1) < 2 * one


@pytest.mark.parametrize(
    "cause",
    [
        {"stage": "download", "code": 2, "per": "100 kB"},
        {"stage": "download", "code": 2, "rate": "1 /s"},
        {"stage": "install", "code": 10, "rate": "1 /s"},
    ],
)
def test_seconds__grow_with_breaks(cause):
    """Work that breaks nearly always makes as many attempts as a cause that always strikes."""
    rare = {**cause, **({"per": "1000 GB"} if "per" in cause else {"rate": "0.001 /h"})}
    always = {"stage": "query", "code": 1, "probability": "100 %"}
    seconds = {}
    for name, failure in (("often", cause), ("rarely", rare), ("always", always)):
        values = {
            "name": "some",
            "fleet": {"cohorts": [{"name": "all", "devices": 1000, "link_rate": "10 kB/s"}]},
            "stages": {"install": {"constant": "1 min"}},
            "failures": [failure],
            "campaign": {
                "package": {"version": "2", "size": "1 MB"},
                "task_policy": {"retry_count": 5, "retry_interval": "5 min"},
            },
        }
        seconds[name] = seconds_on_simpy(make_scenario(values), 1)

    assert seconds["often"] == pytest.approx(seconds["always"], rel=1e-3)
    assert seconds["rarely"] < seconds["often"] / 4


def test_seconds__grow_with_cohorts_on_a_shared_network():
    """There every event looks at all cohorts; a fleet that shares nothing has no such cost."""
    cohorts = [{"name": f"c{i}", "devices": 5} for i in range(200)]
    values = {
        "name": "some",
        "fleet": {"cohorts": cohorts},
        "campaign": {"package": {"version": "2", "size": "1 MiB"}},
    }
    alone = seconds_on_simpy(make_scenario(values), 1)
    shared = seconds_on_simpy(make_scenario({**values, "platform": {"bandwidth": "1 Gbit/s"}}), 1)

    assert shared > 2 * alone
