"""Dividing work among threads while they do it: whoever is free takes the next part.

A processor adds to a number in memory in one go, so that no two threads ever take the same part; without a
lock, which compiled code could not wait for.
"""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock
from typing import Any, cast

from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic

from sim.fleet.jit import JIT_ENABLED
from sim.fleet.spec import Int64s

_lock = Lock()


@intrinsic
def _take_compiled(typingctx: Any, taken: Any, n: Any) -> Any:
    """Add to an array's first number in one go; return what it was."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        data = context.make_array(signature.args[0])(context, builder, args[0]).data
        step = context.cast(builder, args[1], signature.args[1], types.int64)
        return builder.atomic_rmw("add", builder.bitcast(data, ir.IntType(64).as_pointer()), step, "seq_cst")

    return types.int64(taken, n), codegen


def _take_plain(taken: Int64s, n: int) -> int:
    """Do the same without the compiler."""
    with _lock:
        before = int(taken[0])
        taken[0] = before + n
    return before


# Take the next n parts of some work; `taken` is (1,), how many have been taken. Returns the first of them.
take = cast("Callable[[Int64s, int], int]", _take_compiled if JIT_ENABLED else _take_plain)
