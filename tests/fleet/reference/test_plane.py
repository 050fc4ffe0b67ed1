"""The readable plane as a whole: open to changes, reproducible, and right about shared bandwidth."""

from itertools import pairwise

import numpy as np
import pytest
from fleet.make_spec import make_spec, start
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.errors import ModelError
from sim.fleet import spec as fs
from sim.fleet.reference import SimpyFleet
from sim.fleet.reference.attempt import Attempt, Cause
from sim.fleet.reference.clock import Clock, Kind
from sim.fleet.reference.queues import DownloadPlaces, Line
from sim.rules import Reason, Stage, SubtaskState

S = fs.TICKS_PER_S
DAY = 86_400 * S


# --- derived classes ------------------------------------------------------------------------------


class Moody(Attempt):
    """The example of `SimpyFleet`: devices 0, 10, ... refuse at first, and each reboots twice."""

    def cause(self, stage, tick):
        """Refuse for want of power."""
        if stage == Stage.QUERY and self.device % 10 == 0 and self.number == 1:
            return Cause(Reason.LOW_POWER)
        return super().cause(stage, tick)

    def execute(self, deadline):
        """Reboot once more."""
        yield from super().execute(deadline)
        yield from self.work(Stage.REBOOT, deadline, Reason.RESULT_TIMEOUT)


class MoodyFleet(SimpyFleet):
    """Made of moody devices."""

    attempt_class = Moody


def test_attempt_class__can_be_derived_from():
    """A stage and a cause of one's own act among those of the model."""
    fleet = MoodyFleet(make_spec([{"devices": 20, "stages": {Stage.REBOOT: 7.0}}]), log_attempts=True)
    start(fleet, fs.RetryPolicy(retry_count=1, retry_interval_ticks=60 * S))
    fleet.advance(DAY)
    records = fleet.records()
    assert [int(device) for device in np.flatnonzero(records.attempts == 2)] == [0, 10]
    assert set(records.end[records.attempts == 1]) == {14 * S}
    assert set(records.end[records.attempts == 2]) == {74 * S}
    assert list(fleet.attempt_log().reason[:2]) == [Reason.LOW_POWER] * 2


class Late(Attempt):
    """Waits before it verifies, longer than its deadline."""

    def execute(self, deadline):
        """Lose time."""
        yield self.env.timeout(90_000 * S)
        yield from super().execute(deadline)


def test_attempt_class__that_outlasts_a_timer_fails_by_it():
    """A stage of one's own that ignores the deadline fails at the next look at it."""
    fleet = SimpyFleet(make_spec())
    fleet.attempt_class = Late
    start(fleet)
    fleet.advance(2 * DAY)
    assert (fleet.records().reason[0], fleet.records().end[0]) == (Reason.RESULT_TIMEOUT, 90_000 * S)


class Broken(Attempt):
    """Has a fault of its own."""

    def query(self):
        """Raise what no stage should."""
        raise LookupError("no such table")
        yield


def test_attempt_class__its_faults_come_out():
    """An exception in a device's process ends the run with that exception, not silently."""
    fleet = SimpyFleet(make_spec())
    fleet.attempt_class = Broken
    start(fleet)
    with pytest.raises(LookupError, match="no such table"):
        fleet.advance(DAY)


# --- shared bandwidth against an independent account ----------------------------------------------


def fair_rates(bandwidth: float, caps: list[float]) -> list[float]:
    """Return max-min fair rates of single downloads: serve the smallest cap first, by an equal part."""
    rates, left = [0.0] * len(caps), bandwidth
    order = sorted(range(len(caps)), key=caps.__getitem__)
    for served, i in enumerate(order):
        rates[i] = min(caps[i], left / (len(caps) - served))
        left -= rates[i]
    return rates


DEVICES = st.lists(
    st.tuples(st.floats(1e4, 1e6), st.floats(0.0, 60.0)), min_size=1, max_size=8
)  # link rate, begins after


