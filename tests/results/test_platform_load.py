"""What a campaign took beyond its metrics."""

from types import SimpleNamespace

import numpy as np
import pytest

from sim.fleet.protocol import Curves
from sim.results.platform_load import MeanLoad, client_budget_of, is_limit_near, mean_load
from sim.rules import SubtaskState


def replication_of(processing, downloads, *, sent=0, tasks=((0.0, None),), end_s=240.0):
    """Return a replication with these columns, a minute apart.

    Args:
        processing: Subtasks in `Processing`.
        downloads: Downloads in progress.
        sent: Bytes.
        tasks: When each task began and settled, seconds.
        end_s: When the run ended.
    """
    status = np.zeros((len(processing), 7), np.int64)
    status[:, SubtaskState.PROCESSING] = processing
    ticks = np.arange(len(processing), dtype=np.int64) * 60_000_000
    curves = Curves(ticks, status, np.array(downloads, np.int64), np.zeros(len(processing)))
    times = tuple(SimpleNamespace(started_s=start_s, settled_s=settled_s) for start_s, settled_s in tasks)
    return SimpleNamespace(curves=curves, metrics={"bytes_downloaded": sent}, tasks=times, end_s=end_s)


def test_mean_load__leaves_out_quiet_time():
    """Rows at which nothing is in Processing, such as a week until a retry call, don't thin the mean."""
    run = replication_of([4, 2, 0, 0, 6], [2, 2, 0, 0, 2], sent=1_800)

    assert mean_load(run) == MeanLoad(processing=4.0, downloads=2.0, bandwidth=1_800 / (240 - 60))


@pytest.mark.parametrize(("settled_s", "bandwidth"), [(30.0, 200.0), (None, 25.0)])
def test_mean_load__counts_downloads_that_no_row_meets(settled_s, bandwidth):
    """What is sent between two rows is spread over the time in which the task was under way."""
    run = replication_of([0, 1, 1, 1, 1], [0] * 5, sent=6_000, tasks=[(0.0, settled_s)])

    assert mean_load(run) == MeanLoad(processing=1.0, downloads=0.0, bandwidth=bandwidth)


def test_mean_load__of_a_campaign_between_two_rows_is_not_nothing():
    """A campaign that begins and ends within one step has sent what it has sent."""
    run = replication_of([0, 0], [0, 0], sent=500, tasks=[(10.0, 30.0), (20.0, 35.0), (None, None)])

    assert mean_load(run) == MeanLoad(0.0, 0.0, 20.0)


def test_mean_load__of_a_run_that_never_began_is_nothing():
    """Without a task that began there is nothing to average."""
    assert mean_load(replication_of([0, 0], [0, 0], tasks=[(None, None)])) == MeanLoad(0.0, 0.0, 0.0)


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
