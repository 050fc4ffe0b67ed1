"""Frames have exactly the documented columns, and hold what the records hold."""

import numpy as np
import pandas as pd
import pytest

from sim.fleet.protocol import AttemptLog
from sim.results.files.tables import targets_table
from sim.rules import Reason, SubtaskState

SUCCESS, FAIL, PROCESSING = SubtaskState.SUCCESS, SubtaskState.FAIL, SubtaskState.PROCESSING

COLUMNS = {
    "targets": "replication device_id cohort task_id status error_code error_msg attempts auto_retries "
    "manual_retries first_start_s first_failure_s end_s bytes",
    "curves": "replication time_s waitting processing success fail fail_wait_retry stopped downloads "
    "bandwidth bandwidth_bps",
    "recovery": "replication time_s recovered competing at_risk",
    "calls": "replication call_id time_s caller call task_id body http_status error_code error_msg accepted "
    "refused",
    "call_targets": "replication call_id target status error_code error_msg",
    "attempts": "replication device_id attempt trigger start_s entered_s download_start_s download_end_s "
    "end_s status error_code error_msg held_bytes bytes",
    "tasks": "replication task_id name status wave targets created_s started_s settled_s waitting processing "
    "success fail fail_wait_retry stopped removed",
    "waves": "replication name share devices exposed failed started_s settled_s gate_tripped_s gate_reason",
}


@pytest.fixture
def result(make_run, make_call, make_result):
    """Return a result of two replications with two cohorts, failures, calls and a log of attempts."""
    log = AttemptLog(
        device=np.array([2, 2, 0], np.int32),
        attempt=np.array([1, 2, 1], np.int16),
        trigger=np.array([0, 2, 0], np.int8),
        start=np.array([0, 500_000, 0]),
        entered=np.array([-1, 600_000, 100_000]),
        held=np.array([0, 0, 300]),
        download_start=np.array([-1, 700_000, 100_000]),
        download_end=np.array([-1, 900_000, 200_000]),
        end=np.array([400_000, 1_000_000, 60_000_000]),
        status=np.array([FAIL, FAIL, SUCCESS], np.int8),
        reason=np.array([Reason.VERSION_TIMEOUT, Reason.LOW_SPACE, 0], np.int16),
        bytes=np.array([0, 10, 1_000]),
    )
    runs = [
        make_run(
            [SUCCESS, PROCESSING, FAIL],
            sizes={"north": 1, "south": 2},
            end_s=[60, -1, 1.5],
            first_failure_s=[-1, -1, 0.4],
            attempts=[1, 1, 2],
            auto_retries=[0, 0, 0],
            reason=[0, Reason.ONLINE_TIMEOUT, Reason.LOW_SPACE],
            size_bytes=[1_000, 3, 10],
            calls=[
                make_call("create", time_s=0.0),
                make_call("retry", accepted=[2], refused=["north-0000000", "stranger"], body="targets"),
            ],
            attempt_log=log,
            run_end_s=120.0,
            replication=replication,
        )
        for replication in range(2)
    ]
    return make_result(*runs)


@pytest.mark.parametrize("name", COLUMNS)
def test_frames__have_exactly_the_documented_columns(result, name):
    """Names and order of the columns are those of the documentation."""
    assert list(getattr(result, name).columns) == COLUMNS[name].split()


@pytest.mark.parametrize("name", COLUMNS)
def test_frames__have_the_same_columns_and_types_when_nothing_happened(result, make_run, make_result, name):
    """A run without failures, calls, waves and log has empty frames that code can rely on."""
    empty = getattr(make_result(make_run([SUCCESS], end_s=[1])), name)
    full = getattr(result, name)

    assert list(empty.columns) == list(full.columns)
    same = [column for column in full if not isinstance(full[column].dtype, pd.CategoricalDtype)]
    assert empty[same].dtypes.tolist() == full[same].dtypes.tolist()
    for column in set(full) - set(same):
        assert isinstance(empty[column].dtype, pd.CategoricalDtype)


def test_targets__a_row_a_device_of_the_first_replication(result):
    """Text, times in seconds, missing values: as a person would write them."""
    rows = result.targets.astype(object).where(result.targets.notna(), None).to_dict("records")

    task_id = f"{1:024x}"
    first = {
        "replication": 0,
        "device_id": "north-0000000",
        "cohort": "north",
        "task_id": task_id,
        "status": "Success",
        "error_code": None,
        "error_msg": None,
        "attempts": 1,
        "auto_retries": 0,
        "manual_retries": 0,
        "first_start_s": 0.0,
        "first_failure_s": None,
        "end_s": 60.0,
        "bytes": 1_000,
    }
    assert rows[0] == first
    assert rows[1] == first | {
        "device_id": "south-0000000",
        "cohort": "south",
        "status": "Processing",
        "error_msg": "Waiting for the device online timeout",
        "end_s": None,
        "bytes": 3,
    }
    assert rows[2] == first | {
        "device_id": "south-0000001",
        "cohort": "south",
        "status": "Fail",
        "error_code": 5,
        "error_msg": "Insufficient storage space",
        "attempts": 2,
        "manual_retries": 1,
        "first_failure_s": 0.4,
        "end_s": 1.5,
        "bytes": 10,
    }
    assert len(rows) == 3


