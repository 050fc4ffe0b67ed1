"""The recorder against the emulator: nobody is missed, whatever happens on the way."""

import itertools
import json
import random
from collections import Counter

import pytest

from sim.errors import ScenarioError
from sim.recording.poll_clock import EmulatedClock
from sim.recording.readers.from_sightings import from_sightings, read_recording
from sim.recording.readers.remarks import Remarks
from sim.recording.reading_api import AccessError, GoneError, RecordingError, find_task
from sim.recording.recorder import Pace
from sim.recording.recording_files import read_document, read_rows
from sim.recording.transport import Answer
from support.emulator import TASKS
from support.recording import (
    POLICY,
    DirectClock,
    asking,
    reading,
    record_in_process,
    subtasks,
    transport_of,
)

OFTEN_AWAY = {
    "cohorts": [
        {
            "name": "good",
            "devices": 300,
            "online": {"fraction": "70 %", "mean_offline": "2 h"},
            "failures": [
                {"stage": "download", "code": 2, "probability": "10 %"},
                {"stage": "install", "code": 10, "permanent": "3 %"},
            ],
        }
    ]
}


def last_states(path):
    """Return the last recorded state and code of each device."""
    rows = read_rows(path, "sightings").dicts()
    return {row["device_id"]: (row["status"], row["error_code"]) for row in rows}


def attempts(path):
    """Return each device's states in order, with how often it failed by which code."""
    found = {}
    for row in read_rows(path, "sightings").dicts():
        found.setdefault(row["device_id"], []).append((row["status"], row["error_code"]))
    return found


def failures(path):
    """Return how often each device failed, by code."""
    return {
        device: Counter(code for status, code in states if status in ("FailWaitRetry", "Fail"))
        for device, states in attempts(path).items()
    }


def is_in_order(path):
    """Tell whether stays of a device follow one another, and begin before they end."""
    ends = {}
    for row in read_rows(path, "sightings").dicts():
        assert row["gone_before"] <= row["seen_from"] <= row["seen_to"], row
        assert row["gone_before"] >= ends.get(row["device_id"], 0), row
        ends[row["device_id"]] = row["gone_before"]
    return bool(ends)


class Faulty:
    """A transport on which something happens at chosen calls."""

    def __init__(self, api, happen):
        """Take what happens: from number and path of a call to an answer, or None for the service's."""
        self._send = transport_of(api)
        self._happen = happen
        self.n = 0

    def __call__(self, method, path, headers):
        """Answer one call."""
        self.n += 1
        answer = self._happen(self.n, path)
        return answer if answer is not None else self._send(method, path, headers)


class KilledError(BaseException):
    """The process is gone: nothing is stored any more."""


def test_record__the_last_states_are_the_services(make_api, tmp_path):
    """A campaign with retries and devices that are away ends in the file as it ended at the service."""
    api = make_api(fleet=OFTEN_AWAY)
    task_id = api.create(groups=["good"], task_policy=POLICY)
    told = []

    summary = record_in_process(api, tmp_path / "rec", task_id, tell=told.append)

    assert summary.ended == "settled"
    assert last_states(tmp_path / "rec") == subtasks(api, task_id)
    assert is_in_order(tmp_path / "rec")
    assert {len(states) > 3 for states in attempts(tmp_path / "rec").values()} == {True, False}
    assert sum(report.sweep.n_changed for report in told) > 600
    about = read_document(tmp_path / "rec", "recording.json")
    assert about["poll_s"] == pytest.approx(0.95 * 300 / 1.1)
    assert about["runs"][0]["ended"] == "settled"
    assert "localhost" not in json.dumps(about)
    tasks = read_document(tmp_path / "rec", "tasks.json")
    assert tasks[task_id]["first"]["status"] == "Processing"
    assert tasks[task_id]["last"]["status"] == "PartialSuccess"
    assert "targets" not in tasks[task_id]["first"]


