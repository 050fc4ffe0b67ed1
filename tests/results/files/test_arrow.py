"""Columns made from buffers are those that Arrow makes itself."""

import numpy as np
import pyarrow as pa
import pytest

from sim.results.files.arrow import category, listed, numbers, table, texts, words

TEXTS = [
    [],
    [None],
    ["", None, "a", ""],
    ["retry", None, "stop", "retry"],
    ["Gerät", "設備", None, "plain", "🚀"],
    [f"meter-{i:07d}" for i in range(1_000)],
]


@pytest.mark.parametrize("values", TEXTS)
def test_texts__are_those_of_arrow(values):
    """Letters of several bytes, empty texts and nulls are kept apart."""
    made = texts(values)

    made.validate(full=True)
    assert made.equals(pa.array(values, pa.string()))


@pytest.mark.parametrize("values", TEXTS)
def test_words__are_a_dictionary_in_order_of_appearance(values):
    """Each text is there once; null is none of them."""
    made = words(values)

    made.validate(full=True)
    assert made.equals(pa.array(values, pa.string()).dictionary_encode())


@pytest.mark.parametrize("dtype", [np.int16, np.int32, np.int64, np.float64])
@pytest.mark.parametrize("n", [0, 1, 7, 8, 9, 1_000])
def test_numbers__are_those_of_arrow(dtype, n):
    """Type, values and nulls are those of the array and its mask, whatever the length."""
    values = (np.arange(n) * 3 % 11).astype(dtype)
    missing = values > 5

    for mask in (None, missing):
        made = numbers(values, mask)
        made.validate(full=True)
        assert made.equals(pa.array(values, mask=mask))


def test_numbers__need_not_lie_side_by_side():
    """A column of a matrix is taken as it reads."""
    matrix = np.arange(12).reshape(4, 3)

    assert numbers(matrix[:, 1]).to_pylist() == [1, 4, 7, 10]


def test_listed__none_is_null():
    """A list has its own nulls, and the type that is asked for."""
    made = listed([1.5, None, 2], np.float64)

    assert made.equals(pa.array([1.5, None, 2.0], pa.float64()))
    assert listed([], np.int32).equals(pa.array([], pa.int32()))


def test_category__negative_numbers_are_null():
    """A device that is in no task has none."""
    made = category(np.array([1, -1, 0], np.int32), ["first", "second"])

    assert made.to_pylist() == ["second", None, "first"]
    assert made.type == pa.dictionary(pa.int16(), pa.string())
    marked = category(np.array([1, 1], np.int8), ["first", "second"], np.array([True, False]))
    assert marked.to_pylist() == [None, "second"]


def test_table__takes_columns_and_arrays():
    """Columns keep their names and order."""
    made = table({"b": np.arange(2), "a": texts(["x", None])})

    assert made.to_pydict() == {"b": [0, 1], "a": ["x", None]}
