"""What attempts have left of devices, read out of either device plane.

Decision: out of the planes' own memory, instead of a question of their protocol or of a second account of
it here. The protocol is what a campaign may ask, and a campaign asks for subtasks only; and which version a
device runs depends on causes that no record names (`leaves`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple, cast

import numpy as np

from sim.fleet.protocol import N_COMPONENTS
from sim.fleet.spec import LEAVES_DEAD, LEAVES_NEW, Int32s

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sim.fleet.compiled import CompiledFleet
    from sim.fleet.protocol import Fleet
    from sim.fleet.reference.plane import SimpyFleet

NONE_OF_OURS: Final = -1
"""The version of a component for which a device has run no package of a task yet."""
_DEAD: Final = -2  # `sim.fleet.compiled.memory.state.DEAD`, which loads the compiler


class Memory(NamedTuple):
    """What lasts of a device.

    Attributes:
        runs: Number of the version that it runs, by component (`sim.fleet.protocol.PackageRef`).
        is_dead: Whether it is out of reach for ever.
    """

    runs: tuple[int, ...]
    is_dead: bool


def memories_of(fleet: Fleet, devices: Sequence[int]) -> list[Memory]:
    """Return what lasts of some devices at the plane's present tick.

    Args:
        fleet: One of the two planes; what it computes does not change.
        devices: Device indices.
    """
    if fleet.is_compiled:
        return _compiled(cast("CompiledFleet", fleet), np.array(devices, np.int32))
    around = cast("SimpyFleet", fleet)._around
    memories = [around.memory_of(device) for device in devices]
    return [Memory(tuple(memory._runs), memory.is_dead) for memory in memories]


def _compiled(fleet: CompiledFleet, devices: Int32s) -> list[Memory]:
    """Return what the compiled plane's rows say.

    Of each device they say whether it runs what its present task installs; what it runs else is written down
    when another task takes it. What the attempt under way has done to it stands apart until the attempt ends.
    """
    tasks_of = fleet.records().task[devices]  # asked first: it lets all memory be as it is now
    state: Any = fleet._st
    current = np.array(state.work["current"][devices])
    is_dead = state.work["mark"][devices] == _DEAD
    if len(state.struck):
        struck = state.struck[devices]
        by_now = struck["tick"] <= fleet.now_ticks
        current |= by_now & (struck["does"] == LEAVES_NEW)
        is_dead |= by_now & (struck["does"] == LEAVES_DEAD)
    if len(state.runs):
        runs = state.runs[:, devices].copy()
        in_task = np.flatnonzero(current & (tasks_of >= 0))
        tasks = state.tasks[tasks_of[in_task]]
        runs[tasks["component"], in_task] = tasks["version"]
    else:  # there was no package but the campaign's own
        runs = np.full((N_COMPONENTS, len(devices)), NONE_OF_OURS, np.int32)
        runs[0, current] = 0
    return [Memory(tuple(of), dead) for of, dead in zip(runs.T.tolist(), is_dead.tolist(), strict=True)]
