"""Functions that kernels call by their address: what only fleets that remember need.

What a kernel calls is compiled into it (`sim.fleet.jit.called`), once more for each kernel, whether or not
any fleet needs it. Looks at links and conditions would make the first compile half as long again. Decision:
they are compiled on their own, when a fleet is laid out that has any; `Given` holds their addresses.

Each takes the address of the state and three whole numbers, and returns one. A row is passed as its address.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, cast

from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic
from numba.np import numpy_support

from sim.fleet.compiled.memory.state import State
from sim.fleet.compiled.memory.tables import HELD, PLAN, Record
from sim.fleet.jit import JIT_ENABLED, inlined, on_its_own
from sim.fleet.table_type import type_of

_types: Any = types
_numpy: Any = numpy_support
_WORD: Any = ir.IntType(64)
_WHOLE: Any = _types.int64
_N_NUMBERS: Final = 4

_Cold = Callable[[Any, Any, Any, Any], int]
_PLAIN: Final[list[_Cold]] = [lambda *_of: 0]  # no address is 0


def cold(function: _Cold) -> _Cold:
    """Compile `function` on its own for kernels to call by its address, once a fleet needs it."""
    return on_its_own(function, (_WHOLE,) * _N_NUMBERS) if JIT_ENABLED else function


def address_of(function: _Cold) -> int:
    """Return the address of a function that `cold` has made; it is compiled now, if it is not on disk."""
    if JIT_ENABLED:
        return int(cast("Any", function).address)
    if function not in _PLAIN:
        _PLAIN.append(function)
    return _PLAIN.index(function)


@intrinsic
def _call_compiled(typingctx: Any, function: Any, state: Any, a: Any, b: Any, c: Any) -> Any:
    """Call a function by its address."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        kind = ir.FunctionType(_WORD, [_WORD] * _N_NUMBERS)
        return builder.call(builder.inttoptr(args[0], kind.as_pointer()), args[1:])

    return _WHOLE(*[_WHOLE] * (_N_NUMBERS + 1)), codegen


_call_at: Any = _call_compiled


@inlined
def _call_in_kernels(function: int, st: State, a: int, b: int, c: int) -> int:
    """Call a function by its address, with the address of the state at home."""
    answer: int = _call_at(function, st.given.state, a, b, c)
    return answer


def _call_plain(function: int, st: State, a: Any, b: Any, c: Any) -> int:
    """Call a function by its number."""
    return _PLAIN[function](st, a, b, c)


call_cold: Final = cast(
    "Callable[[int, State, Any, Any, Any], int]", _call_in_kernels if JIT_ENABLED else _call_plain
)
"""Call one of the functions whose addresses `Given` has."""


@intrinsic
def _state_compiled(typingctx: Any, address: Any) -> Any:
    """Return the state at an address."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.inttoptr(args[0], context.get_value_type(signature.return_type))

    return type_of(State)(_WHOLE), codegen


@intrinsic
def _plan_compiled(typingctx: Any, address: Any) -> Any:
    """Return the row of plans at an address."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.inttoptr(args[0], context.get_value_type(signature.return_type))

    return _numpy.from_dtype(PLAN)(_WHOLE), codegen


@intrinsic
def _book_compiled(typingctx: Any, address: Any) -> Any:
    """Return the row of the books at an address."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.inttoptr(args[0], context.get_value_type(signature.return_type))

    return _numpy.from_dtype(HELD)(_WHOLE), codegen


@intrinsic
def _place_compiled(typingctx: Any, row: Any) -> Any:
    """Return the address of a row."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.ptrtoint(args[0], _WORD)

    return _WHOLE(row), codegen


def _same(of: Any) -> Any:
    """Return what is given."""
    return of


state_at: Final = cast("Callable[[Any], State]", _state_compiled if JIT_ENABLED else _same)
"""Return the state at an address."""

plan_at: Final = cast("Callable[[Any], Record]", _plan_compiled if JIT_ENABLED else _same)
"""Return the row of plans at an address."""

book_at: Final = cast("Callable[[Any], Record]", _book_compiled if JIT_ENABLED else _same)
"""Return the row of the books, HELD, at an address."""

place_of: Final = cast("Callable[[Record], int]", _place_compiled if JIT_ENABLED else _same)
"""Return the address of a row."""
