"""Tests of tables: what compiled code and Python read is the same memory, and outlives what it has to."""

import copy
import gc
import pickle
from typing import Annotated, NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray

from sim.fleet.jit import kernel, local
from sim.fleet.table import Table
from sim.fleet.table_type import type_of

PAIR = np.dtype([("left", np.int64), ("right", np.int8)])


class Inner(Table):
    """A table within another one."""

    values: NDArray[np.int16]
    factor: float


class Counters(Table, frozen=False):
    """Numbers that compiled code writes."""

    count: int
    share: float


class Holder(Table):
    """A table that refers to another one."""

    counters: Counters
    values: NDArray[np.int16]


class Marks(NamedTuple):
    """A named tuple within a table."""

    low: NDArray[np.int32]
    high: NDArray[np.bool_]


class Outer(Table, frozen=False):
    """One field of each kind."""

    grid: Annotated[NDArray[np.float64], 2]
    inner: Inner
    marks: Marks
    steps: NDArray[np.int64]
    pairs: Annotated[NDArray[np.void], PAIR]
    size: int
    key: np.uint64
    is_on: bool


class OtherLayout(Table):
    """The fields of `Inner`, the other way round."""

    factor: float
    values: NDArray[np.int16]


def pairs_of(n):
    """Return n records, numbered on the left and the right."""
    rows = np.zeros(n, PAIR).view(np.recarray)
    rows["left"], rows["right"] = np.arange(n), np.arange(n)
    return rows


def outer(n=3, *, is_on=True):
    """Return a table whose arrays have n rows, which nothing else holds."""
    return Outer(
        grid=np.arange(4.0 * n).reshape(n, 4),
        inner=Inner(np.arange(n, dtype=np.int16), 0.5),
        marks=Marks(np.arange(n, dtype=np.int32) + 20, np.ones(n, np.bool_)),
        steps=np.arange(n),
        pairs=pairs_of(n),
        size=n,
        key=np.uint64(2**64 - 1),
        is_on=is_on,
    )


@kernel
def read(of):
    """Return something of each field of `Outer`."""
    last = len(of.grid) - 1
    return (
        of.grid[last, 3],
        of.inner.values[last],
        of.inner.factor,
        of.steps[last],
        of.pairs[last].left + of.pairs[last].right,
        of.size,
        of.key,
        of.is_on,
        of.grid.shape[1],
        of.marks.low[last],
        of.marks.high[last],
    )


@kernel
def read_copy(of):
    """Return what `read` does, of a copy on the stack."""
    of = local(of)
    return read(of)


@kernel
def write(of):
    """Write into each array."""
    of.grid[0, 0] = -1.0
    of.inner.values[0] = -2
    of.steps[1] = -3
    of.pairs[2].left = -4


@pytest.mark.parametrize("reader", [read, read_copy])
@pytest.mark.parametrize("n", [1, 2, 3])
def test_table__reads_the_same_in_compiled_code(reader, n):
    """Every kind of field has the value that Python gave it, for one row as well as for several."""
    last = n - 1
    expected = (4.0 * n - 1, last, 0.5, last, 2 * last, n, 2**64 - 1, n == 2, 4, 20 + last, True)
    assert reader(outer(n, is_on=n == 2)) == expected


def test_table__type_depends_on_no_value():
    """One row, several, or none that lie apart: compiled code is the same."""
    for n in (1, 2, 3):
        read(outer(n))
    if hasattr(read, "signatures"):
        assert len(read.signatures) == 1


def test_table__compiled_code_writes_to_the_arrays_themselves():
    """Nothing is copied on the way in."""
    of = outer()
    write(of)
    assert (of.grid[0, 0], of.inner.values[0], of.steps[1], of.pairs["left"][2]) == (-1, -2, -3, -4)


