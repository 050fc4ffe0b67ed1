"""Tests of retry policies and their what-if extensions."""

import numpy as np
import pytest

from sim.campaign import run_campaign
from sim.campaign.layout.task_policy import retry_policy, vendor_policy
from sim.fleet.spec import JITTER_DECORRELATED, JITTER_EQUAL, JITTER_FULL, JITTER_NONE, NEVER
from sim.rules import TaskPolicy

POLICY = {"retry_count": 3, "retry_interval": "10 min"}


def policies_of(make_scenario_of, **campaign):
    """Return the vendor's and the extended policy of a campaign."""
    scenario = make_scenario_of(campaign=campaign)
    return vendor_policy(scenario.campaign), retry_policy(scenario.campaign)


def test_policy__none_retries_nothing(make_scenario_of):
    """Without a policy there is no automatic retry."""
    vendor, plane = policies_of(make_scenario_of)

    assert vendor == TaskPolicy()
    assert (plane.retry_count, plane.jitter, len(plane.only_reasons)) == (0, JITTER_NONE, 0)


def test_policy__the_vendors_fields_in_ticks(make_scenario_of):
    """Count and interval reach the plane, and no extension is on."""
    vendor, plane = policies_of(make_scenario_of, task_policy=POLICY)

    assert vendor == TaskPolicy(3, 600)
    assert (plane.retry_count, plane.retry_interval_ticks) == (3, 600_000_000)
    assert (plane.backoff_factor, plane.max_interval_ticks) == (1.0, NEVER)


def test_policy__extensions(make_scenario_of):
    """Back-off, jitter and chosen codes are added to the vendor's fields, which stay."""
    _, plane = policies_of(
        make_scenario_of,
        task_policy=POLICY,
        what_if={
            "back_off": {"factor": 2, "max": "1 h"},
            "jitter": "equal",
            "retry_only_codes": [7, 2, "online_timeout", 2],
        },
    )

    assert (plane.retry_count, plane.retry_interval_ticks) == (3, 600_000_000)
    assert (plane.backoff_factor, plane.max_interval_ticks, plane.jitter) == (
        2.0,
        3_600_000_000,
        JITTER_EQUAL,
    )
    assert plane.only_reasons.tolist() == [2, 7, 1000]
    assert plane.only_reasons.dtype == np.int16


@pytest.mark.parametrize(("name", "value"), [("full", JITTER_FULL), ("decorrelated", JITTER_DECORRELATED)])
def test_policy__jitters(make_scenario_of, name, value):
    """Each name has its kind."""
    assert policies_of(make_scenario_of, task_policy=POLICY, what_if={"jitter": name})[1].jitter == value


def test_what_if__is_named_in_the_run(run_of):
    """A run that used an extension says which, and one that didn't names none."""
    policy = {"task_policy": POLICY}
    plain = run_of(campaign=policy)
    other = run_of(campaign={**policy, "what_if": {"jitter": "full", "retry_only_codes": [2]}})

    assert plain.what_if == ()
    assert other.what_if == ("jitter", "retry_only_codes")


def test_only_codes__other_failures_are_final(run_of):
    """A failure that isn't listed ends the subtask at once, with its budget untouched."""
    run = run_of(
        200,
        failures=[
            {"stage": "verify", "code": 2, "permanent": "50 %"},
            {"stage": "install", "code": 10, "permanent": "100 %"},
        ],
        campaign={"task_policy": POLICY, "what_if": {"retry_only_codes": [2]}},
    )
    retried = run.records.reason == 2

    assert run.records.auto_retries[retried].tolist() == [3] * retried.sum()
    assert not run.records.auto_retries[~retried].any()


def test_jitter__takes_the_storm_out_of_retries(make_scenario_of):
    """With a fixed interval all retries come together; jitter spreads them out.

    A thousand devices fail at once and are retried after an hour: in one instant, or over the hour.
    """
    failures = [{"stage": "query", "code": 1, "probability": "90 %"}]
    policy = {"task_policy": {"retry_count": 1, "retry_interval": "60 min"}}
    stages = {"verify": {"constant": "1 min"}}

    def peak_of_retries(**what_if):
        campaign = {**policy, "what_if": what_if} if what_if else policy
        scenario = make_scenario_of(
            1000, failures=failures, stages=stages, campaign=campaign, run={"resolution": "1 min"}
        )
        run = run_campaign(scenario, plane="simpy", log_attempts=True)
        start_min = run.attempts.start[run.attempts.attempt == 2] // 60_000_000
        return np.bincount(start_min).max(), len(start_min)

    fixed, n_fixed = peak_of_retries()
    jittered, n_jittered = peak_of_retries(jitter="full")
    assert fixed == n_fixed == n_jittered
    # About 900 retries uniform over 60 minutes: 15 a minute; 40 is more than six standard deviations up.
    assert jittered < 40
