"""Plans: known answers, exhaustive oracles, and honesty about what is not sure."""

import json
from pathlib import Path

import pandas as pd
import pytest

from sim.errors import ScenarioError
from sim.scenario import load_scenario
from sim.study import plan
from sim.study.engine import dispatch
from support.study_scenarios import scenario_of


def test_plan__finds_the_smallest_number_of_places(slots):
    """N devices of S seconds through C places take ceil(N / C) S: at most 600 s from C = 10 on."""
    found = plan(slots, {"platform.max_processing": "1..100"}, "makespan <= 600 s", replications=3)

    assert found.value == 10
    assert found.searches[0].before.value == 9
    assert found.searches[0].is_monotonic
    assert found.headline.startswith(
        "10 is the smallest platform.max_processing that is good enough: goals held in all 3 of 3"
    )
    assert "9: in 0 of 3" in str(found)


@pytest.mark.parametrize("goal_s", [61, 120, 500, 1000, 3000, 6000])
def test_plan__agrees_with_the_closed_form(slots, goal_s):
    """For any goal the answer is the smallest C with ceil(100 / C) * 60 s <= goal."""
    expected = next(c for c in range(1, 101) if -(-100 // c) * 60 <= goal_s)

    found = plan(slots, {"platform.max_processing": "1..100"}, f"makespan <= {goal_s} s", replications=1)

    assert found.value == expected


def test_plan__finds_the_smallest_bandwidth(link):
    """N downloads of S bytes over B take N S / B: 50 MB in 101 s need 3.96 Mbit/s."""
    found = plan(
        link, {"platform.bandwidth": "1 Mbit/s..10 Mbit/s:0.1 Mbit/s"}, "makespan <= 101 s", replications=2
    )
    fine = plan(link, {"platform.bandwidth": "1 Mbit/s..10 Mbit/s"}, "makespan <= 101 s", replications=2)

    assert found.value == "4 Mbit/s"
    answer = float(fine.value.removesuffix(" Mbit/s"))
    assert 400 / 101 <= answer < 400 / 101 * 1.011


@pytest.mark.parametrize("goal_s", [51, 80, 133, 250, 401])
def test_plan__agrees_with_n_s_over_b(link, goal_s):
    """For any goal the answer is the smallest B, in steps of 0.1 Mbit/s, with N S / B <= goal."""
    expected = next(tenths for tenths in range(10, 101) if 50 * 8 / (tenths / 10) <= goal_s)

    vary = {"platform.bandwidth": "1 Mbit/s..10 Mbit/s:0.1 Mbit/s"}
    found = plan(link, vary, f"makespan <= {goal_s} s", replications=1)

    assert float(found.value.removesuffix(" Mbit/s")) == pytest.approx(expected / 10)


def test_plan__finds_the_largest_package(link):
    """With `largest` more is worse: 50 S / 4 Mbit/s <= 100 s up to 1 MB."""
    scenario = link.with_values({"platform.bandwidth": "4 Mbit/s"})

    found = plan(
        scenario,
        {"campaign.package.size": "100 kB..5000 kB:100 kB"},
        "makespan <= 100.01 s",
        largest=True,
        replications=2,
    )

    assert found.value == "1000 kB"
    assert found.searches[0].before.value == "1100 kB"
    assert "largest campaign.package.size" in str(found)


def test_plan__all_goals_must_hold_together(slots):
    """The stricter goal decides."""
    goals = ["makespan <= 600 s", "time_to_success.p50 <= 120 s", "success_share >= 99 %"]

    assert plan(slots, {"platform.max_processing": "1..100"}, goals, replications=1).value == 25


def test_plan__a_frontier_has_an_answer_for_each_value_of_the_second_field(slots):
    """Places and time for installing pay for each other."""
    found = plan(
        slots,
        {"platform.max_processing": "1..40", "stages.install.constant": ["30 s", "60 s", "120 s", "1200 s"]},
        "makespan <= 600 s",
        replications=1,
    )

    assert found.frontier["platform.max_processing"].tolist()[:3] == [5, 10, 20]
    assert pd.isna(found.frontier["platform.max_processing"].iloc[3])
    assert found.frontier["stages.install.constant"].tolist() == ["30 s", "60 s", "120 s", "1200 s"]
    assert "out of reach" in str(found)


def test_plan__out_of_reach_is_said(slots):
    """No value of the range is enough: there is no answer, and the best that was seen."""
    found = plan(slots, {"platform.max_processing": "1..5"}, "makespan <= 600 s", replications=2)

    assert found.value is None
    assert "from 1 to 5: at best, at 5, goals held in none of 2 replications; 50.0 % of" in found.headline
    assert found.as_dict()["answers"][0]["value"] is None


@pytest.fixture(scope="module")
def thousand():
    """Return 1,000 devices of a minute each: ceil(1000 / C) minutes through C places."""
    return scenario_of(
        1000,
        stages={"install": {"constant": "60 s"}},
        failures=[],
        campaign={"package": {"version": "2", "size": "1 B"}},
    )


@pytest.mark.parametrize(
    "goals", [["makespan <= 10 min", "makespan >= 10 min"], ["makespan == 10 min"], ["makespan == 600 s"]]
)
@pytest.mark.parametrize(("largest", "value", "until"), [(False, 100, 111), (True, 111, 100)])
def test_plan__goals_that_pull_in_opposite_directions_are_searched(thousand, goals, largest, value, until):
    """Exactly ten rounds take 100 to 111 places, and none of the values across the range is among them."""
    found = plan(thousand, {"platform.max_processing": "1..400"}, goals, largest=largest, replications=2)

    (search,) = found.searches
    assert (found.value, search.last.value) == (value, until)
    assert search.is_opposed
    assert search.is_monotonic
    assert len(search.seen) < 30
    assert (search.before.value, search.after.value) == ((112, 99) if largest else (99, 112))
    way = "down to 100, at 99" if largest else "up to 111, at 112"
    assert f"Some goals get harder on the way; of what was looked at, all hold {way} only in 0 of 2" in str(
        found
    )
    assert found.as_dict()["answers"][0]["until"] == until


def test_plan__opposite_goals_that_no_value_meets_are_out_of_reach(thousand):
    """Between 9 and 10 minutes there is no makespan; what was looked at, and what that rests on, is said."""
    goals = ["makespan <= 590 s", "makespan >= 550 s"]
    found = plan(thousand, {"platform.max_processing": "1..400"}, goals, replications=1)

    seen = len(found.searches[0].seen)
    assert found.value is None
    assert seen < 30
    assert "Out of reach with any platform.max_processing from 1 to 400: at best, at " in found.headline
    assert "held in none of 1 replication;" in found.headline
    assert f"{seen} of 400 values were looked at: so it is if each goal comes or goes once" in str(found)


def test_plan__more_of_a_thing_that_only_hurts_holds_up_to_an_end(thousand):
    """A goal that goes is met by the smallest value; up to where is said."""
    found = plan(thousand, {"platform.max_processing": "1..400"}, "makespan >= 10 min", replications=1)

    assert (found.value, found.searches[0].last.value) == (1, 111)
    assert found.searches[0].is_monotonic


def test_plan__the_end_of_the_range_is_no_proof_of_the_smallest(slots):
    """If the least value does, perhaps less would; the text says so."""
    found = plan(slots, {"platform.max_processing": "50..100"}, "makespan <= 600 s", replications=2)

    assert found.value == 50
    assert found.searches[0].before is None
    assert "perhaps less would do" in str(found)


def test_plan__confidence_is_a_share_of_replications(tiny):
    """Asking for more confidence never gives a smaller value, and 100 % means every replication."""
    answers = [
        plan(
            tiny,
            {"campaign.task_policy.retry_count": "0..5"},
            "success_share >= 97 %",
            confidence=confidence,
            replications=20,
        )
        for confidence in ("10 %", "50 %", "100 %")
    ]

    values = [found.value for found in answers]
    assert values == sorted(values)
    assert answers[-1].searches[0].best.held == 20
    assert answers[0].searches[0].best.held >= 2


def test_plan__how_sure_it_is_comes_from_wilson(tiny):
    """Ten of ten replications do not prove 90 %; the text says how low the share may be."""
    found = plan(tiny, {"campaign.task_policy.retry_count": "0..5"}, "success_share >= 97 %", replications=10)
    best = found.searches[0].best

    assert best.interval[0] < 0.9
    assert "goals held in 9 of 10 replications, so in at least 59.6 % of all cases" in found.headline
    assert "10 replications can't show that the true share is 90 %" in str(found)
    row = found.frame[found.frame["is_answer"]].iloc[0]
    assert (row["share_low"], row["share_high"]) == best.interval


def test_plan__says_when_more_is_not_better():
    """Few failures are few, and many make an operator stop the campaign: the goal holds in between."""
    scenario = scenario_of(
        200,
        stages={"install": {"constant": "60 s"}},
        platform={"max_processing": 20},
        operators=[{"call": "stop", "when": {"failed_share_above": "60 %", "of_at_least": 20}}],
        campaign={"package": {"version": "2", "size": "1 kB"}},
        failures=[{"stage": "install", "code": 10, "probability": "5 %"}],
    )

    found = plan(
        scenario,
        {"failures[0].probability": "5 %..95 %:5 %"},
        "failed >= 60",
        confidence="60 %",
        replications=12,
        exhaustive=True,
    )

    search = found.searches[0]
    assert search.best is not None
    assert search.relapses
    assert not search.is_monotonic
    assert search.odd_replications > 0
    assert "NOT MONOTONIC" in str(found)


def test_plan__all_problems_are_named_before_anything_runs(tiny, monkeypatch):
    """Goals, confidence, fields and numbers are looked at together."""
    monkeypatch.setattr(dispatch, "perform_packed", None)
    with pytest.raises(ScenarioError) as caught:
        plan(
            tiny,
            {"platform.max_procesing": "1..9"},
            ["makespn <= 1 h"],
            confidence="0 %",
            replications=0,
            executor="moon",
        )

    text = str(caught.value)
    for part in ("max_procesing", "did you mean 'makespan'", "confidence", "replications", "no place to run"):
        assert part in text


@pytest.mark.parametrize(
    ("vary", "part"),
    [
        ({"platform.max_processing": "9..1"}, "is reversed"),
        ({"platform.max_processing": "5"}, "a single value"),
        ({"max_processing": "1..2", "max_downloads": "1..2", "seed": "1..2"}, "3 fields vary"),
        ({"platform.max_processing": "1..9", "platform.max_downloads": "1..99"}, "at most 50"),
        ({"platform.max_processing": "1..9", "platform.bandwidth": "1 MB/s..9 MB/s"}, "needs a step"),
    ],
)
def test_plan__fields_that_can_not_be_searched_are_named(tiny, vary, part):
    """Empty and reversed ranges, too many fields, too many values of the second one."""
    with pytest.raises(ScenarioError, match=part):
        plan(tiny, vary, "failed <= 1")


def test_plan__exhaustive_is_refused_where_it_would_never_end(tiny):
    """A range of a million values is bisected, not gone through."""
    with pytest.raises(ScenarioError, match="values to look at"):
        plan(tiny, {"platform.max_processing": "1..1000000"}, "failed <= 1", exhaustive=True)


def test_plan__a_wide_range_takes_few_looks(slots):
    """A million values need about twenty looks, the first of them by ratio."""
    found = plan(slots, {"platform.max_processing": "1..1000000"}, "makespan <= 600 s", replications=1)

    assert found.value == 10
    assert len(found.searches[0].seen) < 25


def test_plan__does_not_depend_on_who_computes_it(tiny):
    """One thread or several: the same values are looked at, with the same records."""
    vary = {"platform.max_processing": "1..60"}
    one, several = (
        plan(tiny, vary, "time_to_success.p50 <= 10 min", replications=6, workers=n) for n in (1, 3)
    )

    assert one.digest == several.digest
    assert one.as_dict() == several.as_dict()


def test_folder__holds_answer_frame_and_figure(slots, tmp_path):
    """The answer is there for programs, and a second plan takes what the first one looked at."""
    folder = tmp_path / "study"
    vary = {"platform.max_processing": "1..100"}
    plan(slots, vary, "makespan <= 600 s", replications=2, folder=folder)
    again = plan(slots, vary, "makespan <= 600 s", replications=2, folder=folder)

    answer = json.loads((folder / "plan.json").read_text(encoding="utf-8"))
    assert answer["answers"][0]["value"] == 10
    assert answer["answers"][0]["before"] == {"value": 9, "held": 0}
    assert answer["field"] == "platform.max_processing"
    frame = pd.read_parquet(folder / "plan.parquet")
    assert frame.loc[frame["is_answer"], "platform.max_processing"].tolist() == [10]
    assert {"replications", "held", "share", "makespan"} <= set(frame.columns)
    assert again.reused == len(again.frame) * 2
    assert (folder / "plan.png").read_bytes().startswith(b"\x89PNG")


def test_plan__other_goals_do_not_take_each_others_judgements(slots, tmp_path):
    """In one folder another goal is judged anew."""
    vary = {"platform.max_processing": "1..100"}
    first = plan(slots, vary, "makespan <= 600 s", replications=2, folder=tmp_path / "study")
    second = plan(slots, vary, "makespan <= 1200 s", replications=2, folder=tmp_path / "study")

    assert (first.value, second.value) == (10, 5)


SHIPPED = [
    ("silent-devices", {"platform.max_processing": "100..480:20"}, "makespan <= 4 d", False),
    (
        "night-meters",
        {"fleet.cohorts.meter.link_rate": "8 kbit/s..40 kbit/s:2 kbit/s"},
        "makespan <= 3 d",
        False,
    ),
    ("retry-script", {"platform.max_processing": "400..4000:200"}, "time_to_success.p90 <= 3 h", False),
    ("quickstart", {"campaign.package.size": "2 MiB..40 MiB:2 MiB"}, "time_to_success.p90 <= 4 h", True),
]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "vary", "goal", "largest"), SHIPPED)
def test_plan__bisection_finds_what_looking_everywhere_finds(repository: Path, name, vary, goal, largest):
    """On shipped scenarios the answer is that of an exhaustive search, inside the range."""
    scenario = load_scenario(repository / "scenarios" / f"{name}.yaml")
    options = {"largest": largest, "replications": 10}

    bisected = plan(scenario, vary, goal, **options)
    everywhere = plan(scenario, vary, goal, exhaustive=True, **options)

    assert bisected.value == everywhere.value
    assert everywhere.searches[0].before is not None
    assert len(bisected.searches[0].seen) < len(everywhere.searches[0].seen)


