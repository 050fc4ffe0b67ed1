"""The text of a scenario with fitted numbers in the places of the template's."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Final, NamedTuple

from ruamel.yaml import YAML
from ruamel.yaml.nodes import Node, ScalarNode

from sim.calibration.unknowns import Unknown, unknowns_of
from sim.errors import Problem, ScenarioError
from sim.scenario.scenario import parse_scenario
from sim.scenario.source import Position, Source, read_text
from sim.scenario.suggest import unknown
from sim.units import format_duration, parse_duration
from sim.version import __version__

if TYPE_CHECKING:
    from sim.scenario import Scenario

_LINE_END: Final = re.compile("(\r\n|[\n\r\x85\u2028\u2029])")
_BEFORE_VALUE: Final = re.compile(r"(?:[&!][^\s]*\s+)*")
_MARK: Final = "# fit: "
_TITLE: Final = "# Numbers with 'fit:' behind them were fitted by fleetsim "
_DIGITS_MIN: Final = 3
_DIGITS_MAX: Final = 9
_STEPS_PER_INTERVAL: Final = 20
"""So fine is a number that its rounding is lost in its interval."""


class Change(NamedTuple):
    """A fitted number.

    Attributes:
        path: That of an `Unknown` of the template.
        value: In natural units: a share 0..1, seconds, or a plain number.
        low: Lower end of its interval; None if it has none.
        high: Upper end of its interval; None if it has none.
    """

    path: str
    value: float
    low: float | None = None
    high: float | None = None


class _Edit(NamedTuple):
    """A piece of a line to replace; columns from 0."""

    line: int
    begin: int
    end: int
    text: str
    comment: str


def patched(template: Scenario, changes: Sequence[Change], data_digest: str) -> str:
    """Return the text of a template with other numbers, and nothing else changed.

    Each number keeps the form in which it was written (percent or not, in quotes or not) and gets its
    interval as a comment at the end of its line; a comment at the top names the data. Comments of an
    earlier fit in these places are replaced.

    Args:
        template: The scenario. One that was not made of a text is written out first.
        changes: Fitted numbers; the template's others stay.
        data_digest: Digest of the data of the fit.

    Returns:
        YAML that loads as a scenario whose numbers are the fitted ones, to rounding.

    Raises:
        ScenarioError: A path is not that of an unknown, or is given twice; or the text would not load.
    """
    source = template.source
    text = template.source_text
    if source.text is None:
        source = read_text(text, template.name, source.folder)
    found = {one.path: one for one in unknowns_of(template)}
    _check(changes, found)
    ends = dict(_scalars(YAML(typ="safe", pure=True).compose(text)))
    parts = _LINE_END.split(text)
    edits = [_edit(source, parts, ends, found[one.path], one) for one in changes]
    for edit in sorted(edits, reverse=True):  # from the end of a line, so that columns stay
        line = parts[2 * edit.line]
        parts[2 * edit.line] = f"{line[: edit.begin]}{edit.text}{line[edit.end :]}"
    for number in {edit.line for edit in edits}:
        said = [edit.comment for edit in sorted(edits) if edit.line == number and edit.comment]
        line = parts[2 * number].partition(_MARK)[0].rstrip()
        parts[2 * number] = f"{line}  {_MARK}{'; '.join(said)}" if said else line
    after = _with_title("".join(parts), data_digest)
    _check_result(after, template, changes, found)
    return after


def _check(changes: Sequence[Change], found: dict[str, Unknown]) -> None:
    """Refuse paths that mean no number, or one that is given twice."""
    problems, seen = [], set()
    for one in changes:
        if one.path not in found:
            problems.append(Problem(one.path, unknown("number that is fitted", one.path, found)))
        elif one.path in seen:
            problems.append(Problem(one.path, "is given twice"))
        elif not math.isfinite(one.value) or one.value < 0:
            problems.append(Problem(one.path, f"{one.value} is not allowed; a finite number, >= 0"))
        seen.add(one.path)
    if problems:
        raise ScenarioError(problems)


def _scalars(node: Node | None) -> Iterator[tuple[Position, Position]]:
    """Yield where each single value begins and ends, from 1."""
    pending, seen = [node], set()
    while pending:
        here = pending.pop()
        if here is None or id(here) in seen:
            continue
        seen.add(id(here))
        if isinstance(here, ScalarNode):
            begin, end = here.start_mark, here.end_mark
            yield Position(begin.line + 1, begin.column + 1), Position(end.line + 1, end.column + 1)
        else:
            for item in here.value:
                pending += item if isinstance(item, tuple) else [item]


def _edit(
    source: Source, parts: Sequence[str], ends: dict[Position, Position], one: Unknown, change: Change
) -> _Edit:
    """Return what to replace for a number."""
    begin = source.spans[source.as_written(_steps(one.path))].value
    end = ends[begin]
    line = parts[2 * (begin.line - 1)]
    before = line[begin.column - 1 : end.column - 1]
    skipped = _BEFORE_VALUE.match(before)
    offset = begin.column - 1 + (skipped.end() if skipped else 0)
    written = line[offset : end.column - 1]
    quote = written[0] if written[:1] in ("'", '"') else ""
    spelled = spelling(one, change, in_percent="%" in written)
    return _Edit(
        begin.line - 1,
        offset,
        end.column - 1,
        f"{quote}{spelled}{quote}",
        interval_text(one, change.low, change.high),
    )


def _steps(path: str) -> tuple[str | int, ...]:
    """Return the steps of an unknown's path."""
    return tuple(
        int(position) if position else key for key, position in re.findall(r"([^.\[\]]+)|\[(\d+)\]", path)
    )


