"""`fleetsim journal`: what to do with the journal of a served session."""

from __future__ import annotations

import tempfile
from pathlib import Path

import click

from sim.atomic_files import write_whole
from sim.errors import Problem, ScenarioError

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
def export(state: Path, out: Path | None, force: bool) -> None:
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
    if out is None:
        if exported.inventory is not None:
            message = "the scenario needs an inventory beside it; name a file for it with --out"
            raise ScenarioError([Problem("", message)])
        click.echo(exported.text(), nl=False)
    else:
        if exported.inventory is not None:
            write_whole(out.parent / inventory_name, exported.inventory)
        write_whole(out, exported.text())
    for note in (*notices, *exported.notes):
        click.echo(note, err=True)
    same = exported.n_devices - exported.n_differing
    click.echo(f"{same:,} of {exported.n_devices:,} devices end as they did in the session.", err=True)


@command.command("backup")
@_STATE
@click.argument("target", metavar="TARGET", type=click.Path(file_okay=False, path_type=Path))
def backup(state: Path, target: Path) -> None:
    """Copy the journal in DIR into the folder TARGET, also while a server is using it.

    Everything that was acknowledged when the copy begins is in it. Resume from it with
    `fleetsim serve --state TARGET`; credentials are not copied.
    """
    from sim.emulator.journal.backup import back_up

    n_commands = back_up(state, target)
    click.echo(f"Copied {n_commands:,} commands; resume with --state {target}.", err=True)


@command.command("recover")
@_STATE
def recover(state: Path) -> None:
    """Keep what is whole of a journal that is refused because acknowledged commands are missing.

    What is missing is given up for good, and said. Copy the folder first if in doubt.
    """
    from sim.emulator.journal.backup import recover as keep_what_is_whole

    n_commands, notices = keep_what_is_whole(state)
    for notice in notices:
        click.echo(f"Given up: {notice}.", err=True)
    click.echo(f"The journal is whole, with {n_commands:,} commands.", err=True)
