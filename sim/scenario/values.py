"""Types of single values: how a file writes them, what they become, what is refused.

Each type is `Annotated` with a `Form`: a parser that raises `ValueError` with the whole message, and the JSON
Schema of what a file may hold. The value is a plain number in SI units; the unit stands in the
description of the field.
"""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Final, Literal

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from sim import units
from sim.errors import Problem
from sim.rules.limits import Limits
from sim.rules.policy import RETRY_COUNT_BOUNDS, RETRY_INTERVAL_MIN_BOUNDS
from sim.rules.reasons import DEVICE_CODES, Reason
from sim.scenario.arguments import is_whole
from sim.units import shown
from sim.wall_clock import zone_of

DURATION_S_MAX = 36_500 * 86_400.0
"""Longest duration, 100 years: far from what int64 microseconds hold, and beyond every campaign."""

SIZE_BYTES_MAX = 2**50
"""Largest size, 1 PiB."""

RATE_MAX = 1e15
"""Largest rate or frequency per second."""

DEVICES_MAX = 2**31 - 1
"""Most devices of a fleet: the device index is an int32."""

_NUMBER = r"([0-9]+(\.[0-9]+)?|\.[0-9]+)([eE][+-]?[0-9]{1,3})?"
_BYTE_UNIT = "([kMG]|[KMG]i)?B"
_BIT_UNIT = "[kMG]?bit"

Schema = dict[str, Any]


def written(*texts: str) -> Any:
    """Return a default as a file would write it, so that the schema shows it with its unit.

    Args:
        texts: The text; several make a tuple.

    Returns:
        The same; the type checker is told nothing, since the field's parser makes the value of it.
    """
    return texts if len(texts) > 1 else texts[0]