def test_record__every_change_lies_in_its_interval(make_api, tmp_path):
    """What the simulation did lies between the last look before and the first look after."""
    api = make_api(fleet=OFTEN_AWAY)
    task_id = api.create(groups=["good"], task_policy=POLICY)
    record_in_process(api, tmp_path / "rec", task_id, pace=Pace(every_s=60))
    begin = min(row["gone_before"] for row in read_rows(tmp_path / "rec", "sightings").dicts())
    ends = {}
    for row in read_rows(tmp_path / "rec", "sightings").dicts():
        if row["status"] == "Success":
            ends[row["device_id"]] = (row["gone_before"], row["seen_from"])

    world = api.session.world
    names, ended = world.service.names, world.fleet.records().end
    assert len(ends) > 200
    for device, (low, high) in ends.items():
        end_ms = begin + ended[names.index_of(device)] / 1e3
        assert low <= end_ms <= high


def test_record__no_attempt_is_lost(make_api, tmp_path):
    """Each failed attempt is a stay of its own, also where the next one fails in the same way."""
    api = make_api(fleet=OFTEN_AWAY)
    task_id = api.create(groups=["good"], task_policy={"retry_count": 5, "retry_interval": 5})

    record_in_process(api, tmp_path / "rec", task_id)

    world = api.session.world
    begun = world.fleet.records().attempts
    in_a_row = 0
    for device, states in attempts(tmp_path / "rec").items():
        failed = [state for state in states if state[0] in ("FailWaitRetry", "Fail")]
        in_a_row += any(a == b for a, b in itertools.pairwise(states))
        assert len(failed) + (states[-1][0] == "Success") == begun[world.service.names.index_of(device)]
    assert in_a_row > 5
    table = from_sightings(read_recording(tmp_path / "rec", None, Remarks()), Remarks())
    counted = Counter(table.devices[index] for index in table.device)
    assert counted == {device: begun[world.service.names.index_of(device)] for device in table.devices}
    assert not any("later than the retry interval" in note for note in table.notes)


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(1, 4))])
def test_record__killed_at_random_moments(make_api, tmp_path, seed):
    """Twenty kills later the attempts are the same, and only intervals are wider."""
    whole, killed = (make_api(fleet=OFTEN_AWAY) for _ in range(2))
    tasks = [api.create(groups=["good"], task_policy=POLICY) for api in (whole, killed)]
    record_in_process(whole, tmp_path / "whole", tasks[0])
    draw = random.Random(seed)
    n_kills = 0

    def happen(n, path):
        if n == deadline and n_kills < 20:
            raise KilledError

    while True:
        deadline = draw.randint(2, 120)
        try:
            record_in_process_killed(killed, tmp_path / "killed", tasks[1], Faulty(killed, happen))
        except KilledError:
            n_kills += 1
            with (tmp_path / "killed" / "sightings.jsonl").open("ab") as file:
                file.write(b'{"task_id":"' * draw.randint(0, 1))
            continue
        break

    assert n_kills == 20
    assert failures(tmp_path / "killed") == failures(tmp_path / "whole")
    assert last_states(tmp_path / "killed") == last_states(tmp_path / "whole")
    assert is_in_order(tmp_path / "killed")


