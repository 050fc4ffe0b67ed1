"""The readable plane's books: curves, totals, attempt log and records, each against the others."""

import numpy as np
import pytest
from fleet.make_spec import daily, make_spec, start
from fleet.make_timelines import link
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.fleet import spec as fs
from sim.fleet.reference import SimpyFleet
from sim.rules import Protocol, Reason, Stage, SubtaskState

S = fs.TICKS_PER_S
DAY = 86_400 * S
ONE = np.array([0], np.int32)


# --- by hand --------------------------------------------------------------------------------------


def two_downloads() -> SimpyFleet:
    """Return a fleet of two that query 10 s and download 20 s, one after the other, seen every 10 s."""
    cohort = {"devices": 2, "link_rate": 5e4, "stages": {Stage.QUERY: 10.0}}
    fleet = SimpyFleet(make_spec([cohort], max_downloads=1, resolution_s=10.0))
    start(fleet)
    return fleet


def test_curves__hold_the_state_after_each_grid_tick():
    """A row shows what is after all events of its tick: a download that ends there has ended."""
    fleet = two_downloads()
    fleet.advance(65 * S)
    curves = fleet.curves()
    assert list(curves.tick) == [k * 10 * S for k in range(7)]
    assert list(curves.status[:, SubtaskState.PROCESSING]) == [2, 2, 2, 1, 1, 0, 0]
    assert list(curves.status[:, SubtaskState.SUCCESS]) == [0, 0, 0, 1, 1, 2, 2]
    assert list(curves.downloads) == [0, 1, 1, 1, 1, 0, 0]
    assert list(curves.bandwidth) == [0.0, 5e4, 5e4, 5e4, 5e4, 0.0, 0.0]


def test_curves__show_the_present_tick_as_it_stands():
    """Before the plane leaves a grid tick, its row is there without the dispatches to come."""
    fleet = two_downloads()
    assert fleet.curves().status.tolist() == [[2, 0, 0, 0, 0, 0, 0]]
    fleet.advance(10 * S)
    assert list(fleet.curves().tick) == [0, 10 * S]
    assert fleet.curves().status[0, SubtaskState.PROCESSING] == 2
    fleet.stop(np.arange(2))
    assert fleet.curves().status[1].tolist() == [0, 0, 0, 0, 0, 2, 0]
    fleet.advance(11 * S)
    assert len(fleet.curves().tick) == 2


def test_totals__peak_is_between_ticks():
    """A place that changes hands at a tick doesn't count twice, nor does its bandwidth."""
    fleet = two_downloads()
    fleet.advance(65 * S)
    totals = fleet.totals()
    assert (totals.peak_processing, totals.peak_downloads, totals.peak_bandwidth) == (2, 1, 5e4)
    assert (totals.last_end, list(totals.bytes_wasted)) == (50 * S, [0])


def test_close__counts_bytes_under_way_once():
    """At the end of a run the bytes of open attempts are downloaded, but not wasted; whatever the phase."""
    cohorts = [
        {"link_rate": 1e5, "stages": {Stage.REBOOT: 100.0}},
        {"link_rate": 1e4},
        {"stages": {Stage.REBOOT: 100.0}},
    ]
    fleet = SimpyFleet(make_spec(cohorts))
    start(fleet)
    fleet.advance(20 * S)
    assert list(fleet.records().bytes) == [0, 0, 0]
    fleet.close()
    fleet.close()
    assert list(fleet.records().bytes) == [1_000_000, 200_000, 1_000_000]
    assert list(fleet.totals().bytes_wasted) == [0, 0, 0]
    assert list(fleet.records().status) == [SubtaskState.PROCESSING] * 3


def test_task_counts__are_the_tasks_own():
    """Each task counts its own subtasks; devices without a task count as Waitting in the fleet."""
    fleet = SimpyFleet(make_spec([{"devices": 5}]))
    fleet.add_task(np.array([0, 3]), fs.RetryPolicy())
    fleet.add_task(np.array([1]), fs.RetryPolicy())
    fleet.release(np.array([1]))
    fleet.advance(S)
    assert fleet.task_counts(0).tolist() == [2, 0, 0, 0, 0, 0, 0]
    assert fleet.task_counts(1).tolist() == [0, 0, 1, 0, 0, 0, 0]
    assert fleet.counts().tolist() == [4, 0, 1, 0, 0, 0, 0]
    assert fleet.curves().status[0].tolist() == [4, 0, 1, 0, 0, 0, 0]
    assert list(fleet.records().task) == [0, 1, -1, 0, -1]
    assert fleet.task_devices(0).tolist() == [0, 3]


