"""Arguments of functions that people call from Python, refused as kindly as a file's values are.

Decision: a decorator names the keywords that are allowed, instead of leaving it to the interpreter, which
says what is unknown but not what was probably meant; and functions that hand their keywords on would take
any.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable
from typing import ParamSpec, TypeVar

from sim.errors import Problem, ScenarioError
from sim.scenario.suggest import unknown
from sim.units import shown

_P = ParamSpec("_P")
_R = TypeVar("_R")


def known_keywords(*more: str) -> Callable[[Callable[_P, _R]], Callable[_P, _R]]:
    """Return a decorator that refuses unknown keywords, and says which ones there are.

    Args:
        *more: Keywords that the function takes by `**`.

    Returns:
        A decorator; its function raises `TypeError` with the allowed keywords, and the one that was meant, or
        with the arguments that are missing or too many.
    """

    def decorate(function: Callable[_P, _R]) -> Callable[_P, _R]:
        parameters = [one for one in inspect.signature(function).parameters.values() if one.name != "self"]
        named = [one for one in parameters if one.kind in (one.POSITIONAL_OR_KEYWORD, one.KEYWORD_ONLY)]
        in_place = [one.name for one in named if one.kind is one.POSITIONAL_OR_KEYWORD]
        needed = [one.name for one in named if one.default is one.empty]
        is_method = "self" in inspect.signature(function).parameters
        allowed = [*(one.name for one in named), *more]

        @functools.wraps(function)
        def checked(*args: _P.args, **kwargs: _P.kwargs) -> _R:
            for name in kwargs:
                if name not in allowed:
                    raise TypeError(f"{function.__name__}(): {unknown('keyword', name, allowed)}")
            n_given = len(args) - is_method
            missing = [name for name in needed if name not in kwargs and name not in in_place[:n_given]]
            if n_given > len(in_place) or missing:
                raise TypeError(f"{function.__name__}(): {_miscounted(missing, n_given, in_place, allowed)}")
            return function(*args, **kwargs)

        return checked

    return decorate


def _miscounted(missing: list[str], n_given: int, in_place: list[str], allowed: list[str]) -> str:
    """Say which arguments of a function are missing, or that there are too many without a name."""
    by_name = [name for name in allowed if name not in in_place]
    rest = f"; by name: {', '.join(by_name)}" if by_name else ""
    if missing:
        lacks = " and ".join(f"'{name}'" for name in missing)
        verb = "is" if len(missing) == 1 else "are"
        return f"{lacks} {verb} missing; it takes {', '.join(in_place)}{rest}"
    takes = ", ".join(in_place) or "nothing"
    return f"{n_given} arguments without a name are too many; it takes {takes}{rest}"


def count_problems(name: str, value: object) -> list[Problem]:
    """Return what is wrong with a number of things that comes from no file; nothing with None.

    Args:
        name: Of the argument.
        value: What was given.
    """
    if value is None or (is_whole(value) and value >= 1):  # type: ignore[operator]  # a number then
        return []
    allowed = "at least 1" if is_whole(value) else "a whole number, at least 1"
    return [Problem(name, f"{shown(value)} is not allowed; {allowed}")]


def choice_problems(name: str, value: object, allowed: Iterable[str]) -> list[Problem]:
    """Return what is wrong with a word that comes from no file.

    Args:
        name: Of the argument.
        value: What was given.
        allowed: The words.
    """
    words = list(allowed)
    if isinstance(value, str) and value in words:
        return []
    listed = ", ".join(f"'{word}'" for word in words)
    return [Problem(name, f"{shown(value)} is not known; allowed are {listed}")]


def given_texts(name: str, value: object) -> list[str]:
    """Return the texts of an argument that takes one, or several.

    Args:
        name: Of the argument.
        value: What was given.

    Raises:
        ScenarioError: It is neither a text nor a collection of texts.
    """
    if isinstance(value, str):
        return [value]
    texts: list[str] = []
    for item in value if isinstance(value, Iterable) else [value]:
        if not isinstance(item, str):
            raise ScenarioError([Problem(name, f"{shown(item)} is not allowed; a text, or several of them")])
        texts.append(item)
    return texts


def is_number(value: object, low: float, high: float) -> bool:
    """Tell whether something is a number within bounds.

    Args:
        value: What was given.
        low: Least number.
        high: Largest number.
    """
    return isinstance(value, int | float) and not isinstance(value, bool) and low <= value <= high


def is_whole(value: object) -> bool:
    """Tell whether something is a whole number; numbers of NumPy are, `True` is not."""
    return hasattr(value, "__index__") and not isinstance(value, bool)
