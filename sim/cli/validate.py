"""`fleetsim validate`: check scenario files and say everything that is wrong with them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from sim.cli.annotations import annotate
from sim.cli.answer import Answer, json_option, say
from sim.cli.exit_codes import ExitCode
from sim.cli.folders import scenario_paths
from sim.cli.outcome import error_document
from sim.errors import ScenarioError
from sim.scenario import load_scenario, memory_problem

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sim.errors import Problem
    from sim.scenario import Scenario


@dataclass(frozen=True)
class Checked:
    """A scenario file that was checked.

    Attributes:
        file: Its name.
        problems: What is wrong with it.
        warnings: What is allowed but probably not meant.
    """

    file: str
    problems: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()


@click.command("validate")
@click.argument("scenarios", metavar="SCENARIO...", nargs=-1, required=True)
@json_option("validate")
def command(scenarios: tuple[str, ...]) -> Answer:
    """Check scenario files without running them.

    SCENARIO is a file, or a folder: then all scenario files below it are checked.

    Every fault of every file is listed with its line, column and path. Warnings name what is
    allowed but probably not meant; they don't change the exit code, which is 2 if any file has a
    fault.
    """
    checked = []
    for path in scenario_paths(scenarios):
        checked.append(checked_file(str(path)))
        _show(checked[-1])
    faulty = any(each.problems for each in checked)
    code = ExitCode.BAD_INPUT if faulty else ExitCode.DONE
    return Answer(lambda: validate_document(checked), code)


def checked_file(path: str, load: Callable[[], Scenario] | None = None) -> Checked:
    """Check one file.

    Args:
        path: Its name.
        load: Returns the scenario, or raises; None reads the file.
    """
    try:
        scenario = load_scenario(path) if load is None else load()
    except ScenarioError as error:
        return Checked(path, error.problems)
    too_large = memory_problem(scenario)
    problems = () if too_large is None else (too_large,)
    return Checked(path, problems, tuple(scenario.warnings()))


def validate_document(checked: Sequence[Checked]) -> dict[str, Any]:
    """Return checked files as a program reads them; with all problems as an error, if there are any."""
    from sim.cli.documents.problems import problem_dicts  # for those who ask

    problems = [problem for each in checked for problem in each.problems]
    files = [
        {
            "file": each.file,
            "valid": not each.problems,
            "problems": problem_dicts(each.problems),
            "warnings": problem_dicts(each.warnings),
        }
        for each in checked
    ]
    error = error_document(ScenarioError(problems)) if problems else {}
    return {"files": files, **error}


def _show(checked: Checked) -> None:
    """Print the verdict on one file: faults and warnings to stderr, `ok` to stdout."""
    for warning in checked.warnings:
        click.echo(f"warning: {warning}", err=True)
        annotate("warning", warning)
    for problem in checked.problems:
        click.echo(str(problem), err=True)
        annotate("error", problem)
    if not checked.problems:
        say(f"{checked.file}: ok")
