"""Tests of the client's budget: arithmetic of calls and time."""

import pytest

from sim.campaign import client_budget, run_campaign, sizes_of_tasks
from sim.rules import Limits


@pytest.mark.parametrize(
    ("devices", "creates", "polls", "retries"),
    [
        (0, 0, 0, 0),
        (1, 1, 1, 1),
        (30_000, 1, 600, 300),
        (30_001, 2, 601, 301),
        (1_000_000, 34, 20_000, 10_000),
    ],
)
def test_budget__is_the_arithmetic(devices, creates, polls, retries):
    """A task per 30,000, a page per 50, a retry call per 100 devices, none of them across tasks."""
    sizes = sizes_of_tasks(devices)
    budget = client_budget(sizes, sizes)

    assert (budget.create_calls, budget.poll_calls, budget.retry_calls) == (creates, polls, retries)
    assert budget.duration_s == pytest.approx((creates + polls + retries) / 200)


def test_budget__few_failures_in_many_tasks_cost_a_call_each():
    """A single failed target in each of ten tasks takes ten calls, not one."""
    budget = client_budget([30_000] * 10, [1] * 10)

    assert budget.retry_calls == 10


def test_budget__another_edition():
    """Limits and rate of another edition of the service count instead."""
    limits = Limits(targets_per_task=10, targets_per_call=5, page_size_max=4)
    budget = client_budget(sizes_of_tasks(25, limits), [10, 10, 5], limits=limits, api_calls_per_s=2.0)

    assert (budget.create_calls, budget.poll_calls, budget.retry_calls) == (3, 3 + 3 + 2, 5)
    assert budget.duration_s == pytest.approx(16 / 2)


def test_budget__is_what_a_run_needs(make_scenario_of):
    """A run whose operator retries every failed target by name makes as many calls as the budget says."""
    scenario = make_scenario_of(
        2000,
        failures=[{"stage": "verify", "code": 7, "permanent": "40 %"}],
        campaign={"limits": {"targets_per_task": 300, "targets_per_call": 30}},
        operators=[{"call": "retry", "at": "1 h", "batch": 30}],
    )
    run = run_campaign(scenario, plane="simpy")
    failed = [task.progress["fail"] for task in run.tasks]
    limits = Limits(targets_per_task=300, targets_per_call=30)
    budget = client_budget([task.n_targets for task in run.tasks], failed, limits=limits)

    made = [call.call for call in run.calls]
    assert (made.count("create"), made.count("retry")) == (budget.create_calls, budget.retry_calls)
