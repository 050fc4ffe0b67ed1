"""Notes in the files of studies: every column says what it means."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

import sim
from sim.results.files.columns import note_of
from support.study_scenarios import scenario_of

COUNT = "campaign.task_policy.retry_count"
PLACES = "platform.max_processing"

STUDIES: dict[str, Callable[[Path], Any]] = {
    "replications": lambda out: sim.replicate(scenario_of(), replications=3, folder=out),
    "sweep": lambda out: sim.sweep(scenario_of(), {COUNT: [0, 1]}, replications=2, folder=out),
    "plan": lambda out: sim.plan(
        scenario_of(), {PLACES: "1..4", COUNT: "0..1"}, "success_share >= 10 %", replications=2, folder=out
    ),
    "sensitivity": lambda out: sim.sensitivity(
        scenario_of(), {COUNT: "0..3", PLACES: "20..60"}, samples=8, folder=out
    ),
    "policy": lambda out: sim.policy(scenario_of(20), replications=2, folder=out),
}


@pytest.mark.parametrize("kind", STUDIES)
def test_files__every_column_of_a_study_says_what_it_is(kind, tmp_path):
    """Only varied fields are described as such; all others have words of their own, and numbers a unit."""
    STUDIES[kind](tmp_path / "out")

    files = sorted((tmp_path / "out").glob("*.parquet"))
    assert files
    for file in files:
        schema = pq.read_schema(file)
        assert {field.name for field in schema if note_of(file.stem, field.name) is None} <= {COUNT, PLACES}
        assert all(b"description" in field.metadata for field in schema)
        assert schema.metadata[b"kind"] == kind.encode()
