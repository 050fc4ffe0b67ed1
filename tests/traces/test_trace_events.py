"""Events of a trace: against timelines, the text of `explain`, and the format of Chrome's traces."""

import json

import numpy as np
import pytest
from explain.explained import S, campaigns, scenario_of
from hypothesis import given, settings

from sim.campaign import run_campaign
from sim.explain import explain
from sim.rules import SubtaskState
from sim.traces.timeline import Timelines, watched_run
from sim.traces.trace_events import CALLS, CAMPAIGN, WAVES, trace_events

NEEDS = {
    "M": {"name", "pid", "tid", "args"},
    "X": {"name", "cat", "pid", "tid", "ts", "dur"},
    "i": {"name", "cat", "pid", "tid", "ts", "s"},
    "C": {"name", "pid", "tid", "ts", "args"},
}
"""Keys that an event needs, by phase: "Trace Event Format", the sections of each phase."""


def events_of(run, devices=None, **options):
    """Return the events of some devices of a run, or of all."""
    chosen = list(range(len(run.records.status))) if devices is None else devices
    timelines = Timelines(run, chosen, watched=watched_run(run, *chosen), **options)
    return trace_events(run, chosen, timelines)


def on(events, phase, **values):
    """Return the events of a phase with certain values."""
    return [one for one in events if one["ph"] == phase and values.items() <= one.items()]


def check_format(events):
    """Hold events against the documented format."""
    assert json.loads(json.dumps(events, allow_nan=False)) == events
    rest = [one for one in events if one["ph"] != "M"]
    assert events[: len(events) - len(rest)] == on(events, "M")  # names come first
    assert [one["ts"] for one in rest] == sorted(one["ts"] for one in rest)
    named = {(one["pid"], one["tid"]) for one in on(events, "M", name="thread_name")}
    processes = {one["pid"] for one in on(events, "M", name="process_name")}
    open_until: dict[tuple[int, int], list[int]] = {}
    for one in events:
        assert NEEDS[one["ph"]] <= one.keys()
        assert one["pid"] in processes
        if one["ph"] == "C":
            assert all(type(value) is int and value >= 0 for value in one["args"].values())
        elif one["ph"] in "Xi":
            assert (one["pid"], one["tid"]) in named
            assert type(one["ts"]) is int
            assert one["ts"] >= 0
        if one["ph"] == "X":
            assert one["dur"] >= 0
            ends = open_until.setdefault((one["pid"], one["tid"]), [])
            while ends and ends[-1] <= one["ts"]:
                ends.pop()
            end = one["ts"] + one["dur"]
            assert not ends or end <= ends[-1]  # it lies in what it has begun in
            ends.append(end)


@settings(max_examples=15)
@given(campaigns())
def test_events__are_what_explain_tells_and_what_perfetto_reads(scenario):
    """Each track holds the steps and attempts of the device's timeline, in whatever campaign."""
    run = run_campaign(scenario, log_attempts=True)
    devices = list(range(scenario.n_devices))
    timelines = Timelines(run, devices, watched=watched_run(run, *devices))
    events = trace_events(run, devices, timelines)

    check_format(events)
    tracks = {one["args"]["name"]: one["tid"] for one in on(events, "M", name="thread_name")}
    for device in devices:
        timeline, tid = timelines.of(device), tracks[run.device_id(device)]
        lasting = on(events, "X", tid=tid, pid=CAMPAIGN + 1 + int(run.spec.cohort[device]))
        steps = [(one["name"], one["ts"], one["dur"]) for one in lasting if one["cat"] != "attempt"]
        assert steps == [(step.doing.value, step.start, step.end - step.start) for step in timeline.steps]
        attempts = [(one["ts"], one["args"]["status"]) for one in lasting if one["cat"] == "attempt"]
        assert attempts == [(each.start, each.status.wire) for each in timeline.attempts]


