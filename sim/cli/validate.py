"""`fleetsim validate`: check scenario files and say everything that is wrong with them."""

import click

from sim.cli.outcome import ExitCode
from sim.errors import ScenarioError
from sim.scenario import load_scenario, memory_problem


@click.command("validate")
@click.argument("scenarios", metavar="SCENARIO...", nargs=-1, required=True)
def command(scenarios: tuple[str, ...]) -> ExitCode:
    """Check scenario files without running them.

    Every fault of every file is listed with its line, column and path. Warnings name what is
    allowed but probably not meant; they don't change the exit code, which is 2 if any file has a
    fault.
    """
    faults = [path for path in scenarios if not _is_valid(path)]
    return ExitCode.BAD_INPUT if faults else ExitCode.DONE


def _is_valid(path: str) -> bool:
    """Check one file and print the verdict: faults and warnings to stderr, `ok` to stdout."""
    try:
        scenario = load_scenario(path)
    except ScenarioError as error:
        click.echo(str(error), err=True)
        return False
    for warning in scenario.warnings():
        click.echo(f"warning: {warning}", err=True)
    too_large = memory_problem(scenario)
    if too_large is not None:
        click.echo(str(too_large), err=True)
        return False
    click.echo(f"{path}: ok")
    return True
