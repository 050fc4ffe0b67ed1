"""The commands `record` and `watch`, against the emulator's application in place of a server."""

import json
import re

import pytest

from sim.cli import main
from sim.emulator.clock import VirtualClock
from sim.emulator.state_folder import open_session
from sim.emulator.world import LAST_TICK
from sim.recording.recording_files import read_document, read_rows
from sim.recording.transport import Answer
from support.emulator import CREDENTIALS, PROJECT, Api, scenario_of
from support.recording import POLICY, subtasks
from support.recordings import stay, write_recording

URL = "http://127.0.0.1:1"
SECRETS = (CREDENTIALS.sk, CREDENTIALS.token, CREDENTIALS.ak)


@pytest.fixture
def api(tmp_path, monkeypatch):
    """Return an application that the commands reach by whatever address, with its keys in the environment."""
    (tmp_path / "state").mkdir()
    clock = VirtualClock("manual", limit_ticks=LAST_TICK)
    api = Api(open_session(tmp_path / "state", clock, scenario=scenario_of()))

    class Within:
        """A transport into the process."""

        host, prefix, is_readable_by_others = "localhost", "", False

        def __init__(self, url):
            """Take any address."""

        def __call__(self, method, path, headers, body=b""):
            """Ask the application."""
            given = {name: value for name, value in headers.items() if name != "Host"}
            answer = api.send(method, path, body, headers=given)
            return Answer(answer.status, answer.headers, answer.body)

        def close(self):
            """Nothing is open."""

    monkeypatch.setattr("sim.recording.transport.UrlTransport", Within)
    monkeypatch.chdir(tmp_path)
    for name in ("AK", "SK", "TOKEN", "PROJECT_ID"):
        monkeypatch.delenv(f"FLEETSIM_{name}", raising=False)
        monkeypatch.delenv(f"HUAWEICLOUD_SDK_{name}", raising=False)
    monkeypatch.setenv("FLEETSIM_AK", CREDENTIALS.ak)
    monkeypatch.setenv("FLEETSIM_SK", CREDENTIALS.sk)
    monkeypatch.setenv("FLEETSIM_PROJECT_ID", PROJECT)
    yield api
    api.close()


@pytest.mark.parametrize("how", ["plain", "derived", "token", "sdk"])
def test_record__a_campaign_to_parquet(api, tmp_path, capsys, monkeypatch, how):
    """Each way to prove who asks leads to the same recording, in which no secret stands."""
    if how == "token":
        for name in ("AK", "SK"):
            monkeypatch.delenv(f"FLEETSIM_{name}")
        monkeypatch.setenv("FLEETSIM_TOKEN", CREDENTIALS.token)
    if how == "sdk":
        for name in ("AK", "SK", "PROJECT_ID"):
            monkeypatch.setenv(f"HUAWEICLOUD_SDK_{name}", monkeypatch_value(name))
            monkeypatch.delenv(f"FLEETSIM_{name}")
    task_id = api.create("spring", groups=["good", "bad"], task_policy=POLICY)
    more = ["--region", "cn-north-4"] if how == "derived" else []

    code = main(["record", URL, "--task", "spring", "--out", "rec", "--simulated-time", *more])

    shown = capsys.readouterr()
    assert code == 0, shown.err
    assert f"Recording task {task_id} into rec" in shown.out
    assert re.search(r"All tasks have settled: [0-9]+ sweeps \(0 failed\)", shown.out)
    assert sorted(path.name for path in (tmp_path / "rec").iterdir()) == [
        "progress.parquet",
        "recording.json",
        "sightings.parquet",
        "sweeps.parquet",
        "tasks.json",
    ]
    rows = read_rows(tmp_path / "rec", "sightings").dicts()
    last = {row["device_id"]: (row["status"], row["error_code"]) for row in rows}
    assert last == subtasks(api, task_id)
    everything = b"".join(path.read_bytes() for path in (tmp_path / "rec").iterdir())
    assert not any(secret.encode() in everything for secret in (*SECRETS, PROJECT, "127.0.0.1"))


def monkeypatch_value(name):
    """Return the value of a variable of the SDK."""
    return {"AK": CREDENTIALS.ak, "SK": CREDENTIALS.sk, "PROJECT_ID": PROJECT}[name]


def test_watch__a_line_a_sweep(api, capsys):
    """Each sweep has a line with the counts and with what failed since."""
    api.create("spring", groups=["good", "bad"], task_policy=POLICY)

    assert main(["watch", URL, "--task", "spring", "--out", "rec", "--simulated-time"]) == 0

    lines = [line for line in capsys.readouterr().out.splitlines() if "Success" in line]
    assert (
        re.fullmatch(r"\S+ \S+Z  Success 0 \(0\.0%\), Waitting \d+.*", lines[0]) or "Processing" in lines[0]
    )
    assert any("new failures: 10 x 10 Upgrade package" in line for line in lines), lines
    assert "  Success 20 (66.7%), Fail 10; new failures: 10 x 10" in lines[-1]


def test_record__json(api, capsys):
    """A program reads one document, whatever was said else."""
    task_id = api.create("spring", groups=["good"])

    assert main(["record", URL, "--task", task_id, "--out", "rec", "--simulated-time", "--json"]) == 0

    document = json.loads(capsys.readouterr().out)
    assert document["tasks"] == [task_id]
    assert document["ended"] == "settled"
    assert document["rows"]["sightings"] >= 40
    assert document["inventory"] is None


