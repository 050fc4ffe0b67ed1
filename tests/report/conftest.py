"""The small campaign whose page is looked at, and small studies of every kind."""

from pathlib import Path
from typing import Any

import pytest

import sim
from sim.scenario import make_scenario
from support.stored_run import folder, make_stored, result, stored

__all__ = ["folder", "make_stored", "result", "stored"]

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
    sim.replicate(scenario, replications=4, folder=home / "replications")
    guesses = {"platform.max_processing": "5..40", RETRIES: "1..3"}
    sim.sensitivity(
        scenario, guesses, metrics=["makespan", "devices"], samples=8, folder=home / "sensitivity"
    )
    return {path.name: path for path in home.iterdir()}
