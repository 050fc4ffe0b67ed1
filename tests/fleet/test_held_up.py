"""Where the time of devices goes: each cause alone in closed form, and sums that miss no tick."""

from typing import Any

import numpy as np
import pytest
from fleet.make_spec import make_spec, start
from fleet.planes import calls, fleets, play, policies
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.fleet import held_up
from sim.fleet import spec as fs
from sim.fleet.compiled import CompiledFleet
from sim.fleet.held_up import Hold, kept_devices
from sim.fleet.protocol import PackageRef
from sim.fleet.reference import SimpyFleet
from sim.rules import Protocol, Stage, SubtaskState

S = fs.TICKS_PER_S
PLANES = (SimpyFleet, CompiledFleet)
AT_1000 = {"link_rate": 1000.0}


def seconds(fleet: Any) -> dict[Hold, float]:
    """Return where the time of all devices has gone, in seconds, without what took none."""
    ticks = fleet.held_up().by_cohort.sum(axis=0)
    return {hold: ticks[hold] / S for hold in Hold if ticks[hold] > 0}


def played(plane: type[Any], cohort: dict[str, Any], until_s: float = 1e6, **arguments: Any) -> Any:
    """Return a plane after a run of one cohort; `policy` among the arguments is the task's."""
    policy = arguments.pop("policy", fs.RetryPolicy())
    fleet = plane(make_spec([cohort], **arguments))
    start(fleet, policy)
    fleet.advance(fs.to_ticks(until_s))
    return fleet


# --- each cause alone ---------------------------------------------------------------------------------


@pytest.mark.parametrize("plane", PLANES)
def test_ready_queue__is_the_wait_for_a_turn_and_for_a_place_in_processing(plane):
    """A gap of 10 s keeps three devices for 0, 10 and 20 s; one place of 60 s lets them wait 0, 60, 120 s."""
    assert seconds(played(plane, {"devices": 3}, dispatch_gap_s=10.0)) == {Hold.READY_QUEUE: 30.0}
    places = played(plane, {"devices": 3, "stages": {Stage.INSTALL: 60.0}}, max_processing=1)
    assert seconds(places) == {Hold.READY_QUEUE: 180.0, Hold.INSTALL: 180.0}


@pytest.mark.parametrize("plane", PLANES)
def test_place_queue__is_the_wait_for_the_cell(plane):
    """Three devices of a cell with one place, 10 s each: they wait 0, 10 and 20 s for it."""
    cohort = {"devices": 3, "protocol": Protocol.LWM2M, "cell_devices": 3, "stages": {Stage.INSTALL: 10.0}}
    fleet = played(plane, cohort, cell_places=(1, 1, 1))
    assert seconds(fleet) == {Hold.PLACE_QUEUE: 30.0, Hold.INSTALL: 30.0}


@pytest.mark.parametrize("plane", PLANES)
def test_place_queue__is_the_wait_for_the_site(plane):
    """Three devices of a site that takes one at a time, 10 s each: they wait 0, 10 and 20 s for it."""
    cohort = {"devices": 3, "site_devices": 3, "at_a_time": 1, "stages": {Stage.INSTALL: 10.0}}
    assert seconds(played(plane, cohort)) == {Hold.PLACE_QUEUE: 30.0, Hold.INSTALL: 30.0}


@pytest.mark.parametrize("plane", PLANES)
def test_ready_queue__comes_after_the_cell_when_both_hold(plane):
    """Of two in one cell, behind a gap of 25 s: one waits 10 s for the place, then 15 s for its turn."""
    cohort = {"devices": 2, "protocol": Protocol.LWM2M, "cell_devices": 2, "stages": {Stage.INSTALL: 10.0}}
    fleet = played(plane, cohort, cell_places=(1, 1, 1), dispatch_gap_s=25.0)
    assert seconds(fleet) == {Hold.PLACE_QUEUE: 10.0, Hold.READY_QUEUE: 15.0, Hold.INSTALL: 20.0}


@pytest.mark.parametrize("plane", PLANES)
def test_offline__is_the_wait_for_the_link_before_the_contact(plane):
    """A link that first goes up after 100 s."""
    link = {"every": 5_000.0, "for": 10.0, "phase": 100.0}
    assert seconds(played(plane, {"link": link})) == {Hold.OFFLINE: 100.0}


@pytest.mark.parametrize("plane", PLANES)
def test_offline__is_the_pause_of_a_download_whose_link_goes_down(plane):
    """15 s of bytes over a link that is up for 10 s of every 100 s."""
    link = {"every": 100.0, "for": 10.0, "phase": 0.0}
    cohort = {**AT_1000, "link": link, "during_upgrade": fs.PAUSES}
    fleet = played(plane, cohort, package_bytes=15_000)
    assert seconds(fleet) == {Hold.OFFLINE: 90.0, Hold.DOWNLOAD: 15.0}


