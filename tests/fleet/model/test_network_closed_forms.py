"""What theory says about a shared network, on both planes; one plane's finer points are in its own tests."""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from fleet.make_spec import daily, make_spec, start
from fleet.make_timelines import link
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.fleet import spec as fs
from sim.fleet.compiled import CompiledFleet
from sim.fleet.protocol import Fleet
from sim.fleet.reference import SimpyFleet
from sim.rules import Protocol, Reason, Stage, SubtaskState

S = fs.TICKS_PER_S
MB = 1_000_000
DAY_S = 86_400.0
PLANES = pytest.mark.parametrize("plane", [CompiledFleet, SimpyFleet])

Plane = Callable[..., Fleet]


def run(plane: Plane, spec: fs.FleetSpec, *, days: float = 3.0) -> Fleet:
    """Run a fleet whose devices are all in one task."""
    fleet = plane(spec, log_attempts=True)
    start(fleet)
    fleet.advance(fs.to_ticks(days * DAY_S))
    fleet.close()
    return fleet


def by_device(fleet: Fleet) -> dict[str, np.ndarray]:
    """Return the attempt log in the order of devices; one attempt each."""
    log = fleet.attempt_log()
    order = np.argsort(log.device)
    assert list(log.device[order]) == list(range(len(fleet.spec.cohort)))
    return {name: column[order] for name, column in vars(log).items()}


# --- equal downloads ------------------------------------------------------------------------------


@PLANES
@pytest.mark.parametrize("n", [1, 7, 400])
@pytest.mark.parametrize(("link", "bandwidth"), [(np.inf, 3e6), (2e4, 3e6), (1.7e5, np.inf), (9e6, 1e6)])
def test_equal_downloads__end_together(plane, n, link, bandwidth):
    """N equal downloads over B end at one tick, N * S / B after their begin, or S / link if that is later."""
    fleet = run(plane, make_spec([{"devices": n, "link_rate": link}], bandwidth=bandwidth))

    seconds = max(MB * n / bandwidth, MB / link)
    assert set(fleet.records().end) == {int(np.ceil(seconds * S - 0.01))}
    assert fleet.totals().peak_downloads == n
    assert fleet.totals().peak_bandwidth == pytest.approx(min(bandwidth, n * link), rel=1e-12)


# --- max-min shares -------------------------------------------------------------------------------


@PLANES
@pytest.mark.parametrize(
    ("caps", "active", "bandwidth", "rates"),
    [
        ((1.0, 10.0), (1, 1), 8.0, (1.0, 7.0)),  # the slow one's rest goes to the fast one
        ((1.0, 10.0), (2, 1), 4.5, (1.0, 2.5)),
        ((1.0, 10.0), (3, 2), 5.0, (1.0, 1.0)),  # the fair share is just the slow ones' cap
        ((2.0, 10.0), (3, 2), 5.0, (1.0, 1.0)),  # no cap binds
        ((1.0, 2.0), (1, 1), 9.0, (1.0, 2.0)),  # every cap binds
    ],
)
def test_two_caps__get_max_min_shares(plane, caps, active, bandwidth, rates):
    """Hand-computed shares of two cohorts, read from the bytes that each device has after a second."""
    cohorts = [
        {"devices": n, "link_rate": cap * MB, "timers": {"upgrade": 1.0}}
        for n, cap in zip(active, caps, strict=True)
    ]
    fleet = run(plane, make_spec(cohorts, bandwidth=bandwidth * MB, package_bytes=100 * MB))

    expected = np.repeat([rate * MB for rate in rates], active)
    assert list(fleet.records().reason) == [Reason.DOWNLOAD_TIMEOUT_PLATFORM] * sum(active)
    np.testing.assert_allclose(fleet.records().bytes, expected, atol=1)
    assert fleet.totals().peak_bandwidth == pytest.approx(expected.sum())


@dataclass
class Flow:
    """A download in the slow oracle: exact numbers, one at a time."""

    arrival: Fraction
    cap: Fraction
    left: Fraction
    end: Fraction = Fraction(-1)


