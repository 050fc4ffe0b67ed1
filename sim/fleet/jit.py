"""How compiled functions are made: the decorators.

Compiled code is kept on disk, see `sim.fleet.kernel_cache`. Importing raises nothing when it can't be:
then nothing is cached, and a warning says so once.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, Final, TypeVar, cast

import numba
import numpy as np

from sim.fleet.kernel_cache import disk_cache, open_folder

# numba's type hints leave out its settings and the option `_nrt`.
_config: Any = numba.config
_njit: Any = numba.njit

_F = TypeVar("_F", bound=Callable[..., Any])

JIT_ENABLED: Final = not _config.DISABLE_JIT
_KEPT_BY_NUMBA: Final = bool(os.environ.get("NUMBA_CACHE_DIR"))
_FOLDER: Final = None if _KEPT_BY_NUMBA or not JIT_ENABLED else open_folder()
_CACHE_OF: Final = None if _FOLDER is None else disk_cache(_FOLDER)


def _compiled(function: _F, **options: Any) -> _F:
    """Compile `function` and keep it: in our folder, or in the one that `NUMBA_CACHE_DIR` names."""
    compiled: Any = _njit(cache=_KEPT_BY_NUMBA, nogil=True, error_model="numpy", _nrt=False, **options)(
        function
    )
    if _CACHE_OF is not None:
        compiled._cache = _CACHE_OF(function)
    return cast("_F", compiled)


def kernel(function: _F) -> _F:
    """Compile `function`: it releases the GIL while it runs and is cached on disk.

    Without numba's reference counting: it would count every array of a tuple at every call, two orders
    of magnitude slower than the work itself. So a kernel can't make arrays, only fill them.
    """
    return _compiled(function)


def inlined(function: _F) -> _F:
    """Compile `function` like a kernel, but into its callers.

    A tuple of arrays is passed as several words an array; a call that LLVM does not inline by itself
    would copy hundreds of words each time.
    """
    return _compiled(function, forceinline=True)


def spliced(function: _F) -> _F:
    """Put `function` into its callers before they are compiled.

    Runs as fast as what is inlined. For functions of the whole state with few callers: compiled by
    itself, even one of three lines takes a second, for the hundreds of words that it is passed.
    """
    compiled: _F = _njit(nogil=True, error_model="numpy", _nrt=False, inline="always")(function)
    return compiled


def _natural_plain(index: int) -> int:
    """Return the index as it is."""
    return index


@inlined
def _natural_compiled(index: int) -> Any:
    """Return the index in a form that is known to be positive."""
    return np.int64(np.uint32(index))


natural: Final = cast("Callable[[int], int]", _natural_compiled if JIT_ENABLED else _natural_plain)
"""Say of an index, 0..2**32 - 1, that it is no negative one, counted from an array's end.

Otherwise compiled code asks at each access, which is an eighth of all its time.
"""
