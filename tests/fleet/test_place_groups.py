"""Places of sites: so many devices of a site are upgraded at a time, as in a radio cell."""

import numpy as np
import pytest
from fleet.make_spec import make_spec, start

from sim.fleet import spec as fs
from sim.fleet.compiled import CompiledFleet
from sim.fleet.reference import SimpyFleet
from sim.rules import Protocol, Stage, SubtaskState

S = fs.TICKS_PER_S
PLANES = [CompiledFleet, SimpyFleet]


def played(plane, spec, policy=None, until_s=1e6):
    """Return the attempt log of a fleet after one task of all its devices."""
    fleet = plane(spec, log_attempts=True)
    start(fleet, policy)
    fleet.advance(fs.to_ticks(until_s))
    fleet.close()
    return fleet.attempt_log()


def most_at_once(log, devices):
    """Return the most attempts of some devices that were under way at a time."""
    is_theirs = np.isin(log.device, devices)
    edges = [(end, -1) for end in log.end[is_theirs]] + [(begin, 1) for begin in log.start[is_theirs]]
    return max(np.cumsum([step for _, step in sorted(edges)]))


@pytest.mark.parametrize("plane", PLANES)
def test_places__one_at_a_time_in_sites_of_sixteen_take_sixteen_rounds(plane):
    """200 devices that install for 270 s, one at a time at a site: 4,320 s; the last site is smaller."""
    spec = make_spec([{"devices": 200, "site_devices": 16, "at_a_time": 1, "stages": {Stage.INSTALL: 270.0}}])
    log = played(plane, spec)
    assert log.end.max() == 4_320 * S
    assert log.end[log.device >= 192].max() == 8 * 270 * S
    assert all(most_at_once(log, range(16 * k, 16 * k + 16)) == 1 for k in range(12))


@pytest.mark.parametrize("plane", PLANES)
def test_places__are_given_to_the_first_that_waits_whatever_its_cohort(plane):
    """A site of two cohorts has its places for both; a device elsewhere waits for nobody."""
    cohorts = [
        {"devices": 3, "stages": {Stage.INSTALL: 10.0}},
        {"devices": 3, "stages": {Stage.INSTALL: 20.0}},
    ]
    spec = make_spec(
        cohorts, site_of=[0, 0, -1, 0, 0, 1], sites=[(float("inf"), 2), (float("inf"), fs.NEVER)]
    )
    log = played(plane, spec)
    ends = dict(zip(log.device.tolist(), (log.end // S).tolist(), strict=True))
    assert ends == {0: 10, 1: 10, 2: 10, 3: 30, 4: 30, 5: 20}


@pytest.mark.parametrize("plane", PLANES)
def test_places__of_cells_and_of_sites_do_not_mix(plane):
    """Radio cells come first and sites after them; each has its own limit."""
    cell = {"devices": 4, "protocol": Protocol.LWM2M, "cell_devices": 2, "stages": {Stage.INSTALL: 10.0}}
    site = {"devices": 6, "site_devices": 3, "at_a_time": 2, "stages": {Stage.INSTALL: 10.0}}
    log = played(plane, make_spec([cell, site], cell_places=(1, 1, 1)))
    ends = (log.end // S)[np.argsort(log.device)].tolist()
    assert ends == [10, 20, 10, 20, 10, 10, 20, 10, 10, 20]


@pytest.mark.parametrize("plane", PLANES)
def test_places__are_given_back_by_who_is_stopped_and_taken_again_by_who_is_retried(plane):
    """A stopped device lets the next one begin at once; whoever waits for its retry holds no place."""
    spec = make_spec([{"devices": 3, "site_devices": 3, "at_a_time": 1, "stages": {Stage.INSTALL: 100.0}}])
    fleet = plane(spec)
    start(fleet)
    fleet.advance(30 * S)
    fleet.stop(np.array([0, 1], np.int32))
    fleet.advance(40 * S)
    assert fleet.records().status.tolist() == [
        SubtaskState.STOPPED,
        SubtaskState.STOPPED,
        SubtaskState.PROCESSING,
    ]
    fleet.retry(np.array([1], np.int32))
    fleet.advance(1_000 * S)
    assert fleet.records().end.tolist() == [30 * S, 230 * S, 130 * S]
