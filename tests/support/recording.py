"""A recorder in process: it polls the application, and moves its standing clock instead of waiting."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from sim.fleet.spec import TICKS_PER_S
from sim.recording.reading_api import ReadingApi
from sim.recording.recorder import Pace, Summary, record
from sim.recording.recording_files import RecordingFolder, last_known_ms
from sim.recording.signing import Access
from sim.recording.transport import Answer, Transport
from support.emulator import CREDENTIALS, PROJECT, TASKS, Api

TOKEN = Access("token", PROJECT, token=CREDENTIALS.token)
POLICY = {"retry_count": 2, "retry_interval": 5}


def transport_of(api: Api) -> Transport:
    """Return what sends requests to the application."""

    def send(method: str, path: str, headers: Mapping[str, str]) -> Answer:
        given = {name: value for name, value in headers.items() if name != "Host"}
        answer = api.send(method, path, headers=given)
        if answer.headers.get("content-length", str(len(answer.body))) != str(len(answer.body)):
            raise ConnectionError("the answer was lost")
        return Answer(answer.status, answer.headers, answer.body)

    return send


class DirectClock:
    """The clock of an application's world, which is moved past the journal: a week of polls in seconds."""

    is_the_servers = True

    def __init__(self, api: Api) -> None:
        """Take whose clock it is."""
        self._session = api.session
        self._start_ms = self._session.world.calendar.start.timestamp() * 1e3

    def now_ms(self) -> float:
        """Return milliseconds since the Unix epoch, simulated."""
        return self._start_ms + self._session.world.now_ticks / 1e3

    steady_ms = now_ms

    def sleep(self, seconds: float) -> None:
        """Move the clock, to a whole millisecond."""
        tick = -(-(self._session.world.now_ticks + round(seconds * TICKS_PER_S)) // 1000) * 1000
        self._session.world.advance_to(tick)
        self._session.clock.set(tick)


def asking(api: Api) -> Callable[[str, str, bytes], Answer]:
    """Return what asks the application as `EmulatedClock` does."""

    def ask(method: str, path: str, body: bytes) -> Answer:
        answer = api.send(method, path, body)
        return Answer(answer.status, answer.headers, answer.body)

    return ask


def reading(api: Api, transport: Transport | None = None, clock: Any = None, **options: Any) -> ReadingApi:
    """Return a client of the application."""
    return ReadingApi(transport or transport_of(api), TOKEN, clock or DirectClock(api), **options)


def record_in_process(
    api: Api,
    path: Path,
    *task_ids: str,
    transport: Transport | None = None,
    clock: Any = None,
    pace: Pace | None = None,
    tell: Callable[[Any], None] | None = None,
) -> Summary:
    """Record tasks of the application until they have settled."""
    folder = RecordingFolder(path, list(task_ids), {"tool": "test"})
    try:
        clock = clock or DirectClock(api)
        client = reading(api, transport, clock, not_before_ms=last_known_ms(folder))
        return record(client, folder, clock, list(task_ids), pace=pace or Pace(), tell=tell)
    finally:
        folder.close()


def subtasks(api: Api, task_id: str) -> dict[str, tuple[str, str | None]]:
    """Return state and error code of every device of a task, read page by page."""
    found, marker = {}, ""
    while True:
        more = {"marker": marker} if marker else {}
        page = api.get(f"{TASKS}/{task_id}", limit=50, **more).json
        for detail in page["task_details"]:
            found[detail["target"]] = (detail["status"], detail.get("error", {}).get("error_code"))
        marker = page["page"].get("marker", "")
        if len(page["task_details"]) < 50:
            return found
