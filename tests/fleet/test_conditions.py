"""Conditions that last, in every stage: who is in one when the stage begins fails."""

import math

import numpy as np
import pytest
from fleet.make_spec import make_spec, start
from scipy import stats

from sim.fleet import spec as fs
from sim.fleet.compiled import CompiledFleet
from sim.fleet.model.draws import uniform
from sim.fleet.model.purposes import P_FRACTION
from sim.fleet.model.timelines import Timeline, advance, is_on
from sim.fleet.protocol import Fleet
from sim.fleet.reference import SimpyFleet
from sim.rules import Protocol, Reason, Stage, SubtaskState

S = fs.TICKS_PER_S
MINUTE = 60 * S
HOUR = 3600 * S
DAY = 24 * HOUR
PLANES = [CompiledFleet, SimpyFleet]
HOURS_8 = (fs.EXPONENTIAL, 8 * 3600.0)
STAGES = {
    Stage.QUERY: 2.0,
    Stage.COVERAGE: 3.0,
    Stage.VERIFY: 5.0,
    Stage.INSTALL: 60.0,
    Stage.REBOOT: 20.0,
}
BEGINS_S = {
    Stage.CONTACT: 0,
    Stage.QUERY: 0,
    Stage.COVERAGE: 2,
    Stage.DOWNLOAD: 5,
    Stage.VERIFY: 15,
    Stage.INSTALL: 20,
    Stage.REBOOT: 80,
}


def played(plane: type[Fleet], spec: fs.FleetSpec, until: int = 10 * DAY, **policy) -> Fleet:
    """Return a fleet whose devices were all in one task."""
    fleet = plane(spec, log_attempts=True)
    start(fleet, fs.RetryPolicy(**policy))
    fleet.advance(until)
    return fleet


def slack(n: int, p: float, sigmas: float = 4.0) -> float:
    """Return some standard deviations of a share of n."""
    return sigmas * math.sqrt(p * (1.0 - p) / n)


def was_on(spec: fs.FleetSpec, row: int, number: int, device: int, tick: int) -> bool:
    """Tell whether a device's timeline, not lifted, is on at a tick."""
    line = Timeline(row, number, device, 1.0, spec.platform.seed, spec.platform.replication)
    return bool(is_on(advance(spec.timelines, line, 0, 0, tick)[0]))


@pytest.mark.parametrize("plane", PLANES)
@pytest.mark.parametrize(("wait", "expected"), [(5 * MINUTE, 0.09794), (720 * MINUTE, 0.00729)])
def test_condition__outlasts_short_waits(plane, wait, expected):
    """A flat battery is as flat five minutes later: p P P fail, P = p + (1 - p) exp(-d / ((1 - p) 8 h))."""
    n, p = 20_000, 0.1
    causes = [{"stage": Stage.QUERY, "reason": Reason.LOW_POWER, "p": p, "lasts": HOURS_8}]
    fleet = played(plane, make_spec([{"devices": n}], causes), retry_count=2, retry_interval_ticks=wait)
    again = p + (1 - p) * math.exp(-wait / ((1 - p) * 8 * HOUR))
    assert p * again**2 == pytest.approx(expected, abs=1e-5)
    records = fleet.records()
    assert set(records.reason) == {Reason.NONE, Reason.LOW_POWER}
    share = np.mean(records.status == SubtaskState.FAIL)
    assert share == pytest.approx(expected, abs=slack(n, expected))


@pytest.mark.parametrize("plane", PLANES)
@pytest.mark.parametrize("stage", [stage for stage in Stage if stage != Stage.CONTACT])
@pytest.mark.parametrize("bandwidth", [float("inf"), 1e9])
def test_condition__is_looked_at_when_its_stage_begins(plane, stage, bandwidth):
    """Who is in it at that tick fails after the fraction of the stage that is drawn, all others succeed."""
    cohort = {"devices": 150, "protocol": Protocol.LWM2M, "stages": STAGES, "link_rate": 1e5}
    causes = [
        {"stage": Stage.QUERY, "p": 0.0},
        {"stage": stage, "reason": Reason.LOW_POWER, "p": 0.4, "lasts": (fs.UNIFORM, 1.0, 40.0)},
    ]
    spec = make_spec([cohort], causes, bandwidth=bandwidth)
    records = played(plane, spec).records()
    lasts_s = 10.0 if stage == Stage.DOWNLOAD else STAGES[stage]
    for device in range(150):
        begins = BEGINS_S[stage] * S
        expected = 100 * S
        if was_on(spec, 0, 2, device, begins):
            fraction = uniform(spec.platform.seed, spec.platform.replication, device, 1, P_FRACTION)
            expected = begins + fraction * lasts_s * S
        assert records.end[device] == pytest.approx(expected, abs=10)  # a byte takes 10 ticks
        assert records.reason[device] == (Reason.NONE if expected == 100 * S else Reason.LOW_POWER)
    assert 0 < np.count_nonzero(records.reason) < 150