@settings(max_examples=40)
@given(
    devices=DEVICES,
    bandwidth=st.floats(1e5, 2e6),
    change=st.tuples(st.floats(1.0, 30.0), st.floats(1e4, 2e6)),
    away=st.tuples(st.floats(5.0, 20.0), st.floats(21.0, 40.0)),
    places=st.integers(1, 8),
)
def test_download__bytes_are_the_integral_of_fair_rates(devices, bandwidth, change, away, places):
    """Between any two changes each download has its fair rate: the integral over its time is a package."""
    cohorts = [{"link_rate": rate, "stages": {Stage.QUERY: begins}} for rate, begins in devices]
    gone = [(*away, 0)]
    spec = make_spec(
        cohorts, bandwidth=bandwidth, bandwidth_changes=[change], away=gone, max_downloads=places
    )
    fleet = SimpyFleet(spec, log_attempts=True)
    start(fleet)
    fleet.advance(DAY)
    log = fleet.attempt_log()
    assert set(log.status) == {SubtaskState.SUCCESS}

    epochs = [fs.to_ticks(at) for at in (change[0], *away)]
    edges = sorted({*log.download_start.tolist(), *log.download_end.tolist(), *epochs})
    got = np.zeros(len(devices))
    last_rate = np.zeros(len(devices))
    for begin, end in pairwise(edges):
        running = np.flatnonzero((log.download_start <= begin) & (begin < log.download_end))
        caps = [
            0.0 if log.device[i] == 0 and epochs[1] <= begin < epochs[2] else devices[log.device[i]][0]
            for i in running
        ]
        rates = fair_rates(bandwidth if begin < epochs[0] else change[1], caps)
        got[running] += np.array(rates) * (end - begin) * 1e-6
        last_rate[running] = rates
    # An end is rounded up to the tick: up to a tick's bytes too many. A byte's thousandth for float noise.
    assert (got >= 1_000_000 - 1e-3 - 0.01e-6 * last_rate).all()
    assert (got <= 1_000_000 + 1e-3 + 1e-6 * last_rate).all()


# --- parts ----------------------------------------------------------------------------------------


def test_clock__orders_ties_by_kind_then_device_then_nothing():
    """Events of one tick happen by kind and device, in whatever order they were made; plain ones first."""
    clock, seen = Clock(), []
    wanted = [(Kind.RETRY, 0), (Kind.OVER, 9), (Kind.TIMER, 3), (Kind.OVER, 2), (Kind.END, 2**31)]
    for kind, device in wanted:
        event = clock.at(5, kind, device)
        event.callbacks.append(lambda _, tie=(kind, device): seen.append(tie))
    clock.timeout(5).callbacks.append(lambda _: seen.append("plain"))
    clock.move_to(5)
    assert (clock.tick, seen) == (5, [])
    clock.work_off()
    assert seen == ["plain", *sorted(wanted)]


def test_clock__settles_without_touching_kinds():
    """What follows at once is worked off, an event of a kind at this tick is left."""
    clock = Clock()
    plain, kind = clock.event(), clock.at(0, Kind.OVER, 0)
    plain.succeed()
    clock.settle()
    assert (plain.processed, kind.processed) == (True, False)


def test_clock__refuses_the_past_and_to_skip():
    """An appointment in the past and a jump over an event are faults."""
    clock = Clock()
    clock.at(7, Kind.END, 1)
    with pytest.raises(ModelError, match="skipped"):
        clock.move_to(8)
    clock.move_to(7)
    with pytest.raises(ModelError, match="END of device 1 at 6"):
        clock.at(6, Kind.END, 1)


def test_line__is_first_come_first_served_also_after_leaving():
    """Order is that of joining; who left and came again is last."""
    line = Line()
    for device in (5, 3, 9):
        line.join(device)
    line.leave(5)
    line.join(5)
    assert 9 in line
    assert [line.take_first() for _ in range(len(line))] == [3, 9, 5]


def test_download_places__go_to_the_first_that_waits():
    """A place given back is the next one's at once; who left the queue is passed over."""
    places = DownloadPlaces(Clock(), 1)
    claims = [places.request(device, deadline=9) for device in range(4)]
    assert [claim.is_granted for claim in claims] == [True, False, False, False]
    places.drop(1)
    places.drop(0)
    assert [claim.is_granted for claim in claims] == [True, False, True, False]
    places.drop(2)
    places.drop(3)
    assert places.request(7, deadline=9).is_granted
