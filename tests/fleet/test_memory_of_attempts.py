"""What an attempt leaves behind for later ones: bytes, versions, dead devices; first attempts that count."""

import numpy as np
import pytest
from fleet.make_spec import make_spec, start

from sim.fleet import spec as fs
from sim.fleet.compiled import CompiledFleet
from sim.fleet.protocol import Fleet, PackageRef
from sim.fleet.reference import SimpyFleet
from sim.rules import Reason, Stage, SubtaskState

S = fs.TICKS_PER_S
MINUTE = 60 * S
HOUR = 3600 * S
DAY = 24 * HOUR
MIB = 2**20
PLANES = [CompiledFleet, SimpyFleet]


def played(plane: type[Fleet], spec: fs.FleetSpec, until: int = 20 * DAY, **policy) -> Fleet:
    """Return a fleet whose devices were all in one task."""
    fleet = plane(spec, log_attempts=True)
    start(fleet, fs.RetryPolicy(**policy))
    fleet.advance(until)
    return fleet


def rows(fleet: Fleet, *names: str) -> list[tuple[int, ...]]:
    """Return some columns of the attempt log, an attempt a tuple."""
    log = fleet.attempt_log()
    return list(zip(*(getattr(log, name).tolist() for name in names), strict=True))


def again(fleet: Fleet, package: PackageRef | None = None, until: int = DAY) -> None:
    """Put all devices in one more task, and let it run for a while."""
    devices = np.arange(len(fleet.spec.cohort), dtype=np.int32)
    fleet.add_task(devices, fs.RetryPolicy(), package=package)
    fleet.release(devices)
    fleet.advance(fleet.now_ticks + until)


# --- resume ---------------------------------------------------------------------------------------

LOADING = {"link_rate": 1_000.0, "resume": True, "stages": {Stage.VERIFY: 10.0, Stage.REBOOT: 5.0}}


@pytest.mark.parametrize("plane", PLANES)
def test_resume__goes_on_where_the_timer_cut_it_off(plane):
    """100 s of download under a timer of 60 s, which has to leave time for verify and reboot as well."""
    spec = make_spec([{**LOADING, "timers": {"upgrade": 60.0}}], package_bytes=100_000)
    fleet = played(plane, spec, retry_count=1, retry_interval_ticks=MINUTE)
    assert rows(fleet, "held", "bytes", "end", "reason") == [
        (0, 60_000, 60 * S, Reason.DOWNLOAD_TIMEOUT_PLATFORM),
        (60_000, 40_000, 175 * S, Reason.NONE),
    ]


@pytest.mark.parametrize("plane", PLANES)
@pytest.mark.parametrize("resume", [True, False])
def test_resume__goes_on_after_a_stop(plane, resume):
    """What a stop call cut off counts for the attempt that a retry call begins; or everything comes anew."""
    fleet = plane(make_spec([LOADING | {"resume": resume}], package_bytes=100_000), log_attempts=True)
    start(fleet)
    fleet.advance(30 * S)
    fleet.stop(np.array([0], np.int32))
    fleet.retry(np.array([0], np.int32))
    fleet.advance(DAY)
    assert rows(fleet, "held", "bytes") == [(0, 30_000), (30_000, 70_000) if resume else (0, 100_000)]


@pytest.mark.parametrize("plane", PLANES)
@pytest.mark.parametrize("stage", [Stage.INSTALL, Stage.REBOOT])
def test_resume__keeps_a_package_that_was_not_at_fault(plane, stage):
    """After a failed install the next attempt loads nothing: it verifies as it comes to the download."""
    cause = {"stage": stage, "permanent": 1.0, "reason": Reason.INSTALL_FAIL}
    stages = {Stage.QUERY: 2.0, Stage.VERIFY: 10.0}
    spec = make_spec([LOADING | {"stages": stages}], [cause], package_bytes=100_000, max_downloads=1)
    fleet = played(plane, spec, retry_count=1, retry_interval_ticks=MINUTE)
    columns = ("held", "bytes", "entered", "download_start", "download_end", "end")
    assert rows(fleet, *columns) == [
        (0, 100_000, 2 * S, 2 * S, 102 * S, 112 * S),
        (100_000, 0, 174 * S, -1, -1, 184 * S),
    ]


