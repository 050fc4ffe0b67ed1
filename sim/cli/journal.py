"""`fleetsim journal`: what to do with the journal of a served session."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sim.atomic_files import write_whole
from sim.cli.answer import Answer, json_option, say
from sim.errors import Problem, ScenarioError

if TYPE_CHECKING:
    from sim.emulator.export.export import Exported

_STATE = click.argument("state", metavar="DIR", type=click.Path(exists=True, file_okay=False, path_type=Path))


@click.group("journal")
def command() -> None:
    """Work with the journal that `fleetsim serve --state` keeps."""


@command.command("export")
@_STATE
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File for the scenario. [default: it is printed]",
)
@click.option("--force", is_flag=True, help="Replace a file that is there already.")
@json_option("journal")
def export(state: Path, out: Path | None, force: bool) -> Answer:
    """Turn a session into a scenario with scripted operators.

    What scripts did over HTTP becomes waves and operators, so that `fleetsim run` repeats it and
    checks that it still comes to the same. The server must have ended. If tasks held parts of cohorts,
    an inventory is written beside the scenario.
    """
    from sim.emulator.export.export import export_session
    from sim.emulator.journal.journal import Journal

    if out is not None and out.exists() and not force:
        raise ScenarioError([Problem("", "is there already; --force replaces it", file=str(out))])
    inventory_name = "devices.csv" if out is None else f"{out.stem}-devices.csv"
    journal = Journal.open(state)
    notices = [f"Warning: {notice}." for notice in journal.notices]
    try:
        with tempfile.TemporaryDirectory(prefix="fleetsim-") as scratch:
            exported = export_session(journal, Path(scratch), inventory_name)
    finally:
        journal.close()
    files = _written(exported, out, inventory_name)
    for note in (*notices, *exported.notes):
        click.echo(note, err=True)
    same = exported.n_devices - exported.n_differing
    click.echo(f"{same:,} of {exported.n_devices:,} devices end as they did in the session.", err=True)
    return _answer(
        "export",
        state,
        notes=[*notices, *exported.notes],
        devices=exported.n_devices,
        devices_alike=same,
        scenario=exported.text() if out is None else None,
        files=files,
    )


def _written(exported: Exported, out: Path | None, inventory_name: str) -> list[Path]:
    """Write an exported scenario and its inventory, or print it; return what was written."""
    if out is None:
        if exported.inventory is not None:
            message = "the scenario needs an inventory beside it; name a file for it with --out"
            raise ScenarioError([Problem("", message)])
        say(exported.text().removesuffix("\n"))
        return []
    inventory = [] if exported.inventory is None else [out.parent / inventory_name]
    if exported.inventory is not None:
        write_whole(inventory[0], exported.inventory)
    write_whole(out, exported.text())
    return [*inventory, out]


@command.command("backup")
@_STATE
@click.argument("target", metavar="TARGET", type=click.Path(file_okay=False, path_type=Path))
@json_option("journal")
def backup(state: Path, target: Path) -> Answer:
    """Copy the journal in DIR into the folder TARGET, also while a server is using it.

    Everything that was acknowledged when the copy begins is in it. Resume from it with
    `fleetsim serve --state TARGET`; credentials are not copied.
    """
    from sim.emulator.journal.backup import back_up

    n_commands = back_up(state, target)
    click.echo(f"Copied {n_commands:,} commands; resume with --state {target}.", err=True)
    return _answer("backup", state, commands=n_commands, files=[target])


@command.command("recover")
@_STATE
@json_option("journal")
def recover(state: Path) -> Answer:
    """Keep what is whole of a journal that is refused because acknowledged commands are missing.

    What is missing is given up for good, and said. Copy the folder first if in doubt.
    """
    from sim.emulator.journal.backup import recover as keep_what_is_whole

    n_commands, notices = keep_what_is_whole(state)
    for notice in notices:
        click.echo(f"Given up: {notice}.", err=True)
    click.echo(f"The journal is whole, with {n_commands:,} commands.", err=True)
    return _answer("recover", state, commands=n_commands, notes=list(notices))


def _answer(action: str, state: Path, **found: Any) -> Answer:
    """Return what was done with a journal; what is not known of it is null or empty.

    Args:
        action: The command's name.
        state: Folder of the journal.
        **found: Keys of the document.
    """
    nothing = dict.fromkeys(("commands", "devices", "devices_alike", "scenario"))
    return Answer(lambda: {"action": action, "state": state, "notes": [], "files": [], **nothing, **found})