def record_in_process_killed(api, path, task_id, transport):
    """Record as usual, but a kill stores nothing."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sim.recording.recorder.TaskRecorder.finish", lambda self: None)
        record_in_process(api, path, task_id, transport=transport)


def test_record__no_access_half_way(make_api, tmp_path):
    """A token that expires ends the recording with all that was seen, and a new one lets it go on."""
    api = make_api(fleet=OFTEN_AWAY)
    task_id = api.create(groups=["good"], task_policy=POLICY)
    refusal = Answer(401, {}, b'{"error_code":"IOTDA.000002","error_msg":"Authentication failed."}')
    transport = Faulty(api, lambda n, path: refusal if n >= 300 else None)

    with pytest.raises(AccessError, match=r"HTTP 401 IOTDA\.000002 .*; recorded until .* goes on from there"):
        record_in_process(api, tmp_path / "rec", task_id, transport=transport)

    assert len(last_states(tmp_path / "rec")) == 300
    seen_to = max(row["seen_to"] for row in read_rows(tmp_path / "rec", "sightings").dicts())
    assert seen_to > max(read_rows(tmp_path / "rec", "sweeps").columns["from"]) - 1
    record_in_process(api, tmp_path / "rec", task_id)
    assert last_states(tmp_path / "rec") == subtasks(api, task_id)


def test_record__interrupted(make_api, tmp_path):
    """Ctrl-C stores how long each device was seen, and says in `recording.json` how it ended."""
    api = make_api()
    task_id = api.create(groups=["good"], need_confirm=True)
    told = []

    def tell(report):
        told.append(report)
        if len(told) == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        record_in_process(api, tmp_path / "rec", task_id, tell=tell)

    assert set(read_rows(tmp_path / "rec", "sightings").columns["seen_to"]) == {told[-1].at_ms}
    (run,) = read_document(tmp_path / "rec", "recording.json")["runs"]
    assert (run["ended"], run["sweeps"]) == ("KeyboardInterrupt", 3)


def test_record__throttled_failing_and_lost_answers(make_api, tmp_path):
    """A service that answers every third call with 429, 502 or not at all is recorded just as well."""
    api = make_api(fleet=OFTEN_AWAY)
    task_id = api.create(groups=["good"], task_policy=POLICY)
    faults = {"throttle_share": 0.15, "error_share": 0.1, "lost_share": 0.08}
    assert api.send("PUT", "/_sim/faults", json.dumps(faults).encode()).status == 200

    summary = record_in_process(api, tmp_path / "rec", task_id)

    api.send("PUT", "/_sim/faults", b"{}")
    assert summary.throttled > 50
    assert summary.failed > summary.throttled
    assert last_states(tmp_path / "rec") == subtasks(api, task_id)
    assert is_in_order(tmp_path / "rec")


def test_record__by_the_clock_of_a_server_that_simulates(make_api, tmp_path):
    """The clock that goes by HTTP leads to the same recording as the one within the process."""
    recorded = []
    for make_clock in (DirectClock, lambda api: EmulatedClock(asking(api))):
        api = make_api()
        task_id = api.create(groups=["good", "bad"], task_policy=POLICY)
        path = tmp_path / f"rec{len(recorded)}"
        record_in_process(api, path, task_id, clock=make_clock(api))
        recorded.append(read_rows(path, "sightings").columns)

    assert len(recorded[0]["status"]) > 50
    assert recorded[0] == recorded[1]


def test_record__a_server_that_is_away_for_a_while(make_api, tmp_path):
    """Sweeps that fail are counted; they cost width and nothing else."""
    api = make_api(fleet=OFTEN_AWAY)
    task_id = api.create(groups=["good"], task_policy=POLICY)
    away = Answer(503, {}, b"")
    told = []
    transport = Faulty(api, lambda n, path: away if 200 <= n < 260 else None)

    summary = record_in_process(api, tmp_path / "rec", task_id, transport=transport, tell=told.append)

    assert summary.failed_sweeps == len([report for report in told if report.sweep is None]) > 3
    assert "HTTP 503 (7 tries)" in next(report.trouble for report in told if report.sweep is None)
    assert last_states(tmp_path / "rec") == subtasks(api, task_id)


def test_record__a_task_that_is_deleted(make_api, tmp_path):
    """A task that vanishes keeps the other one from nothing, and is told in the end."""
    api = make_api(fleet=OFTEN_AWAY)
    first, second = (api.create(name, groups=["good"], task_policy=POLICY) for name in ("a", "b"))
    gone = Answer(404, {}, b'{"error_code":"IOTDA.014280","error_msg":"The batch task does not exist."}')
    transport = Faulty(api, lambda n, path: gone if n > 400 and first in path else None)

    with pytest.raises(GoneError, match=f"task {first} is gone: HTTP 404 .*all of it is in"):
        record_in_process(api, tmp_path / "rec", first, second, transport=transport)

    by_task = Counter(read_rows(tmp_path / "rec", "sightings").columns["task_id"])
    assert by_task[first] > 300
    ends = [row for row in read_rows(tmp_path / "rec", "sightings").dicts() if row["task_id"] == second]
    assert {row["device_id"]: (row["status"], row["error_code"]) for row in ends} == subtasks(api, second)


def test_record__no_such_task(api, tmp_path):
    """An id that nothing has is told before anything is waited for."""
    with pytest.raises(GoneError, match="HTTP 404"):
        record_in_process(api, tmp_path / "rec", "f" * 24)


def test_record__retry_calls_and_stops_of_others(make_api, tmp_path):
    """Failed devices that begin again, and such that are stopped, are seen in the order of what happened."""
    api = make_api()
    task_id = api.create(groups=["bad", "flaky"])
    calls = iter(["retry", "retry", "stop"])
    told = []

    def tell(report):
        told.append(report)
        if len(told) in (3, 6, 7):
            api.post(f"{TASKS}/{task_id}/{next(calls)}", {})

    record_in_process(api, tmp_path / "rec", task_id, tell=tell, pace=Pace(every_s=40))

    states = attempts(tmp_path / "rec")
    assert last_states(tmp_path / "rec") == subtasks(api, task_id)
    assert any([status for status, _ in one].count("Fail") > 1 for one in states.values())
    assert is_in_order(tmp_path / "rec")


def test_record__stops_at_its_limit(make_api, tmp_path):
    """A task that never settles is not polled for ever."""
    api = make_api()
    task_id = api.create(groups=["good"], need_confirm=True)

    summary = record_in_process(api, tmp_path / "rec", task_id, pace=Pace(lasts_s=7200))

    assert summary.ended == "limit"
    assert summary.sweeps in range(20, 28)


def test_record__polls_slower_than_retries_are_told(make_api, tmp_path):
    """An interval longer than the retry interval is taken, with what it loses; the default never is."""
    api = make_api()
    task_id = api.create(groups=["flaky"], task_policy=POLICY)

    summary = record_in_process(api, tmp_path / "rec", task_id, pace=Pace(every_s=900))

    assert "looked at every 900 s, and wait 300 s" in summary.warnings[0]
    assert last_states(tmp_path / "rec") == subtasks(api, task_id)


def test_record__refuses_the_folder_of_another_task(api, tmp_path):
    """Two tasks don't get into one folder one after the other."""
    first = api.create("a", groups=["good"])
    record_in_process(api, tmp_path / "rec", first)
    with pytest.raises(ScenarioError, match="holds a recording of task"):
        record_in_process(api, tmp_path / "rec", "f" * 24)


