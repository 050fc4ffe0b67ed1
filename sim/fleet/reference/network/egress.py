"""How a platform's egress is split among levels, in sums that come out the same in any history.

Who adds up floats in another order gets another sum, so the order has to be one that a plane can keep which
is told of changes one by one: that of a search tree whose shape depends on its levels alone. Each level has a
number that seems drawn, its priority; the one with the highest is on top, those that get less are to the
left, the others to the right, and so on below (Seidel and Aragon, "Randomized search trees", Algorithmica 16,
1996). Here the tree is made anew each time.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

_LOW = 0xFFFFFFFF


class Split(NamedTuple):
    """What an egress leaves to levels.

    Attributes:
        cut: Levels up to this one get what their lines give, -1 if none does.
        rate: Bytes/s of a download at any other level; 0 if there is none.
        load: Bytes/s of all downloads.
    """

    cut: float
    rate: float
    load: float


class _Node:
    """A level of the search tree.

    Attributes:
        share: What its lines give to each of its downloads, bytes/s.
        own: Its downloads.
        left: The tree of all below it that get less.
        right: The tree of all below it that get more.
        n: Downloads of all of these.
        load: What they would get together without a limit, bytes/s.
    """

    def __init__(self, share: float, own: int) -> None:
        """Begin with nobody below."""
        self.share = share
        self.own = own
        self.left: _Node | None = None
        self.right: _Node | None = None
        self.n = 0
        self.load = 0.0

    def add_up(self) -> None:
        """Take the sums of a level and all below it, from the bottom to the top."""
        for below in (self.left, self.right):
            if below is not None:
                below.add_up()
        left, right = (0, 0.0) if self.left is None else (self.left.n, self.left.load), self.right
        self.n, self.load = left[0] + self.own, left[1] + self.share * self.own
        if right is not None:
            self.n, self.load = self.n + right.n, self.load + right.load


@lru_cache(maxsize=1 << 16)
def _priority(share: float) -> int:
    """Return what seems to be drawn from 0..2**64 - 1, another one for each float: rounds of Philox."""
    bits: int = struct.unpack("<Q", struct.pack("<d", share))[0]
    high, low = bits >> 32, bits & _LOW
    for _ in range(4):
        product = low * 0xD2511F53
        high, low = product & _LOW, (product >> 32) ^ high
    return high << 32 | low


def _tree_of(shares: Sequence[float], active: Sequence[int]) -> _Node | None:
    """Return the top of the search tree, None without levels; shares ascend."""
    rightmost: list[_Node] = []  # from the top along all that are to the right
    for share, own in zip(shares, active, strict=True):
        node = _Node(share, own)
        while rightmost and _priority(rightmost[-1].share) < _priority(share):
            node.left = rightmost.pop()
        if rightmost:
            rightmost[-1].right = node
        rightmost.append(node)
    return rightmost[0] if rightmost else None


def split_egress(bandwidth: float, shares: Sequence[float], active: Sequence[int]) -> Split:
    """Split an egress max-min fair.

    Args:
        bandwidth: Bytes/s, >= 0; inf when unlimited.
        shares: What the lines of each level give to each of its downloads, bytes/s, ascending.
        active: Downloads of each level, at least one.
    """
    at = _tree_of(shares, active)
    if at is None:
        return Split(-1.0, 0.0, 0.0)
    at.add_up()
    cut, n, load = -1.0, at.n, 0.0
    while at is not None:  # downloads that are not left behind are n, what the others get together is load
        before, less = (at.left.n, at.left.load) if at.left is not None else (0, 0.0)
        if at.share <= max(bandwidth - (load + less), 0.0) / (n - before):
            cut = at.share
            n -= before + at.own
            load = load + less + at.share * at.own
            at = at.right
        else:
            at = at.left
    rate = max(bandwidth - load, 0.0) / n if n > 0 else 0.0
    return Split(cut, rate, load + rate * n)
