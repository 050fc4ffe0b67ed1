"""Lines with clocks of their own: where the platform has no limit, no site has an effect on another one."""

from __future__ import annotations

import numpy as np

from sim.fleet.compiled.memory.prefetch import fetch_row
from sim.fleet.compiled.memory.state import NOBODY, State
from sim.fleet.compiled.memory.tree import UNTOUCHED, Tree
from sim.fleet.compiled.tree.lines import first_download
from sim.fleet.compiled.tree.loads import add_load
from sim.fleet.compiled.tree.tournament import enter_tick, first_leaf
from sim.fleet.compiled.tree.uplinks import note_all_uplinks, share_uplink
from sim.fleet.jit import called, inlined, natural
from sim.fleet.model.network import clock_at, finish_tick, finishes_by
from sim.fleet.spec import NEVER, FleetSpec


@inlined
def own_clock(tree: Tree, line: int, now: int) -> float:
    """Return what a line's virtual clock shows."""
    own = tree.clocks[natural(line)]
    return clock_at(own.clock, own.rate, now - own.set_at)


@inlined
def hurry_own(tree: Tree, line: int, mark: float, now: int) -> None:
    """Take note of a download that has joined a line."""
    row, own = tree.lines[natural(line)], tree.clocks[natural(line)]
    row.mark = min(row.mark, mark)
    if finishes_by(now, own.set_at, own.clock, own.rate, mark):
        enter_tick(tree, line, now)


@inlined
def delay_own(st: State, line: int) -> None:
    """Take note of a download that has left a line: who is first now, and whether that one is over by now.

    What is over later will be found out when the rates are set, before this tick is over.
    """
    tree, now = st.tree, st.reg.now
    row, own = tree.lines[natural(line)], tree.clocks[natural(line)]
    mark, _ = first_download(st, line)
    row.mark = mark
    is_over = finishes_by(now, own.set_at, own.clock, own.rate, mark)
    enter_tick(tree, line, now if is_over else NEVER)


@inlined
def _set_own(tree: Tree, line: int, rate: float, now: int) -> None:
    """Let a line's downloads have a rate from now on; its clock is set only if that is another one."""
    row, own = tree.lines[natural(line)], tree.clocks[natural(line)]
    if row.active == 0:
        rate = 0.0
    if rate != own.rate:
        own.clock = clock_at(own.clock, own.rate, now - own.set_at)
        own.set_at = now
        own.rate = rate
    load = rate * row.active
    if load != own.load:
        tree.n_levels += np.int64(load != 0.0) - np.int64(own.load != 0.0)
        add_load(tree, -own.load)
        add_load(tree, load)
        own.load = load
    tick = np.int64(NEVER)
    if row.mark < np.inf:
        tick = max(finish_tick(own.set_at, own.clock, rate, row.mark), now)
    enter_tick(tree, line, tick)


@called
def _add_up(tree: Tree) -> None:
    """Add up the load anew."""
    load = 0.0
    for line in range(len(tree.clocks)):
        load += tree.clocks[line].load
    tree.load = load
    tree.load_rest = 0.0


@inlined
def set_own_rates(spec: FleetSpec, st: State, epoch: int) -> None:
    """Set the rates and clocks of the lines of all sites with changes, when a tick is left.

    Args:
        spec: The fleet.
        st: Mutated.
        epoch: The network's, now.

    Writes: reg.epoch, reg.load, reg.net_changed.
    """
    tree, now = st.tree, st.reg.now
    if epoch != st.reg.epoch:
        note_all_uplinks(tree)
    st.reg.epoch = epoch
    uplink = tree.changed_uplink
    while uplink != NOBODY:
        row = tree.uplinks[natural(uplink)]
        for i in range(share_uplink(tree, uplink, spec.outages.epoch_cap[epoch])):
            _set_own(tree, np.int64(row.first) + i, tree.parts[natural(i)].rate, now)
        uplink = np.int64(row.next)
        row.next = UNTOUCHED
    tree.changed_uplink = np.int64(NOBODY)
    if tree.n_levels == 0:
        tree.load, tree.load_rest = 0.0, 0.0
    elif tree.load_rest - tree.load_rest != 0.0:  # after infinite loads
        _add_up(tree)
    st.reg.load = tree.load + tree.load_rest
    st.reg.net_changed = 0
    if tree.soonest[1] < NEVER:
        fetch_downloads(st, first_leaf(tree))


@inlined
def fetch_downloads(st: State, line: int) -> None:
    """Ask for what the next two ends of a line's downloads will be about: other events often come before."""
    row = st.tree.lines[natural(line)]
    for device in (np.int64(row.head), np.int64(row.second)):
        if device != NOBODY:
            fetch_row(st.work[natural(device)])
            fetch_row(st.net[natural(device)])
