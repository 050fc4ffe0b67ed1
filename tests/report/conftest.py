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


STUDIED: dict[str, Any] = {
    "name": "tiny",
    "fleet": {"cohorts": [{"name": "a", "devices": 200, "link_rate": "1 Mbit/s"}]},
    "stages": {"query": {"exponential": {"mean": "5 s"}}},
    "failures": [{"stage": "verify", "code": 7, "probability": "10 %"}],
    "campaign": {
        "package": {"version": "2", "size": "1 MiB"},
        "task_policy": {"retry_count": 1, "retry_interval": "5 min"},
    },
    "run": {"until": "2 d", "resolution": "5 min", "seed": 4},
}
RETRIES = "campaign.task_policy.retry_count"


@pytest.fixture(scope="session")
def studies(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Return a folder of each kind of study."""
    home = tmp_path_factory.mktemp("studies")
    scenario = make_scenario(STUDIED)
    fields = {RETRIES: "0..2", "campaign.task_policy.retry_interval": "5 min,10 min"}
    sim.sweep(scenario, fields, replications=3, folder=home / "sweep")
    goal = "time_to_success.p90 <= 10 min"
    sim.plan(scenario, {"platform.max_processing": "1..40"}, goal, replications=5, folder=home / "plan")
    sim.plan(
        scenario, {"platform.max_processing": "1,2"}, "makespan <= 1 s", replications=2, folder=home / "never"
    )
    two = {"platform.max_processing": "5..40", "platform.bandwidth": "1 Mbit/s,10 Mbit/s"}
    sim.plan(scenario, two, goal, replications=2, folder=home / "frontier")
    sim.policy(scenario, replications=2, folder=home / "policy")
    return {path.name: path for path in home.iterdir()}
