"""The server's side of a connection, where the application can't see what happens."""

from __future__ import annotations

import uuid
from typing import Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from sim.emulator.http.gate import REQUEST_ID_HEADER, error_body
from sim.rules import codes

_HEAD: Final = (
    "HTTP/1.1 400 Bad Request\r\ncontent-type: application/json\r\ncontent-length: {size}\r\n"
    "{id_header}: {request_id}\r\nconnection: close\r\n\r\n"
)


class VendorProtocol(HttpToolsProtocol):
    """HTTP/1.1 whose refusals have the vendor's form, and whose end waits for no half request."""

    def shutdown(self) -> None:
        """End the connection, as soon as its answer is out if a whole request is there."""
        super().shutdown()
        if getattr(self.cycle, "more_body", False):  # there is no cycle before the first request
            self.transport.close()

    def send_400_response(self, msg: str) -> None:
        """Refuse what can't be read, and close: nobody knows where the next request would begin.

        Args:
            msg: What the server says about it.
        """
        body = error_body(codes.GATEWAY_BAD_REQUEST.api_error(msg))
        head = _HEAD.format(size=len(body), id_header=REQUEST_ID_HEADER.lower(), request_id=uuid.uuid4().hex)
        self.transport.write(head.encode() + body)
        self.transport.close()
