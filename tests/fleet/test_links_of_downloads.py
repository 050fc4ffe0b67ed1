"""Links that go down under a download: it pauses or breaks, to the tick and to the byte."""

import math

import numpy as np
import pytest
from fleet.make_spec import make_spec, start

from sim.fleet import spec as fs
from sim.fleet.compiled import CompiledFleet
from sim.fleet.model.draws import timeline_uniforms, uniform
from sim.fleet.model.purposes import P_BREAK
from sim.fleet.protocol import Fleet
from sim.fleet.reference import SimpyFleet
from sim.rules import Reason, Stage, SubtaskState

S = fs.TICKS_PER_S
MINUTE = 60 * S
HOUR = 3600 * S
DAY = 24 * HOUR
PLANES = [CompiledFleet, SimpyFleet]
BEAT = {"every": 100.0, "for": 30.0, "phase": 0.0}
"""Up for the first 30 s of every 100 s."""


def played(plane: type[Fleet], spec: fs.FleetSpec, until: int = 5 * DAY, **policy) -> Fleet:
    """Return a fleet whose devices were all in one task."""
    fleet = plane(spec, log_attempts=True)
    start(fleet, fs.RetryPolicy(**policy))
    fleet.advance(until)
    return fleet


def cohort(**of) -> dict:
    """Return a cohort with that beat that takes in 1,000 bytes/s while its link is up."""
    return {"link_rate": 1_000.0, "link": BEAT, "during_upgrade": fs.PAUSES, **of}


def rows(fleet: Fleet, *names: str) -> list[tuple[int, ...]]:
    """Return some columns of the attempt log, an attempt a tuple."""
    log = fleet.attempt_log()
    return list(zip(*(getattr(log, name).tolist() for name in names), strict=True))


def slack(n: int, p: float, sigmas: float = 4.0) -> float:
    """Return some standard deviations of a share of n."""
    return sigmas * math.sqrt(p * (1.0 - p) / n)


@pytest.mark.parametrize("plane", PLANES)
@pytest.mark.parametrize(
    ("size", "end_s"), [(29_999, 29.999), (30_000, 30.0), (30_001, 100.001), (60_000, 130.0), (75_000, 215.0)]
)
def test_pauses__let_bytes_flow_while_the_link_is_up(plane, size, end_s):
    """30,000 bytes an on-period: what is whole at its end is over, a byte more waits for the next."""
    fleet = played(plane, make_spec([cohort()], package_bytes=size))
    assert rows(fleet, "end", "download_start", "download_end", "bytes") == [(end_s * S, 0, end_s * S, size)]


@pytest.mark.parametrize("plane", PLANES)
def test_pauses__change_nothing_for_a_device_that_stays(plane):
    """Who keeps awake while he is upgraded loads on, whatever his link would do."""
    fleet = played(plane, make_spec([cohort(during_upgrade=fs.STAYS)], package_bytes=75_000))
    assert rows(fleet, "end") == [(75 * S,)]


@pytest.mark.parametrize("plane", PLANES)
@pytest.mark.parametrize(
    ("timer_s", "received"),
    [(20.0, 20_000), (30.0, 30_000), (80.0, 30_000), (100.0, 30_000), (101.0, 31_000)],
)
def test_pauses__do_not_stop_the_timer(plane, timer_s, received):
    """The timer runs on through a pause, and ends the attempt with what has come."""
    spec = make_spec([cohort(timers={"upgrade": timer_s})], package_bytes=75_000)
    fleet = played(plane, spec)
    assert rows(fleet, "end", "reason", "bytes") == [
        (timer_s * S, Reason.DOWNLOAD_TIMEOUT_PLATFORM, received)
    ]


@pytest.mark.parametrize("plane", PLANES)
def test_pauses__begin_with_the_download_where_the_link_is_down(plane):
    """Whose query lasts beyond the on-period has a place, waits for the next one, and its timer runs."""
    of = cohort(stages={Stage.QUERY: 40.0})
    fleet = played(plane, make_spec([of], package_bytes=10_000))
    assert rows(fleet, "download_start", "end", "bytes") == [(40 * S, 110 * S, 10_000)]
    fleet = played(plane, make_spec([of | {"timers": {"upgrade": 50.0}}], package_bytes=10_000))
    assert rows(fleet, "end", "reason", "bytes") == [(90 * S, Reason.DOWNLOAD_TIMEOUT_PLATFORM, 0)]
    fleet = played(plane, make_spec([of | {"timers": {"upgrade": 60.0}}], package_bytes=10_000))
    assert rows(fleet, "end", "reason", "bytes") == [(100 * S, Reason.DOWNLOAD_TIMEOUT_PLATFORM, 0)]