@pytest.mark.parametrize("plane", PLANES)
def test_condition__of_contact_keeps_the_device_away_until_the_timer(plane):
    """Who is in it at the dispatch is not met in that attempt, even if it ends a moment later."""
    causes = [{"stage": Stage.CONTACT, "silent": True, "p": 0.3, "lasts": 600.0}]
    spec = make_spec([{"devices": 200}], causes)
    records = played(plane, spec).records()
    away = np.array([was_on(spec, 0, 1, device, 0) for device in range(200)])
    np.testing.assert_array_equal(records.reason, np.where(away, Reason.ONLINE_TIMEOUT, Reason.NONE))
    np.testing.assert_array_equal(records.end, np.where(away, 25 * HOUR, 0))
    assert 0 < away.sum() < 200


@pytest.mark.parametrize("plane", PLANES)
def test_condition__comes_after_a_mark_and_before_a_fresh_draw(plane):
    """Of conditions that are on the first in the list acts; a mark hides them, and they hide a draw."""
    lasts = {"stage": Stage.QUERY, "p": 0.5, "lasts": (fs.EXPONENTIAL, 900.0)}
    causes = [
        {"stage": Stage.QUERY, "p": 1.0, "reason": Reason.BUSY},
        {**lasts, "reason": Reason.LOW_POWER},
        {**lasts, "reason": Reason.LOW_MEMORY},
        {"stage": Stage.QUERY, "permanent": 0.2, "reason": Reason.INNER_ERROR},
    ]
    spec = make_spec([{"devices": 300}], causes)
    reasons = played(plane, spec).records().reason
    marked = reasons == Reason.INNER_ERROR
    assert 0 < marked.sum() < 150
    one = np.array([was_on(spec, 0, 2, device, 0) for device in range(300)])
    two = np.array([was_on(spec, 1, 3, device, 0) for device in range(300)])
    expected = np.where(one, Reason.LOW_POWER, np.where(two, Reason.LOW_MEMORY, Reason.BUSY))
    np.testing.assert_array_equal(reasons[~marked], expected[~marked])
    assert set(reasons) == {Reason.BUSY, Reason.LOW_POWER, Reason.LOW_MEMORY, Reason.INNER_ERROR}


@pytest.mark.parametrize("plane", PLANES)
def test_condition__spread_lifts_the_share_of_time_that_a_device_is_in_it(plane):
    """The fleet's share is the mean of the devices', each of whose odds are lifted by exp(sigma z)."""
    n, p, sigma = 20_000, 0.1, 1.2
    causes = [{"stage": Stage.QUERY, "p": p, "lasts": HOURS_8}]
    fleet = played(plane, make_spec([{"devices": n, "spread": sigma}], causes))
    mean = stats.norm.expect(lambda z: 1 / (1 + (1 - p) / p * math.exp(-sigma * z)), lb=-8, ub=8)
    share = np.mean(fleet.records().status == SubtaskState.FAIL)
    assert share == pytest.approx(mean, abs=slack(n, mean))


@pytest.mark.parametrize("plane", PLANES)
def test_condition__of_a_stage_that_the_timer_forestalls_is_nobodys_concern(plane):
    """A verification that outlasts the timer ends in its text, whatever the device is in afterwards."""
    causes = [{"stage": Stage.INSTALL, "p": 0.999, "lasts": 1e7}]
    cohort = {"devices": 20, "stages": {Stage.VERIFY: 100.0}, "timers": {"upgrade": 60.0}}
    records = played(plane, make_spec([cohort], causes)).records()
    assert set(records.reason) == {Reason.RESULT_TIMEOUT}
    assert set(records.end) == {60 * S}