@pytest.mark.parametrize("plane", PLANES)
@pytest.mark.parametrize(
    "how",
    [
        {"permanent": 1.0},
        {"p": 1.0},
        {"rate": 10.0},
        {"permanent": 1.0, "silent": True},
        {"p": 0.99999, "lasts": 1e9},
    ],
)
def test_resume__throws_away_what_did_not_pass_the_verification(plane, how):
    """By whichever kind of cause it failed, by code or in silence: the next attempt loads all of it."""
    cause = {"stage": Stage.VERIFY, "reason": Reason.CHECK_FAIL, **how}
    fleet = played(
        plane, make_spec([LOADING], [cause], package_bytes=5_000), retry_count=2, retry_interval_ticks=MINUTE
    )
    assert rows(fleet, "held", "bytes") == [(0, 5_000)] * 3


@pytest.mark.parametrize("plane", PLANES)
def test_resume__keeps_what_was_not_verified_in_time(plane):
    """A verification that the timer cut off said nothing against the package."""
    of = LOADING | {"timers": {"upgrade": 12.0}}
    fleet = played(plane, make_spec([of], package_bytes=5_000), retry_count=1, retry_interval_ticks=MINUTE)
    assert rows(fleet, "held", "bytes", "reason") == [
        (0, 5_000, Reason.RESULT_TIMEOUT),
        (5_000, 0, Reason.RESULT_TIMEOUT),
    ]


@pytest.mark.parametrize("plane", PLANES)
def test_resume__a_stop_before_the_verification_fails_keeps_the_package(plane):
    """A package is thrown away when it is found bad, though a silent device tells nobody."""
    cause = {"stage": Stage.VERIFY, "permanent": 1.0, "silent": True}
    for stopped_at, held in ((5 * S, 5_000), (15 * S, 0)):
        fleet = plane(make_spec([LOADING], [cause], package_bytes=5_000), log_attempts=True)
        start(fleet)
        fleet.advance(stopped_at)
        fleet.stop(np.array([0], np.int32))
        fleet.retry(np.array([0], np.int32))
        fleet.advance(3 * DAY)
        assert rows(fleet, "held")[1] == (held,)


@pytest.mark.parametrize("plane", PLANES)
@pytest.mark.parametrize(
    ("package", "held"), [(None, 30_000), (PackageRef(1, 100_000), 0), (PackageRef(0, 90_000), 0)]
)
def test_resume__is_of_the_same_package_only(plane, package, held):
    """The next task of the same version goes on; another version, or another size, begins at nothing."""
    spec = make_spec([LOADING | {"timers": {"upgrade": 30.0}}], package_bytes=100_000)
    fleet = played(plane, spec, until=HOUR)
    again(fleet, package)
    assert rows(fleet, "held") == [(0,), (held,)]


@pytest.mark.parametrize("plane", PLANES)
def test_resume__acts_on_the_rest_after_a_failure_by_a_fraction(plane):
    """A fraction of what is still to come: six attempts of a half-hearted link leave less and less."""
    cause = {"stage": Stage.DOWNLOAD, "permanent": 1.0, "reason": Reason.BUSY}
    spec = make_spec([LOADING], [cause], package_bytes=10**6)
    fleet = played(plane, spec, retry_count=3, retry_interval_ticks=MINUTE)
    held = 0
    for before, received in rows(fleet, "held", "bytes"):
        assert before == held
        assert 0 <= received < 10**6 - held
        held += received
    assert len(fleet.attempt_log().end) == 4


# --- versions -------------------------------------------------------------------------------------


@pytest.mark.parametrize("plane", PLANES)
def test_versions__who_runs_it_is_over_after_the_query(plane):
    """A second task of the same package loads nothing; another one does, and the first one after it."""
    spec = make_spec([{"devices": 100, "stages": {Stage.QUERY: 2.0, Stage.INSTALL: 60.0}}])
    fleet = played(plane, spec, until=HOUR)
    assert set(fleet.records().end) == {62 * S}
    again(fleet, until=HOUR)
    assert set(fleet.records().end - fleet.records().first_start) == {2 * S}
    assert set(fleet.records().bytes) == {0}
    again(fleet, PackageRef(7, 500), until=HOUR)
    assert set(fleet.records().end - fleet.records().first_start) == {62 * S}
    assert set(fleet.records().bytes) == {500}
    again(fleet, until=HOUR)
    assert set(fleet.records().bytes) == {1_000_000}


@pytest.mark.parametrize("plane", PLANES)
def test_versions__of_firmware_and_software_are_two(plane):
    """A version of the other component neither replaces the first one nor stands for it."""
    fleet = played(plane, make_spec([{"devices": 3}]), until=HOUR)
    for package, expected in (
        (PackageRef(5, 10, component=1), 10),
        (None, 0),
        (PackageRef(5, 10, component=1), 0),
    ):
        again(fleet, package, until=HOUR)
        assert set(fleet.records().bytes) == {expected}


