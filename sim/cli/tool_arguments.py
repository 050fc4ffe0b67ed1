"""What is wrong with the arguments of a tool, in the words in which a scenario's values are refused."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final, get_args

from sim.errors import Problem
from sim.scenario.suggest import unknown
from sim.units import shown

if TYPE_CHECKING:
    from pydantic import BaseModel, ValidationError
    from pydantic.fields import FieldInfo

_ALLOWED: Final = {
    "string": "a text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "dict": "a mapping of texts",
    "list": "a list of texts",
}
"""What is allowed, by how pydantic's names of errors begin."""


def argument_problems(error: ValidationError, asked: type[BaseModel]) -> list[Problem]:
    """Return what is wrong with arguments, one problem for each place.

    Args:
        error: What pydantic found.
        asked: What the tool takes.
    """
    return list({problem.path: problem for problem in _problems(error, asked)}.values())


def _problems(error: ValidationError, asked: type[BaseModel]) -> Iterator[Problem]:
    """Yield a problem for each thing that pydantic found, and again what may be of several types."""
    kinds: dict[str, list[str]] = {}
    for details in error.errors(include_url=False):
        name, *inner = (str(step) for step in details["loc"])
        field = asked.model_fields.get(name)
        given = details["input"]
        match details["type"]:
            case "extra_forbidden":
                yield Problem(name, unknown("argument", name, asked.model_fields), given=_single(given))
                continue
            case "missing":
                yield Problem(name, f"is required{_purpose(field)}")
                continue
            case "literal_error":
                yield Problem(name, _unknown_word(given, field), given=_single(given))
                continue
        is_kind = bool(inner) and inner[-1] in ("str", "float", "int", "bool")  # of one that may be several
        path = ".".join([name, *(inner[:-1] if is_kind else inner)])
        known = kinds.setdefault(path, [])
        known.append(_ALLOWED.get(details["type"].partition("_")[0], details["msg"]))
        example = "" if inner and not is_kind else _example(field)
        message = f"{shown(given)} is not allowed; {' or '.join(known)}{example}"
        yield Problem(path, message, given=_single(given))


def _unknown_word(given: object, field: FieldInfo | None) -> str:
    """Say which words there are."""
    words = get_args(None if field is None else field.annotation)
    if isinstance(given, str):
        return unknown("word", given, words)
    return f"{shown(given)} is not allowed; one of {', '.join(words)}"


def _purpose(field: FieldInfo | None) -> str:
    """Return what a field is for, behind a semicolon; empty if nobody has said."""
    text = _words(field).replace("; ", ", ")
    return f"; {text[:1].lower()}{text[1:]}" if text else ""


def _example(field: FieldInfo | None) -> str:
    """Return the example that the words about a field give, behind a comma; empty if there is none."""
    found = re.search(r", (like [^;]+)", _words(field))
    return f", {found[1]}" if found else ""


def _words(field: FieldInfo | None) -> str:
    """Return what is said about a field, on one line without its full stop."""
    return "" if field is None else " ".join((field.description or "").split()).rstrip(".")


def _single(value: Any) -> object:
    """Return a single value; None for anything else."""
    return value if isinstance(value, str | int | float | bool) else None
