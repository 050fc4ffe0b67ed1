"""Max-min fair rates over the tree: what each site's line gives, then what the platform does."""

from __future__ import annotations

from typing import Final

import numpy as np

from sim.fleet.compiled.memory.state import NOBODY, State
from sim.fleet.compiled.memory.tree import IDLE, UNTOUCHED, Tree
from sim.fleet.compiled.tree.levels import drop_level, set_rate
from sim.fleet.compiled.tree.lines import place_line
from sim.fleet.compiled.tree.loads import add_load
from sim.fleet.compiled.tree.own_clocks import fetch_downloads
from sim.fleet.compiled.tree.tournament import enter_all_ticks, enter_tick, first_leaf
from sim.fleet.compiled.tree.uplinks import note_all_uplinks, share_uplink
from sim.fleet.jit import called, inlined, natural
from sim.fleet.spec import NEVER, FleetSpec, Floats

_FEW: Final = 8  # levels whose loads are added up one by one


@inlined
def _place_lines(tree: Tree, caps: Floats, now: int) -> None:
    """Move the lines of all uplinks with changes to their levels."""
    uplink = tree.changed_uplink
    while uplink != NOBODY:
        row = tree.uplinks[natural(uplink)]
        for i in range(share_uplink(tree, uplink, caps)):
            line = np.int64(row.first) + i
            if tree.lines[natural(line)].level != NOBODY:
                place_line(tree, line, tree.parts[natural(i)].rate, now)
        uplink = np.int64(row.next)
        row.next = UNTOUCHED
    tree.changed_uplink = np.int64(NOBODY)


@inlined
def _set_changed(tree: Tree, now: int) -> None:
    """Set the rates of levels that have changed: without a limit at the platform others stay as they are."""
    level = tree.changed_level
    while level != NOBODY:
        row = tree.levels[natural(level)]
        behind = np.int64(row.next)
        row.next = UNTOUCHED
        tick, load = np.int64(NEVER), 0.0
        if level != IDLE:
            if row.n_lines == 0:
                drop_level(tree, level)
            else:
                tick = set_rate(tree, level, row.theta, now)
                load = row.rate * row.active
            if load != row.load:
                add_load(tree, -row.load)
                add_load(tree, load)
                row.load = load
        enter_tick(tree, level, tick)
        level = behind
    tree.changed_level = np.int64(NOBODY)
    if tree.n_levels <= _FEW or tree.load_rest - tree.load_rest != 0.0:  # the latter after infinite loads
        _add_up(tree)


@inlined
def _add_up(tree: Tree) -> None:
    """Add up the load anew."""
    load = 0.0
    for i in range(tree.n_levels):
        load += tree.levels[natural(np.int64(tree.order[i]))].load
    tree.load = load
    tree.load_rest = 0.0


@called
def _drop_empty(tree: Tree) -> None:
    """Give back the levels that have no lines any more, and forget which ones have changed."""
    level = tree.changed_level
    while level != NOBODY:
        row = tree.levels[natural(level)]
        if level != IDLE and row.n_lines == 0:
            drop_level(tree, level)
        tree.soonest[natural(tree.width + level)] = NEVER
        level = np.int64(row.next)
        row.next = UNTOUCHED
    tree.changed_level = np.int64(NOBODY)


@called
def _set_all(tree: Tree, bandwidth: float, now: int) -> None:
    """Share the platform's egress among all levels, as `fair_shares` does: they ascend already."""
    _drop_empty(tree)
    demand, n_left = 0.0, np.int64(0)
    for i in range(tree.n_levels):
        row = tree.levels[natural(np.int64(tree.order[i]))]
        if row.theta > 0.0:
            demand += row.theta * row.active
            n_left += row.active
    is_limited, is_fair = demand > bandwidth, False
    left, fair = bandwidth, 0.0
    for i in range(tree.n_levels):
        level = np.int64(tree.order[i])
        row = tree.levels[natural(level)]
        rate = row.theta
        if is_limited and row.theta > 0.0:
            if not is_fair:
                fair = max(left / n_left, 0.0)
                is_fair = row.theta > fair
            if is_fair:
                rate = fair
            else:
                left -= row.theta * row.active
                n_left -= row.active
        tree.soonest[natural(tree.width + level)] = set_rate(tree, level, rate, now)
        row.load = rate * row.active
    enter_all_ticks(tree)
    _add_up(tree)


@called
def set_rates(spec: FleetSpec, st: State, epoch: int) -> None:
    """Move lines to their levels and set the levels' rates and clocks, when a tick is left.

    Args:
        spec: The fleet.
        st: Mutated.
        epoch: The network's, now.

    Writes: reg.epoch, reg.load, reg.net_changed.
    """
    tree, now = st.tree, st.reg.now
    caps, bandwidth = spec.outages.epoch_cap[epoch], spec.outages.epoch_bandwidth[epoch]
    is_new = epoch != st.reg.epoch
    if is_new:
        note_all_uplinks(tree)
    st.reg.epoch = epoch
    _place_lines(tree, caps, now)
    if is_new or bandwidth < np.inf:
        _set_all(tree, bandwidth, now)
    else:
        _set_changed(tree, now)
    st.reg.load = tree.load + tree.load_rest
    st.reg.net_changed = 0
    if tree.soonest[1] < NEVER:
        fetch_downloads(st, np.int64(tree.levels[natural(first_leaf(tree))].root))
