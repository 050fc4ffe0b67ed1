"""The command `fleetsim`: parse, call, print, exit code. Nothing is computed here.

Decisions:
- A command is a module `sim.cli.<name>` with a click command called `command`, imported when it is
  invoked, instead of one module that imports everything: `--help` stays below 150 ms because it
  needs neither NumPy nor pydantic. The list with the one-line texts is `sim.cli.group.COMMANDS`.
- A command returns an `Answer` (its exit code, and its document for programs) and raises for bad input;
  `sim.cli.outcome` turns errors into messages and codes for all of them, instead of a `try` in each.
- Plain click instead of rich-click: frames and colours made the help take three times as long.
- click's own `main()` is not used: it answers 1 to Ctrl-C and to a closed pipe, and 1 means here
  that an expectation failed.
"""

import os
import sys
from collections.abc import Sequence

from click.shell_completion import shell_complete

from sim.cli.answer import Answer, Reader
from sim.cli.group import PROGRAM, root
from sim.cli.outcome import exit_code_of

__all__ = ["main"]

_JSON = "--json"
"""Looked for before click reads the words: what is wrong with them is answered with a document, too."""

_COMPLETE_VARIABLE = f"_{PROGRAM.upper()}_COMPLETE"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command line.

    Args:
        arguments: Words after the program's name; None takes those of the process.

    Returns:
        Exit code, one of `sim.cli.outcome.ExitCode`.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    instruction = os.environ.get(_COMPLETE_VARIABLE)
    if instruction:  # a shell asks for completions, or for the script that lets it ask
        return shell_complete(root, {}, PROGRAM, _COMPLETE_VARIABLE, instruction)

    for_program = _JSON in words[: words.index("--") if "--" in words else None]

    def invoke() -> Answer | int | None:
        with root.make_context(PROGRAM, words, obj=Reader(for_program)) as context:
            answer: Answer | int | None = root.invoke(context)
            return answer

    return exit_code_of(invoke, for_program=for_program)
