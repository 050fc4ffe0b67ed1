"""Pages of sweeps, plans and policies say what their files say."""

import json
import shutil
from itertools import pairwise
from pathlib import Path

import pandas as pd
import pytest

import sim
from sim.errors import ScenarioError
from sim.report import report_html
from sim.report.study.pages import study_page
from sim.report.time_scales import time_ticks
from sim.scenario import METRICS, parse_scenario
from sim.study.policies.answer import OBJECTIVES
from sim.study.policies.front import ADVICE


def test_study_page__of_a_sweep_has_its_means(studies):
    """A line a value of the second field, and every variant in the table."""
    page = study_page(studies["sweep"])
    chart, table = page.charts[0], page.sections[1].tables[0]

    assert page.title == "tiny: sweep"
    assert page.answer == json.loads((studies["sweep"] / "sweep.json").read_text())["headline"]
    assert len(table.rows) == 6
    assert [name for _, name, _ in chart.legend] == [
        "retry_interval 5 min",
        "retry_interval 10 min",
    ]
    assert chart.data["name"] == ["0", "0", "1", "1", "2", "2"]


def test_study_page__of_a_plan_has_its_answer(studies):
    """The answer of plan.json is the sentence, and one dot of the chart is marked."""
    page = study_page(studies["plan"])
    plan = json.loads((studies["plan"] / "plan.json").read_text())

    assert page.mood == "met"
    assert page.answer == plan["headline"]
    assert "in at least 90 % of the runs" in page.question
    assert "time until 90 % of the fleet is in Success is at most 10 min" in page.question
    assert sum(page.charts[0].data["answer"]) == 1


def test_study_page__of_a_plan_out_of_reach_says_so(studies):
    """If no value is good enough, that is the answer."""
    page = study_page(studies["never"])

    assert page.mood == "unmet"
    assert page.answer == json.loads((studies["never"] / "plan.json").read_text())["headline"]
    assert [chart.name for chart in page.charts] == ["goal-makespan"]  # shares of nothing are no chart
    assert page.sections[0].sentences == ["At none of these values a run of 2 met all goals."]


def test_study_page__of_two_fields_is_a_frontier(studies):
    """A second field gives a chart and a table of pairs; what was looked at is told with it."""
    page = study_page(studies["frontier"])
    (chart,) = page.charts
    answers = json.loads((studies["frontier"] / "plan.json").read_text())["answers"]
    looked_at = page.sections[1].tables[0]

    assert chart.data["y"] == [float(answer["value"]) for answer in answers if answer["value"] is not None]
    assert chart.title == "Smallest platform.max_processing that is good enough"
    assert "of 2 values of" in page.answer
    assert len(page.sections[0].tables[0].rows) == 2
    assert looked_at.headers[:2] == ("platform.bandwidth", "platform.max_processing")
    assert {row[0] for row in looked_at.rows} == {"1 Mbit/s", "10 Mbit/s"}


def test_study_page__of_a_frontier_names_what_is_out_of_reach(studies, tmp_path):
    """A value without an answer has no dot but a note; without any answer there is no chart."""
    folder = copied(studies["frontier"], tmp_path)
    frontier = pd.read_parquet(folder / "frontier.parquet")
    frontier.loc[0, "platform.max_processing"] = pd.NA
    frontier.to_parquet(folder / "frontier.parquet")
    (chart,) = study_page(folder).charts
    assert chart.data["name"] == ["10 Mbit/s"]
    assert chart.note == "Out of reach with bandwidth 1 Mbit/s."

    frontier["platform.max_processing"] = pd.NA
    frontier.to_parquet(folder / "frontier.parquet")
    assert study_page(folder).charts == []


def test_study_page__of_a_policy_search_names_the_best_and_the_advice(studies):
    """The sentence names the policy that leaves fewest behind, and where the advice stands."""
    page = study_page(studies["policy"])
    told = page.sections[0].sentences[0]

    assert page.answer == json.loads((studies["policy"] / "policy.json").read_text())["headline"]
    assert "The console's advice, 2 × 5 min" in told or "what the console advises" in told
    assert sum(page.charts[0].data["advice"]) == 1
    assert {row[-1] for row in page.sections[1].tables[0].rows} <= {"on the front", ""}


