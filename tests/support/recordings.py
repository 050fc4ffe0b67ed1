"""Small recordings written by hand, and random histories of devices as somebody who polls sees them."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

BEGIN = 1_796_083_200_000
"""When the task of these recordings was created: 2026-12-01 at midnight."""

TASK = "task-1"
MINUTE = 60_000


def stay(device: str, status: str, gone: float, first: float, until: float | None = None, **others) -> dict:
    """Return a row of `sightings`; times in minutes after the task's creation."""
    times = {"gone_before": gone, "seen_from": first, "seen_to": first if until is None else until}
    return {
        "task_id": TASK,
        "device_id": device,
        "status": status,
        "error_code": None,
        "error_msg": None,
        **{name: BEGIN + round(value * MINUTE) for name, value in times.items()},
        **others,
    }


def call(at: float, targets: str | None = None, operation: str = "retry", answer: str = "200") -> dict:
    """Return a row of `calls`."""
    at_ms = BEGIN + round(at * MINUTE)
    return {"task_id": TASK, "at": at_ms, "operation": operation, "targets": targets, "answer": answer}


def counted(at: float, **counts: int) -> dict:
    """Return a row of `progress`."""
    names = ("processing", "success", "fail", "waitting", "fail_wait_retry", "stopped", "removed")
    found = {name: counts.get(name, 0) for name in names}
    return {"task_id": TASK, "at": BEGIN + round(at * MINUTE), "total": sum(found.values()), **found}


def swept(*at: float) -> list[dict]:
    """Return rows of `sweeps` that took no time."""
    times = [BEGIN + round(value * MINUTE) for value in at]
    return [{"task_id": TASK, "from": time, "to": time, "calls": 1} for time in times]


def task_object(**others: Any) -> dict:
    """Return a task as the service answers it: two automatic retries after 5 minutes."""
    policy = {"retry_count": 2, "retry_interval": 5}
    return {
        "task_id": TASK,
        "task_name": "november",
        "task_type": "firmwareUpgrade",
        "task_policy": policy,
        "create_time": "20261201T000000Z",
        **others,
    }


def write_recording(
    folder: Path,
    sightings: Sequence[Mapping[str, Any]],
    *,
    tasks: Sequence[Mapping[str, Any]] | None = None,
    **tables: Sequence[Mapping[str, Any]],
) -> Path:
    """Write a recording in JSON lines, and return its folder."""
    tasks = [task_object()] if tasks is None else tasks
    folder.mkdir(parents=True, exist_ok=True)
    ids = [task["task_id"] for task in tasks] or [TASK]
    about = {"version": 1, "tool": "by hand", "task_ids": ids, "poll_s": 300}
    (folder / "recording.json").write_text(json.dumps(about))
    if tasks:
        kept = {task["task_id"]: {"first": task, "last": task} for task in tasks}
        (folder / "tasks.json").write_text(json.dumps(kept))
    for name, rows in {"sightings": sightings, **tables}.items():
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


class TrueAttempt(NamedTuple):
    """An attempt as it was: ms after the task's creation, and the code of a failure (0: success)."""

    start: int
    end: int
    code: int


def states_of(attempts: Sequence[TrueAttempt], interval: int, count: int) -> list[tuple[int, str, int]]:
    """Return when a device changed into which state with which code, from its attempts."""
    changes = []
    for number, attempt in enumerate(attempts):
        changes.append((attempt.start, "Processing", 0))
        after = "Success" if not attempt.code else "FailWaitRetry" if number < count else "Fail"
        changes.append((attempt.end, after, attempt.code))
    return changes


def seen(device: str, changes: Sequence[tuple[int, str, int]], looks: Sequence[int]) -> list[dict]:
    """Return the stays of a device that is looked at at some times, in ms after the task's creation."""
    rows: list[dict] = []
    for look in looks:
        state = [change[1:] for change in changes if change[0] <= look]
        if not state:
            continue
        status, code = state[-1]
        if rows and (rows[-1]["status"], rows[-1]["error_code"]) == (status, str(code) if code else None):
            rows[-1]["seen_to"] = BEGIN + look
            continue
        gone = rows[-1]["seen_to"] - BEGIN if rows else 0
        error = {"error_code": str(code) if code else None}
        rows.append(stay(device, status, gone / MINUTE, look / MINUTE, **error))
    return rows
