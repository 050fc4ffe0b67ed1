"""Compiled functions that are loaded when one of them is first called for.

A server that has no task yet, and a command that only checks a scenario, do without the compiler, which
takes a third of a server's start to load. So the modules of the control plane import this one, which
costs nothing, instead of each importing `kernels` inside its functions.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from sim.campaign.kernels import (
        any_joined,
        count_started,
        count_states,
        draw_ranks,
        find_states,
        first_breach,
    )
    from sim.fleet.model.draws import uniform

__all__ = [
    "any_joined",
    "count_started",
    "count_states",
    "draw_ranks",
    "find_states",
    "first_breach",
    "uniform",
]

_HOME_OF: Final = {
    **dict.fromkeys(__all__, "sim.campaign.kernels"),
    "uniform": "sim.fleet.model.draws",
}


def __getattr__(name: str) -> object:
    """Import the module that defines a function, at its first use."""
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(_HOME_OF[name]), name)
    globals()[name] = value  # the next look-up doesn't come here
    return value
