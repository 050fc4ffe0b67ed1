"""The part of the vendor's API that reads, called politely. There is nothing here that changes anything.

A call waits for its turn (never more than so many in any second), is repeated with growing waits where the
server is busy or away, and is given up after a few tries; then the recorder goes on at the next poll.

Source:
    API reference, "Query a Batch Task", "Query the Batch Task List", "Query the Device List", "Query a
    Device"; API gateway, "Error Codes": 429 of a client that is too fast.
"""

from __future__ import annotations

import hashlib
import json
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import quote, urlencode

from sim.errors import FleetError
from sim.recording.poll_clock import Clock, ServerTime
from sim.recording.sightings import PageTime
from sim.recording.signing import Access, signed_headers
from sim.recording.transport import Answer, Transport

PAGE_SIZE: Final = 50
"""Records on a page; the service allows no more."""
CALLS_PER_S: Final = 10.0

_TRIES: Final = 7
_FIRST_WAIT_S: Final = 1.0
_LONGEST_WAIT_S: Final = 60.0
_BUSY: Final = (408, 429)


class RecordingError(FleetError):
    """The service does not answer what was asked; made of one sentence."""


class AccessError(RecordingError):
    """The service does not let this caller in: 401 or 403."""


class GoneError(RecordingError):
    """What was asked for does not exist, or no longer: 404."""


class UnreachableError(RecordingError):
    """No usable answer came, however often it was asked."""


@dataclass(frozen=True)
class TaskPage:
    """One answer about a task.

    Attributes:
        task: The task object.
        details: Subtasks on the page.
        marker: Where the next page begins; None if there is none.
        when: When it was true.
    """

    task: dict[str, Any]
    details: list[dict[str, Any]]
    marker: str | None
    when: PageTime


class ReadingApi:
    """Reads tasks and devices.

    Attributes:
        time: The server's clock.
        n_calls: Requests that were sent.
        n_throttled: Those answered with 429.
        n_failed: Those without a usable answer, throttled ones among them.
    """

    def __init__(
        self,
        transport: Transport,
        access: Access,
        clock: Clock,
        *,
        host: str = "localhost",
        prefix: str = "",
        calls_per_s: float = CALLS_PER_S,
        not_before_ms: int = 0,
    ) -> None:
        """Take what requests need.

        Args:
            transport: Sends them.
            access: Who asks.
            clock: For waits, and for the time.
            host: Header `Host`.
            prefix: What goes before each path.
            calls_per_s: Requests that are sent in any second at most, > 0.
            not_before_ms: The last time that is known from an earlier recording.
        """
        self.time = ServerTime(clock, not_before_ms=not_before_ms)
        self._transport = transport
        self._access = access
        self._clock = clock
        self._host = host
        self._root = f"{prefix}/v5/iot/{access.project_id}"
        # Below one call a second the window is longer; it holds at least one call.
        size = max(int(calls_per_s), 1)
        self._window_ms = 1e3 * size / calls_per_s
        self._sent: deque[float] = deque(maxlen=size)
        self.n_calls = 0
        self.n_throttled = 0
        self.n_failed = 0

    def show_batch_task(
        self,
        task_id: str,
        *,
        status: str | None = None,
        target: str | None = None,
        limit: int = PAGE_SIZE,
        marker: str | None = None,
    ) -> TaskPage:
        """Read a task with a page of its subtasks.

        Args:
            task_id: The task.
            status: Only subtasks in this state.
            target: Only this device.
            limit: Subtasks on the page, 1 to 50.
            marker: `marker` of the page before; None for the first.

        Raises:
            RecordingError: See its kinds.
        """
        query = {"task_detail_status": status, "target": target, "limit": limit, "marker": marker}
        content, when = self._get(f"/batchtasks/{quote(task_id, safe='')}", query, ("batchtask",))
        details = content.get("task_details") or []
        return TaskPage(content["batchtask"], details, _next(content, details, limit), when)

    def list_batch_tasks(self, task_type: str) -> Iterator[dict[str, Any]]:
        """Read all tasks of a type, newest first.

        Args:
            task_type: Like `firmwareUpgrade`.

        Yields:
            Task objects.

        Raises:
            RecordingError: See its kinds.
        """
        for task, _ in self._all("/batchtasks", {"task_type": task_type}, "batchtasks"):
            yield task

    def list_devices(self) -> Iterator[tuple[dict[str, Any], PageTime]]:
        """Read all devices, newest first.

        Yields:
            A device, and when that was so.

        Raises:
            RecordingError: See its kinds.
        """
        yield from self._all("/devices", {}, "devices")

    def show_device(self, device_id: str) -> tuple[dict[str, Any], PageTime]:
        """Read a device, and when that was so.

        Args:
            device_id: Which.

        Raises:
            RecordingError: See its kinds.
        """
        return self._get(f"/devices/{quote(device_id, safe='')}", {}, ())

    def _all(self, path: str, query: dict[str, Any], name: str) -> Iterator[tuple[dict[str, Any], PageTime]]:
        """Read page after page of a list, by markers."""
        marker: str | None = None
        while True:
            content, when = self._get(path, {**query, "limit": PAGE_SIZE, "marker": marker}, ())
            records = content.get(name) or []
            for record in records:
                yield record, when
            marker = _next(content, records, PAGE_SIZE)
            if marker is None:
                return

    def _get(
        self, path: str, query: dict[str, Any], needed: tuple[str, ...]
    ) -> tuple[dict[str, Any], PageTime]:
        """Send a request until there is an answer that can be used."""
        asked = urlencode({name: value for name, value in query.items() if value is not None})
        target = f"{self._root}{path}?{asked}" if asked else self._root + path
        trouble = ""
        for attempt in range(_TRIES):
            self._await_turn()
            sent_ms = self._clock.steady_ms()
            self.n_calls += 1
            wait_s = _FIRST_WAIT_S * 2.0**attempt
            try:
                answer = self._send(target)
            except OSError as error:
                trouble = f"no answer: {error.strerror or str(error) or type(error).__name__}"
            else:
                when = self.time.of_answer(sent_ms, self._clock.steady_ms(), answer.headers.get("date"))
                content = _content(answer)
                if (
                    answer.status == 200
                    and content is not None
                    and all(isinstance(content.get(n), dict) for n in needed)
                ):
                    return content, when
                trouble = self._trouble(answer, content)
                wait_s = max(wait_s, _asked_wait_s(answer))
            self.n_failed += 1
            if attempt + 1 < _TRIES:
                self._clock.sleep(
                    min(wait_s, _LONGEST_WAIT_S) * (1.0 + 0.1 * keyed_share(path, self.n_calls))
                )
        raise UnreachableError(f"{trouble} ({_TRIES} tries)")

    def _send(self, target: str) -> Answer:
        """Sign a request anew, since signatures age, and send it."""
        # Signatures are dated by the wall, whatever the time of the server's tasks is.
        headers = signed_headers(self._access, "GET", target, self._host, datetime.now(UTC))
        return self._transport("GET", target, headers)

    def _trouble(self, answer: Answer, content: dict[str, Any] | None) -> str:
        """Return what is wrong with an answer that may be another one next time; raise for others."""
        told = (
            ""
            if content is None
            else " ".join(str(content.get(n) or "") for n in ("error_code", "error_msg"))
        )
        said = f"HTTP {answer.status} {told}".strip()
        if answer.status == 429:
            self.n_throttled += 1
        if answer.status in _BUSY or answer.status >= 500:
            return said
        if answer.status in (401, 403):
            given = " No credentials are set: FLEETSIM_AK and FLEETSIM_SK, or FLEETSIM_TOKEN."
            raise AccessError(said + (given if self._access.form == "none" else ""))
        if answer.status == 404:
            raise GoneError(said)
        if answer.status != 200:
            raise RecordingError(said)
        return "the answer is none of this API"

    def _await_turn(self) -> None:
        """Wait until another call is allowed."""
        if len(self._sent) == self._sent.maxlen:
            wait_ms = self._sent[0] + self._window_ms - self._clock.steady_ms()
            if wait_ms > 0:
                self._clock.sleep(wait_ms / 1e3)
        self._sent.append(self._clock.steady_ms())


