"""Asking for memory before it is read: whoever comes next is known before it is dealt with.

Devices are met in the order of events, not of memory, so most rows have to be fetched from far away. Asked
for while another device is being dealt with, they are there in time: a tenth of the time of a large run whose
devices wait for one another. It changes nothing but that.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from sim.fleet.jit import JIT_ENABLED

_helpers: Any = cgutils  # comes without types


def _fetched(address: Callable[[Any, Any, Any, Any], Any]) -> Callable[..., Any]:
    """Return how code is made that asks for the memory at an address."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        byte, word = ir.IntType(8).as_pointer(), ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [byte, word, word, word])
        function = _helpers.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0i8")
        to_read, to_keep, data = (ir.Constant(word, flag) for flag in (0, 3, 1))
        where = builder.bitcast(address(context, builder, signature, args), byte)
        builder.call(function, [where, to_read, to_keep, data])
        return context.get_dummy_value()

    return codegen


@intrinsic
def _fetch_row_compiled(typingctx: Any, record: Any) -> Any:
    """Ask for a record."""
    return types.none(record), _fetched(lambda context, builder, signature, args: args[0])


@intrinsic
def _fetch_compiled(typingctx: Any, array: Any, index: Any) -> Any:
    """Ask for a number in an array of one dimension."""

    def address(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        data = context.make_array(signature.args[0])(context, builder, args[0]).data
        return builder.gep(data, [args[1]])

    return types.none(array, index), _fetched(address)


def _fetch_plain(*_of: Any) -> None:
    """Do nothing."""


# Ask for memory that will be read soon, so that nobody has to wait for it then.
fetch_row = cast("Callable[[Any], None]", _fetch_row_compiled if JIT_ENABLED else _fetch_plain)
fetch = cast("Callable[[Any, int], None]", _fetch_compiled if JIT_ENABLED else _fetch_plain)
