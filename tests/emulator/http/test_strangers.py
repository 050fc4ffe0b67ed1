"""Tests of a server that strangers, other clients and a full disk get at, over real sockets."""

import json
import shutil
import socket
import subprocess
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest

from support.emulator import CREDENTIALS, PACKAGE_ID, TASKS, ids
from support.server import Client, Server, request, write_scenario

pytestmark = pytest.mark.slow

MIB = 1024**2
BODY = b"x" * (11 * MIB)
JAVA_CLIENT = """
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;

public class Stop {
    public static void main(String[] words) throws Exception {
        HttpClient client = HttpClient.newHttpClient();
        for (int k = 2; k < words.length; k++) {
            HttpRequest request = HttpRequest.newBuilder(URI.create(words[0]))
                .header("X-Auth-Token", words[1])
                .header("Content-Type", "application/json")
                .POST(HttpRequest.BodyPublishers.ofString(words[k]))
                .build();
            System.out.println(client.send(request, HttpResponse.BodyHandlers.ofString()).statusCode());
        }
    }
}
"""


def create_body(*targets):
    """Return the body of a create call."""
    document = {"package_ids": [PACKAGE_ID]}
    return {"task_name": "t", "task_type": "firmwareUpgrade", "targets": [*targets], "document": document}


def named(*numbers):
    """Return the body of a call that names devices."""
    return json.dumps({"targets": ids("good", *numbers)})


@pytest.mark.parametrize("program", ["curl", "java"])
def test_client__that_asks_for_http_2_stops_whom_it_names(tmp_path, program):
    """Curl and Java ask for another protocol first; what they name is what is stopped, call after call."""
    if shutil.which(program) is None:
        pytest.skip(f"needs {program}")
    with Server(str(write_scenario(tmp_path))) as server, Client(server.port) as client:
        _, created = client.call("POST", TASKS, create_body(*ids("good", *range(20))))
        path = f"{TASKS}/{created['task_id']}"
        url = f"{server.url}{path}/stop"
        if program == "java":
            (tmp_path / "Stop.java").write_text(JAVA_CLIENT)
            words = ["java", str(tmp_path / "Stop.java"), url, CREDENTIALS.token, named(1), named(2, 3)]
        else:
            header = f"X-Auth-Token: {CREDENTIALS.token}"
            one = ["-s", "-w", "%{http_code}\n", "-o", "answer", "--http2", "-H", header]
            one += ["-H", "Content-Type: application/json", url]
            words = ["curl", *one, "-d", named(1), "--next", *one, "-d", named(2, 3)]
        done = subprocess.run(words, capture_output=True, text=True, check=False, cwd=tmp_path)
        shown = client.call("GET", path)[1]["batchtask"]

    assert done.stdout.split() == ["200", "200"], done.stderr
    assert shown["task_progress"]["stopped"] == 3


def peak_bytes(server):
    """Return the most memory that a server has held so far."""
    lines = Path(f"/proc/{server.process.pid}/status").read_text().splitlines()
    (line,) = (line for line in lines if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024


def pour(port, pieces):
    """Send pieces over one connection until the server has had enough; return what it said."""
    with socket.create_connection(("127.0.0.1", port), timeout=60) as sending:
        try:
            for piece in pieces:
                sending.sendall(piece)
            sending.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # it has closed the connection, which is its right
        try:
            return sending.recv(65536)
        except OSError:
            return b""


def wrongly_signed():
    """Return a request with a large body and a signature of the right key that is wrong."""
    date = f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    names = "content-type;host;x-sdk-date"
    who = f"SDK-HMAC-SHA256 Access={CREDENTIALS.ak}, SignedHeaders={names}, Signature={'0' * 64}"
    head = f"X-Sdk-Date: {date}\r\nAuthorization: {who}"
    return request("POST", TASKS, BODY).replace(f"X-Auth-Token: {CREDENTIALS.token}".encode(), head.encode())


FLOODS = {
    "300 MB of headers": (6, lambda: [b"GET / HTTP/1.1\r\nHost: a\r\n", *[b"x: y\r\n" * 175_000] * 50]),
    "300 MB of one header": (6, lambda: [b"GET / HTTP/1.1\r\nHost: a\r\nX: ", *[b"x" * MIB] * 50]),
    "bodies with a wrong token": (
        60,
        lambda: [request("POST", TASKS, BODY).replace(CREDENTIALS.token.encode(), b"wrong")],
    ),
    "bodies with a wrong signature": (60, lambda: [wrongly_signed()]),
}


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads the memory of another process")
@pytest.mark.parametrize("name", FLOODS)
def test_strangers__cost_little_memory(tmp_path, name):
    """Whoever has no right to call makes the server hold at most 50 MB more, and it goes on serving."""
    count, make = FLOODS[name]
    with Server(str(write_scenario(tmp_path))) as server:
        with Client(server.port) as client:  # what a first task loads is no stranger's fault
            assert client.call("POST", TASKS, create_body(*ids("good", 1)))[0] == 201
        before = peak_bytes(server)
        said = []
        threads = [
            threading.Thread(target=lambda: said.append(pour(server.port, make()))) for _ in range(count)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        with Client(server.port) as client:
            assert client.call("GET", "/_sim/digest")[1]["commands"] == 1
        more = peak_bytes(server) - before
        rest = server.stop()

    print(f"\n{name}: {more / 1e6:.0f} MB more")
    statuses = {answer.split()[1] for answer in said if answer}
    assert statuses <= ({b"494"} if "header" in name else {b"401"})
    assert more <= 50e6
    assert "Traceback" not in rest


@pytest.mark.parametrize("latency_s", [0.0, 0.05])
def test_disk__that_is_full_is_told_in_sentences(tmp_path, latency_s):
    """What can't be written is 500 and has not happened, also if answers are late; the server goes on."""
    resource = pytest.importorskip("resource")  # POSIX
    if not hasattr(resource, "prlimit"):
        pytest.skip("limits the files of another process")
    state = tmp_path / "state"
    statuses = []
    with Server(str(write_scenario(tmp_path)), "--state", str(state)) as server:
        with Client(server.port) as client:
            _, created = client.call("POST", TASKS, create_body(*ids("good", *range(20))))
            path = f"{TASKS}/{created['task_id']}"
            client.call("PUT", "/_sim/faults", {"latency_s": latency_s})
            resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (16384, resource.RLIM_INFINITY))
            for number in range(20):
                body = {"targets": ids("good", number)}
                statuses.append(client.call("POST", f"{path}/stop", body)[0])
            assert client.call("POST", "/_sim/reset")[0] == 500
            shown = client.call("GET", path)[1]["batchtask"]["task_progress"]
        rest = server.stop()
    with Server("--state", str(state)) as again, Client(again.port) as client:
        resumed = client.call("GET", path)[1]["batchtask"]["task_progress"]

    assert set(statuses) == {200, 500}
    assert shown["stopped"] == resumed["stopped"] == statuses.count(200)
    assert rest.count("is undone: the journal can't be written: ") == statuses.count(500) + 1
    assert "Traceback" not in rest
    assert server.process.returncode == 0
