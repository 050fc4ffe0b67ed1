"""What pytest collects: scenario files, their lines, their baselines."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

import pytest

from sim.errors import ScenarioError
from sim.testing import session
from sim.testing.case import Case, ItemVerdict, Ways
from sim.testing.discovery import marks_in
from sim.testing.expectation_tests import BASELINE_WORD, ExpectedLine
from sim.testing.result_cache import LocalCache, SharedCache

_CACHE_KEY = pytest.StashKey[LocalCache]()


def collector_for(path: Path, parent: pytest.Collector, text: str | None) -> pytest.Collector:
    """Return what collects a file.

    Args:
        path: A file below a scenario folder.
        parent: Its folder.
        text: The text of a scenario file; None if it is a baseline that nobody uses.
    """
    if text is None:
        return UnusedBaseline.from_parent(parent, path=path)
    return ScenarioFile.from_parent(parent, path=path, text=text)


class _Item(pytest.Item):
    """A test whose failure is a text that needs no traceback."""

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """Return what stands in the report; a summary of one line begins with it."""
        if isinstance(excinfo.value, pytest.fail.Exception):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)


class ScenarioFile(pytest.File):
    """A scenario file: a test a line of `expect`, and one for its baseline."""

    def __init__(self, *, text: str, **kwargs: Any) -> None:
        """Remember the marks that the file asks for.

        Args:
            text: The file's text.
            **kwargs: See `pytest.File`.
        """
        super().__init__(**kwargs)
        self.add_marker(pytest.mark.scenario)
        for mark in marks_in(text):
            self.add_marker(getattr(pytest.mark, mark))

    def collect(self) -> Iterator[pytest.Item]:
        """Yield the tests; a file that can't be read is one test that fails, so that others run."""
        config = self.config
        ways = Ways(partial(session.update_command, config), partial(session.figure_folder, config))
        try:
            case = Case(self.path, shown=_shown(self), cache=_cache_of(config), ways=ways)
        except ScenarioError as error:
            yield BrokenScenario.from_parent(self, name="scenario", error=error)
            return
        for line in case.lines:
            yield ScenarioItem.from_parent(self, name=line.name, case=case, line=line)
        yield ScenarioItem.from_parent(self, name=BASELINE_WORD, case=case, line=None)


class BrokenScenario(_Item):
    """A scenario file with something wrong in it."""

    def __init__(self, *, error: ScenarioError, **kwargs: Any) -> None:
        """Remember what is wrong.

        Args:
            error: All of it.
            **kwargs: See `pytest.Item`.
        """
        super().__init__(**kwargs)
        self._error = error

    def setup(self) -> NoReturn:
        """Say it here: so it is an error, not a failure, since nothing was tested."""
        pytest.fail(str(self._error), pytrace=False)

    def runtest(self) -> None:
        """Never get here."""

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """Return the place of the first problem."""
        line = self._error.problems[0].line
        return self.path, None if line is None else line - 1, _headline(self)


class ScenarioItem(_Item):
    """One line of `expect`, or the baseline."""

    def __init__(self, *, case: Case, line: ExpectedLine | None, **kwargs: Any) -> None:
        """Remember what is tested.

        Args:
            line: The line; None for the baseline.
            **kwargs: See `pytest.Item`.
        """
        super().__init__(**kwargs)
        self._case, self._line = case, line

    def setup(self) -> None:
        """Run the scenario, unless another of its tests has: the time is shown as this test's set-up."""
        try:
            self._case.trial()
        except ScenarioError as error:
            pytest.fail(str(error), pytrace=False)

    def runtest(self) -> None:
        """Judge, or make the baseline."""
        outcome = self._outcome()
        if outcome.note:
            self.user_properties.append((session.NOTE, outcome.note))
        if outcome.figure is not None:
            self.user_properties.append((session.FIGURE, session.shown_path(self.config, outcome.figure)))
        if not outcome.passed:
            pytest.fail(outcome.text, pytrace=False)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """Return where the line stands."""
        row = self._case.baseline_row if self._line is None else self._line.row
        return self.path, None if row is None else row - 1, _headline(self)

    def _outcome(self) -> ItemVerdict:
        """Return the verdict."""
        option = self.config.option
        if self._line is None:
            if option.scenario_update:
                return self._case.update(option.scenario_reason, option.scenario_replications)
            if self.config.getini(session.BASELINES) == "optional" and not self._case.baseline_path.exists():
                pytest.skip(f"no baseline, and {session.BASELINES} = optional")
            return self._case.judge_baseline()
        if option.scenario_update and self._line.expectation.op == "within":
            pytest.skip("its baseline is being made")
        return self._case.judge(self._line)


class UnusedBaseline(pytest.File):
    """A baseline to which no scenario belongs."""

    def collect(self) -> Iterator[pytest.Item]:
        """Yield one test, which fails."""
        yield UnusedItem.from_parent(self, name="unused")


class UnusedItem(_Item):
    """Complains about a baseline."""

    def runtest(self) -> NoReturn:
        """Fail."""
        pytest.fail(
            f"No scenario beside '{self.path.parent.name}' is called '{self.path.stem}', so nobody uses this "
            "baseline. Delete it, or rename it with its scenario.",
            pytrace=False,
        )

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """Return the file."""
        return self.path, None, _headline(self)


def _headline(item: pytest.Item) -> str:
    """Return the title of a failure; not the end of the test's id, in which pytest would replace dots."""
    return f"{item.path.name}: {item.name}"


def _shown(node: pytest.Collector) -> str:
    """Return a file's name as pytest shows it."""
    return node.nodeid or str(node.path)


def _cache_of(config: pytest.Config) -> LocalCache:
    """Return the cache of this process."""
    if _CACHE_KEY not in config.stash:
        folder = session.shared_folder(config)
        config.stash[_CACHE_KEY] = LocalCache() if folder is None else SharedCache(folder)
    return config.stash[_CACHE_KEY]
