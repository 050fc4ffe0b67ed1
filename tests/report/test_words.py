"""Question and verdict are sentences that somebody can read who never ran it."""

import pytest

from sim.report.words import actual_text, bound_text, site_words, verdict_of
from sim.results.display.format import counted
from sim.scenario import make_scenario, parse_expectation
from sim.scenario.sections.expectation import Expectation


def expectation(key: str, text: str) -> Expectation:
    """Return an expectation as a scenario would hold it."""
    return Expectation(**parse_expectation(key, text))


@pytest.mark.parametrize(
    ("key", "text", "words"),
    [
        ("success_share", ">= 98 %", "at least 98 %"),
        ("time_to_success.p95", "<= 12 h", "at most 12 h"),
        ("peak_bandwidth", "< 1 Gbit/s", "below 1 Gbit/s"),
        ("failed", "== 0", "exactly 0"),
        ("succeeded", "at 2 h: > 500", "above 500 at 2 h"),
        ("failed", "<= 10 in at least 90 % of replications", "at most 10 in at least 90.0 % of the runs"),
        ("failed", "within 5 % of baseline", "within 5 % of baseline"),
    ],
)
def test_bound_text__is_what_the_scenario_wants_in_words(key, text, words):
    """Operators and units become words, and a bound keeps its own digits."""
    assert bound_text(expectation(key, text)) == words


def test_actual_text__of_replications_is_a_share():
    """An expectation across replications met a share of them; any other a value."""
    several = expectation("failed", "<= 10 in at least 90 % of replications")

    assert actual_text(several, {"actual": 0.95, "met": True}) == "in 95.0 % of the runs"
    assert actual_text(expectation("makespan", "<= 1 h"), {"actual": 5400.0, "met": False}) == "1 h 30 min"
    assert actual_text(expectation("makespan", "<= 1 h"), {"actual": None, "met": False}) == "never"


def test_verdict_of__a_broken_expectation_is_named(stored):
    """One of two expectations fails: the answer says no, which one, and by how much."""
    verdict = verdict_of(stored)

    assert verdict.is_met is False
    assert verdict.question == (
        "When 800 devices are upgraded to 2.0, do these hold: share of the fleet in Success at least 90 %, "
        "time until the last device has settled at most 1 h?"
    )
    assert verdict.answer.startswith("No: ")
    assert "1 of 2 expectations fail: time until the last device has settled is" in verdict.answer
    assert verdict.answer.endswith("not at most 1 h.")
    assert verdict.answer.count(". ") == 0


@pytest.mark.parametrize(
    ("expect", "end"),
    [
        ({"success_share": ">= 50 %"}, "; the expectation is met."),
        ({"success_share": ">= 50 %", "failed": ">= 0"}, "; both expectations are met."),
        (
            {f"time_to_success.p{p}": ">= 0 s" for p in (50, 90)} | {"failed": [">= 0"] * 4},
            "; all 6 expectations are met.",
        ),
    ],
)
def test_verdict_of__all_met(make_stored, expect, end):
    """If all hold, the answer says yes and how many there were."""
    verdict = verdict_of(make_stored(expect=expect))

    assert verdict.is_met is True
    assert verdict.answer.startswith("Yes: ")
    assert verdict.answer.endswith(end)


def test_verdict_of__nothing_expected(make_stored):
    """Without expectations there is neither yes nor no."""
    verdict = verdict_of(make_stored(expect=None))

    assert verdict.is_met is None
    assert verdict.question == "What becomes of 800 devices that are upgraded to 2.0?"
    assert verdict.answer.endswith("states nothing that it expects.")


def test_counted__one_is_singular():
    """One device, no devices, and a mean with its decimal."""
    assert [counted(n, "device") for n in (0, 1, 2, 1.5)] == [
        "0 devices",
        "1 device",
        "2 devices",
        "1.5 devices",
    ]


def test_site_words__say_what_is_shared():
    """Line and turns of each cohort's sites; who is at none is not named."""
    cohorts = [
        {"name": "shop", "devices": 100, "site": {"devices": 50, "uplink": "10 Mbit/s", "at_a_time": 4}},
        {"name": "office", "devices": 10},
        {"name": "kiosk", "devices": 9, "site": {"devices": 3, "at_a_time": 1}},
    ]
    package = {"version": "2", "size": "1 MB"}

    assert site_words(make_scenario({"fleet": {"cohorts": cohorts}, "campaign": {"package": package}})) == [
        "shop, 50 devices each: a line of 10 Mbit/s, 4 upgraded at a time",
        "kiosk, 3 devices each: 1 upgraded at a time",
    ]
