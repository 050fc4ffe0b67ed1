"""The shipped scenarios, each run once."""

from collections.abc import Callable
from pathlib import Path

import pytest

import sim
from sim.results import RunResult

FOLDER = Path(__file__).resolve().parents[2] / "scenarios"


@pytest.fixture(scope="module")
def results() -> Callable[[str], RunResult]:
    """Return a result of each scenario by its name, made when first asked for."""
    made: dict[str, RunResult] = {}

    def result_of(name: str) -> RunResult:
        if name not in made:
            made[name] = sim.run(FOLDER / f"{name}.yaml")
        return made[name]

    return result_of
