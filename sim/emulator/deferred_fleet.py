"""What a server can begin without: the compiled plane, the compiler behind it, and so its fleet.

Nothing is asked of the fleet before there is a task. Loading the compiler takes a third of a second, so it
goes on while the server already answers.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, cast

if TYPE_CHECKING:
    from sim.fleet.compiled import CompiledFleet
    from sim.fleet.protocol import Fleet

_COMPILER: Final = "numba"
_NOT_NEEDED: Final = ("scipy.linalg", "coverage")
"""What the compiler looks for while it loads and does without if there is none.

No kernel uses linear algebra, which takes as long to import as the web framework; the other one it loads
only to ask whether it is at work.
"""


def load_compiled_plane() -> type[CompiledFleet]:
    """Import the compiled plane; may be called on any thread, and again."""
    if _COMPILER not in sys.modules:
        with _hidden(*_NOT_NEEDED):
            importlib.import_module("numba.np.arraymath")
    from sim.fleet.compiled import CompiledFleet

    return CompiledFleet


@contextmanager
def _hidden(*names: str) -> Iterator[None]:
    """Let modules that have not been imported look as if they were not installed."""
    absent = [name for name in names if name not in sys.modules]
    sys.modules.update(dict.fromkeys(absent, cast("Any", None)))  # Python's way to say there is none
    try:
        yield
    finally:
        for name in absent:
            del sys.modules[name]


class _DeferredFleet:
    """Stands for a fleet until something is asked of it."""

    def __init__(self, make: Callable[[], Fleet]) -> None:
        self._make = make

    @cached_property
    def _fleet(self) -> Fleet:
        return self._make()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._fleet, name)


def deferred(make: Callable[[], Fleet]) -> Fleet:
    """Return a fleet that is made when something is first asked of it.

    Args:
        make: Makes the fleet.
    """
    return cast("Fleet", _DeferredFleet(make))
