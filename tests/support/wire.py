"""A connection to the application, byte by byte, without sockets."""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from uvicorn.server import ServerState

from sim.emulator.http.connection import VendorProtocol

_SETTLE_S = 5.0


@dataclass
class Reply:
    """One answer as it came."""

    status: int
    headers: dict[str, str]
    body: bytes


class _Transport(asyncio.Transport):
    """Keeps what is written; reading is paused and resumed by nobody, since nobody sends too fast."""

    def __init__(self, lose: Callable[[], None]) -> None:
        super().__init__()
        self.written = b""
        self._lose = lose
        self._is_closing = False

    def write(self, data: Any) -> None:
        assert not self._is_closing, "written after the end"
        self.written += bytes(data)

    def close(self) -> None:
        if not self._is_closing:
            self._is_closing = True
            asyncio.get_running_loop().call_soon(self._lose)

    def is_closing(self) -> bool:
        return self._is_closing

    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        pass


@dataclass
class Wire:
    """One connection. To be used on a running loop.

    Attributes:
        app: What answers.
        state: Of the server; shared by its connections.
    """

    app: Any
    state: ServerState = field(default_factory=ServerState)

    def __post_init__(self) -> None:
        config = uvicorn.Config(self.app, lifespan="off", ws="none", log_config=None, access_log=False)
        self.protocol = VendorProtocol(config, self.state, {})
        self.transport = _Transport(lambda: self.protocol.connection_lost(None))
        self.protocol.connection_made(self.transport)

    @property
    def is_closed(self) -> bool:
        """Whether the server has ended the connection."""
        return self.transport.is_closing()

    async def send(self, *pieces: bytes) -> None:
        """Let pieces come one after another, as long as the connection is there."""
        for piece in pieces:
            if not self.is_closed:
                self.protocol.data_received(piece)
            await asyncio.sleep(0)

    async def replies(self, count: int = 1) -> list[Reply]:
        """Wait for so many answers, or for the end of the connection, and return all."""
        deadline = asyncio.get_running_loop().time() + _SETTLE_S
        while len(found := self._replies()) < count and not self.is_closed:
            assert asyncio.get_running_loop().time() < deadline, self.transport.written
            await asyncio.sleep(0.001)
        await asyncio.sleep(0.01)  # what the end sets off
        return self._replies() if len(found) >= count else found

    def _replies(self) -> list[Reply]:
        """Take apart what was written."""
        found, rest = [], self.transport.written
        while b"\r\n\r\n" in rest:
            head, _, rest = rest.partition(b"\r\n\r\n")
            status_line, *lines = head.decode("latin-1").split("\r\n")
            headers = {key.lower(): value for key, _, value in (line.partition(": ") for line in lines)}
            size = int(headers.get("content-length", "0"))
            if len(rest) < size:
                break
            found.append(Reply(int(status_line.split()[1]), headers, rest[:size]))
            rest = rest[size:]
        return found


def exchange(app: Any, pieces: Iterable[bytes], count: int = 1) -> tuple[list[Reply], bool]:
    """Send pieces over one connection; return the answers, and whether the server closed it."""

    async def run() -> tuple[list[Reply], bool]:
        wire = Wire(app)
        await wire.send(*pieces)
        return await wire.replies(count), wire.is_closed

    return asyncio.run(run())
