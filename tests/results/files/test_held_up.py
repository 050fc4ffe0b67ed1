"""The table of where the time went: as a frame, as a file, and as metrics that may be asked for."""

import json

import pyarrow.parquet as pq
import pytest

import sim
from sim.fleet.held_up import Hold
from sim.rules import SubtaskState
from sim.scenario import make_scenario
from sim.scenario.metrics import HELD_UP

SUCCESS = SubtaskState.SUCCESS


def test_result__tells_where_the_time_went_in_a_frame(make_run, make_result):
    """A row a part and cause: the fleet, each cohort, the slowest."""
    run = make_run(
        [SUCCESS] * 2,
        sizes={"north": 1, "south": 1},
        end_s=[10, 30],
        held_s=[{Hold.QUERY: 10.0}, {Hold.TIMER: 30.0}],
    )
    frame = make_result(run).held_up
    assert len(frame) == 4 * len(HELD_UP)
    timer = frame[frame["what"] == "timer"].set_index("part")
    assert timer["device_time_s"].tolist() == [30.0, 0.0, 30.0, 30.0]
    assert timer["share"].tolist() == [0.75, 0.0, 1.0, 1.0]
    assert timer["cohort"].astype(object).where(timer["cohort"].notna(), None).tolist() == [
        None,
        "north",
        "south",
        None,
    ]
    assert timer.loc["slowest_1_percent", "devices"] == 1


def test_result__files_hold_where_the_time_went(folder, result):
    """The table and the summary say the same, and so do the metrics."""
    rows = pq.read_table(folder / "held_up.parquet").to_pylist()
    summary = json.loads((folder / "summary.json").read_text())
    fleet = [row["share"] for row in rows if row["part"] == "fleet" and row["what"] == "offline"]
    assert fleet == summary["metrics"]["held_up.offline"]["values"]
    assert sum(summary["held_up"]["fleet"]["share"].values()) == pytest.approx(1.0)
    assert set(summary["held_up"]["by_cohort"]) == {"gateway", "meter"}
    assert len(rows) == 3 * 4 * len(HELD_UP)


def test_expectation__may_ask_for_a_share_of_the_time():
    """Shares of device-time are metrics like others, of the fleet and of each cohort."""
    result = sim.run(
        make_scenario(
            {
                "name": "timed",
                "fleet": {"cohorts": [{"name": "a", "devices": 3}]},
                "stages": {"query": {"constant": "10 s"}, "install": {"constant": "30 s"}},
                "campaign": {"package": {"version": "1", "size": "1 kB"}},
                "run": {"until": "1 d"},
                "expect": {"held_up.query": "<= 25 %", "by_cohort.a.held_up.install": ">= 80 %"},
            }
        ),
        plane="simpy",
    )
    assert [(verdict.actual, verdict.met) for verdict in result.expectations] == [(0.25, True), (0.75, False)]