@pytest.mark.parametrize("plane", PLANES)
def test_offline__ends_with_the_timer_of_the_contact(plane):
    """A link that goes up after the online timer of 60 s holds the device for those 60 s."""
    link = {"every": 5_000.0, "for": 10.0, "phase": 100.0}
    assert seconds(played(plane, {"link": link, "timers": {"online": 60.0}})) == {Hold.OFFLINE: 60.0}


@pytest.mark.parametrize("plane", PLANES)
def test_window__is_the_wait_for_its_opening(plane):
    """A window that opens after 50 s."""
    assert seconds(played(plane, {"contact": [(50.0, 500.0)]})) == {Hold.WINDOW: 50.0}


@pytest.mark.parametrize("plane", PLANES)
def test_window__is_the_wait_to_install_until_the_timer_at_most(plane):
    """Verified after 5 s, installed from 50 s on for 7 s; a timer of 30 s ends another one's wait."""
    stages = {Stage.VERIFY: 5.0, Stage.INSTALL: 7.0}
    cohort = {"stages": stages, "install": [(50.0, 60.0)]}
    assert seconds(played(plane, cohort)) == {Hold.WINDOW: 45.0, Hold.VERIFY: 5.0, Hold.INSTALL: 7.0}
    cut = played(plane, {**cohort, "timers": {"upgrade": 30.0}})
    assert seconds(cut) == {Hold.WINDOW: 25.0, Hold.VERIFY: 5.0}


@pytest.mark.parametrize("plane", PLANES)
def test_window__is_the_pause_of_a_download_that_it_closes_on(plane):
    """10 s of bytes, of which 4 flow before the window closes for a minute."""
    cohort = {**AT_1000, "download": [(0.0, 4.0), (64.0, 500.0)]}
    assert seconds(played(plane, cohort, package_bytes=10_000)) == {Hold.WINDOW: 60.0, Hold.DOWNLOAD: 10.0}


@pytest.mark.parametrize("plane", PLANES)
def test_outage__holds_the_contact_and_the_bytes(plane):
    """One of 70 s from the start, and one of 60 s in the middle of a download of 10 s."""
    assert seconds(played(plane, {}, away=[(0.0, 70.0, None)])) == {Hold.OUTAGE: 70.0}
    fleet = played(plane, AT_1000, package_bytes=10_000, away=[(4.0, 64.0, None)])
    assert seconds(fleet) == {Hold.OUTAGE: 60.0, Hold.DOWNLOAD: 10.0}


@pytest.mark.parametrize("plane", PLANES)
def test_outage__is_a_freeze_of_what_is_ready(plane):
    """Frozen for 70 s: both of two wait for it, and behind a gap of 100 s the second one for its turn."""
    fleet = played(plane, {"devices": 2}, freezes=[(0.0, 70.0)], dispatch_gap_s=100.0)
    assert seconds(fleet) == {Hold.OUTAGE: 140.0, Hold.READY_QUEUE: 100.0}


@pytest.mark.parametrize("plane", PLANES)
def test_outage__of_the_platform_that_lets_no_byte_through_holds_all(plane):
    """No bandwidth from 4 s to 34 s, in the middle of a download of 10 s."""
    changes = [(4.0, 0.0), (34.0, 1e6)]
    fleet = played(plane, AT_1000, package_bytes=10_000, bandwidth=1e6, bandwidth_changes=changes)
    assert seconds(fleet) == {Hold.OUTAGE: 30.0, Hold.DOWNLOAD: 10.0}


@pytest.mark.parametrize("plane", PLANES)
@pytest.mark.parametrize(
    ("stage", "hold"),
    [
        (Stage.QUERY, Hold.QUERY),
        (Stage.COVERAGE, Hold.COVERAGE),
        (Stage.VERIFY, Hold.VERIFY),
        (Stage.INSTALL, Hold.INSTALL),
        (Stage.REBOOT, Hold.REBOOT),
    ],
)
def test_work__is_the_time_that_a_stage_takes(plane, stage, hold):
    """One stage of 7 s, and nothing else."""
    assert seconds(played(plane, {"protocol": Protocol.LWM2M, "stages": {stage: 7.0}})) == {hold: 7.0}


