"""`load_result`: the result or the study that a folder holds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sim.errors import Problem, ScenarioError
from sim.results.display.format import some_of
from sim.results.files.read import read_run
from sim.results.files.write import MANIFEST
from sim.results.frames.loaded_result import LoadedResult
from sim.scenario.arguments import known_keywords
from sim.study.engine.folder import FORMAT
from sim.study.engine.kinds import KINDS
from sim.study.engine.unit import MARKER
from sim.study.stored.stored_study import StoredStudy
from sim.units import shown
from sim.version import __version__

if TYPE_CHECKING:
    from collections.abc import Iterator


@known_keywords()
def load_result(folder: str | Path) -> LoadedResult | StoredStudy:
    """Read back what `fleetsim run`, a study or `RunResult.save` has written.

    Args:
        folder: The folder of a result, or of a study.

    Returns:
        A result with the same frames and figures as one in memory, or a study with its tables. Metrics that
        the version which wrote it did not know are absent, and say so when they are asked for.

    Raises:
        ScenarioError: The folder holds neither, is not complete, or was written in a format that this version
            does not know.

    Example:
        >>> result = sim.load_result("out/quickstart")  # doctest: +SKIP
        >>> result.summary.loc["makespan", "mean"]  # doctest: +SKIP
    """
    if not isinstance(folder, str | Path):
        raise ScenarioError([_no_folder(folder)])
    path = Path(folder)
    if not (path / MANIFEST).exists():
        if (path / MARKER).exists():
            return _study(path)
        inside = sorted(_results_in(path)) if path.is_dir() else []
        if inside:
            message = f"holds no results itself, but its folders do: {some_of(inside)}"
            raise ScenarioError([Problem("", message, file=str(path))])
    return LoadedResult(read_run(path))


def _no_folder(given: object) -> Problem:
    """Say what a folder may be given as."""
    allowed = "the path of a folder, as 'fleetsim run --out' wrote it"
    return Problem("folder", f"{shown(given)} is not allowed; {allowed}")


def _results_in(folder: Path) -> Iterator[str]:
    """Yield the folders in a folder that hold results."""
    for inner in folder.iterdir():
        if (inner / MANIFEST).exists() or (inner / MARKER).exists():
            yield inner.name


def _study(folder: Path) -> StoredStudy:
    """Return a study from its folder.

    Raises:
        ScenarioError: It is of another format or kind, or can't be read.
    """
    where = str(folder / MARKER)
    try:
        manifest: dict[str, Any] = json.loads((folder / MARKER).read_text(encoding="utf-8"))
        wrote, form, kind = manifest["fleetsim"], manifest["format"], manifest["kind"]
        manifest["scenario"], manifest["seed"], manifest["scenario_text"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        message = f"can't be read as a study ({type(error).__name__}: {error})"
        raise ScenarioError([Problem("", message, file=where)]) from None
    if form != FORMAT or kind not in KINDS:
        found = f"{kind!r} in format {form!r} (written by fleetsim {wrote}) is not known"
        reads = f"this is {__version__}, which reads format {FORMAT} of {', '.join(KINDS)}"
        raise ScenarioError([Problem("kind", f"{found}; {reads}", file=where)])
    return StoredStudy(folder, manifest)
