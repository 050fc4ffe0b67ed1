"""Windows for contact, download and install, against times that are known, on both planes."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from fleet.make_spec import daily, make_spec, start
from fleet.make_timelines import link
from hypothesis import given
from hypothesis import strategies as st

from sim.fleet import spec as fs
from sim.fleet.compiled import CompiledFleet
from sim.fleet.compiled.memory.tables import HELD, records
from sim.fleet.compiled.stages.transfers import book_held
from sim.fleet.model.network import flowing_until
from sim.fleet.protocol import AttemptLog, Fleet
from sim.fleet.reference import SimpyFleet
from sim.fleet.reference.rates import Epochs
from sim.rules import Protocol, Reason, Stage

S = fs.TICKS_PER_S
HOUR = 3_600.0
PLANES = pytest.mark.parametrize("plane", [CompiledFleet, SimpyFleet])
Plane = Callable[..., Fleet]

# The download shares the network, lasts on its own, or takes no time: each goes another way.
NETWORKS = pytest.mark.parametrize(
    ("network", "cohort"),
    [
        ({"bandwidth": 1e9}, {"link_rate": 1e4}),
        ({}, {"link_rate": 1e4}),
        ({"package_bytes": 100}, {"timers": {"execute": 3_600.0}}),
    ],
    ids=["shared", "free", "instant"],
)


def played(plane: Plane, spec: fs.FleetSpec, until_s: float = 30 * 86_400.0, **policy: int) -> AttemptLog:
    """Run a fleet and return what its attempts were."""
    fleet = plane(spec, log_attempts=True)
    start(fleet, fs.RetryPolicy(**policy))
    fleet.advance(fs.to_ticks(until_s))
    fleet.close()
    return fleet.attempt_log()


def ends(plane: Plane, spec: fs.FleetSpec) -> list[tuple[int, float]]:
    """Return why each device's only attempt failed, 0 if it did not, and when it ended, in seconds."""
    log = played(plane, spec)
    order = np.argsort(log.device)
    return [(int(log.reason[i]), log.end[i] / S) for i in order]


# --- contact --------------------------------------------------------------------------------------


@PLANES
@pytest.mark.parametrize(
    ("at", "met"), [(9.0, 10.0), (10.0, 10.0), (19.999999, 19.999999), (20.0, 30.0), (39.0, 39.0)]
)
def test_contact__is_at_the_first_tick_inside(plane: Plane, at: float, met: float) -> None:
    """Windows are half-open: who comes as one opens is met, who comes as it closes waits for the next."""
    windows = [(10.0, 20.0), (30.0, 40.0)]
    cohort = {"contact": windows, "link": {"every": 1e5, "for": 5e4, "phase": at}}
    assert ends(plane, make_spec([cohort])) == [(Reason.NONE, met)]


@PLANES
def test_contact__after_the_last_window_is_the_timers(plane: Plane) -> None:
    """Once the last window is over nobody is met any more, with or without a link."""
    cohort = {"contact": [(10.0, 20.0)], "timers": {"online": 100.0}}
    spec = make_spec([{**cohort, "devices": 2}, {**cohort, "link": link(0.5, 5.0)}], dispatch_gap_s=20.0)
    assert ends(plane, spec)[:2] == [(Reason.NONE, 10.0), (Reason.ONLINE_TIMEOUT, 120.0)]
    assert ends(plane, spec)[2] == (Reason.ONLINE_TIMEOUT, 140.0)


@PLANES
def test_contact__at_an_opening_that_is_the_deadline_is_in_time(plane: Plane) -> None:
    """A window that opens as the timer runs out is met; a microsecond later it is not."""
    cohorts = [
        {"contact": [(100.0, 200.0)], "timers": {"online": 100.0}},
        {"contact": [(100.000001, 200.0)], "timers": {"online": 100.0}},
    ]
    assert ends(plane, make_spec(cohorts)) == [(Reason.NONE, 100.0), (Reason.ONLINE_TIMEOUT, 100.0)]


