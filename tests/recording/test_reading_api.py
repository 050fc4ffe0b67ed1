"""The client: paced, patient, and unable to change anything."""

import json

import pytest

from sim.recording.reading_api import (
    AccessError,
    GoneError,
    ReadingApi,
    RecordingError,
    UnreachableError,
    find_task,
    keyed_share,
)
from sim.recording.signing import Access
from sim.recording.transport import Answer

PAGE = {"batchtask": {"task_id": "t"}, "task_details": [], "page": {"count": 0}}


class StillClock:
    """A clock that moves by sleeping only."""

    is_the_servers = True

    def __init__(self):
        """Begin at 0."""
        self.ms = 0.0
        self.slept = []

    def now_ms(self):
        """Return the time."""
        return self.ms

    steady_ms = now_ms

    def sleep(self, seconds):
        """Let time pass."""
        self.slept.append(seconds)
        self.ms += seconds * 1e3


def client(answers, **options):
    """Return a client whose transport gives one answer after another, and its clock."""
    given, clock = iter(answers), StillClock()

    def send(method, path, headers):
        assert method == "GET"
        answer = next(given)
        if isinstance(answer, Exception):
            raise answer
        status, body, more = (*answer, {})[:3]
        return Answer(status, more, body if isinstance(body, bytes) else json.dumps(body).encode())

    return ReadingApi(send, Access("none", "p"), clock, **options), clock


def test_show_batch_task__waits_its_turn():
    """No window of a second holds more calls than allowed."""
    api, clock = client([(200, PAGE)] * 35, calls_per_s=10)
    times = []
    for _ in range(35):
        api.show_batch_task("t")
        times.append(clock.ms)

    assert all(late - early >= 1_000 for early, late in zip(times, times[10:], strict=False))
    assert times[-1] == 3_000


def test_show_batch_task__less_than_a_call_a_second():
    """A call in two seconds is a call in two seconds."""
    api, clock = client([(200, PAGE)] * 3, calls_per_s=0.5)
    for _ in range(3):
        api.show_batch_task("t")
    assert clock.ms == 4_000


def test_show_batch_task__waits_longer_and_longer():
    """Busy, away, cut short or nonsense: waits double; an answer that asks for more gets it."""
    api, clock = client(
        [
            (429, {"error_code": "APIGW.0308"}),
            (503, b"", {"retry-after": "30"}),
            OSError("gone"),
            (200, b"<html>"),
            (200, {"batchtask": None}),
            (200, PAGE),
        ]
    )

    page = api.show_batch_task("t")

    assert page.task == {"task_id": "t"}
    assert (api.n_calls, api.n_failed, api.n_throttled) == (6, 5, 1)
    bounds = [1, 30, 4, 8, 16]
    assert all(low <= wait <= 1.1 * low for low, wait in zip(bounds, clock.slept, strict=True))


def test_show_batch_task__gives_up():
    """Seven tries without an answer are enough, and the last trouble is told."""
    api, clock = client([(502, {"error_code": "X", "error_msg": "away"})] * 7)
    with pytest.raises(UnreachableError, match=r"HTTP 502 X away \(7 tries\)"):
        api.show_batch_task("t")
    assert sum(clock.slept) < 100


@pytest.mark.parametrize(
    ("status", "kind"),
    [(401, AccessError), (403, AccessError), (404, GoneError), (400, RecordingError), (302, RecordingError)],
)
def test_show_batch_task__refusals_are_not_repeated(status, kind):
    """What will not be better next time is told at once, with the service's words."""
    api, clock = client([(status, {"error_code": "IOTDA.000001", "error_msg": "No."})])
    with pytest.raises(kind, match=rf"HTTP {status} IOTDA\.000001 No\."):
        api.show_batch_task("t")
    assert clock.slept == []


def test_list_batch_tasks__goes_on_by_markers():
    """Pages follow one another by marker until one is not full."""
    asked = []

    def send(method, path, headers):
        asked.append(path)
        n = 50 if len(asked) < 3 else 7
        tasks = [{"task_id": f"{len(asked)}-{i}", "task_name": "n"} for i in range(n)]
        body = {"batchtasks": tasks, "page": {"count": 107, "marker": f"m{len(asked)}"}}
        return Answer(200, {}, json.dumps(body).encode())

    api = ReadingApi(send, Access("none", "p"), StillClock())

    assert len(list(api.list_batch_tasks("firmwareUpgrade"))) == 107
    assert ["marker=m1" in path for path in asked] == [False, True, False]
    assert not any("offset" in path for path in asked)


def test_find_task__two_of_one_name_are_told_with_their_ids():
    """Nobody records the wrong one of two."""
    tasks = [{"task_id": i, "task_name": "n", "create_time": f"2026010{i}T000000Z"} for i in (1, 2)]
    api, _ = client([(200, {"batchtasks": tasks, "page": {}})])
    with pytest.raises(
        RecordingError, match=r"2 tasks have the name 'n'; give the id of one: 1 \(created 2026"
    ):
        find_task(api, "n", ["firmwareUpgrade"])


def test_client__has_no_way_to_change_anything():
    """Read-only by construction: all public methods show or list."""
    names = {name for name in vars(ReadingApi) if not name.startswith("_")}
    assert names == {"show_batch_task", "list_batch_tasks", "list_devices", "show_device"}


def test_keyed_share__is_the_same_for_the_same_key():
    """Chance by key: equal for equal keys, even over all of [0, 1)."""
    shares = [keyed_share("t", i) for i in range(2_000)]
    assert shares == [keyed_share("t", i) for i in range(2_000)]
    assert abs(sum(shares) / 2_000 - 0.5) < 0.03
    assert 0 <= min(shares) < 0.01 < 0.99 < max(shares) < 1
