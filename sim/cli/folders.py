"""Scenario files on the command line: those that are named, and those below a folder that is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from sim.errors import Problem, ScenarioError


def scenario_paths(given: Iterable[str | Path]) -> Iterator[str | Path]:
    """Yield scenario files: a file as it was given, and for a folder those below it, by their paths.

    Args:
        given: Files and folders.

    Raises:
        ScenarioError: A folder holds no scenario file.
    """
    from sim.testing.discovery import scenario_files  # for those who name a folder

    for path in given:
        if not Path(path).is_dir():
            yield path
            continue
        found = list(scenario_files(Path(path)))
        if not found:
            raise ScenarioError([Problem("", "holds no scenario files", file=str(path))])
        yield from found
