"""What would have saved a device: each lever where it is the only one that helps, and what is offered."""

import numpy as np
import pytest
from explain.explained import S, campaigns, scenario_of
from hypothesis import given, settings

from sim.campaign import run_campaign
from sim.explain import explain
from sim.explain.counterfactuals import EVERYTHING, mark_of, rescues_of
from sim.explain.interventions import Change, changed, levers
from sim.rules import Reason, Stage, SubtaskState

FAIL = SubtaskState.FAIL


def saviours(scenario, device=0):
    """Return the levers that save a device, with the change that did; and those that don't."""
    run = run_campaign(scenario)
    assert run.records.status[device] != SubtaskState.SUCCESS
    rescues = rescues_of(run, device)
    saved = {rescue.lever: rescue.text for rescue in rescues if rescue.has_saved}
    return saved, {rescue.lever for rescue in rescues} - set(saved)


def failing_until(n_attempts, **sections):
    """Return a scenario and a device of it that fails in its first attempts and would succeed in the next."""
    failures = [{"stage": "query", "code": 1, "probability": 0.5}]
    policy = {"task_policy": {"retry_count": 5, "retry_interval": "1 min"}}
    patient = scenario_of({"devices": 60}, failures=failures, campaign=policy, **sections)
    records = run_campaign(patient).records
    right = (records.attempts == n_attempts + 1) & (records.status == SubtaskState.SUCCESS)
    policy = {"task_policy": {"retry_count": n_attempts - 1, "retry_interval": "1 min"}}
    scenario = scenario_of({"devices": 60}, failures=failures, campaign=policy, **sections)
    return scenario, int(np.flatnonzero(right)[0])


def test_retries__the_least_number_that_saves_is_named():
    """A device that fails three times and then succeeds is saved by one more retry than the two it had."""
    scenario, device = failing_until(3)
    saved, lost = saviours(scenario, device)

    assert saved == {
        "more retries": "3 automatic retries instead of 2",
        "retry calls": "one retry call whenever the task has settled",
    }
    assert lost == {"longer interval", "longer timers"}


def test_explain__tells_the_same_story_on_either_plane():
    """What is tried again runs on the plane of the run that went wrong, and comes to the same."""
    scenario, device = failing_until(2)
    name = f"{scenario.cohort_names[0]}-{device:07}"
    compiled, simpy = (explain(scenario, name, plane=plane) for plane in ("compiled", "simpy"))

    assert str(compiled) == str(simpy)
    assert any(rescue.has_saved for rescue in simpy.rescues)
    assert (compiled.run.plane, simpy.run.plane) == ("compiled", "simpy")


def test_retries__a_campaign_without_a_policy_gets_one():
    """Without retries the offer is one retry, at an interval that the service allows."""
    scenario, device = failing_until(1)
    scenario = scenario.with_values({"campaign.task_policy": None})
    saved, lost = saviours(scenario, device)

    assert saved["more retries"] == "1 automatic retry instead of 0"
    assert "longer interval" not in saved.keys() | lost


def test_interval__saves_who_retries_into_an_outage():
    """Downloads break for two hours: six attempts within half an hour all fail, slower ones don't."""
    outage = {"at": "0 s", "lasts": "2 h", "effect": {"failure": {"probability": 1.0, "code": 6}}}
    policy = {"task_policy": {"retry_count": 5, "retry_interval": "5 min"}}
    saved, lost = saviours(scenario_of({"link_rate": "1 MB/s"}, outages=[outage], campaign=policy))

    assert saved == {
        "longer interval": "a retry interval of 1 h instead of 5 min",
        "no outages": "no outages",
    }
    assert "more retries" not in lost  # five are the most that the service allows
    assert lost == {"retry calls", "longer timers", "faster link", "resume"}


