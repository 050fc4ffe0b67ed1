"""What a plan says: the answer first, how sure it is, and how far the best value came if there is none."""

import pytest

from sim.study import plan
from support.study_scenarios import scenario_of

PLACES = "platform.max_processing"


@pytest.fixture
def places():
    """Return 100 devices that take 60 s each in one of `max_processing` places: ceil(100 / C) * 60 s."""
    return scenario_of(100, name="places", stages={"install": {"constant": "60 s"}}, failures=[])


def test_headline__all_replications_are_told_first_and_wilsons_bound_second(places):
    """10 of 10 is what was seen; what that says of all cases comes behind it."""
    found = plan(places, {PLACES: "1..100"}, "makespan <= 600 s", replications=10)

    assert found.headline == (
        "10 is the smallest platform.max_processing that is good enough: goals held in all 10 of 10 "
        "replications, so in at least 72.2 % of all cases (Wilson's 95 % bound)."
    )
    assert " ".join(str(found).split("\n\n")[0].split()) == found.headline
    assert found.as_dict()["headline"] == found.headline


def test_headline__out_of_reach_says_how_far_each_value_came_and_what_kept_the_rest(places):
    """The share that was upgraded in time stands beside every value, and in the sentence for the best one."""
    short = places.with_values({"run.until": "20 min"})

    found = plan(short, {PLACES: "1..4"}, "time_to_success.p99 <= 10 min", replications=3)

    assert found.value is None
    assert found.headline == (
        "Out of reach with any platform.max_processing from 1 to 4: at best, at 4, goals held in none of 3 "
        "replications; 40.0 % of the fleet upgraded by 10 min. 20 of 100 devices never got a place "
        "before the run ended; raise platform.max_processing or run.until first."
    )
    assert [seen.upgraded_by[0] for seen in found.searches[0].seen] == pytest.approx([0.1, 0.2, 0.3, 0.4])
    assert "upgraded by 10 min" in str(found)
    assert found.as_dict()["why"].startswith("20 of 100 devices never got a place")
    assert found.frame["upgraded_by_600_s"].tolist() == pytest.approx([0.1, 0.2, 0.3, 0.4])


def test_headline__out_of_reach_because_devices_fail_names_the_failure(places):
    """Where nobody waits, it is the failure that must be dealt with."""
    failing = places.with_values({"failures": [{"stage": "install", "code": 10, "permanent": "50 %"}]})

    found = plan(failing, {PLACES: "50..100"}, "success_share >= 99 %", replications=3)

    assert "Out of reach" in found.headline
    assert (
        "of 100 devices failed, most often with code 10: Upgrade package installation failure"
        in found.headline
    )


def test_headline__of_a_frontier_counts_the_values_within_reach(places):
    """With a second field the sentence says for how many of its values there is an answer."""
    goal = "makespan <= 600 s"

    some = plan(places, {PLACES: "1..20", "stages.install.constant": "60 s,1200 s"}, goal, replications=2)
    none = plan(places, {PLACES: "1..3", "stages.install.constant": "60 s,1200 s"}, goal, replications=2)

    assert some.headline.startswith(
        "With 1 of 2 values of stages.install.constant some platform.max_processing"
    )
    assert none.headline.startswith(
        "Out of reach: no platform.max_processing is good enough with any of 2 values"
    )


def test_text__whole_numbers_have_separators(places):
    """Values are written as counts are."""
    found = plan(places, {PLACES: "1000..20000"}, "makespan <= 600 s", replications=2)

    assert "among 19,001 values from 1,000 to 20,000" in str(found)
    assert "\n  1,000 " in str(found)


def test_headline__a_goal_in_the_wrong_direction_is_told_as_what_came_instead(places):
    """That all devices were upgraded, or not, explains nothing of a makespan that shall be long."""
    found = plan(places, {PLACES: "50..100"}, "makespan >= 30 d", replications=2)

    assert found.headline.endswith("On average makespan is 60 s there, and the goal wants >= 30 d.")


def test_headline__too_late_says_what_limited_it(places):
    """Where all devices are upgraded, and too late, the reason is what they waited for."""
    found = plan(places, {PLACES: "1..4"}, "makespan <= 10 min", replications=2)

    assert "What limited it" in found.headline or "limited" in found.headline


def test_headline__goals_that_hold_only_apart_are_told_so():
    """Each goal holds often enough, in other replications than the other."""
    base = scenario_of(100, name="odd", failures=[{"stage": "install", "code": 10, "probability": "50 %"}])

    found = plan(
        base, {PLACES: "100, 101"}, ["failed <= 23", "failed >= 24"], replications=20, confidence="20 %"
    )

    assert found.value is None
    assert "each goal alone holds often enough, but all together do not" in found.headline.lower()


def test_frontier__out_of_reach_has_a_reason(places):
    """With two fields the sentence says how far the nearest pair came, and why no further."""
    short = places.with_values({"run.until": "20 min"})
    fields = {PLACES: "1..3", "stages.install.constant": "60 s,1200 s"}

    found = plan(short, fields, "time_to_success.p99 <= 10 min", replications=2)

    assert found.headline == (
        "Out of reach: no platform.max_processing is good enough with any of 2 values of "
        "stages.install.constant; at best, at 3 with 60 s, goals held in none of 2 replications; 30.0 % of "
        "the fleet upgraded by 10 min. 40 of 100 devices never got a place before the run ended; raise "
        "platform.max_processing or run.until first."
    )
    assert found.as_dict()["why"].startswith("40 of 100 devices never got a place")


def test_frontier__is_told_in_sentences(places):
    """Each value of the second field has a sentence: its answer, or how far it came."""
    fields = {PLACES: "1..20", "stages.install.constant": "60 s,1200 s"}

    found = plan(places, fields, "makespan <= 600 s", replications=2)
    text = " ".join(str(found).split())

    assert found.headline.endswith("is good enough. The smallest is 10 with 60 s.")
    assert (
        "With stages.install.constant 60 s 10 is the smallest platform.max_processing: goals held in all 2 "
        in text
    )
    assert (
        "With stages.install.constant 1200 s no platform.max_processing from 1 to 20 is good enough: at "
        "best, at 20, goals held in none of 2 replications; 0 % of the fleet upgraded by 10 min." in text
    )


def test_text__never_says_why(places):
    """A time that is not reached stands beside how the devices ended that are missing."""
    short = places.with_values({"run.until": "20 min"})

    text = " ".join(str(plan(short, {PLACES: "1..4"}, "makespan <= 10 min", replications=2)).split())

    assert (
        "never: some replication did not get there; at 1 on average 0 failed, 0 were stopped and 80 still "
        "pending of 100 devices when the run ended" in text
    )
