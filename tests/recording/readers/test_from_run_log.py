"""Run logs of the service become attempts with the borders of their stages."""

import json
from datetime import UTC, datetime

import pytest

from sim.errors import ScenarioError
from sim.recording.attempts import NEVER, UNKNOWN_REASON, AttemptResult, Attempts, StartKind
from sim.recording.readers.from_run_log import from_run_log
from sim.recording.readers.remarks import Remarks
from sim.rules.policy import TaskPolicy
from sim.rules.reasons import Reason

BEGIN = 1_796_083_200_000
POLICY = TaskPolicy.of_minutes(2, 5)


def at(seconds: float) -> str:
    """Return a time after midnight as the log writes it."""
    when = datetime.fromtimestamp(BEGIN / 1000 + seconds, UTC)
    return f"{when:%Y-%m-%dT%H:%M:%S},{when.microsecond // 1000:03d}Z"


def event(seconds: float, device: str, kind: str, **paras) -> dict:
    """Return a record of an event between platform and device."""
    message = {"object_device_id": device, "services": [{"event_type": kind, "paras": paras}]}
    return {
        "recordTime": at(seconds),
        "appId": "app",
        "deviceId": device,
        "categoryName": "device.event",
        "operation": "event",
        "request": json.dumps(message),
        "response": "",
        "status": "0",
        "requestId": "r",
    }


def over(seconds: float, device: str, status: str, msg: str = "", task: str = "t1", code: str = "") -> dict:
    """Return a record of a subtask's end."""
    error = {"error": {"error_code": code, "error_msg": msg}}
    response = error if status == "Fail" else {"output": msg}
    request = {"task_type": "firmwareUpgrade", "package_id": "p"}
    return {
        "recordTime": at(seconds),
        "appId": "app",
        "deviceId": device,
        "categoryName": "batch.task",
        "operation": task,
        "request": request,
        "response": json.dumps(response),
        "status": status,
    }


def read(tmp_path, *records, **options) -> tuple[Attempts, list[str]]:
    """Write a log and read it."""
    path = tmp_path / "log.jsonl"
    path.write_text("".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in records))
    remarks = Remarks()
    return from_run_log(path, remarks, **{"begins_ms": BEGIN, "policy": POLICY, **options}), remarks.lines()


def rows_of(table: Attempts) -> list[tuple]:
    """Return kind, start, end (in seconds) and result of each attempt; None for an end that nobody saw."""
    times = zip(table.start_from, table.start_to, table.end_from, table.end_to, strict=True)
    words = zip(table.start_kind, table.result, table.reason, strict=True)
    found = []
    for (*known, end_to), (kind, result, reason) in zip(times, words, strict=True):
        ends = [float(value) / 1000 for value in known] + [None if end_to == NEVER else end_to / 1000]
        found.append((StartKind(kind).name, *ends, AttemptResult(result).name, int(reason)))
    return found


def test_from_run_log__borders_of_stages(tmp_path):
    """When a device was reached and when it answered is known to the millisecond, as is the end."""
    table, _ = read(
        tmp_path,
        event(30.125, "d", "version_query"),
        event(31.5, "d", "version_report", fw_version="1.0"),
        event(31.6, "d", "firmware_upgrade", version="2.0"),
        event(200, "d", "upgrade_progress_report", result_code=0, progress=100),
        event(201, "d", "version_query"),
        event(202, "d", "version_report", fw_version="2.0"),
        over(202.25, "d", "Success"),
    )

    assert rows_of(table) == [("FIRST", 0, 0, 202.25, 202.25, "SUCCESS", 0)]
    assert (table.contact_ms.tolist(), table.version_ms.tolist()) == ([30_125], [31_500])
    assert (table.task_id, table.origin_ms, table.poll_ms) == ("t1", BEGIN, 0)


def test_from_run_log__a_reported_failure_and_its_retry(tmp_path):
    """A failed attempt has no record of the batch task: its report ends it, and the retry follows."""
    table, _ = read(
        tmp_path,
        event(0, "d", "version_query"),
        event(60, "d", "upgrade_progress_report", result_code=2, description="no signal"),
        event(500, "d", "version_query"),
        event(560, "d", "upgrade_progress_report", result_code=10),
        event(900, "d", "version_query"),
        event(960, "d", "upgrade_progress_report", result_code=10),
        over(960.5, "d", "Fail", "Upgrade package installation failure"),
    )

    assert rows_of(table) == [
        ("FIRST", 0, 0, 60, 60, "FAILED", 2),
        ("AUTO", 360, 360, 560, 560, "FAILED", 10),
        ("AUTO", 860, 860, 960, 960, "FAILED", 10),
    ]
    assert table.contact_ms.tolist() == [0, 500_000, 900_000]


def test_from_run_log__a_device_that_was_never_reached(tmp_path):
    """Its subtask's end has the vendor's text, and no border of a stage."""
    table, _ = read(tmp_path, over(90_000, "d", "Fail", "Waiting for the device online timeout"))

    assert rows_of(table) == [("FIRST", 0, 0, 90_000, 90_000, "FAILED", Reason.ONLINE_TIMEOUT)]
    assert table.contact_ms.tolist() == [-1]


def test_from_run_log__a_retry_that_never_reached_its_device(tmp_path):
    """An end long after a reported failure belongs to a retry of which the log has nothing else."""
    table, _ = read(
        tmp_path,
        event(0, "d", "version_query"),
        event(60, "d", "upgrade_progress_report", result_code=2),
        over(90_360, "d", "Fail", "Waiting for the device online timeout"),
    )

    assert rows_of(table)[1] == ("AUTO", 360, 360, 90_360, 90_360, "FAILED", Reason.ONLINE_TIMEOUT)


