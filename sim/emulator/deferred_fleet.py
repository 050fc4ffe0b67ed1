"""What a server can begin without: the compiled plane, the compiler behind it, and so its fleet.

Nothing is asked of the fleet before there is a task. Loading the compiler takes a third of a second, so it
goes on while the server already answers.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from types import ModuleType

    from sim.fleet.compiled import CompiledFleet
    from sim.fleet.protocol import Fleet
    from sim.fleet.spec import FleetSpec


def load_compiled_plane() -> type[CompiledFleet]:
    """Import the compiled plane; may be called on any thread, and again."""
    from sim.fleet.compiled import CompiledFleet  # here: it loads the compiler, which a start does without

    return CompiledFleet


def plane_saving() -> ModuleType:
    """Return the module that saves and restores the compiled plane."""
    from sim.fleet.compiled import plane_arrays  # here: it loads the compiler, too

    return plane_arrays


def compiled_fleet(spec: FleetSpec) -> Fleet:
    """Return the compiled plane of a fleet, whatever has to be compiled for it."""
    return load_compiled_plane()(spec)


class _DeferredFleet:
    """Stands for a fleet until something is asked of it; that time passes is no question."""

    def __init__(self, make: Callable[[], Fleet]) -> None:
        self._make = make
        self._tick = 0

    @cached_property
    def _fleet(self) -> Fleet:
        fleet = self._make()
        fleet.advance(self._tick)
        return fleet

    def advance(self, until_ticks: int) -> bool:
        """Run up to a tick, or remember it: nothing happens to a fleet of which nothing was asked."""
        if "_fleet" in vars(self):
            return self._fleet.advance(until_ticks)
        self._tick = until_ticks
        return False

    def finish_tick(self) -> bool:
        """Finish the present tick, at which nothing is due to a fleet of which nothing was asked."""
        return "_fleet" in vars(self) and self._fleet.finish_tick()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._fleet, name)


def deferred(make: Callable[[], Fleet]) -> Fleet:
    """Return a fleet that is made when something is first asked of it.

    Args:
        make: Makes the fleet; what it raises comes out of the question, and the next one tries again.
    """
    return cast("Fleet", _DeferredFleet(make))


def made(fleet: Fleet) -> Fleet | None:
    """Return what a deferred fleet stands for; None if nothing has been asked of it yet."""
    return cast("Fleet | None", vars(fleet).get("_fleet"))