def test_interval__of_half_a_day_comes_before_one_of_a_day():
    """Downloads break for nine hours: six hours later a single retry still meets that, twelve are enough."""
    outage = {"at": "0 s", "lasts": "9 h", "effect": {"failure": {"probability": 1.0, "code": 6}}}
    policy = {"task_policy": {"retry_count": 1, "retry_interval": "5 min"}}
    saved, _ = saviours(scenario_of({"link_rate": "1 MB/s"}, outages=[outage], campaign=policy))

    assert saved["longer interval"] == "a retry interval of 12 h instead of 5 min"


def test_bandwidth__and_fewer_at_once_save_who_shares_too_little():
    """Ten downloads over 2 kB/s take 5,000 s each and have 3,600 s; two at a time would have made it."""
    scenario = scenario_of({"devices": 10, "protocol": "lwm2m"}, platform={"bandwidth": "2 kB/s"})
    saved, lost = saviours(scenario)

    assert saved == {
        "fewer at once": "5 in Processing at once instead of 10",
        "more bandwidth": "a bandwidth of 32 kbit/s instead of 16 kbit/s",
        "longer timers": "timers of the platform 2 times as long",
    }
    assert lost == {"more retries", "retry calls", "resume"}


def test_places__save_who_waits_for_them():
    """A download place comes too late for the fifth of a queue; a second place comes in time."""
    cohort = {"devices": 5, "protocol": "lwm2m", "link_rate": "1 kB/s"}
    scenario = scenario_of(cohort, platform={"max_downloads": 1}, campaign={"order": "file"})
    saved, lost = saviours(scenario, 4)
    order = saved.pop("other order", "not by this one")

    assert saved == {
        "more download places": "2 download places instead of 1",
        "more retries": "1 automatic retry instead of 0",
        "retry calls": "one retry call whenever the task has settled",
        "longer timers": "timers of the platform 2 times as long",
        "faster link": "a link of 16 kbit/s instead of 8 kbit/s",
    }
    assert lost - {"other order"} == {"resume"}
    assert order in (
        "the order 'shuffled' instead of 'file'",
        "not by this one",
    )  # luck may leave it the last


def test_pending__cells_places_pace_window_and_a_longer_run():
    """Who has had no turn when the run ends is offered what would have brought its turn forward."""
    cohort = {
        "devices": 30,
        "protocol": "lwm2m",
        "cell": {"devices": 30, "coverage": [0, 0, 1]},
        "window": {"opens": "00:10", "closes": "00:00"},
    }
    platform = {"max_processing": 10, "dispatch_rate": "1 /s"}
    run = {"until": "1 h", "resolution": "1 min"}
    scenario = scenario_of(cohort, platform=platform, campaign={"order": "file"}, run=run)
    saved, lost = saviours(scenario, 25)
    saved.pop("other order", None)

    assert saved == {
        "more places in radio cells": "2 times the places in radio cells (50 / 10 / 1)",
        "longer run": "a run of 2 h instead of 1 h",
    }
    assert lost - {"other order"} == {
        "more retries",
        "retry calls",
        "more Processing places",
        "faster dispatch",
        "longer timers",
        "no window",
    }


def test_stop__is_undone():
    """A device that was stopped would have succeeded had nobody stopped it, operator, gate or ramp."""
    saved, _ = saviours(scenario_of(operators=[{"call": "stop", "at": "5 s"}]))
    assert saved == {"no stop": "nobody and no gate stops anything"}

    gate = {"failed_count_max": 0}
    ramp = {"base_rate": "1 /s", "increment_factor": 2, "every": 10, "abort": [{"failed_share_max": "0 %"}]}
    scenario = scenario_of(
        {"devices": 40},
        failures=[{"stage": "query", "code": 1, "probability": 0.2}],
        campaign={"waves": [{"name": "all", "share": 1.0, "gate": gate}], "what_if": {"dispatch_ramp": ramp}},
    )
    stopped = np.flatnonzero(run_campaign(scenario).records.status == SubtaskState.STOPPED)
    assert "no stop" in saviours(scenario, int(stopped[-1]))[0]