def test_from_run_log__what_is_under_way(tmp_path):
    """Without an end an attempt runs until the last record; so does a retry that waits for its device."""
    table, notes = read(
        tmp_path,
        event(0, "a", "version_query"),
        event(0, "b", "version_query"),
        event(60, "b", "upgrade_progress_report", result_code=2),
        event(1000, "z", "version_query"),
        over(1200, "z", "Success"),
        devices=["a", "b", "c", "z"],
        cohort_of=str.upper,
    )

    assert rows_of(table)[:4] == [
        ("FIRST", 0, 0, 1200, None, "RUNNING", 0),
        ("FIRST", 0, 0, 60, 60, "FAILED", 2),
        ("AUTO", 360, 360, 1200, None, "RUNNING", 0),
        ("FIRST", 0, 0, 1200, None, "RUNNING", 0),
    ]
    assert table.cohort_names == ["A", "B", "C", "Z"]
    assert not any("without a list" in note for note in notes)


def test_from_run_log__an_end_that_is_not_in_the_log(tmp_path):
    """A device that is asked again has failed in between, of an unknown cause."""
    table, notes = read(tmp_path, event(0, "d", "version_query"), event(900, "d", "version_query"))

    assert rows_of(table)[0] == ("FIRST", 0, 0, 0, 600, "FAILED", UNKNOWN_REASON)
    assert rows_of(table)[1][:3] == ("AUTO", 300, 900)
    assert any("since the device was asked again" in note for note in notes)


def test_from_run_log__a_retry_call(tmp_path):
    """What goes on after the end of a subtask was called by somebody, at a time that no record has."""
    table, _ = read(
        tmp_path,
        event(0, "d", "version_query"),
        over(60, "d", "Fail", code="2"),
        event(5000, "d", "version_query"),
        over(5060, "d", "Success"),
    )

    assert rows_of(table)[1] == ("CALL", 60, 5000, 5060, 5060, "SUCCESS", 0)


def test_from_run_log__without_task_and_policy(tmp_path):
    """When the task began is guessed and said, and so is what a log lacks."""
    table, notes = read(
        tmp_path,
        event(7, "d", "version_query"),
        event(60, "d", "upgrade_progress_report", result_code=2),
        event(500, "d", "version_query"),
        over(510, "d", "Stopped"),
        begins_ms=None,
        policy=None,
    )

    assert table.origin_ms == BEGIN + 7000
    assert rows_of(table)[1] == ("UNKNOWN", 53, 493, 503, 503, "STOPPED", 0)
    assert any("taken for the first time that a device was asked" in note for note in notes)
    assert any("missing without a list" in note for note in notes)


def test_from_run_log__flows_by_their_names(tmp_path):
    """Records whose event is told by the name of the flow, and those that the export wrapped, are read."""
    asked = {
        **event(5, "d", ""),
        "request": "",
        "operation": "Platform delivering a command to obtain version information",
    }
    wrapped = {"content": json.dumps(over(9, "d", "Success", "already the latest version")), "_time_": 1}

    table, notes = read(tmp_path, asked, wrapped)

    assert rows_of(table) == [("FIRST", 0, 0, 9, 9, "SUCCESS", Reason.NO_NEED)]
    assert table.contact_ms.tolist() == [5000]
    assert any("had the version already: 1" in note for note in notes)


def test_from_run_log__what_is_not_used_and_what_cannot_be_read(tmp_path):
    """Other records are counted; lines that are no record are said with their place."""
    other = {**event(1, "d", "x"), "categoryName": "device.status"}
    table, notes = read(
        tmp_path,
        other,
        event(2, "d", "time_sync"),
        {**over(3, "d", "Success"), "request": {"task_type": "createDevices"}},
        "rubbish",
        {"recordTime": at(1)},
        {**event(4, "d", "version_query"), "recordTime": "noon"},
        over(9, "d", "Gone"),
        over(9, "e", "Stopped"),
        over(9, "f", "Fail", "Task Conflict"),
        over(10, "g", "Success"),
    )

    assert len(table) == 4  # nothing ended those of d, e and f
    assert "records of other kinds, not used: 3" in notes
    (line,) = [
        note for note in notes if note.startswith("lines that are no record of a run log, left out: 3")
    ]
    assert "log.jsonl:4: not JSON, log.jsonl:5: no categoryName, log.jsonl:6: 'noon' is no time" in line
    assert any(
        "ended in 'Gone', which is no known state, left out: 1 (log.jsonl:7)" in note for note in notes
    )
    assert any("no attempt is in the log, left out: 1" in note for note in notes)
    assert any("another task had the device" in note for note in notes)


def test_from_run_log__several_tasks(tmp_path):
    """Of two tasks one has to be named; the other's records are left out."""
    records = [over(9, "d", "Success"), over(9, "e", "Success", task="t2")]

    with pytest.raises(ScenarioError, match=r"has 2 tasks.*name one of t1, t2"):
        read(tmp_path, *records)
    with pytest.raises(ScenarioError, match="'t3' is no task of this log; it has t1, t2"):
        read(tmp_path, *records, task="t3")
    table, notes = read(tmp_path, *records, task="t2")
    assert (table.devices, table.task_id) == (["e"], "t2")
    assert "records of another task, left out: 1" in notes


def test_from_run_log__nothing_in_it(tmp_path):
    """A log without an upgrade is refused."""
    with pytest.raises(ScenarioError, match="it has no record of an upgrade"):
        read(tmp_path)
    with pytest.raises(ScenarioError, match=r"log.jsonl:1: not JSON"):
        read(tmp_path, "rubbish")
