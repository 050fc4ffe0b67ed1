"""`fleetsim run FOLDER`: each scenario below a folder in turn, and an overview."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from sim.cli.answer import Answer, say
from sim.cli.exit_codes import ExitCode
from sim.cli.folders import scenario_paths
from sim.errors import Problem, ScenarioError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence


class FolderRun(NamedTuple):
    """What came of one scenario file.

    Attributes:
        path: The file.
        answer: The answer of `fleetsim run` with it.
    """

    path: Path
    answer: Answer


def run_folder(folder: str, run_one: Callable[[str, Path], Answer], out: Path, *, quiet: bool) -> Answer:
    """Run the scenarios below a folder, and say of each what came out.

    All files are read before the first run, so that a slip in the last one is known at once.

    Args:
        folder: The folder.
        run_one: Runs one file without a word, and writes its results into a folder.
        out: Folder in which each scenario has its results, in a folder of its name.
        quiet: Say nothing but what was not met.

    Raises:
        ScenarioError: A file is faulty, or two scenarios have one name.
    """
    names = _names_in(folder)
    runs = []
    for path, name in names.items():
        if not quiet:
            say(path)
        answer = run_one(str(path), out / name)
        runs.append(FolderRun(path, answer))
        if not quiet:
            say(f"  {answer.document()['headline']}")
    fallen = [str(run.path) for run in runs if run.answer.code is not ExitCode.DONE]
    if not quiet:
        say(f"\n{_overview(len(runs), fallen)} Written to {out}.")
    code = ExitCode.EXPECTATION_FAILED if fallen else ExitCode.DONE
    return Answer(lambda: runs_document(runs), code)


def runs_document(runs: Sequence[FolderRun]) -> Mapping[str, Any]:
    """Return the runs of a folder as a program reads them."""
    return {
        "passed": all(run.answer.code is ExitCode.DONE for run in runs),
        "runs": [{"file": str(run.path), **run.answer.document()} for run in runs],
    }


def _names_in(folder: str) -> dict[Path, str]:
    """Return the scenario files below a folder with their scenarios' names, and refuse faulty files."""
    from sim.scenario import load_scenario

    problems: list[Problem] = []
    names: dict[Path, str] = {}
    for path in map(Path, scenario_paths([folder])):
        try:
            name = load_scenario(path).name
        except ScenarioError as error:
            problems += error.problems
            continue
        twins = [str(other) for other, known in names.items() if known == name]
        if twins:
            message = f"{name!r} is also the name of {twins[0]}; both would write into one folder"
            problems.append(Problem("name", message, file=str(path)))
        names[path] = name
    if problems:
        raise ScenarioError(problems)
    return names


def _overview(n: int, fallen: Sequence[str]) -> str:
    """Return how many scenarios met what they expect."""
    if not fallen:
        return f"All {n} scenarios met their expectations." if n > 1 else "It met its expectations."
    return f"{n - len(fallen)} of {n} scenarios met their expectations; not {', '.join(fallen)}."
