"""What the campaign may call: release, retry, stop, budgets, watches; and what it must not."""

import numpy as np
import pytest
from fleet.make_spec import make_spec, start

from sim.errors import ModelError
from sim.fleet import spec as fs
from sim.fleet.reference import SimpyFleet
from sim.rules import Protocol, Reason, Stage, SubtaskState

S = fs.TICKS_PER_S
DAY = 86_400 * S
ONE = np.array([0], np.int32)
ALWAYS = [{"stage": Stage.VERIFY, "p": 1.0, "reason": Reason.CHECK_FAIL}]
MINUTELY = {"retry_interval_ticks": 60 * S}


def at(tick: int, spec: fs.FleetSpec, **policy) -> SimpyFleet:
    """Return a fleet that has run up to a tick, all devices in one task."""
    fleet = SimpyFleet(spec, log_attempts=True, n_groups=2)
    start(fleet, fs.RetryPolicy(**policy))
    fleet.advance(tick)
    return fleet


# --- stop -----------------------------------------------------------------------------------------

# A device that takes its time everywhere: offline to 10 s, query to 20 s, coverage to 30 s, waits for
# a place to 40 s (another cohort's download), downloads to 50 s, verifies to 60 s, installs to 70 s.
SLOW_STAGES = dict.fromkeys((Stage.QUERY, Stage.COVERAGE, Stage.VERIFY, Stage.INSTALL), 10.0)
SLOW = {"protocol": Protocol.LWM2M, "link_rate": 1e5, "stages": SLOW_STAGES, "cell_devices": 1}
OTHER = {"link_rate": 8e4, "stages": {Stage.QUERY: 27.5}}  # downloads from 27.5 s to 40 s
PHASES = [
    ("contact", 5, -1, 0),
    ("query", 15, -1, 0),
    ("coverage", 25, -1, 0),
    ("place", 35, -1, 0),
    ("download", 45, 40, 500_000),
    ("verify", 55, 40, 1_000_000),
    ("install", 65, 40, 1_000_000),
]


def slow_spec(**changes) -> fs.FleetSpec:
    """Return device 0 as above, and device 1 in its way."""
    return make_spec([SLOW, OTHER], away=[(0.0, 10.0, 0)], max_downloads=1, cell_places=(1, 1, 1), **changes)


@pytest.mark.parametrize("bandwidth", [np.inf, 1e6], ids=["unlimited", "shared"])
@pytest.mark.parametrize(("phase", "stop_s", "download_s", "got"), PHASES, ids=[row[0] for row in PHASES])
def test_stop__cuts_an_attempt_in_every_phase(phase, stop_s, download_s, got, bandwidth):
    """Stopped at once, with the bytes so far counted but not wasted; the cut attempt ends in the log."""
    fleet = at(stop_s * S, slow_spec(bandwidth=bandwidth))
    assert fleet.records().status[0] == SubtaskState.PROCESSING
    fleet.stop(ONE)
    fleet.advance(DAY)
    records, log = fleet.records(), fleet.attempt_log()
    row = int(np.flatnonzero(log.device == 0)[0])
    assert (records.status[0], records.end[0], records.reason[0]) == (SubtaskState.STOPPED, stop_s * S, 0)
    assert (log.status[row], log.end[row], log.bytes[row]) == (SubtaskState.STOPPED, stop_s * S, got)
    assert log.download_start[row] == (download_s * S if download_s > 0 else -1)
    assert records.bytes[0] == got
    assert list(fleet.totals().bytes_wasted) == [0, 0]
    assert list(fleet.counts()) == [0, 0, 1, 0, 0, 1, 0]


@pytest.mark.parametrize(("phase", "stop_s", "download_s", "got"), PHASES, ids=[row[0] for row in PHASES])
def test_stop__gives_back_everything(phase, stop_s, download_s, got):
    """Slot, cell place and download place are free: a retry right after goes through in its own time."""
    fleet = at(stop_s * S, slow_spec(max_processing=2))
    fleet.stop(ONE)
    fleet.advance(100 * S)
    fleet.retry(ONE)
    fleet.advance(DAY)
    records = fleet.records()
    assert (records.status[0], records.end[0]) == (SubtaskState.SUCCESS, 150 * S)
    assert (records.attempts[0], records.manual_retries[0]) == (2, 1)
    assert records.bytes[0] == got + 1_000_000