@PLANES
def test_contact__keeps_its_places_meanwhile(plane: Plane) -> None:
    """Who waits for the window is in Processing, and holds the only place in its cell."""
    cohort = {
        "devices": 3,
        "protocol": Protocol.LWM2M,
        "cell_devices": 3,
        "contact": daily(HOUR, 2 * HOUR),
        "stages": {Stage.INSTALL: 1_200.0},
    }
    spec = make_spec([cohort], cell_places=(1, 1, 1))
    assert ends(plane, spec) == [(Reason.NONE, HOUR + 1_200.0 * k) for k in (1, 2, 3)]


# --- install --------------------------------------------------------------------------------------


@PLANES
@NETWORKS
@pytest.mark.parametrize("opens", [111.0, 110.0, 109.0, 5.0])
def test_install__begins_once_its_window_is_open(
    plane: Plane, network: dict[str, Any], cohort: dict[str, Any], opens: float
) -> None:
    """Verify runs before the window; an install that begins inside goes on when it closes."""
    loaded = 0.0 if "timers" in cohort else 100.0
    stages = {Stage.VERIFY: 10.0, Stage.INSTALL: 30.0, Stage.REBOOT: 7.0}
    cohort = {**cohort, "stages": stages, "install": [(opens, opens + 0.5), (1e5, 2e5)]}
    verified = loaded + 10.0
    begins = opens if verified <= opens else verified if verified < opens + 0.5 else 1e5
    if opens == 109.0 and loaded:
        assert begins == 1e5  # it closed half a second before
    spec = make_spec([{**cohort, "timers": {"upgrade": 4e5}}], **network)
    assert ends(plane, spec) == [(Reason.NONE, begins + 37.0)]


@PLANES
@NETWORKS
def test_install__timers_run_out_while_it_waits(
    plane: Plane, network: dict[str, Any], cohort: dict[str, Any]
) -> None:
    """MQTT's timer runs from the entry, LwM2M's from the end of the download; an end at it is in time."""
    loaded = 0.0 if "timers" in cohort else 100.0
    stages = {Stage.VERIFY: 10.0, Stage.INSTALL: 30.0}
    of_both = {**cohort, "stages": stages, "install": [(500.0, 600.0)]}
    cohorts = [
        {**of_both, "timers": {"upgrade": 530.0}},
        {**of_both, "timers": {"upgrade": 529.999999}},
        {**of_both, "timers": {"upgrade": 400.0}},
        {**of_both, "protocol": Protocol.LWM2M, "timers": {"execute": 530.0 - loaded}},
        {**of_both, "protocol": Protocol.LWM2M, "timers": {"execute": 529.0 - loaded}},
    ]
    late = Reason.RESULT_TIMEOUT
    assert ends(plane, make_spec(cohorts, **network)) == [
        (Reason.NONE, 530.0),
        (late, 529.999999),
        (late, 400.0),
        (Reason.NONE, 530.0),
        (late, 529.0),
    ]


@PLANES
@NETWORKS
def test_install__what_fails_before_does_not_wait(
    plane: Plane, network: dict[str, Any], cohort: dict[str, Any]
) -> None:
    """A package that is refused is refused at once; an install that fails does so after the opening."""
    loaded = 0.0 if "timers" in cohort else 100.0
    of_both = {**cohort, "stages": {Stage.VERIFY: 10.0, Stage.INSTALL: 30.0}, "install": [(500.0, 600.0)]}
    causes = [
        {"stage": Stage.VERIFY, "p": 1.0, "cohort": 0, "reason": Reason.CHECK_FAIL},
        {"stage": Stage.INSTALL, "p": 1.0, "cohort": 1, "reason": Reason.INSTALL_FAIL},
    ]
    (refused, at), (failed, later) = ends(plane, make_spec([of_both, of_both], causes, **network))
    assert refused == Reason.CHECK_FAIL
    assert loaded < at <= loaded + 10.0
    assert failed == Reason.INSTALL_FAIL
    assert 500.0 < later <= 530.0


