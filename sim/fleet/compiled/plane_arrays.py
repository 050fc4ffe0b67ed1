"""The compiled plane as plain arrays, and back, so that a run goes on as if it had never stopped.

Decision: every field of the state, by its name and whatever it means, instead of a form of its own that each
new field would have to be added to. A table knows its fields; arrays that a fresh plane has in the same size
are written into, so that they lie in memory as compiled code expects.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from sim.errors import ModelError
from sim.fleet.compiled.add_task import as_list
from sim.fleet.compiled.memory.state import State
from sim.fleet.compiled.memory.tables import new_heap
from sim.fleet.protocol import TargetRecords
from sim.fleet.table import Table

if TYPE_CHECKING:
    from sim.fleet.compiled.plane import CompiledFleet

Arrays = dict[str, NDArray[Any]]

_CHANGING: Final = [name for name in State.fields if name != "given"]


def saved_plane(fleet: CompiledFleet) -> Arrays:
    """Return copies of all that changes in a plane while it runs, by name.

    Args:
        fleet: Goes on as before; it may play devices one by one from now on.
    """
    fleet._check_open()
    fleet._catch_up_rows()
    fleet._enter_queues()
    fleet._ahead.drop(fleet._st)
    arrays: Arrays = {}
    for name in _CHANGING:
        value = getattr(fleet._st, name)
        if isinstance(value, Table):
            arrays |= {f"state.{name}.{key}": np.array(part) for key, part in value._asdict().items()}
        elif isinstance(value, TargetRecords):
            arrays |= {f"state.{name}.{key}": part.copy() for key, part in value._asdict().items()}
        else:
            arrays[f"state.{name}"] = np.array(value)
    downloads = fleet._downloads
    arrays["downloads.starts"] = np.concatenate(downloads._starts)
    arrays["downloads.ends"] = np.concatenate(downloads._ends)
    arrays["downloads.settled"] = np.array([downloads._settled])
    arrays["downloads.level"], arrays["downloads.peaks"] = downloads._level.copy(), downloads._peaks.copy()
    arrays["downloads.rows"], arrays["downloads.loads"] = (part.copy() for part in downloads._rows)
    queues = list(fleet._retry_queues.items())
    arrays["plane.retry_queues"] = np.array(queues, np.int64).reshape(len(queues), 2)
    arrays["plane.numbers"] = np.array([fleet._next_watch, fleet._may_play_straight], np.int64)
    arrays["plane.task_sizes"] = np.array([len(devices) for devices in fleet._tasks], np.int64)
    arrays["plane.task_devices"] = np.concatenate([np.empty(0, np.int32), *fleet._tasks])
    return arrays


def restore_plane(fleet: CompiledFleet, arrays: Arrays) -> None:
    """Bring a new plane of the same fleet to where another one was.

    Args:
        fleet: At tick 0, without a task.
        arrays: What `saved_plane` returned. Read only.

    Raises:
        ModelError: They are of another fleet.
        KeyError: They are of another build.
    """
    st = fleet._st
    plans_least = st.reg.plans_least  # how many threads there are is this machine's business
    for name in _CHANGING:
        value = getattr(st, name)
        if isinstance(value, Table):
            for key in value.fields:
                _restore(value, key, arrays[f"state.{name}.{key}"])
        elif isinstance(value, TargetRecords):
            for key, part in value._asdict().items():
                _fill(part, arrays[f"state.{name}.{key}"])
        else:
            _restore(st, name, arrays[f"state.{name}"])
    st.reg.plans_least = plans_least
    downloads = fleet._downloads
    downloads._starts, downloads._ends = [arrays["downloads.starts"]], [arrays["downloads.ends"]]
    downloads._settled = int(arrays["downloads.settled"][0])
    downloads._level, downloads._peaks = arrays["downloads.level"], arrays["downloads.peaks"]
    downloads._rows = arrays["downloads.rows"], arrays["downloads.loads"]
    fleet._retry_queues = dict(arrays["plane.retry_queues"].tolist())
    fleet._next_watch, may_play_straight = arrays["plane.numbers"].tolist()
    fleet._may_play_straight = bool(may_play_straight)
    ends = np.cumsum(arrays["plane.task_sizes"])
    fleet._tasks = [as_list(part) for part in np.split(arrays["plane.task_devices"], ends)[:-1]]
    fleet._known_load = None


def _restore(table: Table, name: str, content: NDArray[Any]) -> None:
    """Give one field of a table its content, at the same place if it has the same size."""
    value = getattr(table, name)
    if not isinstance(value, np.ndarray):
        setattr(table, name, content.item())
    elif value.shape == content.shape:
        _fill(value, content)
    else:
        room = new_heap(len(content)) if name == "heap" else np.empty_like(content).view(type(value))
        _fill(room, content)
        setattr(table, name, room)


def _fill(room: NDArray[Any], content: NDArray[Any]) -> None:
    """Copy an array into one of the same form.

    Raises:
        ModelError: It has another form.
    """
    if room.shape != content.shape or room.dtype != content.dtype:
        raise ModelError(f"an array of the state is {content.dtype}{content.shape}, not {room.shape}")
    room[...] = content
