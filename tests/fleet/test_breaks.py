"""Stages that break by rate and downloads that break by bytes, against exponential clocks and by hand."""

import math

import numpy as np
import pytest
from fleet.make_spec import make_spec, start
from scipy import stats

from sim.fleet import spec as fs
from sim.fleet.compiled import CompiledFleet
from sim.fleet.model.draws import uniform
from sim.fleet.model.purposes import P_BREAK, P_FRACTION, P_VERIFY_CAUSE
from sim.fleet.protocol import Fleet
from sim.fleet.reference import SimpyFleet
from sim.rules import Reason, Stage, SubtaskState

S = fs.TICKS_PER_S
MINUTE = 60 * S
HOUR = 3600 * S
DAY = 24 * HOUR
PLANES = [CompiledFleet, SimpyFleet]
PLANES_OF_STAGES = [SimpyFleet]  # whose other stages than the download break as well
SIX_AN_HOUR = 6 / 3600
FREE = {}
SHARED = {"bandwidth": 1e12}
"""A network that never binds, with the arithmetic of one that might."""


def played(plane: type[Fleet], spec: fs.FleetSpec, until: int = 20 * DAY, **policy) -> Fleet:
    """Return a fleet whose devices were all in one task."""
    fleet = plane(spec, log_attempts=True)
    start(fleet, fs.RetryPolicy(**policy))
    fleet.advance(until)
    return fleet


def slack(n: int, p: float, sigmas: float = 4.0) -> float:
    """Return some standard deviations of a share of n."""
    return sigmas * math.sqrt(p * (1.0 - p) / n)


def break_s(spec: fs.FleetSpec, rate: float, index: int = 0, device: int = 0) -> float:
    """Return for how long a first attempt's stage works before a clock strikes."""
    u = uniform(spec.platform.seed, spec.platform.replication, device, 1, P_BREAK + index)
    return -math.log(u) / rate


def breaking(**cause) -> dict:
    """Return a cause that breaks downloads."""
    return {"stage": Stage.DOWNLOAD, "reason": Reason.SIGNAL_BAD, **cause}


# --- timed stages ---------------------------------------------------------------------------------


@pytest.mark.parametrize("plane", PLANES_OF_STAGES)
def test_breaks__of_a_timed_stage_compete(plane):
    """Clocks of 6 and 3 an hour in 10 min of install: 1 - exp(-1.5) fail, two to one."""
    n = 5_000
    install = {"stage": Stage.INSTALL}
    causes = [
        {**install, "rate": SIX_AN_HOUR, "reason": Reason.LOW_POWER},
        {**install, "rate": SIX_AN_HOUR / 2, "reason": Reason.INSTALL_FAIL},
    ]
    spec = make_spec([{"devices": n, "stages": {Stage.QUERY: 2.0, Stage.INSTALL: 600.0}}], causes)
    records = played(plane, spec).records()
    failed = records.status == SubtaskState.FAIL
    fails = 1 - math.exp(-1.5)
    assert failed.mean() == pytest.approx(fails, abs=slack(n, fails))
    one = np.mean(records.reason[failed] == Reason.LOW_POWER)
    assert one == pytest.approx(2 / 3, abs=slack(int(failed.sum()), 2 / 3))
    after_s = (records.end[failed] - 2 * S) / S
    law = stats.truncexpon(b=1.5, scale=400.0)
    assert stats.kstest(after_s, law.cdf).pvalue > 1e-3


@pytest.mark.parametrize("plane", PLANES_OF_STAGES)
@pytest.mark.parametrize("silent", [False, True])
def test_breaks__and_a_failure_after_a_fraction_whichever_comes_first(plane, silent):
    """Each device by hand: the fraction's failure, the clock's, or, when it goes quiet, the timer's."""
    rate = 1 / 100.0
    causes = [
        {"stage": Stage.VERIFY, "p": 0.5, "reason": Reason.CHECK_FAIL},
        {"stage": Stage.VERIFY, "rate": rate, "reason": Reason.INNER_ERROR, "silent": silent},
    ]
    cohort = {"devices": 200, "stages": {Stage.VERIFY: 150.0}, "timers": {"upgrade": 120.0}}
    spec = make_spec([cohort], causes)
    records = played(plane, spec).records()
    said = set()
    for device in range(200):
        of = spec.platform.seed, spec.platform.replication, device, 1
        fraction_s = uniform(*of, P_FRACTION) * 150.0 if uniform(*of, P_VERIFY_CAUSE) < 0.5 else math.inf
        clock_s = break_s(spec, rate, 1, device)
        end_s, reason = min((fraction_s, Reason.CHECK_FAIL), (clock_s, Reason.INNER_ERROR))
        if end_s > 120.0 or (silent and reason == Reason.INNER_ERROR):
            end_s, reason = 120.0, Reason.RESULT_TIMEOUT
        assert records.end[device] == pytest.approx(end_s * S, abs=1)
        assert records.reason[device] == reason
        said.add(reason)
    assert len(said) == (2 if silent else 3)


