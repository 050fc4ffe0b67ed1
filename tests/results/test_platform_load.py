"""What a campaign took beyond its metrics."""

import numpy as np
import pytest

from sim.fleet.protocol import Curves
from sim.results.platform_load import MeanLoad, client_budget_of, is_limit_near, mean_load
from sim.rules import SubtaskState


def curves_of(processing, downloads, bandwidth):
    """Return curves with these columns."""
    status = np.zeros((len(processing), 7), np.int64)
    status[:, SubtaskState.PROCESSING] = processing
    ticks = np.arange(len(processing), dtype=np.int64) * 60_000_000
    return Curves(ticks, status, np.array(downloads, np.int64), np.array(bandwidth, np.float64))


def test_mean_load__leaves_out_quiet_time():
    """Rows at which nothing is in Processing, such as a week until a retry call, don't thin the mean."""
    curves = curves_of([4, 2, 0, 0, 6], [2, 2, 0, 0, 2], [20.0, 10.0, 0.0, 0.0, 0.0])

    assert mean_load(curves) == MeanLoad(processing=4.0, downloads=2.0, bandwidth=10.0)


def test_mean_load__of_a_run_that_never_began_is_nothing():
    """Without a busy row there is nothing to average."""
    assert mean_load(curves_of([0, 0], [0, 0], [0.0, 0.0])) == MeanLoad(0.0, 0.0, 0.0)


@pytest.mark.parametrize(("failed", "retry_calls"), [(0, 0), (100, 1), (101, 2)])
def test_client_budget__counts_the_failed_targets_of_each_task(make_run, make_result, failed, retry_calls):
    """A client creates each task, reads its targets fifty a page, and names the failed a hundred a call."""
    states = [SubtaskState.SUCCESS] * 400 + [SubtaskState.FAIL] * failed
    result = make_result(make_run(states))
    budget = client_budget_of(result.scenario, [task.progress for task in result.runs[0].tasks])

    pages = -(-len(states) // 50)
    assert (budget.create_calls, budget.poll_calls, budget.retry_calls) == (1, pages, retry_calls)
    assert budget.duration_s == pytest.approx((1 + pages + retry_calls) / 200)


def test_client_budget_of__counts_pages_and_lists(stored):
    """Two tasks of 80 and 720 targets take 2 + 15 pages of 50."""
    budget = client_budget_of(stored.scenario, [task["progress"] for task in stored.summary["tasks"]])

    assert (budget.create_calls, budget.poll_calls) == (2, 17)
    assert budget.api_calls_per_s == pytest.approx(200.0)


def test_is_limit_near__if_the_load_is_seen_beside_it():
    """A limit of up to four times the peak is drawn; beside a farther one the load would be flat."""
    assert is_limit_near(400, 100)
    assert not is_limit_near(401, 100)