def test_record__is_polite(make_api, tmp_path):
    """A fleet in which few are live is looked at with a few calls a sweep, and never too fast."""
    api = make_api(
        fleet={
            "cohorts": [
                {"name": "good", "devices": 950, "online": {"fraction": "80 %", "mean_offline": "4 h"}},
                {
                    "name": "dead",
                    "devices": 50,
                    "failures": [{"stage": "contact", "silent": True, "permanent": 1}],
                },
            ]
        }
    )
    task_id = api.create(groups=["good", "dead"], task_policy={"retry_count": 1, "retry_interval": 5})
    clock, times = DirectClock(api), []
    transport = Faulty(api, lambda n, path: times.append(clock.steady_ms()))

    summary = record_in_process(api, tmp_path / "rec", task_id, transport=transport, clock=clock)

    assert last_states(tmp_path / "rec") == subtasks(api, task_id)
    assert all(late - early >= 999 for early, late in zip(times, times[10:], strict=False))
    sweeps = read_rows(tmp_path / "rec", "sweeps").columns
    days = (max(sweeps["to"]) - min(sweeps["from"])) / 86_400_000
    assert days > 2
    assert summary.calls / days < 30_000 / 7 * 1.5
    late = sweeps["calls"][len(sweeps["calls"]) // 2 :]
    assert sum(late) / len(late) < 4


def test_find_task__two_of_one_name(api):
    """A name finds its task; two of one name are told with their ids."""
    client = reading(api)
    task_id = api.create("upgrade", groups=["good"])
    assert find_task(client, "upgrade", ["firmwareUpgrade", "softwareUpgrade"]) == task_id
    with pytest.raises(RecordingError, match="no task with the id or the name 'other'"):
        find_task(client, "other", ["firmwareUpgrade"])
