"""The application: routes, refusals, and the gate before them."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from fastapi import FastAPI
from starlette.exceptions import HTTPException

from sim.emulator.auth.authentication import Authenticator
from sim.emulator.background_compiler import BackgroundCompiler
from sim.emulator.http import control_routes, device_routes, package_routes, task_routes
from sim.emulator.http.gate import OPENAPI_PATH, Gate
from sim.emulator.http.openapi import DocumentedApp
from sim.emulator.http.requests import UnknownKeys
from sim.emulator.http.responses import on_api_error, on_http_error
from sim.emulator.session import Session
from sim.errors import ApiError
from sim.version import __version__

_LOAD_AFTER_S: Final = 0.25

_LOG: Final = logging.getLogger(__name__)


async def _prepare(compiler: BackgroundCompiler, session: Session) -> None:
    """Load the compiled plane on a thread; make the fleet anew on it if it had to be compiled first."""
    # Those who have waited for the server have the first turn; a task that comes before it loads it.
    await asyncio.sleep(_LOAD_AFTER_S)
    if await asyncio.get_running_loop().run_in_executor(None, compiler.prepare):
        session.renew_fleet()


@asynccontextmanager
async def _told_if_not_noted() -> AsyncIterator[None]:
    """Tell in one sentence if the disk takes the end of a session no more."""
    try:
        yield
    except sqlite3.Error as error:
        _LOG.error("the journal can't be written: %s; it has all that was acknowledged", error)


def create_app(
    session: Session,
    authenticator: Authenticator,
    compiler: BackgroundCompiler | None = None,
    *,
    is_strict: bool = False,
) -> FastAPI:
    """Return the ASGI application that serves a session.

    Args:
        session: What it serves; closed when the server ends.
        compiler: What loads the compiled plane and makes it ready; one of its own if None.
        is_strict: Refuse bodies with keys that the API doesn't know, instead of a warning.
    """
    beside = BackgroundCompiler() if compiler is None else compiler

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with _told_if_not_noted(), session.served():
            preparing = asyncio.create_task(_prepare(beside, session))
            yield
            beside.close()
            preparing.cancel()

    # The interactive pages would load scripts from elsewhere; the document itself is enough.
    app = DocumentedApp(
        title="Batch tasks on a simulated fleet",
        version=__version__,
        openapi_url=OPENAPI_PATH,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        lifespan=lifespan,
    )
    app.state.session = session
    app.state.unknown_keys = UnknownKeys(is_strict=is_strict)
    for router in (task_routes.router, package_routes.router, device_routes.router, control_routes.router):
        app.router.routes.extend(router.routes)  # instead of nesting, which is matched twice
    app.add_exception_handler(ApiError, on_api_error)
    app.add_exception_handler(HTTPException, on_http_error)
    app.add_middleware(
        Gate, session=session, authenticator=authenticator, limits=session.world.service.limits
    )
    return app
