"""The bytes/s that leave the platform, kept up to date."""

from __future__ import annotations

from sim.fleet.compiled.memory.tree import Tree
from sim.fleet.jit import inlined


@inlined
def add_load(tree: Tree, more: float) -> None:
    """Add to the load without losing anything: what doesn't fit into its digits is kept apart."""
    before = tree.load
    total = before + more
    added = total - before
    tree.load_rest += (before - (total - added)) + (more - added)
    tree.load = total
