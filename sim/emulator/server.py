"""A server process: socket, credentials, session, uvicorn."""

from __future__ import annotations

import contextlib
import errno
import ipaddress
import os
import signal
import socket
import ssl
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any, Final, Self

import uvicorn

from sim.emulator.auth.authentication import Authenticator
from sim.emulator.auth.credentials import FILE_NAME, find_credentials, is_exposed
from sim.emulator.background_compiler import BackgroundCompiler
from sim.emulator.clock import Mode, VirtualClock
from sim.emulator.http.app import create_app
from sim.emulator.http.connection import VendorProtocol
from sim.emulator.session import Session
from sim.emulator.starting import NotReadyYet, ReplayProgress
from sim.emulator.state_folder import open_session
from sim.emulator.world import LAST_TICK, World
from sim.errors import Problem, ScenarioError
from sim.scenario import Scenario

_BACKLOG: Final = 2048
_KEEP_ALIVE_S: Final = 75  # scripts that pause between calls keep their connection
_FAREWELL_S: Final = 3  # then answers that are delayed are given up
_ENDING_SIGNALS: Final = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")
_OF_PORT: Final = {
    errno.EADDRINUSE: "is in use; choose another one, or 0 for any that is free",
    errno.EACCES: "is not for ordinary users; choose one above 1023",
}


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
        strict: Refuse bodies with keys that the API doesn't know, instead of a warning.
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
    strict: bool = False
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
    elif options.tls_cert is not None and not _is_usable(options.tls_cert, options.tls_key):
        message = "does not go with --tls-key: both must be PEM, a pair, and the key without a passphrase"
        problems.append(Problem("--tls-cert", message))
    if problems:
        raise ScenarioError(problems)


def _is_usable(cert: Path, key: Path | None) -> bool:
    """Tell whether the TLS library takes a certificate and its key, without asking for a passphrase."""
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(cert, key, password="")
    except ssl.SSLError:
        return False
    return True


def _tls_context(options: ServeOptions) -> ssl.SSLContext | None:
    """Return what HTTPS is spoken with, None for plain HTTP."""
    if options.tls_cert is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(options.tls_cert, options.tls_key)
    return context


@dataclass(frozen=True)
class Serving:
    """A server that listens.

    Attributes:
        url: Beginning of all addresses.
        scenario: What it serves.
        time: The simulated time, as the API writes it.
    """

    url: str
    scenario: Scenario
    time: str


def serve(
    options: ServeOptions, say: Callable[[str], None], ready: Callable[[Serving], None] | None = None
) -> None:
    """Serve until the process is told to end.

    Args:
        say: Takes what the user is to read, line by line.
        ready: Called once, when requests are answered.

    Raises:
        ScenarioError: An option, the scenario or the state folder is wrong, or the port can't be had.
    """
    check_options(options)
    with contextlib.ExitStack() as stack:
        signals = stack.enter_context(_Signals())
        folder = options.state
        if folder is None:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="fleetsim-")))
        else:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        listener = stack.enter_context(_listening(options.host, options.port))
        clock = VirtualClock(options.mode, speed=options.speed, limit_ticks=LAST_TICK)
        compiler = BackgroundCompiler(say)
        listener.listen(_BACKLOG)
        with NotReadyYet(listener, _tls_context(options)):
            session = open_session(
                folder,
                clock,
                scenario=options.scenario,
                seed=options.seed,
                make_world=partial(World, make_fleet=compiler.make_fleet),
                before_replay=compiler.compile_first,
                progress=ReplayProgress(say),
            )
        stack.callback(session.close)
        credentials, new_lines = find_credentials(folder, file=options.credentials)
        authenticator = Authenticator(credentials, session.world.service.limits, is_open=options.is_open)
        config = uvicorn.Config(
            create_app(session, authenticator, compiler, is_strict=options.strict),
            http=VendorProtocol,
            ws="none",
            log_level="warning",
            access_log=False,
            server_header=False,
            timeout_keep_alive=_KEEP_ALIVE_S,
            timeout_graceful_shutdown=_FAREWELL_S,
            ssl_certfile=options.tls_cert,
            ssl_keyfile=options.tls_key,
        )
        server = _Server(config)
        signals.begin(server)
        serving = _serving(options, listener, session.world)
        for line in [*_greeting(options, serving, session), *_access(options, folder, new_lines)]:
            say(line)
        if ready is not None:
            ready(serving)
        server.run(sockets=[listener])
        end = "nothing is kept without --state" if options.state is None else f"resume with --state {folder}"
        with contextlib.suppress(OSError):  # the terminal may be what has gone
            say(f"Ended after {_commands(session)}; {end}.")