@settings(max_examples=10)
@given(campaigns())
def test_events__without_places_tell_waits_in_the_queue_as_one(scenario):
    """Where nobody looks who held the places, all else is the same and no time is lost."""
    run = run_campaign(scenario, log_attempts=True)
    fine, coarse = events_of(run), events_of(run, with_places=False)

    check_format(coarse)
    assert on(coarse, "X", cat="attempt") == on(fine, "X", cat="attempt")
    assert on(coarse, "X", cat="stage") == on(fine, "X", cat="stage")
    waits = [sum(one["dur"] for one in on(events, "X", cat="wait")) for events in (fine, coarse)]
    assert waits[0] == waits[1]


@pytest.fixture(scope="module")
def run():
    """Return a run in waves with failures, and a gate that trips and has the rest of its wave stopped."""
    return run_campaign(
        scenario_of(
            {"devices": 40},
            failures=[{"stage": "install", "code": 10, "probability": "40 %"}],
            campaign={
                "waves": [
                    {"name": "canary", "share": "25 %", "gate": {"failed_share_max": "5 %"}},
                    {"name": "rest", "share": "100 %"},
                ]
            },
        ),
        log_attempts=True,
    )


def test_track__by_hand():
    """An attempt of a lone device with every second known: the attempt, in it its stages, then its end."""
    events = events_of(run_campaign(scenario_of(), log_attempts=True))

    lasting = [(one["name"], one["ts"] / S, one["dur"] / S) for one in on(events, "X")]
    assert lasting == [
        ("attempt 1, first try: Success", 0, 130),
        ("version query", 0, 10),
        ("verify", 10, 30),
        ("install", 40, 40),
        ("reboot", 80, 50),
    ]
    (end,) = on(events, "i", cat="end")
    assert (end["name"], end["ts"]) == ("Success", 130 * S)
    assert on(events, "X")[0]["args"]["outcome"] == "succeeds"


def test_campaign__has_calls_waves_and_counters(run):
    """Calls are instants of the campaign and of whom they act upon; counters are the curves in bit/s."""
    events = events_of(run)
    check_format(events)

    calls = on(events, "i", pid=CAMPAIGN, tid=CALLS)
    assert calls[-1]["name"] == "stop call by campaign"
    assert calls[-1]["args"]["accepted"] == len(run.calls[-1].accepted) > 0
    upon = on(events, "i", cat="call", name=calls[-1]["name"])
    assert len(upon) == 1 + len(run.calls[-1].accepted)
    waves = [one["name"] for one in on(events, "i", pid=CAMPAIGN, tid=WAVES)]
    assert "wave canary begins" in waves
    assert "gate of wave canary trips" in waves
    for name, unit, curve in [
        ("bandwidth", "bit/s", run.curves.bandwidth * 8),
        ("downloads", "in progress", run.curves.downloads),
        ("places", "in Processing", run.curves.status[:, SubtaskState.PROCESSING]),
        ("devices", "failed", run.curves.status[:, SubtaskState.FAIL]),
    ]:
        samples = [one for one in on(events, "C", name=name) if one["ts"] <= run.curves.tick[-1]]
        rows = np.searchsorted([one["ts"] for one in samples], run.curves.tick, side="right") - 1
        values = np.array([one["args"][unit] for one in samples])[rows]
        np.testing.assert_array_equal(values, np.rint(curve))
    last = on(events, "C", name="devices")[-1]["args"]
    assert last["succeeded"] == (run.records.status == SubtaskState.SUCCESS).sum()


def test_track__agrees_with_the_text_of_explain():
    """Whoever reads the story and looks at the track sees the same lines."""
    scenario = scenario_of(
        {"devices": 20, "link_rate": "20 kB/s"},
        failures=[{"stage": "install", "code": 10, "probability": "60 %"}],
        campaign={"task_policy": {"retry_count": 2, "retry_interval": "5 min"}},
    )
    run = run_campaign(scenario, log_attempts=True)
    device = int(np.argmax(run.records.attempts))
    text = " ".join(explain(scenario, run.device_id(device)).text().split())

    shown = on(events_of(run, [device]), "X")
    assert len(shown) > 10
    for one in shown:
        title, _, status = one["name"].partition(": ")
        note = one.get("args", {}).get("note")
        assert (title if one["cat"] == "attempt" else one["name"]) in text
        assert note is None or note in text
        if one["cat"] == "attempt":
            assert one["args"]["outcome"] in text
            assert status in ("Success", "Fail", "FailWaitRetry")
