"""The inventory: a CSV file that lists the devices of each cohort, instead of counts."""

from __future__ import annotations

import csv
import hashlib
import re
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import TextIO

from sim.errors import Problem, ScenarioError
from sim.scenario.suggest import unknown
from sim.spreadsheet import (
    Table,
    first_line_not_utf_8,
    is_blank,
    no_such_column,
    open_table,
    positions,
)
from sim.units import shown

COLUMNS = ("device_id", "cohort")
"""Columns that an inventory must have; others are labels."""

SITE_COLUMN = "site"
"""Column that it must have as well if the scenario has sites by name."""

UNKNOWN_MAX = 20
"""Most unknown words for which the nearest known one is looked for: that takes time where many are known."""

VALUES_MAX = 5
"""Most values of a column in one cohort that are remembered, for messages."""

ALIKE_MAX = 3
"""Most problems of one file that are listed if they are alike."""

PROBLEMS_MAX = 50
"""Most problems of one file that are listed."""

_DEVICE_ID = re.compile(r"[A-Za-z0-9_-]{1,128}")
_SPOILT = re.compile(r"[0-9]([.,][0-9]+)?[eE]\+?[0-9]{2}|[0-9]+[.,]0+")
"""What spreadsheets make of ids that are long numbers. Without a point or a plus it may be a real id."""


@dataclass(frozen=True)
class Inventory:
    """The devices that a file lists.

    Attributes:
        ids: Device ids by cohort, in file order.
        rows: Number of each one's row among those of all cohorts, from 0, ascending in a cohort.
        digest: SHA-256 of ids, cohorts and sites, in hex, and of the rows unless cohorts follow one another
            as in the scenario; spacing, other columns and the file's name don't count.
        warnings: What is allowed, but was probably not meant.
        sites: Number of each one's site among those of the scenario, -1 for none, by cohort; without cohorts
            if the scenario names no sites.
        labels: What other columns say, by column, by cohort: a single value if all rows of the cohort have
            it, else the first few that differ.
        site_names: Names of the sites by number: those that the scenario names, then those that its patterns
            match, in the order of the rows.
    """

    ids: Mapping[str, Sequence[str]]
    rows: Mapping[str, Sequence[int]]
    digest: str
    warnings: tuple[Problem, ...]
    sites: Mapping[str, Sequence[int]]
    labels: Mapping[str, Mapping[str, tuple[str, ...]]]
    site_names: tuple[str, ...] = ()

    @cached_property
    def sites_present(self) -> dict[str, tuple[int, ...]]:
        """Numbers of the sites at which devices of a cohort are, ascending, by cohort."""
        return {name: tuple(sorted({*numbers} - {-1})) for name, numbers in self.sites.items()}

    @cached_property
    def partly_at_sites(self) -> frozenset[str]:
        """Cohorts of which some devices are at no site."""
        return frozenset(name for name, numbers in self.sites.items() if -1 in numbers)


def read_inventory(
    path: Path, name: str, cohorts: Iterable[str], sites: Iterable[str] | None = None
) -> Inventory:
    """Read an inventory.

    Args:
        path: The file: CSV with a header line, in UTF-8, or in UTF-16 with its mark; separated by comma,
            semicolon or tab.
        name: Its name in messages.
        cohorts: Names of the scenario's cohorts.
        sites: Names of its sites, or patterns of names; None if it has none, then their column is a label.

    Returns:
        The devices of each cohort; each cohort has at least one.

    Raises:
        ScenarioError: With the line of each fault.
    """
    listing = _Listing(cohorts, sites)
    try:
        with open_table(path) as file:
            problems = _summed_up(listing.read(file), name)
    except UnicodeDecodeError as error:
        raise ScenarioError([_not_decoded(error, path, name)]) from None
    except OSError as error:
        raise ScenarioError([Problem("", f"can't be read: {error.strerror}", file=name)]) from None
    if not problems:
        problems = [
            Problem("", f"lists no device of cohort '{cohort}'", file=name)
            for cohort, ids in listing.ids.items()
            if not ids
        ]
    if problems:
        raise ScenarioError(problems)
    return Inventory(
        listing.ids,
        listing.rows,
        _digest(listing.ids, listing.rows, listing.sites_by_name()),
        _nearly_twice(listing.first_line, name),
        listing.sites,
        {name: labels.found() for name, labels in listing.labels.items()},
        tuple(listing.site_names),
    )