def test_stop__hands_a_download_place_on_at_once():
    """Of three that wait, the first begins at the tick of the stop; stopped with it, it has begun."""
    spec = make_spec([{"devices": 4, "link_rate": 1e5}], max_downloads=1)
    fleet = at(4 * S, spec)
    fleet.stop(np.array([0, 1]))
    fleet.advance(DAY)
    log = fleet.attempt_log()
    assert list(log.device) == [0, 1, 2, 3]
    assert list(log.download_start) == [0, 4 * S, 4 * S, 14 * S]
    assert list(log.bytes) == [400_000, 0, 1_000_000, 1_000_000]


def test_stop__hands_bandwidth_on_at_once():
    """The others share what a stopped download leaves from that tick on."""
    fleet = at(1 * S, make_spec([{"devices": 2}], bandwidth=1e6))
    fleet.stop(ONE)
    fleet.advance(DAY)
    assert list(fleet.records().bytes) == [500_000, 1_000_000]
    assert fleet.records().end[1] == 1_500_000


def test_stop__of_a_ready_subtask_takes_it_out_of_the_queue():
    """What waits for dispatch is stopped without an attempt; a retry puts it at the tail."""
    fleet = at(5 * S, make_spec([{"devices": 3, "stages": {Stage.INSTALL: 10.0}}], max_processing=1))
    fleet.stop(np.array([1]))
    fleet.advance(6 * S)
    fleet.retry(np.array([1]))
    fleet.advance(DAY)
    records = fleet.records()
    assert list(records.first_start) == [0, 20 * S, 10 * S]
    # Its first try is a first try, although a call queued it.
    assert (records.attempts[1], records.manual_retries[1]) == (1, 0)


def test_stop__of_one_that_waits_for_its_cell():
    """Leaving the cell's queue keeps its order and its places."""
    cohort = {"devices": 4, "cell_devices": 4, "stages": {Stage.INSTALL: 10.0}}
    fleet = at(5 * S, make_spec([cohort], cell_places=(1, 1, 1)))
    fleet.stop(np.array([1, 2]))
    fleet.advance(DAY)
    assert list(fleet.records().first_start) == [0, -1, -1, 10 * S]


def test_stop__of_an_unreleased_subtask():
    """A subtask that was never released can be stopped; a later release passes it over, a retry does not."""
    fleet = SimpyFleet(make_spec([{"devices": 2}]))
    fleet.add_task(np.arange(2), fs.RetryPolicy())
    fleet.stop(ONE)
    fleet.release(np.arange(2))
    fleet.advance(10 * S)
    assert list(fleet.records().status) == [SubtaskState.STOPPED, SubtaskState.SUCCESS]
    fleet.retry(ONE)
    fleet.release(ONE)
    fleet.advance(20 * S)
    assert (fleet.records().attempts[0], fleet.records().end[0]) == (1, 10 * S)


def test_stop__cancels_the_wait_for_a_retry():
    """A subtask in FailWaitRetry is stopped and its retry never comes; its reason stays."""
    fleet = at(30 * S, make_spec(causes=ALWAYS), retry_count=1, **MINUTELY)
    fleet.stop(ONE)
    fleet.advance(DAY)
    records = fleet.records()
    assert (records.status[0], records.end[0], records.attempts[0]) == (SubtaskState.STOPPED, 30 * S, 1)
    assert records.reason[0] == Reason.CHECK_FAIL


def test_stop__passes_over_what_has_ended():
    """Subtasks in Success, Fail or Stopped stay as they are."""
    fleet = at(10 * S, make_spec([{}, {}], [{**ALWAYS[0], "cohort": 1}]))
    fleet.stop(np.arange(2))
    assert list(fleet.records().status) == [SubtaskState.SUCCESS, SubtaskState.FAIL]
    assert list(fleet.records().end) == [0, 0]


# --- retry ----------------------------------------------------------------------------------------


def test_retry__cancels_the_wait_and_takes_no_budget():
    """A manual retry during the wait comes at once; its failure uses the budget that is left."""
    fleet = at(20 * S, make_spec(causes=ALWAYS), retry_count=1, **MINUTELY)
    fleet.retry(ONE)
    assert (fleet.records().status[0], fleet.records().end[0]) == (SubtaskState.WAITTING, -1)
    fleet.advance(DAY)
    log, records = fleet.attempt_log(), fleet.records()
    assert list(log.start) == [0, 20 * S, 80 * S]
    assert list(log.trigger) == [0, 2, 1]
    assert (records.attempts[0], records.auto_retries[0], records.manual_retries[0]) == (3, 1, 1)


