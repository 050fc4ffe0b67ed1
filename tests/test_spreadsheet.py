"""Tables as spreadsheets export them."""

import csv
from collections.abc import Callable
from pathlib import Path

import pytest

from sim.spreadsheet import (
    Table,
    first_line_not_utf_8,
    no_such_column,
    open_table,
    positions,
)

Read = Callable[[bytes], tuple[list[str], list[tuple[int, list[str]]]]]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Return a function that reads a table which should have the columns `id` and `kind`."""

    def read_all(data: bytes) -> tuple[list[str], list[tuple[int, list[str]]]]:
        path = tmp_path / "table.csv"
        path.write_bytes(data)
        with open_table(path) as file:
            table = Table(file, ("id", "kind"))
            return table.header, list(table.rows())

    return read_all


def test_table__header_decides_on_the_separator(read: Read) -> None:
    """The separator is the one under which the wanted columns are there, not the most frequent."""
    assert read(b"id;kind;a,b,c,d,e\nx;y;1\n") == (["id", "kind", "a,b,c,d,e"], [(2, ["x", "y", "1"])])
    assert read(b'"id"\t"kind"\nx,1\ty;1\n') == (["id", "kind"], [(2, ["x,1", "y;1"])])
    assert read(b"id,other\nx,1\n") == (["id", "other"], [(2, ["x", "1"])])


def test_table__first_line_that_names_the_separator(read: Read) -> None:
    """Excel's `sep=` is taken at its word, and counts as a line."""
    assert read(b"SEP=|\r\nid|kind\r\nx|y\r\n") == (["id", "kind"], [(3, ["x", "y"])])
    assert read(b'"sep=,"\nid,kind\nx,y\n') == (["id", "kind"], [(3, ["x", "y"])])


def test_table__header_below_blank_rows(read: Read) -> None:
    """The header is the first row with a value; rows below are numbered by the line in which they end."""
    assert read(b'\n,,\nid,kind\n"x\ny",z\n') == (["id", "kind"], [(5, ["x\ny", "z"])])
    assert read(b"") == ([], [])


def test_table__wide_characters(read: Read) -> None:
    """UTF-16 is known by its mark, in either order of bytes."""
    text = "id\tkind\r\nä\tö\r\n"
    for data in (b"\xff\xfe" + text.encode("utf-16-le"), b"\xfe\xff" + text.encode("utf-16-be")):
        assert read(data) == (["id", "kind"], [(2, ["ä", "ö"])])


def test_table__not_csv(read: Read) -> None:
    """A row that is no CSV is an error, whatever the header said."""
    with pytest.raises(csv.Error):
        read(b'id,kind\n"x"y,z\n')


def test_first_line_not_utf_8(tmp_path: Path) -> None:
    """The line is that of the first byte that can't be read."""
    path = tmp_path / "x.csv"
    path.write_bytes(b"a\n\xc3\xa4\n\xe4\n\xe4\n")
    assert first_line_not_utf_8(path) == 3
    path.write_bytes(b"a\n")
    assert first_line_not_utf_8(path) is None


@pytest.mark.parametrize("given", ["device_id", "Device ID", "DEVICE-ID", "deviceId", " device__id "])
def test_positions__spellings(given: str) -> None:
    """Case, spaces and what joins words don't count."""
    assert positions(["x", given, given], "device_id") == [1, 2]


def test_positions__other_words() -> None:
    """A column with another name is another column."""
    assert positions(["device", "id", "device_ids"], "device_id") == []


def test_no_such_column__asks_for_the_nearest() -> None:
    """A typing error is guessed; without a separator that is known, those that are known are named."""
    assert no_such_column(["devce_id", "x"], "device_id") == (
        "the header has no such column; is 'devce_id' meant? it has devce_id, x"
    )
    assert no_such_column(["id|x"], "cohort") == (
        "the header has no such column; it has id|x (comma, semicolon or tab may separate columns)"
    )
