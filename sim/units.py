"""The grammar of quantities: text with a unit in, a number in SI units out.

The grammar is closed: a handful of spellings, each with one meaning, everything else is refused with
the list of what is allowed. Units are case-sensitive (`MB`, `Mbit/s`), the space before them is optional.

Decision: own parsers instead of a units library. The libraries tried read some of `2h30m`, `15 mins` and
`2 MiB/s` wrongly without saying so; one of them, correct where it reads the text, is the test's oracle.

Every parser takes whatever a scenario file held and raises `ValueError` with a message for its author.
"""

import math
import re
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Literal, NamedTuple

_NUMBER = r"(?:[0-9]+(?:\.[0-9]+)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?"
_TERM = re.compile(rf"({_NUMBER})\s*([A-Za-z]*)\s*")
_SINGLE = re.compile(rf"(-?{_NUMBER})\s*(.*)", re.DOTALL)

_NEARLY_WHOLE = re.compile(r"([0-9]{1,3}(?:[,_' ][0-9]{3})+|[0-9]+(?:\.[0-9]+)?)\s*([kKmM]?)")
_COMMA = re.compile(r"([0-9]{1,3}(?:,[0-9]{3})+)(?![0-9,])|([0-9]+),([0-9]+)")
_WEEK = re.compile(rf"({_NUMBER})\s*(?:w|weeks?)")
_CURRENCY = re.compile(r"[A-Za-z]{1,12}|[€$£¥₹]")

