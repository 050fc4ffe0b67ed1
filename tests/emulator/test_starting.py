"""Tests of what a server says while it can't answer yet."""

import json
import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

import pytest

from sim.emulator.starting import NotReadyYet, ReplayProgress
from support.emulator import PACKAGE_ID, TASKS, ids
from support.server import Client, Server, request, write_scenario


@pytest.fixture
def listener():
    """Return a socket that listens and that nobody serves."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening


def asked(listener, sent):
    """Send bytes; return all that comes back."""
    with socket.create_connection(listener.getsockname(), timeout=10) as connection:
        connection.sendall(sent)
        parts = []
        while part := connection.recv(65_536):
            parts.append(part)
    return b"".join(parts)


def test_not_ready__every_request_is_told_to_come_again(listener):
    """Whatever is asked, it is 503 with Retry-After and the vendor's form; one after the other."""
    with NotReadyYet(listener):
        answers = [asked(listener, request("POST", TASKS, b"x" * size)) for size in (0, 100, 200_000)]

    for answer in answers:
        head, _, body = answer.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 503 Service Unavailable\r\n")
        assert re.search(rb"(?i)\r\nRetry-After: \d+\r\n", head)
        assert re.search(rb"(?i)\r\nX-Request-Id: [0-9a-f]{32}\r\n", head)
        assert set(json.loads(body)) == {"error_code", "error_msg"}
        assert b"replays its journal" in body


def test_not_ready__who_says_nothing_keeps_nobody_waiting_for_long(listener):
    """A connection without a request is given up; the next one is answered, and the end comes at once."""
    with NotReadyYet(listener), socket.create_connection(listener.getsockname()):
        assert asked(listener, request("GET", TASKS, b"")).startswith(b"HTTP/1.1 503")
        begin = time.monotonic()
    assert time.monotonic() - begin < 1


def test_not_ready__connections_that_wait_are_for_the_server(listener):
    """Who connects after the end is answered by whoever accepts then."""
    with NotReadyYet(listener):
        pass
    with socket.create_connection(listener.getsockname()):
        listener.setblocking(True)
        accepted, _ = listener.accept()
        accepted.close()


def test_progress__is_said_every_two_seconds():
    """A short replay says nothing; a long one says how far it is, not more often than one can read."""
    said, now = [], [0.0]
    progress = ReplayProgress(said.append, clock=lambda: now[0])
    for done in range(1, 101):
        now[0] = done * 0.05
        progress(done * 1000, 100_000)

    assert said == [f"Replaying the journal: {done},000 of 100,000 commands." for done in (40, 80)]


@pytest.mark.slow
def test_server__answers_503_while_it_replays(tmp_path):
    """From the port's opening on every request is answered: 503 until the journal is replayed, then 200."""
    state = tmp_path / "state"
    body = {
        "task_name": "t",
        "task_type": "firmwareUpgrade",
        "targets": ids("good", 1, 2),
        "document": {"package_ids": [PACKAGE_ID]},
    }
    with (
        Server(str(write_scenario(tmp_path)), "--state", str(state)) as server,
        Client(server.port) as client,
    ):
        assert client.call("POST", TASKS, body)[0] == 201
        port = server.port
        server.stop()
    command = [sys.executable, "-m", "sim", "serve", "--no-auth", "--port", str(port), "--state", str(state)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as again:
        statuses = set()
        deadline = time.monotonic() + 60
        while 200 not in statuses and time.monotonic() < deadline:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/_sim/clock", timeout=10) as answer:
                    statuses.add(answer.status)
            except urllib.error.HTTPError as error:
                statuses.add(error.code if error.headers["Retry-After"] else None)
            except OSError:
                time.sleep(0.01)
        again.kill()

    assert statuses == {200, 503}
