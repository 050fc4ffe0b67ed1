"""How requests travel: a function from a request to an answer, over the network or within the process."""

from __future__ import annotations

import http.client
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from sim.errors import Problem, ScenarioError

BODY_BYTES_MAX: Final = 32 * 2**20
"""No page is nearly as long; what is longer is not read to its end."""
_TIMEOUT_S: Final = 30.0


@dataclass(frozen=True)
class Answer:
    """What came back.

    Attributes:
        status: HTTP status.
        headers: By name in lower case.
        body: As sent.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes


Transport = Callable[[str, str, Mapping[str, str]], Answer]
"""From method, path with query, and headers to an answer. It raises `OSError` if none came."""


class UrlTransport:
    """Sends requests to a server over one connection that is kept open.

    Attributes:
        host: For the header `Host`.
        prefix: Path of the URL without a slash at its end, which goes before the path of each request.
        is_readable_by_others: Whether what is sent travels unencrypted to another machine.
    """

    def __init__(self, url: str, *, timeout_s: float = _TIMEOUT_S) -> None:
        """Take an address; nothing is connected before the first request.

        Args:
            url: Like `https://iotda.cn-north-4.myhuaweicloud.com`.
            timeout_s: How long to wait for the server, > 0.

        Raises:
            ScenarioError: It is no such address.
        """
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            raise _no_address(url) from None
        is_plain = parts.scheme in ("http", "https") and parts.hostname is not None
        if not is_plain or parts.query or parts.fragment or parts.username or not url.isascii():
            raise _no_address(url)
        assert parts.hostname is not None
        self.host = parts.netloc
        self.prefix = parts.path.rstrip("/")
        self.is_readable_by_others = parts.scheme == "http" and parts.hostname not in (
            "localhost",
            "127.0.0.1",
            "::1",
        )
        if parts.scheme == "https":
            context = ssl.create_default_context()
            self._connection: http.client.HTTPConnection = http.client.HTTPSConnection(
                parts.hostname, port, timeout=timeout_s, context=context
            )
        else:
            self._connection = http.client.HTTPConnection(parts.hostname, port, timeout=timeout_s)

    def __call__(self, method: str, path: str, headers: Mapping[str, str], body: bytes = b"") -> Answer:
        """Send a request and return the answer.

        Args:
            method: In capital letters.
            path: With the query, percent-encoded; with `prefix`.
            headers: By name; with `Host`.
            body: Nothing that reads has any.

        Raises:
            OSError: No whole answer came.
        """
        try:
            self._connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
            for name, value in headers.items():
                self._connection.putheader(name, value)
            if body:
                self._connection.putheader("Content-Length", str(len(body)))
            self._connection.endheaders(body or None)
            got = self._connection.getresponse()
            content = got.read(BODY_BYTES_MAX + 1)
            answer = Answer(got.status, {name.lower(): value for name, value in got.getheaders()}, content)
            if len(content) > BODY_BYTES_MAX:
                raise ValueError(f"the answer is longer than {BODY_BYTES_MAX} bytes")
            if len(content) < int(answer.headers.get("content-length", "0")):
                raise ValueError("the answer was cut short")
        except (http.client.HTTPException, ValueError) as error:
            self._connection.close()
            raise ConnectionError(str(error) or type(error).__name__) from None
        except OSError:
            self._connection.close()
            raise
        return answer

    def close(self) -> None:
        """Disconnect."""
        self._connection.close()


def _no_address(url: str) -> ScenarioError:
    message = f"{url[:200]!r} is no address of a server; it is written like https://HOST or http://HOST:PORT"
    return ScenarioError([Problem("URL", message)])
