"""Levels: found by what their lines would get, made, limited by the egress or not, and dropped.

A level that the egress does not limit has a clock of its own, whose rate is what its lines give. All others
have one rate, so they share a clock, that of `EGRESS`; a level's own is that one plus a shift, as a line's is
its level's. They are one leaf of the tournament of ticks, and have one of their own for who is first of them.
"""

from __future__ import annotations

import numpy as np

from sim.fleet.compiled.memory.state import NOBODY
from sim.fleet.compiled.memory.tree import EGRESS, UNTOUCHED, Tree
from sim.fleet.compiled.tree.search_tree import find_node, insert_node, remove_node
from sim.fleet.compiled.tree.tournament import enter_mark, enter_tick, first_leaf, first_mark, widen
from sim.fleet.jit import called, inlined, natural
from sim.fleet.model.network import clock_at, finish_tick, finishes_by
from sim.fleet.spec import NEVER


@inlined
def level_clock(tree: Tree, level: int, now: int) -> float:
    """Return what a level's virtual clock shows."""
    row = tree.levels[natural(level)]
    if row.is_limited == 0:
        return clock_at(row.clock, row.rate, now - row.set_at)
    egress = tree.levels[EGRESS]
    return row.clock + clock_at(egress.clock, egress.rate, now - egress.set_at)


@inlined
def _egress_finishes_by(tree: Tree, now: int, mark: float) -> bool:
    """Tell whether the clock of all levels that the egress limits shows a mark by now."""
    egress = tree.levels[EGRESS]
    return finishes_by(now, egress.set_at, egress.clock, egress.rate, mark)


@inlined
def level_finishes_by(tree: Tree, level: int, now: int, mark: float) -> bool:
    """Tell whether a level's clock shows a mark by now."""
    row = tree.levels[natural(level)]
    if row.is_limited == 0:
        return finishes_by(now, row.set_at, row.clock, row.rate, mark)
    return _egress_finishes_by(tree, now, mark - row.clock)


@inlined
def first_line(tree: Tree) -> int:
    """Return the line on which a download is over first; there is one."""
    level = first_leaf(tree)
    if level == EGRESS:
        level = first_mark(tree)
    return np.int64(tree.levels[natural(level)].root)


@inlined
def _least_key(tree: Tree, level: int) -> float:
    """Return the least finish mark on a level's clock, inf without downloads."""
    root = np.int64(tree.levels[natural(level)].root)
    return np.inf if root == NOBODY else tree.links[natural(root)].key


@inlined
def enter_if_over(tree: Tree, level: int, now: int) -> None:
    """Write down whether a level has a download that is over by now, before rates are set."""
    row, key = tree.levels[natural(level)], _least_key(tree, level)
    if row.is_limited == 0:
        is_over = key < np.inf and finishes_by(now, row.set_at, row.clock, row.rate, key)
        enter_tick(tree, level, now if is_over else NEVER)
        return
    enter_mark(tree, level, key - row.clock)
    first = tree.marks[1]
    enter_tick(tree, EGRESS, now if first < np.inf and _egress_finishes_by(tree, now, first) else NEVER)


@inlined
def note_level(tree: Tree, level: int) -> None:
    """Note that a level has changed since the rates were set."""
    row = tree.levels[natural(level)]
    if row.next == UNTOUCHED:
        row.next = tree.changed_level
        tree.changed_level = np.int64(level)


@called
def level_of(tree: Tree, theta: float, now: int) -> int:
    """Return the level of lines that would get `theta`; it is made if there is none."""
    new = find_node(tree, theta)
    if new != NOBODY:
        return new
    new = tree.free_level
    if new == NOBODY:
        new = tree.n_levels
        tree.n_levels = new + 1
    else:
        tree.free_level = np.int64(tree.nodes[natural(new)].above)
    row = tree.levels[natural(new)]
    row.theta = theta
    row.clock = 0.0
    row.set_at = now
    row.rate = 0.0
    row.active = 0
    row.n_lines = 0
    row.root = NOBODY
    row.next = UNTOUCHED
    row.is_limited = 0
    insert_node(tree, new, theta)
    while new >= tree.width:
        widen(tree)
    return new


@called
def drop_level(tree: Tree, level: int) -> None:
    """Give back a level that has no lines any more."""
    remove_node(tree, level)
    tree.nodes[natural(level)].above = tree.free_level
    tree.free_level = np.int64(level)
    if tree.levels[natural(level)].is_limited == 0:
        enter_tick(tree, level, NEVER)
    else:
        enter_mark(tree, level, np.inf)


@inlined
def set_level(tree: Tree, level: int, is_limited: bool, now: int) -> None:
    """Let the egress limit a level from now on, or let that have what its lines give.

    Its clock is set only if that changes anything; when its next download is over is found out anyway.
    """
    row = tree.levels[natural(level)]
    if is_limited:
        if row.is_limited == 0:
            row.clock = level_clock(tree, level, now) - level_clock(tree, EGRESS, now)
            row.is_limited = 1
            enter_tick(tree, level, NEVER)
        enter_mark(tree, level, _least_key(tree, level) - row.clock)
        return
    if row.is_limited != 0 or row.rate != row.theta:
        row.clock = level_clock(tree, level, now)
        row.set_at = now
        row.rate = row.theta
        if row.is_limited != 0:
            row.is_limited = 0
            enter_mark(tree, level, np.inf)
    key, tick = _least_key(tree, level), np.int64(NEVER)
    if key < np.inf:
        tick = max(finish_tick(row.set_at, row.clock, row.rate, key), now)
    enter_tick(tree, level, tick)


@inlined
def set_egress(tree: Tree, rate: float, now: int) -> None:
    """Let all levels that the egress limits have a rate from now on."""
    egress, first = tree.levels[EGRESS], tree.marks[1]
    if rate != egress.rate:
        egress.clock = level_clock(tree, EGRESS, now)
        egress.set_at = now
        egress.rate = rate
    tick = np.int64(NEVER)
    if first < np.inf:
        tick = max(finish_tick(egress.set_at, egress.clock, rate, first), now)
    enter_tick(tree, EGRESS, tick)