def test_awake_link__saves_who_is_away_or_breaks_off():
    """A device off for days needs a link that is up; one whose link breaks its download, one that stays."""
    away = scenario_of({"online": {"every": "20 d", "for": "1 h", "phase": "10 d"}})
    assert saviours(away)[0]["awake link"] == "a link that is always up"

    online = {"every": "100 s", "for": "60 s", "phase": "0 s", "during_upgrade": "breaks", "break_code": 6}
    saved, _ = saviours(scenario_of({"online": online, "link_rate": "10 kB/s"}))
    assert saved["awake link"] == "a link that stays up during the upgrade"


def test_condition__that_lasts_is_left_out_or_waited_for():
    """A device that is busy for hours is saved by a long interval, or without what keeps it busy."""
    lasts = {"stage": "query", "code": 1, "probability": 0.5, "lasts": {"constant": "3 h"}}
    own = {"failures": [{**lasts, "stage": "install", "probability": "0 %"}]}
    policy = {"task_policy": {"retry_count": 1, "retry_interval": "5 min"}}
    scenario = scenario_of({"devices": 30, **own}, failures=[lasts], campaign=policy)
    failed = np.flatnonzero(run_campaign(scenario).records.status == FAIL)
    by_interval = 0
    for device in failed[:5]:
        saved, _ = saviours(scenario, int(device))
        assert saved["no condition"] == "no condition that lasts"
        by_interval += "longer interval" in saved
    assert by_interval >= 1


@pytest.mark.parametrize("kind", [{"rate": "1 /s"}, {"per": "1 kB"}])
def test_breaks__are_left_out(kind):
    """A download that breaks once a second or every kilobyte gets through without breaks only."""
    failures = [{"stage": "download", "code": 2, **kind}]
    saved, lost = saviours(scenario_of({"link_rate": "10 kB/s"}, failures=failures))

    assert saved == {"no breaks": "nothing that breaks its work"}
    assert "resume" in lost


def test_resume__saves_who_needs_one_more_piece():
    """The link breaks each attempt before its end: two of them are enough if the second goes on."""
    online = {"every": "100 s", "for": "85 s", "phase": "0 s", "during_upgrade": "breaks"}
    policy = {"task_policy": {"retry_count": 1, "retry_interval": "1 min"}}
    saved, lost = saviours(scenario_of({"online": online, "link_rate": "10 kB/s"}, campaign=policy))

    assert saved["resume"] == "downloads that go on where they broke off"
    assert {"more retries", "longer interval"} <= lost


def test_order__saves_who_stood_at_the_end_of_the_file():
    """The last line of the file gets its turn after the end of the run; shuffled, it comes before."""
    fleet = {"cohorts": [{"name": "many", "devices": 99}, {"name": "unit", "devices": 1}]}
    sections = {"run": {"until": "225 s", "resolution": "1 s"}, "campaign": {"order": "file"}}
    saved, _ = saviours(scenario_of(fleet=fleet, platform={"dispatch_rate": "1 /s"}, **sections), 99)

    assert saved["other order"] == "the order 'shuffled' instead of 'file'"


def test_levers__of_memory_are_offered_only_where_there_is_something_to_change():
    """A device that remembers nothing, waits for nobody and loads at once is offered none of them."""
    scenario = scenario_of({"resume": True})
    offered = {lever.name for lever in levers(scenario, scenario.fleet.cohorts[0], FAIL)}

    assert offered.isdisjoint({"awake link", "no condition", "no breaks", "resume", "other order"})


