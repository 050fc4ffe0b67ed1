"""What the control plane costs, as ratios of one run on one machine."""

import time

import numpy as np
import pytest

from sim.campaign import (
    BatchTaskService,
    FleetEnvironment,
    TaskRequest,
    build_spec,
    device_names,
    run_campaign,
)
from sim.fleet.compiled import CompiledFleet
from sim.rules import SubtaskState

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
    service = BatchTaskService(env, device_names(scenario, spec))
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


def test_campaign__waves_tasks_and_operators_cost_little(make_scenario_of):
    """Ten tasks in two waves, with operators that find little to do, cost at most twice a single task."""
    sections = {
        "failures": [{"stage": "verify", "code": 7, "probability": "1 %"}],
        "stages": {"verify": {"exponential": {"mean": "1 min"}}},
        "platform": {"max_processing": 20_000},
    }
    plain = make_scenario_of(200_000, campaign={"limits": {"targets_per_task": 200_000}}, **sections)
    campaign = {
        "limits": {"targets_per_task": 25_000},
        "waves": [{"name": "a", "share": "25 %"}, {"name": "b", "share": "100 %"}],
    }
    operators = [{"call": "retry", "at": "1 h"}, {"call": "retry", "when": "settled", "only": {"codes": [2]}}]
    cut = make_scenario_of(200_000, campaign=campaign, operators=operators, **sections)

    whole_s, cut_s = (seconds(lambda s=s: run_campaign(s)) for s in (plain, cut))
    print(f"\none task {whole_s:.3f} s, ten tasks in waves {cut_s:.3f} s")
    assert cut_s < 2 * whole_s