def share_out(bandwidth: Fraction, flows: list[Flow]) -> list[Fraction]:
    """Fill up all downloads alike, drop by drop, until each is at its cap or nothing is left."""
    rates = [Fraction(0)] * len(flows)
    open_ends = list(range(len(flows)))
    while open_ends and bandwidth > 0:
        drop = min(bandwidth / len(open_ends), *(flows[i].cap - rates[i] for i in open_ends))
        for i in open_ends:
            rates[i] += drop
        bandwidth -= drop * len(open_ends)
        open_ends = [i for i in open_ends if rates[i] < flows[i].cap]
    return rates


def play(flows: list[Flow], steps: list[tuple[Fraction, Fraction]]) -> None:
    """Let downloads arrive, flow and end, from one change to the next, in exact arithmetic."""
    now = Fraction(0)
    while any(flow.end < 0 for flow in flows):
        active = [flow for flow in flows if flow.arrival <= now and flow.end < 0]
        bandwidth = [value for at, value in steps if at <= now][-1]
        rates = share_out(bandwidth, active)
        ends = [now + flow.left / rate for flow, rate in zip(active, rates, strict=True) if rate > 0]
        changes = [at for at, _ in steps if at > now] + [f.arrival for f in flows if f.arrival > now]
        then = min(ends + changes)
        for flow, rate in zip(active, rates, strict=True):
            flow.left -= rate * (then - now)
            if flow.left == 0:
                flow.end = then
        now = then


COHORT = st.tuples(st.integers(0, 8), st.integers(1, 5), st.sampled_from([20_000, 70_000, 300_000, 10**6]))


@PLANES
@settings(max_examples=60)
@given(
    cohorts=st.lists(COHORT, min_size=1, max_size=4),
    bandwidth=st.sampled_from([50_000, 333_333, 10**6]),
    change=st.tuples(st.integers(1, 9), st.sampled_from([10_000, 400_000, 10**7])),
)
def test_downloads__end_as_slow_exact_water_filling_says(plane, cohorts, bandwidth, change):
    """Whatever arrives when, over whatever caps and changes, each end is right but for the ticks."""
    rows = [{"devices": n, "link_rate": cap, "stages": {Stage.QUERY: at}} for at, n, cap in cohorts]
    spec = make_spec(rows, bandwidth=float(bandwidth), bandwidth_changes=[(change[0], float(change[1]))])
    flows = [
        Flow(Fraction(at), Fraction(cap), Fraction(int(spec.cohorts.package_bytes[0])))
        for at, n, cap in cohorts
        for _ in range(n)
    ]
    play(flows, [(Fraction(0), Fraction(bandwidth)), (Fraction(change[0]), Fraction(change[1]))])

    fleet = run(plane, spec)

    # A download is over at the tick that follows, so its share lies idle for less than a tick. What the
    # others miss by that they get later, at the worst when there is much less bandwidth.
    slower = max(bandwidth, change[1]) / min(bandwidth, change[1])
    late = fleet.records().end - np.array([float(flow.end * S) for flow in flows])
    assert late.min() >= -1
    assert late.max() <= 1 + len(flows) * slower


# --- conservation ---------------------------------------------------------------------------------


