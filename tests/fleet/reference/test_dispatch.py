"""Who is dispatched when: slots, gaps, radio cells, automatic retries, and ties of one tick."""

import numpy as np
import pytest
from fleet.make_spec import make_spec, start

from sim.fleet import spec as fs
from sim.fleet.reference import SimpyFleet
from sim.fleet.reference.draws import Draws
from sim.fleet.reference.queues import coverage_level
from sim.rules import Protocol, Reason, Stage, SubtaskState

S = fs.TICKS_PER_S
DAY = 86_400 * S
TEN_S = {Stage.INSTALL: 10.0}
MINUTELY = {"retry_interval_ticks": 60 * S}


def run(spec: fs.FleetSpec, until: int = 3 * DAY, **policy) -> SimpyFleet:
    """Run a fleet whose devices are all in one task."""
    fleet = SimpyFleet(spec, log_attempts=True)
    start(fleet, fs.RetryPolicy(**policy))
    fleet.advance(until)
    return fleet


def task_of_all(fleet: SimpyFleet) -> None:
    """Put all devices in one task and release none."""
    fleet.add_task(np.arange(len(fleet.spec.cohort), dtype=np.int32), fs.RetryPolicy())


# --- slots and gaps -------------------------------------------------------------------------------


def test_dispatch__serves_slots_in_order():
    """With two slots and 10 s each, devices are served in pairs, in order."""
    fleet = run(make_spec([{"devices": 5, "stages": TEN_S}], max_processing=2))
    assert list(fleet.records().first_start) == [0, 0, 10 * S, 10 * S, 20 * S]
    assert fleet.totals().peak_processing == 2


def test_dispatch__keeps_its_gap_and_earns_no_credit():
    """Dispatches are a gap apart, the first at once; idle time is not made up for."""
    fleet = SimpyFleet(make_spec([{"devices": 6}], dispatch_gap_s=0.5))
    task_of_all(fleet)
    fleet.release(np.arange(3))
    fleet.advance(10 * S)
    fleet.release(np.arange(3, 6))
    fleet.advance(20 * S)
    starts = [0, 0.5, 1.0, 10.0, 10.5, 11.0]
    assert list(fleet.records().first_start) == [int(at * S) for at in starts]


def test_dispatch__slot_freed_within_the_gap_waits_for_its_end():
    """Slot and gap must both allow it."""
    fleet = run(make_spec([{"devices": 3, "stages": TEN_S}], max_processing=1, dispatch_gap_s=12.0))
    assert list(fleet.records().first_start) == [0, 12 * S, 24 * S]


def test_set_dispatch_gap__counts_from_the_last_dispatch():
    """A changed gap applies at once, measured from the dispatch before."""
    fleet = SimpyFleet(make_spec([{"devices": 4}], dispatch_gap_s=10.0))
    start(fleet)
    fleet.advance(3 * S)
    fleet.set_dispatch_gap(5 * S)
    fleet.advance(6 * S)
    fleet.set_dispatch_gap(0)
    fleet.advance(7 * S)
    assert list(fleet.records().first_start) == [0, 5 * S, 6 * S, 6 * S]


def test_release__order_is_the_callers():
    """Subtasks are dispatched in the order in which they were released, across tasks."""
    fleet = SimpyFleet(make_spec([{"devices": 4}], dispatch_gap_s=1.0))
    fleet.add_task(np.array([0, 2]), fs.RetryPolicy())
    fleet.add_task(np.array([1, 3]), fs.RetryPolicy())
    fleet.release(np.array([3, 2]))
    fleet.release(np.array([2, 1, 0]))
    fleet.advance(10 * S)
    assert list(fleet.records().first_start) == [3 * S, 2 * S, 1 * S, 0]


# --- cells ----------------------------------------------------------------------------------------


def test_cell__places_are_per_cell():
    """Cells of three consecutive devices with one place each: each cell goes one by one, side by side."""
    fleet = run(make_spec([{"devices": 7, "cell_devices": 3, "stages": TEN_S}], cell_places=(1, 1, 1)))
    ends = [10 * S, 20 * S, 30 * S]
    assert list(fleet.records().end) == [*ends, *ends, 10 * S]


def test_cell__devices_are_ranked_within_their_cohort():
    """A cell holds devices of one cohort, and a cohort without cells has no such limit."""
    cohorts = [{"devices": 3}, {"devices": 4, "cell_devices": 2}, {"devices": 2, "cell_devices": 2}]
    spec = make_spec([{**cohort, "stages": TEN_S} for cohort in cohorts], cell_places=(1, 1, 1))
    assert list(run(spec).records().first_start) == [0, 0, 0, 0, 10 * S, 0, 10 * S, 0, 10 * S]


