"""Arrow columns from NumPy arrays and from text.

Decision: columns are put together from buffers, instead of by `pyarrow.array`, which loads pandas to ask
whether what it was given is one of its columns. That takes longer than a small run with all its files.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sim.fleet.spec import Bools

Numbers = Sequence[int | float | None]
"""Numbers of a column, None for null."""


def table(columns: Mapping[str, pa.Array | NDArray[Any]]) -> pa.Table:
    """Return a table of columns by name; arrays of numbers have no nulls."""
    arrays = [numbers(of) if isinstance(of, np.ndarray) else of for of in columns.values()]
    return pa.Table.from_arrays(arrays, names=list(columns))


def numbers(values: NDArray[Any], missing: Bools | None = None) -> pa.Array:
    """Return a column of numbers, of the type that the array has.

    Args:
        values: (n,) whole numbers or floats. Read only; kept if they lie side by side.
        missing: (n,) bool, which are null; None for none.
    """
    buffers = [_validity(missing), pa.py_buffer(np.ascontiguousarray(values))]
    return pa.Array.from_buffers(pa.from_numpy_dtype(values.dtype), len(values), buffers)


def listed(values: Numbers, dtype: type[np.generic]) -> pa.Array:
    """Return a column of numbers of a NumPy type from a list, in which None is null."""
    missing = np.array([value is None for value in values], np.bool_)
    return numbers(np.array([0 if value is None else value for value in values], dtype), missing)


def texts(values: Sequence[str | None]) -> pa.Array:
    """Return a column of text; None is null."""
    known = [value or "" for value in values]
    joined = "".join(known)
    # Lengths are counted in bytes; a letter of ASCII has one.
    sized: Sequence[str | bytes] = known if joined.isascii() else [value.encode() for value in known]
    ends = np.cumsum(np.fromiter(map(len, sized), np.int64, len(sized)))
    offsets = np.concatenate([[0], ends]).astype(np.int32)
    missing = np.array([value is None for value in values], np.bool_)
    return pa.StringArray.from_buffers(
        len(values), pa.py_buffer(offsets), pa.py_buffer(joined.encode()), _validity(missing)
    )


def words(values: Sequence[str | None]) -> pa.Array:
    """Return repeating text as a dictionary; None is null."""
    return texts(values).dictionary_encode()


def category(codes: NDArray[Any], labels: Sequence[str], missing: Bools | None = None) -> pa.Array:
    """Return labels by their number as a dictionary.

    Args:
        codes: (n,) whole numbers, positions in `labels`. Read only.
        labels: Texts.
        missing: (n,) bool, which are null; by default the negative ones.
    """
    kind = np.int16 if len(labels) < 2**15 else np.int32
    index = numbers(codes.astype(kind), codes < 0 if missing is None else missing)
    return pa.DictionaryArray.from_arrays(index, texts(labels))


def _validity(missing: Bools | None) -> pa.Buffer | None:
    """Return which entries are there, a bit each; None if all are."""
    if missing is None or not missing.any():
        return None
    return pa.py_buffer(np.packbits(~missing, bitorder="little"))
