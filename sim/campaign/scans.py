"""Which way the records of a whole fleet are looked through: by compiled code, or by NumPy.

The rule, here and for the tally (`sim.campaign.tally`): compiled code for runs of the compiled plane, which
has loaded the compiler, NumPy for those of the SimPy plane. Whoever chose that one, to read it or since
nothing is compiled yet, neither waits for a compiler nor loads one, which takes a third of a second.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.campaign import uncompiled

if TYPE_CHECKING:
    from types import ModuleType

    from sim.fleet.protocol import Fleet


def scans_for(fleet: Fleet) -> ModuleType:
    """Return the module of functions that look through a fleet's records: `kernels`, or one like it."""
    if fleet.is_compiled:
        from sim.campaign import kernels  # here: it loads the compiler

        return kernels
    return uncompiled