@pytest.mark.parametrize("plane", PLANES)
def test_pauses__leave_the_bandwidth_to_others_but_not_the_place(plane):
    """Two share 1,000 bytes/s until one pauses at 30 s: 15,000 each, then the other has all of it.

    The first goes on at 100 s with 5,000 of its 20,000 bytes left, alone. Meanwhile it counts as a download:
    a third device has to wait for its place until the second is done at 35 s.
    """
    steady = cohort(link=None, devices=2)
    spec = make_spec(
        [cohort(), steady], package_bytes=20_000, bandwidth=1_000.0, max_downloads=2, resolution_s=10.0
    )
    fleet = played(plane, spec)
    assert fleet.records().end.tolist() == [105 * S, 35 * S, 55 * S]
    curves = fleet.curves()
    assert curves.downloads[[0, 3, 4, 6, 10, 11]].tolist() == [2, 2, 2, 1, 1, 0]
    assert curves.bandwidth[[0, 3, 4, 6, 10, 11]].tolist() == [1_000, 1_000, 1_000, 0, 1_000, 0]
    assert fleet.totals().peak_downloads == 2


@pytest.mark.parametrize("plane", PLANES)
def test_pauses__an_outage_on_top_costs_what_it_takes_of_on_periods(plane):
    """From 10 s to 110 s nothing flows: 10 s of the first on-period are left, 20 s of the second."""
    spec = make_spec([cohort()], package_bytes=40_000, away=[(10.0, 110.0, None)])
    fleet = played(plane, spec)
    assert rows(fleet, "end", "bytes") == [(210 * S, 40_000)]


@pytest.mark.parametrize("plane", PLANES)
def test_pauses__let_break_clocks_stand(plane):
    """A clock strikes after so many seconds of flow, 30 of them in each cycle."""
    causes = [{"stage": Stage.DOWNLOAD, "rate": 1 / 40.0, "reason": Reason.BUSY}]
    spec = make_spec([cohort(devices=200)], causes, package_bytes=10**9)
    records = played(plane, spec).records()
    for device in range(200):
        u = uniform(spec.platform.seed, spec.platform.replication, device, 1, P_BREAK)
        cycles, rest = divmod(-40.0 * math.log(u), 30.0)
        assert records.end[device] == pytest.approx((100.0 * cycles + rest) * S, abs=1)
        assert records.bytes[device] == pytest.approx((30.0 * cycles + rest) * 1_000.0, abs=1)
    assert set(records.reason) == {Reason.BUSY}


@pytest.mark.parametrize("plane", PLANES)
def test_breaks__of_the_link_end_the_attempt_with_its_code(plane):
    """At the end of the on-period, with what has come; the retry meets the link where it is then."""
    of = cohort(during_upgrade=fs.BREAKS, break_reason=Reason.INNER_ERROR)
    spec = make_spec([of], package_bytes=40_000)
    fleet = played(plane, spec, retry_count=2, retry_interval_ticks=50 * S)
    columns = ("start", "end", "reason", "bytes")
    code = Reason.INNER_ERROR
    # A retry at 80 s is met at 100 s; one at 180 s, at 200 s.
    assert rows(fleet, *columns) == [
        (0, 30 * S, code, 30_000),
        (80 * S, 130 * S, code, 30_000),
        (180 * S, 230 * S, code, 30_000),
    ]
    fleet = played(
        plane,
        make_spec([of | {"resume": True}], package_bytes=40_000),
        retry_count=2,
        retry_interval_ticks=50 * S,
    )
    assert rows(fleet, *columns, "held") == [
        (0, 30 * S, code, 30_000, 0),
        (80 * S, 110 * S, Reason.NONE, 10_000, 30_000),
    ]


