"""Dates and ends of a file, replaced by times since the start of the run."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any, Final

from sim.scenario.metrics import METRICS, TIMES_OF_EACH_DEVICE, MetricKind
from sim.scenario.section import Fault, Path
from sim.scenario.short.dates import Dated, has_date, start_in_utc, without_dates
from sim.scenario.short.sheet import Sheet
from sim.units import format_duration, parse_duration, shown

_GROUP: Final = "cohorts["
_SIGN: Final = re.compile(r"[<>=]|\bwithin\b")
_HOLDS: Final = "within 1 % of baseline"
"""What stands in for an expectation whose date is wrong: it is right for every metric."""

_START: Final = "2026-01-05T00:00:00Z"
"""What stands in for a start whose zone or time is wrong, as without one."""


def write_dates_out(sheet: Sheet) -> None:
    """Replace each date of a file by a time since the start of the run, and the start by UTC.

    Args:
        sheet: What is replaced, and what is wrong. Mutated.
    """
    run = sheet.at("run")
    for path in _times(sheet):
        text = sheet.at(*path)
        if has_date(text):
            _count(sheet, run, path, "30 d" if path == ("run", "until") else "0 s")
    for i_outage in sheet.items("outages"):
        _write_outage_out(sheet, run, ("outages", i_outage))
    for path in _expectations(sheet):
        text = sheet.at(*path)
        if has_date(text):
            _count(sheet, run, path, _HOLDS)
            sheet.put(Dated(sheet.at(*path), text), *path)
    try:
        start = start_in_utc(sheet.at("run", "start"))
    except ValueError as error:
        sheet.faults.append(Fault(("run", "start"), str(error)))
        start = _START
    if start is not None:
        sheet.put(start, "run", "start")


def _times(sheet: Sheet) -> Iterator[Path]:
    """Yield the places of single times since the start; outages have more to them."""
    yield ("run", "until")
    yield from (("operators", i, "at") for i in sheet.items("operators"))
    yield from (("campaign", "waves", i, "begin", "at") for i in sheet.items("campaign", "waves"))


def _expectations(sheet: Sheet) -> Iterator[Path]:
    """Yield the places of the texts of `expect`."""
    expect = sheet.at("expect")
    for key, texts in expect.items() if isinstance(expect, Mapping) else ():
        if isinstance(texts, list):
            yield from (("expect", key, i) for i in range(len(texts)))
        else:
            yield ("expect", key)


def _count(sheet: Sheet, run: object, path: Path, stand_in: str) -> None:
    """Replace the dates in a text; with a fault by what is right there."""
    text = sheet.at(*path)
    try:
        if path[0] == "expect":
            _check_bound(str(path[1]), text)
        sheet.put(without_dates(text, run, or_start=path[-1] in ("at", "from")), *path)
    except ValueError as error:
        sheet.faults.append(Fault(path, str(error)))
        sheet.put(stand_in, *path)


def _write_outage_out(sheet: Sheet, run: object, path: Path) -> None:
    """Replace `from` of an outage by `at`, `until` by `lasts`, and dates by times."""
    given: Any = sheet.at(*path)
    if not isinstance(given, Mapping):
        return
    outage = dict(given)
    for short, key in (("from", "at"), ("until", "lasts")):
        if short in outage and key in outage:
            fault = Fault((*path, short), f"not allowed beside '{key}'; give one of them", at_key=True)
            sheet.faults.append(fault)
            del outage[short]
    begins = "from" if "from" in outage else "at"
    sheet.put(outage, *path)
    is_right = True
    for key in (begins, "until"):
        if has_date(outage.get(key)):
            n_faults = len(sheet.faults)
            _count(sheet, run, (*path, key), "0 s")
            is_right &= len(sheet.faults) == n_faults
    outage = dict(sheet.at(*path))
    if begins == "from":
        outage["at"] = outage.pop("from")
        sheet.written[(*path, "at")] = (*path, "from")
    if "until" in outage:
        until = outage.pop("until")
        outage["lasts"] = "1 s"
        if is_right:
            try:
                outage["lasts"] = _between(outage.get("at"), until)
            except ValueError as error:
                sheet.faults.append(Fault((*path, "until"), str(error)))
    sheet.put(outage, *path)


def _between(begin: object, end: object) -> str:
    """Return the time from one time since the start to another, to the microsecond.

    Raises:
        ValueError: The end is no time, or not after the beginning.
    """
    end_s = parse_duration(end)
    try:
        begin_s = parse_duration(begin)
    except ValueError:
        return "1 s"  # which is said at the beginning
    if end_s <= begin_s:
        raise ValueError(
            f"{shown(format_duration(end_s))} after the start of the run is not after the beginning of the "
            f"outage, {format_duration(begin_s)}"
        )
    return f"{Decimal(round((end_s - begin_s) * 1e6)).scaleb(-6):f} s"


def _check_bound(key: str, text: str) -> None:
    """Refuse a date as the bound of what doesn't count from the start of the run; `at DATE:` is none.

    Raises:
        ValueError: It is such a bound.
    """
    metric = _metric_in(key)
    sign = _SIGN.search(text)
    if sign is None or not has_date(text[sign.end() :]) or metric not in METRICS:
        return
    if metric in TIMES_OF_EACH_DEVICE:
        raise ValueError(
            "is a date, but counts from each device's first failure; write a time, like '<= 6 h'"
        )
    if METRICS[metric].kind is not MetricKind.TIME:
        raise ValueError(f"is a date, but {metric} is no time")


def _metric_in(key: str) -> str:
    """Return the metric that a key of `expect` ends with."""
    if key.startswith(_GROUP):
        return key.rpartition("].")[2]
    return key.split(".", 2)[-1] if key.startswith("by_cohort.") else key
