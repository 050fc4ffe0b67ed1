"""Levels: found by what their lines would get, made, settled and dropped."""

from __future__ import annotations

import numpy as np

from sim.fleet.compiled.memory.state import NOBODY
from sim.fleet.compiled.memory.tables import Record
from sim.fleet.compiled.memory.tree import UNTOUCHED, Tree
from sim.fleet.compiled.tree.tournament import widen
from sim.fleet.jit import called, inlined, natural
from sim.fleet.model.network import clock_at, finish_tick
from sim.fleet.spec import NEVER


@inlined
def level_clock(level: Record, now: int) -> float:
    """Return what a level's virtual clock shows."""
    return clock_at(level.clock, level.rate, now - level.set_at)


@inlined
def note_level(tree: Tree, level: int) -> None:
    """Note that a level has changed since the rates were set."""
    row = tree.levels[natural(level)]
    if row.next == UNTOUCHED:
        row.next = tree.changed_level
        tree.changed_level = np.int64(level)


@inlined
def _rank(tree: Tree, theta: float) -> int:
    """Return how many levels get less than `theta`."""
    low, high = 0, tree.n_levels
    while low < high:
        middle = natural((low + high) >> 1)
        if tree.levels[natural(np.int64(tree.order[middle]))].theta < theta:
            low = middle + 1
        else:
            high = middle
    return low


@called
def level_of(tree: Tree, theta: float, now: int) -> int:
    """Return the level of lines that would get `theta`; it is made if there is none."""
    order = tree.order
    at, n = natural(_rank(tree, theta)), natural(tree.n_levels)
    if at < n:
        found = np.int64(order[at])
        if tree.levels[natural(found)].theta == theta:
            return found
    new = np.int64(order[n])
    for i in range(n, at, -1):
        order[i] = order[i - 1]
    order[at] = new
    tree.n_levels = n + 1
    row = tree.levels[natural(new)]
    row.theta = theta
    row.clock = 0.0
    row.set_at = now
    row.rate = 0.0
    row.load = 0.0
    row.active = 0
    row.n_lines = 0
    row.root = NOBODY
    row.next = UNTOUCHED
    while new >= tree.width:
        widen(tree)
    return new


@called
def drop_level(tree: Tree, level: int) -> None:
    """Give back a level that has no lines any more."""
    order = tree.order
    at, n = natural(_rank(tree, tree.levels[natural(level)].theta)), natural(tree.n_levels - 1)
    for i in range(at, n):
        order[i] = order[i + 1]
    order[n] = level
    tree.n_levels = n


@inlined
def set_rate(tree: Tree, level: int, rate: float, now: int) -> int:
    """Let a level's downloads have a rate from now on; its clock is set only if that is another one.

    Returns:
        The tick at which its next download is over then.
    """
    row = tree.levels[natural(level)]
    if rate != row.rate:
        row.clock = level_clock(row, now)
        row.set_at = now
        row.rate = rate
    if row.root == NOBODY:
        return NEVER
    key = tree.links[natural(np.int64(row.root))].key
    if key == np.inf:
        return NEVER
    return max(finish_tick(row.set_at, row.clock, rate, key), now)
