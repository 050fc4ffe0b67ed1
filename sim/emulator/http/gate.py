"""The gate before the API: size, authentication, faults, and the form of every answer.

ASGI middleware written out, instead of the framework's own kind: a signature covers the raw path, query
and body, and every answer, also that of a crash, must carry a request id and an error body.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final

from sim.emulator.auth.authentication import PROJECT_PREFIX, Authenticator
from sim.emulator.auth.signature import Request
from sim.emulator.faults import Fault
from sim.emulator.http.wire import to_json
from sim.emulator.session import Session
from sim.errors import ApiError
from sim.rules import Limits, codes

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

OPENAPI_PATH: Final = "/openapi.json"
REQUEST_ID_HEADER: Final = "X-Request-Id"

_LOG: Final = logging.getLogger(__name__)
_JSON_HEADERS: Final = [(b"content-type", b"application/json")]
_URI_BYTES_MAX: Final = 8192
# The vendor has such a limit and doesn't tell which; this one holds the longest token twice.
_HEADER_BYTES_MAX: Final = 32768


class _DisconnectedError(Exception):
    """The client went away before its request was there."""


class Gate:
    """Lets requests through to the API, and dresses all answers."""

    def __init__(self, app: App, *, session: Session, authenticator: Authenticator, limits: Limits) -> None:
        """Stand before an application.

        Args:
            app: What answers those requests that pass.
            session: For the faults.
            authenticator: Who may pass.
            limits: How large a body may be.
        """
        self._app = app
        self._session = session
        self._authenticator = authenticator
        self._body_bytes_max = limits.body_size_bytes_max

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; see the ASGI specification."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = uuid.uuid4().hex.encode()
        started = False

        async def send_dressed(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                await self._session.flushed()  # what the answer tells must be on the disk
                started = True
                headers = [*message.get("headers", []), (REQUEST_ID_HEADER.lower().encode(), request_id)]
                message = {**message, "headers": headers}
            await send(message)

        try:
            await self._answer(scope, receive, send_dressed)
        except _DisconnectedError:
            return
        except asyncio.CancelledError:  # the server ends, and waits for this answer no longer
            if not started:
                await send_error(send_dressed, codes.BACKEND_UNAVAILABLE.api_error("The server has ended."))
        except Exception:
            _LOG.exception("request %s failed", request_id.decode())
            if started:
                raise
            await send_error(send_dressed, codes.INTERNAL_ERROR.api_error())

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Check the request, let it through, and let its answer suffer what it must."""
        if scope["path"] == OPENAPI_PATH:
            await self._app(scope, receive, send)
            return
        try:
            body = await self._read(scope, receive)
            self._authenticator.check(_signed_parts(scope, body))
        except ApiError as error:
            await send_error(send, error)
            return
        fault = Fault.NONE
        faults = self._session.faults
        if scope["path"].startswith(PROJECT_PREFIX):
            fault = faults.next()
            if faults.settings.latency_s > 0:
                send = _Delayed(send, faults.settings.latency_s)
        if fault is Fault.THROTTLED:
            await send_error(send, codes.THROTTLED.api_error())
        elif fault is Fault.FAILED:
            await send_error(send, codes.BACKEND_UNAVAILABLE.api_error())
        elif fault is Fault.LOST:
            await self._app(scope, _replay(body), _swallow)
            # An answer that breaks off: its headers promise more than ever comes.
            headers = [*_JSON_HEADERS, (b"content-length", b"1000000")]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
        else:
            await self._app(scope, _replay(body), send)

    async def _read(self, scope: Scope, receive: Receive) -> bytes:
        """Read the whole body, unless something is too large or the path plays a trick."""
        path: bytes = scope.get("raw_path") or b""
        if len(path) + len(scope["query_string"]) > _URI_BYTES_MAX:
            raise codes.URI_TOO_LARGE.api_error()
        if sum(len(key) + len(value) for key, value in scope["headers"]) > _HEADER_BYTES_MAX:
            raise codes.HEADERS_TOO_LARGE.api_error()
        if b"%2f" in path.lower():  # the router would take it for a slash: an id for a path
            raise codes.API_NOT_FOUND.api_error()
        said = _header(scope, b"content-length")
        if said is not None and said.isdigit() and (len(said) > 12 or int(said) > self._body_bytes_max):
            raise codes.BODY_TOO_LARGE.api_error()
        parts, size = [], 0
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise _DisconnectedError
            part = message.get("body", b"")
            size += len(part)
            if size > self._body_bytes_max:
                raise codes.BODY_TOO_LARGE.api_error()
            parts.append(part)
            if not message.get("more_body", False):
                return b"".join(parts)


class _Delayed:
    """Sends the beginning of an answer later."""

    def __init__(self, send: Send, delay_s: float) -> None:
        self._send = send
        self._delay_s = delay_s

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            await asyncio.sleep(self._delay_s)
        await self._send(message)


async def send_error(send: Send, error: ApiError) -> None:
    """Send a refusal."""
    body = error_body(error)
    headers = [*_JSON_HEADERS, (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": error.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def error_body(error: ApiError) -> bytes:
    """Return the body of a refusal."""
    return to_json({"error_code": error.code, "error_msg": error.message})


async def _swallow(message: Message) -> None:
    """Send nothing."""


def _replay(body: bytes) -> Receive:
    """Return what hands out a body that was read already."""
    messages = iter([{"type": "http.request", "body": body, "more_body": False}])

    async def receive() -> Message:
        return next(messages, {"type": "http.disconnect"})

    return receive


def _header(scope: Scope, name: bytes) -> bytes | None:
    """Return the last value of a header, None if it is absent."""
    value: bytes | None = None
    for key, one in scope["headers"]:
        if key == name:
            value = one
    return value


def _signed_parts(scope: Scope, body: bytes) -> Request:
    """Return the parts of a request that a signature covers."""
    return Request(
        method=scope["method"],
        path=scope.get("raw_path") or scope["path"].encode(),
        query=scope["query_string"],
        headers={key.decode("latin-1"): value for key, value in scope["headers"]},
        body=body,
    )
