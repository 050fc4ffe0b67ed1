"""`fleetsim journal`: what to do with the journal of a served session."""

from __future__ import annotations

import tempfile
from pathlib import Path

import click

from sim.atomic_files import write_whole
from sim.errors import Problem, ScenarioError


@click.group("journal")
def command() -> None:
    """Work with the journal that `fleetsim serve --state` keeps."""


@command.command("export")
@click.argument("state", metavar="DIR", type=click.Path(exists=True, file_okay=False, path_type=Path))
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
    for note in exported.notes:
        click.echo(note, err=True)
    same = exported.n_devices - exported.n_differing
    click.echo(f"{same:,} of {exported.n_devices:,} devices end as they did in the session.", err=True)
