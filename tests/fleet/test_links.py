"""Contact through links that come and go, against what is known of renewal processes and of beats."""

import math

import numpy as np
import pytest
from fleet.make_spec import daily, make_spec, start
from scipy import stats

from sim.fleet import spec as fs
from sim.fleet.compiled import CompiledFleet
from sim.fleet.protocol import Fleet
from sim.fleet.reference import SimpyFleet
from sim.rules import Reason, Stage, SubtaskState

S = fs.TICKS_PER_S
MINUTE = 60 * S
HOUR = 3600 * S
DAY = 24 * HOUR
PLANES = [CompiledFleet, SimpyFleet]


def played(plane: type[Fleet], spec: fs.FleetSpec, until: int = 20 * DAY, **policy) -> Fleet:
    """Return a fleet whose devices were all in one task."""
    fleet = plane(spec, log_attempts=True)
    start(fleet, fs.RetryPolicy(**policy))
    fleet.advance(until)
    return fleet


def ends_at(plane: type[Fleet], link: dict, **arguments) -> tuple[int, int]:
    """Return why the only device's attempt failed, if it did, and when it ended."""
    timers = arguments.pop("timers", {})
    window = arguments.pop("contact", ())
    records = played(
        plane, make_spec([{"link": link, "timers": timers, "contact": window}], **arguments)
    ).records()
    return int(records.reason[0]), int(records.end[0])


def slack(n: int, p: float, sigmas: float = 4.0) -> float:
    """Return some standard deviations of a share of n."""
    return sigmas * math.sqrt(p * (1.0 - p) / n)


@pytest.mark.parametrize("plane", PLANES)
def test_link__that_was_down_for_long_is_down_at_the_retry(plane):
    """Off for 48 h on average, a fifth of the time: who missed a timer of 25 h mostly misses the next."""
    n, mean_s = 10_000, 48 * 3600.0
    link = {"off": (fs.EXPONENTIAL, mean_s), "on": (fs.EXPONENTIAL, 4 * mean_s)}
    fleet = played(
        plane, make_spec([{"devices": n, "link": link}]), retry_count=1, retry_interval_ticks=5 * MINUTE
    )
    records = fleet.records()
    first_fails = 0.2 * math.exp(-25 / 48)
    assert np.mean(records.first_failure >= 0) == pytest.approx(first_fails, abs=slack(n, first_fails))
    succeeds = 1 - 0.2 * math.exp(-(50 + 5 / 60) / 48)
    share = np.mean(records.status == SubtaskState.SUCCESS)
    assert share == pytest.approx(succeeds, abs=slack(n, succeeds))


@pytest.mark.parametrize("plane", PLANES)
def test_link__that_was_up_is_likely_to_be_up_a_little_later(plane):
    """A device that was reached d ago is reached at once with phi + (1 - phi) exp(-d / (phi mu))."""
    n, phi, mean_s, d = 5_000, 0.6, 3600.0, 20 * MINUTE
    link = {"off": (fs.EXPONENTIAL, mean_s), "on": (fs.EXPONENTIAL, phi * mean_s / (1 - phi))}
    causes = [{"stage": Stage.QUERY, "p": 1.0}]  # it takes no time, so an attempt ends at the contact
    fleet = played(
        plane, make_spec([{"devices": n, "link": link}], causes), retry_count=1, retry_interval_ticks=d
    )
    log = fleet.attempt_log()
    second = (log.attempt == 2) & np.isin(log.device, log.device[log.reason == Reason.BUSY])
    at_once = np.mean(log.end[second] == log.start[second])
    expected = phi + (1 - phi) * math.exp(-d / S / (phi * mean_s))
    assert at_once == pytest.approx(expected, abs=slack(n, expected))


@pytest.mark.parametrize("plane", PLANES)
def test_link__of_sensors_that_wake_keeps_nobody_waiting_for_more_than_a_cycle(plane):
    """Every 150 min for 3 min: 2 % are met at once, the others within 147 min, evenly."""
    n, every, awake = 2_000, 150 * MINUTE, 3 * MINUTE
    link = {"every": every / S, "for": awake / S}
    wait = played(plane, make_spec([{"devices": n, "link": link}])).records().end
    assert wait.max() <= every - awake
    assert np.mean(wait == 0) == pytest.approx(0.02, abs=slack(n, 0.02))
    later = wait[wait > 0] / (every - awake)
    assert stats.kstest(later, "uniform").pvalue > 1e-3


@pytest.mark.parametrize("plane", PLANES)
def test_link__that_goes_up_as_the_timer_runs_out_is_in_time(plane):
    """A contact at the very tick of the online timer counts, one a tick later does not."""
    link = {"every": 400_000.0, "for": 1.0, "phase": 90_000.0}
    assert ends_at(plane, link) == (Reason.NONE, 25 * HOUR)
    late = {**link, "phase": 90_000.000001}
    assert ends_at(plane, late) == (Reason.ONLINE_TIMEOUT, 25 * HOUR)


@pytest.mark.parametrize("plane", PLANES)
def test_link__at_its_last_tick_is_down(plane):
    """On-periods are half-open: who asks when one ends waits for the next."""
    link = {"every": 100.0, "for": 10.0, "phase": 0.0}
    assert ends_at(plane, link, away=[(0.0, 9.999999, None)]) == (Reason.NONE, 9_999_999)
    assert ends_at(plane, link, away=[(0.0, 10.0, None)]) == (Reason.NONE, 100 * S)


@pytest.mark.parametrize("plane", PLANES)
def test_link__window_and_outage_must_let_through_at_the_same_tick(plane):
    """Up from 2 h 30 min for an hour every 6 h, window from 2 h to 3 h of the run: met in both."""
    link = {"every": 6 * 3600.0, "for": 3600.0, "phase": 2.5 * 3600.0}
    arguments = {"contact": daily(2 * 3600.0, 3 * 3600.0), "timers": {"online": 4e5}}
    assert ends_at(plane, link, **arguments) == (Reason.NONE, 2.5 * HOUR)
    away = [(2.4 * 3600.0, 2.9 * 3600.0, None)]
    assert ends_at(plane, link, **arguments, away=away) == (Reason.NONE, 2.9 * HOUR)
    away = [(2.4 * 3600.0, 3.2 * 3600.0, None)]
    assert ends_at(plane, link, **arguments, away=away) == (Reason.NONE, 26.5 * HOUR)
    arguments["timers"] = {}
    assert ends_at(plane, link, **arguments, away=away) == (Reason.ONLINE_TIMEOUT, 25 * HOUR)


@pytest.mark.parametrize("plane", PLANES)
def test_link__that_is_never_up_for_long_is_met_at_its_instants(plane):
    """Devices that show up for an instant every hour are met at one, in a window at one inside."""
    link = {"off": 3600.0, "on": 0.0, "share": 0.0}
    cohort = {"devices": 400, "link": link}
    first = played(plane, make_spec([cohort])).records().end
    assert stats.kstest(first / HOUR, "uniform").pvalue > 1e-3
    window = {**cohort, "contact": daily(7.25 * 3600.0, 8.5 * 3600.0)}
    met = played(plane, make_spec([window])).records().end
    assert ((met - first) % HOUR == 0).all()
    assert met.min() >= 7.25 * HOUR
    assert met.max() < 8.25 * HOUR  # the first instant in the window: they are an hour apart
