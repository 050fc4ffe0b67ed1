"""Downloads of the readable plane: places, shared bandwidth, outages, and what is cut off."""

import numpy as np
import pytest
from fleet.make_spec import make_spec, start
from hypothesis import given
from hypothesis import strategies as st

from sim.fleet import spec as fs
from sim.fleet.model.draws import uniform
from sim.fleet.model.network import bytes_received, clock_at, fair_shares, finish_tick, network_load
from sim.fleet.model.purposes import P_FRACTION
from sim.fleet.reference import SimpyFleet
from sim.rules import Protocol, Reason, Stage, SubtaskState

S = fs.TICKS_PER_S
MB = 1_000_000
DAY = 86_400 * S


def run(spec: fs.FleetSpec, until: int = 3 * DAY) -> SimpyFleet:
    """Run a fleet whose devices are all in one task."""
    fleet = SimpyFleet(spec, log_attempts=True)
    start(fleet)
    fleet.advance(until)
    return fleet


def log_by_device(fleet: SimpyFleet) -> dict[str, np.ndarray]:
    """Return the attempt log in the order of devices; one attempt each."""
    log = fleet.attempt_log()
    order = np.argsort(log.device)
    assert list(log.device[order]) == list(range(len(fleet.spec.cohort)))
    return {name: column[order] for name, column in vars(log).items()}


# --- max-min fair shares --------------------------------------------------------------------------


def water_level(bandwidth: float, caps: np.ndarray, active: np.ndarray) -> float:
    """Return the rate that no download exceeds unless its cap binds first, by bisection."""
    low, high = 0.0, float(caps.max(initial=0.0))
    if (caps * active).sum() <= bandwidth:
        return high
    for _ in range(200):
        middle = (low + high) / 2.0
        if (np.minimum(caps, middle) * active).sum() > bandwidth:
            high = middle
        else:
            low = middle
    return low


RATE = st.just(0.0) | st.floats(1.0, 1e9)
COHORTS = st.lists(st.tuples(RATE, st.integers(0, 1000)), min_size=1, max_size=8)


@given(bandwidth=RATE | st.just(np.inf), cohorts=COHORTS)
def test_fair_shares__equals_water_filling_by_bisection(bandwidth, cohorts):
    """Each active download gets the water level or its cap; sums are right to a part in a billion."""
    caps = np.array([cap for cap, _ in cohorts])
    active = np.array([n for _, n in cohorts], np.int64)
    rates = np.full(len(caps), np.nan)
    fair_shares(bandwidth, caps, active, rates)
    expected = np.where(active > 0, np.minimum(caps, water_level(bandwidth, caps, active)), 0.0)
    np.testing.assert_allclose(rates, expected, rtol=1e-9, atol=1e-9)
    load = network_load(rates, active)
    assert load <= min(bandwidth, float((caps * active).sum())) * (1.0 + 1e-12)


def test_fair_shares__unlimited_links_share_a_limited_egress():
    """Links without a rate of their own take what the others leave."""
    rates = np.zeros(4)
    fair_shares(10.0, np.array([0.0, 3.0, np.inf, np.inf]), np.array([1, 1, 1, 1]), rates)
    assert list(rates) == [0.0, 3.0, 3.5, 3.5]


@given(
    rate=st.floats(1.0, 1e8),
    clock=st.floats(0.0, 1e9),
    wanted=st.integers(1, 10**8),
    now=st.integers(0, 10**12),
)
def test_finish_tick__is_the_first_tick_with_all_bytes(rate, clock, wanted, now):
    """At the finish tick the clock shows the mark, a tick before it does not, float noise aside."""
    tick = finish_tick(now, clock, rate, clock + wanted)
    noise = 4.0 * np.spacing(clock + wanted) + 0.02 * rate * 1e-6
    assert clock_at(clock, rate, tick - now) >= clock + wanted - noise
    assert clock_at(clock, rate, tick - now - 1) <= clock + wanted + noise
    assert finish_tick(now, clock, 0.0, clock + wanted) == fs.NEVER


