"""What happens to downloads on the tree, for kernels to call by address (`sim.fleet.compiled.memory.cold`).

Each function takes the address of the state and three numbers.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from sim.fleet.compiled.memory.cold import cold, state_at
from sim.fleet.compiled.memory.state import PAUSED, State
from sim.fleet.compiled.memory.tree import IDLE
from sim.fleet.compiled.tree.levels import note_level, soonest_level
from sim.fleet.compiled.tree.lines import (
    delay_line,
    first_download,
    hurry_line,
    join_level,
    join_queue,
    leave_queue,
    line_clock,
    note_uplink,
)
from sim.fleet.compiled.tree.rates import set_rates
from sim.fleet.jit import inlined, natural
from sim.fleet.model.network import bytes_received


@inlined
def _leave(st: State, device: int) -> None:
    """Take a download out of its line that flows.

    Writes: reg.net_changed.
    """
    tree, line = st.tree, natural(np.int64(st.line[device]))
    row = tree.lines[line]
    leave_queue(st, device, line)
    row.active -= 1
    tree.levels[natural(np.int64(row.level))].active -= 1
    note_level(tree, np.int64(row.level))
    note_uplink(tree, np.int64(tree.lines[line].uplink))
    delay_line(st, line)
    st.reg.net_changed = 1


@cold
def join_line(state: Any, device: int, _: int, __: int) -> int:
    """Let bytes flow to a device that has a place, for the first time or again."""
    st = state_at(state)
    tree, now, device = st.tree, st.reg.now, natural(device)
    line = natural(np.int64(st.line[device]))
    row, net, work = tree.lines[line], st.net[device], st.work[device]
    begun = line_clock(tree, line, now)
    mark = begun + (st.breaks[device].remaining if len(st.breaks) > 0 else np.float64(work.wanted))
    net.begun = begun
    net.finish = mark
    in_order = work.verdict == 0 and not st.given.cuts.by_mark[natural(np.int64(tree.lines[line].cohort))]
    join_queue(st, device, line, mark, in_order)
    if row.level < 0:
        row.mark = np.inf
        join_level(tree, line, np.int64(IDLE))
    row.active += 1
    tree.levels[natural(np.int64(row.level))].active += 1
    note_level(tree, np.int64(row.level))
    note_uplink(tree, np.int64(tree.lines[line].uplink))
    hurry_line(tree, line, mark, now)
    st.reg.net_changed = 1
    return np.int64(0)


@cold
def leave_line(state: Any, device: int, _: int, __: int) -> int:
    """Let no bytes flow any more to a device that has a place."""
    st, device = state_at(state), natural(device)
    if st.work[device].phase != PAUSED:
        _leave(st, device)
    return np.int64(0)


@cold
def pause_line(state: Any, device: int, _: int, __: int) -> int:
    """Pause a download that flows, and write down the bytes that are to come."""
    st, device = state_at(state), natural(device)
    clock = line_clock(st.tree, np.int64(st.line[device]), st.reg.now)
    st.breaks[device].remaining = max(st.net[device].finish - clock, 0.0)
    _leave(st, device)
    st.net[device].finish = np.inf
    st.work[device].phase = PAUSED
    return np.int64(0)


@cold
def first_finished(state: Any, _: int, __: int, ___: int) -> int:
    """Return the device whose download is over next."""
    st = state_at(state)
    level = natural(soonest_level(st.tree))
    _, device = first_download(st, np.int64(st.tree.levels[level].root))
    return np.int64(device)


@cold
def received_on_line(state: Any, device: int, wanted: int, _: int) -> int:
    """Return the bytes that a download which flows has received up to now."""
    st, device = state_at(state), natural(device)
    clock = line_clock(st.tree, np.int64(st.line[device]), st.reg.now)
    return np.int64(bytes_received(st.net[device].begun, clock, wanted))


@cold
def set_tree_rates(state: Any, epoch: int, _: int, __: int) -> int:
    """Set all rates anew for an epoch of the network; see `set_rates`."""
    st = state_at(state)
    set_rates(st.given.spec, st, epoch)
    return np.int64(0)
