"""Every metric on runs small enough to count by hand, and where it is not defined."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.campaign.tally import tally_of
from sim.fleet.held_up import Hold
from sim.results.breakdowns import by_attempt, by_code, by_cohort
from sim.results.metrics import call_metrics, cost_metrics, run_metrics
from sim.rules import Reason, SubtaskState
from sim.scenario import METRICS
from sim.scenario.metrics import COHORT_METRICS, COST_METRICS, HELD_UP
from sim.scenario.sections.costs import Costs

SUCCESS, FAIL, STOPPED = SubtaskState.SUCCESS, SubtaskState.FAIL, SubtaskState.STOPPED
WAITTING, PROCESSING = SubtaskState.WAITTING, SubtaskState.PROCESSING
FAIL_WAIT_RETRY = SubtaskState.FAIL_WAIT_RETRY


@pytest.fixture
def mixed(make_run, make_call):
    """Return a run of ten devices in two cohorts with every kind of fate."""
    return make_run(
        [SUCCESS, SUCCESS, SUCCESS, FAIL, STOPPED, PROCESSING, FAIL_WAIT_RETRY, WAITTING, SUCCESS, FAIL],
        sizes={"north": 6, "south": 4},
        end_s=[10, 20, 130, 300, 400, -1, -1, -1, 50, 70],
        first_failure_s=[-1, -1, 30, 40, -1, -1, 90, -1, 20, 70],
        attempts=[1, 1, 3, 3, 1, 1, 1, 0, 2, 1],
        auto_retries=[0, 0, 2, 1, 0, 0, 0, 0, 1, 0],
        reason=[0, 0, 0, 2, 0, 0, 1005, 0, 0, 2],
        size_bytes=[100, 100, 250, 180, 10, 5, 60, 0, 150, 40],
        wasted=[330, 90],
        calls=[
            make_call("create", time_s=0),
            make_call("retry", accepted=[3], refused=["north-0000000", "south-0000002", "stranger"]),
            make_call("retry", http_status=400),
            make_call("stop", accepted=[4]),
        ],
        held_s=[
            {Hold.OFFLINE: 10.0, Hold.DOWNLOAD: 30.0},
            *[{}] * 5,
            {Hold.DOWNLOAD: 10.0},
            {},
            {Hold.RETRY_WAIT: 20.0, Hold.OFFLINE: 10.0},
            {},
        ],
    )


def test_run_metrics__names_and_order_are_those_of_the_scenario(mixed):
    """Metrics are exactly those that an expectation may name, in the same order."""
    assert list(run_metrics(mixed)) == [name for name in METRICS if name not in COST_METRICS]


def test_run_metrics__counted_by_hand(mixed):
    """Each number is the one that a person counts."""
    assert run_metrics(mixed) == {
        "devices": 10,
        "succeeded": 4,
        "failed": 2,
        "stopped": 1,
        "pending": 3,
        "success_share": 0.4,
        "failed_share": 0.2,
        "attempts": 14,
        "attempts_per_device": 1.4,
        "auto_retries": 4,
        "manual_retries": 1,
        "first_attempt_success_share": 0.2,
        "needed_recovery": 5,
        "recovered": 2,
        "recovered_share": 0.4,
        "time_to_success.p50": None,
        "time_to_success.p90": None,
        "time_to_success.p95": None,
        "time_to_success.p99": None,
        "time_to_recovery.p50": None,
        "time_to_recovery.p90": None,
        "time_to_recovery.p95": None,
        "time_to_recovery.p99": None,
        "makespan": None,
        "peak_processing": 10,
        "peak_downloads": 10,
        "peak_bandwidth": 100.0,
        "bytes_downloaded": 895,
        "bytes_wasted": 420,
        "api_calls": 4,
        "retry_calls": 2,
        "retry_targets_accepted": 1,
        "retry_targets_refused": 3,
        **{f"held_up.{name}": 0.0 for name in HELD_UP},
        "held_up.offline": 0.25,
        "held_up.download": 0.5,
        "held_up.retry_wait": 0.25,
    }


def test_by_cohort__parts_add_up_to_the_whole(mixed):
    """Counts and bytes of the cohorts add up; refused targets outside the fleet are in no cohort."""
    whole, parts = run_metrics(mixed), by_cohort(mixed, tally_of(mixed))

    assert list(parts) == ["north", "south"]
    for part in parts.values():
        assert list(part) == list(COHORT_METRICS)
    additive = ["devices", "succeeded", "failed", "stopped", "pending", "attempts", "auto_retries"]
    additive += ["manual_retries", "needed_recovery", "recovered", "bytes_downloaded", "bytes_wasted"]
    additive += ["retry_targets_accepted"]
    for name in additive:
        assert sum(part[name] for part in parts.values()) == whole[name], name
    assert [part["retry_targets_refused"] for part in parts.values()] == [1, 1]
    assert [part["bytes_wasted"] for part in parts.values()] == [330, 90]
    assert parts["south"]["time_to_success.p50"] is None
    assert parts["north"]["time_to_success.p50"] == 130.0
    assert (parts["north"]["held_up.offline"], parts["north"]["held_up.download"]) == (0.25, 0.75)
    assert (parts["south"]["held_up.offline"], parts["south"]["held_up.download"]) == (0.25, 0.25)


def test_by_code__device_codes_and_platform_texts_the_most_frequent_first(mixed):
    """A code stands for what the device reported, a text for a timer; recovered devices don't count."""
    assert by_code(tally_of(mixed)) == {"2": 2, "Wait for the device to report upgrade result timeout": 1}


