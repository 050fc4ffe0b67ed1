"""The application: routes, refusals, and the gate before them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from fastapi import FastAPI
from starlette.exceptions import HTTPException

from sim import __version__
from sim.emulator.auth.authentication import Authenticator
from sim.emulator.deferred_fleet import load_compiled_plane
from sim.emulator.http import control_routes, package_routes, task_routes
from sim.emulator.http.gate import OPENAPI_PATH, Gate
from sim.emulator.http.openapi import DocumentedApp
from sim.emulator.http.responses import on_api_error, on_http_error
from sim.emulator.session import Session
from sim.errors import ApiError

_LOAD_AFTER_S: Final = 0.25


def create_app(session: Session, authenticator: Authenticator) -> FastAPI:
    """Return the ASGI application that serves a session.

    Args:
        session: What it serves; closed when the server ends.
    """

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with session.served():
            loop = asyncio.get_running_loop()
            # Those who have waited for the server have the first turn; a task that comes before it loads it.
            loading = loop.call_later(_LOAD_AFTER_S, loop.run_in_executor, None, load_compiled_plane)
            yield
            loading.cancel()

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
    for router in (task_routes.router, package_routes.router, control_routes.router):
        app.router.routes.extend(router.routes)  # instead of nesting, which is matched twice
    app.add_exception_handler(ApiError, on_api_error)
    app.add_exception_handler(HTTPException, on_http_error)
    app.add_middleware(
        Gate, session=session, authenticator=authenticator, limits=session.world.service.limits
    )
    return app
