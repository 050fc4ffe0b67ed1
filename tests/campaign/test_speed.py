"""What the control plane costs, as ratios of one run on one machine."""

import time

import numpy as np
import pytest

from sim.campaign import (
    BatchTaskService,
    FleetEnvironment,
    TaskRequest,
    build_names,
    build_spec,
    run_campaign,
)
from sim.fleet.compiled import CompiledFleet
from sim.rules import Call, SubtaskState
from sim.study.bench.speed import fleet_of

pytestmark = pytest.mark.bench


def seconds(work, repeat=5):
    """Return the least time of a few."""
    times = []
    for _ in range(repeat):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


@pytest.fixture
def settled(make_scenario_of):
    """Return a service with one settled task of 30,000 devices, all of which have failed."""
    scenario = make_scenario_of(
        30_000,
        failures=[{"stage": "verify", "code": 7, "permanent": "100 %"}],
        platform={"max_processing": 10_000},
    )
    spec = build_spec(scenario)
    env = FleetEnvironment(CompiledFleet(spec), horizon_s=1e9)
    service = BatchTaskService(env, build_names(scenario, spec))
    task = service.create_batch_task(TaskRequest("t"), np.arange(30_000))
    env.run(until=10)
    assert task.counts()[SubtaskState.FAIL] == 30_000
    return env, service, task


def test_retry_call__costs_little_more_than_the_targets_it_names(settled):
    """A retry call of 100 targets, answer and ledger included, costs at most 150 bare control events."""
    env, service, task = settled
    lists = [task.devices[start : start + 100] for start in range(0, 30_000, 100)]

    def retry_all():
        for devices in lists:
            service.retry_batch_task(task.task_id, devices)
            env.run(until=env.now + 1e-3)

    def bare_events():
        for _ in range(30_000):
            env.timeout(1e-6)
        env.run(until=env.now + 1)

    per_call = seconds(retry_all) / len(lists)
    per_event = seconds(bare_events) / 30_000
    print(f"\nretry call {per_call * 1e6:.0f} us, control event {per_event * 1e6:.1f} us")
    assert per_call < 150 * per_event


MILLION = 1_000_000


@pytest.mark.parametrize("kind", ["places", "shared network"])
def test_campaign__waves_tasks_and_operators_add_a_tenth(kind):
    """34 tasks in two waves with a gate, and an operator's retries, against one task, at a million devices.

    Runs of both sorts take turns, and the median counts: what else the machine does hits both alike.
    """
    plain = fleet_of(MILLION, kind)
    gate = {"failed_share_max": "20 %", "of_at_least": 1000}
    cut = plain.with_values(
        {
            "campaign.limits.targets_per_task": 30_000,
            "campaign.waves": [
                {"name": "a", "share": "5 %", "gate": gate},
                {"name": "b", "share": "100 %"},
            ],
            "operators": [{"call": "retry", "when": "settled", "only": {"codes": [2]}}],
        }
    )
    assert len(run_campaign(cut).tasks) == 34
    run_campaign(plain)

    pairs = [[seconds(lambda s=s: run_campaign(s), repeat=1) for s in (plain, cut)] for _ in range(25)]

    share = float(np.median([cut_s / plain_s - 1 for plain_s, cut_s in pairs]))
    added_ns = float(np.median([cut_s - plain_s for plain_s, cut_s in pairs])) / MILLION * 1e9
    print(f"\n{kind}: waves, tasks and an operator add {share:+.1%}, {added_ns:.0f} ns a device")
    assert share <= 0.1


def test_campaign__tasks_of_devices_that_share_nothing_cost_little():
    """34 tasks, ten at a time, against one task: played straight through like it, at most 0.8 more."""
    plain = fleet_of(MILLION, "nothing shared")
    cut = plain.with_values({"campaign.limits.targets_per_task": 30_000})
    assert len(run_campaign(cut).tasks) == 34

    pairs = [[seconds(lambda s=s: run_campaign(s), repeat=1) for s in (plain, cut)] for _ in range(15)]

    share = float(np.median([cut_s / plain_s - 1 for plain_s, cut_s in pairs]))
    print(f"\nnothing shared: 34 tasks add {share:+.1%}")
    assert share <= 0.8


def test_campaign__ten_thousand_retry_calls_take_two_seconds(make_scenario_of):
    """10,000 calls of 100 targets against 34 calls of a whole task, which retry the same devices."""
    scenario = make_scenario_of(
        MILLION,
        failures=[{"stage": "verify", "code": 7, "permanent": "100 %"}],
        stages={"verify": {"constant": "60 s"}},
        platform={"max_processing": 100_000},
    )
    operator = {"call": "retry", "when": "settled", "times": 1}
    whole = scenario.with_values({"operators": [operator]})
    lists = scenario.with_values({"operators": [operator | {"batch": 100}]})

    whole_s, lists_s = (seconds(lambda s=s: run_campaign(s), repeat=3) for s in (whole, lists))
    retries = [record for record in run_campaign(lists).calls if record.call == Call.RETRY]
    print(f"\n{len(retries):,} retry calls: {lists_s - whole_s:.2f} s")
    assert len(retries) >= 10_000
    assert lists_s - whole_s <= 2
