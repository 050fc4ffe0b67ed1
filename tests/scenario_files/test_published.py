"""Published campaigns: what others wrote down, and what the scenarios beside their sources say."""

import re
from pathlib import Path

import numpy as np
import pytest

import sim
from sim.rules import SubtaskState

FOLDER = Path(__file__).resolve().parents[2] / "scenarios" / "published"
PAGE = FOLDER.parents[1] / ".readme" / "published.md"
DAY_S = 86_400.0

FILE_BIT, SERVER, PEER = 15_360e6, 30e6, 2e6
"""Size of the textbook's file, rates of its server and of one peer, in bit and bit/s."""
PROBABILITIES = (0.01, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.75)
ADOPTED = {
    1: 0.155,
    2: 0.289,
    3: 0.337,
    4: 0.364,
    5: 0.389,
    6: 0.400,
    7: 0.421,
    14: 0.484,
    21: 0.526,
    28: 0.559,
    30.5: 0.568,
}
"""Share of 10,000 installs by days since the release."""


def run_of(name, **changes):
    """Return the result of a published scenario."""
    return sim.run(FOLDER / f"{name}.yaml", **changes)


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.yaml")), ids=lambda path: path.stem)
def test_published__says_who_says_so_and_what_is_assumed(path):
    """A reader finds the source and the answer in the file, and on the page that lists them."""
    text = path.read_text(encoding="utf-8")
    scenario = sim.load_scenario(path)

    assert scenario.name == path.stem
    assert text.startswith("# They say: ")
    assert "# We say" in text
    assert re.search(r"\bSource: ", text)
    assert f"scenarios/published/{path.name}" in PAGE.read_text(encoding="utf-8")


@pytest.mark.parametrize("peers", [10, 100, 1000])
def test_distribute__takes_what_the_textbook_says_to_the_microsecond(peers):
    """max(N F / u, F / d): 7,680, 51,200 and 512,000 s."""
    bound_s = max(peers * FILE_BIT / SERVER, FILE_BIT / PEER)

    result = run_of(f"distribute-{peers}")

    assert result.metrics["makespan"] == bound_s
    assert result.metrics["time_to_success.p50"] == bound_s  # fair shares: all are done at once


def test_distribute__in_one_day_nobody_gets_the_file():
    """30 Mbit/s for 24 h are 324 GB, 16.9 % of the file for each of 1,000 peers."""
    result = run_of("distribute-1000-one-day")

    assert result.metrics["succeeded"] == 0
    assert result.metrics["bytes_wasted"] == SERVER / 8 * DAY_S
    assert result.metrics["bytes_wasted"] / 1000 / (FILE_BIT / 8) == pytest.approx(0.16875)


