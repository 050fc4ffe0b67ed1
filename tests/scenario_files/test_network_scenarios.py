"""The scenarios about networks: each shows what its header says."""

import numpy as np
import pytest

import sim
from sim.campaign import run_campaign
from sim.rules import Reason, SubtaskState
from support.shipped_scenarios import FOLDER

HOUR_S = 3_600.0
S = 1_000_000


def test_thin_link__takes_as_long_as_its_bytes_do(results):
    """The link is busy from the beginning to the last device: no order of downloads could be faster."""
    result = results("thin-link")
    bandwidth = result.scenario.platform.bandwidth
    curves = result.curves.set_index("time_s")

    least_s = result.metrics["bytes_downloaded"] / bandwidth
    assert 28 * HOUR_S < least_s < result.metrics["time_to_success.p99"] * 1.05
    assert curves["bandwidth"].loc[HOUR_S : 26 * HOUR_S].min() == pytest.approx(bandwidth)


def test_thin_link__without_a_limit_nobody_succeeds_in_time(results):
    """All at once none has the whole package when the timer ends, but latecomers; validation warns of it."""
    greedy = results("thin-link").scenario.with_values({"platform.max_processing": None})
    records = run_campaign(greedy).records

    assert any("fewer at once" in str(warning) for warning in greedy.warnings())
    assert (records.status == SubtaskState.SUCCESS).mean() < 1 / 15
    failed_after_s = records.first_failure / S - 24 * HOUR_S
    assert ((failed_after_s >= 0) & (failed_after_s < 60)).mean() > 0.95


def test_regional_outage__hits_one_region_in_three_ways(results):
    """Contacts wait and succeed, paused downloads meet their timer, and in the rush after it many break."""
    scenario = results("regional-outage").scenario
    run = run_campaign(scenario.with_values({"operators": None}), log_attempts=True)
    log, cohort = run.attempts, run.spec.cohort
    centre = cohort[log.device] == 1
    begins, ends = 2 * HOUR_S * S, 7 * HOUR_S * S

    others = run.records.status[cohort != 1] == SubtaskState.SUCCESS
    assert others.mean() > 0.99
    waited = centre & (log.start >= begins) & (log.start < ends) & (log.entered >= ends)
    assert (log.status[waited] == SubtaskState.SUCCESS).mean() > 0.7
    timed_out = log.reason == Reason.DOWNLOAD_TIMEOUT_PLATFORM
    assert 200 < timed_out.sum() == (timed_out & centre).sum()
    assert ((log.end[timed_out] > begins) & (log.end[timed_out] < ends)).all()
    rush = centre & (log.download_start >= ends) & (log.download_start < ends + HOUR_S * S)
    assert 0.2 < (log.reason[rush] == Reason.DOWNLOAD_TIMEOUT).mean() < 0.3


def test_regional_outage__a_call_after_it_brings_them_home_and_one_within_it_does_not(results):
    """The morning's call finds all that failed; at three hours most of them have not failed yet."""
    result = results("regional-outage")
    early = sim.run(result.scenario.with_values({"operators[0].at": "3 h"}))

    assert result.metrics["failed"] < 50
    assert early.metrics["failed"] > 900
    assert early.metrics["retry_targets_accepted"] < result.metrics["retry_targets_accepted"] / 2


def test_retry_wave__more_retries_are_worse_before_they_are_better(results):
    """The valves are done at 22:25 without retries, an hour later with two, after midnight with five."""
    scenario = results("retry-wave").scenario

    def valves_and_all(retries):
        run = run_campaign(scenario.with_values({"campaign.task_policy.retry_count": retries}))
        records, valves = run.records, run.spec.cohort == 1
        has_succeeded = records.status == SubtaskState.SUCCESS
        done_s = np.sort(records.end[valves & has_succeeded]) / S
        return done_s[int(0.98 * valves.sum())], has_succeeded.mean()

    none, two, five = (valves_and_all(retries) for retries in (0, 2, 5))
    assert none[0] < 2.5 * HOUR_S < 3.5 * HOUR_S < two[0] < 4 * HOUR_S < 4.5 * HOUR_S < five[0]
    assert none[1] < two[1] < 0.25
    assert five[1] > 0.999


def test_million__has_everything_switched_on():
    """Every part of the model about the network and the world outside is in the file."""
    scenario = sim.load_scenario(FOLDER / "million.yaml")
    cohorts, platform = scenario.fleet.cohorts, scenario.platform

    assert scenario.n_devices == 1_000_000
    assert len(cohorts) == 6
    assert {cohort.protocol for cohort in cohorts} == {"mqtt", "lwm2m"}
    for name in ("cell", "window", "spread", "already_current", "failures"):
        assert any(getattr(cohort, name) for cohort in cohorts), name
    for name in ("max_processing", "dispatch_rate", "max_downloads", "bandwidth"):
        assert getattr(platform, name) is not None
    effects = [outage.effect for outage in scenario.outages]
    assert any(effect.unreachable for effect in effects)
    assert any(effect.bandwidth is not None for effect in effects)
    assert any(effect.failure is not None for effect in effects)
    assert scenario.campaign.waves
    assert scenario.campaign.task_policy.retry_count
    assert scenario.operators


@pytest.mark.slow
def test_million__every_limit_binds_and_it_keeps_its_expectations():
    """The limits are there to bind, each outage meets devices under way, and nearly all devices succeed."""
    run = run_campaign(sim.load_scenario(FOLDER / "million.yaml"), log_attempts=True)
    platform, log = run.spec.platform, run.attempts

    assert run.totals.peak_processing == platform.max_processing
    assert run.totals.peak_downloads == platform.max_downloads
    assert run.totals.peak_bandwidth == pytest.approx(run.scenario.platform.bandwidth)
    assert (run.records.status == SubtaskState.SUCCESS).mean() > 0.98
    for outage in run.scenario.outages:
        begins, ends = outage.at * S, (outage.at + outage.lasts) * S
        under_way = (log.download_start < ends) & (log.download_end > begins)
        assert under_way.sum() > 1_000
