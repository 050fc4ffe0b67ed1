"""The recorder over a real socket, with signatures, faults, and a server that is killed again and again."""

import random
import socket
import threading
import time
from collections import Counter

import pytest

from sim.recording.poll_clock import EmulatedClock
from sim.recording.reading_api import ReadingApi
from sim.recording.recorder import record
from sim.recording.recording_files import RecordingFolder, last_known_ms, read_rows
from sim.recording.signing import Access
from sim.recording.transport import Answer, UrlTransport
from support.emulator import CREDENTIALS, PACKAGE_ID, PROJECT, TASKS
from support.recording import POLICY, record_in_process, subtasks
from support.server import Client, Server, write_scenario

pytestmark = pytest.mark.slow

FLEET = {
    "cohorts": [
        {
            "name": "good",
            "devices": 130,
            "online": {"fraction": "70 %", "mean_offline": "40 min"},
            "failures": [
                {"stage": "download", "code": 2, "probability": "10 %"},
                {"stage": "install", "code": 10, "permanent": "5 %"},
            ],
        }
    ]
}
BODY = {
    "task_name": "t",
    "task_type": "firmwareUpgrade",
    "targets_filter": {"group_ids": ["good"]},
    "document": {"package_ids": [PACKAGE_ID]},
    "task_policy": POLICY,
}
FAULTS = {"throttle_share": 0.06, "error_share": 0.04, "lost_share": 0.04}
ACCESS = {
    "token": Access("token", PROJECT, token=CREDENTIALS.token),
    "plain": Access("plain", PROJECT, ak=CREDENTIALS.ak, sk=CREDENTIALS.sk),
    "derived": Access("derived", PROJECT, ak=CREDENTIALS.ak, sk=CREDENTIALS.sk, region="cn-north-4"),
}