def test_by_code__ties_are_in_the_order_of_the_codes(make_run):
    """Equal counts don't depend on the order of devices."""
    reasons = [Reason.INSTALL_FAIL, Reason.ONLINE_TIMEOUT, Reason.BUSY]
    run = make_run([FAIL] * 3, reason=reasons)

    assert list(by_code(tally_of(run))) == ["1", "10", "Waiting for the device online timeout"]


def test_by_attempt__started_and_succeeded_by_number(mixed):
    """Attempt k was begun by devices with k or more, and won by the successful ones with exactly k."""
    assert by_attempt(tally_of(mixed)) == [(1, 9, 2), (2, 3, 1), (3, 2, 1)]


@pytest.mark.parametrize(
    ("n", "ranks"), [(1, (1, 1, 1, 1)), (10, (5, 9, 10, 10)), (1000, (500, 900, 950, 990))]
)
def test_time_to_success__is_the_order_statistic_of_the_whole_fleet(make_run, n, ranks):
    """The time of Q % is the ceil(n Q / 100)-th smallest, exactly."""
    ends = np.random.default_rng(n).permutation(np.arange(1, n + 1))
    values = run_metrics(make_run([SUCCESS] * n, end_s=ends))

    assert tuple(values[f"time_to_success.p{percent}"] for percent in (50, 90, 95, 99)) == ranks
    assert values["makespan"] == n


def test_time_to_success__counts_the_failed_in_the_whole(make_run):
    """With one of ten failed, 90 % is reached at the last success and 95 % never."""
    values = run_metrics(make_run([SUCCESS] * 9 + [FAIL], end_s=[*range(1, 10), 100]))

    assert values["time_to_success.p90"] == 9
    assert values["time_to_success.p95"] is None
    assert values["makespan"] == 100


def test_time_to_recovery__runs_from_each_devices_first_failure(make_run):
    """Waits count from the device's own failure, among all whose first attempt failed."""
    values = run_metrics(
        make_run([SUCCESS] * 4, first_failure_s=[-1, 10, 100, 1_000], end_s=[5, 40, 110, 1_020])
    )

    assert values["needed_recovery"] == 3
    assert values["time_to_recovery.p50"] == 20
    assert values["time_to_recovery.p99"] == 30


@given(st.lists(st.integers(0, 5_000), min_size=1, max_size=300), st.integers(0, 300))
def test_time_to_success__agrees_with_a_sort(make_run, ends, failed):
    """Whatever the ends and however many fail, the value is that of a plain sorted list."""
    n = len(ends) + failed
    run = make_run([SUCCESS] * len(ends) + [FAIL] * failed, end_s=[*ends, *[9_999] * failed])

    values = run_metrics(run)

    for percent in (50, 90, 95, 99):
        rank = -(-n * percent // 100)
        expected = sorted(ends)[rank - 1] if rank <= len(ends) else None
        assert values[f"time_to_success.p{percent}"] == expected


def test_run_metrics__nothing_failed(make_run):
    """Without failures there is no recovered share, not one of 0 or 1."""
    values = run_metrics(make_run([SUCCESS] * 3))

    assert values["needed_recovery"] == values["recovered"] == 0
    assert values["recovered_share"] is None
    assert values["time_to_recovery.p50"] is None
    assert values["first_attempt_success_share"] == 1.0


def test_run_metrics__everything_pending(make_run):
    """A run that ended before anything did has no times and no makespan."""
    run = make_run([WAITTING] * 5, attempts=[0] * 5)
    values = run_metrics(run)

    assert values["pending"] == 5
    assert values["attempts"] == 0
    assert values["makespan"] is None
    assert values["time_to_success.p50"] is None
    assert by_attempt(tally_of(run)) == []
    assert by_code(tally_of(run)) == {}


def test_run_metrics__one_device(make_run):
    """The smallest fleet has every metric."""
    values = run_metrics(make_run([SUCCESS], end_s=[42.5]))

    assert values["time_to_success.p50"] == values["time_to_success.p99"] == values["makespan"] == 42.5
    assert values["success_share"] == 1.0


def test_call_metrics__no_calls():
    """Without calls every count is 0."""
    assert set(call_metrics([]).values()) == {0}


def test_run_metrics__values_are_plain_numbers(mixed):
    """No metric is a NumPy scalar, which JSON would not take."""
    for values in (run_metrics(mixed), *by_cohort(mixed, tally_of(mixed)).values()):
        assert {type(value) for value in values.values()} <= {int, float, type(None)}


def test_cost_metrics__counted_by_hand():
    """Traffic by GB, attempts, visits to whoever did not succeed, and days until all have settled."""
    costs = Costs.model_validate(
        {"per_gb": "0.10 EUR", "per_attempt": "0.5 EUR", "per_visit": "80 EUR", "per_day": "24 EUR"}
    )
    values = {"bytes_downloaded": 20 * 10**9, "attempts": 30, "devices": 10, "succeeded": 7}

    assert cost_metrics(costs, {**values, "makespan": 3600.0}, 86_400.0) == {
        "cost": 2.0 + 15.0 + 240.0 + 1.0,
        "cost_traffic": 2.0,
        "cost_attempts": 15.0,
        "cost_visits": 240.0,
        "cost_days": 1.0,
    }
    assert cost_metrics(costs, {**values, "makespan": None}, 86_400.0)["cost_days"] == 24.0


def test_cost_metrics__exist_with_costs_only(mixed):
    """What is not given costs nothing; a run without costs has no such metrics."""
    costs = {"per_visit": "80 EUR"}
    priced = replace(mixed, scenario=mixed.scenario.with_values({"costs": costs}))
    values = run_metrics(priced)

    assert list(values) == list(METRICS)
    assert (values["cost"], values["cost_visits"], values["cost_days"]) == (480.0, 480.0, 0.0)
