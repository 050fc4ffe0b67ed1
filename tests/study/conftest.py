"""Small scenarios, some of them with an answer that is known."""

from pathlib import Path

import pytest

from sim.scenario import Scenario
from support.study_scenarios import scenario_of


@pytest.fixture
def tiny() -> Scenario:
    """Return 60 devices whose installation fails now and then."""
    return scenario_of()


@pytest.fixture
def slots() -> Scenario:
    """Return 100 devices that take 60 s each in one of `max_processing` places: ceil(100 / C) * 60 s."""
    return scenario_of(100, name="slots", stages={"install": {"constant": "60 s"}}, failures=[])


@pytest.fixture
def link() -> Scenario:
    """Return 50 downloads of 1 MB that share a bandwidth B and begin at once: all end at 50 MB / B."""
    return scenario_of(50, name="link", stages={}, failures=[])


@pytest.fixture
def in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in a folder of the test's own."""
    monkeypatch.chdir(tmp_path)
    return tmp_path