@pytest.mark.parametrize("plane", PLANES)
def test_work__is_cut_off_by_now_and_by_a_stop(plane):
    """Verify, install and reboot of 5, 10 and 20 s: after 12 s of an attempt 7 s of install are over."""
    stages = {Stage.VERIFY: 5.0, Stage.INSTALL: 10.0, Stage.REBOOT: 20.0}
    fleet = played(plane, {"stages": stages}, until_s=12.0)
    assert seconds(fleet) == {Hold.VERIFY: 5.0, Hold.INSTALL: 7.0}
    fleet.advance(18 * S)
    fleet.stop(np.zeros(1, np.int32))
    fleet.advance(100 * S)
    assert seconds(fleet) == {Hold.VERIFY: 5.0, Hold.INSTALL: 10.0, Hold.REBOOT: 3.0}


@pytest.mark.parametrize("plane", PLANES)
def test_work__is_cut_off_by_the_timer(plane):
    """An install of 100 s under a timer of 30 s works for 30 s."""
    cohort = {"stages": {Stage.INSTALL: 100.0}, "timers": {"upgrade": 30.0}}
    assert seconds(played(plane, cohort)) == {Hold.INSTALL: 30.0}


@pytest.mark.parametrize("plane", PLANES)
def test_download_place__is_the_wait_for_one(plane):
    """Three downloads of 5 s, one at a time: 0, 5 and 10 s; with a timer of 3 s nobody waits longer."""
    limits = {"package_bytes": 5_000, "max_downloads": 1}
    fleet = played(plane, {"devices": 3, **AT_1000}, **limits)
    assert seconds(fleet) == {Hold.DOWNLOAD_PLACE: 15.0, Hold.DOWNLOAD: 15.0}
    fleet = played(plane, {"devices": 3, **AT_1000, "timers": {"upgrade": 3.0}}, **limits)
    assert seconds(fleet) == {Hold.DOWNLOAD_PLACE: 6.0, Hold.DOWNLOAD: 3.0}


@pytest.mark.parametrize("plane", PLANES)
def test_download__is_the_time_at_the_speed_of_the_own_link(plane):
    """8,000 bytes at 1,000 bytes/s; when half of them have come, it is half of the time."""
    fleet = played(plane, AT_1000, until_s=4.0, package_bytes=8_000)
    assert seconds(fleet) == {Hold.DOWNLOAD: 4.0}
    fleet.advance(100 * S)
    assert seconds(fleet) == {Hold.DOWNLOAD: 8.0}


@pytest.mark.parametrize("plane", PLANES)
def test_shared_link__is_what_a_download_takes_longer_for_it(plane):
    """Two share what one could take alone: half of their time, at any moment, is lost to each other."""
    fleet = played(plane, {"devices": 2, **AT_1000}, until_s=6.0, package_bytes=5_000, bandwidth=1_000.0)
    assert seconds(fleet) == {Hold.DOWNLOAD: 6.0, Hold.SHARED_LINK: 6.0}
    fleet.advance(100 * S)
    assert seconds(fleet) == {Hold.DOWNLOAD: 10.0, Hold.SHARED_LINK: 10.0}
    unlimited = played(plane, {"devices": 2}, package_bytes=5_000, bandwidth=1_000.0)
    assert seconds(unlimited) == {Hold.SHARED_LINK: 20.0}


@pytest.mark.parametrize("plane", PLANES)
def test_shared_link__is_that_of_the_site_too(plane):
    """Two behind one line that is as fast as each of them alone: half of their time is lost to each other."""
    cohort = {"devices": 2, **AT_1000, "site_devices": 2, "uplink": 1_000.0}
    fleet = played(plane, cohort, package_bytes=5_000)
    assert seconds(fleet) == {Hold.DOWNLOAD: 10.0, Hold.SHARED_LINK: 10.0}


@pytest.mark.parametrize("plane", PLANES)
@pytest.mark.parametrize("stage", [Stage.CONTACT, Stage.QUERY, Stage.DOWNLOAD, Stage.INSTALL])
def test_timer__is_the_silence_until_it_runs_out(plane, stage):
    """A silent failure of a stage that takes no time leaves the device waiting for the timer of 60 s."""
    timers = dict.fromkeys(["online", "version", "upgrade"], 60.0)
    fleet = played(plane, {"timers": timers}, causes=[{"stage": stage, "p": 1.0, "silent": True}])
    assert seconds(fleet) == {Hold.TIMER: 60.0}


