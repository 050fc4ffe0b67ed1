"""A server that is killed again and again loses nothing that it acknowledged."""

import random
import threading

import pytest

from support.emulator import PACKAGE_ID, TASKS, ids
from support.server import Client, Server, write_scenario

pytestmark = pytest.mark.slow

N_CALLS = 500
N_KILLS = 20


def mixed_calls(api):
    """Play calls in process until so many were accepted; return them and the digest in the end."""
    rng = random.Random(11)
    accepted, n_tasks = [], 0
    while len(accepted) < N_CALLS:
        kind = rng.choice(["create", "retry", "stop", "stop", "confirm", "delete", "advance", "advance"])
        task_id = f"{rng.randint(max(1, n_tasks - 4), max(1, n_tasks)):024x}"
        named = {"targets": [*rng.sample(ids("flaky", *range(170)), 5), *ids("good", 1)]}
        if kind == "create":
            body = {
                "task_name": f"t{n_tasks}",
                "task_type": "firmwareUpgrade",
                "targets": rng.sample(ids("flaky", *range(170)), 40),
                "need_confirm": rng.random() < 0.3,
                "document": {"package_ids": [PACKAGE_ID]},
                "task_policy": {"retry_count": rng.randint(0, 2), "retry_interval": 5},
            }
            call = ("POST", TASKS, body)
        elif kind == "advance":
            call = ("POST", "/_sim/clock/advance", {"seconds": rng.choice([0.25, 30, 400, 90_000])})
        elif kind == "delete":
            call = ("DELETE", f"{TASKS}/{task_id}", None)
        else:
            call = ("POST", f"{TASKS}/{task_id}/{kind}", rng.choice([named, {}]))
        answer = api.delete(call[1]) if kind == "delete" else api.post(*call[1:])
        if answer.status < 300:
            accepted.append((*call, answer.body))
            n_tasks += kind == "create"
    return accepted, api.get("/_sim/digest").json


class _Killer:
    """Kills the present server at some moment during some call, from another thread."""

    def __init__(self, seed):
        self._rng = random.Random(seed)
        self._calls_left = 0
        self._timer = None
        self.n_kills = 0

    def choose(self):
        """Choose the next call to be disturbed."""
        self._calls_left = self._rng.randint(1, 25)
        self._timer = None

    def before_call(self, server):
        """Set the trap if this is the call."""
        self._calls_left -= 1
        if self._calls_left == 0 and self.n_kills < N_KILLS:
            self.n_kills += 1
            self._timer = threading.Timer(self._rng.uniform(0.0, 0.004), server.process.kill)
            self._timer.start()

    def join(self):
        """Wait until the trap has sprung."""
        if self._timer is not None:
            self._timer.join()


def play(calls, server, client, killer):
    """Make calls until all are made or the server is gone; return how many were acknowledged."""
    acknowledged = 0
    killer.choose()
    for method, path, body, answer in calls:
        killer.before_call(server)
        try:
            status, _, content = client.exchange(method, path, body)
        except OSError:
            break
        assert status < 300
        assert content == answer
        acknowledged += 1
    killer.join()
    return acknowledged


def test_kill__no_acknowledged_call_is_lost(api, tmp_path):
    """500 mixed calls with 20 kills in between end in the state of a run without kills."""
    calls, expected = mixed_calls(api)
    scenario, state = write_scenario(tmp_path), tmp_path / "state"
    killer, acknowledged, n_unacknowledged = _Killer(5), 0, 0
    for _ in range(N_KILLS + 1):
        with Server(str(scenario), "--state", str(state)) as server, Client(server.port) as client:
            found = client.call("GET", "/_sim/digest")[1]["commands"]
            # Everything acknowledged is there, and at most the one call that was on its way besides.
            assert acknowledged <= found <= acknowledged + 1
            n_unacknowledged += found - acknowledged
            acknowledged = found + play(calls[found:], server, client, killer)
    with Server("--state", str(state)) as server, Client(server.port) as client:
        digest = client.call("GET", "/_sim/digest")[1]

    assert (killer.n_kills, digest) == (N_KILLS, expected)
    print(f"\n{N_KILLS} kills, {n_unacknowledged} calls done whose answer was cut off")