@pytest.mark.parametrize("plane", PLANES)
def test_versions__already_current_is_of_the_campaigns_own(plane):
    """Who runs the campaign's version at the start needs nothing of it, but all of another one."""
    for package, expected in ((None, 0), (PackageRef(1, 10), 10)):
        fleet = plane(make_spec([{"devices": 5, "already_current": 1.0}]))
        again(fleet, package)
        assert set(fleet.records().bytes) == {expected}


# --- what a cause leaves --------------------------------------------------------------------------

REBOOTING = {"link_rate": float(MIB), "stages": {Stage.QUERY: 2.0, Stage.INSTALL: 30.0, Stage.REBOOT: 20.0}}


@pytest.mark.parametrize("plane", PLANES)
@pytest.mark.parametrize("stage", [Stage.INSTALL, Stage.REBOOT])
@pytest.mark.parametrize("silent", [False, True])
@pytest.mark.parametrize("leaves", [fs.LEAVES_OLD, fs.LEAVES_NEW, fs.LEAVES_DEAD])
def test_leaves__decides_what_the_retry_meets(plane, stage, silent, leaves):
    """Old: all of it again. New: over after the query. Dead: out of reach until the timer."""
    cause = {
        "stage": stage,
        "permanent": 1.0,
        "silent": silent,
        "reason": Reason.INSTALL_FAIL,
        "leaves": leaves,
    }
    spec = make_spec([REBOOTING], [cause], package_bytes=12 * MIB)
    fleet = played(plane, spec, retry_count=2, retry_interval_ticks=5 * MINUTE)
    log = fleet.attempt_log()
    first_end = int(log.end[0])
    if silent:
        assert first_end == 2 * S + 24 * HOUR
    reason = Reason.RESULT_TIMEOUT if silent else Reason.INSTALL_FAIL
    if leaves == fs.LEAVES_OLD:
        assert log.reason.tolist() == [reason] * 3
        assert log.bytes.tolist() == [12 * MIB] * 3
    elif leaves == fs.LEAVES_NEW:
        assert log.reason.tolist() == [reason, Reason.NONE]
        assert log.bytes.tolist() == [12 * MIB, 0]
        assert log.end[1] == first_end + 5 * MINUTE + 2 * S
    else:
        assert log.reason.tolist() == [reason, Reason.ONLINE_TIMEOUT, Reason.ONLINE_TIMEOUT]
        assert log.bytes.tolist() == [12 * MIB, 0, 0]
        assert log.end[2] == first_end + 2 * (5 * MINUTE + 25 * HOUR)


@pytest.mark.parametrize("plane", PLANES)
def test_leaves__new_where_the_report_got_lost(plane):
    """A tenth reboots into the new version in silence: the retry finds it, nobody loads twice."""
    n = 1_000
    cause = {"stage": Stage.REBOOT, "silent": True, "p": 0.1, "leaves": fs.LEAVES_NEW}
    spec = make_spec([REBOOTING | {"devices": n}], [cause], package_bytes=12 * MIB)
    records = played(plane, spec, retry_count=1, retry_interval_ticks=5 * MINUTE).records()
    assert (records.status == SubtaskState.SUCCESS).all()
    assert records.bytes.sum() == 12_582_912_000
    late = records.attempts == 2
    assert 60 < late.sum() < 140
    assert set(records.end[late]) == {24 * HOUR + 5 * MINUTE + 4 * S}


@pytest.mark.parametrize("plane", PLANES)
@pytest.mark.parametrize("leaves", [fs.LEAVES_NEW, fs.LEAVES_DEAD])
def test_leaves__acts_when_it_strikes(plane, leaves):
    """A stop before that leaves the old version on a live device; one after it finds what the cause left."""
    cause = {"stage": Stage.REBOOT, "silent": True, "permanent": 1.0, "leaves": leaves}
    for stopped_at, strikes in ((44 * S, False), (64 * S, True)):
        fleet = plane(make_spec([REBOOTING], [cause], package_bytes=12 * MIB), log_attempts=True)
        start(fleet)
        fleet.advance(stopped_at)
        fleet.stop(np.array([0], np.int32))
        fleet.retry(np.array([0], np.int32))
        fleet.advance(3 * DAY)
        expected = Reason.RESULT_TIMEOUT
        if strikes:
            expected = Reason.NONE if leaves == fs.LEAVES_NEW else Reason.ONLINE_TIMEOUT
        assert fleet.records().reason[0] == expected


