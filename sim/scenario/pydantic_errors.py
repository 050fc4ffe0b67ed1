"""What pydantic found, in words for the author of a scenario file."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final, Literal, get_args, get_origin

from pydantic import ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from sim.scenario.section import Fault, Part, is_by_name, part_in
from sim.scenario.sections.expectation import UnknownMetricError
from sim.scenario.sections.window import ONE, SEVERAL
from sim.scenario.suggest import unknown
from sim.units import shown

_PROTOCOLS: Final = {
    **dict.fromkeys(("nbiot", "nb", "coap", "lwm2mcoap", "ltem", "catm1", "catm"), "lwm2m"),
    **dict.fromkeys(("4g", "5g", "3g", "2g", "lte", "wifi", "ethernet", "http", "https", "mqtts"), "mqtt"),
}
"""Words that people use for how devices are connected, and the protocol that these usually speak."""


def faults_of(error: ValidationError, top: type[Part]) -> Iterator[Fault]:
    """Yield what a validation found.

    Yields:
        One fault for each thing that is wrong.
    """
    for details in error.errors(include_url=False):
        if _counts_only_good_items(details):
            continue
        path = tuple(step for step in details["loc"] if step not in (ONE, SEVERAL))
        holder, field = _place(top, path)
        cause = details.get("ctx", {}).get("error")
        if details["type"] == "extra_forbidden":
            yield Fault(path, _unknown_key(str(path[-1]), holder), at_key=True)
        elif isinstance(cause, ValueError):
            yield Fault(path, str(cause), at_key=isinstance(cause, UnknownMetricError))
        else:
            yield Fault(path, _wrong_value(details, field))


def _counts_only_good_items(details: ErrorDetails) -> bool:
    """Tell whether a list is called too short only because faulty items, reported anyway, don't count."""
    return details["type"] == "too_short" and len(details["input"]) >= details["ctx"]["min_length"]


def _place(top: type[Part], path: tuple[int | str, ...]) -> tuple[type[Part], FieldInfo | None]:
    """Return the part in which a path ends, and the last field on the way."""
    holder = top
    field = None
    is_name = False  # of an entry that the user has named: no key, even if it is spelt like one
    for i_step, step in enumerate(path):
        known = holder.model_fields.get(step) if isinstance(step, str) and not is_name else None
        is_name = False
        if known is None:
            continue
        field = known
        is_name = is_by_name(known.annotation)
        inner = part_in(known.annotation)
        if inner is not None and i_step < len(path) - 1:
            holder = inner
    return holder, field


def _words_in(annotation: Any) -> tuple[str, ...]:
    """Return the words that a field may hold."""
    if get_origin(annotation) is Literal:
        return get_args(annotation)
    return next(filter(None, map(_words_in, get_args(annotation))), ())


def _unknown_key(key: str, holder: type[Part]) -> str:
    hint = holder.hints.get(key)
    message = unknown("key", key, holder.model_fields)
    return message if hint is None else f"unknown key '{key}'; {hint}"


def _wrong_value(details: ErrorDetails, field: FieldInfo | None) -> str:
    """Return what was given and what is allowed, by the type of pydantic's error."""
    given = details["input"]
    annotation = None if field is None else field.annotation
    match details["type"]:
        case "missing" if isinstance(details["loc"][-1], int):
            return f"has too few values: number {details['loc'][-1] + 1} is missing"
        case "missing":
            description = "" if field is None else f": {field.description}"
            return f"is required{description}"
        case "literal_error" if isinstance(given, str):
            return _unknown_word(given, _words_in(annotation))
        case "literal_error":
            return f"{shown(given)} is not allowed; one of {', '.join(_words_in(annotation))}"
        case "model_type":
            return f"{_nothing_or(given)}; {_mapping_of(part_in(annotation))}"
        case "dict_type":
            return f"{_nothing_or(given)}; it must be a mapping"
        case "tuple_type":
            return f"{_nothing_or(given)}; it must be a list"
        case "too_short" | "too_long":
            return _wrong_length(details["ctx"])
        case "bool_type":
            return f"{shown(given)} is not allowed; true or false"
    return f"{shown(given)} is not allowed: {details['msg']}"  # no field of a scenario gets here today


def _unknown_word(given: str, allowed: tuple[str, ...]) -> str:
    """Say what a word was probably meant as; for a protocol, also by what carries it."""
    meant = _PROTOCOLS.get(re.sub(r"[\s_/-]+", "", given.lower())) if "lwm2m" in allowed else None
    if meant is None:
        return unknown("word", given, allowed)
    return f"unknown word {shown(given)}; did you mean '{meant}'? allowed: {', '.join(allowed)}"


def _nothing_or(given: object) -> str:
    return "is empty" if given is None else f"{shown(given)} is not allowed"


def _mapping_of(part: type[Part] | None) -> str:
    assert part is not None, "pydantic asks for a model where no field holds one"
    words = "".join(f"'{word}' or " for word in part.shorthands)
    return f"it must be {words}a mapping with the keys {', '.join(part.model_fields)}"


def _wrong_length(bounds: dict[str, Any]) -> str:
    actual = bounds["actual_length"]
    low, high = bounds.get("min_length"), bounds.get("max_length")
    allowed = f"at least {low}" if low is not None else f"at most {high}"
    return f"has {actual} {'item' if actual == 1 else 'items'}; {allowed} allowed"
