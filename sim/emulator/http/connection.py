"""The server's side of a connection, where the application can't see what happens.

What a stranger can make the server hold or wait for is bounded here: bytes of a head while it comes, the
time of a whole request, connections at once. A body is bounded by the gate, which also decides who is a
stranger.
"""

from __future__ import annotations

import asyncio
import uuid
from typing import TYPE_CHECKING, Final, cast

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from sim.emulator.http.gate import (
    BREAK_OFF,
    HEADER_BYTES_MAX,
    REQUEST_ID_HEADER,
    RETRY_AFTER_S,
    URI_BYTES_MAX,
    error_body,
)
from sim.rules import codes

if TYPE_CHECKING:
    from sim.errors import ApiError

REQUEST_S_MAX: Final = 30.0
"""From the first byte of a request to its last, in seconds of the wall clock."""
CONNECTIONS_MAX: Final = 512
"""At once; each may hold a head and the beginning of a body, and needs one of the process's files."""

_HEAD: Final = (
    "HTTP/1.1 {status} {phrase}\r\ncontent-type: application/json\r\ncontent-length: {size}\r\n"
    "{id_header}: {request_id}\r\n{retry}connection: close\r\n\r\n"
)
_PHRASES: Final = {
    400: "Bad Request",
    408: "Request Timeout",
    494: "Request Header Too Large",
    503: "Service Unavailable",
}
_HEAD_BYTES_MAX: Final = URI_BYTES_MAX + 2 * HEADER_BYTES_MAX
"""With the bytes around names and values, which the gate doesn't count."""
_LATE_S: Final = 1.0
"""A timer that is later than that was held up by a command, and so were the bytes that it waits for."""


