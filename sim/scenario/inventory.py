"""The inventory: a CSV file that lists the devices of each cohort, instead of counts."""

from __future__ import annotations

import csv
import hashlib
import re
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path

from sim.errors import Problem, ScenarioError
from sim.scenario.suggest import unknown
from sim.units import shown

COLUMNS = ("device_id", "cohort")
"""Columns that an inventory must have; others are ignored."""

PROBLEMS_MAX = 50
"""Most problems of one file that are listed."""

_DEVICE_ID = re.compile(r"[A-Za-z0-9_-]{1,128}")


@dataclass(frozen=True)
class Inventory:
    """The devices that a file lists.

    Attributes:
        ids: Device ids by cohort, in file order.
        rows: Number of each one's row among those of all cohorts, from 0, ascending in a cohort.
        digest: SHA-256 of ids and cohorts, in hex, and of the rows unless cohorts follow one another as in
            the scenario; spacing, other columns and the file's name don't count.
    """

    ids: Mapping[str, Sequence[str]]
    rows: Mapping[str, Sequence[int]]
    digest: str


def read_inventory(path: Path, name: str, cohorts: Iterable[str]) -> Inventory:
    """Read an inventory.

    Args:
        path: The file: CSV in UTF-8 with a header line.
        name: Its name in messages.
        cohorts: Names of the scenario's cohorts.

    Returns:
        The devices of each cohort; each cohort has at least one.

    Raises:
        ScenarioError: With the line of each fault.
    """
    ids: dict[str, list[str]] = {cohort: [] for cohort in cohorts}
    rows: dict[str, array[int]] = {cohort: array("q") for cohort in ids}
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            faults = _read_rows(csv.reader(file, strict=True), ids, rows)
            problems = [
                Problem(column, message, line, file=name)
                for line, column, message in islice(faults, PROBLEMS_MAX)
            ]
            left = sum(1 for _ in faults)
    except UnicodeDecodeError:
        raise ScenarioError([Problem("", "is not UTF-8; save the file as UTF-8", file=name)]) from None
    except OSError as error:
        raise ScenarioError([Problem("", f"can't be read: {error.strerror}", file=name)]) from None
    if left:
        problems.append(Problem("", f"{left} more problems are not listed", file=name))
    if not problems:
        problems = [
            Problem("", f"lists no device of cohort '{cohort}'", file=name)
            for cohort in ids
            if not ids[cohort]
        ]
    if problems:
        raise ScenarioError(problems)
    return Inventory(ids, rows, _digest(ids, rows))


def _read_rows(
    reader: Iterator[list[str]], ids: Mapping[str, list[str]], rows: Mapping[str, array[int]]
) -> Iterator[tuple[int, str, str]]:
    """Fill `ids` and `rows`; yield line, column and message of each fault."""
    lines = _numbered(reader)
    try:
        _, header = next(lines, (1, []))
        names = [column.strip() for column in header]
        missing = [column for column in COLUMNS if column not in names]
        for column in missing:
            given = f"; it has {', '.join(names)}" if names else ", since the file is empty"
            yield 1, column, f"the header has no such column{given}"
        if missing:
            return
        i_id, i_cohort = (names.index(column) for column in COLUMNS)
        first_line: dict[str, int] = {}
        n_listed = 0
        for line, row in lines:
            if len(row) <= max(i_id, i_cohort):
                yield line, "", f"has {len(row)} values; the header has {len(names)}"
                continue
            device_id, cohort = row[i_id].strip(), row[i_cohort].strip()
            if _DEVICE_ID.fullmatch(device_id) is None:
                yield line, COLUMNS[0], f"{shown(device_id)} is no id; 1 to 128 letters, digits, '_' and '-'"
            elif first_line.setdefault(device_id, line) != line:
                yield line, COLUMNS[0], f"{shown(device_id)} is already in line {first_line[device_id]}"
            elif cohort in ids:
                ids[cohort].append(device_id)
                rows[cohort].append(n_listed)
                n_listed += 1
            if cohort not in ids:
                yield line, COLUMNS[1], unknown("cohort", cohort, ids)
    except csv.Error as error:
        yield getattr(reader, "line_num", 1), "", f"is not CSV: {error}"


def _numbered(reader: Iterator[list[str]]) -> Iterator[tuple[int, list[str]]]:
    """Yield each row that is not blank with the line in which it ends."""
    for row in reader:
        if row:
            yield getattr(reader, "line_num", 0), row


def _digest(ids: Mapping[str, Sequence[str]], rows: Mapping[str, array[int]]) -> str:
    """Hash cohorts and ids in order; a line break can't stand in either, so it separates them."""
    digest = hashlib.sha256()
    listed = list(chain.from_iterable(rows.values()))
    if listed != list(range(len(listed))):
        for of_cohort in rows.values():
            digest.update(",".join(map(str, of_cohort)).encode() + b"\n")
    for cohort, devices in ids.items():
        digest.update(f"[{cohort}]\n".encode())
        digest.update("\n".join(devices).encode())
    return digest.hexdigest()
