"""`fleetsim report`: turn a folder of results into one HTML file."""

from pathlib import Path

import click

from sim.cli.answer import Answer, json_option, say
from sim.cli.options import units_option
from sim.progress import Progress


@click.command("report")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@units_option
@click.option("--open", "is_opened", is_flag=True, help="Show it in the browser.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Where to write it. [default: report.html in DIR]",
)
@json_option("report")
def command(folder: Path, *, is_opened: bool, out: Path | None) -> Answer:
    """Write a report on the results in DIR as one HTML file.

    The file needs nothing else: no network, no other file. It can be mailed, opened on a phone, and
    printed. DIR is what `fleetsim run`, `sweep`, `plan` or `policy` wrote.
    """
    from sim.report import write_report

    with Progress("writing the report"):
        path = write_report(folder, out)
    say(f"Written to {path}")
    if is_opened and click.launch(str(path.absolute())):
        click.echo("No browser could be started; open the file yourself", err=True)
    return Answer(lambda: {"file": path})
