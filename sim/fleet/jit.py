"""How compiled functions are made: one decorator, one cache folder.

numba's own cache has two traps. A cached function keeps an outdated copy of a callee that lives in
another module (numba issues 1833 and 9304), so the folder's name carries a digest of every source file
of this package and of `sim.rules`: any edit gets a fresh cache. And importing raises when no cache
folder can be written, so then nothing is cached and a warning says so once.
"""

from __future__ import annotations

import hashlib
import os
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar, cast

import numba
import numpy as np
from platformdirs import user_cache_path

# numba's type hints leave out its settings and the option `_nrt`.
_config: Any = numba.config
_njit: Any = numba.njit

_F = TypeVar("_F", bound=Callable[..., Any])


def _sources_digest() -> str:
    """Return a digest of everything that compiled code is made of: sources, rules' numbers, numba."""
    digest = hashlib.sha256(numba.__version__.encode())
    here = Path(__file__).parent
    for path in sorted([*here.rglob("*.py"), *here.with_name("rules").rglob("*.py")]):
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def _cache_works() -> bool:
    """Point numba's cache to a folder of this version of the code; tell whether it can be written."""
    if os.environ.get("NUMBA_CACHE_DIR"):
        return True
    folder = user_cache_path("fleetsim") / f"kernels-{_sources_digest()}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / f".probe-{os.getpid()}"
        probe.touch()
        probe.unlink()
    except OSError as error:
        warnings.warn(
            f"cannot write {folder} ({error.strerror}): kernels are compiled anew in every process; "
            "set NUMBA_CACHE_DIR to a folder that can be written",
            RuntimeWarning,
            stacklevel=2,
        )
        return False
    _config.CACHE_DIR = str(folder)
    return True


JIT_ENABLED: Final = not _config.DISABLE_JIT
_CACHE: Final = _cache_works()


def kernel(function: _F) -> _F:
    """Compile `function`: it releases the GIL while it runs and is cached on disk.

    Without numba's reference counting: it would count every array of a tuple at every call, two orders
    of magnitude slower than the work itself. So a kernel can't make arrays, only fill them.
    """
    compiled: _F = _njit(cache=_CACHE, nogil=True, error_model="numpy", _nrt=False)(function)
    return compiled


def inlined(function: _F) -> _F:
    """Compile `function` like a kernel, but into its callers.

    A tuple of arrays is passed as several words an array; a call that LLVM does not inline by itself
    would copy hundreds of words each time.
    """
    compiled: _F = _njit(cache=_CACHE, nogil=True, error_model="numpy", _nrt=False, forceinline=True)(
        function
    )
    return compiled


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
