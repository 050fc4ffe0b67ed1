"""Max-min fair rates over the tree: what each site's line gives, then what the platform does."""

from __future__ import annotations

import numpy as np

from sim.fleet.compiled.memory.state import NOBODY, State
from sim.fleet.compiled.memory.tree import IDLE, UNTOUCHED, Tree
from sim.fleet.compiled.tree.levels import drop_level, first_line, set_egress, set_level
from sim.fleet.compiled.tree.lines import place_line
from sim.fleet.compiled.tree.own_clocks import fetch_downloads
from sim.fleet.compiled.tree.search_tree import count_node, first_above, split_egress
from sim.fleet.compiled.tree.tournament import enter_tick
from sim.fleet.compiled.tree.uplinks import note_all_uplinks, share_uplink
from sim.fleet.jit import called, inlined, natural
from sim.fleet.spec import NEVER, FleetSpec, Floats


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
def _weigh_changed(tree: Tree) -> None:
    """Count the downloads of levels that have changed, and give back those that have no lines any more."""
    level = tree.changed_level
    while level != NOBODY:
        row = tree.levels[natural(level)]
        if level != IDLE:
            if row.n_lines == 0:
                drop_level(tree, level)
            else:
                count_node(tree, level, row.active)
        level = np.int64(row.next)


@inlined
def _set_between(tree: Tree, cut: float, now: int) -> None:
    """Set the levels that the egress limits from now on and did not before, and the other way round."""
    is_limited, low, high = cut < tree.cut, min(cut, tree.cut), max(cut, tree.cut)
    level = first_above(tree, low)
    while level != NOBODY and tree.nodes[natural(level)].theta <= high:
        set_level(tree, level, is_limited, now)
        level = first_above(tree, tree.nodes[natural(level)].theta)
    tree.cut = cut


@inlined
def _set_changed(tree: Tree, now: int) -> None:
    """Set the levels that have changed; none has from then on."""
    level = tree.changed_level
    while level != NOBODY:
        row = tree.levels[natural(level)]
        behind = np.int64(row.next)
        row.next = UNTOUCHED
        if level == IDLE:
            enter_tick(tree, level, NEVER)
        elif row.n_lines > 0:
            set_level(tree, level, row.theta > tree.cut, now)
        level = behind
    tree.changed_level = np.int64(NOBODY)


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
    if epoch != st.reg.epoch:
        note_all_uplinks(tree)
    st.reg.epoch = epoch
    _place_lines(tree, spec.outages.epoch_cap[epoch], now)
    _weigh_changed(tree)
    cut, n_limited, load, rate = split_egress(tree, spec.outages.epoch_bandwidth[epoch])
    if cut != tree.cut:
        _set_between(tree, cut, now)
    _set_changed(tree, now)
    set_egress(tree, rate, now)
    st.reg.load = load + rate * n_limited
    st.reg.net_changed = 0
    if tree.soonest[1] < NEVER:
        fetch_downloads(st, first_line(tree))
