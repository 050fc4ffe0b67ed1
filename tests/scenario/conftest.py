"""A small scenario to spoil in one place, and how its complaints are read."""

from collections.abc import Callable
from pathlib import Path

import pytest

from sim.errors import ScenarioError
from sim.scenario import Scenario, parse_scenario

DATA = Path(__file__).parent / "data"

BASE = """\
fleet:
  cohorts:
    - {name: a, devices: 1000, protocol: mqtt}
    - {name: b, devices: 100, protocol: lwm2m}
campaign:
  package: {version: "1", size: 1 MiB}
"""
"""Line 3 is cohort a, line 4 cohort b, line 7 what a test adds."""

Spoil = Callable[[str, str], str]
Complaints = Callable[[str], list[str]]


@pytest.fixture
def base() -> str:
    """Return the text of the smallest scenario with one cohort of each protocol."""
    return BASE


@pytest.fixture
def spoil() -> Spoil:
    """Return a function that puts a text into a place of the small scenario.

    Places: `top` and `campaign` for a new line 7, `a` and `b` for another key of the cohort, or else a
    text of the scenario that is replaced.
    """

    def spoil_at(place: str, text: str) -> str:
        if place == "top":
            return f"{BASE}{text}\n"
        if place == "campaign":
            return f"{BASE}  {text}\n"
        if place in ("a", "b"):
            protocol = "mqtt" if place == "a" else "lwm2m"
            return BASE.replace(f"{protocol}}}", f"{protocol}, {text}}}")
        assert place in BASE
        return BASE.replace(place, text)

    return spoil_at


@pytest.fixture
def complaints() -> Complaints:
    """Return a function that lists the problems of a scenario's text as they are printed."""

    def complaints_about(text: str) -> list[str]:
        try:
            parse_scenario(text, "x.yaml")
        except ScenarioError as error:
            return [str(problem) for problem in error.problems]
        return []

    return complaints_about


@pytest.fixture
def city_text() -> str:
    """Return the text of a scenario that uses nearly everything."""
    return (DATA / "city-meters.yaml").read_text(encoding="utf-8")


@pytest.fixture
def city(city_text: str) -> Scenario:
    """Return that scenario."""
    return parse_scenario(city_text, "city.yaml")