def test_distribute__in_turn_eleven_groups_of_fifteen_fit_into_the_day():
    """Each takes 7,680 s."""
    groups = int(DAY_S // (FILE_BIT / PEER))

    assert run_of("distribute-1000-in-turn").metrics["succeeded"] == 15 * groups == 165


def test_retries__make_the_eight_rows_of_the_table():
    """1 - p^4 succeed, after (1 - p^4) / (1 - p) attempts, within four standard errors."""
    result = run_of("retries")
    n = 20_000

    for cohort, p in zip(result.scenario.fleet.cohorts, PROBABILITIES, strict=True):
        chances = np.array([(1 - p), p * (1 - p), p**2 * (1 - p), p**3])
        tries = np.arange(1, 5)
        attempts = (1 - p**4) / (1 - p)
        spread = np.sqrt(chances @ tries**2 - attempts**2)
        mine = result.targets[result.targets["cohort"] == cohort.name]
        share = (mine["status"] == SubtaskState.SUCCESS.wire).mean()
        assert chances @ tries == pytest.approx(attempts)
        assert share == pytest.approx(1 - p**4, abs=4 * np.sqrt(p**4 * (1 - p**4) / n))
        assert mine["attempts"].mean() == pytest.approx(attempts, abs=4 * spread / np.sqrt(n))


def test_retries__expect_what_the_formula_gives():
    """The bounds in the file are no looser than four standard errors."""
    scenario = sim.load_scenario(FOLDER / "retries.yaml")
    bounds = {
        (line.cohort, line.metric, line.op): line.value
        for lines in scenario.expect.values()
        for line in lines
        if line.metric == "success_share"
    }

    for cohort, p in zip(scenario.fleet.cohorts, PROBABILITIES, strict=True):
        margin = 4 * np.sqrt(p**4 * (1 - p**4) / 20_000)
        assert bounds[cohort.name, "success_share", ">="] == pytest.approx(1 - p**4 - margin, abs=2e-6)
        assert bounds[cohort.name, "success_share", "<="] == pytest.approx(
            min(1, 1 - p**4 + margin), abs=2e-6
        )


def test_adoption__is_within_two_points_at_eleven_times():
    """Two kinds of users tell the curve; one kind is wrong by up to five points."""
    result = run_of("adoption", replications=1)
    ends_d = result.targets.loc[result.targets["status"] == "Success", "end_s"].to_numpy() / DAY_S
    days, seen = np.array(list(ADOPTED)), np.array(list(ADOPTED.values()))

    ours = np.array([(ends_d <= day).sum() for day in days]) / 10_000
    one_kind = 0.53 * (1 - np.exp(-days / 3.4))

    assert np.abs(ours - seen).max() < 0.022  # one run: half a point more than the mean of many
    assert np.abs(one_kind - seen).max() == pytest.approx(0.053, abs=0.001)


def test_plano__loses_73_000_at_once_and_730_behind_a_gate():
    """A canary of one in a hundred and a gate that waits for the timer."""
    at_once, gated = run_of("plano"), run_of("plano-gate")
    silenced = 87_000 * 0.839

    assert at_once.metrics["failed"] == pytest.approx(silenced, abs=4 * np.sqrt(silenced * 0.161))
    assert gated.metrics["attempts"] == 870
    assert gated.metrics["devices"] - gated.metrics["pending"] == 870
    lost = 870 - gated.metrics["succeeded"]
    assert lost == pytest.approx(730, abs=4 * np.sqrt(730 * 0.161))


def rows_of(title):
    """Return the cells of the table below a title of the page."""
    text = PAGE.read_text(encoding="utf-8").partition(f"## {title}")[2].partition("\n## ")[0]
    rows = [
        [cell.strip() for cell in row.split("|")[1:-1]] for row in re.findall(r"^\|.*\|$", text, re.MULTILINE)
    ]
    return rows[2:]  # without the head


def test_page__shows_the_retries_that_come_out():
    """The columns of the formula and of the run."""
    result = run_of("retries")
    targets = result.targets.groupby("cohort", sort=False)
    shares = targets["status"].agg(lambda status: (status == "Success").mean())
    attempts = targets["attempts"].mean()

    for row, p, share, tries in zip(
        rows_of("Retries against a failing server"), PROBABILITIES, shares, attempts, strict=True
    ):
        assert float(row[0]) == p
        assert float(row[1].rstrip(" %")) / 100 == pytest.approx(1 - p**4, abs=1e-6)
        assert float(row[2].rstrip(" %")) / 100 == pytest.approx(share, abs=1e-9)
        assert float(row[3]) == pytest.approx((1 - p**4) / (1 - p), abs=1e-4)
        assert float(row[4]) == pytest.approx(tries, abs=5e-5)


def test_page__shows_the_adoption_that_comes_out():
    """The mean of the scenario's replications at each of the eleven times."""
    verdicts = run_of("adoption").expectations
    rows = rows_of("Adoption of an update that asks for consent")

    assert [float(row[0]) for row in rows] == list(ADOPTED)
    for row, seen, verdict in zip(rows, ADOPTED.values(), verdicts[::2], strict=True):
        assert verdict.met
        assert float(row[1].rstrip(" %")) / 100 == pytest.approx(seen)
        assert float(row[2].rstrip(" %")) / 100 == pytest.approx(verdict.actual, abs=5.1e-4)


def test_desktops__are_half_done_in_a_day_and_nine_in_ten_in_a_week():
    """The shape that was reported."""
    ends = run_of("desktops", replications=1).targets.query("status == 'Success'")["end_s"]

    assert 500 < (ends <= DAY_S).sum() < 900 < (ends <= 7 * DAY_S).sum()