def _summed_up(faults: Iterable[tuple[int, str, str]], name: str) -> list[Problem]:
    """Return the problems of a file; of many that are alike but for what is quoted, the first few.

    Args:
        faults: Line, column and message of each.
        name: Name of the file.
    """
    alike: dict[tuple[str, str], list[Problem]] = {}
    n_alike: Counter[tuple[str, str]] = Counter()
    left = n_listed = 0
    for line, column, message in faults:
        said = message.partition(";")[0]
        is_word = said.startswith("unknown")  # each of which is worth a line
        kind = (column, said if is_word else re.sub(r"'[^']*'|[0-9]+", "", said))
        n_alike[kind] += 1
        if n_alike[kind] <= ALIKE_MAX and n_listed < PROBLEMS_MAX:
            alike.setdefault(kind, []).append(Problem(column, message, line, file=name))
            n_listed += 1
        elif kind not in alike:
            left += 1
    problems = []
    for kind, listed in alike.items():
        more = n_alike[kind] - len(listed)
        if more:
            rows = "row" if more == 1 else "rows"
            listed[-1] = replace(
                listed[-1], message=f"{listed[-1].message}; and {more:,} more {rows} like it"
            )
        problems += listed
    if left:
        problems.append(Problem("", f"{left} more problems are not listed", file=name))
    return problems


def is_pattern(name: str) -> bool:
    """Tell whether the name of a site is a pattern of names."""
    return "*" in name or "?" in name


class _Labels:
    """What the columns beside those that an inventory must have say of one cohort."""

    def __init__(self, columns: Mapping[str, int]) -> None:
        """Begin with no row.

        Args:
            columns: Position of each column by its name.
        """
        self._open = dict(columns)
        self._values: dict[str, dict[str, None]] = {name: {} for name in columns}

    def take(self, row: Sequence[str]) -> None:
        """Take in a row; a column in which many values were seen is not looked at any more."""
        for name, i_column in [*self._open.items()]:
            values = self._values[name]
            value = row[i_column].strip() if i_column < len(row) else ""
            if value not in values:
                values[value] = None
                if len(values) == VALUES_MAX:
                    del self._open[name]

    def found(self) -> dict[str, tuple[str, ...]]:
        """Return the values of each column that has some."""
        return {name: tuple(values) for name, values in self._values.items() if any(values)}


class _Listing:
    """What was read of a file so far.

    Attributes:
        ids: Device ids by cohort.
        rows: Row of each among those of all cohorts, from 0, by cohort.
        first_line: Line of each id.
        sites: Number of the site of each device, -1 for none, by cohort; without cohorts if none are known.
        labels: What other columns say, by cohort.
        site_names: Names of the sites by number.
    """

    def __init__(self, cohorts: Iterable[str], sites: Iterable[str] | None) -> None:
        """Begin with nothing."""
        self.ids: dict[str, list[str]] = {cohort: [] for cohort in cohorts}
        self.rows: dict[str, array[int]] = {cohort: array("q") for cohort in self.ids}
        self.first_line: dict[str, int] = {}
        names = [] if sites is None else list(sites)
        self._site_patterns = [name for name in names if is_pattern(name)]
        self.site_names = [name for name in names if not is_pattern(name)]
        self.sites: dict[str, array[int]] = {} if sites is None else {name: array("i") for name in self.ids}
        self.labels: dict[str, _Labels] = {}
        self._unknown: set[str] = set()

    def sites_by_name(self) -> Iterator[Iterable[str]]:
        """Yield the sites of each cohort's devices by name, empty for none."""
        names = (*self.site_names, "")
        for numbers in self.sites.values():
            yield (names[number] for number in numbers)

    def read(self, file: TextIO) -> Iterator[tuple[int, str, str]]:
        """Read the table; yield line, column and message of each fault."""
        table = None
        try:
            columns = (*COLUMNS, SITE_COLUMN) if self.sites else COLUMNS
            table = Table(file, columns)
            at = [positions(table.header, column) for column in columns]
            for column, places in zip(columns, at, strict=True):
                if not places:
                    yield table.line, column, no_such_column(table.header, column)
                elif len(places) > 1:
                    both = " and ".join(f"{place + 1} ('{table.header[place]}')" for place in places[:2])
                    yield table.line, column, f"the header names it twice, in columns {both}; rename one"
            if all(len(places) == 1 for places in at):
                yield from self._read_rows(table, *(places[0] for places in at))
        except csv.Error as error:
            yield 1 if table is None else table.line, "", f"is not CSV: {error}"

    def _read_rows(
        self, table: Table, i_id: int, i_cohort: int, i_site: int = -1
    ) -> Iterator[tuple[int, str, str]]:
        """Take in the rows below the header."""
        ids, rows, first_line = self.ids, self.rows, self.first_line
        others = {
            name: i for i, name in enumerate(table.header) if name and i not in (i_id, i_cohort, i_site)
        }
        labels = self.labels = {cohort: _Labels(others) for cohort in ids} if others else {}
        number_of = {"": -1, **{name: number for number, name in enumerate(self.site_names)}}
        width = len(table.header)
        least, n_listed = max(i_id, i_cohort, i_site) + 1, 0
        is_id = _DEVICE_ID.fullmatch
        for line, row in table.rows():
            if len(row) < least:
                if not is_blank(row):
                    yield line, "", f"has {len(row)} values; the header has {width}"
                continue
            if len(row) > width and not is_blank(row[width:]):
                yield (
                    line,
                    "",
                    f"has {len(row)} values; the header has {width}; quote one that has a separator in it",
                )
                continue
            device_id, cohort = row[i_id].strip(), row[i_cohort].strip()
            if is_id(device_id) is None:
                if is_blank(row):
                    continue
                yield line, COLUMNS[0], _no_id(device_id)
            elif first_line.setdefault(device_id, line) != line:
                yield line, COLUMNS[0], f"{shown(device_id)} is already in line {first_line[device_id]}"
            elif cohort in ids:
                ids[cohort].append(device_id)
                rows[cohort].append(n_listed)
                n_listed += 1
                if others:
                    labels[cohort].take(row)
                if i_site >= 0:
                    site = row[i_site].strip()
                    if site not in number_of and any(fnmatchcase(site, one) for one in self._site_patterns):
                        number_of[site] = len(self.site_names)
                        self.site_names.append(site)
                    self.sites[cohort].append(number_of.get(site, -1))
                    if site not in number_of:
                        yield line, SITE_COLUMN, self._unknown_word("site", site, self.site_names)
            if cohort not in ids:
                yield line, COLUMNS[1], self._unknown_word("cohort", cohort, ids)

    def _unknown_word(self, noun: str, given: str, allowed: Iterable[str]) -> str:
        """Return the message about an unknown cohort or site; after many of them, in short."""
        if given in self._unknown or len(self._unknown) >= UNKNOWN_MAX:
            return f"unknown {noun} {shown(given)}"
        self._unknown.add(given)
        return unknown(noun, given, allowed)