# --- downloads ------------------------------------------------------------------------------------


@pytest.mark.parametrize("plane", PLANES)
@pytest.mark.parametrize("network", [FREE, SHARED], ids=["free", "shared"])
@pytest.mark.parametrize("way", [{"rate": SIX_AN_HOUR}, {"per_bytes": 6e6}], ids=["rate", "per"])
@pytest.mark.parametrize(
    ("megabytes", "resume", "expected"),
    [
        (18, False, 1 - (1 - math.exp(-3)) ** 6),
        (9, False, 1 - (1 - math.exp(-1.5)) ** 6),
        (18, True, stats.poisson(3).cdf(5)),
    ],
)
def test_breaks__of_a_download_make_it_fail_the_more_the_longer_it_is(
    plane, network, way, megabytes, resume, expected
):
    """Six an hour, or one every 6 MB at 80 kbit/s: six attempts from zero, or as many as Poisson allows."""
    n = 2_500
    cohort = {"devices": n, "link_rate": 10_000.0, "resume": resume}
    spec = make_spec([cohort], [breaking(**way)], package_bytes=megabytes * 10**6, **network)
    fleet = played(plane, spec, retry_count=5, retry_interval_ticks=5 * MINUTE)
    records = fleet.records()
    done = records.status == SubtaskState.SUCCESS
    assert done.mean() == pytest.approx(expected, abs=slack(n, expected))
    if resume:
        assert (records.bytes[done] == megabytes * 10**6).all()
        assert records.bytes.max() == megabytes * 10**6
    else:
        assert (records.bytes[done] >= megabytes * 10**6).all()


@pytest.mark.parametrize("plane", PLANES)
def test_breaks__hardly_ever_stop_a_small_download(plane):
    """1 MB in 100 s: a sixth of a break an attempt, six attempts."""
    spec = make_spec([{"devices": 2_000, "link_rate": 10_000.0}], [breaking(rate=SIX_AN_HOUR)])
    fleet = played(plane, spec, retry_count=5, retry_interval_ticks=5 * MINUTE)
    fails = (1 - math.exp(-1 / 6)) ** 6
    assert np.mean(fleet.records().status == SubtaskState.FAIL) <= fails + slack(2_000, fails)


@pytest.mark.parametrize("plane", PLANES)
@pytest.mark.parametrize("network", [FREE, SHARED], ids=["free", "shared"])
def test_breaks__of_a_download_by_hand(plane, network):
    """The clock's tick and the bytes that came by then, or the package in time; the earliest of several."""
    rates = (1 / 300.0, 1 / 200.0)
    causes = [breaking(rate=rates[0]), breaking(rate=rates[1], reason=Reason.LOW_POWER)]
    causes.append(breaking(per_bytes=400_000.0, reason=Reason.LOW_SPACE))
    cohort = {"devices": 200, "link_rate": 1_000.0, "stages": {Stage.QUERY: 3.0}}
    spec = make_spec([cohort], causes, package_bytes=200_000, **network)
    records = played(plane, spec).records()
    for device in range(200):
        u = uniform(spec.platform.seed, spec.platform.replication, device, 1, P_BREAK + 2)
        bytes_wanted = min(200_000, int(-400_000.0 * math.log(u)))
        wanted = (bytes_wanted / 1_000.0, Reason.NONE if bytes_wanted == 200_000 else Reason.LOW_SPACE)
        clocks = [(break_s(spec, rate, i, device), causes[i]["reason"]) for i, rate in enumerate(rates)]
        end_s, reason = min([wanted, *clocks])
        assert records.end[device] == pytest.approx((3.0 + end_s) * S, abs=1)
        assert records.reason[device] == reason
        assert records.bytes[device] == pytest.approx(end_s * 1_000.0, abs=1)
    assert set(records.reason) == {Reason.NONE, *(cause["reason"] for cause in causes)}