@pytest.mark.parametrize("plane", PLANES)
def test_leaves__dead_for_every_later_task(plane):
    """Who was bricked is out of reach for another version and for other software as well."""
    cause = {"stage": Stage.INSTALL, "permanent": 1.0, "leaves": fs.LEAVES_DEAD}
    fleet = played(plane, make_spec([REBOOTING], [cause]), until=HOUR)
    for package in (None, PackageRef(1, 10), PackageRef(1, 10, component=1)):
        again(fleet, package, until=2 * DAY)
        assert fleet.records().reason[0] == Reason.ONLINE_TIMEOUT


@pytest.mark.parametrize("plane", PLANES)
def test_leaves__nothing_by_a_timer_alone(plane):
    """A reboot that the timer cut off before anything struck leaves the old version."""
    cause = {"stage": Stage.REBOOT, "permanent": 1.0, "silent": True, "leaves": fs.LEAVES_DEAD}
    cohort = {"stages": {Stage.INSTALL: 100.0}, "timers": {"upgrade": 60.0}}
    fleet = played(plane, make_spec([cohort], [cause]), retry_count=1, retry_interval_ticks=MINUTE)
    assert fleet.attempt_log().reason.tolist() == [Reason.RESULT_TIMEOUT] * 2


# --- watches of first attempts --------------------------------------------------------------------


@pytest.mark.parametrize("plane", PLANES)
def test_first_attempts__of_a_bricked_canary_trip_the_gate_at_once(plane):
    """The subtasks fail after two retries of dead devices; their first attempts did with the first timer."""
    n = 100
    cause = {"stage": Stage.REBOOT, "silent": True, "permanent": 1.0, "leaves": fs.LEAVES_DEAD}
    fleet = plane(make_spec([{"devices": n}], [cause]), log_attempts=True)
    first = fleet.watch_failures(0, share=0.05, count=fs.NEVER, of_at_least=1, first_attempts=True)
    ended = fleet.watch_failures(0, share=0.05, count=fs.NEVER, of_at_least=1)
    start(fleet, fs.RetryPolicy(retry_count=2, retry_interval_ticks=5 * MINUTE))
    assert fleet.advance(20 * DAY)
    assert (fleet.now_ticks, fleet.tripped()) == (24 * HOUR, [first])
    assert fleet.advance(20 * DAY)
    assert (fleet.now_ticks, fleet.tripped()) == (24 * HOUR + 2 * 25 * HOUR + 10 * MINUTE, [ended])
    assert set(fleet.records().bytes) == {1_000_000}


@pytest.mark.parametrize("plane", PLANES)
def test_first_attempts__count_once_and_not_when_a_call_stops_them(plane):
    """Stopped ones, and whatever comes after a first attempt, are no first attempts that ended."""
    cause = {"stage": Stage.QUERY, "permanent": 1.0}
    fleet = plane(make_spec([{"devices": 4, "stages": {Stage.QUERY: 100.0}}, {}], [cause | {"cohort": 0}]))
    three_failed = fleet.watch_failures(-1, share=2.0, count=2, of_at_least=1, first_attempts=True)
    start(fleet, fs.RetryPolicy(retry_count=1, retry_interval_ticks=10 * S))
    fleet.advance(S // 1000)
    fleet.stop(np.array([0, 1], np.int32))
    fleet.retry(np.array([0, 1], np.int32))
    assert not fleet.advance(DAY)
    assert fleet.tripped() == []
    devices = np.array([0, 1, 2, 3], np.int32)
    fleet.add_task(devices, fs.RetryPolicy())
    fleet.release(devices)
    assert fleet.advance(2 * DAY)
    assert fleet.tripped() == [three_failed]


@pytest.mark.parametrize("plane", PLANES)
def test_first_attempts__that_succeed_count_as_well(plane):
    """Of ten that ended well and two that did not, more than a tenth failed."""
    cause = {"stage": Stage.QUERY, "permanent": 1.0, "cohort": 1}
    cohorts = [{"devices": 10, "stages": {Stage.QUERY: 50.0}}, {"devices": 2}]
    for share, trips in ((0.1, True), (0.2, False)):
        fleet = plane(make_spec(cohorts, [cause]))
        fleet.watch_failures(0, share=share, count=fs.NEVER, of_at_least=12, first_attempts=True)
        start(fleet, fs.RetryPolicy(retry_count=3, retry_interval_ticks=DAY))
        assert fleet.advance(HOUR) is trips
        assert fleet.now_ticks == (50 * S if trips else HOUR)