@pytest.mark.parametrize(
    ("clock", "got"), [(100.0, 0), (100.9, 0), (101.0 - 1e-9, 1), (150.0, 50), (400.0, 200)]
)
def test_bytes_received__are_whole_and_bounded(clock, got):
    """A cut download has whole bytes, 0 to what was wanted; noise below a byte is forgiven."""
    assert bytes_received(100.0, clock, 200) == got


# --- shared bandwidth -----------------------------------------------------------------------------


def test_download__equal_ones_end_together():
    """Seven equal downloads over 3 MB/s end at the same tick, after 7 packages' time, rounded up."""
    fleet = run(make_spec([{"devices": 7}], bandwidth=3e6))
    assert set(fleet.records().end) == {2_333_334}
    assert fleet.totals().peak_downloads == 7
    assert fleet.totals().peak_bandwidth == pytest.approx(3e6)


def test_download__without_bandwidth_limit_runs_at_the_link_rate():
    """Alone or not, each download takes package over link rate."""
    cohorts = [{"devices": 3, "link_rate": 3e5}, {"devices": 2, "link_rate": 1e6}]
    fleet = run(make_spec(cohorts))
    assert list(fleet.records().end) == [3_333_334] * 3 + [1_000_000] * 2
    assert fleet.totals().peak_bandwidth == 3 * 3e5 + 2 * 1e6


def test_download__shares_follow_arrivals_and_departures():
    """Two capped links and a late third one: shares as computed by hand between every two events."""
    # 0-1 s: two at their cap of 2 MB/s. From 1 s three at 5/3 MB/s; the first two have 3 MB to go:
    # 2.8 s. The third then has 3 MB, and 2 MB more at 5 MB/s take 0.4 s.
    cohorts = [{"devices": 2, "link_rate": 2e6}, {"link_rate": 10e6, "stages": {Stage.QUERY: 1.0}}]
    fleet = run(make_spec(cohorts, bandwidth=5e6, package_bytes=5 * MB))
    assert list(fleet.records().end) == [2_800_000, 2_800_000, 3_200_000]
    assert fleet.totals().peak_bandwidth == pytest.approx(5e6)


def test_download__slow_links_leave_their_share_to_fast_ones():
    """Max-min: what a capped cohort can't use goes to the other."""
    # 2 × 1 MB/s, and 3 MB/s are left for the fast link: 6 MB in 2 s. The slow ones need 6 s.
    cohorts = [{"devices": 2, "link_rate": 1e6}, {"link_rate": 10e6}]
    fleet = run(make_spec(cohorts, bandwidth=5e6, package_bytes=6 * MB))
    assert list(fleet.records().end) == [6 * S, 6 * S, 2 * S]


def test_download__takes_over_a_share_without_a_gap():
    """A place freed at a tick is taken at that tick, so one at a time is as fast as all at once."""
    fleet = run(make_spec([{"devices": 4, "link_rate": 2e6}], bandwidth=1e6, max_downloads=1))
    assert list(fleet.records().end) == [1 * S, 2 * S, 3 * S, 4 * S]
    log = log_by_device(fleet)
    assert list(log["entered"]) == [0] * 4
    assert list(log["download_start"]) == [0, 1 * S, 2 * S, 3 * S]
    assert fleet.totals().peak_downloads == 1


def test_download__fifty_through_three_places_keep_the_pipe_full():
    """Work is conserved: whatever the places, N packages over B take N * S / B."""
    fleet = run(make_spec([{"devices": 51, "link_rate": 1e6}], bandwidth=1e6, max_downloads=3))
    # 17 rounds of three at 1/3 MB/s; each round's end is rounded up to the tick, by less than one.
    assert 51 * S <= fleet.records().end.max() <= 51 * S + 17


# --- outages --------------------------------------------------------------------------------------


def test_download__pauses_and_resumes():
    """Unreachable from 4 s to 9 s, a download of 10 s ends at 15 s."""
    fleet = run(make_spec([{"link_rate": 1e6}], away=[(4.0, 9.0, 0)], package_bytes=10 * MB))
    assert list(fleet.records().end) == [15 * S]


