"""How compiled functions are made: `kernel` for Python to call, `inlined` and `called` for kernels.

Compiled code is kept on disk, see `sim.fleet.kernel_cache`. Importing raises nothing when it can't be:
then nothing is cached, and a warning says so once.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cached_property, update_wrapper
from pathlib import Path
from typing import Any, Final, TypeVar, cast

import numba
from llvmlite import ir
from numba.core import types as _types
from numba.extending import intrinsic, models, register_model

from sim.fleet.kernel_cache import disk_cache, open_folder
from sim.fleet.table import Table
from sim.fleet.table_type import copied_to_stack

# numba's type hints leave out its settings and the option `_nrt`.
_config: Any = numba.config
_njit: Any = numba.njit
types: Any = _types

_F = TypeVar("_F", bound=Callable[..., Any])
_T = TypeVar("_T", bound=Table)

JIT_ENABLED: Final = not _config.DISABLE_JIT
_KEPT_BY_NUMBA: Final = bool(os.environ.get("NUMBA_CACHE_DIR"))
_FOLDER: Final = None if _KEPT_BY_NUMBA or not JIT_ENABLED else open_folder()
_CACHE_OF: Final = None if _FOLDER is None else disk_cache(_FOLDER)
CACHE_FOLDER: Final = Path(os.environ["NUMBA_CACHE_DIR"]) if _KEPT_BY_NUMBA and JIT_ENABLED else _FOLDER
"""Where kernels are kept; None if they are not."""

KERNELS: Final[list[Any]] = []
"""What `kernel` made, in the order of definition."""

FUNCTION_NAMES: Final[set[str]] = set()
"""What is compiled, kernels and what they call: module and name."""


def name_of(function: Callable[..., Any]) -> str:
    """Return the module and the name of a function, as in `FUNCTION_NAMES`."""
    return f"{function.__module__}.{function.__qualname__}"


def _compiled(function: _F, **options: Any) -> _F:
    """Compile `function` and keep it: in our folder, or in the one that `NUMBA_CACHE_DIR` names."""
    compiled: Any = _njit(cache=_KEPT_BY_NUMBA, nogil=True, error_model="numpy", _nrt=False, **options)(
        function
    )
    if _CACHE_OF is not None:
        compiled._cache = _CACHE_OF(function)
    return cast("_F", compiled)


class _InlinedType(types.Dispatcher):  # type: ignore[misc]  # numba has no type hints
    """Type of a function that kernels call, with one specialisation for all kinds of whole numbers.

    numba would compile a function again for each constant that it is passed, and for each width.
    """

    def get_call_type(self, context: Any, args: Any, kws: Any) -> Any:
        """Return the signature of a call."""
        return super().get_call_type(
            context, tuple(map(_widened, args)), {name: _widened(of) for name, of in kws.items()}
        )


register_model(_InlinedType)(models.OpaqueModel)


def _widened(of: Any) -> Any:
    """Return the type that a value is passed as: int64 for a constant or a narrower signed number."""
    of = types.unliteral(of)
    if isinstance(of, types.BaseTuple) and not isinstance(of, types.BaseNamedTuple):
        return types.Tuple([_widened(part) for part in of])
    return types.int64 if isinstance(of, types.Integer) and of.signed else of


class _Inlined:
    """A function that kernels call. Called from Python, it is compiled once more, with what that needs."""

    def __init__(self, function: Callable[..., Any], *, forced: bool) -> None:
        update_wrapper(self, function)
        FUNCTION_NAMES.add(name_of(function))
        self._function = function
        self._in_kernels = _njit(
            nogil=True,
            error_model="numpy",
            _nrt=False,
            forceinline=forced,
            no_cpython_wrapper=True,
            no_cfunc_wrapper=True,
        )(function)
        self._numba_type_ = _InlinedType(self._in_kernels)

    @cached_property
    def _from_python(self) -> Callable[..., Any]:
        return _compiled(self._function, no_cfunc_wrapper=True)

    def __call__(self, *args: Any) -> Any:
        return self._from_python(*args)


def kernel(function: _F) -> _F:
    """Compile `function` for Python to call: it releases the GIL while it runs and is cached on disk.

    Without numba's reference counting: it would count every array at every access, two orders of
    magnitude slower than the work itself. So a kernel can't make arrays, only fill them.
    """
    compiled = _compiled(function, no_cfunc_wrapper=True)
    FUNCTION_NAMES.add(name_of(function))
    KERNELS.append(compiled)
    return compiled


def inlined(function: _F) -> _F:
    """Compile `function` into the kernels that call it: what an event or a device passes through."""
    return cast("_F", _Inlined(function, forced=True)) if JIT_ENABLED else function


def called(function: _F) -> _F:
    """Compile `function` for kernels to call, once: what happens rarely, and need not make them longer."""
    return cast("_F", _Inlined(function, forced=False)) if JIT_ENABLED else function


class _OnItsOwn:
    """A function that kernels call by its address."""

    def __init__(self, function: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
        update_wrapper(self, function)
        FUNCTION_NAMES.add(name_of(function))
        self._compiled: Any = _compiled(function)
        self._arguments = arguments

    def __call__(self, *args: Any) -> Any:
        return self._compiled(*args)

    @cached_property
    def address(self) -> int:
        """Its address; it is compiled first, or loaded."""
        self._compiled.compile(self._arguments)
        made = self._compiled.overloads[self._arguments]
        return int(made.library.get_pointer_to_function(made.fndesc.llvm_cfunc_wrapper_name))


def on_its_own(function: _F, arguments: tuple[Any, ...]) -> _F:
    """Compile `function` for kernels to call by its address, when that is asked for.

    Args:
        function: One that raises nothing.
        arguments: numba's types of what it is passed.
    """
    return cast("_F", _OnItsOwn(function, arguments))


def _local_plain(table: _T) -> _T:
    """Return the table as it is."""
    return table


local: Final = cast("Callable[[_T], _T]", copied_to_stack if JIT_ENABLED else _local_plain)
"""Copy a table's words to where a kernel keeps its own variables: LLVM then keeps them in registers.

For kernels that run long: a tenth of the event loop's time.
"""


@intrinsic
def _natural_compiled(typingctx: Any, index: Any) -> Any:
    """Return the index in a form that is known to be positive."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        wide = context.cast(builder, args[0], signature.args[0], types.int64)
        return builder.zext(builder.trunc(wide, ir.IntType(32)), ir.IntType(64))

    return types.int64(types.unliteral(index)), codegen


def _natural_plain(index: int) -> int:
    """Return the index as it is."""
    return index


natural: Final = cast("Callable[[int], int]", _natural_compiled if JIT_ENABLED else _natural_plain)
"""Say of an index, 0..2**32 - 1, that it is no negative one, counted from an array's end.

Otherwise compiled code asks at each access, which is an eighth of all its time.
"""
