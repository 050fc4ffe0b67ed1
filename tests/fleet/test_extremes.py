"""The ends of what scenarios allow: both planes agree there, and on the right value where there is one."""

from math import log
from typing import Any

import numpy as np
import pytest
from fleet.make_spec import make_spec, start
from fleet.planes import (
    DAY_S,
    YEARS_S,
    extreme_calls,
    extreme_fleets,
    extreme_policies,
    same_results,
    same_story,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.fleet import spec as fs
from sim.fleet.compiled import CompiledFleet
from sim.fleet.model.draws import uniform
from sim.fleet.model.purposes import P_INSTALL_TIME
from sim.fleet.protocol import Fleet
from sim.fleet.reference import SimpyFleet
from sim.rules import Reason, Stage, SubtaskState
from support.effort import many

PLANES = pytest.mark.parametrize("plane", [CompiledFleet, SimpyFleet])
RATE = 1e7  # bytes/s, 80 Mbit/s
PACKAGE = 12 * 2**20


def ended(fleet: Fleet, until_s: float = 30 * DAY_S) -> Fleet:
    """Let all devices of a fleet upgrade; return it at the end."""
    start(fleet)
    fleet.advance(fs.to_ticks(until_s))
    fleet.close()
    return fleet


@settings(max_examples=120)
@given(extreme_fleets(), extreme_policies, st.integers(1, 2), extreme_calls)
def test_planes__agree_on_extreme_fleets(
    arguments: dict[str, Any], policy: fs.RetryPolicy, n_tasks: int, script: list[tuple[float, str, int]]
) -> None:
    """1 bit/s to 100 Tbit/s, factors down to 1e-15, 1 B to 1 TiB, a microsecond to 100 years."""
    same_story(arguments, policy, n_tasks, script, YEARS_S)


@pytest.mark.slow
@settings(max_examples=many(1_500))
@given(extreme_fleets(), extreme_policies, st.integers(1, 2), extreme_calls)
def test_planes__agree_on_very_many_extreme_fleets(
    arguments: dict[str, Any], policy: fs.RetryPolicy, n_tasks: int, script: list[tuple[float, str, int]]
) -> None:
    """The same with many more examples."""
    same_story(arguments, policy, n_tasks, script, YEARS_S)


@settings(max_examples=60)
@given(extreme_fleets(), extreme_policies)
def test_straight_play__agrees_on_extreme_fleets(arguments: dict[str, Any], policy: fs.RetryPolicy) -> None:
    """Devices that share nothing, played straight through over 100 years."""
    free = {**arguments, "away": [], "bandwidth": np.inf, "bandwidth_changes": [], "dispatch_gap_s": 0.0}
    free["cohorts"] = [{**cohort, "site_devices": 0} for cohort in arguments["cohorts"]]
    spec = make_spec(**free | {"max_processing": fs.NEVER, "max_downloads": fs.NEVER})
    planes: list[Fleet] = [CompiledFleet(spec, threads=2), SimpyFleet(spec)]
    for plane in planes:
        start(plane, policy)
        plane.advance(fs.to_ticks(YEARS_S))
        plane.close()
    same_results(*planes)


@PLANES
@pytest.mark.parametrize("factor", [0.0, 1e-300, 1e-15, 1e-13])
def test_downloads__that_all_but_stand_still_end_after_the_outage(plane: type[Fleet], factor: float) -> None:
    """A finish beyond what a tick can hold is never, not now: they go on when the hour is over."""
    spec = make_spec(
        [{"devices": 3}],
        bandwidth=RATE,
        bandwidth_changes=[(0.0, RATE * factor), (3600.0, RATE)],
        package_bytes=PACKAGE,
    )

    end = ended(plane(spec)).records().end

    received = RATE * factor * 3600
    np.testing.assert_allclose(end / 1e6, 3600 + (3 * PACKAGE - received) / RATE, atol=2e-6, rtol=0)


@PLANES
@pytest.mark.parametrize("limit", ["bandwidth", "link_rate"])
def test_downloads__that_need_centuries_are_ended_by_the_timer(plane: type[Fleet], limit: str) -> None:
    """1 TiB over 1 bit/s takes 279,000 years, so that the platform's timer ends both after 24 h."""
    limits = {"cohorts": [{"devices": 2, "link_rate": 0.125}]}
    if limit == "bandwidth":
        limits = {"cohorts": [{"devices": 2}], "bandwidth": 0.125}

    records = ended(plane(make_spec(**limits, package_bytes=2**40))).records()

    assert records.status.tolist() == [SubtaskState.FAIL] * 2
    assert records.reason.tolist() == [Reason.DOWNLOAD_TIMEOUT_PLATFORM] * 2
    assert records.end.tolist() == [fs.to_ticks(DAY_S)] * 2
    assert records.bytes.tolist() == [10_800 if limit == "link_rate" else 5_400] * 2


@PLANES
@pytest.mark.parametrize("before_d", [3_257, 3_258, 36_000])
@pytest.mark.parametrize("resolution_d", [1_000, 36_500])
def test_peaks__are_right_at_any_tick(plane: type[Fleet], before_d: int, resolution_d: int) -> None:
    """300 downloads that overlap after years are counted as 300, those of failed first attempts too."""
    spec = make_spec(
        [{"devices": 150, "link_rate": 1e5}] * 2,
        [{"stage": Stage.INSTALL, "p": 1.0}],
        resolution_s=resolution_d * DAY_S,
    )
    fleet = plane(spec)
    fleet.advance(before_d * DAY_S * 10**6)
    start(fleet, fs.RetryPolicy(retry_count=1, retry_interval_ticks=fs.to_ticks(60.0)))
    fleet.advance(fs.to_ticks(36_500 * DAY_S))
    fleet.close()

    assert (fleet.records().attempts == 2).all()
    assert fleet.totals().peak_downloads == 300
    assert fleet.totals().peak_bandwidth == pytest.approx(300 * 1e5)


@PLANES
@pytest.mark.parametrize("before", [0, pytest.param(-32_760, marks=pytest.mark.slow)])
def test_attempts__are_counted_beyond_two_bytes(plane: type[Fleet], before: int) -> None:
    """A device that is tried every minute for a month has had more than 32,767 attempts."""
    fleet = plane(make_spec([{"devices": 2}], [{"stage": Stage.QUERY, "p": 1.0}], max_processing=1))
    task = start(fleet)
    fleet.advance(1)
    devices, already = fleet.task_devices(task), 32_760 + before
    fleet.records().attempts[:] += already  # as if tried so often before; the slow way tries
    fleet.records().manual_retries[:] += already
    n = 20 - before
    for minute in range(1, n):
        fleet.advance(minute * 60 * 10**6)
        fleet.retry(devices)
    fleet.advance(n * 60 * 10**6)

    assert fleet.records().attempts.tolist() == [32_780] * 2
    assert fleet.records().manual_retries.tolist() == [32_779] * 2
    assert fleet.records().auto_retries.tolist() == [0, 0]
    assert fleet.task_counts(task)[SubtaskState.FAIL] == 2


@PLANES
def test_attempts__of_earlier_tasks_are_counted_beyond_two_bytes(plane: type[Fleet]) -> None:
    """A device of many tasks goes on with new draws: the next attempt has the next number."""
    stages = {Stage.INSTALL: (fs.EXPONENTIAL, 9.0)}
    fails = {"stage": Stage.REBOOT, "p": 1.0}  # else it would run the version already
    fleet = plane(make_spec([{"devices": 1, "stages": stages}], [fails]))
    times = []
    for task in range(4):
        start(fleet)
        if task < 2:
            fleet.advance(fleet.now_ticks + 1)
            fleet.records().attempts[:] += 32_000
        fleet.advance(fleet.now_ticks + fs.to_ticks(DAY_S))
        times.append(int(fleet.records().end[0] - fleet.records().first_start[0]))

    spec = fleet.spec
    numbers = [1, 32_002, 64_003, 64_004]
    drawn = [uniform(spec.platform.seed, spec.platform.replication, 0, k, P_INSTALL_TIME) for k in numbers]
    assert times == [round(-9e6 * log(u)) for u in drawn]


@PLANES
def test_last_row__of_curves_holds_what_is_true_after_its_tick(plane: type[Fleet]) -> None:
    """A download that ends at the last tick takes no bandwidth any more; another one takes it over."""
    spec = make_spec([{"link_rate": 1000.0}], bandwidth=1e6, package_bytes=60_000, resolution_s=60.0)

    curves = ended(plane(spec), until_s=60.0).curves()

    assert curves.downloads.tolist() == [1, 0]
    assert curves.bandwidth.tolist() == [1000.0, 0.0]

    cohorts = [{"link_rate": 600.0}, {"link_rate": 5000.0}]
    fleet = plane(make_spec(cohorts, bandwidth=1600.0, package_bytes=60_000, resolution_s=60.0))
    curves = ended(fleet, until_s=60.0).curves()

    assert curves.downloads.tolist() == [2, 1]  # the second one had 1,000 bytes/s for 60 s
    assert curves.bandwidth.tolist() == [1600.0, 600.0]

    fleet = plane(make_spec(cohorts, bandwidth=1600.0, package_bytes=90_000, resolution_s=60.0))
    start(fleet)
    fleet.advance(fs.to_ticks(60.0))
    fleet.stop(np.array([0], np.int32))

    assert fleet.curves().downloads.tolist() == [2, 1]
    assert fleet.curves().bandwidth.tolist() == [1600.0, 1600.0]


@PLANES
@pytest.mark.parametrize("bandwidth", [np.inf, 1e6])
def test_peaks__hold_a_download_that_begins_at_the_last_tick(plane: type[Fleet], bandwidth: float) -> None:
    """The last row of the curves shows it, so the peaks do."""
    cohorts = [{"link_rate": 1000.0, "stages": {Stage.QUERY: 60.0}}]
    spec = make_spec(cohorts, bandwidth=bandwidth, package_bytes=60_000, resolution_s=60.0)

    fleet = ended(plane(spec), until_s=60.0)

    assert fleet.curves().downloads.tolist() == [0, 1]
    assert fleet.totals().peak_downloads == 1
    assert fleet.totals().peak_bandwidth == 1000.0


@pytest.mark.parametrize("n_cohorts", [1_638, 1_639, 1_700])
def test_marks__are_kept_with_more_causes_than_two_bytes_number(n_cohorts: int) -> None:
    """Permanent causes of the last of many cohorts stop its devices, as they do in the readable plane."""
    per_cohort = 20
    lo = np.arange(n_cohorts, dtype=np.int32)[:, None] * per_cohort + np.zeros(fs.N_STAGES, np.int32)
    hi = lo.copy()
    hi[:, Stage.INSTALL :] += per_cohort
    lo[:, Stage.INSTALL + 1 :] += per_cohort
    rows = n_cohorts * per_cohort
    spec = make_spec([{"devices": 1}] * n_cohorts)
    causes = fs.CauseTable(
        lo=lo,
        hi=hi,
        p=np.zeros(rows),
        p_permanent=np.tile(np.eye(1, per_cohort, per_cohort - 1)[0], n_cohorts),
        reason=np.full(rows, Reason.INSTALL_FAIL, np.int16),
        silent=np.zeros(rows, np.bool_),
        timeline=np.full(rows, -1, np.int32),
        slot=np.full(rows, -1, np.int16),
        rate=np.zeros(rows),
        per_bytes=np.zeros(rows),
        leaves=np.zeros(rows, np.int8),
    )

    planes = [ended(plane(spec._replace(causes=causes))) for plane in (CompiledFleet, SimpyFleet)]

    same_results(*planes)
    assert (planes[0].records().reason == Reason.INSTALL_FAIL).all()