def test_download__keeps_its_place_while_paused_and_its_timer_runs_on():
    """A paused download holds its place; when its timer ends it, the next takes the place at that tick."""
    cohorts = [{"link_rate": 1e6, "timers": {"upgrade": 12.0}}, {"link_rate": 1e6}]
    fleet = run(make_spec(cohorts, away=[(4.0, 9.0, 0)], package_bytes=10 * MB, max_downloads=1))
    log = log_by_device(fleet)
    assert list(log["reason"]) == [Reason.DOWNLOAD_TIMEOUT_PLATFORM, Reason.NONE]
    assert list(log["end"]) == [12 * S, 22 * S]
    assert list(log["bytes"]) == [7 * MB, 10 * MB]
    assert list(fleet.totals().bytes_wasted) == [7 * MB, 0]


def test_download__begun_while_paused_flows_later():
    """A device that was contacted before an outage enters the download in it, and waits it out."""
    cohort = {"link_rate": 1e6, "stages": {Stage.QUERY: 2.0}}
    log = log_by_device(run(make_spec([cohort], away=[(1.0, 6.0, 0)])))
    assert (log["download_start"][0], log["download_end"][0]) == (2 * S, 7 * S)


def test_download__others_use_what_a_paused_cohort_leaves():
    """While one cohort is away the other has the whole egress."""
    # 0-2 s: 0.5 MB/s each. 2-4 s: cohort 1 alone at 1 MB/s. Then 0.5 each again: cohort 1 has 3 of 4 MB,
    # 2 s more; cohort 0 has 2 MB at 6 s and ends alone at 1 MB/s.
    spec = make_spec(
        [{"link_rate": 9e6}, {"link_rate": 9e6}], bandwidth=1e6, away=[(2.0, 4.0, 0)], package_bytes=4 * MB
    )
    assert list(run(spec).records().end) == [8 * S, 6 * S]


def test_download__follows_the_bandwidth():
    """Bandwidth halved at 4 s: the second 6 MB take twice as long."""
    spec = make_spec(bandwidth=1e6, bandwidth_changes=[(4.0, 5e5)], package_bytes=10 * MB)
    assert list(run(spec).records().end) == [16 * S]


def test_download__that_a_change_completes_is_over_at_its_tick():
    """When new rates leave less than a tick to go, the tick repeats: the next download begins in it."""
    spec = make_spec([{"devices": 2}], bandwidth=999_900.0, bandwidth_changes=[(1.0, 1e13)], max_downloads=1)
    log = log_by_device(run(spec))
    assert list(log["download_end"]) == [S, S + 1]
    assert log["download_start"][1] == S


def test_download__outage_before_a_late_start_is_not_forgotten():
    """Changes of the network pass while nothing downloads, and count for what begins later."""
    cohort = {"link_rate": 1e6, "stages": {Stage.QUERY: 50.0}}
    spec = make_spec([cohort], bandwidth=1e6, bandwidth_changes=[(10.0, 1e5), (55.0, 1e6)])
    # From 50 s at 0.1 MB/s, half a package by 55 s, the rest at 1 MB/s.
    assert list(run(spec).records().end) == [int(55.5 * S)]


@pytest.mark.parametrize("bandwidth", [np.inf, 1e9], ids=["free", "shared"])
def test_download__has_all_its_bytes_when_it_is_over(bandwidth):
    """The hundredth of a tick that is forgiven at the end costs no bytes, however fast the link."""
    link = {"link_rate": 1e9 / 1.000000005}  # 1,000,000.005 ticks
    log = log_by_device(run(make_spec([link], bandwidth=bandwidth, package_bytes=1000 * MB)))
    assert (log["end"][0], log["bytes"][0]) == (S, 1000 * MB)


# --- failing downloads ----------------------------------------------------------------------------