def test_study_page__of_a_fleet_that_remembers_says_what_the_advice_is_worth(studies, tmp_path):
    """A flat battery lasts: the page says so, why the advice is on the front, and that it has no diamond."""
    flat = {"stage": "query", "code": 4, "probability": "10 %", "lasts": {"exponential": {"mean": "8 h"}}}
    poor = {"stage": "verify", "code": 7, "probability": "5 %"}
    text = json.loads((studies["sweep"] / "study.json").read_text())["scenario_text"]
    scenario = parse_scenario(text).with_values({"failures": [flat, poor], "run.until": "7 d"})
    found = sim.policy(scenario, replications=2, folder=tmp_path, tolerance=0.05)
    page = study_page(tmp_path)
    (remember,) = [text for text in page.sections[0].sentences if text.startswith("Devices remember here")]
    advised = found.frame.query("retry_count == 2 and retry_interval_min == 5").iloc[0]
    least = found.frame.query("retry_count == 2")["not_upgraded"].min()

    assert "(conditions last 8 h on average)" in remember
    assert f" leaves {least:g} behind" in remember
    assert remember.endswith(f", 2 × 5 min leaves {advised['not_upgraded']:g} behind.")
    assert all("2 × 5 min, never upgrades 99 %, so it has no diamond" in c.note for c in page.charts)
    assert sum(page.charts[0].data["advice"]) == 0
    assert "never instead of " in page.sections[0].sentences[0]

    front = pd.read_parquet(tmp_path / "front.parquet")
    at = front.query("retry_count == 2 and retry_interval_min == 5").index[0]
    front.loc[at, ["on_front", "bytes_wasted"]] = [True, 0]
    front.to_parquet(tmp_path / "front.parquet")
    assert (
        "is on the front too, but only for 0 B wasted instead of "
        in study_page(tmp_path).sections[0].sentences[0]
    )


@pytest.mark.parametrize("name", ["time_to_success.p95", "time_to_success.p50"])
def test_study_page__of_a_policy_search_says_which_time_it_is(name, studies, tmp_path):
    """Where 99 % are out of reach the times are those of fewer devices, and the page says of how many."""
    for path in studies["policy"].rglob("*"):
        if path.is_file():
            copy = tmp_path / path.relative_to(studies["policy"])
            copy.parent.mkdir(exist_ok=True)
            copy.write_bytes(path.read_bytes())
    front = pd.read_parquet(tmp_path / "front.parquet")
    row = front[front["time"].notna()].iloc[0]
    key = f"policy {row['retry_count']} {row['retry_interval_min']}"
    values = [
        dict(zip(METRICS, run, strict=True))[name]
        for unit in (json.loads(path.read_bytes()) for path in (tmp_path / "tasks").glob("*.json"))
        for found, runs in zip(unit["keys"], unit["metrics"], strict=True)
        for run in runs
        if found == key
    ]
    front.loc[row.name, "time"] = sum(values) / len(values)
    front.to_parquet(tmp_path / "front.parquet")

    percent = name.rpartition(".p")[2]
    (tmp_path / "policy.json").unlink()  # as in folders of earlier versions
    assert f"{percent} % are upgraded in" in study_page(tmp_path).answer


def copied(source: Path, target: Path) -> Path:
    """Copy the folder of a study, to change it, and return the copy."""
    shutil.copytree(source, target, dirs_exist_ok=True)
    return target


def test_study_page__of_a_plan_shows_the_metric_of_its_goal(studies):
    """Beside the shares stands the goal's metric over the field, with its bound, and in the table."""
    page = study_page(studies["plan"])
    shares, chart = page.charts
    (table,) = page.sections[1].tables

    assert shares.name == "plan"
    assert chart.title == "Time until 90 % of the fleet is in Success"
    assert [{"wanted": 600.0}] in chart.spec["datasets"].values()
    assert table.headers[3] == "time until 90 % of the fleet is in Success"
    assert all(type(x) is float for x in chart.data["x"])


def test_study_page__of_a_plan_whose_metric_never_came_about_shows_how_far_it_came(studies, tmp_path):
    """A time that no value reaches has no dots; the share of the fleet in Success has."""
    folder = copied(studies["never"], tmp_path)
    frame = pd.read_parquet(folder / "plan.parquet")
    frame["makespan"] = float("nan")
    frame.to_parquet(folder / "plan.parquet")
    (chart,) = study_page(folder).charts

    assert chart.name == "goal-success_share"
    assert "never came about" in chart.note
    assert all(mean is not None for mean in chart.data["mean"])


def test_study_page__of_a_sweep_shows_every_metric_that_was_asked_for(studies, tmp_path):
    """What was asked for stands there, however many, also what is the same at all points."""
    folder = copied(studies["sweep"], tmp_path)
    asked = ["retry_calls", "attempts", "api_calls", "bytes_wasted", "devices", "makespan"]
    told = json.loads((folder / "sweep.json").read_text())
    (folder / "sweep.json").write_text(json.dumps({**told, "metrics": asked}))
    page = study_page(folder)

    assert [chart.name for chart in page.charts] == asked
    assert len(page.sections[1].tables[0].headers) == 1 + len(asked)