@pytest.mark.parametrize("plane", PLANES)
def test_retry_wait__is_the_time_between_two_attempts(plane):
    """Two retries after 300 s each; a stop call during the second wait ends it after 100 s."""
    policy = fs.RetryPolicy(retry_count=2, retry_interval_ticks=300 * S)
    causes = [{"stage": Stage.QUERY, "p": 1.0}]
    assert seconds(played(plane, {}, causes=causes, policy=policy)) == {Hold.RETRY_WAIT: 600.0}
    fleet = played(plane, {}, causes=causes, policy=policy, until_s=400.0)
    fleet.stop(np.zeros(1, np.int32))
    fleet.advance(10_000 * S)
    assert seconds(fleet) == {Hold.RETRY_WAIT: 400.0}


@pytest.mark.parametrize("plane", PLANES)
def test_call_wait__counts_once_the_call_comes(plane):
    """A device that failed at once waits 500 s for the call that retries it, and for none after it."""
    fleet = played(plane, {}, causes=[{"stage": Stage.QUERY, "p": 1.0}], until_s=500.0)
    assert seconds(fleet) == {}
    fleet.retry(np.zeros(1, np.int32))
    fleet.advance(9_000 * S)
    assert seconds(fleet) == {Hold.CALL_WAIT: 500.0}


@pytest.mark.parametrize("plane", PLANES)
def test_call_wait__of_a_device_that_was_stopped_before_its_release_begins_with_the_stop(plane):
    """A subtask that nobody released is stopped after 20 s and retried after 50 s."""
    fleet = plane(make_spec([{}]))
    devices = np.zeros(1, np.int32)
    fleet.add_task(devices, fs.RetryPolicy())
    fleet.advance(20 * S)
    fleet.stop(devices)
    fleet.advance(50 * S)
    fleet.retry(devices)
    fleet.advance(90 * S)
    assert seconds(fleet) == {Hold.CALL_WAIT: 30.0}


@pytest.mark.parametrize("plane", PLANES)
def test_held_up__of_two_tasks_adds_up_without_the_time_between(plane):
    """Two tasks with a query of 2 s each, hours apart."""
    fleet = played(plane, {"stages": {Stage.QUERY: 2.0}}, until_s=9_000.0)
    devices = np.zeros(1, np.int32)
    fleet.add_task(devices, fs.RetryPolicy(), package=PackageRef(1, 10))
    fleet.advance(9_500 * S)
    fleet.release(devices)
    fleet.advance(20_000 * S)
    assert seconds(fleet) == {Hold.QUERY: 4.0}


# --- sums ---------------------------------------------------------------------------------------------


def timed(plane: type[Any]) -> type[Any]:
    """Return a plane that also adds up, device by device, the time from each release to the end."""

    class Timed(plane):
        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **options)
            self.begun = np.full(len(self.spec.cohort), -1, np.int64)
            self.before = np.zeros(len(self.spec.cohort), np.int64)

        def add_task(self, devices: fs.Int32s, *arguments: Any, **options: Any) -> int:
            self.before[devices] = self.spans()[devices]
            self.begun[devices] = -1
            return super().add_task(devices, *arguments, **options)

        def release(self, devices: fs.Int32s) -> None:
            self.begun[devices] = self.now_ticks
            super().release(devices)

        def spans(self) -> fs.Int64s:
            end = self.records().end
            last = np.where(end >= 0, end, self.now_ticks)
            return self.before + np.where(self.begun >= 0, last - self.begun, 0)

    return Timed


@pytest.mark.parametrize("plane", PLANES)
@settings(max_examples=60)
@given(fleets(), policies, st.integers(1, 3), calls, st.sampled_from([300.0, 50_000.0, 864_000.0]))
def test_held_up__misses_no_tick(plane, arguments, policy, n_tasks, script, until_s):
    """Whatever the fleet, the policy and the calls, a device's ticks are those from release to end."""
    fleet = timed(plane)(make_spec(**arguments), n_groups=n_tasks)
    play(fleet, policy, n_tasks, script, until_s=sum(wait for wait, _, _ in script) + until_s)
    held = fleet.held_up()
    np.testing.assert_array_equal(held.devices, np.arange(len(fleet.spec.cohort)))
    np.testing.assert_array_equal(held.by_device.sum(axis=1), fleet.spans())
    assert (held.by_device >= 0).all()
    by_cohort = np.zeros_like(held.by_cohort)
    np.add.at(by_cohort, fleet.spec.cohort, held.by_device)
    np.testing.assert_array_equal(held.by_cohort, by_cohort)


