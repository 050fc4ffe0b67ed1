"""Tests of the command `fleetsim serve` and of the server as a process."""

import contextlib
import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import time
import tomllib
import urllib.request
import zipfile
from pathlib import Path

import pytest
import uvicorn

import sim.emulator.state_folder
from sim.cli import main
from sim.cli.outcome import ExitCode
from sim.emulator.server import _Server, _Signals, is_loopback
from sim.emulator.state_folder import quickstart
from sim.errors import ScenarioError
from support.emulator import CREDENTIALS, TASKS, ids, scenario_of
from support.server import Client, Server, request, write_scenario


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", True),
        ("127.8.8.8", True),
        ("::1", True),
        ("localhost", True),
        ("LOCALHOST", True),
        ("0.0.0.0", False),
        ("::", False),
        ("192.168.0.1", False),
        ("localhost.example", False),
        ("", False),
    ],
)
def test_is_loopback__knows_who_can_reach_a_host(host, expected):
    """Only names and addresses that never leave the machine are loopback."""
    assert is_loopback(host) is expected


def test_quickstart__is_the_shipped_scenario(repository):
    """Without a scenario the server shows the quickstart's fleet."""
    assert quickstart().name == "quickstart"
    assert quickstart().source_text == (repository / "scenarios" / "quickstart.yaml").read_text()
    build = tomllib.loads((repository / "pyproject.toml").read_text())["tool"]["hatch"]["build"]
    place = Path(sim.emulator.state_folder.__file__).relative_to(repository).with_name("quickstart.yaml")
    assert build["targets"]["wheel"]["force-include"] == {"scenarios/quickstart.yaml": place.as_posix()}


def test_quickstart__comes_from_the_package_if_it_is_there(monkeypatch, tmp_path):
    """An installed package has its own copy, which is looked for before the repository's."""
    (tmp_path / "sim" / "emulator").mkdir(parents=True)
    monkeypatch.setattr(
        "sim.emulator.state_folder.__file__", str(tmp_path / "sim" / "emulator" / "state_folder.py")
    )
    with pytest.raises(ScenarioError, match="name a scenario file"):
        quickstart()
    text = scenario_of().source_text.replace("name: small", "name: installed")
    (tmp_path / "sim" / "emulator" / "quickstart.yaml").write_text(text)

    assert quickstart().name == "installed"


@pytest.mark.slow
def test_wheel__serves_without_a_scenario(repository, tmp_path):
    """A server from the wheel alone, far from the repository, shows the quickstart's fleet."""
    for part in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(repository / part, tmp_path)
    for part in ("sim", "scenarios"):
        shutil.copytree(repository / part, tmp_path / part, ignore=shutil.ignore_patterns("__pycache__"))
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", "dist"]
    subprocess.run(build, cwd=tmp_path, check=True, capture_output=True)
    (wheel,) = (tmp_path / "dist").glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "installed")
    program = """
import sim.emulator.state_folder
print(sim.emulator.state_folder.__file__)
print(sim.emulator.state_folder.quickstart().name)
"""
    done = subprocess.run(
        [
            sys.executable,
            "-I",
            "-c",
            f"import sys; sys.path.insert(0, {str(tmp_path / 'installed')!r})" + program,
        ],
        cwd=tmp_path / "dist",
        capture_output=True,
        text=True,
        check=True,
    )
    place, name = done.stdout.split()

    assert place.startswith(str(tmp_path / "installed"))
    assert name == "quickstart"


def test_quickstart__that_is_not_there(monkeypatch):
    """An installation without it says so, instead of failing later."""
    monkeypatch.setattr("sim.emulator.state_folder._QUICKSTART", "absent.yaml")
    with pytest.raises(ScenarioError, match="name a scenario file"):
        quickstart()


def test_server__has_no_compiler_until_it_idles_or_a_task_comes(repository, tmp_path):
    """It is a third of the start; queries without a task do without, and so does an end."""
    program = f"""
import asyncio, sys
from pathlib import Path
sys.path.insert(0, {str(repository / "tests")!r})
from sim.emulator.clock import VirtualClock
from sim.emulator.state_folder import open_session
from support.emulator import TASKS, Api

async def idle(app):
    async with app.router.lifespan_context(app):
        while "numba" not in sys.modules:
            await asyncio.sleep(0.01)

for _ in range(2):
    api = Api(open_session(Path({str(tmp_path)!r}), VirtualClock("manual", limit_ticks=1)))
    print(api.get(TASKS, task_type="firmwareUpgrade").status)
    api.close()
print("numba" in sys.modules)
api = Api(open_session(Path({str(tmp_path)!r}), VirtualClock("manual", limit_ticks=1)))
asyncio.run(idle(api.app))
print("numba" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert done.stdout.split() == ["200", "200", "False", "True"]


def test_load_compiled_plane__hides_nothing_from_other_threads():
    """Whoever imports a library while the compiler is loading on another thread finds it."""
    program = """
