"""Tables as spreadsheets and device registries export them: encoding, separator, names of columns.

Decision: the header decides. A spreadsheet separates by what its user's country writes between decimals, so
comma, semicolon and tab are tried and the one under which the header has the wanted columns is taken;
`csv.Sniffer`, which guesses from everything, takes letters for separators in short files.
"""

from __future__ import annotations

import codecs
import csv
import re
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Final, TextIO

if TYPE_CHECKING:
    from _csv import Reader

_SEPARATORS: Final = (",", ";", "\t")
_SAID: Final = re.compile(r'"?sep=([^"\w\r\n])"?\s*', re.IGNORECASE)
"""A first line by which Excel tells and is told the separator."""


class Table:
    """The rows of an open file, below its header.

    Attributes:
        header: Names of the columns as the file writes them, without spaces around; empty for an empty file.
    """

    def __init__(self, file: TextIO, wanted: Sequence[str]) -> None:
        """Find the separator and read the header.

        Args:
            file: As `open_table` returns it.
            wanted: Names of the columns that are looked for.

        Raises:
            csv.Error: The header is not CSV under any separator.
            UnicodeDecodeError: The file is not in the encoding that it seems to be in.
        """
        said = _SAID.fullmatch(file.readline())
        self._lines_before = 1 if said else 0
        separators = (said[1],) if said else _SEPARATORS
        headers = {separator: _header(self._reader(file, separator)) for separator in separators}

        def fits(separator: str) -> tuple[int, int]:
            header = headers[separator]
            return sum(bool(positions(header, name)) for name in wanted), len(header)

        self._rows = self._reader(file, max(separators, key=fits))
        self.header = next((_stripped(row) for row in self._rows if not is_blank(row)), [])

    @property
    def line(self) -> int:
        """Line in which the row that was read last ends, from 1."""
        return max(1, self._rows.line_num + self._lines_before)

    def rows(self) -> Iterator[tuple[int, list[str]]]:
        """Yield the rows below the header that are not empty, each with the line in which it ends.

        Raises:
            csv.Error: A row is not CSV.
        """
        rows, before = self._rows, self._lines_before
        for row in rows:
            if row:
                yield rows.line_num + before, row

    def _reader(self, file: TextIO, separator: str) -> Reader:
        """Return a reader from the first line of the table."""
        file.seek(0)
        for _ in range(self._lines_before):
            file.readline()
        return csv.reader(file, delimiter=separator, strict=True)


def open_table(path: Path) -> TextIO:
    """Open a table for reading: UTF-16 if it begins with that mark, else UTF-8.

    Raises:
        OSError: It can't be opened.
    """
    with path.open("rb") as file:
        mark = file.read(2)
    is_wide = mark in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
    return path.open(encoding="utf-16" if is_wide else "utf-8-sig", newline="")


def first_line_not_utf_8(path: Path) -> int | None:
    """Return the number of the first line that is not UTF-8, from 1; None if all are."""
    with path.open("rb") as file:
        for line, raw in enumerate(file, 1):
            try:
                raw.decode()
            except UnicodeDecodeError:
                return line
    return None


def positions(header: Sequence[str], name: str) -> list[int]:
    """Return where a header has a column; case, spaces, `_` and `-` don't count."""
    wanted = _folded(name)
    return [i_column for i_column, given in enumerate(header) if _folded(given) == wanted]


def no_such_column(header: Sequence[str], name: str) -> str:
    """Return the message about a column that a header lacks, with the nearest of those that it has."""
    if not header:
        return "the header has no such column, since the file is empty"
    near = get_close_matches(name, header, n=1, cutoff=0.7)
    meant = f" is '{near[0]}' meant?" if near else ""
    alone = " (comma, semicolon or tab may separate columns)" if len(header) == 1 else ""
    return f"the header has no such column;{meant} it has {', '.join(header)}{alone}"


def is_blank(row: Sequence[str]) -> bool:
    """Tell whether a row has no value."""
    return not any(cell.strip() for cell in row)


def _header(rows: Iterator[list[str]]) -> list[str]:
    """Return the first row with a value; empty if there is none, or if it is not CSV."""
    try:
        return next((row for row in rows if not is_blank(row)), [])
    except csv.Error:
        return []


def _stripped(row: Sequence[str]) -> list[str]:
    return [cell.strip() for cell in row]


def _folded(name: str) -> str:
    return re.sub(r"[\s_-]+", "", name).casefold()