@PLANES
@pytest.mark.parametrize("limited", [True, False], ids=["shared", "free"])
def test_bytes__are_the_integral_of_the_rates(plane, limited):
    """What devices received, broken, timed-out and stopped attempts included, is the area below the curve.

    The curve is read every 10 ms; each of the changes puts it wrong for at most one step.
    """
    step_s = 0.01
    causes = [
        {"stage": Stage.DOWNLOAD, "p": 0.2, "reason": Reason.SIGNAL_BAD},
        {"stage": Stage.DOWNLOAD, "p": 0.1, "silent": True},
    ]
    stages = {Stage.QUERY: (fs.UNIFORM, 0.0, 40.0)}
    cohorts = [
        {"devices": 60, "link_rate": 9e4, "stages": stages, "timers": {"upgrade": 25.0}},
        {"devices": 40, "link_rate": 4e5, "stages": stages, "timers": {"upgrade": 60.0}},
    ]
    shared = {"bandwidth": 2e6, "bandwidth_changes": [(13.0, 8e5)], "away": [(20.0, 25.0, 1)]}
    spec = make_spec(cohorts, causes, resolution_s=step_s, seed=3, **(shared if limited else {}))
    fleet = plane(spec, log_attempts=True)
    start(fleet, fs.RetryPolicy(1, 5 * S))
    fleet.advance(30 * S)
    fleet.stop(np.arange(0, 100, 7, dtype=np.int32))
    fleet.advance(250 * S)

    curves, log = fleet.curves(), fleet.attempt_log()
    received = int(fleet.records().bytes.sum())
    area = float(curves.bandwidth.sum()) * step_s
    changes = 2 * int((log.download_start >= 0).sum()) + 5
    assert curves.bandwidth[-1] == 0.0
    assert {SubtaskState.SUCCESS, SubtaskState.STOPPED} <= set(log.status.tolist())
    assert {Reason.SIGNAL_BAD, Reason.DOWNLOAD_TIMEOUT_PLATFORM} <= set(log.reason.tolist())
    assert int(log.bytes.sum()) == received
    # A change moves the total rate by one download's share at most, the epochs by the whole egress.
    most = 4e5 * changes * step_s + 5 * 2e6 * step_s
    assert abs(area - received) <= most < 0.02 * received


# --- radio cells ----------------------------------------------------------------------------------


@PLANES
@pytest.mark.parametrize(("level", "places"), [(0, 50), (1, 10), (2, 1)])
def test_cell__lets_so_many_upgrade_at_a_time(plane, level, places):
    """103 upgrades of a minute take as many rounds as the places demand; at level 2 they go one by one."""
    shares = [float(level == other) for other in range(3)]
    cohort = {
        "devices": 103,
        "protocol": Protocol.LWM2M,
        "cell_devices": 103,
        "coverage_share": shares,
        "stages": {Stage.INSTALL: 60.0},
    }
    fleet = run(plane, make_spec([cohort]))

    log = by_device(fleet)
    rounds = np.arange(103) // places
    assert list(log["start"]) == list(rounds * 60 * S)
    assert list(log["end"]) == list((rounds + 1) * 60 * S)
    assert fleet.totals().peak_processing == places


@PLANES
def test_cell__of_poor_coverage_serialises_whatever_the_times(plane):
    """At level 2 the attempts of a cell never overlap and leave no gap; other cells go their own way."""
    cohort = {
        "devices": 40,
        "protocol": Protocol.LWM2M,
        "cell_devices": 10,
        "coverage_share": (0.0, 0.0, 1.0),
        "stages": {Stage.INSTALL: (fs.EXPONENTIAL, 100.0)},
    }
    log = by_device(run(plane, make_spec([cohort])))

    for first in range(0, 40, 10):
        starts, ends = log["start"][first : first + 10], log["end"][first : first + 10]
        assert starts[0] == 0
        assert list(starts[1:]) == list(ends[:-1])


# --- windows and outages --------------------------------------------------------------------------


@PLANES
@settings(max_examples=40)
@given(
    opens_h=st.integers(0, 23),
    length_h=st.integers(1, 23),
    day_start_h=st.integers(0, 23),
    seed=st.integers(0, 2**32),
)
def test_window__lets_no_attempt_contact_outside(plane, opens_h, length_h, day_start_h, seed):
    """Whenever a device is dispatched and comes online, first try or retry, it enters only in the window."""
    opens, closes = 3_600.0 * opens_h, 3_600.0 * ((opens_h + length_h) % 24)
    window = daily(opens, closes, day_start=3_600.0 * day_start_h)
    cohort = {"devices": 30, "link": link(0.5, 20_000.0), "contact": window}
    causes = [{"stage": Stage.INSTALL, "p": 0.5}]
    spec = make_spec([cohort], causes, dispatch_gap_s=3_000.0, seed=seed)
    fleet = plane(spec, log_attempts=True)
    start(fleet, fs.RetryPolicy(2, 1_800 * S))
    fleet.advance(fs.to_ticks(20 * DAY_S))

    log = fleet.attempt_log()
    entered = log.entered[log.entered >= 0]  # the query takes no time, so this is the end of the contact
    assert len(entered) >= 30
    since_opening = (entered / S + 3_600 * day_start_h - 3_600 * opens_h) % DAY_S
    assert since_opening.max() < 3_600 * length_h


