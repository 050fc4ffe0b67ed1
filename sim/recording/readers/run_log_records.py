"""Records of IoTDA's run log, as the log service exports them: a JSON object a line.

Source:
    IoTDA user guide, "Run Logs" (fields, categories, format of `recordTime`, records of batch tasks). What
    `operation` and `request` of a device's events hold is not documented in full: an event is told by its
    `event_type` of the device protocol, wherever it stands, or by the name of the flow.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from enum import IntEnum, unique
from pathlib import Path
from typing import Any, Final, NamedTuple

from sim.errors import Problem, ScenarioError
from sim.recording.readers.instants import instant
from sim.recording.readers.remarks import Remarks
from sim.rules.states import UPGRADE_TYPES

UNREADABLE: Final = "lines that are no record of a run log, left out"
NOT_USED: Final = "records of other kinds, not used"


@unique
class LogEvent(IntEnum):
    """What a record tells of an upgrade."""

    VERSION_ASKED = 0
    VERSION_TOLD = 1
    UPGRADE_SENT = 2
    DOWNLOAD = 3
    PROGRESS_TOLD = 4
    SUBTASK_OVER = 5


_PATTERNS: Final = (
    (
        LogEvent.PROGRESS_TOLD,
        re.compile(r"upgrade_progress_report|reporting the upgrade status|上报升级状态", re.I),
    ),
    (LogEvent.VERSION_ASKED, re.compile(r"version_query|obtain version|获取版本", re.I)),
    (LogEvent.VERSION_TOLD, re.compile(r"version_report|software and firmware version|上报软固件版本", re.I)),
    (LogEvent.DOWNLOAD, re.compile(r"download\w* (the )?upgrade package|下载升级包", re.I)),
    (LogEvent.UPGRADE_SENT, re.compile(r"(firm|soft)ware_upgrade|delivering an upgrade|升级通知", re.I)),
)


class LogRecord(NamedTuple):
    """One record.

    Attributes:
        at_ms: When it was logged, ms since the Unix epoch.
        device: The device's id.
        event: What it tells.
        task_id: The batch task, of `SUBTASK_OVER`; else empty.
        status: State in which the subtask ended, likewise.
        code: Result code or error code; None if none was told.
        text: Text of the error or the output; None if none was told.
        place: File and line.
    """

    at_ms: int
    device: str
    event: LogEvent
    task_id: str
    status: str
    code: str | None
    text: str | None
    place: str


def read_run_log(path: Path, remarks: Remarks) -> Iterator[LogRecord]:
    """Yield the records of upgrades.

    Args:
        path: The log.
        remarks: Takes down lines that are no records, and counts records that tell nothing of an upgrade.

    Raises:
        ScenarioError: The file can't be read.
    """
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, 1):
                if not line.strip():
                    continue
                place = f"{path.name}:{number}"
                try:
                    record = _record(_object(line), place)
                except ValueError as error:
                    remarks.count(UNREADABLE, f"{place}: {error}", left_out=True)
                    continue
                if record is None:
                    remarks.count(NOT_USED)
                else:
                    yield record
    except OSError as error:
        raise ScenarioError([Problem("", f"can't be read: {error.strerror}", file=str(path))]) from None


def _object(line: bytes) -> Mapping[str, Any]:
    """Return the record of a line, which the export may have wrapped."""
    try:
        value = json.loads(line)
        if isinstance(value, dict) and isinstance(value.get("content"), str):
            value = json.loads(value["content"])
    except ValueError:
        raise ValueError("not JSON") from None
    if not isinstance(value, dict):
        raise ValueError("no object")
    return value


def _record(value: Mapping[str, Any], place: str) -> LogRecord | None:
    """Return what a record tells of an upgrade; None for nothing.

    Raises:
        ValueError: It has no category, time or device.
    """
    category = value.get("categoryName")
    if not isinstance(category, str):
        raise ValueError("no categoryName")
    request, response = _inner(value.get("request")), _inner(value.get("response"))
    if category == "batch.task":
        kind = request.get("task_type")
        if kind is not None and kind not in {task_type.value for task_type in UPGRADE_TYPES}:
            return None
        event = LogEvent.SUBTASK_OVER
    elif category == "device.event":
        words = f"{value.get('operation')} {value.get('request')} {value.get('response')}"
        found = next((event for event, pattern in _PATTERNS if pattern.search(words)), None)
        if found is None:
            return None
        event = found
    else:
        return None
    device = value.get("deviceId")
    if not isinstance(device, str) or not device:
        raise ValueError("no deviceId")
    at_ms = instant(value.get("recordTime"))
    if event is LogEvent.PROGRESS_TOLD:
        paras = _paras(request) or _paras(response)
        code = paras.get("result_code")
        done = "done" if paras.get("progress") == 100 else ""
        text = paras.get("description")
        return LogRecord(at_ms, device, event, "", done, _text(code), _text(text), place)
    if event is not LogEvent.SUBTASK_OVER:
        return LogRecord(at_ms, device, event, "", "", None, None, place)
    error = _inner(response.get("error"))
    text = error.get("error_msg") or response.get("output")
    operation, status = str(value.get("operation") or ""), str(value.get("status") or "")
    return LogRecord(
        at_ms, device, event, operation, status, _text(error.get("error_code")), _text(text), place
    )


def _text(value: object) -> str | None:
    return None if value is None or value == "" else str(value)


def _inner(value: object) -> dict[str, Any]:
    """Return an object that a field holds as text or as it is; empty if it holds none."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            return {}
    return value if isinstance(value, dict) else {}


def _paras(message: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a device's event says, of the first service that says something of an upgrade."""
    services = message.get("services")
    for service in services if isinstance(services, list) else [message]:
        if isinstance(service, dict):
            paras = service.get("paras")
            if isinstance(paras, dict):
                return paras
            if "result_code" in service:
                return service
    return {}