def test_targets__text_that_repeats_is_a_category_and_codes_are_whole_numbers(result):
    """A large fleet costs no string object a row, and a code is compared as a number."""
    frame = result.targets

    for column in ("cohort", "task_id", "status", "error_msg"):
        assert isinstance(frame[column].dtype, pd.CategoricalDtype)
    assert frame.loc[frame["error_code"] == 5, "device_id"].tolist() == ["south-0000001"]


def test_targets__a_device_without_a_task_has_no_task_id(make_run):
    """Index -1 is no task, not the last one."""
    run = make_run([PROCESSING, PROCESSING])
    run.records.task[1] = -1

    assert targets_table(run)["task_id"].to_pylist() == [f"{1:024x}", None]


def test_targets__parts_are_the_whole(make_run):
    """A table made in parts, as for a file, is the table made at once."""
    run = make_run([SUCCESS] * 7, sizes={"a": 3, "b": 4})

    parts = [row for low in range(0, 7, 2) for row in targets_table(run, low, min(low + 2, 7)).to_pylist()]
    assert parts == targets_table(run).to_pylist()


def test_targets__all_replications_if_they_were_kept(make_run, make_result):
    """Kept replications stand one below the other."""
    runs = [make_run([SUCCESS] * 2, replication=r) for r in range(3)]

    assert make_result(*runs).targets["replication"].tolist() == [0, 0]
    assert make_result(*runs, keep_all=True).targets["replication"].tolist() == [0, 0, 1, 1, 2, 2]


def test_curves__rows_sum_to_the_fleet(result):
    """At every time each device has one status."""
    frame = result.curves

    states = ["waitting", "processing", "success", "fail", "fail_wait_retry", "stopped"]
    assert frame[states].sum(axis=1).eq(3).all()
    assert frame["time_s"].tolist() == [0.0, 60.0, 120.0] * 2
    assert frame["replication"].tolist() == [0, 0, 0, 1, 1, 1]


def test_calls__one_row_a_call_with_counts_of_targets(result):
    """The ledger says when who called what, and how many targets it met."""
    rows = result.calls[result.calls["replication"] == 1]

    assert rows["call_id"].tolist() == [0, 1]
    assert rows["call"].tolist() == ["create", "retry"]
    assert rows["time_s"].tolist() == [0.0, 600.0]
    assert rows["accepted"].tolist() == [0, 1]
    assert rows["refused"].tolist() == [0, 2]
    assert rows["http_status"].tolist() == [200, 200]


def test_call_targets__accepted_first_then_the_refused_with_their_error(result):
    """Each target of each call has a row, under the number of its call."""
    rows = result.call_targets[result.call_targets["replication"] == 0]

    assert rows["call_id"].tolist() == [1, 1, 1]
    assert rows["target"].tolist() == ["south-0000001", "north-0000000", "stranger"]
    assert rows["status"].tolist() == ["success", "failure", "failure"]
    assert rows["error_code"].tolist()[1:] == ["IOTDA.014220"] * 2
    assert pd.isna(rows["error_code"].iloc[0])
    assert pd.isna(rows["error_msg"].iloc[0])


def test_call_targets__belong_to_their_calls(make_run, make_call, make_result):
    """Several calls, some without targets: counts by call equal those of the ledger."""
    calls = [
        make_call("retry", refused=["x"]),
        make_call("retry", http_status=400),
        make_call("retry", accepted=[0, 2]),
        make_call("stop", accepted=[1], refused=["y", "z"]),
    ]
    result = make_result(make_run([SUCCESS] * 3, calls=calls))

    counts = result.call_targets.groupby(["call_id", "status"], observed=True).size()
    assert counts.to_dict() == {
        (0, "failure"): 1,
        (2, "success"): 2,
        (3, "failure"): 2,
        (3, "success"): 1,
    }


def test_attempts__as_logged(result):
    """The log keeps its order, names devices and says what triggered an attempt."""
    frame = result.attempts

    assert frame["device_id"].tolist() == ["south-0000001", "south-0000001", "north-0000000"]
    assert frame["trigger"].tolist() == ["first", "manual", "first"]
    assert frame["status"].tolist() == ["Fail", "Fail", "Success"]
    assert frame["end_s"].tolist() == [0.4, 1.0, 60.0]
    assert frame["download_start_s"].isna().tolist() == [True, False, False]
    assert frame["held_bytes"].tolist() == [0, 0, 300]
    assert frame["error_msg"].tolist()[0] == "Waiting for report device firmware version timeout"
    assert frame["error_code"].isna().tolist() == [True, False, True]


def test_summary__a_row_a_metric(result):
    """The frame of metrics goes by their names, in floats, with nothing where one is not defined."""
    frame = result.summary.drop(index="peak_bandwidth_bps")  # the same once more, in bit/s

    assert list(frame.columns) == ["mean", "low", "high"]
    assert (frame.index.name, frame.index.tolist()) == ("metric", list(result.metrics))
    assert frame.dtypes.tolist() == [np.dtype(float)] * 3
    assert frame.loc["devices", "mean"] == 3
    assert np.isnan(frame.loc["makespan", "mean"])
