"""Tests of the bridge between SimPy and the device plane."""

import numpy as np
import pytest
import simpy

from sim.campaign import environment
from sim.campaign.environment import FleetEnvironment, Slices
from sim.errors import ScenarioError
from sim.rules import SubtaskState


class _TickingFleet:
    """A plane in which watched things happen at given ticks, and nothing else."""

    def __init__(self, trips=(), live=False):
        self.now_ticks = 0
        self.trips = dict(trips)  # tick to watch
        self.live = live
        self.stops = []
        self.dropped = []
        self._tripped = []

    def advance(self, until_ticks):
        self.stops.append(until_ticks)
        due = [tick for tick in self.trips if self.now_ticks <= tick <= until_ticks]
        if due:
            self.now_ticks = min(due)
            self._tripped.append(self.trips.pop(self.now_ticks))
            return True
        self.now_ticks = until_ticks
        return False

    def tripped(self):
        ids, self._tripped = self._tripped, []
        return ids

    def unwatch(self, watch):
        self.dropped.append(watch)

    def counts(self):
        counts = np.zeros(7, np.int64)
        counts[SubtaskState.PROCESSING] = self.live
        return counts


def log_times(env, log, *delays):
    """Return a process that notes the time after each delay."""
    for delay in delays:
        yield env.timeout(delay)
        log.append(env.now)


def test_environment__the_plane_runs_up_to_each_control_event():
    """Before a process has its turn, the devices have lived up to that time."""
    fleet = _TickingFleet()
    env = FleetEnvironment(fleet, horizon_s=100)
    seen = []

    def process():
        for _ in range(3):
            yield env.timeout(1.5)
            seen.append((env.now, fleet.now_ticks))

    env.process(process())
    env.run()

    assert seen == [(1.5, 1_500_000), (3.0, 3_000_000), (4.5, 4_500_000)]


def test_environment__a_tripped_watch_fires_its_event_at_that_time():
    """Who waits for a watched condition goes on at exactly the tick at which it came true."""
    env = FleetEnvironment(_TickingFleet({1_234_567: 4}), horizon_s=100)
    log = []

    def process():
        value = yield env.when(4)
        log.append((env.now, value))

    env.process(process())
    env.process(log_times(env, log, 1.0, 1.0))
    env.run()

    assert log == [1.0, (1.234567, 4), 2.0]


def test_environment__watches_come_before_other_control_events():
    """At equal times the watched condition is heard first, whoever was scheduled first."""
    env = FleetEnvironment(_TickingFleet({2_000_000: 1}), horizon_s=100)
    log = []
    env.process(log_times(env, log, 2.0))

    def process():
        yield env.when(1)
        log.append("watch")

    env.process(process())
    env.run()

    assert log == ["watch", 2.0]


def test_environment__nobody_waits_for_a_forgotten_watch():
    """A dropped watch neither fires nor shows in the time of others."""
    fleet = _TickingFleet({500_000: 1})
    env = FleetEnvironment(fleet, horizon_s=100)
    event = env.when(1)
    env.forget(event)
    env.forget(event)
    log = []
    env.process(log_times(env, log, 1.0))
    env.run()

    assert fleet.dropped == [1]
    assert not event.triggered
    assert log == [1.0]


def test_environment__run_until_means_what_it_means_in_simpy():
    """The clock stops at `until`, events at that time wait for the next run, the past is refused."""
    fleet = _TickingFleet()
    env = FleetEnvironment(fleet, horizon_s=100)
    log = []
    env.process(log_times(env, log, 5.0, 5.0))

    env.run(until=5)
    assert (env.now, log, fleet.now_ticks) == (5, [], 5_000_000)
    env.run(until=6)
    assert (env.now, log) == (6, [5.0])
    with pytest.raises(ValueError, match="must be greater"):
        env.run(until=6)
    assert env.run(until=env.timeout(1, value="x")) == "x"


def test_environment__ends_when_nothing_is_left():
    """With no control event left and no device that does anything, the run is over at once."""
    env = FleetEnvironment(_TickingFleet(), horizon_s=100)
    env.process(log_times(env, [], 3.0))
    env.run()

    assert env.now == 3.0


def test_environment__live_devices_run_to_the_horizon():
    """With no control event left the devices live on, to the horizon at most."""
    fleet = _TickingFleet(live=True)
    env = FleetEnvironment(fleet, horizon_s=100)
    env.process(log_times(env, [], 3.0))
    env.run()

    assert env.now == 100
    assert fleet.now_ticks == 100_000_000