@pytest.mark.parametrize("bandwidth", [np.inf, 1e6], ids=["free", "shared"])
@pytest.mark.parametrize("silent", [True, False])
def test_download__that_breaks_gives_back_place_and_bandwidth(bandwidth, silent):
    """A broken download lets the next one begin at once, although a silent one is Processing for long."""
    causes = [{"stage": Stage.DOWNLOAD, "cohort": 0, "p": 1.0, "reason": Reason.SIGNAL_BAD, "silent": silent}]
    spec = make_spec([{"link_rate": 1e6}, {"link_rate": 1e6}], causes, max_downloads=1, bandwidth=bandwidth)
    log = log_by_device(run(spec))
    got = int(uniform(spec.platform.seed, spec.platform.replication, 0, 1, P_FRACTION) * MB)
    assert log["bytes"][0] == got
    assert log["download_end"][0] == got  # a byte takes a tick
    assert (log["download_start"][1], log["end"][1]) == (got, got + S)
    if silent:
        assert (log["reason"][0], log["end"][0]) == (Reason.DOWNLOAD_TIMEOUT_PLATFORM, DAY)
    else:
        assert (log["reason"][0], log["end"][0]) == (Reason.SIGNAL_BAD, got)


@pytest.mark.parametrize("bandwidth", [np.inf, 1e6], ids=["free", "shared"])
def test_download__unfinished_at_its_deadline_times_out(bandwidth):
    """On LwM2M the download's timer runs from the end of coverage; the bytes so far are counted, as waste."""
    cohort = {"protocol": Protocol.LWM2M, "link_rate": 100.0}
    fleet = run(make_spec([cohort], bandwidth=bandwidth))
    records = fleet.records()
    assert (records.reason[0], records.end[0]) == (Reason.DOWNLOAD_TIMEOUT_PLATFORM, 3600 * S)
    assert records.bytes[0] == fleet.totals().bytes_wasted[0] == 360_000


@pytest.mark.parametrize(("deadline", "reason"), [(0, Reason.BUSY), (-1, Reason.DOWNLOAD_TIMEOUT_PLATFORM)])
def test_download__that_breaks_exactly_at_its_deadline_is_reported(deadline, reason):
    """A failure at the very tick of the deadline is the device's, one after it the timer's."""
    causes = [{"stage": Stage.DOWNLOAD, "p": 1.0, "reason": Reason.BUSY}]
    spec = make_spec([{"link_rate": 1e6}], causes)
    got = int(uniform(spec.platform.seed, spec.platform.replication, 0, 1, P_FRACTION) * MB)
    upgrade_s = (got + deadline) / S  # a byte takes a tick
    cohort = {"link_rate": 1e6, "timers": {"upgrade": upgrade_s}}
    assert run(make_spec([cohort], causes)).records().reason[0] == reason


@pytest.mark.parametrize("bandwidth", [np.inf, 1e6], ids=["free", "shared"])
def test_download__over_exactly_at_its_deadline_is_in_time(bandwidth):
    """A finished download comes before a timer of the same tick."""
    cohort = {"protocol": Protocol.LWM2M, "link_rate": 1e5, "timers": {"download": 10.0}}
    assert run(make_spec([cohort], bandwidth=bandwidth)).records().status[0] == SubtaskState.SUCCESS


SLOW = {"protocol": Protocol.LWM2M, "link_rate": 1000.0, "timers": {"download": 1200.0}}


def test_download__waiting_for_a_place_has_its_own_text():
    """Who still waits for a place when the timer runs out is told so, and has received nothing."""
    cohorts = [{**SLOW, "devices": 2}, {**SLOW, "timers": {"download": 1100.0}}]
    log = log_by_device(run(make_spec(cohorts, max_downloads=1)))
    assert list(log["reason"]) == [
        Reason.NONE,
        Reason.DOWNLOAD_TIMEOUT_PLATFORM,
        Reason.DOWNLOAD_START_TIMEOUT,
    ]
    assert list(log["end"]) == [1000 * S, 1200 * S, 1100 * S]
    assert list(log["bytes"]) == [MB, 200_000, 0]
    assert list(log["download_start"]) == [0, 1000 * S, -1]


def test_download__place_freed_by_a_timer_reaches_a_timer_of_the_same_tick():
    """Timers of one tick run by device: the first one's place is the second one's for no time at all."""
    log = log_by_device(run(make_spec([{**SLOW, "devices": 3}], max_downloads=1)))
    assert list(log["reason"][1:]) == [Reason.DOWNLOAD_TIMEOUT_PLATFORM] * 2
    assert (log["download_start"][2], log["download_end"][2], log["bytes"][2]) == (1200 * S, 1200 * S, 0)
