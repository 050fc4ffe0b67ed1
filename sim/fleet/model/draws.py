"""Keyed random numbers: every draw is a pure function of who asks and what for.

Philox4x64-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC'11) with the key
(seed, replication) and the counter (device, attempt, block, 0). A block has four words; a purpose is
one word of one block. Attempt 0 holds what is drawn once a device. What each word is for is in
`sim.fleet.model.purposes`.

The last word of the counter is the stream: 0 for attempts, 1 + t for timeline t of a device, whose blocks
are counted by the second word. So what a device's timelines do depends on no attempt, and no attempt's
draws on whether there are timelines.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, cast

import numpy as np
from numba import types
from numba.extending import intrinsic

from sim.fleet.jit import JIT_ENABLED, called, inlined

_M0: Final = np.uint64(0xD2E7470EE14C6C93)
_M1: Final = np.uint64(0xCA5A826395121157)
_W0: Final = np.uint64(0x9E3779B97F4A7C15)
_W1: Final = np.uint64(0xBB67AE8584CAA73B)
_SHIFT: Final = np.uint64(12)
_HALF: Final = 0.5
_UNIT: Final = 2.0**-52


def _product_plain(a: np.uint64, b: np.uint64) -> tuple[np.uint64, np.uint64]:
    """Return the upper and the lower half of the 128-bit product."""
    product = int(a) * int(b)
    return np.uint64(product >> 64), np.uint64(product & 0xFFFFFFFFFFFFFFFF)


def _add_plain(a: np.uint64, b: np.uint64) -> np.uint64:
    """Return the sum modulo 2**64."""
    return np.uint64((int(a) + int(b)) & 0xFFFFFFFFFFFFFFFF)


@inlined
def _add_compiled(a: np.uint64, b: np.uint64) -> np.uint64:
    """Return the sum modulo 2**64."""
    return a + b


@intrinsic
def _product_compiled(typingctx: Any, a: Any, b: Any) -> Any:
    """Return the upper and the lower half of the 128-bit product; one machine instruction for both.

    Asked for apart, they would be two multiplications, of which a processor does one at a time.
    """

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        word = context.get_value_type(types.uint64)
        wide = type(word)(128)
        product = builder.mul(builder.zext(args[0], wide), builder.zext(args[1], wide))
        pair = [builder.trunc(builder.lshr(product, wide(64)), word), builder.trunc(product, word)]
        return context.make_tuple(builder, signature.return_type, pair)

    halves = types.UniTuple(types.uint64, 2)  # type: ignore[no-untyped-call]  # as all of numba
    return halves(types.uint64, types.uint64), codegen


# Without JIT, NumPy scalars would warn about the overflow that is wanted here, and intrinsics don't exist.
Words = tuple[np.uint64, np.uint64, np.uint64, np.uint64]
Uniforms = tuple[float, float, float, float]

_Halves = Callable[[np.uint64, np.uint64], tuple[np.uint64, np.uint64]]
_Word = Callable[[np.uint64, np.uint64], np.uint64]
_product = cast("_Halves", _product_compiled if JIT_ENABLED else _product_plain)
_add = cast("_Word", _add_compiled if JIT_ENABLED else _add_plain)


@inlined
def _round(
    c0: np.uint64, c1: np.uint64, c2: np.uint64, c3: np.uint64, key0: np.uint64, key1: np.uint64
) -> Words:
    """Return a counter after one of the ten rounds."""
    high0, low0 = _product(_M0, c0)
    high1, low1 = _product(_M1, c2)
    return high1 ^ c1 ^ key0, low1, high0 ^ c3 ^ key1, low0


@called
def philox(
    key0: np.uint64, key1: np.uint64, c0: np.uint64, c1: np.uint64, c2: np.uint64, c3: np.uint64
) -> Words:
    """Return the four words of Philox4x64-10 for one key and counter.

    `numpy.random.Philox(key=(k0, k1), counter=c)` adds 1 to its counter before the first block, so its
    first four words equal this function's at c + 1.
    """
    for _ in range(10):
        c0, c1, c2, c3 = _round(c0, c1, c2, c3, key0, key1)
        key0 = _add(key0, _W0)
        key1 = _add(key1, _W1)
    return c0, c1, c2, c3


@inlined
def to_uniform(word: np.uint64) -> float:
    """Return a double in the open interval (0, 1) from the upper 52 bits of a word.

    Half a step above the lower end: with 53 bits the highest word would round up to 1.
    """
    return (np.float64(np.int64(word >> _SHIFT)) + _HALF) * _UNIT


@inlined
def _to_uniforms(words: Words) -> Uniforms:
    """Return four words as doubles in (0, 1)."""
    return to_uniform(words[0]), to_uniform(words[1]), to_uniform(words[2]), to_uniform(words[3])


@inlined
def uniforms(seed: np.uint64, replication: np.uint64, device: int, attempt: int, block: int) -> Uniforms:
    """Return the four uniforms of one block, purposes 4 * block to 4 * block + 3.

    Args:
        seed: First word of the key.
        replication: Second word of the key.
        device: Device index, >= 0.
        attempt: 0 for what is drawn once a device, else the attempt's number from 1.
        block: Block of four purposes, >= 0.

    Returns:
        Four doubles in (0, 1).
    """
    none = np.uint64(0)
    return _to_uniforms(
        philox(seed, replication, np.uint64(device), np.uint64(attempt), np.uint64(block), none)
    )


@inlined
def timeline_uniforms(
    seed: np.uint64, replication: np.uint64, device: int, timeline: int, block: int
) -> Uniforms:
    """Return the four uniforms of one block of a device's timeline, words 4 * block to 4 * block + 3.

    Args:
        seed: First word of the key.
        replication: Second word of the key.
        device: Device index, >= 0.
        timeline: Number of the timeline among those of the device, >= 0.
        block: >= 0.

    Returns:
        Four doubles in (0, 1).
    """
    none = np.uint64(0)
    stream = np.uint64(timeline + 1)
    return _to_uniforms(philox(seed, replication, np.uint64(device), np.uint64(block), none, stream))


@inlined
def two_blocks(
    seed: np.uint64, replication: np.uint64, one: tuple[int, int, int], other: tuple[int, int, int]
) -> tuple[Uniforms, Uniforms]:
    """Return the uniforms of two blocks, each (device, attempt, block), in little more time than of one.

    Each round waits for the one before; so the rounds of two blocks are worked out in turn.
    """
    key0, key1, none = seed, replication, np.uint64(0)
    a0, a1, a2, a3 = np.uint64(one[0]), np.uint64(one[1]), np.uint64(one[2]), none
    b0, b1, b2, b3 = np.uint64(other[0]), np.uint64(other[1]), np.uint64(other[2]), none
    for _ in range(10):
        a0, a1, a2, a3 = _round(a0, a1, a2, a3, key0, key1)
        b0, b1, b2, b3 = _round(b0, b1, b2, b3, key0, key1)
        key0 = _add(key0, _W0)
        key1 = _add(key1, _W1)
    return _to_uniforms((a0, a1, a2, a3)), _to_uniforms((b0, b1, b2, b3))


@inlined
def word_of(block: Uniforms, purpose: int) -> float:
    """Return the one of a block's four that belongs to a purpose."""
    word = purpose & 3
    if word == 0:
        return block[0]
    if word == 1:
        return block[1]
    if word == 2:
        return block[2]
    return block[3]


@inlined
def uniform(seed: np.uint64, replication: np.uint64, device: int, attempt: int, purpose: int) -> float:
    """Return the one uniform in (0, 1) that belongs to a purpose, `D_*` or `P_*` of `purposes`."""
    return word_of(uniforms(seed, replication, device, attempt, purpose >> 2), purpose)
