"""The gate before the API: size, authentication, faults, and the form of every answer.

ASGI middleware written out, instead of the framework's own kind: a signature covers the raw path, query
and body, and every answer, also that of a crash, must carry a request id and an error body.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sqlite3
import uuid
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import replace
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
RETRY_AFTER_S: Final = 5
"""With each 503; the compiler needs half a minute, or more where others need the processor."""
INSTANCE_ID_LENGTH_MAX: Final = 36
BREAK_OFF: Final = "fleetsim.break_off"
"""Extension of the scope: a function that ends the connection once what was sent is out."""
URI_BYTES_MAX: Final = 8192
HEADER_BYTES_MAX: Final = 32768
"""Names and values together. The vendor has such a limit and doesn't tell which; this one holds the longest
token twice."""

_LOG: Final = logging.getLogger(__name__)
_JSON_HEADERS: Final = [(b"content-type", b"application/json")]
_SINGLE: Final = frozenset(
    {"host", "content-type", "authorization", "x-auth-token", "x-project-id", "instance-id"}
)
"""Headers of which two values would be read one way here and another way there."""
_LENGTH_DIGITS_MAX: Final = 12
_UNKNOWN_BYTES: Final = 10**_LENGTH_DIGITS_MAX
_SMALL_BODY_BYTES: Final = 65536
_LARGE_BODIES_AT_ONCE: Final = 2
"""Large bodies that are read before it is known whose they are: a signature is over the whole body."""


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
        self._large_bodies = asyncio.Semaphore(_LARGE_BODIES_AT_ONCE)

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
        except sqlite3.Error as error:  # the user's disk, not our fault: no traceback
            _LOG.error("request %s is undone: the journal can't be written: %s", request_id.decode(), error)
            await send_error(send_dressed, codes.INTERNAL_ERROR.api_error())
        except Exception:
            _LOG.exception("request %s failed", request_id.decode())
            if started:
                raise
            await send_error(send_dressed, codes.INTERNAL_ERROR.api_error())

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Check the request, let it through, and let its answer suffer what it must."""
        is_api = scope["path"].startswith(PROJECT_PREFIX)
        try:
            request = _head_of(scope)
            if scope["path"] == OPENAPI_PATH:
                await self._app(scope, receive, send)
                return
            body = await self._admitted_body(request, receive)
            if is_api:
                _check_instance(request)
        except ApiError as error:
            await send_error(send, error)
            return
        fault = Fault.NONE
        faults = self._session.faults
        if is_api:
            fault = faults.next()
            if faults.settings.latency_s > 0:
                send = _Delayed(send, faults.settings.latency_s, self._session)
        if fault is Fault.THROTTLED:
            await send_error(send, codes.THROTTLED.api_error())
        elif fault is Fault.FAILED:
            await send_error(send, codes.BACKEND_UNAVAILABLE.api_error())
        elif fault is Fault.LOST:
            await self._app(scope, _replay(body), _swallow)
            await _break_off(scope, receive, send)
        else:
            await self._app(scope, _replay(body), send)

    async def _admitted_body(self, request: Request, receive: Receive) -> bytes:
        """Return the body of a request that may pass; of whom it can, it knows before it reads."""
        authorization = self._authenticator.check_head(request)
        if authorization is None:
            return await self._read(request, receive)
        is_small = _announced_bytes(request) <= _SMALL_BODY_BYTES
        async with contextlib.nullcontext() if is_small else self._large_bodies:
            body = await self._read(request, receive)
            self._authenticator.check_body(replace(request, body=body), authorization)
        return body

    async def _read(self, request: Request, receive: Receive) -> bytes:
        """Read the whole body, unless it is too large or isn't there."""
        announced = _announced_bytes(request)
        if announced > self._body_bytes_max and "transfer-encoding" not in request.headers:
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
                break
        if announced and not size:  # no body means everybody to some calls, so it must be meant
            raise codes.BAD_REQUEST.api_error("A body was announced, and none has come")
        return b"".join(parts)


def _head_of(scope: Scope) -> Request:
    """Return a request without its body.

    Raises:
        ApiError: Something is too large, the path plays a trick, or it is not clear what was meant.
    """
    path: bytes = scope.get("raw_path") or scope["path"].encode()
    if len(path) + len(scope["query_string"]) > URI_BYTES_MAX:
        raise codes.URI_TOO_LARGE.api_error()
    size, headers, repeated = 0, {}, set()
    for key, value in scope["headers"]:
        size += len(key) + len(value)
        name = key.decode("latin-1")
        if name in headers:
            repeated.add(name)
        headers[name] = value.strip(b" \t")
    if size > HEADER_BYTES_MAX:
        raise codes.HEADERS_TOO_LARGE.api_error()
    if b"%2f" in path.lower():  # the router would take it for a slash: an id for a path
        raise codes.API_NOT_FOUND.api_error()
    if "host" not in headers and scope.get("http_version") != "1.0":
        raise codes.GATEWAY_BAD_REQUEST.api_error("The header host is missing.")
    twice = repeated & _SINGLE
    if twice:
        raise codes.GATEWAY_BAD_REQUEST.api_error(f"The header {min(twice)} was sent more than once.")
    return Request(scope["method"], path, scope["query_string"], headers, b"", frozenset(repeated))


def _announced_bytes(request: Request) -> int:
    """Return how long the body is said to be; in pieces it may be of any length."""
    if "transfer-encoding" in request.headers:
        return _UNKNOWN_BYTES
    said = request.headers.get("content-length", b"0")
    # A longer number is too large, whatever it is.
    return _UNKNOWN_BYTES if len(said) > _LENGTH_DIGITS_MAX or not said.isdigit() else int(said)


def _check_instance(request: Request) -> None:
    """Refuse a name of the instance that can't be one; which it is doesn't matter."""
    name = request.headers.get("instance-id")
    if name is not None and not 1 <= len(name) <= INSTANCE_ID_LENGTH_MAX:
        raise codes.INVALID_INPUT.api_error(
            f"Instance-Id: must have 1 to {INSTANCE_ID_LENGTH_MAX} characters"
        )


async def _break_off(scope: Scope, receive: Receive, send: Send) -> None:
    """Begin an answer and end the connection: its headers promise more than ever comes."""
    headers = [*_JSON_HEADERS, (b"content-length", b"1000000")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    end = scope.get("extensions", {}).get(BREAK_OFF)
    if end is not None:
        end()
        while (await receive())["type"] != "http.disconnect":
            pass


class _Delayed:
    """Sends the beginning of an answer later."""

    def __init__(self, send: Send, delay_s: float, session: Session) -> None:
        self._send = send
        self._delay_s = delay_s
        self._session = session

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            await self._session.flushed()  # a commit that fails meanwhile would not be heard of afterwards
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