def test_task_devices__are_the_planes_own_copy():
    """Neither the caller's array nor the answer can change a task afterwards."""
    devices = np.array([0, 1], np.int32)
    fleet = SimpyFleet(make_spec([{"devices": 2}]))
    task = fleet.add_task(devices, fs.RetryPolicy())
    devices[0] = 1
    assert fleet.task_devices(task).tolist() == [0, 1]
    with pytest.raises(ValueError, match="read-only"):
        fleet.task_devices(task)[0] = 1


def test_attempt_log__is_empty_unless_asked_for():
    """Without `log_attempts` there are no rows, but the columns have their types."""
    fleet = SimpyFleet(make_spec())
    start(fleet)
    fleet.advance(S)
    log = fleet.attempt_log()
    assert {name: (len(column), column.dtype.name) for name, column in vars(log).items()} == {
        "device": (0, "int32"),
        "attempt": (0, "int32"),
        "trigger": (0, "int8"),
        "start": (0, "int64"),
        "entered": (0, "int64"),
        "held": (0, "int64"),
        "download_start": (0, "int64"),
        "download_end": (0, "int64"),
        "end": (0, "int64"),
        "status": (0, "int8"),
        "reason": (0, "int16"),
        "bytes": (0, "int64"),
    }


def test_attempt_log__is_ordered_by_end_device_and_attempt():
    """At one tick the order is by device, whatever ended an attempt: timer, report or call."""
    causes = [{"stage": Stage.QUERY, "cohort": 1, "p": 1.0, "silent": True}]
    cohorts = [{"stages": {Stage.REBOOT: 999.0}}, {}, {"stages": {Stage.QUERY: 180.0}}, {}]
    fleet = SimpyFleet(make_spec(cohorts, causes), log_attempts=True)
    start(fleet)
    fleet.advance(180 * S)
    fleet.stop(ONE)
    log = fleet.attempt_log()
    assert list(zip(log.end, log.device, strict=True)) == [(0, 3), (180 * S, 0), (180 * S, 1), (180 * S, 2)]


def test_attempt_log__has_two_attempts_of_one_tick_in_order():
    """A retry that fails at the tick of the call comes after the attempt before it."""
    causes = [{"stage": Stage.VERIFY, "p": 1.0, "reason": Reason.CHECK_FAIL}]
    fleet = SimpyFleet(make_spec(causes=causes), log_attempts=True)
    fleet.watch_settled(start(fleet))
    assert fleet.advance(DAY)
    fleet.retry(ONE)
    fleet.advance(DAY)
    assert list(fleet.attempt_log().attempt) == [1, 2]
    assert list(fleet.attempt_log().end) == [0, 0]


# --- against each other ---------------------------------------------------------------------------


def busy_spec(seed: int, *, is_shared: bool) -> fs.FleetSpec:
    """Return a fleet in which nearly everything of the model happens."""
    cohorts = [
        {
            "devices": 25,
            "link_rate": 2e5,
            "link": link(0.7, 20_000.0),
            "spread": 0.8,
            "already_current": 0.1,
            "stages": {Stage.QUERY: (fs.LOGNORMAL, 60.0, 1.0), Stage.INSTALL: (fs.EXPONENTIAL, 600.0)},
        },
        {
            "devices": 35,
            "protocol": Protocol.LWM2M,
            "link_rate": 4e3,
            "contact": daily(22 * 3600.0, 6 * 3600.0, day_start=20 * 3600.0),
            "cell_devices": 12,
            "coverage_share": (0.6, 0.3, 0.1),
            "stages": {Stage.COVERAGE: (fs.UNIFORM, 1.0, 200.0), Stage.REBOOT: (fs.WEIBULL, 0.7, 300.0)},
        },
    ]
    causes = [
        {"stage": Stage.CONTACT, "p": 0.02, "silent": True},
        {"stage": Stage.DOWNLOAD, "p": 0.1, "reason": Reason.SIGNAL_BAD},
        {"stage": Stage.DOWNLOAD, "p": 0.05, "silent": True},
        {"stage": Stage.INSTALL, "p": 0.1, "permanent": 0.1, "reason": Reason.INSTALL_FAIL},
        {"stage": Stage.REBOOT, "p": 0.05, "silent": True},
    ]
    network = {"bandwidth": 5e5, "away": [(3000.0, 9000.0, 0)], "bandwidth_changes": [(5000.0, 1e5)]}
    return make_spec(
        cohorts,
        causes,
        max_processing=40,
        dispatch_gap_s=0.3,
        max_downloads=6 if is_shared else fs.NEVER,
        cell_places=(3, 2, 1),
        package_bytes=4_000_000,
        resolution_s=300.0,
        seed=seed,
        **(network if is_shared else {}),
    )


