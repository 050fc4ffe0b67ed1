"""The command reference, made from the commands: `python -m sim.cli.manual > .readme/commands.md`."""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Iterator
from typing import Final

import click

from sim.cli.exit_codes import ExitCode
from sim.cli.group import COMMANDS, PROGRAM

RENEW: Final = "python -m sim.cli.manual > .readme/commands.md"
"""What writes the committed page anew."""

EXIT_CODES: Final = {
    ExitCode.DONE: "Done.",
    ExitCode.EXPECTATION_FAILED: "Done, and the answer is no: an expectation is not met, a goal is out of "
    "reach, a baseline or another result differs.",
    ExitCode.BAD_INPUT: "The input is at fault: a scenario, an option, a folder. The message names the "
    "place, what was given and what is allowed.",
    ExitCode.FAULT: "The simulator is at fault. This is never the answer to a question.",
    ExitCode.INTERRUPTED: "Interrupted with Ctrl-C. No half-written result is left behind.",
    ExitCode.OUTPUT_CLOSED: "Whoever read the output went away.",
}
"""What the process tells its caller."""

_HEAD: Final = f"""\
<!-- Made by `{RENEW}`; a test compares. -->

# Commands

`{PROGRAM}` and `python -m sim` are the same. Results go to files, summaries to standard output, warnings and
errors to standard error. `{PROGRAM} COMMAND --help` says on the terminal what stands here.
"""


def manual_markdown() -> str:
    """Return the command reference as Markdown."""
    parts = [_HEAD, *_overview(), "## Exit codes", *_exit_codes()]
    for name in COMMANDS:
        command = importlib.import_module(f"sim.cli.{name}").command
        parts += _command(command, f"{PROGRAM} {name}", level=2)
    return "\n".join(part.rstrip() + "\n" for part in parts)


def _overview() -> Iterator[str]:
    """Yield the list of commands."""
    rows = [f"| [`{PROGRAM} {name}`](#{PROGRAM}-{name}) | {text} |" for name, text in COMMANDS.items()]
    yield "\n".join(["| command | what it does |", "|---|---|", *rows])


def _exit_codes() -> Iterator[str]:
    """Yield what the process tells its caller."""
    rows = [f"| {int(code)} | {EXIT_CODES[code]} |" for code in ExitCode]
    yield "\n".join(["| code | meaning |", "|---|---|", *rows])


def _command(command: click.Command, path: str, *, level: int) -> Iterator[str]:
    """Yield a command's heading, usage, text and options, and those of its own commands."""
    context = click.Context(command, info_name=path, max_content_width=100)
    yield f"{'#' * level} {path}"
    pieces = " ".join(command.collect_usage_pieces(context))
    yield f"```\n{path} {pieces}\n```"
    yield inspect.cleandoc(command.help or "")
    options = [option for option in command.params if isinstance(option, click.Option)]
    records = [record for option in options if (record := option.get_help_record(context)) is not None]
    rows = [f"| `{_cell(_placeholder(names))}` | {_cell(_range(text))} |" for names, text in records]
    if rows:
        yield "\n".join(["| option | meaning |", "|---|---|", *rows])
    if isinstance(command, click.Group):
        for name in command.commands:
            yield from _command(command.commands[name], f"{path} {name}", level=level + 1)


def _placeholder(names: str) -> str:
    """Return an option's names with a placeholder that is no type of Python."""
    return re.sub(r"(INTEGER|FLOAT)( RANGE)?$", "N", names)


def _range(text: str) -> str:
    """Return an option's text with its range in words."""
    text = re.sub(r"(\S+?)<=?x<=(\d+)", lambda m: f"{'above ' * ('<=x' not in m[0])}{m[1]} to {m[2]}", text)
    return re.sub(r"x>=(\d+)", r"at least \1", text)


def _cell(text: str) -> str:
    """Return a text that may stand in a table."""
    return " ".join(text.split()).replace("|", "\\|")


if __name__ == "__main__":
    click.echo(manual_markdown(), nl=False)
