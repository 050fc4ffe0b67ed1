"""`fleetsim check`: test scenarios as the pytest plugin does, without pytest."""

from __future__ import annotations

import shlex
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from sim.cli.annotations import annotate
from sim.cli.answer import Answer, json_option, say
from sim.cli.exit_codes import ExitCode
from sim.cli.folders import scenario_paths
from sim.cli.outcome import error_document
from sim.errors import Problem, ScenarioError
from sim.progress import Progress

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
@json_option("check")
def command(
    scenarios: tuple[Path, ...],
    *,
    update: bool,
    reason: str | None,
    replications: int | None,
    figures: Path,
) -> Answer:
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
    checked = []
    for path in map(Path, scenario_paths(scenarios)):
        say(path)
        try:
            case = Case(path, shown=str(path), cache=LocalCache(), ways=ways)
        except ScenarioError as error:
            click.echo(str(error), err=True)
            for problem in error.problems:
                annotate("error", problem)
            checked.append(Checked(path, error.problems))
            continue
        checked.append(
            Checked(path, items=[_shown(item) for item in _watched(path, case, reason, replications)])
        )
    unused = _unused(scenarios)
    return Answer(lambda: check_document(checked, unused), _code(checked, unused))


def _code(checked: Sequence[Checked], unused: Sequence[Path]) -> ExitCode:
    """Return the exit code for what was tested."""
    if any(each.problems for each in checked):
        return ExitCode.BAD_INPUT
    passed = not unused and all(each.passed for each in checked)
    return ExitCode.DONE if passed else ExitCode.EXPECTATION_FAILED


class Item(NamedTuple):
    """One test of a scenario.

    Attributes:
        what: The key of the line as the file has it, or `baseline`.
        place: File and line of what is tested.
        expected: What the line says; empty for the baseline.
        verdict: What became of it.
        cohort: The cohort that is meant; None for the fleet and for the baseline.
    """

    what: str
    place: Problem
    expected: str
    verdict: ItemVerdict
    cohort: str | None = None


@dataclass(frozen=True)
class Checked:
    """A scenario file that was tested.

    Attributes:
        file: The file.
        problems: What is wrong with it; then there are no tests.
        items: Its tests.
    """

    file: Path
    problems: Sequence[Problem] = ()
    items: Sequence[Item] = ()

    @property
    def passed(self) -> bool:
        """Whether it is well-formed and all its tests passed."""
        return not self.problems and all(item.verdict.passed for item in self.items)


def check_document(checked: Sequence[Checked], unused: Sequence[Path]) -> dict[str, Any]:
    """Return what was tested as a program reads it; with problems of scenarios as an error, if there are any.

    Args:
        checked: The files.
        unused: Baselines that nobody uses.
    """
    from sim.cli.documents.problems import problem_dicts  # for those who ask

    scenarios = [
        {
            "file": each.file,
            "passed": each.passed,
            "problems": problem_dicts(each.problems),
            "items": [
                {
                    "what": item.what,
                    "cohort": item.cohort,
                    "line": item.place.line,
                    "expected": item.expected or None,
                    "passed": item.verdict.passed,
                    "text": item.verdict.text,
                    "note": item.verdict.note or None,
                    "figure": item.verdict.figure,
                }
                for item in each.items
            ],
        }
        for each in checked
    ]
    problems = [problem for each in checked for problem in each.problems]
    error = error_document(ScenarioError(problems)) if problems else {}
    passed = not unused and all(each.passed for each in checked)
    return {"passed": passed, "scenarios": scenarios, "unused_baselines": list(unused), **error}


def _watched(path: Path, case: Case, reason: str | None, replications: int | None) -> Iterator[Item]:
    """Yield what is tested, and show meanwhile that something goes on; nothing while a verdict is printed."""
    items = _items(case, reason, replications)
    while True:
        with Progress(f"testing {path}"):
            item = next(items, None)
        if item is None:
            return
        yield item


def _items(case: Case, reason: str | None, replications: int | None) -> Iterator[Item]:
    """Yield what is tested: each line, then the baseline."""
    for line in case.lines:
        expectation = line.expectation
        if reason is None or expectation.op != "within":
            place = Problem(line.key, "", line.row, file=case.shown)
            yield Item(line.key, place, expectation.written, case.judge(line), expectation.cohort)
    verdict = case.judge_baseline() if reason is None else case.update(reason, replications)
    yield Item("baseline", Problem("baseline", "", case.baseline_row, file=case.shown), "", verdict)


def _shown(item: Item) -> Item:
    """Print a verdict, beside its line if it is a failure; return the test."""
    verdict = item.verdict
    if verdict.passed:
        note = f" ({verdict.note})" if verdict.note else ""
        of = f" ({item.cohort})" if item.cohort is not None and item.cohort not in item.what else ""
        what = f"{item.what}{of} {item.expected}, is" if item.expected else f"{item.what}:"
        say(f"  ok    {what} {verdict.text}{note}")
    else:
        say(textwrap.indent(f"FAIL  {verdict.text}", " " * 8)[6:])
        annotate("error", replace(item.place, message=verdict.text), title="Scenario test failed")
    return item


def _unused(scenarios: tuple[Path, ...]) -> list[Path]:
    """Return the baselines below the folders that nobody uses, and name them."""
    from sim.testing.discovery import unused_baselines

    unused = [path for folder in scenarios if folder.is_dir() for path in unused_baselines(folder)]
    for path in unused:
        message = "unused: no scenario beside its folder has that name"
        say(f"{path}\n  FAIL  {message}")
        annotate("error", Problem("", message, 1, file=str(path)), title="Scenario test failed")
    return unused


def _update_command(path: Path) -> str:
    """Return the command line that makes a baseline."""
    return f'fleetsim check {shlex.quote(str(path))} --update --reason "why this is right"'
