"""How pytest-xdist deals out tests: those of one scenario go to one worker, all others as it always does.

Decision: a scheduler of xdist's mode `load`, its default, that doesn't cut a scenario in two; instead of
its mode `loadgroup`, which would deal out a user's own tests one by one, so that fixtures of modules are
made anew. And no marker `xdist_group`: xdist writes the group behind the name of each test, in reports and
in JUnit's file, and reads it from there; with pytest 9 that name can't be written, and groups are lost.

The plugin loads this module in every pytest of an environment, so xdist is imported where it is in use.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, Final

import pytest

MODES: Final = ("load", "loadgroup")
"""Modes of xdist in which we say where a scenario's tests go. In others a file has one worker anyway, or
whoever asked for them wants tests to wander."""

_FEWEST: Final = 2
"""Tests that a worker needs to go on: it begins one when it knows the next, or that there is none."""


def scheduler_of(mode: str, config: pytest.Config, log: Any, is_scenario: Callable[[str], bool]) -> Any:
    """Return what deals out tests.

    Args:
        mode: One of `MODES`.
        config: Of the process that hands out tests.
        log: xdist's.
        is_scenario: Whether a file, given as in a test's id, is a scenario.
    """
    from xdist.scheduler import LoadGroupScheduling, LoadScheduling  # type: ignore[import-untyped]

    def scenario_of(name: str) -> str | None:
        file = name.partition("::")[0]
        return file if known(file) else None

    known = cache(is_scenario)

    class WholeScenarios(LoadScheduling):  # type: ignore[misc]  # xdist has no types
        """Deals out tests as `load` does, but a scenario at a time and whole."""

        def _send_tests(self, node: Any, num: int) -> None:
            """Send a worker the next tests: `num`, or a scenario's."""
            scenarios = {test: scenario_of(self.collection[test]) for test in self.pending}
            taken = next_tests(scenarios, num)
            self.pending[:] = [*taken, *(test for test in self.pending if test not in taken)]
            super()._send_tests(node, len(taken))

    class ScenarioGroups(LoadGroupScheduling):  # type: ignore[misc]  # xdist has no types
        """Deals out groups as `loadgroup` does, and each scenario is one."""

        def _split_scope(self, nodeid: str) -> str:
            """Return the name of a test's group."""
            return scenario_of(nodeid) or str(super()._split_scope(nodeid))

    return (WholeScenarios if mode == "load" else ScenarioGroups)(config, log)


def next_tests(scenarios: dict[int, str | None], num: int) -> dict[int, None]:
    """Return the tests that are sent to a worker next, in order.

    Args:
        scenarios: By the number of each test that no worker has, in order: its scenario, or None.
        num: How many tests xdist would send.

    Returns:
        So many, if they belong to no scenario. A scenario's tests are taken all together, wherever they
        stand in the order, and nothing more with them: it may take long, and another worker may be idle.
    """
    taken: dict[int, None] = {}
    for test, scenario in scenarios.items():
        if test in taken:
            continue
        taken[test] = None
        if scenario is not None:
            taken |= dict.fromkeys(other for other, its in scenarios.items() if its == scenario)
        if len(taken) >= num or (scenario is not None and len(taken) >= _FEWEST):
            break
    return taken