@pytest.mark.parametrize("plane", PLANES)
def test_breaks__of_the_link_wait_with_the_place_where_it_is_down_already(plane):
    """A download whose turn comes while the link is down breaks at the end of the next on-period."""
    of = cohort(during_upgrade=fs.BREAKS, stages={Stage.QUERY: 40.0})
    fleet = played(plane, make_spec([of], package_bytes=40_000))
    assert rows(fleet, "download_start", "end", "reason", "bytes") == [
        (40 * S, 130 * S, Reason.SIGNAL_BAD, 30_000)
    ]


@pytest.mark.parametrize("plane", PLANES)
def test_breaks__of_the_link_leave_those_whose_on_period_lasts(plane):
    """On-periods of 600 s on average: a download of 200 s gets through with exp(-1 / 3)."""
    n = 3_000
    link = {"off": (fs.EXPONENTIAL, 100.0), "on": (fs.EXPONENTIAL, 600.0)}
    of = cohort(devices=n, link=link, during_upgrade=fs.BREAKS)
    fleet = played(plane, make_spec([of], package_bytes=200_000), until=DAY)
    through = math.exp(-200 / 600)
    share = np.mean(fleet.records().status == SubtaskState.SUCCESS)
    assert share == pytest.approx(through, abs=slack(n, through))
    assert set(fleet.records().reason) == {Reason.NONE, Reason.SIGNAL_BAD}


@pytest.mark.parametrize("plane", PLANES)
def test_breaks__of_the_link_add_up_to_the_package_with_resume(plane):
    """However often it broke, each byte was sent once."""
    link = {"off": (fs.EXPONENTIAL, 100.0), "on": (fs.EXPONENTIAL, 60.0)}
    of = cohort(devices=100, link=link, during_upgrade=fs.BREAKS, resume=True)
    spec = make_spec([of], package_bytes=123_456)
    fleet = played(plane, spec, until=DAY, retry_count=5, retry_interval_ticks=MINUTE)
    records = fleet.records()
    done = records.status == SubtaskState.SUCCESS
    assert done.sum() > 50
    assert (records.bytes[done] == 123_456).all()
    assert (records.bytes <= 123_456).all()
    assert records.attempts[done].max() > 2
    assert fleet.totals().bytes_wasted.sum() == sum(
        received for received, status in rows(fleet, "bytes", "status") if status != SubtaskState.SUCCESS
    )


@pytest.mark.parametrize("plane", PLANES)
def test_stop__of_a_paused_download_gives_its_place_back(plane):
    """What had come counts, and the next in the queue begins at that tick."""
    spec = make_spec([cohort(), cohort(link=None)], package_bytes=40_000, max_downloads=1)
    fleet = plane(spec, log_attempts=True)
    start(fleet)
    fleet.advance(50 * S)
    fleet.stop(np.array([0], np.int32))
    fleet.advance(HOUR)
    assert fleet.records().bytes.tolist() == [30_000, 40_000]
    assert fleet.records().end.tolist() == [50 * S, 90 * S]


@pytest.mark.parametrize("plane", PLANES)
def test_pauses__that_the_timer_ends_leave_others_their_end(plane):
    """Timers run out during pauses of some while others load: every end and every byte by hand."""
    every, up, size, timer = 100 * S, 30 * S, 70_000, 250 * S
    of = cohort(devices=60, link=BEAT | {"phase": None}, timers={"upgrade": timer / S})
    spec = make_spec([of], package_bytes=size)
    records = played(plane, spec).records()
    for device in range(60):
        *_, part, _ = timeline_uniforms(spec.platform.seed, spec.platform.replication, device, 0, 0)
        since = int(part * every)  # time since the last on-period began, at the dispatch
        first = up - since if since < up else up  # of the on-period that it is met in
        met = 0 if since < up else every - since
        flows = [(met, first), *((met + first + every * k - up, up) for k in range(1, 4))]
        end, left = met + timer, size * 1000  # ticks of flow that it takes
        for begin, lasts in flows:
            if left <= lasts:
                end = min(end, begin + left)
                break
            left -= lasts
        assert records.end[device] == end
        assert (records.reason[device] == Reason.NONE) == (end < met + timer)
    assert 0 < np.count_nonzero(records.reason) < 60
