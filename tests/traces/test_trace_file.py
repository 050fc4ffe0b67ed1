"""Trace files: which devices they show, when they are refused, how long they take."""

import json
import time

import pytest
from explain.explained import scenario_of

import sim.traces.trace_file
from sim import run
from sim.campaign import run_campaign
from sim.errors import ScenarioError
from sim.explain import explain
from sim.traces.chosen import chosen_devices
from sim.traces.trace_file import write_trace


@pytest.fixture(scope="module")
def small():
    """Return a run of 30 devices."""
    return run_campaign(scenario_of({"devices": 30}), log_attempts=True)


def tracks(path):
    """Return the names of the tracks of devices in a file."""
    content = json.loads(path.read_text(encoding="utf-8"))
    named = [one for one in content["traceEvents"] if one["name"] == "thread_name" and one["pid"] > 1]
    assert content["otherData"]["devices_shown"] == len(named)
    return [one["args"]["name"] for one in named]


@pytest.mark.parametrize(
    ("devices", "expected"),
    [
        (3, [0, 10, 20]),
        (99, list(range(30))),
        ("unit-0000004", [4]),
        (["unit-0000007", "unit-0000004", "unit-0000007"], [4, 7]),
    ],
)
def test_devices__are_sampled_evenly_or_named(small, devices, expected):
    """A number goes over the whole fleet in even steps; ids name theirs, each once."""
    assert chosen_devices(small.scenario, small.names, devices) == expected


@pytest.mark.parametrize(
    ("devices", "words"),
    [
        ("unt-0000004", ["no device 'unt-0000004'; did you mean 'unit-0000004'"]),
        (["unit-31", "unit-4", "unit-0000001"], ["no device 'unit-31'", "no device 'unit-4'"]),
        (0, ["0 is not allowed; at least 1"]),
        (1.5, ["1.5 is not allowed; a whole number"]),
        ([7], ["7 is no id of a device"]),
        ([], ["no device is named"]),
    ],
)
def test_devices__that_are_not_there_are_named_all_at_once(small, devices, words):
    """Each unknown id is answered with the nearest one, a number that is none with what is allowed."""
    with pytest.raises(ScenarioError) as caught:
        chosen_devices(small.scenario, small.names, devices)

    assert len(caught.value.problems) == len(words)
    for problem, word in zip(caught.value.problems, words, strict=True):
        assert word in str(problem)


def test_file__is_written_whole_and_replaced_only_if_asked(small, tmp_path, monkeypatch):
    """An earlier file stays unless `force` is given, and also if the new one can't be made."""
    path = tmp_path / "deep" / "trace.json"
    assert write_trace(small, path, devices=2) == path
    assert tracks(path) == ["unit-0000000", "unit-0000015"]

    with pytest.raises(ScenarioError, match="is there already; choose another name"):
        write_trace(small, path, devices=3)
    write_trace(small, path, devices=3, force=True)
    assert len(tracks(path)) == 3

    monkeypatch.setattr(sim.traces.trace_file, "trace_events", lambda *args: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        write_trace(small, path, devices=1, force=True)
    assert len(tracks(path)) == 3
    assert [one.name for one in path.parent.iterdir()] == ["trace.json"]
    with pytest.raises(ScenarioError, match="is a folder"):
        write_trace(small, tmp_path)


def test_file__needs_the_attempts(tmp_path):
    """A run that kept none says how to keep them."""
    with pytest.raises(ScenarioError, match="log_attempts=True"):
        run(scenario_of({"devices": 3})).trace(tmp_path / "trace.json")


def test_file__from_a_result_and_from_a_story(tmp_path):
    """A result traces its first replication, a story its own device."""
    scenario = scenario_of({"devices": 12}, run={"until": "1 d", "replications": 2})
    result = run(scenario, log_attempts=True)
    assert len(tracks(result.trace(tmp_path / "all.json"))) == 12
    assert json.loads((tmp_path / "all.json").read_text(encoding="utf-8"))["otherData"]["replication"] == 0

    assert tracks(explain(scenario, "unit-0000005").trace(tmp_path / "one.json")) == ["unit-0000005"]


def test_file__tells_of_an_attempt_under_way_when_the_run_ends(tmp_path):
    """What lasts longer than the run ends with it on its track."""
    cut = run_campaign(
        scenario_of({"devices": 4}, run={"until": "60 s", "resolution": "10 s"}), log_attempts=True
    )

    content = json.loads(write_trace(cut, tmp_path / "trace.json").read_text(encoding="utf-8"))

    attempts = [one for one in content["traceEvents"] if one.get("cat") == "attempt"]
    assert [(one["dur"], one["args"]["status"]) for one in attempts] == [(60_000_000, "Processing")] * 4
    assert {one["args"]["outcome"] for one in attempts} == {"is under way when the run ends"}


@pytest.mark.bench
def test_file__of_a_thousand_devices_takes_a_second(tmp_path):
    """A trace of 1,000 devices with several attempts each costs a second at most beyond the run."""
    made = run_campaign("scenarios/retry-wave.yaml", plane="compiled", log_attempts=True)
    times = []
    for _ in range(3):
        begin = time.perf_counter()
        write_trace(made, tmp_path / "trace.json", force=True)
        times.append(time.perf_counter() - begin)
    assert min(times) <= 1.0