@pytest.mark.parametrize(("refill", "attempts"), [(False, 4), (True, 6)])
def test_refill_budget__gives_all_automatic_retries_again(refill, attempts):
    """After a budget of two is used up, a manual retry has none left unless it is refilled."""
    fleet = at(DAY, make_spec(causes=ALWAYS), retry_count=2, **MINUTELY)
    assert fleet.records().attempts[0] == 3
    if refill:
        fleet.refill_budget(ONE)
    fleet.retry(ONE)
    assert fleet.records().end[0] == -1
    fleet.advance(2 * DAY)
    assert fleet.records().attempts[0] == attempts


def test_retry__passes_over_what_is_not_eligible():
    """Waitting, Processing and Success stay as they are."""
    cohorts = [{}, {"stages": {Stage.INSTALL: 100.0}}, {}]
    fleet = at(10 * S, make_spec(cohorts, max_processing=1))
    before = list(fleet.records().status)
    fleet.retry(np.arange(3))
    assert list(fleet.records().status) == before == [2, 1, 0]
    fleet.advance(DAY)
    assert list(fleet.records().attempts) == [1, 1, 1]


def test_release__passes_over_what_was_queued_before():
    """A release after a retry call neither queues twice nor turns the retry into a first try."""
    fleet = at(S, make_spec([{"cell_devices": 1}], ALWAYS, cell_places=(1, 1, 1)))
    fleet.retry(ONE)
    fleet.release(ONE)
    fleet.advance(DAY)
    fleet.retry(ONE)
    fleet.advance(2 * DAY)
    assert (fleet.records().attempts[0], fleet.records().manual_retries[0]) == (3, 2)


# --- watches --------------------------------------------------------------------------------------


def test_watch_settled__stops_at_the_tick():
    """The plane stops when the task's last subtask ends, before anything later; the watch trips once."""
    fleet = SimpyFleet(
        make_spec([{"devices": 2, "stages": {Stage.INSTALL: 5.0}}, {"stages": {Stage.INSTALL: 9.0}}])
    )
    first = fleet.add_task(np.array([0, 1]), fs.RetryPolicy())
    second = fleet.add_task(np.array([2]), fs.RetryPolicy())
    watches = fleet.watch_settled(second), fleet.watch_settled(first)
    fleet.release(np.arange(3))
    assert fleet.advance(DAY)
    assert (fleet.now_ticks, fleet.tripped()) == (5 * S, [watches[1]])
    assert fleet.tripped() == []
    assert fleet.advance(DAY)
    assert (fleet.now_ticks, fleet.tripped()) == (9 * S, [watches[0]])
    assert not fleet.advance(DAY)
    assert fleet.now_ticks == DAY


def test_watch_settled__waits_for_automatic_retries():
    """A subtask that waits for its retry is not settled."""
    fleet = SimpyFleet(make_spec(causes=ALWAYS))
    fleet.watch_settled(start(fleet, fs.RetryPolicy(retry_count=1, **MINUTELY)))
    assert fleet.advance(DAY)
    assert fleet.now_ticks == 60 * S


def test_watch__that_holds_already_trips_at_the_next_advance():
    """A condition that holds when it is watched trips without time passing."""
    fleet = at(5 * S, make_spec())
    watch = fleet.watch_settled(0)
    assert fleet.advance(DAY)
    assert (fleet.now_ticks, fleet.tripped()) == (5 * S, [watch])


def test_watch__comes_before_the_dispatch_of_its_tick():
    """When a watch trips, ends of the tick are done, and dispatch waits for the control plane."""
    cohort = {"devices": 3, "stages": {Stage.INSTALL: 10.0}}
    fleet = SimpyFleet(make_spec([cohort], ALWAYS, max_processing=1))
    start(fleet)
    fleet.watch_failures(0, share=1.0, count=0, of_at_least=1)
    assert fleet.advance(DAY)
    assert list(fleet.counts()) == [2, 0, 0, 1, 0, 0, 0]
    fleet.stop(np.arange(3))
    fleet.advance(DAY)
    assert list(fleet.records().first_start) == [0, -1, -1]


# Device k ends at k + 1 seconds; devices 0, 1 succeed, 2 and later fail.
ENDS = [{"stages": {Stage.QUERY: k + 1.0}} for k in range(6)]
FAILING = [{**ALWAYS[0], "cohort": cohort} for cohort in range(2, 6)]


