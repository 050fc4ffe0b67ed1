"""pytest plugin: every line of `expect:` in a scenario file is a test, and so is its baseline.

It is loaded by every pytest of an environment in which this package is installed. So it imports nothing
here that takes time to load, and answers for YAML files below the scenario folders only.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from sim.testing.discovery import is_unused, text_of
from sim.testing.scheduling import MODES, scheduler_of
from sim.testing.session import BASELINES, FIGURES, FOLDERS_KEY, NOTE, SHARED, SHARED_KEY

_FOLDER: Final = "scenarios"
_YAML: Final = (".yaml", ".yml")
_NEEDS_BASELINE: Final = ("required", "optional")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options."""
    group = parser.getgroup("fleetsim", "scenarios of device-fleet upgrades")
    group.addoption(
        "--scenarios",
        action="append",
        default=[],
        metavar="DIR",
        help="Also collect the scenario files (*.yaml) below DIR. May be given several times.",
    )
    group.addoption(
        "--scenario-update",
        action="store_true",
        help="Make the baselines of the selected scenarios anew from what happens now. Needs --reason.",
    )
    group.addoption(
        "--reason",
        dest="scenario_reason",
        metavar="TEXT",
        help="Why the new baselines are right; kept in them.",
    )
    group.addoption(
        "--scenario-replications",
        type=int,
        metavar="N",
        help="Replications that a new baseline holds [64]. Fewer than 32 can't tell chance from change.",
    )
    group.addoption(
        "--scenario-figures",
        metavar="DIR",
        help=f"Folder for the figures of scenarios that fail [that of the ini option {FIGURES}].",
    )
    parser.addini(
        _FOLDER, "Folders with scenario files, relative to this file [scenarios].", type="paths", default=None
    )
    parser.addini(
        BASELINES,
        "Whether a scenario needs a baseline: required, or optional: where none lies that test is skipped "
        "[required].",
        default=_NEEDS_BASELINE[0],
    )
    parser.addini(
        FIGURES, "Folder for the figures of scenarios that fail, relative to this file [in pytest's cache]."
    )


def pytest_configure(config: pytest.Config) -> None:
    """Check the options, and find out which folders hold scenarios."""
    option = config.option
    if option.scenario_update and not (option.scenario_reason or "").strip():
        raise pytest.UsageError('--scenario-update needs --reason "why the new baselines are right"')
    if option.scenario_reason and not option.scenario_update:
        raise pytest.UsageError("--reason is kept in a baseline; it goes with --scenario-update")
    if option.scenario_replications is not None and option.scenario_replications < 1:
        raise pytest.UsageError("--scenario-replications must be at least 1")
    baselines = config.getini(BASELINES)
    if baselines not in _NEEDS_BASELINE:
        raise pytest.UsageError(f"{BASELINES} = {baselines!r}: allowed are {' and '.join(_NEEDS_BASELINE)}")
    config.addinivalue_line("markers", "scenario: a line of a scenario file, or its baseline")
    asked_for = [Path(config.invocation_params.dir, folder).resolve() for folder in option.scenarios]
    for folder in asked_for:
        if not folder.is_dir():
            raise pytest.UsageError(f"--scenarios: there is no folder {folder}")
        if not any(folder.is_relative_to(path) for path in _argument_paths(config)):
            config.args.append(str(folder))
    listed = config.getini(_FOLDER)
    usual = [config.rootpath / _FOLDER] if listed is None else [Path(folder) for folder in listed]
    named = [
        folder
        for path in _argument_paths(config)
        for folder in (path, *path.parents)
        if folder.name == _FOLDER and folder.is_relative_to(config.rootpath)
    ]
    config.stash[FOLDERS_KEY] = (*usual, *asked_for, *named)


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Take scenario files, and baselines that nobody uses."""
    if file_path.suffix not in (*_YAML, ".json"):
        return None
    if not parent.session.isinitpath(file_path) and not _is_inside(parent.config, file_path):
        return None
    unused = is_unused(file_path)
    text = None if unused else text_of(file_path)
    if text is None and not unused:
        return None  # a YAML file of something else
    from sim.testing import collect

    return collect.collector_for(file_path, parent, text)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Give xdist's workers a folder in which they share results."""
    stash = node.config.stash
    if SHARED_KEY not in stash:
        stash[SHARED_KEY] = tempfile.mkdtemp(prefix="fleetsim-")
    node.workerinput[SHARED] = stash[SHARED_KEY]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Let a scenario's tests go to one worker, so that it is run once and nobody waits for it."""
    if config.option.dist not in MODES:
        return None
    named = set(_argument_paths(config))

    def is_scenario(file: str) -> bool:
        path = config.rootpath / file
        return path.suffix in _YAML and (path in named or _is_inside(config, path))

    return scheduler_of(config.option.dist, config, log, is_scenario)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Remove that folder."""
    if SHARED_KEY in config.stash:
        shutil.rmtree(config.stash[SHARED_KEY], ignore_errors=True)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what is worth knowing about scenarios that passed."""
    notes = dict.fromkeys(_notes(terminalreporter))
    if notes:
        terminalreporter.section("scenarios")
        for note in notes:
            terminalreporter.line(note)


def _notes(terminalreporter: pytest.TerminalReporter) -> Iterator[str]:
    """Yield the notes of all tests that passed."""
    for report in terminalreporter.getreports("passed"):
        for name, value in report.user_properties:
            if name == NOTE:
                yield f"{report.nodeid.partition('::')[0]}: {value}"


def _is_inside(config: pytest.Config, path: Path) -> bool:
    """Return whether a file lies below a scenario folder."""
    return any(folder in path.parents for folder in config.stash[FOLDERS_KEY])


def _argument_paths(config: pytest.Config) -> list[Path]:
    """Return the files and folders that the command line, or `testpaths`, names."""
    return [Path(config.invocation_params.dir, arg.partition("::")[0]).resolve() for arg in config.args]
