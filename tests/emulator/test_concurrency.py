"""Fifty clients at once: no effect is lost or doubled, and the journal says in which order."""

import json
import random
import threading

import pytest

from sim.emulator.journal.journal import Journal
from support.emulator import PACKAGE_ID, TASKS, ids
from support.server import Client, Server, write_scenario

pytestmark = pytest.mark.slow

N_CLIENTS = 50
N_ROUNDS = 12
LOOK = "limit=50&task_detail_status=Stopped"


class _Script(threading.Thread):
    """One client: retries and stops its own targets and those that all share, and looks.

    Attributes:
        acknowledged: The largest command number that it has seen in an answer.
        answers: What came back for each command.
        looks: What it saw: the largest number that anybody had seen before it looked, path, content.
    """

    def __init__(self, number, port, task_ids, scripts):
        super().__init__()
        self._scripts = scripts
        self._rng = random.Random(number)
        self._number = number
        self._port = port
        self._task_ids = task_ids
        self.acknowledged = 0
        self.answers = []
        self.looks = []
        self.error = None

    def run(self):
        """Make the calls and keep what came back."""
        try:
            with Client(self._port) as client:
                for _ in range(N_ROUNDS):
                    self._step(client)
        except Exception as error:  # the test reports it
            self.error = error

    def _step(self, client):
        own, shared = ids("flaky", self._number), ids("good", self._rng.randrange(20))
        path = f"{TASKS}/{self._rng.choice(self._task_ids)}"
        method, path, body = self._rng.choice(
            [
                ("POST", f"{path}/stop", {"targets": [*own, *shared]}),
                ("POST", f"{path}/retry", {"targets": [*shared, *own]}),
                ("POST", f"{path}/retry", {}),
                ("POST", "/_sim/clock/advance", {"seconds": self._rng.choice([1, 20, 70])}),
                ("GET", f"{path}?{LOOK}", None),
            ]
        )
        before = max(script.acknowledged for script in self._scripts)
        status, headers, content = client.exchange(method, path, body)
        if method == "GET":
            assert status == 200
            self.looks.append((before, path, content))
            return
        number = headers.get("x-fleetsim-command")
        self.acknowledged = int(number or self.acknowledged)
        self.answers.append((number, method, path, body, status, content))


def test_fifty_clients__answers_follow_the_journal(make_api, tmp_path):
    """Each answer is the one that it has when all commands are played one after another.

    A look must show the state between two commands, and nothing from before a command that anybody had
    an answer of when it began.
    """
    state = tmp_path / "state"
    with Server(str(write_scenario(tmp_path)), "--state", str(state)) as server:
        task_ids = []
        with Client(server.port) as client:
            for group in ("flaky", "good"):
                body = {
                    "task_name": group,
                    "task_type": "firmwareUpgrade",
                    "targets_filter": {"group_ids": [group]},
                    "document": {"package_ids": [PACKAGE_ID]},
                }
                task_ids.append(client.call("POST", TASKS, body)[1]["task_id"])
            scripts = []
            scripts += [_Script(number, server.port, task_ids, scripts) for number in range(N_CLIENTS)]
            for script in scripts:
                script.start()
            for script in scripts:
                script.join()
            served = client.call("GET", "/_sim/digest")[1]
        server.stop()

    assert [script.error for script in scripts if script.error is not None] == []
    answers = [answer for script in scripts for answer in script.answers]
    assert {status for _, _, _, _, status, _ in answers} <= {200, 400}
    by_number = {int(answer[0]): answer for answer in answers if answer[0] is not None}
    numbered = [answer for answer in answers if answer[0] is not None]
    assert len(by_number) == len(numbered)  # no number was given twice

    journal = Journal.open(state)
    entries = list(journal.entries())
    journal.close()
    assert len(entries) == served["commands"]
    advances = sum(path == "/_sim/clock/advance" for _, _, path, _, _, _ in answers)
    assert len(entries) == len(numbered) + advances + 2
    api = make_api()
    paths = [f"{TASKS}/{task_id}?{LOOK}" for task_id in task_ids]
    shown = {path: {} for path in paths}  # content: the last command after which it is shown
    for entry in entries:
        if entry.kind == "advance":
            api.advance(until_s=entry.tick / 1e6)
        elif entry.kind == "create_task":
            api.post(TASKS, json.loads(entry.body))
        else:
            _, _, path, body, status, content = by_number[entry.seq]
            again = api.post(path, body)
            assert (again.status, again.body) == (status, content)
            assert again.headers["x-fleetsim-command"] == str(entry.seq)
        for path in paths if entry.seq >= len(paths) else ():
            shown[path][api.get(path).body] = entry.seq
    assert api.get("/_sim/digest").json == served
    looks = [look for script in scripts for look in script.looks]
    assert len(looks) > N_CLIENTS
    assert [path for before, path, content in looks if shown[path].get(content, -1) < before] == []