@PLANES
@NETWORKS
def test_install__meets_the_conditions_of_the_time_at_which_it_begins(
    plane: Plane, network: dict[str, Any], cohort: dict[str, Any]
) -> None:
    """Nobody is in a condition of always half the time at both of two times that are far apart."""
    lasts = {"stage": Stage.INSTALL, "p": 0.5, "lasts": 1_000.0, "reason": Reason.LOW_POWER}
    cohort = {**cohort, "devices": 2_000, "install": [(50_000.0, 60_000.0)]}
    log = played(plane, make_spec([cohort], [lasts], **network))
    assert (log.end == 50_000 * S).all()
    share = np.mean(log.reason == Reason.LOW_POWER)
    assert abs(share - 0.5) < 4 * 0.5 / np.sqrt(2_000)
    at_once = {**cohort, "install": ()}
    before = played(plane, make_spec([at_once], [lasts], **network))
    same = np.mean(log.reason[np.argsort(log.device)] == before.reason[np.argsort(before.device)])
    assert 0.4 < same < 0.6


@PLANES
def test_install__has_its_retry_after_the_window(plane: Plane) -> None:
    """What the timer ends while it waits is tried again, and loads again."""
    cohort = {"link_rate": 1e4, "install": [(5_000.0, 6_000.0)], "timers": {"upgrade": 3_000.0}}
    log = played(plane, make_spec([cohort], bandwidth=1e6), retry_count=1, retry_interval_ticks=60 * S)
    assert log.reason.tolist() == [Reason.RESULT_TIMEOUT, Reason.NONE]
    assert log.end.tolist() == [3_000 * S, 5_000 * S]
    assert log.bytes.tolist() == [1_000_000, 1_000_000]


# --- download -------------------------------------------------------------------------------------


@PLANES
@pytest.mark.parametrize("bandwidth", [np.inf, 1e9], ids=["alone", "shared"])
def test_download__flows_inside_only(plane: Plane, bandwidth: float) -> None:
    """100 s of download take two windows of 60 s: 60 s in the first, 40 s in the second."""
    cohort = {"link_rate": 1e4, "download": [(100.0, 160.0), (300.0, 360.0)]}
    log = played(plane, make_spec([cohort], bandwidth=bandwidth))
    assert (log.reason[0], log.end[0]) == (Reason.NONE, 340 * S)
    assert log.download_start[0] == 0  # it has its place from the beginning


@PLANES
def test_download__that_fills_its_window_is_over_as_it_closes(plane: Plane) -> None:
    """The last byte comes at the very tick of the closing; one byte more needs the next window."""
    windows = [(100.0, 200.0), (300.0, 400.0)]
    for size, end in ((1_000_000, 200.0), (1_000_001, 300.0001)):
        cohort = {"link_rate": 1e4, "download": windows}
        assert ends(plane, make_spec([cohort], package_bytes=size)) == [(Reason.NONE, end)]


@PLANES
def test_download__timer_runs_out_while_it_waits(plane: Plane) -> None:
    """Bytes of the first window are there when the timer ends the wait for the second."""
    cohort = {"link_rate": 1e4, "download": [(10.0, 60.0), (400.0, 500.0)], "timers": {"upgrade": 300.0}}
    log = played(plane, make_spec([cohort]))
    assert (log.reason[0], log.end[0]) == (Reason.DOWNLOAD_TIMEOUT_PLATFORM, 300 * S)
    assert log.bytes[0] == 500_000


@PLANES
def test_download__keeps_its_place_while_it_waits(plane: Plane) -> None:
    """With one place, a device whose window is closed lets nobody else load."""
    waits = {"link_rate": 1e4, "download": [(1_000.0, 2_000.0)]}
    spec = make_spec([waits, {"link_rate": 1e4}], max_downloads=1)
    assert ends(plane, spec) == [(Reason.NONE, 1_100.0), (Reason.NONE, 1_200.0)]


