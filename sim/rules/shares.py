"""Shares of counted things, compared without rounding.

A scenario writes a share as a decimal, `29 %`, and the nearest float is not it: 0.29 times 100 is less than
29. So a share is taken back to a fraction here, once, and counts are compared with whole numbers.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Final

COUNTED_MAX: Final = 2**31 - 1
"""Things that are counted at most, and the largest denominator: products with it fit into an int64."""


def exact_share(share: float) -> Fraction:
    """Return the share that a float stands for, as a fraction that compares as it does with any count.

    A float stands for the fraction of two counts that it is nearest to, as 0.29 does for 29/100 and the
    float 1/3 for a third. If there is none it stands for its shortest decimal, and what comes back is the
    largest fraction of counts that is not above that: no share of at most `COUNTED_MAX` things lies between.

    Args:
        share: Any finite number; 1 or more is what no share is above.
    """
    written = Fraction(repr(float(share)))
    near = written.limit_denominator(COUNTED_MAX)
    if near == written or float(near) == share:
        return near
    return near if near < written else _next_below(written, near)


def _next_below(written: Fraction, above: Fraction) -> Fraction:
    """Return the largest fraction of counts below a number, from the smallest one above it."""
    # Neighbours a/b < c/d in a Farey sequence have bc - ad = 1, so that b is an inverse of c modulo d: the
    # largest one that is no larger than denominators may be.
    top, bottom = above.numerator, above.denominator
    denominator = COUNTED_MAX - (COUNTED_MAX - pow(top, -1, bottom)) % bottom
    below = Fraction((top * denominator - 1) // bottom, denominator)
    assert below < written < above
    return below


def allowed_count(share: Fraction, of: int) -> int:
    """Return how many of some things may be so without their share being above a limit.

    Args:
        share: The limit, see `exact_share`.
        of: How many things there are, >= 0.
    """
    return share.numerator * of // share.denominator


def needed_count(share: Fraction, of: int) -> int:
    """Return how many of some things must be so for their share not to be below a limit.

    Args:
        share: The limit, see `exact_share`.
        of: How many things there are, >= 0.
    """
    return -(-share.numerator * of // share.denominator)
