"""A server process: socket, credentials, session, uvicorn."""

from __future__ import annotations

import contextlib
import importlib
import ipaddress
import signal
import socket
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import uvicorn

from sim.emulator.app import create_app
from sim.emulator.authentication import Authenticator
from sim.emulator.clock import Mode, VirtualClock
from sim.emulator.credentials import find_credentials
from sim.emulator.state import open_session
from sim.emulator.world import LAST_TICK
from sim.errors import Problem, ScenarioError
from sim.scenario import Scenario

_BACKLOG: Final = 2048
_LINEAR_ALGEBRA: Final = "scipy.linalg"
_KEEP_ALIVE_S: Final = 75  # scripts that pause between calls keep their connection


@dataclass(frozen=True)
class ServeOptions:
    """What a server is started with.

    Attributes:
        scenario: What it serves; None for that of the state folder, else the quickstart.
        host: Name or address to listen on.
        port: TCP port; 0 for any free one.
        state: Folder of journal and credentials, made if absent; None for one that goes with the server.
        mode: Whether the virtual clock runs.
        speed: Simulated seconds per second.
        seed: Seed of a new session; None for the scenario's.
        credentials: File of credentials, if any.
        is_open: Ask nobody for credentials.
        tls_cert: File of the TLS certificate, PEM; None for plain HTTP.
        tls_key: File of its key, PEM.
    """

    scenario: Scenario | None
    host: str
    port: int
    state: Path | None
    mode: Mode
    speed: float
    seed: int | None = None
    credentials: Path | None = None
    is_open: bool = False
    tls_cert: Path | None = None
    tls_key: Path | None = None


def is_loopback(host: str) -> bool:
    """Tell whether only this machine can reach a host name or address."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def check_options(options: ServeOptions) -> None:
    """Refuse what would be unsafe or can't be served.

    Args:
        options: What the server is to be started with.

    Raises:
        ScenarioError: With everything that is wrong.
    """
    problems = []
    if options.is_open and not is_loopback(options.host):
        message = f"is refused for {options.host}: everybody who reaches it could call; use 127.0.0.1"
        problems.append(Problem("--no-auth", message))
    if (options.tls_cert is None) != (options.tls_key is None):
        problems.append(Problem("", "--tls-cert and --tls-key come together"))
    if problems:
        raise ScenarioError(problems)


def load_compiler() -> None:
    """Load what the compiled kernels need, without SciPy's linear algebra.

    The compiler looks for it while it loads, although no kernel uses it, and it takes as long to import
    as the web framework. The compiler does without if there is none.
    """
    if _LINEAR_ALGEBRA in sys.modules:
        return
    sys.modules[_LINEAR_ALGEBRA] = None  # type: ignore[assignment]  # Python's way to say there is none
    try:
        importlib.import_module("numba.np.arraymath")
    finally:
        del sys.modules[_LINEAR_ALGEBRA]


def serve(options: ServeOptions, say: Callable[[str], None]) -> None:
    """Serve until the process is told to end.

    Args:
        options: What it is started with.
        say: Takes what the user is to read, line by line.

    Raises:
        ScenarioError: An option, the scenario or the state folder is wrong.
        OSError: The port can't be had.
    """
    check_options(options)
    with contextlib.ExitStack() as stack:
        folder = options.state
        if folder is None:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="fleetsim-")))
        else:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        listener = stack.enter_context(_listening(options.host, options.port))
        load_compiler()
        clock = VirtualClock(options.mode, speed=options.speed, limit_ticks=LAST_TICK)
        session = open_session(folder, clock, scenario=options.scenario, seed=options.seed)
        stack.callback(session.close)
        credentials, new_lines = find_credentials(folder, file=options.credentials)
        limits = session.world.service.limits
        authenticator = Authenticator(credentials, limits, is_open=options.is_open)
        config = uvicorn.Config(
            create_app(session, authenticator),
            log_level="warning",
            access_log=False,
            server_header=False,
            timeout_keep_alive=_KEEP_ALIVE_S,
            ssl_certfile=options.tls_cert,
            ssl_keyfile=options.tls_key,
        )
        for line in _greeting(options, listener, session_commands=session.n_commands):
            say(line)
        if options.is_open:
            say("Nobody is asked for credentials.")
        elif new_lines:
            say(f"New credentials, kept in {folder} and shown this once:\n{new_lines}".rstrip())
        # That is how one ends a server; uvicorn hands the signal on once everything is closed.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        with contextlib.suppress(KeyboardInterrupt):
            uvicorn.Server(config).run(sockets=[listener])


@contextlib.contextmanager
def _listening(host: str, port: int) -> Iterator[socket.socket]:
    """Open the socket before anything that takes time, so that a taken port is known at once."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.create_server((host, port), family=family, backlog=_BACKLOG) as listener:
        yield listener


def _greeting(options: ServeOptions, listener: socket.socket, *, session_commands: int) -> Iterator[str]:
    """Yield what to tell at the start."""
    port = listener.getsockname()[1]
    host = f"[{options.host}]" if ":" in options.host else options.host
    scheme = "http" if options.tls_cert is None else "https"
    yield f"Serving {scheme}://{host}:{port}"
    if session_commands:
        yield f"Resumed after {session_commands} commands."
