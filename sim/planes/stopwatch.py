"""How long work takes without the compiler: what kernels cost once is no part of what a run costs."""

from __future__ import annotations

import sys
import threading
import time
from types import TracebackType
from typing import Any, Final, Self

_COMPILER: Final = "numba.core.event"
_LOCKED: Final = "numba:compiler_lock"
"""numba holds its lock while it compiles a kernel and while it loads one that was compiled before."""


class Stopwatch:
    """Measures work, and leaves out the time in which kernels are loaded or compiled. Use it as a context."""

    def __init__(self) -> None:
        """Measure nothing yet."""
        self._begin_s = self._end_s = 0.0
        self._left_out_s = 0.0
        self._locked = 0
        self._since_s = 0.0
        self._guard = threading.Lock()
        self._listener: Any = None

    @property
    def seconds(self) -> float:
        """How long the work took, seconds."""
        return max(self._end_s - self._begin_s - self._left_out_s, 0.0)

    def __enter__(self) -> Self:
        """Begin; a compiler that is loaded later counts, so load it before."""
        compiler = sys.modules.get(_COMPILER)
        if compiler is not None:
            self._listener = _listener(compiler, self._lock, self._unlock)
            compiler.register(_LOCKED, self._listener)
        self._begin_s = time.perf_counter()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End."""
        self._end_s = time.perf_counter()
        if self._listener is not None:
            sys.modules[_COMPILER].unregister(_LOCKED, self._listener)

    def _lock(self) -> None:
        """Note that the compiler's lock is wanted: by several threads, or several times by one."""
        with self._guard:
            self._locked += 1
            if self._locked == 1:
                self._since_s = time.perf_counter()

    def _unlock(self) -> None:
        """Note that it was left; when by all, the time since the first is left out."""
        with self._guard:
            if self._locked == 0:  # it was wanted before the work began
                return
            self._locked -= 1
            if self._locked == 0:
                self._left_out_s += time.perf_counter() - self._since_s


def _listener(compiler: Any, begin: Any, end: Any) -> Any:
    """Return what numba tells when its lock is wanted and left."""

    class Listener(compiler.Listener):  # type: ignore[misc]  # numba has no type hints
        """Hands on what happens."""

        def on_start(self, event: Any) -> None:
            """Hand on that the lock is wanted."""
            begin()

        def on_end(self, event: Any) -> None:
            """Hand on that it was left."""
            end()

    return Listener()