@PLANES
def test_download__gives_its_bandwidth_to_others_while_it_waits(plane: Plane) -> None:
    """Two of 100 s each on an egress for one: the one whose window is closed costs the other nothing."""
    waits = {"link_rate": 1e4, "download": [(0.0, 50.0), (100.0, 1_000.0)]}
    spec = make_spec([waits, {"link_rate": 1e4}], bandwidth=1e4)
    # 50 s of halves, 50 s of the other alone, then 50 s of halves, and 25 s of the first alone.
    assert ends(plane, spec) == [(Reason.NONE, 200.0), (Reason.NONE, 150.0)]


@PLANES
def test_download__clock_that_breaks_it_stands_while_it_waits(plane: Plane) -> None:
    """The time until a break counts flow only, however many windows it takes."""
    windows = [(20.0 * k, 20.0 * k + 10.0) for k in range(1_000)]
    causes = [{"stage": Stage.DOWNLOAD, "rate": 1 / 40, "reason": Reason.SIGNAL_BAD}]
    gaps = [{"devices": 200, "link_rate": 1e4, "download": windows}]
    always = [{"devices": 200, "link_rate": 1e4}]
    with_gaps = played(plane, make_spec(gaps, causes, bandwidth=1e9))
    without = played(plane, make_spec(always, causes, bandwidth=1e9))
    flow = without.end[np.argsort(without.device)]
    whole, part = np.divmod(flow - 1, 10 * S)
    np.testing.assert_allclose(with_gaps.end[np.argsort(with_gaps.device)], whole * 20 * S + part + 1, atol=2)
    assert 0.5 < np.mean(without.reason == Reason.SIGNAL_BAD) < 1.0


@PLANES
def test_download__is_held_by_its_window_and_by_the_link(plane: Plane) -> None:
    """Bytes flow while the link is up and the window is open, both at once."""
    beat = {"every": 100.0, "for": 50.0, "phase": 0.0}
    cohort = {"link": beat, "during_upgrade": fs.PAUSES, "link_rate": 1e4, "download": [(25.0, 1_000.0)]}
    # 25 s of the first beat, 50 s of the second, 25 s of the third.
    assert ends(plane, make_spec([cohort], bandwidth=1e9)) == [(Reason.NONE, 225.0)]


# --- looking up when bytes flow -------------------------------------------------------------------


@given(
    edges=st.lists(st.integers(0, 60), max_size=8, unique=True).map(sorted),
    dry=st.booleans(),
    start=st.integers(0, 70),
    ticks=st.integers(0, 40),
)
def test_flow__is_looked_up_as_counted_second_by_second(
    edges: list[int], dry: bool, start: int, ticks: int
) -> None:
    """Both planes find when bytes have flowed for so long, and for how long they flow, as counting does."""
    windows = [(float(begin), float(end)) for begin, end in zip(edges[::2], edges[1::2], strict=False)]
    changes = [(20.0, 0.0), (33.0, 5e6)] if dry else []
    cohorts = [{"link_rate": 1e6, "download": windows}, {"link_rate": 1e6}]
    spec = make_spec(cohorts, bandwidth=1e9, bandwidth_changes=changes)

    def flows(second: int) -> bool:
        is_open = not windows or any(begin <= second < end for begin, end in windows)
        return is_open and not (dry and 20 <= second < 33)

    flowing = [second for second in range(start, 200) if flows(second)]
    until = start if ticks == 0 else flowing[ticks - 1] + 1 if ticks <= len(flowing) else None
    expected = fs.NEVER if until is None else until * S
    assert flowing_until(spec.outages, 0, start * S, ticks * S) == expected
    assert Epochs(spec).flowing_until(0, start * S, ticks * S) == expected
    end = start + ticks
    count = sum(second < end for second in flowing) * S
    book = records(1, HELD)[0]
    assert book_held(spec.outages, 0, start * S, end * S, book) == count
    assert book.window + book.outage + count == ticks * S
    assert Epochs(spec).flowing_ticks(0, start * S, end * S) == count