def find_task(api: ReadingApi, name: str, task_types: Sequence[str]) -> str:
    """Return the id of the task of a name.

    Args:
        api: Reads.
        name: Its `task_name`.
        task_types: Types among which it is looked for.

    Raises:
        RecordingError: There is none of that name, or several.
    """
    found = [
        task
        for task_type in task_types
        for task in api.list_batch_tasks(task_type)
        if task.get("task_name") == name
    ]
    if len(found) == 1:
        return str(found[0]["task_id"])
    if not found:
        raise RecordingError(f"there is no task with the id or the name {name[:128]!r}")
    several = ", ".join(f"{task.get('task_id')} (created {task.get('create_time')})" for task in found)
    raise RecordingError(f"{len(found)} tasks have the name {name[:128]!r}; give the id of one: {several}")


def keyed_share(*key: object) -> float:
    """Return a number of [0, 1) that depends on the key alone: chance that is the same every time.

    Args:
        *key: Any values with a text.
    """
    digest = hashlib.blake2b("/".join(map(str, key)).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2.0**64


def _content(answer: Answer) -> dict[str, Any] | None:
    """Return the object in an answer's body, or None if there is none."""
    try:
        content = json.loads(answer.body)
    except (ValueError, RecursionError):
        return None
    return content if isinstance(content, dict) else None


def _next(content: dict[str, Any], records: list[Any], limit: int) -> str | None:
    """Return the marker of the next page; None after the last."""
    marker = (content.get("page") or {}).get("marker")
    return marker if isinstance(marker, str) and len(records) >= limit else None


def _asked_wait_s(answer: Answer) -> float:
    """Return how long the server asks to wait, in seconds."""
    text = answer.headers.get("retry-after", "")
    return float(text) if text.isdigit() and len(text) < 6 else 0.0
