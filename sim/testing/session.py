"""What the plugin and the tests that it collects share of one pytest session: places, and what reports say.

It imports nothing but pytest, since the plugin is loaded by every pytest of an environment.
"""

from __future__ import annotations

import shlex
import tempfile
from pathlib import Path
from typing import Final

import pytest

NOTE: Final = "scenario"
FIGURE: Final = "figure"
"""Names of the properties of a test, in reports and in JUnit's file."""

BASELINES: Final = "scenario_baselines"
FIGURES: Final = "scenario_figures"
"""Names of ini options."""

SHARED: Final = "fleetsim_shared"
"""Under which xdist's workers are told the folder that they share."""

FOLDERS_KEY: Final = pytest.StashKey[tuple[Path, ...]]()
SHARED_KEY: Final = pytest.StashKey[str]()
"""Where the configuration keeps the scenario folders, and the folder that workers share."""


def shared_folder(config: pytest.Config) -> Path | None:
    """Return the folder that this worker shares with others; None without workers, or if it is elsewhere."""
    name = getattr(config, "workerinput", {}).get(SHARED)
    return Path(name) if name is not None and Path(name).is_dir() else None


def update_command(config: pytest.Config, path: Path) -> str:
    """Return the command line that makes a baseline."""
    try:
        shown = path.relative_to(config.invocation_params.dir)
    except ValueError:
        shown = path
    return f'pytest {shlex.quote(str(shown))} --scenario-update --reason "why this is right"'


def figure_folder(config: pytest.Config) -> Path:
    """Return where figures go."""
    if config.option.scenario_figures is not None:
        return Path(config.invocation_params.dir, config.option.scenario_figures).resolve()
    if folder := config.getini(FIGURES):
        return Path(config.rootpath if config.inipath is None else config.inipath.parent, folder)
    cache = getattr(config, "cache", None)
    return Path(tempfile.mkdtemp(prefix="fleetsim-")) if cache is None else Path(cache.mkdir("fleetsim"))


def shown_path(config: pytest.Config, path: Path) -> str:
    """Return a file's name in reports: relative to the root folder if below it, the same on any machine."""
    root = config.rootpath
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)
