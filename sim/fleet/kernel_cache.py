"""Where compiled kernels are kept on disk, and what makes them outdated.

Compiling all kernels takes minutes, so they must survive every edit that doesn't change them. numba's
own cache does not do: it keeps an outdated copy of a callee that lives in another module (numba issues
1833 and 9304), and it forgets a file's kernels whenever a comment there changes, a line moves or the
file lies in another folder. Decision: a folder for each version of the compiled code, named by a digest
of all of it, and inside it functions are found by name alone.

- The digest covers what kernels are made of (`SOURCES`), as syntax trees without docstrings: an edit of
  a comment, a docstring or of anything that is not compiled finds the kernels it had.
- Parsing takes a tenth of a second, too long for each import. So the digest is kept in a file that is
  named by a digest of the sources' bytes, which takes 2 ms; times of files would be as fast, but two
  versions of a file may well have the same.
- Each import marks its folder as used. What nobody used for 30 days is removed: a folder has 11 MB.
"""

from __future__ import annotations

import ast
import contextlib
import hashlib
import os
import shutil
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final, cast

import numba
from numba.core import caching
from platformdirs import user_cache_path

SOURCES: Final = (
    "campaign/kernels.py",
    "campaign/tally/layout.py",
    "campaign/tally/passes.py",
    "cpus.py",
    "errors.py",
    "fleet/arrays.py",
    "fleet/compiled",
    "fleet/held_up.py",
    "fleet/jit.py",
    "fleet/kernel_cache.py",
    "fleet/model",
    "fleet/protocol.py",
    "fleet/spec.py",
    "fleet/table.py",
    "fleet/table_type.py",
    "fleet/whereabouts.py",
    "rules/reasons.py",
    "rules/shares.py",
    "rules/stages.py",
    "rules/states.py",
)
"""Modules that define kernels and those that they import; a folder stands for all that is in it."""

_PACKAGE: Final = Path(__file__).resolve().parents[1]
_DAY_S: Final = 86_400.0
_UNUSED_S: Final = 30 * _DAY_S

# numba has no type hints for its settings and its cache.
_config: Any = numba.config
_FunctionCache: Any = caching.FunctionCache
_CompileResultCacheImpl: Any = caching.CompileResultCacheImpl
_UserProvidedCacheLocator: Any = caching.UserProvidedCacheLocator


def source_files() -> list[Path]:
    """Return the files that `SOURCES` names, in a fixed order."""
    named = [_PACKAGE / name for name in SOURCES]
    return [file for path in named for file in (sorted(path.rglob("*.py")) if path.is_dir() else [path])]


