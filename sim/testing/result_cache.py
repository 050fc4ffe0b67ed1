"""Where results are kept while tests run: in memory, and in a folder that several workers share.

Decision: a lock of the operating system and a file a result, though a scenario's tests go to one worker by
default: a user may choose another mode of xdist, and scenarios may have runs in common. The lock is gone
when its owner dies, so that nobody waits for a worker that was killed.
"""

from __future__ import annotations

import hashlib
import pickle
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from sim.atomic_files import write_whole

try:
    import fcntl
except ImportError:  # pragma: no cover  # Windows: every worker makes its own results, with equal values
    fcntl = None  # type: ignore[assignment]  # a module, or none

_T = TypeVar("_T")


class LocalCache:
    """Keeps what was made, and what went wrong, in memory."""

    def __init__(self) -> None:
        """Begin empty."""
        self._made: dict[str, Any] = {}
        self._errors: dict[str, Exception] = {}

    def get(self, key: str, make: Callable[[], _T]) -> _T:
        """Return what was made under a key; make it if nobody has.

        Args:
            key: Names it.
            make: Makes it. What it raises is raised again for everybody who asks.
        """
        if key in self._errors:
            raise self._errors[key]
        if key not in self._made:
            try:
                self._made[key] = self._fetch(key, make)
            except Exception as error:
                self._errors[key] = error
                raise
        made: _T = self._made[key]
        return made

    def _fetch(self, key: str, make: Callable[[], _T]) -> _T:
        """Make it."""
        return make()


class SharedCache(LocalCache):
    """Shares what was made with other processes, through a folder."""

    def __init__(self, folder: Path) -> None:
        """Begin with what the folder holds.

        Args:
            folder: Nobody but the workers of this test run may write there: files are unpickled.
        """
        super().__init__()
        self._folder = folder

    def _fetch(self, key: str, make: Callable[[], _T]) -> _T:
        """Read it, or make it and write it; others wait meanwhile."""
        path = self._folder / f"{hashlib.sha256(key.encode()).hexdigest()[:32]}.pickle"
        with _locked(path.with_suffix(".lock")):
            if path.exists():
                found: _T = pickle.loads(path.read_bytes())
                return found
            made = make()
            write_whole(path, pickle.dumps(made))
            return made


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold the lock of a file; a process that dies lets it go."""
    with path.open("w") as file:
        if fcntl is not None:
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