def test_everything__is_tried_together_where_no_single_change_helps():
    """A device that breaks in an outage and again after it needs two things at once."""
    scenario, device = failing_until(2)
    outage = {"at": "0 s", "lasts": "2 d", "effect": "unreachable"}
    sections = {"outages": [outage], "platform.timers.mqtt.online": "1 h"}
    scenario = scenario.with_values({**sections, "campaign.task_policy": None})
    run = run_campaign(scenario)
    rescues = rescues_of(run, device)

    assert [rescue.has_saved for rescue in rescues[:-1]] == [False] * (len(rescues) - 1)
    assert (rescues[-1].lever, rescues[-1].has_saved) == (EVERYTHING, True)


def test_progress__goes_from_nothing_to_all():
    """Whoever waits sees the share that is done grow to 1."""
    shares = []
    rescues_of(run_campaign(failing_until(1)[0]), 0, progress=shares.append)

    assert shares == sorted(shares)
    assert shares[-1] == 1.0


@settings(max_examples=15)
@given(campaigns())
def test_changes__all_make_scenarios(scenario):
    """Whatever the scenario, each change of each lever is one that the format allows, alone and together."""
    for cohort in scenario.fleet.cohorts:
        for status in (SubtaskState.FAIL, SubtaskState.STOPPED, SubtaskState.PROCESSING):
            known = levers(scenario, cohort, status)
            for lever in known:
                for change in lever.changes:
                    other = changed(scenario, [change])
                    assert lever.name == "no stop" or other.digest != scenario.digest
            together = changed(scenario, [lever.changes[-1] for lever in known])
            assert together.n_devices == scenario.n_devices


def test_changed__an_interval_longer_than_the_longest_wait_takes_that_along():
    """A back-off's longest wait must not be below the interval."""
    what_if = {"back_off": {"factor": 2, "max": "10 min"}}
    policy = {"retry_count": 1, "retry_interval": "5 min"}
    scenario = scenario_of(campaign={"task_policy": policy, "what_if": what_if})
    (lever,) = [
        lever
        for lever in levers(scenario, scenario.fleet.cohorts[0], FAIL)
        if lever.name == "longer interval"
    ]

    other = changed(scenario, lever.changes[-1:])
    assert other.campaign.what_if.back_off.max == other.campaign.task_policy.retry_interval == 86_400


def test_changed__leaves_the_scenario_alone():
    """A change makes a new scenario."""
    scenario = scenario_of()
    before = scenario.digest

    other = changed(scenario, [Change("", {"platform.max_downloads": 3}, ({"call": "retry", "at": "1 h"},))])
    assert (other.platform.max_downloads, len(other.operators)) == (3, 1)
    assert scenario.digest == before


# --- what nothing could have saved ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("failure", "stage", "reason"),
    [
        ({"stage": "install", "code": 10}, Stage.INSTALL, Reason.INSTALL_FAIL),
        ({"stage": "reboot", "silent": True}, Stage.REBOOT, Reason.NONE),
        ({"stage": "contact", "silent": True}, Stage.CONTACT, Reason.NONE),
    ],
)
def test_mark__of_a_device_that_always_fails(failure, stage, reason):
    """Nothing is tried for a device with a permanent mark: the mark is the answer."""
    scenario = scenario_of(failures=[{**failure, "permanent": 1.0}])
    story = explain(scenario, "unit-0000000")

    assert (story.mark.stage, story.mark.reason) == (stage, reason)
    assert story.rescues == ()


def test_mark__of_a_device_that_never_gets_there_is_none():
    """A device that runs the version already installs nothing, so what its install would do is no matter."""
    failures = [
        {"stage": "install", "code": 10, "permanent": 1.0},
        {"stage": "query", "code": 1, "probability": 1.0},
    ]
    scenario = scenario_of({"already_current": 1.0}, failures=failures)

    assert mark_of(run_campaign(scenario).spec, 0) is None


def test_rescue__of_a_device_that_succeeded_is_not_tried():
    """A success needs no saviour."""
    story = explain(scenario_of(), "unit-0000000")

    assert (story.mark, story.rescues) == (None, ())
    assert story.timeline.end == 130 * S
