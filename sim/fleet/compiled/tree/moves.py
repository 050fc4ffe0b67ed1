"""What happens to downloads on the tree, for kernels to call by address (`sim.fleet.compiled.memory.cold`).

Each function takes the address of the state and three numbers.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from sim.fleet.compiled.memory.cold import cold, state_at
from sim.fleet.compiled.memory.state import PAUSED, State
from sim.fleet.compiled.memory.tree import DEVICE_BITS, IDLE, Tree
from sim.fleet.compiled.tree.levels import first_line, note_level
from sim.fleet.compiled.tree.lines import (
    delay_line,
    first_download,
    hurry_line,
    join_level,
    join_queue,
    leave_queue,
    line_clock,
)
from sim.fleet.compiled.tree.own_clocks import delay_own, hurry_own, own_clock, set_own_rates
from sim.fleet.compiled.tree.rates import set_rates
from sim.fleet.compiled.tree.tournament import first_leaf
from sim.fleet.compiled.tree.uplinks import note_uplink
from sim.fleet.jit import inlined, natural
from sim.fleet.model.network import bytes_received


@inlined
def _clock(tree: Tree, line: int, now: int) -> float:
    """Return what a line's virtual clock shows."""
    return own_clock(tree, line, now) if len(tree.clocks) > 0 else line_clock(tree, line, now)


@inlined
def _count(tree: Tree, line: int, more: int) -> None:
    """Let another number of downloads flow on a line."""
    row = tree.lines[natural(line)]
    row.active += more
    note_uplink(tree, np.int64(row.uplink))
    if len(tree.clocks) == 0:
        tree.levels[natural(np.int64(row.level))].active += more
        note_level(tree, np.int64(row.level))


@inlined
def _leave(st: State, device: int, line: int) -> None:
    """Take a download out of its line that flows.

    Writes: reg.net_changed.
    """
    leave_queue(st, device, line)
    _count(st.tree, line, np.int64(-1))
    if len(st.tree.clocks) > 0:
        delay_own(st, line)
    else:
        delay_line(st, line)
    st.reg.net_changed = 1


@cold
def join_line(state: Any, device: int, c: int, _: int) -> int:
    """Let bytes flow to a device of a cohort that has a place, for the first time or again."""
    st = state_at(state)
    tree, now, device = st.tree, st.reg.now, natural(device)
    line = natural(np.int64(st.line[device]))
    row, net, work = tree.lines[line], st.net[device], st.work[device]
    begun = _clock(tree, line, now)
    mark = begun + (st.breaks[device].remaining if len(st.breaks) > 0 else np.float64(work.wanted))
    net.begun = begun
    net.finish = mark
    join_queue(st, device, line, mark, work.verdict == 0 and not st.given.cuts.by_mark[natural(c)])
    if len(tree.clocks) == 0 and row.level < 0:
        row.mark = np.inf
        join_level(tree, line, np.int64(IDLE))
    _count(tree, line, np.int64(1))
    if len(tree.clocks) > 0:
        hurry_own(tree, line, mark, now)
    else:
        hurry_line(tree, line, mark, now)
    st.reg.net_changed = 1
    return np.int64(0)


@cold
def leave_line(state: Any, device: int, _: int, __: int) -> int:
    """Let no bytes flow any more to a device that has a place."""
    st, device = state_at(state), natural(device)
    if st.work[device].phase != PAUSED:
        _leave(st, device, np.int64(st.line[device]))
    return np.int64(0)


@cold
def pause_line(state: Any, device: int, _: int, __: int) -> int:
    """Pause a download that flows, and write down the bytes that are to come."""
    st, device = state_at(state), natural(device)
    line = np.int64(st.line[device])
    st.breaks[device].remaining = max(st.net[device].finish - _clock(st.tree, line, st.reg.now), 0.0)
    _leave(st, device, line)
    st.net[device].finish = np.inf
    st.work[device].phase = PAUSED
    return np.int64(0)


@cold
def take_finished(state: Any, _: int, __: int, ___: int) -> int:
    """Take the download that is over next out of its line.

    Returns:
        Its device, in the low 32 bits, and the device's cohort above: neither has to be looked up.
    """
    st = state_at(state)
    tree = st.tree
    line = natural(first_leaf(tree) if len(tree.clocks) > 0 else first_line(tree))
    _, device = first_download(st, line)
    _leave(st, natural(device), line)
    return (np.int64(tree.lines[line].cohort) << DEVICE_BITS) | device


@cold
def received_on_line(state: Any, device: int, wanted: int, _: int) -> int:
    """Return the bytes that a download which flows has received up to now."""
    st, device = state_at(state), natural(device)
    clock = _clock(st.tree, np.int64(st.line[device]), st.reg.now)
    return np.int64(bytes_received(st.net[device].begun, clock, wanted))


@cold
def set_tree_rates(state: Any, epoch: int, _: int, __: int) -> int:
    """Set all rates anew for an epoch of the network; see `set_rates`."""
    st = state_at(state)
    set_rates(st.given.spec, st, epoch)
    return np.int64(0)


@cold
def set_rates_of_lines(state: Any, epoch: int, _: int, __: int) -> int:
    """Set all rates anew for an epoch of a network without limit at the platform; see `set_own_rates`."""
    st = state_at(state)
    set_own_rates(st.given.spec, st, epoch)
    return np.int64(0)
