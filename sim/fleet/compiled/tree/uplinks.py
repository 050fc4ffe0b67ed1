"""Uplinks: which of them have changes, and what each site's line gives to its downloads."""

from __future__ import annotations

import numpy as np

from sim.fleet.compiled.memory.tree import UNTOUCHED, Tree
from sim.fleet.jit import called, inlined, natural
from sim.fleet.model.network import fair_shares
from sim.fleet.spec import Floats


@inlined
def note_uplink(tree: Tree, uplink: int) -> None:
    """Note that what uses an uplink has changed since the rates were set."""
    row = tree.uplinks[natural(uplink)]
    if row.next == UNTOUCHED:
        row.next = tree.changed_uplink
        tree.changed_uplink = np.int64(uplink)


@called
def note_all_uplinks(tree: Tree) -> None:
    """Have all lines with downloads looked at, since caps have changed."""
    for line in range(len(tree.lines)):
        if tree.lines[line].active > 0:
            note_uplink(tree, np.int64(tree.lines[line].uplink))


@inlined
def share_uplink(tree: Tree, uplink: int, caps: Floats) -> int:
    """Work out into `parts` what each line of an uplink would get if the platform had no limit.

    Args:
        tree: Where it is written.
        uplink: Which.
        caps: (C,) bytes/s, what one download of each cohort can take.

    Returns:
        How many lines there are.
    """
    row = tree.uplinks[natural(uplink)]
    n, parts = natural(np.int64(row.n)), tree.parts
    for i in range(n):
        line = natural(np.int64(row.first) + i)
        parts[i].cap = caps[natural(np.int64(tree.lines[line].cohort))]
        parts[i].active = tree.lines[line].active
    if n > 1:
        fair_shares(row.rate, parts["cap"][:n], parts["active"][:n], parts["rate"][:n])
        return n
    cap, active = parts[0].cap, parts[0].active  # the same for one line alone
    parts[0].rate = cap
    if active > 0 and cap * active > row.rate:
        parts[0].rate = min(cap, row.rate / active)
    return n
