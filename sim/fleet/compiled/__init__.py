"""The compiled device plane: arrays, advanced by kernels between two control events.

`plane` is its door (`CompiledFleet`). `event_loop` works off one event after another, `transitions` is
what happens to a subtask, `attempt` and `presampling` what an attempt draws, `memory` where all of it
lies, `uncoupled` the short way when devices share nothing.

Decision: rooms whose twin is in `sim.fleet.reference` bear the same name there (`plane`, `attempt`,
`queues`, `watches`, `records`), and neither package sees the other: they share `sim.fleet.model` alone.

`Writes:` at the end of a compiled function's docstring names what of the state it writes itself; what it
calls says so on its own.
"""

from sim.fleet.compiled.plane import CompiledFleet

__all__ = ["CompiledFleet"]