@PLANES
def test_outage__delays_a_contact_by_exactly_its_remainder(plane):
    """A device dispatched in an outage goes on at its end; one dispatched at that very tick is not held."""
    dispatched = np.arange(0, 500, 50)
    spec = make_spec([{"devices": 10}], dispatch_gap_s=50.0, away=[(100.0, 400.0, None)])
    log = by_device(run(plane, spec))

    held = (dispatched >= 100) & (dispatched < 400)
    assert list(log["start"]) == list(dispatched * S)
    assert list(log["entered"]) == list(np.where(held, 400, dispatched) * S)


@PLANES
@pytest.mark.parametrize("bandwidth", [np.inf, 1e9], ids=["link alone", "shared"])
def test_outage__delays_a_download_by_exactly_what_it_takes_away(plane, bandwidth):
    """A download of 100 s ends later by the outage's overlap with it, wherever that lies."""
    begins = np.arange(0, 500, 20)
    cohort = {"devices": len(begins), "link_rate": 1e6}
    spec = make_spec(
        [cohort],
        dispatch_gap_s=20.0,
        away=[(150.0, 210.0, None)],
        package_bytes=100 * MB,
        bandwidth=bandwidth,
    )
    log = by_device(run(plane, spec))

    entered = np.where((begins >= 150) & (begins < 210), 210, begins)
    paused = np.where((entered < 150) & (entered + 100 > 150), 60, 0)
    assert list(log["end"]) == list((entered + 100 + paused) * S)
    assert list(log["bytes"]) == [100 * MB] * len(begins)


# --- timers ---------------------------------------------------------------------------------------


@PLANES
@pytest.mark.parametrize("n", [1, 9])
@pytest.mark.parametrize("protocol", list(Protocol))
def test_download__that_cannot_make_its_timer_fails_exactly_at_it(plane, n, protocol):
    """N downloads of S over B are in time for a timer of N * S / B; with a byte more each, all fail at it."""
    timer = "upgrade" if protocol == Protocol.MQTT else "download"

    def reasons(package_bytes: int) -> tuple[set[int], set[int]]:
        cohort: dict[str, Any] = {"devices": n, "protocol": protocol, "timers": {timer: 900.0}}
        spec = make_spec([cohort], bandwidth=1000.0 * n, package_bytes=package_bytes)
        records = run(plane, spec).records()
        return set(records.reason.tolist()), set(records.end.tolist())

    assert reasons(900_000) == ({Reason.NONE}, {900 * S})
    assert reasons(900_001) == ({Reason.DOWNLOAD_TIMEOUT_PLATFORM}, {900 * S})


@PLANES
def test_download__timer_runs_on_through_waiting_and_outages(plane):
    """Who waits for a place, or is paused, has no more time for it: all end exactly at the timer."""
    cohorts = [
        {"devices": 3, "protocol": Protocol.LWM2M, "link_rate": 1e3},
        {"devices": 1, "protocol": Protocol.LWM2M, "link_rate": 1e3},
    ]
    spec = make_spec(cohorts, max_downloads=2, away=[(10.0, 3_000.0, 0)], package_bytes=3 * MB)
    log = by_device(run(plane, spec))

    # Devices 0 and 1 hold the places: 10 s and 600 s of flow. The others wait until the timer of all.
    assert list(log["end"]) == [3_600 * S] * 4
    assert list(log["bytes"]) == [610_000, 610_000, 0, 0]
    assert set(log["reason"][:2]) == {Reason.DOWNLOAD_TIMEOUT_PLATFORM}