class _Server(uvicorn.Server):
    """A server that is told by `_Signals` to end, and always ends in order."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to `_Signals`."""
        yield

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """End; at the second time, wait for no client any more.

        Args:
            sig: Number of the signal.
            frame: What was interrupted.
        """
        self.should_exit, self.force_exit = True, self.should_exit

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End, and close the session also when in a hurry.

        Args:
            sockets: Where it listens.
        """
        await super().shutdown(sockets)
        if self.force_exit:
            await self.lifespan.shutdown()


class _Signals:
    """Ends the process in order, whatever tells it to end and however often.

    Before there is a server, the start is given up.
    """

    def __init__(self) -> None:
        self._server: _Server | None = None
        self._was_told = False
        self._former: dict[int, Any] = {}

    def __enter__(self) -> Self:
        for name in _ENDING_SIGNALS:
            number = getattr(signal, name, None)
            # Who starts a server with `nohup` wants it to outlive the terminal.
            if number is not None and not (name == "SIGHUP" and signal.getsignal(number) is signal.SIG_IGN):
                self._former[number] = signal.signal(number, self._on_signal)
        return self

    def __exit__(self, *exception: object) -> None:
        for number, handler in self._former.items():
            # A process that was told to end is ending, and need not hear it while the interpreter goes.
            signal.signal(number, signal.SIG_IGN if self._was_told else handler)

    def begin(self, server: _Server) -> None:
        """Let signals end a server from now on; at once, if one was heard and its interrupt got lost.

        An exception that a signal raises within a finalizer or a callback goes no further.
        """
        self._server = server
        if self._was_told:
            server.handle_exit(signal.SIGTERM, None)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        was_told, self._was_told = self._was_told, True
        if self._server is not None:
            self._server.handle_exit(number, frame)
        elif not was_told:  # the second time, what was begun is being cleaned up
            raise KeyboardInterrupt


@contextlib.contextmanager
def _listening(host: str, port: int) -> Iterator[socket.socket]:
    """Take the port before anything that needs time, so that one in use is known at once."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = _bound(host, port, family)
    except OSError as error:
        if error.errno in _OF_PORT:
            raise ScenarioError([Problem("--port", f"{port} {_OF_PORT[error.errno]}")]) from None
        message = f"{host!r} is no name or address of this machine"
        raise ScenarioError([Problem("--host", message)]) from None
    with listener:
        yield listener


def _bound(host: str, port: int, family: socket.AddressFamily) -> socket.socket:
    """Return a socket with an address; it does not listen yet."""
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        if os.name == "posix":  # elsewhere it would let two servers have one port
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.bind((host, port))
    except OSError:
        listener.close()
        raise
    return listener


def _serving(options: ServeOptions, listener: socket.socket, world: World) -> Serving:
    """Return where it listens, what it serves, and which time it is there."""
    host = f"[{options.host}]" if ":" in options.host else options.host
    scheme = "http" if options.tls_cert is None else "https"
    url = f"{scheme}://{host}:{listener.getsockname()[1]}"
    return Serving(url, world.scenario, world.calendar.wire(world.now_s))


def _greeting(options: ServeOptions, serving: Serving, session: Session) -> Iterator[str]:
    """Yield what to tell at the start: where, what, and which time it is there."""
    yield f"Serving {serving.url}"
    groups = ", ".join(session.world.service.names.cohort_names)
    scenario = serving.scenario
    yield f"Fleet of {scenario.name}: {scenario.n_devices:,} devices, by group: {groups}"
    if options.mode == "manual":
        yield f"The clock stands at {serving.time}; POST /_sim/clock/advance moves it."
    else:
        yield f"The clock runs from {serving.time} on, {options.speed:g} simulated seconds a second."
    for notice in session.notices:
        yield f"Warning: {notice}."
    if session.n_commands:
        yield f"Resumed after {_commands(session)}."


def _commands(session: Session) -> str:
    """Return how many commands there were, in words."""
    return f"{session.n_commands} command{'' if session.n_commands == 1 else 's'}"


def _access(options: ServeOptions, folder: Path, new_lines: str) -> Iterator[str]:
    """Yield what to tell about who may call."""
    if options.is_open:
        yield "Nobody is asked for credentials."
        return
    store = folder / FILE_NAME
    if new_lines:
        until = "until the server ends" if options.state is None else f"kept in {store}"
        yield f"New credentials, {until} and shown this once:\n{new_lines}".rstrip()
    elif store.exists():
        yield f"Credentials are those in {store}, but for what the environment or --credentials sets."
    for path in (options.credentials, store):
        if path is not None and is_exposed(path):
            yield f"Warning: others can read {path}; keep it to yourself with: chmod 600 {path}"