import sys
from sim.emulator.deferred_fleet import load_compiled_plane

class Watch:
    hidden = set()

    def find_spec(self, name, path=None, target=None):
        self.hidden |= {one for one, module in sys.modules.items() if module is None}

sys.meta_path.insert(0, Watch())
load_compiled_plane()
print("numba" in sys.modules, sorted(one for one in Watch.hidden if one.startswith(("scipy", "coverage"))))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert done.stdout.split() == ["True", "[]"]


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["--no-auth", "--host", "0.0.0.0"], "--no-auth: is refused for 0.0.0.0"),
        (["--no-auth", "--host", "example.org"], "--no-auth: is refused"),
        (["--tls-cert", "CERT"], "--tls-cert and --tls-key come together"),
        (["--speed", "0"], "--speed"),
        (["--port", "70000"], "--port"),
        (["--clock", "fast"], "--clock"),
        (["--start", "tomorrow"], "--start: 'tomorrow' is no date and time with a zone"),
        (["--host", "no.such.host.invalid"], "--host: 'no.such.host.invalid' is no name or address"),
        (["--tls-cert", "CERT", "--tls-key", "CERT"], "--tls-cert: does not go with --tls-key"),
        (["absent.yaml"], "absent.yaml"),
        (["--credentials", "absent"], "--credentials"),
    ],
)
def test_serve__refuses_bad_options(tmp_path, capsys, words, text):
    """What can't be served, or not safely, ends with code 2 and a sentence."""
    certificate = tmp_path / "cert.pem"
    certificate.write_text("x")
    words = [str(certificate) if word == "CERT" else word for word in words]

    assert main(["serve", "--state", str(tmp_path / "state"), *words]) == ExitCode.BAD_INPUT
    assert text in capsys.readouterr().err