def test_cell__levels_have_their_own_places():
    """In one cell the devices of a coverage level share that level's places, and only those."""
    cohort = {"devices": 60, "cell_devices": 60, "coverage_share": (0.5, 0.3, 0.2), "stages": TEN_S}
    spec = make_spec([cohort], cell_places=(50, 10, 1))
    starts, draws = run(spec).records().first_start, Draws(spec)
    for level, places in enumerate((50, 10, 1)):
        members = [
            device for device in range(60) if coverage_level(spec, 0, draws.of_device(device)) == level
        ]
        assert list(starts[members]) == [rank // places * 10 * S for rank in range(len(members))]


def test_cell__who_gets_a_place_joins_the_tail():
    """A freed place makes the cell's first ready, behind all that were ready before."""
    # Cell of 0, 1: 1 waits for 0. 2 to 4 have no cell. One slot: 0, then 2, 3, 4, then 1.
    cohorts = [{"devices": 2, "cell_devices": 2, "stages": TEN_S}, {"devices": 3, "stages": TEN_S}]
    fleet = run(make_spec(cohorts, max_processing=1, cell_places=(1, 1, 1)))
    assert list(fleet.records().first_start) == [0, 40 * S, 10 * S, 20 * S, 30 * S]


def test_cell__place_is_held_while_ready():
    """A place is taken by joining the ready queue, so a cell-mate waits for a start that is yet to come."""
    # The slot is busy with 0 until 10 s; 1 holds its cell's place meanwhile, 2 waits for that.
    cohorts = [{"stages": TEN_S}, {"devices": 2, "cell_devices": 2, "stages": TEN_S}]
    fleet = SimpyFleet(make_spec(cohorts, max_processing=1, cell_places=(1, 1, 1)))
    task_of_all(fleet)
    fleet.release(np.array([0, 1, 2]))
    fleet.advance(5 * S)
    fleet.stop(np.array([1]))  # gives the place to 2, which becomes ready
    fleet.advance(11 * S)
    assert fleet.records().first_start[2] == 10 * S


def test_cell__place_is_free_during_the_wait_for_a_retry():
    """A failed attempt gives its cell's place back; the retry queues for one again."""
    causes = [{"stage": Stage.QUERY, "cohort": 0, "permanent": 1.0}]
    cohort = {"devices": 2, "cell_devices": 2, "stages": {**TEN_S, Stage.QUERY: 4.0}}
    # Both are marked and fail within 4 s, so that the second begins before the first one's retry.
    spec = make_spec([cohort], causes, cell_places=(1, 1, 1))
    log = run(spec, retry_count=1, **MINUTELY).attempt_log()
    assert list(log.device) == [0, 1, 0, 1]
    assert log.start[1] == log.end[0]
    assert log.start[2] == log.end[0] + 60 * S


# --- automatic retry ------------------------------------------------------------------------------

ALWAYS = [{"stage": Stage.VERIFY, "p": 1.0, "reason": Reason.CHECK_FAIL}]


def test_retry__waits_its_interval_and_ends_with_its_budget():
    """Two retries, a minute after each failure; then the subtask has failed."""
    fleet = run(make_spec(causes=ALWAYS), retry_count=2, **MINUTELY)
    log, records = fleet.attempt_log(), fleet.records()
    assert list(log.end) == [0, 60 * S, 120 * S]
    assert list(log.status) == [SubtaskState.FAIL_WAIT_RETRY] * 2 + [SubtaskState.FAIL]
    assert list(log.trigger) == [0, 1, 1]
    assert (records.attempts[0], records.auto_retries[0], records.manual_retries[0]) == (3, 2, 0)
    assert (records.first_start[0], records.first_failure[0], records.end[0]) == (0, 0, 120 * S)
    assert records.bytes[0] == fleet.totals().bytes_wasted[0] == 3_000_000


def test_retry__success_clears_the_reason_but_not_the_first_failure():
    """A recovered device has no reason left; when it first failed is still known."""
    risks = [{"from_s": 0.0, "to_s": 10.0, "p": 1.0, "reason": Reason.SIGNAL_BAD}]
    records = run(make_spec(risks=risks), retry_count=1, **MINUTELY).records()
    assert (records.status[0], records.reason[0]) == (SubtaskState.SUCCESS, Reason.NONE)
    assert (records.first_failure[0], records.end[0]) == (0, 60 * S)


def test_retry__only_named_reasons_when_there_are_some():
    """A what-if policy retries some reasons and gives up on the others."""
    causes = [*ALWAYS, {"stage": Stage.QUERY, "cohort": 1, "p": 1.0, "reason": Reason.BUSY}]
    policy = {
        "retry_count": 2,
        **MINUTELY,
        "only_reasons": np.array([Reason.BUSY, Reason.SIGNAL_BAD], np.int16),
    }
    records = run(make_spec([{}, {}], causes), **policy).records()
    assert list(records.attempts) == [1, 3]


def test_retry__backs_off():
    """With a factor of 3 and a bound of 5 minutes the waits are 1, 3, 5 minutes."""
    policy = {"retry_count": 3, **MINUTELY, "backoff_factor": 3.0, "max_interval_ticks": 300 * S}
    log = run(make_spec(causes=ALWAYS), **policy).attempt_log()
    assert list(np.diff(log.end)) == [60 * S, 180 * S, 300 * S]


@pytest.mark.parametrize(
    ("jitter", "low", "high"),
    [(fs.JITTER_FULL, 0, 60), (fs.JITTER_EQUAL, 30, 60), (fs.JITTER_DECORRELATED, 60, 180)],
)
def test_retry__jitter_keeps_its_bounds(jitter, low, high):
    """Jittered waits of a fleet differ and lie within the bounds of their kind."""
    policy = {"retry_count": 1, **MINUTELY, "jitter": jitter}
    log = run(make_spec([{"devices": 100}], ALWAYS), **policy).attempt_log()
    waits = log.start[log.attempt == 2] / S
    assert low <= waits.min() < waits.max() <= high
    assert waits.max() - waits.min() > 0.8 * (high - low)


# --- ties -----------------------------------------------------------------------------------------


def test_tie__ends_come_before_starts():
    """A slot freed at a tick is taken at that tick, and never are two taken at once."""
    fleet = run(make_spec([{"devices": 3, "stages": TEN_S}], max_processing=1))
    assert list(fleet.records().first_start) == [0, 10 * S, 20 * S]
    assert fleet.totals().peak_processing == 1


def test_tie__entries_go_by_device_not_by_dispatch():
    """Of devices that reach the download at one tick the lowest index is first, not the first dispatched."""
    fleet = SimpyFleet(make_spec([{"devices": 3, "link_rate": 1e6}], max_downloads=1), log_attempts=True)
    task_of_all(fleet)
    fleet.release(np.array([2, 1, 0]))
    fleet.advance(DAY)
    assert list(fleet.attempt_log().device) == [0, 1, 2]


def test_tie__who_waits_for_a_place_is_before_who_comes_at_that_tick():
    """A download over at a tick hands its place to the queue before an entry of the same tick."""
    cohorts = [{"stages": {Stage.QUERY: 1.0}, "link_rate": 1e6}, {"devices": 2, "link_rate": 1e6}]
    log = run(make_spec(cohorts, max_downloads=1)).attempt_log()
    assert list(log.device) == [1, 2, 0]
    assert list(log.download_start) == [0, S, 2 * S]


def test_tie__timer_frees_a_place_for_an_entry_only_after_it():
    """A timer comes after an entry of its tick: the entry queues, then takes the place at that tick."""
    slow = {"protocol": Protocol.LWM2M, "timers": {"download": 100.0}, "link_rate": 1.0}
    cohorts = [slow, {"stages": {Stage.QUERY: 100.0}, "link_rate": 1e6}]
    log = run(make_spec(cohorts, max_downloads=1)).attempt_log()
    assert (log.end[0], log.download_start[1], log.end[1]) == (100 * S, 100 * S, 101 * S)


def test_tie__retry_due_joins_the_queue_before_the_tick_is_dispatched():
    """A retry due at the tick at which a slot comes free is in the queue, behind those before it."""
    # 0 fails at once and its retry is due at 60 s, when 1 ends: then 2 is first, 0 after it.
    causes = [{"stage": Stage.QUERY, "cohort": 0, "p": 1.0}]
    cohorts = [{}, {"devices": 2, "stages": {Stage.INSTALL: 60.0}}]
    log = run(make_spec(cohorts, causes, max_processing=1), retry_count=1, **MINUTELY).attempt_log()
    begun = sorted(zip(log.start, log.device, strict=True))
    assert begun == [(0, 0), (0, 1), (60 * S, 2), (120 * S, 0)]


def test_tie__a_tick_repeats_until_nothing_is_left():
    """Attempts that take no time all happen at one tick, one slot after another."""
    fleet = run(make_spec([{"devices": 50}], max_processing=1))
    assert set(fleet.records().end) == {0}
    assert fleet.totals().peak_processing == 1