def test_environment__a_condition_that_holds_already_is_heard_at_the_end():
    """What the last control event made true fires, although no time passes any more."""
    fleet = _TickingFleet({0: 7})
    env = FleetEnvironment(fleet, horizon_s=100)
    event = env.when(7)
    env.run()

    assert event.processed
    assert env.now == 0


def test_environment__no_control_event_at_or_after_the_horizon():
    """The horizon is half-open, as `until` of SimPy is."""
    env = FleetEnvironment(_TickingFleet(), horizon_s=10)
    log = []
    env.process(log_times(env, log, 9.999999, 0.000001))
    env.run()

    assert log == [9.999999]
    assert env.now == 10


def test_environment__slices_change_no_time():
    """Running the plane in slices only calls back more often."""
    log, calls = [], []
    fleet = _TickingFleet({2_500_000: 1})
    env = FleetEnvironment(fleet, horizon_s=100, slices=Slices(1, lambda: calls.append(fleet.now_ticks)))

    def process():
        yield env.when(1)
        log.append(env.now)

    env.process(process())
    env.process(log_times(env, log, 4.0))
    env.run()

    assert log == [2.5, 4.0]
    # Each slice is longer by a 150th; the third one is cut short by the watch, the last by the process.
    assert calls[:5] == [1_000_000, 2_006_666, 2_500_000, 3_520_132, 4_000_000]


class _Service:
    """A service whose only task is over from some time on."""

    def __init__(self, env, over_s):
        self.env = env
        self.over_s = over_s

    def is_live(self):
        return self.env.now_s < self.over_s


def test_environment__a_service_knows_better_than_the_counts():
    """Devices that count as live are not waited for if the service says that no task is; and the reverse."""
    over = FleetEnvironment(_TickingFleet(live=True), horizon_s=100)
    over.attach(_Service(over, 0))
    over.run()
    pending = FleetEnvironment(_TickingFleet(), horizon_s=100)
    pending.attach(_Service(pending, 50))
    pending.run()

    assert (over.now, pending.now) == (0, 100)


def test_environment__nothing_is_live_once_it_is_closed():
    """A closed environment ends where it stands, whatever its devices could still do."""
    env = FleetEnvironment(_TickingFleet(live=True), horizon_s=100)
    env.attach(_Service(env, 50))
    env.close()
    env.run()

    assert (env.is_live(), env.now) == (False, 0)


def test_environment__soon_comes_before_processes():
    """What is due soon happens in this instant, before any process that is due then."""
    env = FleetEnvironment(_TickingFleet(), horizon_s=100)
    log = []
    env.timeout(0).callbacks.append(lambda _: log.append("timeout"))
    env.soon(lambda: log.append("soon"))
    env.run()

    assert log == ["soon", "timeout"]


def test_environment__a_process_that_lets_no_time_pass_is_stopped(monkeypatch):
    """An endless loop at one instant ends in an error that names the bound."""
    monkeypatch.setattr(environment, "EVENTS_AT_ONCE_MAX", 50)
    env = FleetEnvironment(_TickingFleet(), horizon_s=100)

    def spin():
        while True:
            yield env.timeout(0)

    env.process(spin())
    with pytest.raises(ScenarioError, match="EVENTS_AT_ONCE_MAX"):
        env.run()


def test_environment__many_events_over_time_are_no_loop(monkeypatch):
    """The bound counts events of one instant, not of a run."""
    monkeypatch.setattr(environment, "EVENTS_AT_ONCE_MAX", 5)
    env = FleetEnvironment(_TickingFleet(), horizon_s=1000)
    log = []
    env.process(log_times(env, log, *[1.0] * 100))
    env.run()

    assert len(log) == 100


def test_environment__conditions_mix_watches_and_timeouts():
    """A watch event is an ordinary SimPy event: it can be waited for beside others."""
    env = FleetEnvironment(_TickingFleet({5_000_000: 1}, live=True), horizon_s=100)
    log = []

    def process():
        watch = env.when(1)
        yield watch | env.timeout(3)
        log.append((env.now, watch.triggered))
        yield simpy.AllOf(env, [watch, env.timeout(1)])
        log.append((env.now, watch.triggered))

    env.process(process())
    env.run()

    assert log == [(3.0, False), (5.0, True)]
