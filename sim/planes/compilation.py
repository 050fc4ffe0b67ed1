"""Compiling all kernels ahead, with something to look at meanwhile."""

from __future__ import annotations

import contextlib
import importlib
import sys
import threading
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final

from sim.fleet.jit import CACHE_FOLDER, FUNCTION_NAMES, JIT_ENABLED, name_of
from sim.fleet.kernel_files import kernels_are_compiled, kernels_ready, look_again, remove_broken
from sim.planes.display import Display, display_on

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["CACHE_FOLDER", "JIT_ENABLED", "compile_kernels", "kernels_ready", "look_again"]

_LOCK: Final = threading.Lock()
_LOCK_FILE: Final = ".compiling"
_LOOK_S: Final = 0.5


class _Progress:
    """Hears from numba what it compiles; shows it from a thread, since one function may take ten seconds."""

    def __init__(self, display: Display) -> None:
        self._display = display
        self._under_way: list[str] = []
        self._done: set[str] = set()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._show_again, name="compiling", daemon=True)

    def __enter__(self) -> _Progress:
        """Begin to listen and to show."""
        self._listener = _listener(self._begin, self._end)
        _numba_event().register("numba:compile", self._listener)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Show nothing any more."""
        _numba_event().unregister("numba:compile", self._listener)
        self._over.set()
        self._thread.join()
        self._display.close(0 if error else len(self._done))

    def _begin(self, name: str) -> None:
        self._under_way.append(name)

    def _end(self, name: str) -> None:
        self._under_way.pop()
        self._done.add(name)

    def _show_again(self) -> None:
        while not self._over.wait(_LOOK_S):
            under_way = self._under_way[-1:]  # one list, read once: another thread changes it
            name = under_way[0].rsplit(".", 1)[-1] if under_way else ""
            self._display.show(len(self._done & FUNCTION_NAMES), len(FUNCTION_NAMES), name)


def _numba_event() -> Any:
    """Return the module by which numba tells what it does; it has no type hints."""
    return importlib.import_module("numba.core.event")


def _listener(begin: Callable[[str], None], end: Callable[[str], None]) -> Any:
    """Return what numba tells of each function that it compiles."""

    class Listener(_numba_event().Listener):  # type: ignore[misc]  # numba has no type hints
        """Hands on names."""

        def on_start(self, event: Any) -> None:
            """Hand on the name of what is compiled now."""
            begin(name_of(event.data["dispatcher"].py_func))

        def on_end(self, event: Any) -> None:
            """Hand on the name of what was compiled."""
            end(name_of(event.data["dispatcher"].py_func))

    return Listener()


def compile_kernels(display: Display | None = None) -> None:
    """Compile all kernels that are not in the cache, once for all processes that ask at the same time.

    Args:
        display: Shows how far it is; None for a bar or lines on stderr.
    """
    if not JIT_ENABLED or kernels_ready():
        return
    shown = display_on(sys.stderr) if display is None else display
    with _LOCK, _only_process(CACHE_FOLDER, shown):
        if look_again():  # somebody else has compiled meanwhile
            shown.close(0)
            return
        if CACHE_FOLDER is not None:
            remove_broken(CACHE_FOLDER)
        from sim.planes.warm_up import run_all_kernels  # here: it loads the kernels that it runs

        with _Progress(shown):
            run_all_kernels()
        kernels_are_compiled()


def load_plane() -> None:
    """Load the compiled plane's modules, so that the first run need not."""
    import sim.fleet.compiled  # noqa: F401 - here: whoever only looks at the cache does without


@contextlib.contextmanager
def _only_process(folder: Path | None, display: Display) -> Iterator[None]:
    """Wait until no other process compiles into a folder; not on systems without such locks."""
    try:
        import fcntl
    except ImportError:
        yield
        return
    with contextlib.ExitStack() as stack:
        with contextlib.suppress(OSError):
            if folder is not None:
                lock = stack.enter_context((folder / _LOCK_FILE).open("w"))
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    display.show(0, len(FUNCTION_NAMES), "in another process, which this one waits for")
                    fcntl.flock(lock, fcntl.LOCK_EX)
        yield
