"""A sweep while devices change their states between its pages."""

import json
import random
from collections import Counter
from urllib.parse import parse_qs, urlsplit

import pytest

from sim.recording.reading_api import ReadingApi, RecordingError
from sim.recording.sightings import Sightings
from sim.recording.signing import Access
from sim.recording.task_sweep import COUNTS, Sweeper, counts_of, is_settled
from sim.recording.transport import Answer

NEXT = {
    "Waitting": ["Processing"],
    "Processing": ["Success", "Success", "FailWaitRetry", "Fail"],
    "FailWaitRetry": ["Waitting", "Processing"],
}


class Service:
    """A task whose devices move on after each answer; its clock goes on with the answers."""

    is_the_servers = True

    def __init__(self, devices, moves=0, seed=0):
        """Begin with all devices waiting; `moves` of them change after each answer."""
        self.states = {f"d{i:04}": "Waitting" for i in range(devices)}
        self.moves = moves
        self.asked = []
        self.ms = 1_000.0
        self._draw = random.Random(seed)
        self._failed_at = {}

    def now_ms(self):
        """Return the time."""
        return self.ms

    steady_ms = now_ms

    def sleep(self, seconds):
        """Let time pass."""
        self.ms += seconds * 1e3

    def __call__(self, method, path, headers):
        """Answer, and let devices move on: nobody waits for a retry for less than a minute."""
        query = {name: values[0] for name, values in parse_qs(urlsplit(path).query).items()}
        self.asked.append(query)
        answer = self.page(query)
        for _ in range(self.moves):
            device = self._draw.choice(list(self.states))
            state = self.states[device]
            is_held = state == "FailWaitRetry" and self.ms < self._failed_at[device] + 60_000
            if state in NEXT and not is_held:
                self.states[device] = self._draw.choice(NEXT[state])
                self._failed_at[device] = self.ms
        self.ms += 100.0
        return answer

    def page(self, query):
        """Return a page as the service does: newest first, below the marker."""
        marker = query.get("marker")
        found = [
            (index, device)
            for index, device in reversed(list(enumerate(self.states)))
            if query.get("task_detail_status") in (None, self.states[device])
            and query.get("target") in (None, device)
        ]
        shown = [one for one in found if marker is None or one[0] < int(marker, 16)][: int(query["limit"])]
        counts = Counter(self.states.values())
        progress = {key: counts[state] for state, key in COUNTS.items()}
        details = [self.detail(device) for _, device in shown]
        body = {
            "batchtask": {
                "task_id": "t",
                "status": "Processing",
                "task_progress": {"total": len(self.states), **progress},
            },
            "task_details": details,
            "page": {"count": len(found), "marker": f"{shown[-1][0]:024x}"} if shown else {"count": 0},
        }
        return Answer(200, {}, json.dumps(body).encode())

    def detail(self, device):
        """Return a subtask."""
        state = self.states[device]
        error = {"error": {"error_code": "2", "error_msg": "x"}} if state.startswith("Fail") else {}
        return {"target": device, "status": state, **error}


def sweeper(service, *, retry_interval_ms=60_000):
    """Return what sweeps a service, and what it has seen."""
    seen = Sightings("t", 0, retry_interval_ms)
    api = ReadingApi(service, Access("none", "p"), service)
    return Sweeper(api, seen, retry_interval_ms=retry_interval_ms), seen


def test_sweep__nobody_is_missed_while_devices_move_on():
    """Pages by marker, in the order of the states: a week of changes in a few sweeps, and all are right."""
    for seed in range(8):
        service = Service(700, moves=9, seed=seed)
        sweeps, seen = sweeper(service)
        for _ in range(25):
            before = dict(service.states)
            sweeps.sweep()
            for device, stay in seen.stays.items():
                states = {before[device], service.states[device]}
                over = states & {"Success", "Fail"}
                assert stay.status not in ("Success", "Fail") or stay.status in over, (seed, device)
            service.sleep(20)
        service.moves = 0
        sweeps.sweep(is_last=True)

        assert {device: stay.status for device, stay in seen.stays.items()} == service.states
        assert not any("offset" in query for query in service.asked)


def test_sweep__costs_little_where_nothing_changes():
    """Ended devices are not paged again; a few that ended since are asked for one by one."""
    service = Service(600)
    service.states |= dict.fromkeys(list(service.states)[:400], "Success")
    service.states |= dict.fromkeys(list(service.states)[400:580], "Fail")
    sweeps, seen = sweeper(service)
    sweeps.sweep()
    n_first = len(service.asked)
    sweeps.sweep()
    n_quiet = len(service.asked) - n_first
    service.states["d0590"] = "Fail"
    sweeps.sweep()
    n_one = len(service.asked) - n_first - n_quiet

    assert n_first > 12
    assert (n_quiet, n_one) == (2, 3)
    assert service.asked[-1] == {"target": "d0590", "limit": "1"}
    assert seen.stays["d0590"].status == "Fail"
    assert seen.stays["d0000"].status == "Success"


def test_sweep__inferred_success_must_add_up():
    """A device that is in no filter is not taken for a success that the counts don't have."""
    service = Service(100)
    sweeps, seen = sweeper(service)
    sweeps.sweep()
    del service.states["d0042"]
    service.states["d0007"] = "Success"

    swept = sweeps.sweep()

    assert swept.n_unexplained == 1
    assert seen.stays["d0042"].status == "Waitting"
    assert seen.stays["d0007"].status == "Success"
    asked = len(service.asked)
    sweeps.sweep()
    assert len(service.asked) - asked == 3  # nobody asks for it again and again
    service.states = {"d0042": "Processing", **service.states}
    assert sweeps.sweep().n_unexplained == 0


def test_sweep__unknown_states_and_codes_are_kept():
    """A state that no page names is taken down as it is: readers say what they make of it."""
    service = Service(3)
    service.detail = lambda device: {"target": device, "status": "Waitting", "odd": 1}
    sweeps, seen = sweeper(service)
    sweeps.sweep()
    service.detail = lambda device: {"target": device, "status": "Paused", "error": {"error_code": 77}}
    sweeps.sweep()
    assert {stay.status for stay in seen.stays.values()} == {"Paused"}


def test_sweep__an_answer_about_another_task_is_refused():
    """What a proxy mixes up does not get into a recording."""
    service = Service(3)
    seen = Sightings("other", 0)
    sweeps = Sweeper(ReadingApi(service, Access("none", "p"), service), seen, retry_interval_ms=None)
    with pytest.raises(RecordingError, match="asked for task other, the answer is about 't'"):
        sweeps.sweep()
    with pytest.raises(RecordingError):
        sweeps.counts(wants_waiting=False)
    assert seen.stays == {}


def test_counts__of_an_answer_without_them_are_zero():
    """Fields that are not there count nothing, and a task without counts but over is settled."""
    assert set(counts_of({"task_progress": {"success": "x"}}).values()) == {0}
    assert is_settled({"status": "Success"})
    assert not is_settled({"status": "PartialSuccess", "task_progress": {"waitting": 1}})
    assert not is_settled({"status": "Processing"})