class VendorProtocol(HttpToolsProtocol):
    """HTTP/1.1 whose refusals have the vendor's form, and that waits for nobody without end."""

    # The state of the request that is coming, between two pieces of it.
    _in_head = False
    _in_body = False
    _n_begun = 0
    _n_bodies = 0
    _head_bytes = 0
    _idle_bytes = 0
    _is_upgrade = False
    _timer: asyncio.TimerHandle | None = None
    _deadline = 0.0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as its parent
        """Take a connection, unless there are too many."""
        super().connection_made(transport)
        self._extensions = {BREAK_OFF: transport.close}
        if len(self.connections) > CONNECTIONS_MAX:
            self._refuse(codes.BACKEND_UNAVAILABLE.api_error("There are too many connections."), 503)
            return
        self._expect_the_rest()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._wait_no_longer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read what has come, as long as it is within bounds.

        Args:
            data: A piece of a request, or of several.
        """
        if self.transport.is_closing():
            return
        began_in_head, began_in_body = self._in_head, self._in_body
        self._n_begun = self._n_bodies = 0
        self._feed(data)
        if not (self._in_head or self._in_body):
            # Line ends between requests are none, and nobody is waited for longer for their sake.
            if self._timer is not None and (self._n_begun or began_in_head or began_in_body):
                self._wait_no_longer()
        elif self.transport.is_closing():
            return
        elif self._is_within_bounds(len(data), began_in_head, began_in_body):
            if self._timer is None:
                self._expect_the_rest()
        else:
            self._refuse(codes.HEADERS_TOO_LARGE.api_error())

    def _feed(self, data: bytes) -> None:
        """Let the parser read; what asks for another protocol is answered in this one."""
        while True:
            try:
                self.parser.feed_data(data)
            except httptools.HttpParserUpgrade as found:
                if self.parser.get_method() == b"CONNECT":
                    self._refuse(codes.GATEWAY_BAD_REQUEST.api_error("This is no proxy."))
                    return
                # The parser takes all that follows for another protocol. So the request is read again,
                # without what asked for that.
                data = self._head_without_upgrade() + data[int(found.args[0]) :]
                self.parser = httptools.HttpRequestParser(self)
                self.parser.set_dangerous_leniencies(lenient_data_after_close=True)
            except httptools.HttpParserError:
                self._refuse(codes.GATEWAY_BAD_REQUEST.api_error("Invalid HTTP request received."))
                return
            else:
                return

    def _head_without_upgrade(self) -> bytes:
        """Return the head that was read, without the fields that ask for another protocol."""
        version = self.scope.get("http_version", "1.1")
        lines = [b"%s %s HTTP/%s" % (self.scope["method"].encode(), self.url, version.encode())]
        for name, value in self.headers:
            if name == b"connection":
                options = [option.strip() for option in value.split(b",")]
                kept = b", ".join(option for option in options if option.lower() != b"upgrade")
            else:
                kept = b"" if name == b"upgrade" else value
            if kept or name not in (b"connection", b"upgrade"):
                lines.append(name + b": " + kept)
        return b"\r\n".join([*lines, b"", b""])

    # --- what the parser tells ------------------------------------------------------------------

    def on_message_begin(self) -> None:
        """Begin to read a request."""
        super().on_message_begin()
        self._unset_keepalive_if_required()
        self._in_head, self._is_upgrade = True, False
        self._n_begun += 1
        self._head_bytes = self._idle_bytes = 0

    def on_headers_complete(self) -> None:
        """Hand the request on, unless it must be read again."""
        if self.parser.should_upgrade():
            self._is_upgrade = True
            self.scope["method"] = self.parser.get_method().decode("ascii")
            self.scope["http_version"] = self.parser.get_http_version()
            return
        self._in_head, self._in_body = False, True
        scope = cast("dict[str, object]", self.scope)
        scope["extensions"] = self._extensions
        super().on_headers_complete()
        self.headers = []  # what comes behind a body is no header, and must not be taken for one

    def on_body(self, body: bytes) -> None:
        """Take a piece of a body."""
        self._n_bodies += 1
        super().on_body(body)

    def on_message_complete(self) -> None:
        """End a request."""
        if self._is_upgrade:
            return
        self._in_body = False
        super().on_message_complete()

    # --- bounds ---------------------------------------------------------------------------------

    def _is_within_bounds(self, size: int, began_in_head: bool, began_in_body: bool) -> bool:
        """Count a piece after which the request is not there yet; tell whether it may go on.

        A piece that ends one request and begins another counts for neither: it is bounded itself.
        """
        if self._in_head:
            if self._n_begun == (0 if began_in_head else 1) and not began_in_body:
                self._head_bytes += size
            return self._head_bytes <= _HEAD_BYTES_MAX
        if not self._n_bodies and not self._n_begun:  # fields behind the body, or around its chunks
            self._idle_bytes += size
        return self._idle_bytes <= HEADER_BYTES_MAX

    def _expect_the_rest(self) -> None:
        """Wait for the end of the request that is coming, but not for ever."""
        self._deadline = self.loop.time() + REQUEST_S_MAX
        self._timer = self.loop.call_at(self._deadline, self._on_deadline)

    def _wait_no_longer(self) -> None:
        """Forget the timer."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _on_deadline(self) -> None:
        """Give a slow client up, unless the server itself has kept it waiting."""
        self._timer = None
        was_held_up = self.loop.time() - self._deadline > _LATE_S
        if self.transport.is_closing():
            return
        if was_held_up or self.flow.read_paused:
            self._expect_the_rest()
        elif self._in_head or self._in_body:
            detail = f"The request was not there within {REQUEST_S_MAX:g} s."
            self._refuse(codes.GATEWAY_BAD_REQUEST.api_error(detail), 408)
        else:  # nothing has come
            self.transport.close()

    def _refuse(self, error: ApiError, status: int | None = None) -> None:
        """Answer what is no whole request, and close: nobody knows where the next one would begin.

        Args:
            error: What to tell.
            status: HTTP status, if it is another than the error's.
        """
        if self._in_body:  # its own answer may be on the way already, or those to requests before it
            is_free = not (self.cycle.response_started or self.pipeline)
        else:  # there is no cycle before the first request
            is_free = getattr(self.cycle, "response_complete", True)
        if is_free:
            self.transport.write(whole_answer(error, error.status if status is None else status))
        self._wait_no_longer()
        self.transport.close()

    def shutdown(self) -> None:
        """End the connection, as soon as its answer is out if a whole request is there."""
        super().shutdown()
        if getattr(self.cycle, "more_body", False):
            self.transport.close()


def whole_answer(error: ApiError, status: int) -> bytes:
    """Return a refusal as the bytes of an answer after which the connection ends.

    Args:
        error: What to tell.
        status: HTTP status; one of those that are answered before the application is asked.
    """
    body = error_body(error)
    head = _HEAD.format(
        status=status,
        phrase=_PHRASES[status],
        size=len(body),
        id_header=REQUEST_ID_HEADER.lower(),
        request_id=uuid.uuid4().hex,
        retry=f"retry-after: {RETRY_AFTER_S}\r\n" if status == codes.NOT_READY.http else "",
    )
    return head.encode() + body