CALLS = st.lists(
    st.tuples(
        st.integers(0, 2 * DAY // S),  # when, in seconds
        st.sampled_from(["stop", "retry", "refill_budget", "nothing"]),
        st.sets(st.integers(0, 59), max_size=30),
    ),
    max_size=6,
).map(lambda calls: sorted(calls, key=lambda call: call[0]))


def play(spec: fs.FleetSpec, calls, steps=()) -> SimpyFleet:
    """Run a busy fleet for 20 days with calls, stopping at further seconds without a call."""
    fleet = SimpyFleet(spec, log_attempts=True)
    start(fleet, fs.RetryPolicy(retry_count=2, retry_interval_ticks=900 * S, jitter=fs.JITTER_EQUAL))
    pauses = [(step, "nothing", set()) for step in steps]
    for at, call, devices in sorted([*calls, *pauses], key=lambda call: call[0]):
        fleet.advance(at * S)
        if call != "nothing":
            getattr(fleet, call)(np.array(sorted(devices), np.int32))
    fleet.advance(20 * DAY)
    return fleet


@settings(max_examples=15)
@given(seed=st.integers(0, 2**64 - 1), is_shared=st.booleans(), calls=CALLS)
def test_ledger__books_agree_with_each_other(seed, is_shared, calls):
    """Records, log, counts, totals and curves tell one story, whatever is called and when."""
    fleet = play(busy_spec(seed, is_shared=is_shared), calls)
    records, log, totals, curves = fleet.records(), fleet.attempt_log(), fleet.totals(), fleet.curves()
    n = len(records.status)
    assert fleet.counts().tolist() == np.bincount(records.status, minlength=7).tolist()
    assert fleet.counts().sum() == n
    # After 20 days nothing is open: every attempt is in the log.
    assert np.bincount(log.device, minlength=n).tolist() == records.attempts.tolist()
    for trigger, column in ((1, records.auto_retries), (2, records.manual_retries)):
        assert np.bincount(log.device[log.trigger == trigger], minlength=n).tolist() == column.tolist()
    firsts = (records.attempts > 0).astype(int)
    assert (records.attempts == firsts + records.auto_retries + records.manual_retries).all()
    assert np.bincount(log.device, log.bytes, minlength=n).astype(int).tolist() == records.bytes.tolist()
    failed = np.isin(log.status, [SubtaskState.FAIL, SubtaskState.FAIL_WAIT_RETRY])
    wasted = np.bincount(fleet.spec.cohort[log.device[failed]], log.bytes[failed], minlength=2)
    assert wasted.astype(int).tolist() == totals.bytes_wasted.tolist()
    assert totals.last_end == records.end.max()
    assert ((log.reason != Reason.NONE) == failed).all()
    # Curves and peaks against the log's intervals, closed at their beginning and open at their end.
    assert curves.tick[-1] == 20 * DAY
    at = curves.tick[:, None]
    processing = ((log.start <= at) & (at < log.end)).sum(axis=1)
    assert curves.status[:, SubtaskState.PROCESSING].tolist() == processing.tolist()
    downloading = ((log.download_start <= at) & (at < log.download_end)).sum(axis=1)
    assert curves.downloads.tolist() == downloading.tolist()
    assert (curves.status.sum(axis=1) == n).all()
    ticks = log.download_start[:, None]
    overlaps = ((log.download_start <= ticks) & (ticks < log.download_end)).sum(axis=1)
    assert totals.peak_downloads == overlaps.max(initial=0)
    assert totals.peak_downloads <= fleet.spec.platform.max_downloads
    assert totals.peak_processing <= 40


@settings(max_examples=10)
@given(
    seed=st.integers(0, 2**64 - 1),
    is_shared=st.booleans(),
    calls=CALLS,
    steps=st.lists(st.integers(0, 3 * DAY // S), max_size=40),
)
def test_advance__in_many_steps_equals_one(seed, is_shared, calls, steps):
    """Where the campaign lets the plane stop changes nothing, not even the last bit of a peak."""
    spec = busy_spec(seed, is_shared=is_shared)
    fleets = [play(spec, calls, steps), play(spec, calls)]
    views = [(fleet.records()._asdict(), vars(fleet.attempt_log()), vars(fleet.curves())) for fleet in fleets]
    for stepped, straight in zip(*views, strict=True):
        for name, column in stepped.items():
            np.testing.assert_array_equal(column, straight[name], err_msg=name)
    assert str(fleets[0].totals()) == str(fleets[1].totals())