def test_study_page__of_an_older_folder_leaves_out_what_it_lacks(studies, tmp_path):
    """Files without a metric, or without an answer of their own, have a page with a gap in it."""
    folder = copied(studies["sweep"], tmp_path / "sweep")
    frame = pd.read_parquet(folder / "summary.parquet")
    frame[~frame["metric"].isin(["bytes_wasted", "attempts_per_device"])].to_parquet(
        folder / "summary.parquet"
    )
    (folder / "sweep.json").unlink()
    page = study_page(folder)
    assert page.answer.startswith("From retry_count 0, retry_interval 5 min to retry_count 2")
    assert "bytes_wasted" not in {chart.name for chart in page.charts}

    folder = copied(studies["plan"], tmp_path / "plan")
    frame = pd.read_parquet(folder / "plan.parquet")
    frame.drop(columns="time_to_success.p90").to_parquet(folder / "plan.parquet")
    assert [chart.name for chart in study_page(folder).charts] == ["plan", "goal-success_share"]

    folder = copied(studies["policy"], tmp_path / "policy")
    for path in (folder / "tasks").glob("*.json"):
        unit = json.loads(path.read_bytes())
        unit["metrics"] = [[values[:-3] for values in runs] for runs in unit["metrics"]]
        path.write_text(json.dumps(unit))
    assert "99 % upgraded after" in study_page(folder).sections[1].tables[0].headers


@pytest.mark.parametrize("kind", ["sweep", "plan", "policy", "replications", "sensitivity"])
def test_report_html__of_a_study_is_one_small_file(kind, studies):
    """A study's report is a page like that of a run."""
    text = report_html(studies[kind])

    assert len(text.encode()) < 1_200_000
    assert "default-src 'none'" in text


def test_study_page__refuses_what_it_does_not_know(studies, tmp_path):
    """Another kind of study, and one that was interrupted, are named."""
    origin = json.loads((studies["plan"] / "study.json").read_text())
    (tmp_path / "study.json").write_text(json.dumps({**origin, "kind": "guess"}))
    with pytest.raises(ScenarioError, match="kind 'guess'"):
        study_page(tmp_path)
    (tmp_path / "study.json").write_text(json.dumps(origin))
    with pytest.raises(ScenarioError, match=r"plan\.json missing"):
        study_page(tmp_path)


@pytest.mark.parametrize(("low_s", "high_s"), [(0.0, 10.0), (366_000.0, 440_000.0), (3_000.0, 3_001.0)])
def test_time_ticks__enclose_the_range_with_round_times(low_s, high_s):
    """Ticks are whole steps apart, and the outer ones lie outside."""
    ticks = time_ticks(low_s, high_s)
    steps = {later - earlier for earlier, later in pairwise(ticks)}

    assert len(steps) == 1
    assert ticks[0] <= low_s
    assert ticks[-1] > high_s
    assert len(ticks) <= 10


def test_study_page__of_a_policy_search_with_costs_shows_them(studies, tmp_path):
    """The finalists have a column of cost with its currency, and what was compared names it."""
    text = json.loads((studies["sweep"] / "study.json").read_text())["scenario_text"]
    scenario = parse_scenario(text).with_values({"costs": {"per_visit": "80 EUR"}})
    found = sim.policy(scenario, replications=2, objective="cost", folder=tmp_path)
    section = study_page(tmp_path).sections[1]
    (table,) = section.tables

    assert table.headers[-2:] == ("cost", "remark")
    assert all(row[-2].endswith(" EUR") for row in table.rows)
    assert "peak load, cost)" in section.sentences[0]
    assert "cost" not in study_page(studies["policy"]).sections[1].tables[0].headers

    told = study_page(tmp_path).sections[0].sentences[0]
    change = found.difference(ADVICE, found.best, "cost")
    assert (" EUR of cost instead of " in told) == bool(change.low[0] > 0 or change.high[0] < 0)


def test_study_page__of_a_policy_search_does_not_call_noise_a_defeat(studies, tmp_path):
    """The advice is beaten where a paired difference has its interval on one side of 0, else as good."""
    folder = copied(studies["policy"], tmp_path)
    front = pd.read_parquet(folder / "front.parquet")
    best = json.loads((folder / "policy.json").read_text())["best"]
    at = front.query(f"retry_count == {best['retry_count']}").index[0]
    advice = front.query("retry_count == 2 and retry_interval_min == 5").index[0]
    assert at != advice
    front.loc[advice, "on_front"] = False
    for name in OBJECTIVES:
        front[name] = front[name].astype(float).fillna(1.0)
        front.loc[advice, name] = front.loc[at, name] + 1
        for end, value in (("", -1.0), ("_low", -3.0), ("_high", 1.0)):
            front[f"{name}_vs_advice{end}"] = value
    front.to_parquet(folder / "front.parquet")
    told = study_page(folder).sections[0].sentences[0]
    assert told.endswith("2 × 5 min, is as good as others on the front, as far as these runs can tell.")

    front.loc[at, "extra_attempts_vs_advice_high"] = -0.5
    front.to_parquet(folder / "front.parquet")
    told = study_page(folder).sections[0].sentences[0]
    assert f"2 × 5 min, is beaten by {best['retry_count']} × {best['retry_interval_min']} min: " in told
    assert " extra attempts instead of " in told
    assert told.count("instead of") == 1