def test_plan__says_whether_the_order_of_devices_matters_at_the_answer(tmp_path):
    """Slow devices hold nobody up if they come last; mixed in, they do, and the answer hangs on it."""
    fleet = {
        "cohorts": [
            {"name": "quick", "devices": 120, "stages": {"install": {"constant": "5 min"}}},
            {"name": "slow", "devices": 5, "stages": {"install": {"constant": "1 h"}}},
        ]
    }
    campaign = {"package": {"version": "2.0", "size": "1 MB"}, "order": "file"}
    scenario = scenario_of(fleet=fleet, campaign=campaign, failures=[])
    places = {"platform.max_processing": "1..20"}
    found = plan(scenario, places, "time_to_success.p95 <= 1 h", replications=3, folder=tmp_path / "plan")

    assert found.value == 10
    assert "order matters here: places bind (10 of 10 in Processing); with order 'shuffled'" in found.order
    assert "Note: order matters here" in str(found)
    assert json.loads((tmp_path / "plan" / "plan.json").read_text())["order"] == found.order


def test_plan__of_one_cohort_says_nothing_of_order(slots):
    """Among equals nobody's place in line changes the answer, and nothing more is run."""
    found = plan(slots, {"platform.max_processing": "1..100"}, "makespan <= 600 s", replications=1)

    assert found.order == ""
    assert found.as_dict()["order"] is None


def test_plan__costs_are_goals(slots):
    """At 1 EUR a minute 100 devices in C places cost ceil(100 / C) EUR: 25 places keep to 4."""
    priced = slots.with_values({"costs": {"per_day": "1440 EUR"}})
    found = plan(priced, {"max_processing": "1..100"}, "cost <= 4 EUR", replications=2)

    assert found.value == 25
    assert "4.00 EUR" in found.text()
    assert found.axis.path == "platform.max_processing"
