"""What is wrong with an input, as plain data.

Messages are written by one rule: what was given, what is wrong with it, a semicolon, and what is allowed.
So what is allowed can be told apart from the rest; what was given is known from the file, or from here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from sim.errors import Problem

_GIVEN: Final = re.compile(
    r"(?:unknown [a-z ]+ )?(?P<given>'[^']*'|-?\d[^;:']*?|true|false)(?= is | has | must |;|:)"
)
_MEANT: Final = re.compile(r"did you mean (?P<meant>'[^']*'(?: or '[^']*')*)\? ?")


def problem_dict(problem: Problem) -> dict[str, Any]:
    """Return a problem as plain data."""
    given = _given_in(problem.message) if problem.given is None else problem.given
    return {
        "file": problem.file,
        "line": problem.line,
        "column": problem.column,
        "path": problem.path,
        "given": given,
        "allowed": _allowed_in(problem.message),
        "suggestion": _meant_in(problem.message),
        "message": problem.message,
    }


def problem_dicts(problems: Iterable[Problem]) -> list[dict[str, Any]]:
    """Return problems as plain data, in their order."""
    return [problem_dict(problem) for problem in problems]


def _given_in(message: str) -> str | None:
    """Return what a message says was given; None if it names nothing."""
    found = _GIVEN.match(message)
    return None if found is None else found["given"].strip("'")


def _allowed_in(message: str) -> str | None:
    """Return what a message says is allowed; None if it says nothing."""
    _, _, allowed = message.partition("; ")
    return _MEANT.sub("", allowed).removeprefix("allowed: ").strip() or None


def _meant_in(message: str) -> str | None:
    """Return what a message takes for meant; None if it doesn't guess."""
    found = _MEANT.search(message)
    return None if found is None else found["meant"].partition(" or ")[0].strip("'")
