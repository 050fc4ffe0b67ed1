"""A folder with a small scenario, and pytest run in it as a user would."""

from collections.abc import Callable
from pathlib import Path

import pytest

from support.small_scenario import case_of, plugin_words, scenario_text

pytest_plugins = ["pytester"]


@pytest.fixture(scope="session", autouse=True)
def _everything_loaded(tmp_path_factory):
    """Load what a scenario needs, since pytester forgets what was imported inside a run of it."""
    folder = tmp_path_factory.mktemp("warm")
    path = folder / "tiny.yaml"
    path.write_text(scenario_text(), encoding="utf-8")
    case_of(path, folder).update("to load everything")
    path.write_text(scenario_text(high="90 s"), encoding="utf-8")
    assert not case_of(path, folder).judge_baseline().passed


@pytest.fixture
def scenario(tmp_path: Path) -> Callable[..., Path]:
    """Return what writes the small scenario into the test's folder."""

    def write(name="tiny", **values) -> Path:
        path = tmp_path / f"{name}.yaml"
        path.write_text(scenario_text(name, **values), encoding="utf-8")
        return path

    return write


class Suite:
    """A folder `scenarios`, and pytest called above it."""

    def __init__(self, pytester: pytest.Pytester, plugin: list[str]) -> None:
        """Make the folder."""
        self.pytester = pytester
        self.folder = pytester.mkdir("scenarios")
        # The project's own options must not matter here.
        quiet = ["-p", "no:cacheprovider", "-p", "no:benchmark", "-p", "no:nbmake", "-p", "no:schemathesis"]
        self.words = [*plugin, *quiet, f"--scenario-figures={pytester.path / 'figures'}"]

    def write(self, name="tiny", folder=None, **values) -> Path:
        """Write the small scenario."""
        path = (folder or self.folder) / f"{name}.yaml"
        path.write_text(scenario_text(name, **values), encoding="utf-8")
        return path

    def run(self, *words: str) -> pytest.RunResult:
        """Call pytest in this process."""
        return self.pytester.runpytest_inprocess(*self.words, *words)

    def update(self, reason="as it should be", *words: str) -> pytest.RunResult:
        """Make the baselines."""
        return self.run("scenarios", "--scenario-update", "--reason", reason, *words)


@pytest.fixture
def suite(pytester: pytest.Pytester) -> Suite:
    """Return an empty folder of scenarios."""
    return Suite(pytester, plugin_words())
