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
        A decorator; its function raises `TypeError` with the allowed keywords, and the one that was meant.
    """

    def decorate(function: Callable[_P, _R]) -> Callable[_P, _R]:
        named = [
            parameter.name
            for parameter in inspect.signature(function).parameters.values()
            if parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY)
        ]
        allowed = [*named, *more]

        @functools.wraps(function)
        def checked(*args: _P.args, **kwargs: _P.kwargs) -> _R:
            for name in kwargs:
                if name not in allowed:
                    raise TypeError(f"{function.__name__}(): {unknown('keyword', name, allowed)}")
            return function(*args, **kwargs)

        return checked

    return decorate


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