@pytest.mark.parametrize("plane", PLANES)
@settings(max_examples=20)
@given(fleets(), policies, st.lists(st.integers(0, 20_000), min_size=1, max_size=5).map(sorted))
def test_held_up__may_be_asked_at_any_time(plane, arguments, policy, times):
    """Who asks in between finds the same in the end, and a device's time never runs backwards."""
    spec = make_spec(**arguments)
    asked, unasked = plane(spec), plane(spec)
    for fleet in (asked, unasked):
        start(fleet, policy)
    before = asked.held_up().by_device.sum(axis=1)
    for at_s in times:
        asked.advance(at_s * S)
        now = asked.held_up().by_device.sum(axis=1)
        assert (now >= before).all()
        before = now
    for fleet in (asked, unasked):
        fleet.advance(30_000 * S)
        fleet.close()
    for one, other in zip(asked.held_up(), unasked.held_up(), strict=True):
        np.testing.assert_array_equal(one, other)
    for name in ("status", "end", "bytes"):
        np.testing.assert_array_equal(getattr(asked.records(), name), getattr(unasked.records(), name))


# --- devices one by one -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("n", "step"),
    [(1, 1), (6_144, 1), (6_145, 3), (18_432, 3), (18_433, 5), (98_304, 17), (524_288, 17), (10**6, 31)],
)
def test_kept_devices__are_all_or_every_odd_prime_th(n, step):
    """All of a fleet up to 6,144 devices, else every k-th, k an odd prime: pairs at a site are met alike."""
    np.testing.assert_array_equal(kept_devices(n), np.arange(0, n, step))
    assert len(kept_devices(n)) <= held_up.most_kept(n) <= held_up.MOST_KEPT


@given(n=st.integers(1, 2 * 10**6))
def test_most_kept__take_no_more_than_8_bytes_a_device_of_a_large_fleet(n):
    """A row of the books is 16 words; a fleet has up to 6,144 of them however small it is."""
    rows = len(kept_devices(n))
    assert rows == n <= 6_144 or rows <= 6_144 or rows * 16 * 8 <= 8 * n


@pytest.mark.parametrize("plane", PLANES)
def test_held_up__of_a_large_fleet_keeps_some_devices_and_sums_of_all(plane, monkeypatch):
    """Of 35 devices whose waits are 0, 1, 2, ... s every 5th is known, and the sum of all."""
    monkeypatch.setattr(held_up, "MOST_KEPT", 10)  # no fleet has more rows than that
    held = played(plane, {"devices": 35}, dispatch_gap_s=1.0).held_up()
    assert held.devices.tolist() == [0, 5, 10, 15, 20, 25, 30]
    assert (held.by_device[:, Hold.READY_QUEUE] == held.devices.astype(np.int64) * S).all()
    assert held.by_cohort.sum() == sum(range(35)) * S


def test_held_up__adds_up_more_than_a_word_holds():
    """A quarter of a million devices wait for three years behind one that is at work: 2^64 microseconds."""
    n, ticks = 262_144, 3 * 365 * 86_400 * S
    busy = {"stages": {Stage.INSTALL: 4e8}, "timers": {"upgrade": 5e8}}
    cohorts = [{"devices": n // 4, **busy}, {"devices": n - n // 4}]
    fleet = CompiledFleet(make_spec(cohorts, max_processing=1))
    start(fleet)
    fleet.advance(ticks)
    first, second = fleet.held_up().by_cohort
    assert (first[Hold.READY_QUEUE], second[Hold.READY_QUEUE]) == ((n // 4 - 1) * ticks, (n - n // 4) * ticks)
    assert second[Hold.READY_QUEUE] > 2**63
    assert fleet.held_up().by_cohort.sum(axis=0)[Hold.READY_QUEUE] == (n - 1) * ticks


@given(rows=st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2**63 - 1)), max_size=20))
def test_whole_numbers__are_exact_sums(rows):
    """Times of any length, added up by cohort in two words, are what Python's whole numbers say."""
    ticks = np.array([[of] * held_up.N_HOLDS for _, of in rows], np.int64).reshape(-1, held_up.N_HOLDS)
    sums = np.zeros((2, 3, held_up.N_HOLDS), np.int64)
    held_up.add_up(ticks, np.array([c for c, _ in rows], np.int16), sums)
    exact = [sum(of for c, of in rows if c == cohort) for cohort in range(3)]
    assert held_up.whole_numbers(sums).tolist() == [[of] * held_up.N_HOLDS for of in exact]


@pytest.mark.parametrize("plane", PLANES)
def test_held_up__of_devices_that_wait_for_their_release_is_nothing(plane):
    """Time counts from the release on."""
    fleet = plane(make_spec([{"devices": 2}]))
    fleet.add_task(np.arange(2, dtype=np.int32), fs.RetryPolicy())
    fleet.advance(100 * S)
    assert fleet.counts()[SubtaskState.WAITTING] == 2
    assert not fleet.held_up().by_device.any()
