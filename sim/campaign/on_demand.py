"""Functions of the control plane that are compiled, if they are already; plain ones otherwise.

A server that has no task yet, and a command that only checks a scenario, do without the compiler, which
takes a third of a server's start to load. So the modules of the control plane import this one, which
costs nothing, instead of each importing `kernels` inside its functions.

Whoever runs a small fleet on the SimPy plane, since nothing is compiled yet, must not wait for these
few functions either: until all kernels are in the cache, NumPy does their work.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sim.campaign.kernels import any_joined, count_started, count_states, find_states, first_breach

__all__ = ["any_joined", "count_started", "count_states", "find_states", "first_breach"]


def __getattr__(name: str) -> object:
    """Import the module that defines a function, at its first use."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if not import_module("sim.fleet.kernel_files").kernels_ready():
        plain: object = getattr(import_module("sim.campaign.uncompiled"), name)
        return plain  # and ask again next time: somebody may have compiled meanwhile
    value: object = getattr(import_module("sim.campaign.kernels"), name)
    globals()[name] = value  # the next look-up doesn't come here
    return value
