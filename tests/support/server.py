"""A server as a process of its own, and a client that costs little."""

import json
import os
import re
import select
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from support.emulator import CREDENTIALS, scenario_of

START_S_MAX = 120.0
"""The first server after a change of the kernels compiles them."""

ENVIRONMENT = {
    "FLEETSIM_AK": CREDENTIALS.ak,
    "FLEETSIM_SK": CREDENTIALS.sk,
    "FLEETSIM_TOKEN": CREDENTIALS.token,
    "FLEETSIM_PROJECT_ID": CREDENTIALS.project_id,
}


class Server:
    """`fleetsim serve` on a free port of 127.0.0.1."""

    def __init__(self, *arguments: str, environment: dict[str, str] | None = None) -> None:
        """Start it and wait until it says where it listens."""
        begin = time.monotonic()
        given = ENVIRONMENT if environment is None else environment
        rest = {key: value for key, value in os.environ.items() if not key.startswith("FLEETSIM_")}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "sim", "serve", "--port", "0", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,  # or lines that were not asked for yet would be lost to `communicate`
            env={**rest, **given, "PYTHONUNBUFFERED": "1"},
        )
        self.said: list[str] = []
        self.url = self._listening_url()
        self.start_s = time.monotonic() - begin
        self.port = int(self.url.rpartition(":")[2])

    def _listening_url(self) -> str:
        """Read what the server says until it says its address."""
        assert self.process.stdout is not None
        deadline = time.monotonic() + START_S_MAX
        while time.monotonic() < deadline:
            ready, _, _ = select.select([self.process.stdout], [], [], 1.0)
            line = self.process.stdout.readline().decode() if ready else ""
            if line:
                self.said.append(line.rstrip())
                match = re.match(r"Serving (https?://\S+)", line)
                if match is not None:
                    return match[1]
            elif self.process.poll() is not None:
                break
        raise AssertionError(f"the server did not start: {self.stop()}")

    def stop(self, how: signal.Signals = signal.SIGINT) -> str:
        """End it in order; return what it wrote after its start."""
        if self.process.poll() is None:
            self.process.send_signal(how)
        out, err = self.process.communicate(timeout=60)
        return (out + err).decode()

    def __enter__(self) -> "Server":
        return self

    def __exit__(self, *exception: object) -> None:
        self.process.kill()
        self.process.wait()
        for stream in (self.process.stdout, self.process.stderr):
            if stream is not None:
                stream.close()


class Client:
    """One connection, kept alive; sends JSON with the token."""

    def __init__(self, port: int) -> None:
        """Connect."""
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=120)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def call(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """Return the status and the body, read as JSON; None if it is empty."""
        status, _, content = self.exchange(method, path, body)
        return status, json.loads(content) if content else None

    def exchange(self, method: str, path: str, body: Any = None) -> tuple[int, dict[str, str], bytes]:
        """Return status, headers and body of an answer."""
        content = b"" if body is None else json.dumps(body).encode()
        return self.send(request(method, path, content))

    def send(self, whole: bytes) -> tuple[int, dict[str, str], bytes]:
        """Send a request as it is, and return status, headers and body of the answer.

        Raises:
            ConnectionError: The server is gone; the request may have been carried out or not.
        """
        self.post(whole)
        return self.answer()

    def post(self, whole: bytes) -> None:
        """Send a request, or a part of one, as it is."""
        self._socket.sendall(whole)

    def answer(self) -> tuple[int, dict[str, str], bytes]:
        """Return status, headers and body of the next answer.

        Raises:
            ConnectionError: The server is gone.
        """
        received = b""
        while b"\r\n\r\n" not in received:
            received += self._more()
        head, _, body = received.partition(b"\r\n\r\n")
        status_line, *lines = head.decode("latin-1").split("\r\n")
        headers = {key.lower(): value for key, _, value in (line.partition(": ") for line in lines)}
        parts, size = [body], len(body)
        while size < int(headers.get("content-length", "0")):
            parts.append(self._more())
            size += len(parts[-1])
        return int(status_line.split()[1]), headers, b"".join(parts)

    def _more(self) -> bytes:
        part = self._socket.recv(1 << 20)
        if not part:
            raise ConnectionError("the server closed the connection")
        return part

    def close(self) -> None:
        """Disconnect."""
        self._socket.close()

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


def request(method: str, path: str, content: bytes) -> bytes:
    """Return a whole request with the token."""
    head = (
        f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Auth-Token: {CREDENTIALS.token}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
    )
    return head.encode() + content


def write_scenario(folder: Path, **sections: Any) -> Path:
    """Write the small fleet's scenario, with other sections, as a file."""
    path = folder / "scenario.yaml"
    path.write_text(scenario_of(**sections).source_text, encoding="utf-8")
    return path
