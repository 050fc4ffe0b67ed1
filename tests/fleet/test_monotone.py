"""More of something, under the same draws: never worse where theory says so, and worse where it does not.

Each example compares two fleets that differ in one number. Draws are keyed by device and attempt, so both
see the same draws.
"""

from collections.abc import Callable
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
PLANES = pytest.mark.parametrize("plane", [CompiledFleet, SimpyFleet])
SEEDS = st.integers(0, 2**32)

Plane = Callable[..., Fleet]

COHORTS = [
    {
        "devices": 25,
        "link_rate": 3e4,
        "link": link(0.7, 500.0),
        "stages": {Stage.INSTALL: (fs.EXPONENTIAL, 60.0)},
    },
    {"devices": 15, "link_rate": 2e5, "spread": 1.0, "stages": {Stage.QUERY: (fs.UNIFORM, 0.0, 90.0)}},
]
"""Two unlike cohorts that no timer of the platform troubles."""

NO_RETRY = fs.RetryPolicy()


def done_ticks(plane: Plane, spec: fs.FleetSpec, policy: fs.RetryPolicy) -> np.ndarray:
    """Return when each device succeeded, NEVER if it did not; (n,) int64."""
    fleet = plane(spec)
    start(fleet, policy)
    fleet.advance(20 * 86_400 * S)
    records = fleet.records()
    return np.where(records.status == SubtaskState.SUCCESS, records.end, fs.NEVER)


def compare(
    plane: Plane, less: dict[str, Any], more: dict[str, Any], *policies: fs.RetryPolicy, **common: Any
) -> tuple[np.ndarray, np.ndarray]:
    """Return when devices succeed with less of something and with more of it."""
    first, last = (policies or (NO_RETRY,))[0], (policies or (NO_RETRY,))[-1]
    with_less = done_ticks(plane, make_spec(COHORTS, **common, **less), first)
    return with_less, done_ticks(plane, make_spec(COHORTS, **common, **more), last)


# --- where theory says so ---------------------------------------------------------------------------


@PLANES
@settings(max_examples=25)
@given(seed=SEEDS, count=st.integers(0, 4), more=st.integers(1, 3))
def test_more_retries__never_hurt_where_nothing_is_shared(plane, seed, count, more):
    """Attempts of one device don't touch another's: whoever succeeded still does, at the same tick."""
    causes = [{"stage": Stage.INSTALL, "p": 0.4}, {"stage": Stage.QUERY, "p": 0.2, "permanent": 0.1}]
    few, many = (fs.RetryPolicy(n, 60 * S if n else 0) for n in (count, min(count + more, 5)))
    without, with_more = compare(plane, {}, {}, few, many, causes=causes, seed=seed)

    succeeded = without < fs.NEVER
    assert (with_more[succeeded] == without[succeeded]).all()


@PLANES
@settings(max_examples=25)
@given(seed=SEEDS, places=st.integers(1, 12), more=st.integers(1, 12))
def test_more_processing_places__start_nobody_later(plane, seed, places, more):
    """First come, first served: with another server each device starts no later, and takes as long.

    Source:
        Kiefer and Wolfowitz, "On the theory of queues with many servers" (1955): the recursion is monotone.
    """
    few, many = {"max_processing": places}, {"max_processing": places + more}
    without, with_more = compare(plane, few, many, seed=seed)

    assert (with_more <= without).all()


@PLANES
@settings(max_examples=25)
@given(seed=SEEDS, places=st.integers(1, 6), more=st.integers(1, 12))
def test_more_download_places__end_nobody_later_on_links_of_their_own(plane, seed, places, more):
    """The same for download places, as long as downloads share nothing but these."""
    without, with_more = compare(
        plane, {"max_downloads": places}, {"max_downloads": places + more}, seed=seed
    )

    assert (with_more <= without).all()