def tree_of(source: bytes) -> str:
    """Return the syntax of a module as text: what comments, docstrings and layout don't change."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            body[:] = [statement for statement in body if not _is_text(statement)]
    return ast.dump(tree)


def _is_text(statement: ast.stmt) -> bool:
    """Tell whether a statement is nothing but a string: a docstring, of whatever it documents."""
    return (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Constant)
        and isinstance(statement.value.value, str)
    )


def _digest(parts: list[bytes]) -> str:
    """Return a digest of the parts and of what else decides how they are compiled."""
    settings = (numba.__version__, sys.version_info[:2], str(_config.OPT), _config.BOUNDSCHECK)
    digest = hashlib.sha256(repr(settings).encode())
    for part in parts:
        digest.update(len(part).to_bytes(8, "little") + part)
    return digest.hexdigest()[:16]


def compiled_digest(cache: Path) -> str:
    """Return the digest of everything that compiled code is made of, 16 hexadecimal digits.

    Args:
        cache: Folder that remembers the digest of sources that were parsed before. Written if possible.
    """
    files = source_files()
    names = [file.relative_to(_PACKAGE).as_posix().encode() for file in files]
    sources = [file.read_bytes() for file in files]
    known = cache / f"sources-{_digest([*names, *sources])}"
    with contextlib.suppress(OSError):
        text = known.read_text()
        if len(text) == 16:  # not a file that is just being written
            return text
    digest = _digest([*names, *(tree_of(source).encode() for source in sources)])
    with contextlib.suppress(OSError):
        cache.mkdir(parents=True, exist_ok=True)
        known.write_text(digest)
    return digest


def open_folder() -> Path | None:
    """Return the folder for kernels of this version of the code, marked as used.

    Returns:
        None if it can't be written, which is a warning.
    """
    cache = user_cache_path("fleetsim")
    folder = cache / f"kernels-{compiled_digest(cache)}"
    marker = _marker(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        last_use_s = marker.stat().st_mtime if marker.exists() else 0.0
        marker.touch()
        now_s = marker.stat().st_mtime
    except OSError as error:
        warnings.warn(
            f"cannot write {folder} ({error.strerror}): kernels are compiled anew in every process; "
            "set NUMBA_CACHE_DIR to a folder that can be written",
            RuntimeWarning,
            stacklevel=2,
        )
        return None
    if now_s - last_use_s > _DAY_S:
        _remove_unused(cache, folder, now_s - _UNUSED_S)
    return folder


def _marker(folder: Path) -> Path:
    """Return the file whose time says when the folder was last used."""
    return folder / ".used"


def _remove_unused(cache: Path, used: Path, before_s: float) -> None:
    """Remove the kernels of versions that nobody used lately; whatever can't be removed stays.

    Args:
        cache: Folder of all versions.
        used: The one that is in use, which stays whatever its age.
        before_s: What was last used before this time goes, seconds since 1970.
    """
    for old in cache.glob("kernels-*"):
        with contextlib.suppress(OSError):
            newest_s = max(path.stat().st_mtime for path in (old, _marker(old)) if path.exists())
            if old != used and newest_s < before_s:
                # Under another name first: who begins to use it now makes a new folder.
                gone = old.rename(old.with_name(f"removed-{old.name}-{os.getpid()}"))
                shutil.rmtree(gone, ignore_errors=True)
    for known in cache.glob("sources-*"):
        with contextlib.suppress(OSError):
            if known.stat().st_mtime < before_s:
                known.unlink()


def disk_cache(folder: Path) -> Callable[[Callable[..., Any]], Any]:
    """Return what makes numba's cache of one function, in the folder of this version of the code."""
    covered = {str(file): str(folder / file.parent.relative_to(_PACKAGE)) for file in source_files()}

    class Locator(_UserProvidedCacheLocator):  # type: ignore[misc]  # numba has no type hints
        """Finds what the digest covers by name alone; anything else by its file's content, as numba does."""

        def __init__(self, function: Callable[..., Any], file: str) -> None:
            self._py_file = file
            self._lineno = cast("Any", function).__code__.co_firstlineno
            place = covered.get(str(Path(file).resolve()))
            self._is_covered = place is not None
            self._cache_path = place or str(folder / self.get_suitable_cache_subpath(file))

        @classmethod
        def from_function(cls, function: Callable[..., Any], file: str) -> Locator | None:
            """Return the locator of a function; None for one that was typed in, not imported."""
            return cls(function, file) if Path(file).exists() else None

        def get_source_stamp(self) -> object:
            """Return what outdates the kernel; nothing does that the folder's name doesn't say."""
            return "" if self._is_covered else super().get_source_stamp()

        def get_disambiguator(self) -> str:
            """Return what tells functions of one name apart."""
            return "" if self._is_covered else super().get_disambiguator()

    class Implementation(_CompileResultCacheImpl):  # type: ignore[misc]  # numba has no type hints
        """How kernels are written, with numba's own ways for functions that are not of a file."""

        _locator_classes: Final = [Locator, *_CompileResultCacheImpl._locator_classes]

    class DiskCache(_FunctionCache):  # type: ignore[misc]  # numba has no type hints
        """A cache that is never a reason to stop: what can't be read or kept is compiled anew."""

        _impl_class = Implementation

        def load_overload(self, signature: object, target_context: object) -> object:
            """Return the compiled function for a signature; None if there is none, or it is broken."""
            try:
                return super().load_overload(signature, target_context)
            except Exception as error:  # unpickling what is no pickle may raise anything
                name = Path(self._cache_file._index_path).name
                warnings.warn(
                    f"{name} in {self._cache_path} is broken ({type(error).__name__}): "
                    "the kernel is compiled anew",
                    RuntimeWarning,
                    stacklevel=2,
                )
                with contextlib.suppress(OSError):
                    self.flush()
                return None

        @contextlib.contextmanager
        def _guard_against_spurious_io_errors(self) -> Iterator[None]:
            with contextlib.suppress(OSError):
                yield

    return DiskCache
