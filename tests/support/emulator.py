"""A small fleet behind the HTTP API, called without sockets."""

import asyncio
import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from sim.emulator.auth.authentication import Authenticator
from sim.emulator.auth.credentials import Credentials
from sim.emulator.http.app import create_app
from sim.emulator.session import Session
from sim.rules import Limits
from sim.scenario import Scenario, make_scenario

PROJECT = "0123456789abcdef" * 2
CREDENTIALS = Credentials(ak="AKEXAMPLE", sk="secret+key", token="a-token", project_id=PROJECT)
TASKS = f"/v5/iot/{PROJECT}/batchtasks"
PACKAGES = f"/v5/iot/{PROJECT}/ota-upgrades/packages"
DEVICES = f"/v5/iot/{PROJECT}/devices"
PACKAGE_ID = "010000000000000000000001"


def scenario_of(**sections: Any) -> Scenario:
    """Return three cohorts: one that always succeeds, one that always fails, one that is of two minds."""
    values: dict[str, Any] = {
        "name": "small",
        "fleet": {
            "cohorts": [
                {"name": "good", "devices": 20},
                {
                    "name": "bad",
                    "devices": 10,
                    "failures": [{"stage": "install", "code": 10, "permanent": 1}],
                },
                {
                    "name": "flaky",
                    "devices": 170,
                    "failures": [
                        {"stage": "download", "code": 2, "probability": "30 %"},
                        {"stage": "install", "silent": True, "probability": "10 %"},
                    ],
                },
            ]
        },
        "stages": {"query": {"constant": "2 s"}, "install": {"constant": "60 s"}},
        "campaign": {"package": {"version": "2.0", "size": "1 MiB"}},
        **sections,
    }
    return make_scenario(values)


def ids(cohort: str, *numbers: int) -> list[str]:
    """Return device ids."""
    return [f"{cohort}-{number:07d}" for number in numbers]


@dataclass
class Answer:
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body, read as JSON."""
        return json.loads(self.body)

    @property
    def code(self) -> str:
        """The vendor's error code; the body has exactly the two fields of a refusal."""
        assert set(self.json) == {"error_code", "error_msg"}
        code: str = self.json["error_code"]
        return code


class Api:
    """Calls the application as a server would, without one."""

    def __init__(
        self, session: Session, *, limits: Limits | None = None, is_strict: bool = False, **options: Any
    ) -> None:
        """Build the application; `options` are those of the authenticator."""
        self.session = session
        authenticator = Authenticator(CREDENTIALS, limits or Limits(), **options)
        self.app = create_app(session, authenticator, is_strict=is_strict)
        self._loop = asyncio.new_event_loop()

    def close(self) -> None:
        """End the session and the loop."""
        self.session.close()
        self._loop.close()

    def send(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        *,
        query: str = "",
        headers: dict[str, str] | None = None,
    ) -> Answer:
        """Send a request as it is; by default with the token and the media type of JSON."""
        given = {"X-Auth-Token": CREDENTIALS.token, "Content-Type": "application/json"}
        given = given if headers is None else headers
        raw, _, more = path.partition("?")
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": unquote(raw),
            "raw_path": raw.encode(),
            "query_string": (query or more).encode(),
            "root_path": "",
            "headers": [
                (b"host", b"localhost"),
                *((key.lower().encode(), value.encode()) for key, value in given.items()),
            ],
            "client": None,
            "server": None,
        }
        return self._loop.run_until_complete(_exchange(self.app, scope, body))

    def get(self, path: str, **query: Any) -> Answer:
        """Send a GET request."""
        return self.send("GET", path, query="&".join(f"{key}={value}" for key, value in query.items()))

    def post(self, path: str, value: Any = None) -> Answer:
        """Send a POST request with a JSON body, or with none."""
        return self.send("POST", path, b"" if value is None else json.dumps(value).encode())

    def delete(self, path: str) -> Answer:
        """Send a DELETE request."""
        return self.send("DELETE", path)

    def create(self, name: str = "t", *, groups: list[str] | None = None, **fields: Any) -> str:
        """Create a task and return its id."""
        body = {
            "task_name": name,
            "task_type": "firmwareUpgrade",
            "document": {"package_ids": [PACKAGE_ID]},
            **fields,
        }
        if groups is not None:
            body["targets_filter"] = {"group_ids": groups}
        answer = self.post(TASKS, body)
        assert answer.status == 201, answer.body
        task_id: str = answer.json["task_id"]
        return task_id

    def advance(self, **how: Any) -> Any:
        """Let time pass."""
        answer = self.post("/_sim/clock/advance", how)
        assert answer.status == 200, answer.body
        return answer.json

    def progress(self, task_id: str) -> dict[str, int]:
        """Return a task's progress, without what is 0."""
        shown = self.get(f"{TASKS}/{task_id}").json["batchtask"]["task_progress"]
        return {key: count for key, count in shown.items() if count}

    def digest(self) -> str:
        """Return the hash of the whole state."""
        digest: str = self.get("/_sim/digest").json["digest"]
        return digest


async def _exchange(app: Any, scope: dict[str, Any], body: bytes) -> Answer:
    """Let the application answer one request."""
    messages = iter([{"type": "http.request", "body": body, "more_body": False}])
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return next(messages, {"type": "http.disconnect"})

    async def send(message: Any) -> None:
        sent.append(dict(message))

    await app(scope, receive, send)
    headers = {key.decode(): value.decode() for key, value in sent[0]["headers"]}
    return Answer(sent[0]["status"], headers, b"".join(part.get("body", b"") for part in sent[1:]))
