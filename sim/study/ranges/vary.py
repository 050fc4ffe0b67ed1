"""What a study varies: fields by their paths, and the values they take.

    PATH=V1,V2,...      values as a scenario file writes them
    PATH=A..B           whole numbers from A to B
    PATH=A..B:STEP      from A in steps, up to B
    PATH=A..B:log N     N values with equal ratios
    PATH=A..B:log       for a search: by ratios instead of differences

Lists and ranges may be mixed with commas. A and B may have units: `200 Mbit/s..1 Gbit/s:100 Mbit/s`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, Final

from sim.errors import Problem, ScenarioError
from sim.scenario import Scenario, grain_of, parse_value
from sim.scenario.arguments import given_texts
from sim.study.ranges.quantity import Quantity, parse_quantity, write_quantity
from sim.units import shown

POINTS_MAX: Final = 100_000
"""Most points of one study."""

_RANGE: Final = re.compile(r"(?P<low>[^:]+?)\s*\.\.\s*(?P<high>[^:]+?)\s*(?::\s*(?P<step>.+?)\s*)?")
_PAIR: Final = re.compile(r"\s*(?P<path>(?:\[[^]]*\]|[^=\[])*?)\s*=\s*(?P<values>.*?)\s*", re.DOTALL)
_TWICE: Final = "varies already; put all of its values into one list"
_LOG: Final = re.compile(r"log\s*(?P<count>[0-9]*)")
_OF_ONE: Final = re.compile(
    r"(?:^|\.)(?P<list>cohorts|sites|failures|operators|outages|waves)"
    r"(?:\.(?P<name>[^.\[\]]+)|\[(?P<entry>[^\]]*)\])\.(?P<field>.+)$"
)
_FINE: Final = 1.01
_FINE_STEPS: Final = 100
_ROUGH: Final = 1.05
_LOOKS_LOG: Final = 20.0
_OPEN, _CLOSE, _QUOTES = "[{(", "]})", "'\""


@dataclass(frozen=True)
class Range:
    """A range between two values.

    Attributes:
        low: Its lower end.
        high: Its upper end, not below the lower one.
        step: Difference between neighbours in the base unit, > 0; None if none was given.
        count: Number of values with equal ratios, >= 2; None if none was given.
        is_log: Whether neighbours differ by a ratio.
        grain: Values between the ends are multiples of it, in the base unit; 0 if any value will do.
    """

    low: Quantity
    high: Quantity
    step: float | None = None
    count: int | None = None
    is_log: bool = False
    grain: float = 0.0

    def __len__(self) -> int:
        """Return how many values it has; 0 for one that has no step."""
        if self.count is not None:
            return self.count
        step = 1.0 if self._steps_by_one else self.step
        return 0 if step is None else math.floor((self.high.value - self.low.value) / step + 1e-9) + 1

    @property
    def _steps_by_one(self) -> bool:
        """Whether it counts: whole numbers, and nothing said about steps."""
        return self.low.kind == "whole number" and self.step is None and not self.is_log

    def values(self) -> Sequence[Any]:
        """Return its values as a scenario file writes them; whole numbers that come twice, once."""
        low, high = self.low.value, self.high.value
        if self._steps_by_one:
            return range(int(low), int(high) + 1)
        n = len(self)
        if self.low.kind == "whole number" and self.step is not None:
            return range(int(low), int(high) + 1, int(self.step))
        if self.count is not None:
            ratio = (high / low) ** (1 / (n - 1))
            digits = 3 if ratio >= _ROUGH else 5
            worth = self.low.worth
            inner = [float(f"{low * ratio**i / worth:.{digits}g}") * worth for i in range(1, n - 1)]
            exact = [low, *(value for value in inner if low < value < high), high]
        else:
            exact = [low + i * (self.step or 0.0) for i in range(n)]
        return list(dict.fromkeys(write_quantity(self._grained(value), self.low) for value in exact))

    def candidates(self) -> Sequence[Any]:
        """Return the values that a search looks among: 1 % apart if nothing says how far apart."""
        if len(self):
            return self.values()
        low, high = self.low.value, self.high.value
        if low > 0:
            count = max(2, math.ceil(math.log(high / low) / math.log(_FINE)) + 1)
            return replace(self, count=count, is_log=True).values()
        return replace(self, step=(high - low) / _FINE_STEPS).values()

    def _grained(self, value: float) -> float:
        """Return the nearest value that the field takes."""
        return max(round(value / self.grain), 1) * self.grain if self.grain else value

    def at(self, position: float) -> Any:
        """Return the value at a relative position, as a scenario file writes it.

        Args:
            position: 0..1; values with a step, or whole ones, have equal parts of it.
        """
        if len(self):
            values = self.values()
            return values[min(int(position * len(values)), len(values) - 1)]
        low, high = self.low.value, self.high.value
        value = low * (high / low) ** position if self.is_log else low + position * (high - low)
        if self.low.kind == "whole number":
            value = min(math.floor(low * ((high + 1) / low) ** position), high)
        return write_quantity(self._grained(value), self.low)


@dataclass(frozen=True)
class Vary:
    """A field that varies.

    Attributes:
        path: Its dotted path in the scenario.
        items: Single values and ranges in the order in which they were given, at least one.
    """

    path: str
    items: tuple[Range | Any, ...]

    @property
    def only_range(self) -> Range | None:
        """The range if it consists of nothing else."""
        return self.items[0] if len(self.items) == 1 and isinstance(self.items[0], Range) else None

    def at(self, position: float) -> Any:
        """Return the value at a relative position (0..1), as a scenario file writes it."""
        if self.only_range is not None:
            return self.only_range.at(position)
        return self.items[min(int(position * len(self.items)), len(self.items) - 1)]


@dataclass(frozen=True, eq=False)
class Axis:
    """A field and the values at which it is looked at.

    Attributes:
        path: Dotted path in the scenario.
        values: As a scenario file writes them, at least one.
        numbers: The same as numbers in `unit`; None if they are not all quantities of one kind.
        unit: Unit of the numbers; empty for plain ones.
        is_log: Whether the values are spread over ratios rather than differences.
    """

    path: str
    values: Sequence[Any]
    numbers: Sequence[float] | None
    unit: str = ""
    is_log: bool = False

    @property
    def name(self) -> str:
        """The last part of the path; what belongs to one of several, like a cohort, with its name."""
        match = _OF_ONE.search(self.path)
        if match is None:
            return self.path.rsplit(".", 1)[-1]
        return f"{match['list']}[{match['name'] or match['entry']}].{match['field']}"

    @property
    def title(self) -> str:
        """The path, with the unit of the numbers."""
        return f"{self.path} ({self.unit})" if self.unit and self.numbers is not None else self.path


Fields = Mapping[str, object] | Iterable[str]
"""By path: text in the grammar of this module, or a sequence of values as a file writes them. Or texts
that are `PATH=VALUES`."""


def read_vary(given: Fields, scenario: Scenario | None = None) -> list[Vary]:
    """Read what varies.

    Args:
        given: See `Fields`.
        scenario: Whose fields vary; ends of paths are completed by it.

    Raises:
        ScenarioError: With everything that is wrong.
    """
    fields = given if isinstance(given, Mapping) else _pairs(given_texts("vary", given))
    problems: list[Problem] = []
    varied = []
    for end, values in fields.items():
        try:
            path = end if scenario is None else scenario.full_path(end)
            varied.append(Vary(path, tuple(_grained(path, item) for item in _items(values))))
        except ScenarioError as error:
            problems += error.problems
        except ValueError as error:
            problems.append(Problem(end, str(error)))
    problems += [Problem(path, _TWICE) for path in _repeated([vary.path for vary in varied])]
    if not fields:
        problems.append(Problem("vary", "nothing varies; name a field, like platform.max_processing=50..500"))
    if problems:
        raise ScenarioError(problems)
    return varied


def _repeated(paths: Sequence[str]) -> Iterator[str]:
    """Yield each path that comes again."""
    yield from (path for i, path in enumerate(paths) if path in paths[:i])


def _grained(path: str, item: Range | Any) -> Range | Any:
    """Return a range whose values the field takes, like whole minutes."""
    if isinstance(item, Range) and item.low.kind == "duration":
        return replace(item, grain=grain_of(path))
    return item


def _pairs(texts: Iterable[str]) -> dict[str, str]:
    """Split `PATH=VALUES`; refuse what is no such pair, and a path that is given twice."""
    fields: dict[str, str] = {}
    problems = []
    for text in texts:
        match = _PAIR.fullmatch(text)
        path, values = ("", "") if match is None else (match["path"], match["values"])
        if not path:
            message = f"{shown(text)} is no PATH=VALUES, like platform.max_processing=50..500"
            problems.append(Problem("vary", message))
        elif path in fields:
            problems.append(Problem(path, _TWICE))
        else:
            fields[path] = values
    if problems:
        raise ScenarioError(problems)
    return fields


def sweep_axes(varied: Sequence[Vary]) -> list[Axis]:
    """Return every value of each field.

    Raises:
        ScenarioError: A range has no step, or there would be too many points.
    """
    problems = []
    for vary in varied:
        for item in vary.items:
            if isinstance(item, Range) and not len(item):
                message = "needs a step behind the range, like ':10 Mbit/s', or a number of values, ':log 5'"
                problems.append(Problem(vary.path, message))
    sizes = [sum(len(item) if isinstance(item, Range) else 1 for item in vary.items) for vary in varied]
    if not problems and math.prod(sizes) > POINTS_MAX:
        message = f"makes {math.prod(sizes):,} points; at most {POINTS_MAX:,}"
        problems.append(Problem(", ".join(vary.path for vary in varied), message))
    if problems:
        raise ScenarioError(problems)
    return [_axis(vary, list(_flat(vary))) for vary in varied]


def search_axis(vary: Vary) -> Axis:
    """Return the values among which a search looks, from the least to the most.

    Raises:
        ScenarioError: There are fewer than two, or they don't ascend.
    """
    whole = vary.only_range
    axis = _axis(vary, list(_flat(vary)) if whole is None else whole.candidates())
    if len(axis.values) < 2:
        raise ScenarioError([Problem(vary.path, "has a single value; a search needs at least two")])
    numbers = axis.numbers
    ascends = isinstance(numbers, range | None) or all(a < b for a, b in pairwise(numbers))
    if not ascends:
        raise ScenarioError([Problem(vary.path, "does not ascend; a search needs values from low to high")])
    return axis


def _flat(vary: Vary) -> Iterator[Any]:
    """Yield every value of a field."""
    for item in vary.items:
        if isinstance(item, Range):
            yield from item.values()
        else:
            yield item


def _axis(vary: Vary, values: Sequence[Any]) -> Axis:
    """Return an axis; its values become numbers if they are quantities of one kind."""
    log = any(isinstance(item, Range) and item.is_log for item in vary.items)
    if isinstance(values, range):
        log |= values[0] > 0 and values[-1] / values[0] >= _LOOKS_LOG
        return Axis(vary.path, values, values, is_log=log)
    try:
        quantities = [parse_quantity(str(value)) for value in values]
    except ValueError:
        return Axis(vary.path, values, None)
    kinds = {"number" if q.kind == "whole number" else q.kind for q in quantities}
    if len(kinds) > 1 or any(isinstance(value, bool) for value in values):
        return Axis(vary.path, values, None)
    numbers = [float(f"{q.value / quantities[0].worth:.10g}") for q in quantities]
    log |= min(numbers) > 0 and max(numbers) / min(numbers) >= _LOOKS_LOG
    return Axis(vary.path, values, numbers, quantities[0].unit, log)


def _items(given: object) -> Iterator[Range | Any]:
    """Yield the single values and ranges of one field."""
    if not isinstance(given, str):
        values = list(given) if isinstance(given, Iterable) and not isinstance(given, Mapping) else [given]
        if not values:
            raise ValueError("has no values; give a list like '1,2,5' or a range like '1..5'")
        yield from (value.item() if hasattr(value, "item") else value for value in values)
        return
    for part in _split(given):
        if not part:
            raise ValueError("has an empty value; give a list like '1,2,5' or a range like '1..5'")
        match = _RANGE.fullmatch(part)
        yield parse_value(part) if match is None else _range(match)


def _split(text: str) -> list[str]:
    """Split at commas that stand in no brackets or quotes."""
    parts, depth, quote = [""], 0, ""
    for sign in text:
        if quote:
            quote = "" if sign == quote else quote
        elif sign in _QUOTES:
            quote = sign
        elif sign in _OPEN:
            depth += 1
        elif sign in _CLOSE:
            depth -= 1
        elif sign == "," and depth == 0:
            parts.append("")
            continue
        parts[-1] += sign
    return [part.strip() for part in parts]


def _range(match: re.Match[str]) -> Range:
    """Read a range; refuse one that is reversed, mixes units, or has no sensible step."""
    low, high = parse_quantity(match["low"]), parse_quantity(match["high"])
    if {low.kind, high.kind} == {"number", "whole number"}:
        low, high = low._replace(kind="number"), high._replace(kind="number")
    if low.kind != high.kind:
        raise ValueError(f"goes from a {low.kind} to a {high.kind}; write the unit at both ends")
    if low.value > high.value:
        raise ValueError(f"is reversed: '{match['low']}' is more than '{match['high']}'")
    step = match["step"]
    if step is None:
        return Range(low, high)
    log = _LOG.fullmatch(step)
    if log is None:
        return _stepped(low, high, step)
    count = int(log["count"]) if log["count"] else None
    if low.value <= 0:
        raise ValueError("can't have equal ratios from 0; begin above 0")
    if low.value == high.value or (count is not None and count < 2):
        raise ValueError("needs two ends and at least two values to have equal ratios")
    if count is not None and count > POINTS_MAX:
        raise ValueError(f"has {count:,} values; at most {POINTS_MAX:,}")
    return Range(low, high, count=count, is_log=True)


def _stepped(low: Quantity, high: Quantity, text: str) -> Range:
    """Return a range with a step."""
    step = parse_quantity(text)
    numbers = {"number", "whole number"}
    if step.kind != low.kind and not {step.kind, low.kind} <= numbers:
        raise ValueError(f"has a step of another kind: a {step.kind} in a range of a {low.kind}")
    if step.value <= 0:
        raise ValueError(f"has the step '{text}'; it must be more than 0")
    if step.kind == "number" and low.kind == "whole number":
        low, high = low._replace(kind="number"), high._replace(kind="number")
    stepped = Range(low._replace(unit=step.unit), high._replace(unit=step.unit), step=step.value)
    if len(stepped) > POINTS_MAX and low.kind != "whole number":
        raise ValueError(f"has {len(stepped):,} values; at most {POINTS_MAX:,}")
    return stepped
