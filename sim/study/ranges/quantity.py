"""Numbers with units as somebody writes them for a range, and back to how a scenario file writes them."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from typing import Final, NamedTuple

from sim import units
from sim.units import shown

_WHOLE: Final = re.compile(r"-?[0-9]+")
_PLAIN: Final = re.compile(r"-?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?")
_WITH_UNIT: Final = re.compile(rf"({_PLAIN.pattern})\s*(\S.*)")

_PARSERS: Final[dict[str, Callable[[object], float]]] = {
    "duration": units.parse_duration,
    "size": units.parse_size,
    "rate": units.parse_rate,
    "frequency": units.parse_frequency,
    "share": units.parse_share,
}


class Quantity(NamedTuple):
    """A number with what is needed to write it, and numbers near it, into a scenario file.

    Attributes:
        value: In seconds, bytes, bytes/s, 1/s, 0..1, or the plain number itself.
        kind: `duration`, `size`, `rate`, `frequency`, `share`; `number` or `whole number` without a unit.
        unit: As written, `%` for a percentage; empty without one.
    """

    value: float
    kind: str
    unit: str = ""

    @property
    def worth(self) -> float:
        """What one of the unit is worth in the base unit."""
        return _worth(self.kind, self.unit)


@cache
def _worth(kind: str, unit: str) -> float:
    """Return what one of a unit is worth; a range asks for each of its values."""
    if not unit:
        return 1.0
    return 0.01 if unit == "%" else float(_PARSERS[kind](f"1 {unit}"))


def parse_quantity(text: str) -> Quantity:
    """Read a number, or a number with a unit.

    Args:
        text: Like `50`, `0.5`, `3 %`, `200 Mbit/s` or `1h30m`.

    Raises:
        ValueError: It is neither.
    """
    text = text.strip()
    if _WHOLE.fullmatch(text):
        return Quantity(int(text), "whole number")
    if _PLAIN.fullmatch(text):
        return Quantity(float(text), "number")
    match = _WITH_UNIT.fullmatch(text)
    for kind, parse in _PARSERS.items():
        try:
            value = float(parse(text))
        except ValueError:
            continue
        unit = match[2].strip() if match is not None else "s"
        # `1h30m` is written in seconds, since it has no unit of its own.
        compound = kind == "duration" and not unit.isalpha()
        return Quantity(value, kind, "s" if compound else unit)
    raise ValueError(f"{shown(text)} is neither a number nor a quantity with a unit, like '200 Mbit/s'")


def write_quantity(value: float, like: Quantity) -> int | float | str:
    """Return a value as a scenario file writes it, in the unit of another one.

    Args:
        value: In the base unit of its kind.
        like: Gives the unit.
    """
    if like.kind == "whole number":
        return round(value)
    if like.kind == "number":
        return float(f"{value:.10g}")
    return f"{value / like.worth:.10g} {like.unit}"