@dataclass(frozen=True, eq=False)
class Form:
    """How a file writes a value; part of the `Annotated` type of each field.

    Attributes:
        parse: Makes the value; raises `ValueError` with the whole message.
        schema: JSON Schema of what `parse` takes; None leaves that of the type.
        grain: The value is a multiple of it; 0 if any value will do.
    """

    parse: Callable[[object], Any]
    schema: Schema | None = None
    grain: float = 0.0

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Let pydantic parse before it looks at the type."""
        return core_schema.no_info_before_validator_function(self.parse, handler(source))

    def __get_pydantic_json_schema__(
        self, core: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """Tell pydantic what a file may hold."""
        return handler(core) if self.schema is None else dict(self.schema)


def _quantity(unit: str, example: str, *, several: bool = False) -> Schema:
    """Return the schema of text that is a number and a unit, or several of them."""
    term = rf"{_NUMBER}\s*{unit}"
    terms = rf"({term}\s*)+" if several else term
    return {"type": "string", "pattern": rf"^\s*{terms}\s*$", "examples": [example]}


_DURATION_SCHEMA = _quantity("(ms|s|min|m|h|d)", "90 s", several=True)
_SIZE_SCHEMA = _quantity(_BYTE_UNIT, "12 MiB")
_RATE_SCHEMA = _quantity(f"({_BIT_UNIT}|{_BYTE_UNIT})/s", "8 Mbit/s")
_FREQUENCY_SCHEMA = _quantity("/(s|min|h|d)", "100 /s")
_SHARE_TEXT: Schema = {"type": "string", "pattern": rf"^\s*{_NUMBER}\s*%?\s*$", "examples": ["3 %"]}
_SHARE_SCHEMA: Schema = {"anyOf": [{"type": "number", "minimum": 0, "maximum": 1}, _SHARE_TEXT]}


def _bounded(
    parse: Callable[[object], float], schema: Schema, at_most: float, limit: str, *, positive: bool = True
) -> Form:
    """Add bounds to a parser of `sim.units`."""

    def bounded(value: object) -> float:
        number = parse(value)
        if positive and number <= 0:
            raise ValueError(f"{shown(value)} is not allowed; it must be more than 0")
        if number > at_most:
            raise ValueError(f"{shown(value)} is too large; at most {limit}")
        return number

    return Form(bounded, schema)


def _whole(low: int, high: int) -> Form:
    """Take whole numbers within bounds; `1e6` is one, `true` and text are not."""

    def whole(value: object) -> int:
        if isinstance(value, int | float) and not isinstance(value, bool) and low <= value <= high:
            number = int(value)
            if number == value:
                return number
        meant = units.meant_number(value)
        hint = f"; did you mean {meant}?" if meant is not None and low <= meant <= high else ""
        raise ValueError(f"{shown(value)} is not allowed; a whole number from {low} to {high}{hint}")

    return Form(whole, {"type": "integer", "minimum": low, "maximum": high})


def _number(low: float, high: float, *, above: bool = False) -> Form:
    """Take numbers without a unit within bounds; `above` refuses the lower bound itself."""
    allowed = (
        f"a number above {low:g} and at most {high:g}" if above else f"a number from {low:g} to {high:g}"
    )

    def number(value: object) -> float:
        given = value if isinstance(value, int | float) and not isinstance(value, bool) else math.nan
        if low <= given <= high and not (above and given == low):
            return float(given)
        raise ValueError(f"{shown(value)} is not allowed; {allowed}")

    return Form(number, {"type": "number", "exclusiveMinimum" if above else "minimum": low, "maximum": high})


Duration = Annotated[
    float, _bounded(units.parse_duration, _DURATION_SCHEMA, DURATION_S_MAX, "36500 d", positive=False)
]
"""Seconds, >= 0."""

PositiveDuration = Annotated[
    float, _bounded(units.parse_duration, _DURATION_SCHEMA, DURATION_S_MAX, "36500 d")
]
"""Seconds, > 0."""


_DATE_SCHEMA: Schema = {"type": "string", "pattern": r"^\s*[0-9]{4}-[0-9]{2}-[0-9]{2}", "format": "date"}
Until = Annotated[
    float,
    _bounded(units.parse_duration, {"anyOf": [_DURATION_SCHEMA, _DATE_SCHEMA]}, DURATION_S_MAX, "36500 d"),
]
"""Seconds, > 0; a file may have a date, which is written out."""

Since = Annotated[
    float,
    _bounded(
        units.parse_duration,
        {"anyOf": [_DURATION_SCHEMA, _DATE_SCHEMA]},
        DURATION_S_MAX,
        "36500 d",
        positive=False,
    ),
]
"""Seconds since the start of the run, >= 0; a file may have a date, which is written out."""


def _phase(value: object) -> float | str:
    if value == "random":
        return "random"
    try:
        seconds = units.parse_duration(value)
    except ValueError as error:
        raise ValueError(f"{error}; or 'random'") from None
    if seconds > DURATION_S_MAX:
        raise ValueError(f"{shown(value)} is too large; at most 36500 d")
    return seconds


Phase = Annotated[
    float | Literal["random"], Form(_phase, {"anyOf": [{"enum": ["random"]}, _DURATION_SCHEMA]})
]
"""Seconds, >= 0, or the word `random`."""

Size = Annotated[int, _bounded(units.parse_size, _SIZE_SCHEMA, SIZE_BYTES_MAX, "1048576 GiB")]
"""Bytes, >= 1."""

Rate = Annotated[float, _bounded(units.parse_rate, _RATE_SCHEMA, RATE_MAX, "1000000 GB/s")]
"""Bytes per second, > 0."""

Frequency = Annotated[float, _bounded(units.parse_frequency, _FREQUENCY_SCHEMA, RATE_MAX, "1e15 /s")]
"""Per second, > 0."""

Price = Annotated[units.Price, Form(units.parse_price, _quantity("([A-Za-z]{1,12}|[€$£¥₹])", "0.09 EUR"))]
"""An amount of money with its currency."""

Share = Annotated[float, Form(units.parse_share, _SHARE_SCHEMA)]
"""0 to 1."""

Count = Annotated[int, _whole(1, DEVICES_MAX)]
"""A whole number, >= 1."""

Tally = Annotated[int, _whole(0, DEVICES_MAX)]
"""A whole number, >= 0."""

Batch = Annotated[int, _whole(1, Limits().targets_per_call)]
"""Targets in one call."""

RetryCount = Annotated[int, _whole(*RETRY_COUNT_BOUNDS)]
"""Automatic retries."""

SEED_MAX: Final = 2**64 - 1

Seed = Annotated[int, _whole(0, SEED_MAX)]
"""First word of the key of all draws."""

Spread = Annotated[float, _number(0, 10)]
"""Standard deviation on the scale of a logarithm or a logit."""

Shape = Annotated[float, _number(0, 100, above=True)]
"""Shape of a Weibull distribution."""

Factor = Annotated[float, _number(1, 100)]
"""How much the next wait is larger than the last one."""

RampFactor = Annotated[float, _number(1, 100, above=True)]
"""How much the next rate is larger than the last one."""


def seed_problems(seed: object) -> list[Problem]:
    """Return what is wrong with a seed that comes from no file; nothing with None, the scenario's own."""
    if seed is None or (is_whole(seed) and 0 <= seed <= SEED_MAX):  # type: ignore[operator]  # a number then
        return []
    return [Problem("seed", f"{shown(seed)} is not allowed; a whole number from 0 to 2^64 - 1")]


def _retry_interval(value: object) -> float:
    low, high = RETRY_INTERVAL_MIN_BOUNDS
    seconds = units.parse_duration(value)
    if seconds % 60 or not low * 60 <= seconds <= high * 60:
        raise ValueError(f"{shown(value)} is not allowed; whole minutes from {low} min to {high} min")
    return seconds


RetryInterval = Annotated[float, Form(_retry_interval, _DURATION_SCHEMA, grain=60.0)]
"""Seconds, a whole number of minutes from 1 to 1440."""


