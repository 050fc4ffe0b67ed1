"""What a server answers before it can: 503 with Retry-After, while the journal is replayed.

Decision: a thread that accepts and refuses, instead of the application with nothing behind it. Clients know
to repeat what is answered with 503; in a port that is open and silent they wait until they give up. Nothing
of a request is looked at but its end, so that nobody has to be authenticated for the answer.
"""

from __future__ import annotations

import contextlib
import selectors
import socket
import ssl
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Final, Self

from sim.emulator.http.connection import whole_answer
from sim.rules import codes

_PATIENCE_S: Final = 2.0
_HEAD_BYTES_MAX: Final = 65_536
_SAY_EVERY_S: Final = 2.0


class NotReadyYet:
    """Answers on a socket that nobody serves yet, from entering to leaving."""

    def __init__(self, listener: socket.socket, context: ssl.SSLContext | None = None) -> None:
        """Answer nothing yet.

        Args:
            listener: Listens already; it is no more changed than by `setblocking(False)`.
            context: For HTTPS; None for plain HTTP.
        """
        self._listener = listener
        self._context = context
        self._waker, self._woken = socket.socketpair()
        self._thread = threading.Thread(target=self._run, name="starting", daemon=True)

    def __enter__(self) -> Self:
        """Begin to answer."""
        self._listener.setblocking(False)  # who was there a moment ago may have gone
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave the socket to who can answer; connections that wait in it are theirs."""
        self._waker.send(b"x")
        self._thread.join()
        self._waker.close()
        self._woken.close()

    def _run(self) -> None:
        """Answer one after the other: nothing takes long here."""
        with selectors.DefaultSelector() as waiting:
            waiting.register(self._listener, selectors.EVENT_READ)
            waiting.register(self._woken, selectors.EVENT_READ)
            while all(key.fileobj is self._listener for key, _ in waiting.select()):
                with contextlib.suppress(OSError):  # whoever it was has gone
                    self._answer(self._listener.accept()[0])

    def _answer(self, connection: socket.socket) -> None:
        """Read one request's head and refuse the request."""
        with connection:
            connection.settimeout(_PATIENCE_S)
            if self._context is not None:
                connection = self._context.wrap_socket(connection, server_side=True)
            with connection:
                self._refuse(connection)

    def _refuse(self, connection: socket.socket) -> None:
        """Wait for the head's end, answer, and take what still comes, so that the answer isn't lost."""
        deadline = time.monotonic() + _PATIENCE_S
        head = b""
        while b"\r\n\r\n" not in head and len(head) < _HEAD_BYTES_MAX and time.monotonic() < deadline:
            part = connection.recv(4096)
            if not part:
                return
            head += part
        error = codes.NOT_READY.api_error("The server is starting: it replays its journal.")
        connection.sendall(whole_answer(error, error.status))
        with contextlib.suppress(OSError):
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(65_536) and time.monotonic() < deadline:
                pass


class ReplayProgress:
    """Tells how far a replay has come, if it takes long enough for anybody to wonder."""

    def __init__(self, say: Callable[[str], None], clock: Callable[[], float] = time.monotonic) -> None:
        """Tell nothing yet.

        Args:
            say: Takes what the user is to read, line by line.
            clock: The time, seconds from anywhere.
        """
        self._say = say
        self._clock = clock
        self._next_s = clock() + _SAY_EVERY_S

    def __call__(self, done: int, total: int) -> None:
        """Take note of a step.

        Args:
            done: Commands replayed so far.
            total: All of them.
        """
        if self._clock() >= self._next_s:
            self._next_s = self._clock() + _SAY_EVERY_S
            self._say(f"Replaying the journal: {done:,} of {total:,} commands.")