def test_serve__a_taken_port_is_said_before_anything_else(tmp_path, capsys):
    """If the port is taken, nothing is begun; the folder has no journal."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        code = main(["serve", "--port", port, "--state", str(tmp_path / "state")])

    assert code == ExitCode.BAD_INPUT
    assert f"--port: {port} is in use; choose another one" in capsys.readouterr().err
    assert list((tmp_path / "state").iterdir()) == []


def test_serve__another_scenario_for_the_same_folder(tmp_path, capsys, make_session):
    """A folder that belongs to another scenario is refused, with what to do."""
    make_session().close()
    code = main(["serve", "--port", "0", "--state", str(tmp_path / "state0"), "scenarios/quickstart.yaml"])

    assert code == ExitCode.BAD_INPUT
    assert "use another folder" in capsys.readouterr().err


@pytest.mark.slow
def test_server__resumes_where_it_was(tmp_path):
    """What was done before an orderly end is there after the next start, without naming the scenario."""
    state = tmp_path / "state"
    body = {
        "task_name": "t",
        "task_type": "firmwareUpgrade",
        "targets": ids("good", 1, 2),
        "document": {"package_ids": ["010000000000000000000001"]},
    }
    with Server(str(write_scenario(tmp_path)), "--state", str(state)) as server:
        with Client(server.port) as client:
            task_id = client.call("POST", TASKS, body)[1]["task_id"]
            client.call("POST", "/_sim/clock/advance", {"until_settled": task_id})
            digest = client.call("GET", "/_sim/digest")[1]
        rest = server.stop()
    with Server("--state", str(state)) as again:
        with Client(again.port) as client:
            assert client.call("GET", "/_sim/digest")[1] == digest
            assert client.call("GET", f"{TASKS}/{task_id}")[1]["batchtask"]["status"] == "Success"
        more = again.stop(signal.SIGTERM)

    assert "Error" not in rest + more
    assert f"Ended after {digest['commands']} commands; resume with --state {state}." in rest
    assert (server.process.returncode, again.process.returncode) == (0, 0)
    assert f"Resumed after {digest['commands']} commands." in more


@pytest.mark.slow
def test_server__shows_new_credentials_once_and_logs_no_secret(tmp_path):
    """Generated credentials are printed at the first start only; requests leave no secret behind."""
    state = tmp_path / "state"
    outputs = []
    for mode in (0o600, 0o644):
        if outputs:
            (state / "credentials").chmod(mode)
        with Server("--state", str(state), environment={}) as server:
            known = dict(line.split("=", 1) for line in (state / "credentials").read_text().splitlines())
            call = urllib.request.Request(f"{server.url}/_sim/clock")
            call.add_header("X-Auth-Token", known["FLEETSIM_TOKEN"])
            with urllib.request.urlopen(call) as answer:
                assert answer.status == 200
            outputs.append("\n".join(server.said) + server.stop())

    assert known["FLEETSIM_SK"] in outputs[0]
    assert all(secret not in outputs[1] for secret in known.values())
    warning = f"Warning: others can read {state / 'credentials'}"
    assert [warning in output for output in outputs] == [False, True]


@pytest.mark.slow
def test_server__runs_in_real_time_without_authentication(tmp_path):
    """With `--no-auth` on loopback anybody on this machine may call; a running clock runs."""
    with Server("--no-auth", "--clock", "real", "--speed", "1000", "--start", "now") as server:
        with urllib.request.urlopen(f"{server.url}/_sim/clock") as answer:
            first = answer.read()
        with urllib.request.urlopen(f"{server.url}/_sim/clock") as answer:
            second = answer.read()

    assert b'"mode":"real","speed":1000.0' in first
    assert first != second


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl to make a certificate")
def test_server__speaks_tls(tmp_path):
    """With a certificate the server speaks HTTPS, and nothing else."""
    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1"),
            *("-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"),
            *("-keyout", str(key), "-out", str(certificate)),
        ],
        check=True,
        capture_output=True,
    )
    with Server("--tls-cert", str(certificate), "--tls-key", str(key)) as server:
        assert server.url.startswith("https://127.0.0.1:")
        context = ssl.create_default_context(cafile=certificate)
        call = urllib.request.Request(f"{server.url}/_sim/clock")
        call.add_header("X-Auth-Token", CREDENTIALS.token)
        with urllib.request.urlopen(call, context=context) as answer:
            assert answer.status == 200
        with pytest.raises(ConnectionError):
            urllib.request.urlopen(server.url.replace("https", "http"))


MALFORMED = {
    "another protocol": b"\x16\x03\x01\x00\xa5\x01\x00\x00",
    "another version": request("GET", TASKS, b"").replace(b"HTTP/1.1", b"HTTP/9.9"),
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "NUL in a header": request("GET", TASKS, b"").replace(b"a-token", b"a-\0token"),
    "line feed in a header": request("GET", TASKS, b"").replace(b"Host: ", b"Host: a\n X: "),
    "carriage return in a header": request("GET", TASKS, b"").replace(b"Host: ", b"Host: a\rX-Evil: "),
    "space before the colon": request("GET", TASKS, b"").replace(b"Host:", b"Host :"),
    "bytes in the path": request("GET", TASKS, b"").replace(b"batchtasks", b"\xff\xfe"),
    "negative length": request("POST", TASKS, b"").replace(b"Length: 0", b"Length: -5"),
    "two lengths": request("POST", TASKS, b"").replace(b"Host:", b"Content-Length: 9\r\nHost:"),
    "length and chunks": request("POST", TASKS, b"").replace(
        b"Host:", b"Transfer-Encoding: chunked\r\nHost:"
    ),
}


@pytest.mark.slow
def test_server__malformed_requests_are_answered_in_the_same_form(tmp_path):
    """What is no HTTP, or two requests in one, is 400 with an error body and an id, and changes nothing."""
    with Server(str(write_scenario(tmp_path))) as server:
        for name, sent in MALFORMED.items():
            with Client(server.port) as client:
                status, headers, content = client.send(sent)
            assert (status, json.loads(content)["error_code"]) == (400, "APIGW.0201"), name
            assert len(headers["x-request-id"]) == 32, name
            assert "x-evil" not in headers
        with Client(server.port) as client:
            assert client.call("GET", "/_sim/digest")[1]["commands"] == 0
        assert "Traceback" not in server.stop()


@pytest.mark.slow
def test_server__ends_although_clients_linger(tmp_path):
    """Idle connections, half a request and a delayed answer don't keep a server from ending in order."""
    with (
        Server(str(write_scenario(tmp_path))) as server,
        Client(server.port) as idle,
        Client(server.port) as half,
        Client(server.port) as late,
    ):
        idle.call("PUT", "/_sim/faults", {"latency_s": 60})
        half.post(request("POST", TASKS, b"x" * 50)[:-20])
        late.post(request("GET", f"{TASKS}?task_type=firmwareUpgrade", b""))
        assert idle.call("GET", "/_sim/clock")[0] == 200  # by now the server has read the others
        begin = time.monotonic()
        rest = server.stop()
        took_s = time.monotonic() - begin
        status, _, content = late.answer()
        with pytest.raises(ConnectionError):
            half.answer()

    assert took_s < 20
    assert (status, json.loads(content)["error_code"]) == (502, "APIGW.0201")
    assert "Ended after 0 commands" in rest
    assert "Traceback" not in rest
    assert server.process.returncode == 0


