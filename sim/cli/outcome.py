"""The one place where an answer becomes a document, and an error a message and a code."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, TextIO

import click
from click.exceptions import Exit

from sim.cli.annotations import annotate
from sim.cli.answer import Answer
from sim.cli.exit_codes import ExitCode
from sim.errors import FleetError, ModelError, Problem, ScenarioError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["ExitCode", "error_document", "exit_code_of", "kind_of"]


def exit_code_of(action: Callable[[], Answer | int | None], *, for_program: bool = False) -> int:
    """Run a command line and answer for whatever it raises.

    Args:
        action: Returns an answer, or an exit code; None is 0.
        for_program: Print the answer's document, or that of the error, on stdout.

    Returns:
        That code, or the code of the error, whose message is then on stderr if no program reads.
    """
    try:
        answer = action()
        if for_program and isinstance(answer, Answer):
            _print(answer.document())
        _flush_stdout()  # a full disk shows only here
    except Exit as request:  # `--help`, `--version`
        return request.exit_code
    except BrokenPipeError:
        _give_up_stdout()
        return ExitCode.OUTPUT_CLOSED
    except BaseException as error:
        code = _code_of(error)
        if code is None:
            raise
        if isinstance(error, OSError):
            _give_up_stdout()
        return _fail(error, code, for_program=for_program)
    if isinstance(answer, Answer):
        return answer.code
    return ExitCode.DONE if answer is None else answer


def kind_of(error: BaseException) -> str:
    """Return which kind of error it is, in a word for programs; see `documents.models.Error`."""
    match error:
        case click.Abort() | KeyboardInterrupt():
            return "interrupted"
        case click.ClickException():
            return "usage"
        case MemoryError():
            return "memory"
        case OSError():
            return "system"
        case ModelError():
            return "internal"
        case FleetError():
            return "input"
    return "internal"


def error_document(error: BaseException) -> dict[str, Any]:
    """Return an error as a program reads it."""
    from sim.cli.documents.problems import problem_dicts  # `re`, for one who asks

    content = {
        "kind": kind_of(error),
        "message": _message_of(error),
        "problems": problem_dicts(_problems_of(error)),
    }
    return {"error": content}


def _code_of(error: BaseException) -> ExitCode | None:
    """Return the code of an error; None if it is none of ours to answer for."""
    codes = {
        "interrupted": ExitCode.INTERRUPTED,
        "internal": ExitCode.FAULT if isinstance(error, Exception) else None,
    }
    return codes.get(kind_of(error), ExitCode.BAD_INPUT)


def _message_of(error: BaseException) -> str:
    """Return what is said of an error."""
    match error:
        case click.Abort() | KeyboardInterrupt():
            return "interrupted"
        case click.ClickException():
            return error.format_message()
        case MemoryError():
            return f"not enough memory: {error}".removesuffix(": ")
        case OSError():
            return _os_error_text(error)
        case ModelError():
            return f"internal error: {error}"
        case FleetError():
            return str(error)
    return f"internal error: {type(error).__name__}: {error}"


def _problems_of(error: BaseException) -> Iterable[Problem]:
    """Return what is wrong with the input, one by one; nothing if the input is not at fault."""
    match error:
        case ScenarioError():
            return error.problems
        case click.NoSuchOption():
            return [Problem(error.option_name, error.format_message(), given=error.option_name)]
        case click.BadParameter() if error.param is not None:
            return [Problem(max(error.param.opts, key=len), error.message or error.format_message())]
        case click.UsageError():
            return [Problem("", error.format_message())]
    return []


def _fail(error: BaseException, code: ExitCode, *, for_program: bool) -> ExitCode:
    """Say what went wrong: as a document on stdout, or on stderr with traces of a bug in both cases."""
    is_bug = not isinstance(error, FleetError) and code is ExitCode.FAULT
    if is_bug:  # its traceback is wanted, Python's exit code 1 is not
        traceback.print_exception(error)
    if isinstance(error, ScenarioError):
        for problem in error.problems:
            annotate("error", problem, err=for_program)
    if for_program:
        _print(error_document(error))
    elif isinstance(error, click.ClickException):
        error.show()
    elif not is_bug:
        # Several lines stay as they are, for editors that parse them.
        message = _message_of(error)
        click.echo(message if "\n" in message else f"Error: {message}", err=True)
    return code


def _print(document: Mapping[str, Any]) -> None:
    """Print a document."""
    from sim.cli.documents.plain import json_text  # JSON is for those who ask

    click.echo(json_text(document))


def _os_error_text(error: OSError) -> str:
    """Name the file and what the system says, without Python's `[Errno n]`."""
    reason = error.strerror or str(error) or type(error).__name__
    return reason if error.filename is None else f"{error.filename}: {reason}"


def _flush_stdout() -> None:
    """Write what is left for stdout, if there is one: `>&-` starts a process without, and Python has None."""
    stdout: TextIO | None = sys.stdout
    if stdout is not None:
        stdout.flush()


def _give_up_stdout() -> None:
    """Point stdout to nowhere if it can't be written, or Python complains once more at its exit."""
    try:
        _flush_stdout()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