def test_record__goes_on_where_it_ended(api, tmp_path, capsys):
    """A recording that has come to its time goes on with the same command; its lines can be made Parquet."""
    api.create("spring", groups=["bad"], task_policy=POLICY)
    words = ["record", URL, "--task", "spring", "--out", "rec", "--simulated-time"]
    assert main([*words, "--for", "3 min"]) == 0
    assert "The time is over" in capsys.readouterr().out
    assert (tmp_path / "rec" / "sightings.jsonl").exists()
    before = read_rows(tmp_path / "rec", "sightings").columns

    whole = (tmp_path / "rec" / "sightings.jsonl").read_bytes()
    (tmp_path / "rec" / "sightings.jsonl").write_bytes(whole + b"oops\n")
    assert main(["record", "--compact", "--out", "rec"]) == 0
    assert "sightings.jsonl: has lines that are no rows" in capsys.readouterr().err
    (tmp_path / "rec" / "sightings.jsonl").write_bytes(whole)

    assert main(["record", "--compact", "--out", "rec"]) == 0

    assert "sightings " in capsys.readouterr().out
    assert read_rows(tmp_path / "rec", "sightings").columns == before
    assert main(words) == 0
    assert len(read_document(tmp_path / "rec", "recording.json")["runs"]) == 2
    states = read_rows(tmp_path / "rec", "sightings").columns["status"]
    assert states.count("FailWaitRetry") == 20
    assert states.count("Fail") == 10


def test_record__a_copy_to_be_handed_on(tmp_path, monkeypatch, capsys):
    """A copy has names in place of device ids, made with the key of a file."""
    monkeypatch.chdir(tmp_path)
    write_recording(tmp_path / "rec", [stay("meter-1", "Success", 0, 1)])
    (tmp_path / "key").write_text("0123456789abcdef0123456789abcdef\n")
    words = ["record", "--compact", "--out", "rec", "--pseudonyms", "key", "--copy", "copy"]

    assert main(words) == 0

    assert "Copy without device ids: copy" in capsys.readouterr().out
    (name,) = read_rows(tmp_path / "copy", "sightings").columns["device_id"]
    assert name.startswith("d-")
    assert main([*words[:-1], "other", "--pseudonyms", "nowhere"]) == 2
    assert "--pseudonyms: can't be read" in capsys.readouterr().err


def test_record__the_fleet(api, tmp_path, capsys):
    """The inventory has everybody with product, status and version, and can go before a recording."""
    assert main(["record", URL, "--inventory", "--out", "rec", "--simulated-time"]) == 0

    assert "200 devices (" in capsys.readouterr().out
    lines = (tmp_path / "rec" / "devices.csv").read_text().splitlines()
    assert lines[0].startswith("device_id,cohort,product_id,node_id,status,fw_version,sw_version,")
    assert len(lines) == 201
    api.create("spring", groups=["good"])
    assert main(["record", URL, "--task", "spring", "--out", "rec", "--simulated-time"]) == 0
    assert len(read_rows(tmp_path / "rec", "sightings")) >= 40


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ([], ["URL: is missing", "--task: is missing"]),
        (
            [URL, "--every", "5", "--counts", "0.1 s", "--call-rate", "1000 /s"],
            ["--every: '5'", "--counts: 0.1 s is less than 1 s", "--call-rate: 1000 /s is not", "--task: is"],
        ),
        (["--compact", URL], ["--compact: turns a recording into Parquet"]),
        (["--compact"], ["recording.json: can't be read"]),
        (["--copy", "x"], ["--pseudonyms, --copy: need each other, and --compact"]),
        ([URL, "--copy", "x", "--pseudonyms", "key"], ["need each other, and --compact"]),
        ([URL, "--task", "nope"], ["no task with the id or the name 'nope'"]),
        ([URL, "--task", "f" * 24], ["HTTP 404 IOTDA.014280"]),
        ([URL, "--task", "f" * 24, "--region", "Mars!"], ["--region: 'Mars!' is no region"]),
    ],
)
def test_record__bad_input(api, capsys, words, says):
    """What is wrong is told all at once, with what is allowed; code 2 and no traceback."""
    assert main(["record", *words, "--out", "rec"]) == 2

    err = capsys.readouterr().err
    assert [text for text in says if text not in err] == []
    assert "Traceback" not in err


def test_record__wrong_keys(api, capsys, monkeypatch):
    """Keys that the service does not know are told with its words, and none of them is shown."""
    monkeypatch.setenv("FLEETSIM_SK", "another-secret")
    task_id = api.create("spring", groups=["good"])

    assert main(["record", URL, "--task", task_id, "--out", "rec", "--simulated-time"]) == 2

    err = capsys.readouterr().err
    assert "no simulated clock (HTTP 401)" in err
    assert main(["record", URL, "--task", task_id, "--out", "rec"]) == 2
    err += capsys.readouterr().err
    assert "HTTP 401 IOTDA.000002" in err
    assert "another-secret" not in err


def test_record__no_server(capsys, monkeypatch, tmp_path):
    """An address at which nobody answers, and one that is none, are told as what they are."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sim.recording.poll_clock.time.sleep", lambda seconds: None)

    assert main(["record", URL, "--task", "f" * 24, "--out", "rec"]) == 2
    assert "no answer: Connection refused (7 tries)" in capsys.readouterr().err
    assert main(["record", "iotda.example", "--task", "f" * 24, "--out", "rec"]) == 2
    assert "is no address of a server" in capsys.readouterr().err
