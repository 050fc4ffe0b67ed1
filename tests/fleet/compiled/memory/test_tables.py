"""Tests of how the compiled plane's tables lie in memory."""

import mmap

import numpy as np
import pytest

from sim.fleet.compiled.memory.tables import NET, WORK, side_by_side

KINDS = {"work": WORK, "net": NET, "number": np.int64, "flag": np.int8}


@pytest.mark.parametrize("n", [0, 1, 7, 1000, 40_000])
def test_side_by_side__makes_arrays_that_do_not_meet(n):
    """Each array holds what is written into it, whatever is written into the others."""
    arrays = side_by_side(n, KINDS)

    assert {name: (len(array), array.dtype) for name, array in arrays.items()} == {
        name: (n, np.dtype(kind)) for name, kind in KINDS.items()
    }
    assert not any(array.view(np.uint8).any() for array in arrays.values() if n)
    for value, array in enumerate(arrays.values(), start=1):
        array.view(np.uint8)[:] = value
    for value, array in enumerate(arrays.values(), start=1):
        assert (array.view(np.uint8) == value).all()


def test_side_by_side__begins_each_array_with_a_cache_line():
    """So no row of 32 bytes lies across two of them; and records are read by attribute."""
    arrays = side_by_side(1001, KINDS)

    assert [array.ctypes.data % 64 for array in arrays.values()] == [0, 0, 0, 0]
    arrays["work"][5].due = 17
    assert arrays["work"].due[5] == 17


@pytest.mark.skipif(not hasattr(mmap, "MADV_HUGEPAGE"), reason="this system has no huge pages to ask for")
def test_side_by_side__begins_large_arrays_with_a_huge_page():
    """40,000 rows of 60 bytes lie in two pages of 2 MiB, from the beginning of the first."""
    assert side_by_side(40_000, KINDS)["work"].ctypes.data % 2**21 == 0
