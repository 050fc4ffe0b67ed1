"""What a command has to say, to people and to programs.

Decisions:
- *A command returns an `Answer`*: its exit code, and what makes its document. The document is made and
  printed in one place, after the command, and only if `--json` asks for it.
- *What people read goes through `say`*, which is silent then: so standard output holds one document, and
  nothing of a text that somebody forgot. Progress, warnings and what compiling does go to standard error
  in both cases.
- *The document is what the answer writes into its folder*, where it writes such a thing (`summary.json`,
  `plan.json`), with what only the command knows added, instead of a second format.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import click

from sim.cli.exit_codes import ExitCode

if TYPE_CHECKING:
    from sim.errors import Problem

_F = TypeVar("_F", bound=Callable[..., Any])


@dataclass(frozen=True)
class Answer:
    """What a command found.

    Attributes:
        document: Returns it as plain data; called if a program asked.
        code: What the process tells its caller.
    """

    document: Callable[[], Mapping[str, Any]]
    code: ExitCode = ExitCode.DONE


@dataclass(frozen=True)
class Reader:
    """Who reads what a command prints: the object of click's context.

    Attributes:
        is_program: Whether it wants one JSON document on standard output, and no text.
    """

    is_program: bool = False


def json_option(name: str) -> Callable[[_F], _F]:
    """Return the option `--json` of a command; `main` looks for it before click does.

    Args:
        name: Under which `fleetsim schema --of` prints the document's schema.
    """
    return click.option(
        "--json",
        is_flag=True,
        expose_value=False,
        help=f"Print one JSON document, also for errors; `fleetsim schema --of {name}` describes it.",
    )


def is_for_program() -> bool:
    """Tell whether a program reads: then there is no text."""
    context = click.get_current_context(silent=True)
    reader = None if context is None else context.find_root().obj
    return isinstance(reader, Reader) and reader.is_program


def say(text: object) -> None:
    """Print a line for people.

    Args:
        text: Becomes a `str` only if somebody reads it.
    """
    if not is_for_program():
        click.echo(text)


def warn(warnings: Iterable[Problem]) -> None:
    """Print warnings on stderr."""
    for warning in warnings:
        click.echo(f"Warning: {warning}", err=True)
