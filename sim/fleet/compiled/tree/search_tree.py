"""Levels in a search tree by what their lines would get, in which the egress is split.

Each node knows of itself and of all below it how many downloads there are and what they would get together.
So what the egress leaves to everybody whom it limits is found on one path from the top, and nobody else is
looked at.

Decision: a treap whose priorities are drawn from theta itself, instead of from a generator or by counting
what is below. Its shape depends on nothing but which levels there are, so sums of floats do neither: whoever
makes the tree anew from the same levels, as the readable plane does, gets the same to the last bit.

Source:
    Seidel and Aragon, "Randomized search trees", Algorithmica 16 (1996).
"""

from __future__ import annotations

from typing import Final

import numpy as np

from sim.fleet.compiled.memory.state import NOBODY
from sim.fleet.compiled.memory.tables import Records
from sim.fleet.compiled.memory.tree import Tree
from sim.fleet.jit import called, inlined, natural

_LOW: Final = np.uint64(0xFFFFFFFF)
_HALF: Final = np.uint64(32)
_FACTOR: Final = np.uint64(0xD2511F53)  # of Philox, whose rounds these are
_ROUNDS: Final = 4


@inlined
def priority_of(theta: float) -> int:
    """Return what seems to be drawn from 0..2**64 - 1, another one for each float."""
    bits = np.float64(theta).view(np.uint64)
    high, low = bits >> _HALF, bits & _LOW
    for _ in range(_ROUNDS):
        product = low * _FACTOR
        high, low = product & _LOW, (product >> _HALF) ^ high
    return (high << _HALF) | low


@inlined
def _add_up(nodes: Records, at: int) -> None:
    """Bring a node's sums up to date when those of its children are."""
    node = nodes[natural(at)]
    active, load = np.int64(0), 0.0
    if node.left != NOBODY:
        left = nodes[natural(np.int64(node.left))]
        active, load = left.active, left.load
    if node.own > 0:  # an unlimited level without downloads would add inf * 0
        active += node.own
        load += node.theta * node.own
    if node.right != NOBODY:
        right = nodes[natural(np.int64(node.right))]
        active += right.active
        load += right.load
    node.active = active
    node.load = load


@inlined
def _add_up_from(nodes: Records, at: int) -> None:
    """Bring the sums of a node, and of all above it, up to date."""
    while at != NOBODY:
        _add_up(nodes, at)
        at = np.int64(nodes[natural(at)].above)


@inlined
def _put_below(tree: Tree, above: int, before: int, now: int) -> None:
    """Put a node, or nobody, in the place of another one, below whom that was."""
    if above == NOBODY:
        tree.top = np.int64(now)
    elif tree.nodes[natural(above)].left == before:
        tree.nodes[natural(above)].left = now
    else:
        tree.nodes[natural(above)].right = now
    if now != NOBODY:
        tree.nodes[natural(now)].above = above


@called
def _rotate_up(tree: Tree, at: int) -> None:
    """Put a node above the one it is below, in the same order."""
    nodes = tree.nodes
    node, up = nodes[natural(at)], np.int64(nodes[natural(at)].above)
    upper = nodes[natural(up)]
    _put_below(tree, np.int64(upper.above), up, at)
    if upper.left == at:
        inner = np.int64(node.right)
        upper.left = inner
        node.right = up
    else:
        inner = np.int64(node.left)
        upper.right = inner
        node.left = up
    upper.above = at
    if inner != NOBODY:
        nodes[natural(inner)].above = up
    _add_up(nodes, up)
    _add_up(nodes, at)


@inlined
def find_node(tree: Tree, theta: float) -> int:
    """Return the level of a theta, -1 if there is none."""
    at = tree.top
    while at != NOBODY:
        node = tree.nodes[natural(at)]
        if node.theta == theta:
            return at
        at = np.int64(node.left) if theta < node.theta else np.int64(node.right)
    return at


@inlined
def first_above(tree: Tree, theta: float) -> int:
    """Return the level of the least theta that is greater than one, -1 if there is none."""
    at, found = tree.top, np.int64(NOBODY)
    while at != NOBODY:
        node = tree.nodes[natural(at)]
        if node.theta > theta:
            found, at = at, np.int64(node.left)
        else:
            at = np.int64(node.right)
    return found


@called
def insert_node(tree: Tree, level: int, theta: float) -> None:
    """Put a level into the tree that has no download yet."""
    nodes = tree.nodes
    node = nodes[natural(level)]
    node.theta = theta
    node.priority = priority_of(theta)
    node.own = 0
    node.active = 0
    node.load = 0.0
    node.above = NOBODY
    node.left = NOBODY
    node.right = NOBODY
    at = tree.top
    if at == NOBODY:
        tree.top = np.int64(level)
    while at != NOBODY:
        upper = nodes[natural(at)]
        node.above = at
        if theta < upper.theta:
            at = np.int64(upper.left)
            if at == NOBODY:
                upper.left = level
        else:
            at = np.int64(upper.right)
            if at == NOBODY:
                upper.right = level
    while node.above != NOBODY and nodes[natural(np.int64(node.above))].priority < node.priority:
        _rotate_up(tree, level)


@called
def remove_node(tree: Tree, level: int) -> None:
    """Take a level out of the tree."""
    nodes = tree.nodes
    node = nodes[natural(level)]
    while node.left != NOBODY and node.right != NOBODY:
        left, right = np.int64(node.left), np.int64(node.right)
        is_left = nodes[natural(left)].priority > nodes[natural(right)].priority
        _rotate_up(tree, left if is_left else right)
    above = np.int64(node.above)
    _put_below(tree, above, level, np.int64(node.right) if node.left == NOBODY else np.int64(node.left))
    _add_up_from(nodes, above)


@inlined
def count_node(tree: Tree, level: int, active: int) -> None:
    """Let a level have so many downloads."""
    tree.nodes[natural(level)].own = active
    _add_up_from(tree.nodes, level)


@inlined
def split_egress(tree: Tree, bandwidth: float) -> tuple[float, int, float, float]:
    """Share the platform's egress max-min fair among all levels.

    Returns:
        (greatest theta that the egress lets downloads have, -1 if none; downloads that it limits; bytes/s of
        all others together; bytes/s of each that it limits, 0 without any).

    Source:
        Water-filling: Bertsekas and Gallager, "Data Networks", 2nd ed., 6.5.2.
    """
    cut, n, load, rate = -1.0, np.int64(0), 0.0, 0.0
    at = tree.top
    if at != NOBODY:
        n = tree.nodes[natural(at)].active
    while at != NOBODY:
        node = tree.nodes[natural(at)]
        n_limited, load_before = n, load
        if node.left != NOBODY:
            left = tree.nodes[natural(np.int64(node.left))]
            n_limited -= left.active
            load_before += left.load
        if node.theta <= max(bandwidth - load_before, 0.0) / n_limited:
            cut = node.theta
            n = n_limited - node.own
            load = load_before + node.theta * node.own
            at = np.int64(node.right)
        else:
            at = np.int64(node.left)
    if n > 0:
        rate = max(bandwidth - load, 0.0) / n
    return cut, n, load, rate