@PLANES
@settings(max_examples=25)
@given(
    seed=SEEDS,
    bandwidth=st.sampled_from([5e4, 2e5, 1e6]),
    factor=st.sampled_from([1.1, 2.0, 50.0]),
    away=st.sampled_from([[], [(100.0, 400.0, 0)]]),
)
def test_more_bandwidth__ends_no_download_later(plane, seed, bandwidth, factor, away):
    """A wider egress never has a download behind where it was: the water level only rises, by induction.

    Each end is rounded up to the tick, and passes on less than a tick to every later one.
    """
    without, with_more = compare(
        plane, {"bandwidth": bandwidth}, {"bandwidth": factor * bandwidth}, away=away, seed=seed
    )

    assert (with_more <= without + len(without)).all()


@PLANES
@settings(max_examples=25)
@given(seed=SEEDS, begins=st.integers(0, 1_000), lasts=st.integers(1, 3_000))
def test_an_outage_less__ends_nobody_later(plane, seed, begins, lasts):
    """Without an outage of the devices' own network each of them is done no later."""
    outage = {"away": [(float(begins), float(begins + lasts), None)]}
    without, with_more = compare(plane, outage, {}, seed=seed)

    assert (with_more <= without).all()


# --- where it does not --------------------------------------------------------------------------------


def retry_wave(plane: Plane, retries: int) -> Fleet:
    """Run 400 devices that can't all make their timer, and 100 that come when the others have given up.

    All have the same 100 kB/s. 400 MB take 4,000 s and the timer gives 3,600 s, so that the crowd fails as
    one, and returns as one five minutes later, as often as it may. The others begin at two hours.
    """
    lwm2m = {"protocol": Protocol.LWM2M, "link_rate": 1e5}
    late = {"contact": daily(7_200.0, 0.0)}
    cohorts = [{**lwm2m, "devices": 400}, {**lwm2m, **late, "devices": 100}]
    fleet = plane(make_spec(cohorts, bandwidth=1e5))
    start(fleet, fs.RetryPolicy(retries, 300 * S if retries else 0))
    fleet.advance(3 * 86_400 * S)
    return fleet


@PLANES
def test_more_retries__hurt_others_where_bandwidth_is_shared(plane):
    """A crowd that retries in step starves those who would succeed: they are later with each retry."""
    late = slice(400, 500)
    ends = {}
    for retries in (0, 1, 2, 5):
        records = retry_wave(plane, retries).records()
        assert set(records.reason[:400]) == {Reason.DOWNLOAD_TIMEOUT_PLATFORM}
        assert (records.status[late] == SubtaskState.SUCCESS).all()
        ends[retries] = int(records.end[late].max()) / S

    assert ends[0] == 7_200 + 1_000  # alone, 100 MB at 100 kB/s
    assert ends[0] < ends[1] < ends[2] < ends[5]
    # Six waves of 3,600 s, five waits of 300 s: only then is the link free.
    assert ends[5] > 6 * 3_600 + 5 * 300


@PLANES
def test_more_places__hurt_where_a_timer_runs(plane):
    """300 downloads over one link: 100 at a time all make the timer of an hour, all at once none does."""
    cohort = {"devices": 300, "protocol": Protocol.LWM2M}

    def succeeded(places: int) -> int:
        fleet = plane(make_spec([cohort], bandwidth=7e4, max_processing=places))
        start(fleet)
        fleet.advance(3 * 86_400 * S)
        return int((fleet.records().status == SubtaskState.SUCCESS).sum())

    assert [succeeded(places) for places in (1, 100, 250, 300)] == [300, 300, 300, 0]


@PLANES
def test_a_longer_interval__is_better_in_an_outage_and_worse_after_it(plane):
    """Waiting longer saves an attempt from the outage, and costs time if there is none."""
    causes = [{"stage": Stage.DOWNLOAD, "p": 0.1, "reason": Reason.SIGNAL_BAD}]
    risks = [{"from_s": 0.0, "to_s": 1_800.0, "p": 1.0}]

    def last_end(policy: fs.RetryPolicy, **outages: Any) -> int:
        return int(done_ticks(plane, make_spec([{"devices": 30}], causes, **outages), policy).max())

    short, long = fs.RetryPolicy(5, 60 * S), fs.RetryPolicy(5, 3_600 * S)
    assert last_end(short, risks=risks) == fs.NEVER
    assert last_end(long, risks=risks) < fs.NEVER
    assert last_end(short) < last_end(long)
