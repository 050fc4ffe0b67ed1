"""Whether all kernels lie in the cache, so that a run compiles nothing.

Decision: a record that is written when every kernel has been compiled, with the files that are there
then and a checksum of each, instead of a look at each kernel. Whoever only wants to know need not import
the kernels, and a file that was lost, cut short or spoilt is noticed before it is loaded. The record's
name has a digest of the processor: a home folder may be shared by machines whose code differs.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numba
from llvmlite import binding

from sim.atomic_files import write_whole
from sim.fleet.jit import CACHE_FOLDER, JIT_ENABLED, KERNELS
from sim.fleet.kernel_cache import compiled_digest

# numba's type hints leave out its settings.
_config: Any = numba.config
_OURS: Final = "sim."
_SUFFIXES: Final = {".nbi", ".nbc"}  # index and code; anything else is just being written


class _Known:
    """What this process has found out."""

    ready: bool | None = None


def kernels_ready() -> bool:
    """Tell whether the compiled plane can run without compiling anything; looked at once in a process."""
    return look_again() if _Known.ready is None else _Known.ready


def look_again() -> bool:
    """Tell the same after a look at the cache, since another process may have compiled."""
    if not _Known.ready:
        _Known.ready = JIT_ENABLED and CACHE_FOLDER is not None and is_complete(CACHE_FOLDER)
    return _Known.ready


def kernels_are_compiled() -> None:
    """Remember that this process has compiled or loaded every kernel; write it down if they are kept."""
    _Known.ready = True
    if CACHE_FOLDER is not None:
        with contextlib.suppress(OSError):  # then the next process compiles again
            write_record(CACHE_FOLDER)


def is_complete(folder: Path) -> bool:
    """Tell whether a folder has every kernel, whole, for this processor.

    Args:
        folder: Where kernels are kept.
    """
    try:
        record = json.loads(_record(folder).read_text())
        return bool(record) and all(_is_whole(folder / name, seal) for name, seal in record.items())
    except (OSError, ValueError, AttributeError):
        return False


def write_record(folder: Path) -> None:
    """Write down which files a folder has, once all kernels are there.

    Args:
        folder: Where kernels are kept.

    Raises:
        OSError: It can't be written.
    """
    record = {path.relative_to(folder).as_posix(): _seal(path) for path in _files()}
    write_whole(_record(folder), json.dumps(record, indent=1, sort_keys=True))


def remove_broken(folder: Path) -> None:
    """Remove files that are not as they were written: numba would load them, and LLVM may end the process.

    Args:
        folder: Where kernels are kept.
    """
    with contextlib.suppress(OSError, ValueError, AttributeError):
        for name, seal in json.loads(_record(folder).read_text()).items():
            if not _is_whole(folder / name, seal):
                (folder / name).unlink(missing_ok=True)


def _record(folder: Path) -> Path:
    """Return the record's file: one for each version of the code and each kind of processor."""
    features = binding.get_host_cpu_features().flatten()
    target = (binding.get_host_cpu_name(), features, _config.CPU_NAME, _config.CPU_FEATURES)
    digest = hashlib.sha256(f"{compiled_digest(folder.parent)} {target}".encode()).hexdigest()[:16]
    return folder / f"complete-{digest}.json"


def _files() -> Iterator[Path]:
    """Yield the files of all kernels of this package."""
    for kernel in KERNELS:
        if kernel.py_func.__module__.startswith(_OURS):
            index = Path(kernel._cache._cache_file._index_path)
            found = index.parent.glob(f"{index.stem}.*")
            yield from sorted(path for path in found if path.suffix in _SUFFIXES)


def _seal(path: Path) -> int:
    """Return what tells whether a file is whole: a checksum; of an index, which may grow, its size."""
    return path.stat().st_size if path.suffix == ".nbi" else zlib.crc32(path.read_bytes())


def _is_whole(path: Path, seal: int) -> bool:
    """Tell whether a file is there as it was written."""
    if path.suffix == ".nbi":
        return path.stat().st_size >= seal
    return _seal(path) == seal
