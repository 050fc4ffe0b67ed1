"""Tests of the gate: what becomes of crashes, and of messages that are no requests."""

import asyncio
import sqlite3

import pytest

from sim.emulator.http.gate import Gate
from sim.emulator.journal.journal import Journal
from sim.rules import Limits
from support.emulator import CREDENTIALS, TASKS


def test_crash__is_500_in_the_vendors_form_and_undone(api, monkeypatch, caplog):
    """If the disk fails, the client hears 500 with a request id, the user one sentence; nothing is done."""
    task_id = api.create(groups=["good"])
    digest = api.digest()

    def fail(journal, jobs):
        raise sqlite3.OperationalError("disk I/O error")

    with monkeypatch.context() as broken:
        broken.setattr(Journal, "write", fail)
        answer = api.post(f"{TASKS}/{task_id}/stop")

    assert (answer.status, answer.code) == (500, "IOTDA.014298")
    assert answer.headers["x-request-id"]
    assert b"disk" not in answer.body
    (record,) = caplog.records
    assert record.getMessage().endswith("is undone: the journal can't be written: disk I/O error")
    assert record.exc_info is None
    assert api.digest() == digest
    assert api.post(f"{TASKS}/{task_id}/stop").status == 200


def pass_through(gate_of, app, scope_type="http"):
    """Send one request through a gate before `app`; return what was sent."""
    sent = []

    async def send(message):
        sent.append(message)

    async def receive():
        return {"type": "http.request", "body": b"", "more_body": False}

    scope = {
        "type": scope_type,
        "method": "GET",
        "path": "/_sim/clock",
        "raw_path": b"/_sim/clock",
        "query_string": b"",
        "headers": [(b"host", b"localhost"), (b"x-auth-token", CREDENTIALS.token.encode())],
    }
    asyncio.run(gate_of(app)(scope, receive, send))
    return sent


@pytest.fixture
def gate_of(api):
    """Return what puts the gate of an API before another application."""
    (middleware,) = [one for one in api.app.user_middleware if one.cls is Gate]

    def make(app):
        return Gate(app, limits=Limits(), **{k: v for k, v in middleware.kwargs.items() if k != "limits"})

    return make


def test_crash__in_the_middle_of_an_answer_breaks_it_off(gate_of):
    """Once an answer has begun there is nothing to save; the server must close the connection."""

    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise RuntimeError("half an answer")

    with pytest.raises(RuntimeError, match="half an answer"):
        pass_through(gate_of, app)


def test_other_messages__pass_as_they_are(gate_of):
    """The beginning and end of the server are the application's business."""
    seen = []

    async def app(scope, receive, send):
        seen.append(scope["type"])

    assert pass_through(gate_of, app, "lifespan") == []
    assert seen == ["lifespan"]


def test_lifespan__ends_the_session(api):
    """When the server ends, the session is closed and its folder given free."""

    async def run():
        async with api.app.router.lifespan_context(api.app):
            assert api.session.n_commands == 0

    asyncio.run(run())
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        api.session.reset()
