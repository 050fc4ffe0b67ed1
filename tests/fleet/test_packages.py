"""The campaign's own package has a size in each cohort, others are of one size for all."""

import numpy as np
import pytest
from fleet.make_spec import make_spec, start

from sim.fleet import spec as fs
from sim.fleet.compiled import CompiledFleet
from sim.fleet.protocol import OWN_PACKAGE, Fleet, PackageRef
from sim.fleet.reference import SimpyFleet
from sim.rules import Reason, Stage, SubtaskState

MIB = 2**20
DAY = 86_400 * fs.TICKS_PER_S
PLANES = pytest.mark.parametrize("plane", [CompiledFleet, SimpyFleet])


@PLANES
def test_size__some_need_a_delta(plane: type[Fleet]) -> None:
    """1,000 devices that load 12 MiB and 1,000 that load 1.2 MiB send 13,200 MiB through one egress."""
    delta = round(1.2 * MIB)
    cohorts = [{"devices": 1000}, {"devices": 1000, "package_bytes": delta}]
    fleet = plane(make_spec(cohorts, bandwidth=10.0 * MIB, package_bytes=12 * MIB))
    start(fleet)
    fleet.advance(DAY)

    records = fleet.records()
    assert records.bytes.tolist() == [12 * MIB] * 1000 + [delta] * 1000
    assert int(records.bytes.sum()) == pytest.approx(13_200 * MIB, rel=1e-7)
    # All have the same share until those with the delta are done; the egress never idles.
    assert set(records.end[1000:].tolist()) == {fs.to_ticks(2000 * delta / (10 * MIB))}
    assert records.end[:1000].max() == pytest.approx(1320e6, rel=1e-6)


@PLANES
@pytest.mark.parametrize("bandwidth", [np.inf, 1e6])
def test_size__of_another_package_is_the_same_for_all(plane: type[Fleet], bandwidth: float) -> None:
    """What a later task installs has a size of its own; the campaign's own still has that of the cohort."""
    cohorts = [{"link_rate": 1000.0, "package_bytes": size} for size in (3_000, 5_000)]
    fleet = plane(make_spec(cohorts, bandwidth=bandwidth))
    took = []
    for package in (None, PackageRef(1, 4_000), OWN_PACKAGE):
        begun = fleet.now_ticks
        devices = np.arange(2, dtype=np.int32)
        fleet.release(fleet.task_devices(fleet.add_task(devices, fs.RetryPolicy(), package=package)))
        fleet.advance(begun + DAY)
        assert fleet.records().status.tolist() == [SubtaskState.SUCCESS] * 2
        took.append(((fleet.records().end - begun) / fs.TICKS_PER_S).tolist())

    assert took == [[3.0, 5.0], [4.0, 4.0], [3.0, 5.0]]


@PLANES
@pytest.mark.parametrize("bandwidth", [np.inf, 1e6])
def test_size__is_what_resume_and_fractions_go_by(plane: type[Fleet], bandwidth: float) -> None:
    """A download cut off goes on up to the cohort's size; a cause breaks it within that size."""
    cohort = {"link_rate": 100.0, "timers": {"upgrade": 30.0}, "resume": True}
    cohorts = [cohort | {"package_bytes": 4_000}, cohort | {"package_bytes": 7_000}]
    fleet = plane(make_spec(cohorts, bandwidth=bandwidth), log_attempts=True)
    start(fleet, fs.RetryPolicy(retry_count=5, retry_interval_ticks=60 * fs.TICKS_PER_S))
    fleet.advance(DAY)
    log = fleet.attempt_log()
    assert log.held[log.device == 0].tolist() == [0, 3_000]
    assert log.held[log.device == 1].tolist() == [0, 3_000, 6_000]
    assert fleet.records().bytes.tolist() == [4_000, 7_000]

    broken = {"stage": Stage.DOWNLOAD, "p": 1.0, "reason": Reason.BUSY}
    rows = [{"devices": 200, "package_bytes": size} for size in (10, 10_000)]
    fleet = plane(make_spec([row | {"link_rate": 1e5} for row in rows], [broken], bandwidth=bandwidth))
    start(fleet)
    fleet.advance(DAY)
    assert fleet.records().bytes[:200].max() < 10
    assert 9_000 < fleet.records().bytes[200:].max() < 10_000
