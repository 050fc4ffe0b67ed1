"""What goes out: answers, and refusals in the vendor's form."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

from fastapi import Request, Response
from starlette.exceptions import HTTPException

from sim.emulator.http.gate import RETRY_AFTER_S, error_body
from sim.emulator.session import Session
from sim.errors import ApiError
from sim.rules import codes

COMMAND_HEADER: Final = "X-Fleetsim-Command"
"""Number of the accepted command in the journal."""


def session_of(request: Request) -> Session:
    """Return what the request works on."""
    session: Session = request.app.state.session
    return session


def json_response(body: bytes, status: int = 200, *, seq: int | None = None) -> Response:
    """Return an answer.

    Args:
        body: JSON.
        status: HTTP status.
        seq: Number of the command that it answers; None for a query.
    """
    headers = None if seq is None else {COMMAND_HEADER: str(seq)}
    return Response(body, status, headers, "application/json")


def no_content(seq: int) -> Response:
    """Return the answer of a call that deletes something.

    Args:
        seq: Number of the command.
    """
    return Response(status_code=HTTPStatus.NO_CONTENT, headers={COMMAND_HEADER: str(seq)})


def refusal(error: ApiError) -> Response:
    """Return a refusal."""
    headers = {"Retry-After": str(RETRY_AFTER_S)} if error.status == codes.NOT_READY.http else None
    return Response(error_body(error), error.status, headers, "application/json")


async def on_api_error(_: Request, error: Exception) -> Response:
    """Answer a refusal of the rules."""
    assert isinstance(error, ApiError)
    return refusal(error)


async def on_http_error(_: Request, error: Exception) -> Response:
    """Answer what the router refuses: a path or a method that it doesn't have."""
    assert isinstance(error, HTTPException)
    is_method = error.status_code == HTTPStatus.METHOD_NOT_ALLOWED
    return refusal((codes.METHOD_NOT_FOUND if is_method else codes.API_NOT_FOUND).api_error())