@pytest.mark.parametrize("plane", PLANES)
def test_breaks__clock_stands_while_an_outage_holds_the_download(plane):
    """From 20 s to 100 s nothing flows: clocks beyond that strike 80 s later, the others as they are."""
    spec = make_spec(
        [{"devices": 300, "link_rate": 1_000.0}], [breaking(rate=1 / 50.0)], away=[(20.0, 100.0, None)]
    )
    records = played(plane, spec, until=DAY).records()
    for device in range(300):
        clock_s = break_s(spec, 1 / 50.0, 0, device)
        expected = clock_s if clock_s <= 20.0 else clock_s + 80.0
        assert records.end[device] == pytest.approx(expected * S, abs=1)
        assert records.bytes[device] == pytest.approx(clock_s * 1_000.0, abs=1)


@pytest.mark.parametrize("plane", PLANES)
def test_breaks__clock_runs_as_fast_while_the_network_is_slow(plane):
    """A share of 10 bytes/s instead of 1,000 is slow, but flows: time is what the clock counts."""
    spec = make_spec(
        [{"devices": 1, "link_rate": 1_000.0}],
        [breaking(rate=1 / 50.0)],
        bandwidth=1e6,
        bandwidth_changes=[(1.0, 10.0), (1_000_000.0, 1e6)],
    )
    records = played(plane, spec, until=DAY).records()
    clock_s = break_s(spec, 1 / 50.0)
    assert clock_s > 1.0
    assert records.end[0] == pytest.approx(clock_s * S, abs=1)
    assert records.bytes[0] == pytest.approx(1_000.0 + (clock_s - 1.0) * 10.0, abs=1)


@pytest.mark.parametrize("plane", PLANES)
@pytest.mark.parametrize("network", [FREE, SHARED], ids=["free", "shared"])
@pytest.mark.parametrize("way", [{"rate": 10.0}, {"per_bytes": 10.0}], ids=["rate", "per"])
def test_breaks__silent_ones_end_by_the_timer_but_give_the_place_back_at_once(plane, network, way):
    """Of two that go quiet within seconds the second need not wait for the first one's timer."""
    cohort = {"devices": 2, "link_rate": 1_000.0, "timers": {"upgrade": 3_600.0}}
    spec = make_spec([cohort], [breaking(silent=True, **way)], max_downloads=1, **network)
    log = played(plane, spec).attempt_log()
    assert log.reason.tolist() == [Reason.DOWNLOAD_TIMEOUT_PLATFORM] * 2
    assert log.end.tolist() == [HOUR] * 2
    assert log.download_start[1] == log.download_end[0]
    assert 0 < log.download_end[1] < MINUTE


@pytest.mark.parametrize("plane", PLANES)
def test_breaks__instant_downloads_break_by_bytes_but_not_by_time(plane):
    """What takes no time has no time to break, but its bytes are as many."""
    n = 2_000
    causes = [breaking(rate=1e9), breaking(per_bytes=1e6, reason=Reason.LOW_SPACE)]
    records = played(plane, make_spec([{"devices": n}], causes)).records()
    assert set(records.reason) == {Reason.NONE, Reason.LOW_SPACE}
    fails = 1 - math.exp(-1)
    assert np.mean(records.reason == Reason.LOW_SPACE) == pytest.approx(fails, abs=slack(n, fails))
    assert records.bytes[records.reason == Reason.LOW_SPACE].max() < 1_000_000


@pytest.mark.parametrize("plane", PLANES)
@pytest.mark.parametrize("network", [FREE, SHARED], ids=["free", "shared"])
def test_breaks__timer_comes_before_a_later_clock(plane, network):
    """A download that neither ends nor breaks in time is the timer's, with what came until then."""
    cohort = {"devices": 100, "link_rate": 1_000.0, "timers": {"upgrade": 60.0}}
    spec = make_spec([cohort], [breaking(rate=1 / 60.0)], **network)
    records = played(plane, spec).records()
    for device in range(100):
        clock_s = break_s(spec, 1 / 60.0, 0, device)
        in_time = clock_s <= 60.0
        assert records.reason[device] == (Reason.SIGNAL_BAD if in_time else Reason.DOWNLOAD_TIMEOUT_PLATFORM)
        assert records.end[device] == pytest.approx(min(clock_s, 60.0) * S, abs=1)
        assert records.bytes[device] == pytest.approx(min(clock_s, 60.0) * 1_000.0, abs=1)