@pytest.mark.parametrize(
    ("limits", "trips_s"),
    [
        ({"share": 0.0, "count": fs.NEVER, "of_at_least": 1}, 3),
        ({"share": 0.5, "count": fs.NEVER, "of_at_least": 1}, 5),  # 2 of 4 is not above a half
        ({"share": 0.0, "count": fs.NEVER, "of_at_least": 4}, 4),
        ({"share": 1.0, "count": 1, "of_at_least": 1}, 4),
        ({"share": 1.0, "count": fs.NEVER, "of_at_least": 1}, None),
        ({"share": 0.3, "count": 0, "of_at_least": 5}, 5),
    ],
)
def test_watch_failures__trips_when_a_limit_is_passed(limits, trips_s):
    """It trips at the first end after which share or count is above its limit, given enough have ended."""
    fleet = SimpyFleet(make_spec(ENDS, FAILING))
    start(fleet)
    fleet.watch_failures(-1, **limits)
    assert fleet.advance(DAY) == (trips_s is not None)
    assert fleet.now_ticks == (DAY if trips_s is None else trips_s * S)


def test_watch_failures__share_is_compared_without_noise():
    """29 failures among 100 are not above 29 %."""
    causes = [{**ALWAYS[0], "cohort": 0}]
    fleet = SimpyFleet(make_spec([{"devices": 29}, {"devices": 71}], causes))
    start(fleet)
    fleet.watch_failures(-1, share=0.29, count=fs.NEVER, of_at_least=100)
    assert not fleet.advance(DAY)


def test_watch_failures__counts_its_group_only():
    """A wave's gate sees the wave's tasks, and a dropped watch sees nothing."""
    fleet = SimpyFleet(make_spec(ENDS, FAILING), n_groups=2)
    fleet.add_task(np.arange(4), fs.RetryPolicy(), group=0)
    fleet.add_task(np.arange(4, 6), fs.RetryPolicy(), group=1)
    fleet.release(np.arange(6))
    dropped = fleet.watch_failures(0, share=0.0, count=0, of_at_least=1)
    kept = fleet.watch_failures(1, share=0.0, count=fs.NEVER, of_at_least=1)
    fleet.unwatch(dropped)
    fleet.unwatch(1234)
    assert fleet.advance(DAY)
    assert (fleet.now_ticks, fleet.tripped()) == (5 * S, [kept])


# --- time and misuse ------------------------------------------------------------------------------


def test_advance__leaves_the_dispatch_of_its_last_tick_for_later():
    """What is released at T begins when T is left, not while T is asked for again."""
    fleet = SimpyFleet(make_spec())
    fleet.advance(5 * S)
    start(fleet)
    assert not fleet.advance(5 * S)
    assert fleet.counts()[SubtaskState.WAITTING] == 1
    fleet.advance(5 * S + 1)
    assert fleet.records().first_start[0] == fleet.records().end[0] == 5 * S


def test_advance__does_at_its_last_tick_what_calls_have_made_due():
    """A stop at T can let another attempt end at T: asked again for T, the plane does that."""
    causes = [{"stage": Stage.DOWNLOAD, "cohort": 1, "p": 1.0}]
    spec = make_spec([{"link_rate": 1.0}, {"link_rate": 1e6}], causes, max_downloads=1, package_bytes=1)
    fleet = at(S // 2, spec)  # whatever fraction, device 1 breaks before its first byte
    fleet.stop(ONE)
    assert fleet.counts()[SubtaskState.PROCESSING] == 1
    fleet.advance(S // 2)
    assert list(fleet.counts()) == [0, 0, 0, 1, 0, 1, 0]


def test_advance__refuses_to_go_back():
    """Time doesn't run backwards."""
    with pytest.raises(ModelError, match="cannot advance to 4"):
        at(5, make_spec()).advance(4)


@pytest.mark.parametrize(
    ("devices", "group", "problem"),
    [
        ([2, 1], 0, "ascend"),
        ([1, 1], 0, "ascend"),
        ([0, 4], 0, "ascend"),
        ([-1, 1], 0, "ascend"),
        ([0, 1], 0, "another task"),
        ([2, 3], 1, "group"),
    ],
)
def test_add_task__refuses_what_makes_no_sense(devices, group, problem):
    """Devices must ascend, exist and be free, and the group must exist."""
    fleet = SimpyFleet(make_spec([{"devices": 4}]))
    fleet.add_task(ONE, fs.RetryPolicy())
    with pytest.raises(ModelError, match=problem):
        fleet.add_task(np.array(devices), fs.RetryPolicy(), group=group)


@pytest.mark.parametrize("device", [-1, 1, 2])
@pytest.mark.parametrize("call", ["release", "retry", "stop", "refill_budget"])
def test_calls__refuse_devices_without_a_task(call, device):
    """A call upon a device that is in no task is a fault of the caller."""
    fleet = SimpyFleet(make_spec([{"devices": 2}]))
    fleet.add_task(ONE, fs.RetryPolicy())
    with pytest.raises(ModelError, match="no task"):
        getattr(fleet, call)(np.array([device]))