def test_table__field_set_anew_is_seen():
    """A larger array takes the place of the old one, at the same address of the table."""
    of = outer()
    address = of.address
    of.grid = np.full((5, 7), 9.0)
    of.inner = Inner(np.full(5, 8, np.int16), 0.25)
    of.marks = Marks(np.full(5, 6, np.int32), np.zeros(5, np.bool_))
    of.steps = np.arange(0, 10, 2)
    of.pairs = pairs_of(5)
    gc.collect()
    assert of.address == address
    assert read(of) == (9.0, 8, 0.25, 8, 8, 3, 2**64 - 1, True, 7, 6, False)


@kernel
def count_up(of):
    """Write numbers of a table that another one refers to."""
    of = local(of)
    of.counters.count += len(of.values)
    of.counters.share = of.counters.count / 4


def test_table__numbers_are_written_by_compiled_code_and_by_python():
    """Both see what the other wrote, whether the table is reached alone or through another one."""
    counters = Counters(1, 0.0)
    holder = Holder(counters, np.zeros(2, np.int16))
    count_up(holder)
    assert (counters.count, counters.share) == (3, 0.75)
    counters.count = 10
    counters.share = 7
    count_up(holder)
    assert (counters.count, counters.share, copy.copy(holder).counters.count) == (12, 3.0, 12)
    with pytest.raises(TypeError, match="counters must be a "):
        Holder(Inner(np.zeros(1, np.int16), 1.0), np.zeros(2, np.int16))


def test_table__keeps_its_arrays_alive():
    """Arrays that nobody else holds are not freed while the table is there."""
    tables = [outer(1000) for _ in range(50)]
    gc.collect()
    assert {read(of)[1] for of in tables} == {999}


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda of: pickle.loads(pickle.dumps(of))])
def test_table__copy_has_words_of_its_own(copied):
    """A copy lives on when the original is gone."""
    of = outer()
    other = copied(of)
    assert other.address != of.address
    del of
    gc.collect()
    assert read(other)[:3] == (11.0, 2, 0.5)


def test_table__replaced_fields_leave_the_original_alone():
    """`_replace` makes another table, as named tuples do."""
    of = outer()
    other = of._replace(size=77)
    assert (of.size, other.size, read(of)[5], read(other)[5]) == (3, 77, 3, 77)
    assert other.grid is of.grid


def test_table__frozen_fields_stay():
    """What another table may hold the words of can't be changed."""
    inner = Inner(np.zeros(2, np.int16), 1.0)
    with pytest.raises(AttributeError, match="can't set factor of Inner"):
        inner.factor = 2.0
    with pytest.raises(AttributeError, match="can't set sise of Outer"):
        outer().sise = 2


@pytest.mark.parametrize(
    "values",
    [np.zeros(2, np.int64), np.zeros((2, 2), np.int16), np.zeros(4, np.int16)[::2]],
    ids=["dtype", "dimensions", "layout"],
)
def test_table__refuses_an_array_that_is_read_wrongly(values):
    """Compiled code would read other memory, so the array is refused at once."""
    with pytest.raises(TypeError, match="values must be 1-dimensional int16"):
        Inner(values, 1.0)


def test_table__needs_every_field_once():
    """Fields left out, unknown or given twice are errors that name the fields."""
    values = np.zeros(2, np.int16)
    for fields in ({"values": values}, {"values": values, "factor": 1.0, "more": 2}):
        with pytest.raises(TypeError, match="Inner needs values, factor"):
            Inner(**fields)
    with pytest.raises(TypeError, match="Inner needs values, factor"):
        Inner(values, 1.0, values=values)
    with pytest.raises(TypeError, match="inner must be a "):
        outer()._replace(inner=OtherLayout(1.0, values))


def test_type__name_says_the_layout():
    """Compiled code is kept by names of types: the same fields at other places are another type."""
    assert type_of(Inner) is type_of(Inner)
    one, other = (type_of(of).name.split(", ")[1] for of in (Inner, OtherLayout))
    assert one != other