_BINARY = {"KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40}
_BYTES: dict[str, int | Decimal] = {"B": 1, "kB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12, **_BINARY}
_BITS: dict[str, int | Decimal] = {"bit": Decimal("0.125"), "kbit": 125, "Mbit": 125_000, "Gbit": 125_000_000}


_DECIMAL = {"kB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
_NEXT = 0.9995
"""What would round to 1,000 or 1,024 of a unit is written as 1 of the next."""
_DAY_S = 86_400
_COARSE_S = 10 * _DAY_S
"""Durations from here on are told in days and hours."""

SIZES_IN: ContextVar[Literal["binary", "si"]] = ContextVar("SIZES_IN", default="binary")
"""Units of sizes in texts for people: `KiB` and so on, or with `si` `kB` and so on."""


@dataclass(frozen=True, slots=True)
class _Kind:
    """One kind of quantity: its name in messages, an example, and what each unit is worth."""

    noun: str
    example: str
    units: Mapping[str, int | Decimal]

    @property
    def allowed(self) -> str:
        return f"write a number and a unit, like '{self.example}' (units: {', '.join(self.units)})"


_DURATION = _Kind("duration", "90 s", {"ms": Decimal("0.001"), "s": 1, "min": 60, "h": 3600, "d": 86_400})
_SIZE = _Kind("size", "12 MiB", _BYTES)
_RATE = _Kind("rate", "8 Mbit/s", {f"{unit}/s": worth for unit, worth in {**_BITS, **_BYTES}.items()})
_FREQUENCY = _Kind(
    "frequency",
    "100 /s",
    {"/s": 1, "/min": 1 / Decimal(60), "/h": 1 / Decimal(3600), "/d": 1 / Decimal(86_400)},
)
_SPELLINGS = {
    "m": "min",
    **dict.fromkeys(("sec", "secs", "second", "seconds"), "s"),
    **dict.fromkeys(("mins", "minute", "minutes"), "min"),
    **dict.fromkeys(("hr", "hrs", "hour", "hours"), "h"),
    **dict.fromkeys(("day", "days"), "d"),
    **dict.fromkeys(("/sec", "/second"), "/s"),
    **dict.fromkeys(("/m", "/minute"), "/min"),
    **dict.fromkeys(("/hr", "/hour"), "/h"),
    "/day": "/d",
    **{f"{prefix}bps": f"{prefix}bit/s" for prefix in ("", "k", "M", "G")},
}
"""Spellings that people use, and the unit they probably mean; only ever suggested, never accepted."""


def parse_duration(value: object) -> float:
    """Return a duration in seconds.

    Several terms may follow each other from the longest unit to the shortest: `2h30m`, `1 d 12 h`.
    Beside other terms, and only there, `m` stands for minutes.

    Args:
        value: Text like `90 s`; units ms, s, min, h, d.

    Returns:
        Seconds, >= 0.

    Raises:
        ValueError: Not a duration; the message lists the units.
    """
    text = _text(value, _DURATION)
    terms = _TERM.findall(text)
    if len(terms) < 2 or _TERM.sub("", text):
        return _finite(_single(text, _DURATION), text)
    total = Decimal(0)
    last = math.inf
    for number, unit in terms:
        if not unit:
            raise ValueError(f"{shown(text)}: {number} has no unit; {_DURATION.allowed}")
        name = "min" if unit == "m" else unit
        worth = _worth(name, text, _DURATION)
        if worth >= last:
            raise ValueError(f"{shown(text)} must go from the longest unit to the shortest, like '1 d 12 h'")
        last = float(worth)
        total += Decimal(number) * worth
    return _finite(total, text)


def parse_size(value: object) -> int:
    """Return a size in bytes.

    Args:
        value: Text like `12 MiB`; units B, kB, MB, GB, TB, KiB, MiB, GiB, TiB.

    Returns:
        Bytes, >= 0, rounded to the nearest whole one.

    Raises:
        ValueError: Not a size; the message lists the units.
    """
    text = _text(value, _SIZE)
    size = _single(text, _SIZE)
    _finite(size, text)
    return int(size.to_integral_value(ROUND_HALF_EVEN))


def parse_rate(value: object) -> float:
    """Return a data rate in bytes per second.

    Args:
        value: Text like `8 Mbit/s`; units bit/s to Gbit/s and B/s to TiB/s.

    Returns:
        Bytes per second, >= 0.

    Raises:
        ValueError: Not a rate; the message lists the units.
    """
    text = _text(value, _RATE)
    return _finite(_single(text, _RATE), text)


def parse_frequency(value: object) -> float:
    """Return a frequency in events per second.

    Args:
        value: Text like `100 /s`; units /s, /min, /h, /d.

    Returns:
        Events per second, >= 0.

    Raises:
        ValueError: Not a frequency; the message lists the units.
    """
    text = _text(value, _FREQUENCY)
    return _finite(_single(text, _FREQUENCY), text)


def parse_share(value: object) -> float:
    """Return a share or probability.

    Args:
        value: A number from 0 to 1, or text like `3 %`.

    Returns:
        0 to 1.

    Raises:
        ValueError: Not a share, or not between 0 and 1.
    """
    allowed = "write a number from 0 to 1, or a percentage like '3 %'"
    match = _SINGLE.fullmatch(str(value).strip())
    if isinstance(value, bool) or match is None or match[2] not in ("", "%"):
        raise ValueError(f"{shown(value)} is no share; {allowed}")
    share = Decimal(match[1]) / (100 if match[2] else 1)
    if share < 0:
        raise ValueError(f"{shown(value)} is negative; {allowed}")
    if share > 1:
        meant = f"; did you mean '{value} %'?" if not match[2] and share <= 100 else ""
        raise ValueError(f"{shown(value)} is more than 1 (100 %){meant}")
    return float(share)


class Price(NamedTuple):
    """An amount of money.

    Attributes:
        amount: How much, >= 0.
        currency: Of what: a word, as it was written.
    """

    amount: float
    currency: str


def parse_price(value: object) -> Price:
    """Return an amount of money.

    Args:
        value: Text like `0.09 EUR`: a number and the word of a currency.

    Returns:
        Amount and currency.

    Raises:
        ValueError: It is not; a number alone has no unit.
    """
    allowed = "write an amount and a currency, like '0.09 EUR'"
    text = str(value).strip()
    match = _SINGLE.fullmatch(text)
    if isinstance(value, bool) or not isinstance(value, str | int | float) or match is None:
        raise ValueError(f"{shown(value)} is no amount of money; {allowed}")
    number, currency = match.groups()
    if not currency:
        raise ValueError(f"{shown(value)} has no currency; {allowed}")
    if _CURRENCY.fullmatch(currency) is None:
        raise ValueError(f"{shown(value)}: {shown(currency)} is no currency; {allowed}")
    if number.startswith("-"):
        raise ValueError(f"{shown(value)} is negative; a cost is at least 0")
    return Price(_finite(Decimal(number), text), currency)


def format_price(amount: float, currency: str = "") -> str:
    """Return an amount of money, whole from 1,000 up, with its currency if there is one.

    Args:
        amount: How much.
        currency: Of what.
    """
    text = f"{amount:,.0f}" if abs(amount) >= 999.995 or amount == 0 else f"{amount:,.2f}"
    return f"{text} {currency}".rstrip()


def format_duration(seconds: float) -> str:
    """Return a duration as a person would write it, to three digits or more; `parse_duration` reads it.

    Args:
        seconds: >= 0.

    Returns:
        Text like `1 d 12 h 5 min`, `90 s` or `2.5 ms`.
    """
    if seconds < 1:
        return f"{_digits(seconds * 1000)} ms" if seconds > 0 else "0 s"
    if seconds < 120:
        return f"{seconds:.3g} s"
    rest = round(seconds)
    terms = []
    for unit, worth in (("d", 86_400), ("h", 3600), ("min", 60), ("s", 1)):
        count, rest = divmod(rest, worth)
        if count:
            terms.append(f"{count} {unit}")
    if seconds < _DAY_S or seconds >= _COARSE_S:
        return " ".join(terms[:2])
    return " ".join(term for term in terms if not term.endswith(" s"))


def format_size(size_bytes: float, *, in_si: bool = False) -> str:
    """Return a size to three digits, in binary units or as `SIZES_IN` says; `parse_size` reads it.

    Args:
        size_bytes: >= 0.
        in_si: Whether to write it in decimal units whatever `SIZES_IN` says.

    Returns:
        Text like `12 MiB`.
    """
    units = _DECIMAL if in_si or SIZES_IN.get() == "si" else _BINARY
    for unit, worth in reversed(units.items()):
        if size_bytes >= worth * _NEXT:
            return f"{_digits(size_bytes / worth)} {unit}"
    return f"{_digits(size_bytes)} B"


def format_rate(rate_bytes_per_s: float) -> str:
    """Return a data rate to three digits, in bits per second; `parse_rate` reads it.

    Args:
        rate_bytes_per_s: >= 0.

    Returns:
        Text like `8 Mbit/s`.
    """
    for unit, worth in (("Gbit/s", 1.25e8), ("Mbit/s", 1.25e5), ("kbit/s", 125.0)):
        if rate_bytes_per_s >= worth:
            return f"{_digits(rate_bytes_per_s / worth)} {unit}"
    return f"{_digits(rate_bytes_per_s * 8)} bit/s"


def format_frequency(per_second: float) -> str:
    """Return a frequency to three digits; `parse_frequency` reads it.

    In the unit that makes it a whole number of at most three digits, else in that which makes it at least 1.

    Args:
        per_second: >= 0.

    Returns:
        Text like `100 /s` or `250 /d`.
    """
    numbers = {unit: per_second / float(worth) for unit, worth in _FREQUENCY.units.items()}
    whole = [
        unit
        for unit, number in numbers.items()
        if math.isclose(number, round(number)) and 0.999 < number < 1e3
    ]
    large = [unit for unit, number in numbers.items() if number >= 1]
    unit = (whole or large or ["/d"])[0]
    return f"{_digits(numbers[unit])} {unit}"


def shown(value: object) -> str:
    """Return a value as a message quotes it: shortened, text in quotes, YAML's words for its own."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, list | tuple):
        return "a list"
    text = f"'{value}'" if isinstance(value, str) else str(value)
    return text if len(text) <= 60 else f"{text[:56]}...{text[-1]}"


def meant_number(value: object) -> int | None:
    """Return the whole number that a text probably means: `40k`, `40,000`, `1.5 M`; None if it means none."""
    match = _NEARLY_WHOLE.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        return None
    number = Decimal(re.sub(r"[,_' ]", "", match[1])) * {"": 1, "k": 10**3, "m": 10**6}[match[2].lower()]
    return int(number) if number == int(number) else None


def _digits(number: float) -> str:
    """Return three significant digits, without an exponent from 1,000 up."""
    return f"{number:.3g}" if number < 999.5 else f"{number:.0f}"


def _text(value: object, kind: _Kind) -> str:
    """Return the stripped text of a quantity; refuse what is not text."""
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, int | float) and not isinstance(value, bool):
        raise ValueError(f"{shown(value)} has no unit; {kind.allowed}")
    raise ValueError(f"{shown(value)} is no {kind.noun}; {kind.allowed}")


def _single(text: str, kind: _Kind) -> Decimal:
    """Return the worth of one number with one unit."""
    match = _SINGLE.fullmatch(text)
    if match is None:
        raise ValueError(f"{shown(text)} is no {kind.noun}; {kind.allowed}")
    number, unit = match.groups()
    if unit.startswith(",") and _COMMA.match(text):
        meant = _COMMA.sub(lambda part: (part[1] or f"{part[2]}.{part[3]}").replace(",", ""), text)
        raise ValueError(f"{shown(text)} has a comma; did you mean {shown(meant)}?")
    week = _WEEK.fullmatch(text)
    if kind is _DURATION and week is not None:
        raise ValueError(
            f"{shown(text)}: weeks are written in days; did you mean '{Decimal(week[1]) * 7} d'?"
        )
    if not unit:
        raise ValueError(f"{shown(text)} has no unit; {kind.allowed}")
    worth = _worth(unit, text, kind)
    if number.startswith("-"):
        raise ValueError(f"{shown(text)} is negative; a {kind.noun} is at least 0")
    return Decimal(number) * worth


def _worth(unit: str, text: str, kind: _Kind) -> int | Decimal:
    """Return what a unit is worth; refuse an unknown one, with the one that was probably meant."""
    worth = kind.units.get(unit)
    if worth is not None:
        return worth
    folded = {name.lower(): name for name in kind.units}
    meant = _SPELLINGS.get(unit, folded.get(unit.lower()))
    if meant in kind.units:
        advice = f"did you mean '{meant}'? (units: {', '.join(kind.units)})"
    else:
        advice = kind.allowed
    raise ValueError(f"{shown(text)}: {shown(unit)} is no unit of a {kind.noun}; {advice}")


def _finite(number: Decimal, text: str) -> float:
    """Return the number as a float; refuse what a float can't hold."""
    value = float(number)
    if math.isinf(value):
        raise ValueError(f"{shown(text)} is too large")
    return value
