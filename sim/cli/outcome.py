"""Exit codes, and the one place where an error becomes a message and a code."""

import enum
import os
import sys
import traceback
from collections.abc import Callable

import click
from click.exceptions import Exit

from sim.errors import FleetError, ModelError


class ExitCode(enum.IntEnum):
    """What the process tells its caller."""

    DONE = 0
    EXPECTATION_FAILED = 1
    BAD_INPUT = 2
    FAULT = 70
    """Our fault, not the input's: never to be mistaken for a failed expectation."""
    INTERRUPTED = 130
    """What a shell reports for a program ended by Ctrl-C (128 + SIGINT)."""
    OUTPUT_CLOSED = 141
    """What a shell reports for a program whose reader went away (128 + SIGPIPE)."""


def exit_code_of(action: Callable[[], int | None]) -> int:
    """Run a command line and answer for whatever it raises.

    Args:
        action: Returns an exit code; None is 0.

    Returns:
        That code, or the code of the error, whose message is then on stderr.
    """
    try:
        code = action()
        sys.stdout.flush()  # a full disk shows only here
    except Exit as request:  # `--help`, `--version`
        return request.exit_code
    except click.ClickException as error:
        error.show()
        return ExitCode.BAD_INPUT
    except (KeyboardInterrupt, click.Abort):
        return _fail("interrupted", ExitCode.INTERRUPTED)
    except BrokenPipeError:
        _give_up_stdout()
        return ExitCode.OUTPUT_CLOSED
    except OSError as error:
        _give_up_stdout()
        return _fail(_os_error_text(error), ExitCode.BAD_INPUT)
    except MemoryError as error:
        return _fail(f"not enough memory: {error}".removesuffix(": "), ExitCode.BAD_INPUT)
    except ModelError as error:
        return _fail(f"internal error: {error}", ExitCode.FAULT)
    except FleetError as error:
        return _fail(str(error), ExitCode.BAD_INPUT)
    except Exception:  # a bug: its traceback is wanted, Python's exit code 1 is not
        traceback.print_exc()
        return ExitCode.FAULT
    return ExitCode.DONE if code is None else code


def _fail(message: str, code: ExitCode) -> ExitCode:
    """Write the message to stderr; several lines stay as they are, for editors that parse them."""
    click.echo(message if "\n" in message else f"Error: {message}", err=True)
    return code


def _os_error_text(error: OSError) -> str:
    """Name the file and what the system says, without Python's `[Errno n]`."""
    reason = error.strerror or str(error) or type(error).__name__
    return reason if error.filename is None else f"{error.filename}: {reason}"


def _give_up_stdout() -> None:
    """Point stdout to nowhere if it can't be written, or Python complains once more at its exit."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