def _no_id(given: str) -> str:
    """Return what is wrong with a text that should be an id."""
    if not given:
        return "is missing"
    if _SPOILT.fullmatch(given) is not None:
        return (
            f"{shown(given)} is what a spreadsheet made of a long number, whose digits are lost; make the "
            "column text there before the ids come into it, and export it again"
        )
    return f"{shown(given)} is no id; 1 to 128 letters, digits, '_' and '-'"


def _not_decoded(error: UnicodeDecodeError, path: Path, name: str) -> Problem:
    """Return the problem of a file in another encoding."""
    if error.encoding.startswith("utf-16"):
        return Problem("", "begins as UTF-16 and does not go on so; save the file as UTF-8", file=name)
    message = "is not UTF-8; save the file as UTF-8 (in a spreadsheet: 'CSV UTF-8')"
    return Problem("", message, first_line_not_utf_8(path), file=name)


def _nearly_twice(lines: Mapping[str, int], name: str) -> tuple[Problem, ...]:
    """Return a warning if ids differ only in case; they are different devices, as the service has them.

    Args:
        lines: Line of each id.
        name: Name of the file.
    """
    together = "\n".join(lines)
    if together.isupper() or together.islower() or len(set(together.lower().split("\n"))) >= len(lines):
        return ()
    of_folded: dict[str, str] = {}
    twins = [
        (device_id, of_folded[device_id.lower()])
        for device_id in lines
        if of_folded.setdefault(device_id.lower(), device_id) != device_id
    ]
    device_id, other = twins[0]
    more = f"; so do {len(twins) - 1} more" if len(twins) > 1 else ""
    message = (
        f"{shown(device_id)} differs from {shown(other)} in line {lines[other]} only in case, and counts as "
        f"another device{more}"
    )
    return (Problem(COLUMNS[0], message, lines[device_id], file=name),)


def _digest(
    ids: Mapping[str, Sequence[str]], rows: Mapping[str, array[int]], sites: Iterable[Iterable[str]]
) -> str:
    """Hash cohorts and ids in order; a line break can't stand in either, so it separates them.

    Sites follow, one after another with their lengths, since their names may hold anything.
    """
    digest = hashlib.sha256()
    listed = list(chain.from_iterable(rows.values()))
    if listed != list(range(len(listed))):
        for of_cohort in rows.values():
            digest.update(",".join(map(str, of_cohort)).encode() + b"\n")
    for cohort, devices in ids.items():
        digest.update(f"[{cohort}]\n".encode())
        digest.update("\n".join(devices).encode())
    for of_devices in sites:
        digest.update(("\n[sites]\n" + "".join(f"{len(site)} {site}\n" for site in of_devices)).encode())
    return digest.hexdigest()
