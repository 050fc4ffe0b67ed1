"""What a server can begin without: the compiled plane, the compiler behind it, and so its fleet.

Nothing is asked of the fleet before there is a task. Loading the compiler takes a third of a second, so it
goes on while the server already answers.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from sim.fleet.compiled import CompiledFleet
    from sim.fleet.protocol import Fleet


def load_compiled_plane() -> type[CompiledFleet]:
    """Import the compiled plane; may be called on any thread, and again."""
    from sim.fleet.compiled import CompiledFleet  # here: it loads the compiler, which a start does without

    return CompiledFleet


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
