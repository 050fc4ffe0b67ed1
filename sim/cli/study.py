"""What the commands that run studies have in common: options, folder, what is printed at the end."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from sim.cli.answer import Answer, say, warn
from sim.cli.exit_codes import ExitCode
from sim.cli.options import options, units_option
from sim.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sim.scenario import Scenario
    from sim.study.display.answer import StudyAnswer
    from sim.study.engine.options import Options

_A = TypeVar("_A", bound="StudyAnswer")

VARY_HELP = (
    "What varies: a field by its path, and a list (1,2,5), a range (0..5, 10..60:5, "
    "'200 Mbit/s..1 Gbit/s:100 Mbit/s') or so many values with equal ratios (50..20000:log 9)."
)


study_options = options(
    click.option("--seed", type=click.IntRange(0), metavar="N", help="Seed instead of the scenario's."),
    click.option(
        "--plane",
        type=click.Choice(["compiled", "simpy"]),
        default="compiled",
        show_default=True,
        help="How devices are simulated; simpy is slow, and easy to read and change.",
    ),
    click.option(
        "--executor",
        type=click.Choice(["threads", "processes"]),
        help="Where runs are made. [default: threads; processes for the SimPy plane]",
    ),
    click.option(
        "--cluster",
        metavar="ADDRESS",
        help="Make them on a Dask cluster: tcp://HOST:PORT of its scheduler, or local:N here.",
    ),
    click.option("--workers", type=int, metavar="N", help="How many at once. [default: one a processor]"),
    click.option(
        "--out",
        type=click.Path(path_type=Path),
        help="Folder for the files; what is there already is not computed again. [default: out/NAME-COMMAND]",
    ),
    units_option,
    click.option("--force", is_flag=True, help="Begin anew in a folder of another study."),
    click.option("--quiet", is_flag=True, help="Print nothing and show no progress."),
)
"""The options that every study has."""


report_option = click.option("--report", is_flag=True, help="Also write report.html, one file for a meeting.")
"""The option that writes a report beside a study's files."""


def run_study(
    kind: str,
    scenario: str,
    given: dict[str, Any],
    study: Callable[[Scenario, Options], _A],
    *,
    text: Callable[[_A], str] = str,
    code: Callable[[_A], ExitCode] = lambda answer: ExitCode.DONE,
) -> Answer:
    """Run a study and print what came of it.

    Args:
        kind: Name of the command.
        scenario: Path of the scenario's file.
        given: What `study_options` and `report_option` brought.
        study: Called with the scenario and the options; returns what was found.
        text: Returns it for people.
        code: Returns the exit code.

    Raises:
        ScenarioError: Something in the input is wrong.
    """
    from sim.planes.compilation import compile_kernels
    from sim.planes.display import SilentDisplay
    from sim.scenario import load_scenario

    loaded = load_scenario(scenario)
    quiet = given["quiet"]
    warn([] if quiet else loaded.warnings())
    folder = Path("out", f"{loaded.name}-{kind}") if given["out"] is None else given["out"]
    options = _options(given, folder)
    is_reported = given["report"]
    if is_reported:
        from sim.report import check_extra, write_report

        check_extra()
    if quiet and given["plane"] == "compiled":
        compile_kernels(SilentDisplay())
    try:
        result = study(loaded, options)
    except KeyboardInterrupt:
        if folder.is_dir():
            click.echo(f"\nWhat was whole is in {folder}; the same command goes on from there", err=True)
        raise
    if is_reported:
        with Progress("writing the report", shown=not quiet):
            write_report(folder)
    names = sorted(entry.name for entry in folder.iterdir() if entry.is_file())
    if not quiet:
        say(text(result))
        say(f"\nWritten to {folder}: {', '.join(names)}")
    return Answer(lambda: whole_document(result, folder, names), code(result))


def _options(given: dict[str, Any], folder: Path) -> Options:
    """Return what a study is told, from what the command was.

    Args:
        given: What `study_options` brought.
        folder: Where files go.

    Raises:
        ScenarioError: Two options exclude each other.
    """
    from sim.errors import Problem, ScenarioError

    if given["cluster"] is not None and given["executor"] is not None:
        raise ScenarioError([Problem("--cluster", "and --executor exclude each other")])
    return {
        "seed": given["seed"],
        "plane": given["plane"],
        "executor": given["cluster"] or given["executor"],
        "workers": given["workers"],
        "folder": folder,
        "force": given["force"],
        "progress": not given["quiet"],
    }


def whole_document(
    answer: StudyAnswer, folder: Path | None = None, files: Sequence[str] = ()
) -> dict[str, Any]:
    """Return a study as a program reads it.

    Args:
        answer: What was found.
        folder: Where its files are; None if nothing was written.
        files: Their names.
    """
    from sim.cli.documents.of_studies import study_document  # for those who ask
    from sim.cli.documents.problems import problem_dicts

    return {
        **study_document(answer),
        "warnings": problem_dicts(answer.scenario.warnings()),
        "folder": folder,
        "files": list(files),
    }