_CODES_TEXT = "1 to 10 or 255"
PLATFORM_REASONS = {
    "online_timeout": Reason.ONLINE_TIMEOUT,
    "version_timeout": Reason.VERSION_TIMEOUT,
    "coverage_timeout": Reason.COVERAGE_TIMEOUT,
    "download_start_timeout": Reason.DOWNLOAD_START_TIMEOUT,
    "download_timeout": Reason.DOWNLOAD_TIMEOUT_PLATFORM,
    "result_timeout": Reason.RESULT_TIMEOUT,
}
"""Words for failures that have no device code, because a timer of the platform ended the attempt."""


def _failure_code(value: object) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        if value in DEVICE_CODES:
            return value
        if value == 0:
            raise ValueError(f"code 0 means success and is no failure; allowed: {_CODES_TEXT}")
    raise ValueError(f"{shown(value)} is no result code of a device; allowed: {_CODES_TEXT}")


def _selected_code(value: object) -> int:
    if isinstance(value, str):
        if value in PLATFORM_REASONS:
            return int(PLATFORM_REASONS[value])
        raise ValueError(
            f"{shown(value)} is no failure; allowed: {_CODES_TEXT}, or {', '.join(PLATFORM_REASONS)}"
        )
    return _failure_code(value)


_CODE_SCHEMA: Schema = {"enum": sorted(DEVICE_CODES)}

FailureCode = Annotated[int, Form(_failure_code, _CODE_SCHEMA)]
"""The result code with which a device reports a failure."""

SelectedCode = Annotated[
    int, Form(_selected_code, {"anyOf": [_CODE_SCHEMA, {"enum": list(PLATFORM_REASONS)}]})
]
"""A failure to choose targets by, as the number of its `sim.rules` reason."""


_CLOCK = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])(?::([0-5][0-9]))?")


def _clock(value: object) -> float:
    match = _CLOCK.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError(f'{shown(value)} is no time of day; write it like "22:00"')
    hours, minutes, seconds = (int(digits or 0) for digits in match.groups())
    return float(hours * 3600 + minutes * 60 + seconds)


ClockTime = Annotated[
    float, Form(_clock, {"type": "string", "pattern": f"^{_CLOCK.pattern}$", "examples": ["22:00"]})
]
"""Time of day, seconds after midnight, 0 to 86399."""


def _zone(value: object) -> str:
    name = _text(value)
    zone_of(name)
    return name


Zone = Annotated[str, Form(_zone, {"type": "string", "examples": ["Europe/Berlin"]})]
"""Name of a time zone."""


def _instant(value: object) -> datetime:
    wrong = (
        f'{shown(value)} is no date and time with a zone; write it like "2026-01-05T20:00:00Z", '
        '"2026-01-05T20:00+01:00" or "2026-01-05 20:00 Europe/Berlin"'
    )
    if not isinstance(value, str) or not value.endswith("Z"):
        raise ValueError(wrong)
    try:
        return datetime.fromisoformat(value).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError(wrong) from None


_MOMENT: Final = r"^\s*[0-9]{4}-[0-9]{2}-[0-9]{2}.*(Z|[+-][0-9]{2}:?[0-9]{2}|\s[A-Za-z][A-Za-z0-9_+/-]*)\s*$"
Instant = Annotated[
    datetime,
    Form(_instant, {"type": "string", "pattern": _MOMENT, "examples": ["2026-01-05T20:00:00Z"]}),
]
"""A date and time in UTC; a file may have another zone, which is written out."""


def _text(value: object) -> str:
    if not isinstance(value, str):
        hint = "; put it in quotes" if isinstance(value, int | float) else ""
        raise ValueError(f"{shown(value)} is no text{hint}")
    return value


Text = Annotated[str, Form(_text)]
"""Any text."""


def _worded(pattern: str, allowed: str) -> Form:
    """Take text that matches a pattern as a whole; `allowed` says the same in words."""
    compiled = re.compile(pattern)

    def worded(value: object) -> str:
        text = _text(value)
        if compiled.fullmatch(text) is None:
            raise ValueError(f"{shown(text)} is not allowed; {allowed}")
        return text

    return Form(worded, {"type": "string", "pattern": f"^{pattern}$"})


_NAME_PATTERN: Final = "[A-Za-z0-9_-]{1,100}"
NAME_FORM: Final = _worded(_NAME_PATTERN, "1 to 100 letters, digits, '_' and '-'")
Name = Annotated[str, NAME_FORM]
"""Name of a cohort or wave. Device ids begin with their cohort's name, hence the letters allowed."""


def is_name(text: str) -> bool:
    """Tell whether a text may name a cohort or wave."""
    return re.fullmatch(_NAME_PATTERN, text) is not None


FileName = Annotated[
    str,
    _worded(
        "[A-Za-z0-9][A-Za-z0-9_.-]{0,99}",
        "up to 100 letters, digits, '_', '.' and '-', the first a letter or digit",
    ),
]
"""Name of a scenario; it also names files."""

Version = Annotated[str, _worded("[A-Za-z0-9_.-]{1,256}", "up to 256 letters, digits, '_', '-' and '.'")]
"""Version of a package."""