@pytest.mark.slow
def test_server__a_lost_answer_closes_the_connection(tmp_path):
    """A client whose answer is lost sees the connection break, and finds the command done."""
    package = f"/v5/iot/{CREDENTIALS.project_id}/ota-upgrades/packages/{'01' + '0' * 21}1"
    with Server(str(write_scenario(tmp_path))) as server:
        with Client(server.port) as client:
            client.call("PUT", "/_sim/faults", {"lost_share": 1})
            with pytest.raises(ConnectionError):
                client.call("DELETE", package)
        with Client(server.port) as client:
            assert client.call("GET", "/_sim/digest")[1]["commands"] == 1


ENDS = {
    "once": [signal.SIGINT],
    "twice": [signal.SIGINT, signal.SIGINT],
    "again and again": [signal.SIGINT] * 6,
    "with the terminal": [signal.SIGHUP],
    "by all means": [signal.SIGHUP, signal.SIGTERM, signal.SIGINT],
}


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
@pytest.mark.parametrize("is_busy", [False, True])
@pytest.mark.parametrize("name", ENDS)
def test_server__ends_in_order_however_it_is_told(tmp_path, monkeypatch, name, is_busy):
    """Ctrl-C twice or a closed terminal: the session is closed, the temporary folder is empty."""
    (tmp_path / "temporary").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
    with Server(str(write_scenario(tmp_path))) as server, Client(server.port) as late:
        if is_busy:  # an answer that is not out yet is waited for, but only by the patient
            late.call("PUT", "/_sim/faults", {"latency_s": 60})
            late.post(request("GET", f"{TASKS}?task_type=firmwareUpgrade", b""))
        for how in ENDS[name]:
            server.process.send_signal(how)
            time.sleep(0.05)
        rest = server.stop()

    assert server.process.returncode == 0
    assert "Ended after 0 commands; nothing is kept without --state." in rest
    assert "Traceback" not in rest
    assert list((tmp_path / "temporary").iterdir()) == []


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
@pytest.mark.parametrize("after_s", [0.2, 0.5, 0.8, 1.2])
def test_server__that_is_told_to_end_while_it_starts(tmp_path, after_s):
    """Whenever the terminal is closed, nothing is left behind."""
    (tmp_path / "temporary").mkdir()
    environment = {**os.environ, "TMPDIR": str(tmp_path / "temporary")}
    words = [sys.executable, "-m", "sim", "serve", "--port", "0", str(write_scenario(tmp_path))]
    starting = subprocess.Popen(words, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    time.sleep(after_s)
    for _ in range(2):
        starting.send_signal(signal.SIGHUP)
    output, _ = starting.communicate(timeout=60)

    # Before it has begun anything, the signal ends it as it ends every process.
    assert starting.returncode in (0, ExitCode.INTERRUPTED, -signal.SIGHUP)
    assert b"Traceback" not in output
    assert list((tmp_path / "temporary").iterdir()) == []


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_signals__one_whose_interrupt_got_lost_ends_the_server_all_the_same():
    """A signal during the start may raise where nothing gets further, as in a finalizer."""
    server = _Server(uvicorn.Config(lambda: None))
    former = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        with _Signals() as signals:
            with contextlib.suppress(KeyboardInterrupt):
                signal.raise_signal(signal.SIGTERM)
            signals.begin(server)
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)

    assert server.should_exit
    assert not server.force_exit


@pytest.mark.slow
def test_server__tells_unknown_keys_or_refuses_them(tmp_path):
    """A slip in a body is a warning on standard error, and with `--strict` a refusal."""
    body = {
        "task_name": "t",
        "task_type": "firmwareUpgrade",
        "targets": ids("good", 1),
        "document": {"package_ids": ["010000000000000000000001"]},
        "task_polisy": {},
    }
    seen = []
    for words in ([], ["--strict"]):
        with Server(str(write_scenario(tmp_path)), *words) as server:
            with Client(server.port) as client:
                status = client.call("POST", TASKS, body)[0]
            server.process.send_signal(signal.SIGINT)
            _, err = server.process.communicate(timeout=60)
            seen.append((status, err.decode().strip()))

    warning = f"Warning: POST {TASKS}: passed over, the API does not know: 'task_polisy'"
    assert seen == [(201, warning), (400, "")]


@pytest.mark.slow
def test_server__is_no_longer_called_by_pages_of_others(tmp_path):
    """Without authentication, what a browser says about a page's origin is believed."""
    with Server("--no-auth", str(write_scenario(tmp_path))) as server:
        statuses = []
        for site in ("none", "cross-site"):
            with Client(server.port) as client:
                line = f"Sec-Fetch-Site: {site}\r\nHost:".encode()
                whole = request("GET", "/_sim/clock", b"").replace(b"Host:", line)
                statuses.append(client.send(whole)[0])

    assert statuses == [200, 403]
