"""What every test runs with: no screen, and property tests that suit compiled code."""

import os
import sys
from pathlib import Path

import pytest
from hypothesis import settings

os.environ.setdefault("MPLBACKEND", "Agg")

# No deadline: the first example of a kernel compiles it. Fixed examples where a change is judged:
# a push must not fail by an example that was drawn today; on a developer's machine they vary.
settings.register_profile("project", deadline=None, print_blob=True, derandomize=bool(os.environ.get("CI")))
settings.load_profile("project")


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