def spelling(one: Unknown, change: Change, *, in_percent: bool = True) -> str:
    """Return a number as a file has it, rounded so that the rounding is lost in its interval.

    Args:
        one: The unknown.
        change: Its value and interval.
        in_percent: Whether a share is written in percent.
    """
    step = None
    if change.low is not None and change.high is not None and change.high > change.low:
        step = (change.high - change.low) / _STEPS_PER_INTERVAL
    if one.is_duration:
        text = format_duration(min(change.value, one.high))
        off_s = abs(parse_duration(text) - change.value)
        if off_s <= max(step or 0.0, 0.0) or off_s <= 10**-_DIGITS_MIN * change.value:
            return text
        return f"{_rounded(change.value, step)} s"
    if one.transform == "log":
        return _rounded(min(change.value, one.high), step)
    return _share(change.value, step, in_percent=in_percent)


def _share(value: float, step: float | None, *, in_percent: bool) -> str:
    """Return a share between 0 and 1, which it does not reach by rounding."""
    rest = min(value, 1 - value)
    factor = 100 if in_percent else 1
    decimals = _decimals(rest * factor, None if step is None else step * factor)
    text = f"{value * factor:.{decimals}f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return f"{text} %" if in_percent else text


def _rounded(value: float, step: float | None) -> str:
    """Return a number > 0 with sensible digits."""
    text = f"{value:.{_decimals(value, step)}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _decimals(value: float, step: float | None) -> int:
    """Return how many digits stand behind the point: three in all at least, more for a narrow interval."""
    if value <= 0:
        return _DIGITS_MIN
    first = -math.floor(math.log10(value))
    finest = 0 if step is None else -math.floor(math.log10(step))
    return max(0, min(max(first + _DIGITS_MIN - 1, finest), first + _DIGITS_MAX))


def interval_text(one: Unknown, low: float | None, high: float | None) -> str:
    """Return an interval as a person reads it, like `79.8-80.7 %` or `3 h 58 min - 4 h 10 min`.

    Args:
        one: The unknown.
        low: Lower end, in natural units; None for one that is open.
        high: Upper end; None for one that is open.

    Returns:
        The text; empty if both are open.
    """
    if low is None and high is None:
        return ""
    if low is None or high is None:
        sign, bound = ("≤", high) if low is None else ("≥", low)
        assert bound is not None
        return f"{sign} {spelling(one, Change(one.path, bound))}"
    ends = [spelling(one, Change(one.path, end, low, high)) for end in (low, high)]
    if one.is_duration:
        return " - ".join(ends)
    return f"{ends[0].removesuffix(' %')}-{ends[1]}"


def _with_title(text: str, data_digest: str) -> str:
    """Return a text with the line at the top that names the data; that of an earlier fit is replaced."""
    mark = "\ufeff" if text.startswith("\ufeff") else ""
    rest = text.removeprefix(mark)
    parts = _LINE_END.split(rest, maxsplit=1)
    if parts[0].startswith(_TITLE):
        rest = parts[2] if len(parts) > 1 else ""
    ends = _LINE_END.search(text)
    return f"{mark}{_TITLE}{__version__} to data {data_digest}{ends[1] if ends else chr(10)}{rest}"


def _check_result(
    text: str, template: Scenario, changes: Sequence[Change], found: dict[str, Unknown]
) -> None:
    """Hold the text by the values that it was to have."""
    name = template.source.name or template.name
    after = parse_scenario(text, name, folder=FilePath(template.source.folder))
    now = {one.path: one for one in unknowns_of(after)}
    problems = []
    for change in changes:
        wanted = min(change.value, found[change.path].high)
        got = now.get(change.path)
        if got is None or not math.isclose(got.value, wanted, rel_tol=0.01, abs_tol=1e-12):
            shown = "no number" if got is None else f"{got.value:g}"
            problems.append(Problem(change.path, f"{wanted:g} can't be written here; it reads as {shown}"))
    if problems:
        raise ScenarioError(problems)