class Mortal:
    """A server on one port and one folder that is killed at some calls, and started anew a little later."""

    def __init__(self, folder, *, kill_every, seed):
        """Start it.

        Args:
            folder: For scenario, state and all.
            kill_every: Calls between two kills, in the mean; None for no kills.
            seed: Of when they come.
        """
        scenario = write_scenario(folder, fleet=FLEET)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port = free.getsockname()[1]
        self._arguments = ["--state", str(folder / "state"), "--port", str(self._port)]
        self._draw = random.Random(seed)
        self._kill_every = kill_every
        self._left = self._next_kill()
        self._refused = 0
        self.n_kills = 0
        self._server = Server(str(scenario), *self._arguments)
        self._transport = UrlTransport(self._server.url)
        self.host = self._transport.host

    def __call__(self, method, path, headers):
        """Send a request of the recorder; the server may be killed before it or meanwhile."""
        self._left -= 1
        killer = None
        if self._left <= 0:
            self._left = self._next_kill()
            self.n_kills += 1
            killer = threading.Timer(self._draw.choice([0.0, 0.0005, 0.002]), self._server.process.kill)
            killer.start()
            time.sleep(self._draw.choice([0.0, 0.01]))
        try:
            return self._transport(method, path, headers)
        except OSError:
            if killer is None:  # refused because it is gone: who waits long enough finds another one
                self._refused += 1
                if self._refused >= 2:
                    self._restart()
            raise
        finally:
            if killer is not None:
                killer.join()
                self._server.process.wait()

    def ask(self, method, path, body):
        """Ask for the time or move it, as often as it takes; moves to a time can be repeated."""
        headers = {"Host": self.host, "X-Auth-Token": CREDENTIALS.token, "Content-Type": "application/json"}
        while True:
            try:
                answer = self._transport(method, path, headers, body)
            except OSError:
                self._restart()
                continue
            assert answer.status == 200, answer
            return Answer(answer.status, answer.headers, answer.body)

    def call(self, method, path, body=None):
        """Make a call that is not the recorder's; return the answer."""
        if self._server.process.poll() is not None:
            self._restart()
        with Client(self._port) as client:
            return client.call(method, path, body)

    def _restart(self):
        if self._server.process.poll() is not None:
            self._server.__exit__()
            self._server = Server(*self._arguments)
            self._refused = 0

    def _next_kill(self):
        if self._kill_every is None:
            return 10**9
        return self._draw.randint(self._kill_every // 2, 3 * self._kill_every // 2)

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self._transport.close()
        self._server.__exit__()


def record_over_http(server, path, task_id, access):
    """Record a task of a server until it has settled."""
    folder = RecordingFolder(path, [task_id], {"tool": "test"})
    try:
        clock = EmulatedClock(server.ask)
        client = ReadingApi(
            server, access, clock, host=server.host, not_before_ms=last_known_ms(folder), calls_per_s=10
        )
        return record(client, folder, clock, [task_id])
    finally:
        folder.close()


@pytest.fixture
def whole(make_api, tmp_path):
    """Return the rows of stays that are recorded in process, and how the devices ended at the service."""
    api = make_api(fleet=FLEET)
    task_id = api.create(groups=["good"], task_policy=POLICY)
    record_in_process(api, tmp_path / "whole", task_id)
    return list(read_rows(tmp_path / "whole", "sightings").dicts()), subtasks(api, task_id)


def by_device(rows):
    """Return the stays of each device, in order."""
    stays = {}
    for row in rows:
        stays.setdefault(row["device_id"], []).append(row)
    return stays


def state_of(row):
    """Return what a stay is a stay in."""
    return row["status"], row["error_code"]


def results_of(stays):
    """Return what became of a device's attempts: no sweep is so slow that one is missed without a fault."""
    return [state_of(stay) for stay in stays if stay["status"] not in ("Waitting", "Processing")]


def is_subsequence(part, whole):
    """Tell whether a part is the whole with some things left out."""
    rest = iter(whole)
    return all(one in rest for one in part)


@pytest.mark.parametrize("form", ACCESS)
def test_record__over_http_is_as_in_process(whole, tmp_path, form):
    """A real socket and any way to prove who asks: row by row the recording made in process."""
    with Mortal(tmp_path, kill_every=None, seed=0) as server:
        task_id = server.call("POST", TASKS, BODY)[1]["task_id"]
        summary = record_over_http(server, tmp_path / "http", task_id, ACCESS[form])

    rows = list(read_rows(tmp_path / "http", "sightings").dicts())
    assert summary.ended == "settled"
    assert (summary.failed, summary.failed_sweeps) == (0, 0)
    assert len(rows) > 300
    assert rows == whole[0]


@pytest.mark.parametrize("form", ACCESS)
def test_record__through_kills_throttling_and_lost_answers(whole, tmp_path, form):
    """A server that is killed over and over, throttles and loses answers: nobody is missed, nothing is wrong.

    Stays may be missed or have wider intervals; but whatever is told has happened, in that order, and where
    two recordings tell one change, there is a time at which both allow it.
    """
    seed = list(ACCESS).index(form)
    with Mortal(tmp_path, kill_every=150, seed=seed) as server:
        task_id = server.call("POST", TASKS, BODY)[1]["task_id"]
        assert server.call("PUT", "/_sim/faults", FAULTS)[0] == 200
        summary = record_over_http(server, tmp_path / "http", task_id, ACCESS[form])
        assert server.call("PUT", "/_sim/faults", {})[0] == 200
        n_kills = server.n_kills
        shown = server.call("GET", f"{TASKS}/{task_id}?limit=1")[1]["batchtask"]

    rows, (expected, ends) = list(read_rows(tmp_path / "http", "sightings").dicts()), whole
    stays, others = by_device(rows), by_device(expected)
    assert summary.ended == "settled"
    assert n_kills >= 5
    assert summary.throttled > 10
    assert summary.failed > summary.throttled + n_kills
    assert {device: state_of(of[-1]) for device, of in stays.items()} == ends
    assert shown["task_progress"]["success"] == Counter(status for status, _ in ends.values())["Success"]
    for device, of in stays.items():
        assert is_subsequence(results_of(of), results_of(others[device]))
        last, other = of[-1], others[device][-1]
        assert max(last["gone_before"], other["gone_before"]) <= min(last["seen_from"], other["seen_from"])
        assert all(row["gone_before"] <= row["seen_from"] <= row["seen_to"] for row in of)
    n_failures = sum(row["status"] == "FailWaitRetry" for row in rows)
    n_expected = sum(row["status"] == "FailWaitRetry" for row in expected)
    assert 0.8 * n_expected <= n_failures <= n_expected
