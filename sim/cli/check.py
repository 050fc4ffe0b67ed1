"""`fleetsim check`: test scenarios as the pytest plugin does, without pytest."""

from __future__ import annotations

import shlex
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sim.cli.outcome import ExitCode
from sim.errors import Problem, ScenarioError

if TYPE_CHECKING:
    from sim.testing.case import Case, ItemVerdict

_FIGURES = Path("out", "check")


@click.command("check")
@click.argument("scenarios", metavar="SCENARIO...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--update", is_flag=True, help="Make the baselines anew from what happens now.")
@click.option("--reason", metavar="TEXT", help="Why the new baselines are right; kept in them.")
@click.option(
    "--replications",
    type=click.IntRange(1),
    metavar="N",
    help="Replications that a new baseline holds. Fewer than 32 can't tell chance from change. [default: 64]",
)
@click.option(
    "--figures",
    type=click.Path(path_type=Path, file_okay=False),
    default=_FIGURES,
    show_default=True,
    help="Folder for the figures of scenarios that fail.",
)
def command(
    scenarios: tuple[Path, ...],
    *,
    update: bool,
    reason: str | None,
    replications: int | None,
    figures: Path,
) -> ExitCode:
    """Run scenarios and test what they expect, and whether anything changed since their baselines.

    SCENARIO is a file, or a folder with scenario files. A baseline lies in the folder `baselines`
    beside the scenario. Further replications run only if the digest is not the baseline's.

    The exit code is 1 if anything falls short, and after an update, which somebody must look at.
    """
    if update and not (reason or "").strip():
        raise click.UsageError('--update needs --reason "why the new baselines are right"')
    if not update and (reason is not None or replications is not None):
        raise click.UsageError("--reason and --replications say how to make a baseline; they need --update")
    from sim.testing.case import Case, Ways
    from sim.testing.result_cache import LocalCache

    ways = Ways(_update_command, lambda: figures)
    code = ExitCode.DONE
    for path in _files(scenarios):
        click.echo(path)
        try:
            case = Case(path, shown=str(path), cache=LocalCache(), ways=ways)
        except ScenarioError as error:
            click.echo(str(error), err=True)
            code = ExitCode.BAD_INPUT
            continue
        verdicts = [_shown(what, outcome) for what, outcome in _outcomes(case, reason, replications)]
        if not all(verdicts) and code is ExitCode.DONE:
            code = ExitCode.EXPECTATION_FAILED
    return code if _no_unused(scenarios) or code is not ExitCode.DONE else ExitCode.EXPECTATION_FAILED


def _outcomes(case: Case, reason: str | None, replications: int | None) -> Iterator[tuple[str, ItemVerdict]]:
    """Yield what is tested, and the verdict: of each line, then of the baseline."""
    from sim.results.expectations import expectation_key

    for line in case.lines:
        expectation = line.expectation
        if reason is None or expectation.op != "within":
            yield f"{expectation_key(expectation)} {expectation.text}, is", case.judge(line)
    if reason is None:
        yield "baseline:", case.judge_baseline()
    else:
        yield "baseline:", case.update(reason, replications)


def _shown(what: str, outcome: ItemVerdict) -> bool:
    """Print a verdict; tell whether it is a pass."""
    if outcome.passed:
        note = f" ({outcome.note})" if outcome.note else ""
        click.echo(f"  ok    {what} {outcome.text}{note}")
    else:
        click.echo(textwrap.indent(f"FAIL  {outcome.text}", " " * 8)[6:])
    return outcome.passed


def _files(scenarios: tuple[Path, ...]) -> Iterator[Path]:
    """Yield the scenario files that are named, or lie below a folder that is."""
    from sim.testing.discovery import scenario_files

    for path in scenarios:
        if not path.is_dir():
            yield path
            continue
        found = list(scenario_files(path))
        if not found:
            raise ScenarioError([Problem("", "holds no scenario files", file=str(path))])
        yield from found


def _no_unused(scenarios: tuple[Path, ...]) -> bool:
    """Name the baselines below the folders that nobody uses; tell whether there are none."""
    from sim.testing.discovery import unused_baselines

    unused = [path for folder in scenarios if folder.is_dir() for path in unused_baselines(folder)]
    for path in unused:
        click.echo(f"{path}\n  FAIL  unused: no scenario beside its folder has that name")
    return not unused


def _update_command(path: Path) -> str:
    """Return the command line that makes a baseline."""
    return f'fleetsim check {shlex.quote(str(path))} --update --reason "why this is right"'
