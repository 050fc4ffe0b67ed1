"""One small campaign with everything that a report shows, run once, and the folder of its results."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import sim
from sim.results import RunResult
from sim.results.files.read import StoredRun, read_run
from sim.scenario import make_scenario

SCENARIO: dict[str, Any] = {
    "name": "small",
    "description": "Two cohorts <b>& a canary</b>.",
    "fleet": {
        "cohorts": [
            {"name": "gateway", "devices": 500, "link_rate": "8 Mbit/s"},
            {"name": "meter", "devices": 300, "protocol": "lwm2m", "link_rate": "60 kbit/s"},
        ]
    },
    "platform": {"max_processing": 100, "bandwidth": "100 Mbit/s"},
    "stages": {"query": {"exponential": {"mean": "5 s"}}, "install": {"constant": "60 s"}},
    "failures": [
        {"stage": "query", "code": 1, "probability": "5 %"},
        {"stage": "download", "code": 2, "probability": "8 %"},
        {"stage": "verify", "code": 2, "probability": "2 %"},
        {"stage": "install", "code": 10, "permanent": "2 %"},
        {"stage": "reboot", "silent": True, "permanent": "1 %"},
    ],
    "campaign": {
        "package": {"version": "2.0", "size": "1 MiB"},
        "task_policy": {"retry_count": 1, "retry_interval": "5 min"},
        "waves": [{"name": "canary", "share": "10 %", "soak": "1 h"}, {"name": "everyone", "share": "100 %"}],
    },
    "operators": [{"call": "retry", "at": "30 h"}, {"call": "retry", "at": "40 h"}],
    "outages": [{"at": "2 h", "lasts": "1 h", "cohorts": ["meter"], "effect": "unreachable"}],
    "run": {"until": "3 d", "resolution": "5 min", "seed": 3},
    "expect": {"success_share": ">= 90 %", "makespan": "<= 1 h"},
}


def run_of(**changes: Any) -> RunResult:
    """Run the small campaign, with other sections where told; None leaves a section out."""
    values = {name: value for name, value in {**SCENARIO, **changes}.items() if value is not None}
    runs = values.pop("replications", 1)
    return sim.run(make_scenario(values), replications=runs)


def saved(result: RunResult, folder: Path) -> Path:
    """Write a result and return the folder."""
    result.save(folder)
    return folder


@pytest.fixture(scope="session")
def result() -> RunResult:
    """Return three replications of the small campaign."""
    return run_of(replications=3)


@pytest.fixture(scope="session")
def folder(result: RunResult, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of its results; read only."""
    return saved(result, tmp_path_factory.mktemp("small") / "out")


@pytest.fixture(scope="session")
def stored(folder: Path) -> StoredRun:
    """Return what its folder holds."""
    return read_run(folder)


@pytest.fixture
def make_stored(tmp_path: Path) -> Callable[..., StoredRun]:
    """Return a maker of stored runs of the small campaign, with other sections where told."""

    def make(**changes: Any) -> StoredRun:
        return read_run(saved(run_of(**changes), tmp_path / "out"))

    return make
