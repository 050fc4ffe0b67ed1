"""What every test runs with: no screen, and property tests that suit compiled code."""

import os
import sys
from pathlib import Path

import pytest
from hypothesis import settings

os.environ.setdefault("MPLBACKEND", "Agg")
os.environ.pop("GITHUB_ACTIONS", None)  # commands would print annotations of their own beside what is tested
os.environ.pop(
    "COLUMNS", None
)  # texts are as wide as a terminal, and workers of xdist say that theirs is one

# No deadline: the first example of a kernel compiles it. Fixed examples where a change is judged:
# a push must not fail by an example that was drawn today; on a developer's machine they vary.
settings.register_profile("project", deadline=None, print_blob=True, derandomize=bool(os.environ.get("CI")))
settings.load_profile("project")


@pytest.fixture(autouse=True)
def no_words_of_progress(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let work in tests say nothing of itself, however slow the machine is: what is printed is compared."""
    monkeypatch.setattr("sim.progress._FIRST_S", 3600.0)


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> None:
    """Use all processors for whole folders, unless `-n` says otherwise; benchmarks would time each other.

    Here instead of in `addopts`, where whoever runs one scenario file would wait for workers to start.
    """
    if hasattr(config, "workerinput"):  # a worker comes by here as well, and would start its own
        return
    markers = config.option.markexpr.replace("not bench", "")
    folders = all(Path(name.partition("::")[0]).is_dir() for name in config.args)
    if getattr(config.option, "numprocesses", 0) is None and folders and "bench" not in markers:
        config.option.numprocesses = "auto"


def pytest_runtest_teardown() -> None:
    """Close pyplot's figures: one test after another would open more than matplotlib puts up with."""
    pyplot = sys.modules.get("matplotlib.pyplot")
    if pyplot is not None:
        pyplot.close("all")


@pytest.fixture(scope="session", autouse=True)
def _kernels() -> None:
    """Compile what is not compiled yet: once for all workers, and no test waits for it unawares."""
    from sim.planes.compilation import compile_kernels
    from sim.planes.display import SilentDisplay

    compile_kernels(SilentDisplay())


@pytest.fixture(scope="session")
def repository() -> Path:
    """Return the folder that holds `pyproject.toml`."""
    return Path(__file__).resolve().parents[1]
