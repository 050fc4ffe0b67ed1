"""Sites: their devices share one line, and only so many of them are upgraded at a time."""

import numpy as np
import pytest
from fleet.make_spec import INF, make_spec, start
from fleet.planes import policies
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.fleet import spec as fs
from sim.fleet.compiled import CompiledFleet
from sim.fleet.reference import SimpyFleet
from sim.rules import Reason, Stage, SubtaskState

S = fs.TICKS_PER_S
DAY = 86_400 * S
MB = 1_000_000
PLANES = pytest.mark.parametrize("plane", [SimpyFleet, CompiledFleet])


def played(plane, spec, policy=None, days=10):
    """Return a fleet after one task of all its devices."""
    fleet = plane(spec, log_attempts=True)
    start(fleet, policy)
    fleet.advance(days * DAY)
    fleet.close()
    return fleet


def ends_s(fleet):
    """Return when each device's subtask ended, in seconds."""
    return (fleet.records().end / S).tolist()


# --- lines ----------------------------------------------------------------------------------------


@PLANES
@pytest.mark.parametrize(("bandwidth", "seconds"), [(INF, 4_000.0), (50e6 / 8, 8_000.0)])
def test_line__fifty_devices_load_as_fast_as_it_lets_them(plane, bandwidth, seconds):
    """Ten sites of 50 devices at 10 Mbit/s, 100 MB each: 4,000 s; 8,000 s if the egress has half as much."""
    cohort = {"devices": 500, "site_devices": 50, "uplink": 10e6 / 8}
    fleet = played(plane, make_spec([cohort], package_bytes=100 * MB, bandwidth=bandwidth))

    assert set(ends_s(fleet)) == {seconds}
    assert fleet.totals().peak_bandwidth == min(10 * 10e6 / 8, bandwidth)
    assert fleet.totals().peak_downloads == 500


@PLANES
def test_line__of_the_last_site_is_shared_by_the_rest(plane):
    """Seven devices in sites of three: the seventh has a line for itself."""
    cohort = {"devices": 7, "site_devices": 3, "uplink": 3e5}
    fleet = played(plane, make_spec([cohort]))
    assert ends_s(fleet) == pytest.approx([10.0] * 6 + [10 / 3])


@PLANES
def test_line__is_shared_by_the_cohorts_of_a_site(plane):
    """A slow device leaves the others more; who is at no site, or at an idle one, has its own link alone."""
    cohorts = [{"devices": 2, "link_rate": 1e5}, {"devices": 3, "link_rate": 1e6}]
    spec = make_spec(cohorts, site_of=[0, -1, 0, 0, 1], sites=[(5e5, fs.NEVER), (1e7, fs.NEVER)])
    assert ends_s(played(plane, spec)) == [10.0, 10.0, 5.0, 5.0, 1.0]


@PLANES
def test_line__is_left_to_others_by_who_is_done_paused_or_stopped(plane):
    """100 kB each at 12 kB/s: in three for 4 s, in two for 4 s, alone for 4 s, in two for 2 s, alone."""
    paused = {"link": {"every": 1000.0, "for": 996.0, "phase": 12.0}, "during_upgrade": fs.PAUSES}
    spec = make_spec(
        [{"devices": 2}, paused], site_of=[0, 0, 0], sites=[(12e3, fs.NEVER)], package_bytes=100_000
    )
    fleet = plane(spec)
    start(fleet)
    fleet.advance(4 * S)
    fleet.stop(np.array([1], np.int32))
    fleet.advance(10 * S)
    assert fleet.records().bytes[1] == 16_000
    assert fleet.curves().downloads.tolist() == [3]
    fleet.advance(DAY)
    assert ends_s(fleet) == [14.0, 4.0, 18.0]


@PLANES
def test_line__outages_and_the_egress_act_on_what_it_leaves(plane):
    """A cohort that is away leaves its site's line to the other; a thin egress is shared by all sites."""
    cohorts = [{"devices": 2}, {"devices": 1}]
    spec = make_spec(
        cohorts,
        site_of=[0, 1, 0],
        sites=[(1e5, fs.NEVER), (1e5, fs.NEVER)],
        away=[(4.0, 8.0, 0)],
        bandwidth_changes=[(12.0, 12e4)],
        package_bytes=MB,
    )
    # In kB/s: 50, 100, 50 for 4 s; 0, 0, 100 for 4 s; 50, 100, 50 for 4 s; 40 each for 5 s; 100 for one.
    assert ends_s(played(plane, spec)) == [21.0, 17.0, 17.0]


@PLANES
def test_line__of_some_makes_others_of_their_cohort_no_slower(plane):
    """Devices without any limit load at once and take no place; those behind a line take time and places."""
    spec = make_spec(
        [{"devices": 4}],
        site_of=[-1, 0, 1, 0],
        sites=[(1e5, fs.NEVER), (INF, fs.NEVER)],
        max_downloads=1,
    )
    fleet = played(plane, spec)
    assert ends_s(fleet) == [0.0, 10.0, 0.0, 20.0]
    assert fleet.totals().peak_downloads == 1
    assert fleet.records().bytes.tolist() == [MB] * 4


random_cohort = st.fixed_dictionaries(
    {
        "devices": st.integers(1, 12),
        "link_rate": st.sampled_from([2e4, 1e5, 1e6]),
        "package_bytes": st.sampled_from([999, 100_000, MB]),
        "stages": st.fixed_dictionaries(
            {
                Stage.QUERY: st.sampled_from([0.0, 5.0, (fs.EXPONENTIAL, 20.0)]),
                Stage.INSTALL: st.sampled_from([0.0, (fs.LOGNORMAL, 30.0, 1.0)]),
            }
        ),
        "resume": st.booleans(),
    }
)
BREAKS = [
    {"stage": Stage.DOWNLOAD, "p": 0.2, "reason": Reason.SIGNAL_BAD},
    {"stage": Stage.DOWNLOAD, "rate": 0.01, "reason": Reason.BUSY},
]


def nearly_the_same(one, other):
    """Assert that two fleets came to the same, but for float noise in when downloads end."""
    for name in ("status", "reason", "attempts"):
        np.testing.assert_array_equal(getattr(one.records(), name), getattr(other.records(), name))
    assert np.abs(one.records().end - other.records().end).max() <= 3
    assert np.abs(one.records().bytes - other.records().bytes).max() <= 3
    np.testing.assert_allclose(one.curves().bandwidth, other.curves().bandwidth, rtol=1e-9)


@PLANES
@settings(max_examples=40)
@given(cohorts=st.lists(random_cohort, min_size=1, max_size=3), uplink=st.sampled_from([2e4, 1.5e5]))
def test_line__with_everybody_behind_it_is_a_shared_egress(plane, cohorts, uplink):
    """One site with the whole fleet, and a platform with as much bandwidth: the same, device by device."""
    n = sum(cohort["devices"] for cohort in cohorts)
    more = {"max_downloads": 5, "seed": n}
    one_site = make_spec(cohorts, BREAKS, site_of=[0] * n, sites=[(uplink, fs.NEVER)], **more)
    policy = fs.RetryPolicy(retry_count=2, retry_interval_ticks=60 * S)
    fleets = [
        played(plane, spec, policy)
        for spec in (one_site, make_spec(cohorts, BREAKS, bandwidth=uplink, **more))
    ]
    nearly_the_same(*fleets)


@PLANES
@settings(max_examples=40)
@given(
    cohorts=st.lists(random_cohort, min_size=1, max_size=3),
    uplink=st.sampled_from([3e4, 5e5]),
    bandwidth=st.sampled_from([INF, 1e5]),
)
def test_line__of_a_single_device_is_its_link(plane, cohorts, uplink, bandwidth):
    """Sites of one device each: the same as links of the lower of both rates."""
    behind = [cohort | {"site_devices": 1, "uplink": uplink} for cohort in cohorts]
    slower = [cohort | {"link_rate": min(cohort["link_rate"], uplink)} for cohort in cohorts]
    policy = fs.RetryPolicy(retry_count=2, retry_interval_ticks=60 * S)
    specs = [
        make_spec(rows, BREAKS, bandwidth=bandwidth, bandwidth_changes=[(50.0, bandwidth / 2)], seed=7)
        for rows in (behind, slower)
    ]
    nearly_the_same(*[played(plane, spec, policy) for spec in specs])


@PLANES
def test_egress__that_nobody_reaches_changes_nothing(plane):
    """One byte/s less than all lines carry could be a limit, so all is worked out; who is served is the same.

    Of 40 devices with delays at four sites only eight load at a time, so the egress is never used up.
    """
    cohort = {"devices": 40, "site_devices": 10, "uplink": 1e5, "link_rate": 4e4}
    cohort["stages"] = {Stage.QUERY: (fs.EXPONENTIAL, 20.0), Stage.INSTALL: (fs.EXPONENTIAL, 30.0)}
    specs = [
        make_spec([cohort], package_bytes=MB, max_downloads=8, bandwidth=bandwidth)
        for bandwidth in (4e5, 4e5 - 1.0)
    ]
    assert [fs.has_egress_limit(spec) for spec in specs] == [False, True]
    free, limited = (played(plane, spec) for spec in specs)

    assert free.totals().peak_downloads == 8
    assert np.abs(free.records().end - limited.records().end).max() <= 1
    assert free.totals().peak_bandwidth == pytest.approx(limited.totals().peak_bandwidth)


@pytest.mark.parametrize(
    ("more", "is_limit"),
    [
        ({"bandwidth": INF}, False),
        ({"bandwidth": 35.0}, False),  # two lines of 10, one link of 15
        ({"bandwidth": 34.0}, True),
        ({"bandwidth": INF, "bandwidth_changes": [(60.0, 0.0)]}, True),
    ],
    ids=["none", "enough", "too little", "an outage"],
)
def test_egress__can_be_a_limit_if_lines_and_links_carry_more(more, is_limit):
    """Sites without devices, and those without a limit of their own, count by what their devices can take."""
    spec = make_spec(
        [{"devices": 4, "link_rate": 15.0}],
        site_of=[0, 0, 1, 2],
        sites=[(10.0, fs.NEVER), (10.0, fs.NEVER), (INF, fs.NEVER), (99.0, fs.NEVER)],
        **more,
    )
    assert fs.has_egress_limit(spec) is is_limit


# --- conservation ---------------------------------------------------------------------------------


def loading_ticks(log, devices):
    """Return for how long at least one of some devices was loading."""
    rows = np.flatnonzero(np.isin(log.device, devices) & (log.download_start >= 0))
    until = ticks = 0
    for row in sorted(rows, key=lambda row: log.download_start[row]):
        ticks += max(0, int(log.download_end[row]) - max(until, int(log.download_start[row])))
        until = max(until, int(log.download_end[row]))
    return ticks


@PLANES
@settings(max_examples=60)
@given(
    cohorts=st.lists(random_cohort, min_size=1, max_size=3),
    uplinks=st.lists(st.sampled_from([1e4, 7e4, 1e6]), min_size=1, max_size=4),
    bandwidth=st.sampled_from([INF, 5e4, 4e5]),
    policy=policies,
)
def test_bytes__of_a_site_are_no_more_than_its_line_lets_through(plane, cohorts, uplinks, bandwidth, policy):
    """In the time in which a site loads; exactly as many if nothing but the line limits its downloads."""
    n = sum(cohort["devices"] for cohort in cohorts)
    site_of = np.arange(n) % len(uplinks)
    sites = [(uplink, fs.NEVER) for uplink in uplinks]
    for rows, egress, is_backlogged in (
        (cohorts, bandwidth, False),
        ([cohort | {"link_rate": INF} for cohort in cohorts], INF, True),
    ):
        spec = make_spec(rows, BREAKS, site_of=site_of.tolist(), sites=sites, bandwidth=egress)
        log = played(plane, spec, policy).attempt_log()
        for site, uplink in enumerate(uplinks):
            devices = np.flatnonzero(site_of == site)
            received = int(log.bytes[np.isin(log.device, devices)].sum())
            n_attempts = int(np.isin(log.device, devices).sum())
            through = loading_ticks(log, devices) * uplink / S
            noise = n_attempts * (2 + 2 * uplink / S)  # whole bytes, and ends at whole ticks
            assert received <= through + noise
            if is_backlogged:
                assert received >= through - noise


# --- places ---------------------------------------------------------------------------------------


def most_at_once(log, devices):
    """Return the most attempts of some devices that were under way at a time."""
    is_theirs = np.isin(log.device, devices)
    edges = [(end, -1) for end in log.end[is_theirs]] + [(begin, 1) for begin in log.start[is_theirs]]
    return max(np.cumsum([step for _, step in sorted(edges)]), default=0)


@PLANES
@settings(max_examples=60)
@given(
    cohorts=st.lists(random_cohort, min_size=1, max_size=3),
    sites=st.lists(
        st.tuples(st.sampled_from([INF, 5e4]), st.sampled_from([1, 2, 5, fs.NEVER])), min_size=1, max_size=4
    ),
    policy=policies,
    max_processing=st.sampled_from([3, fs.NEVER]),
)
def test_places__of_a_site_are_never_taken_by_more(plane, cohorts, sites, policy, max_processing):
    """Whatever fails and is retried; and without other limits all places of a site are taken at first."""
    n = sum(cohort["devices"] for cohort in cohorts)
    site_of = np.arange(n) % (len(sites) + 1) - 1
    cohorts = [cohort | {"stages": {**cohort["stages"], Stage.QUERY: 1.0}} for cohort in cohorts]
    spec = make_spec(cohorts, BREAKS, site_of=site_of.tolist(), sites=sites, max_processing=max_processing)
    fleet = played(plane, spec, policy)
    log = fleet.attempt_log()
    for site, (_, places) in enumerate(sites):
        devices = np.flatnonzero(site_of == site)
        assert most_at_once(log, devices) <= places
        if max_processing == fs.NEVER:
            begin_at_once = (log.start == 0) & np.isin(log.device, devices)
            assert begin_at_once.sum() == min(len(devices), places)
    live = np.isin(fleet.records().status, [SubtaskState.WAITTING, SubtaskState.PROCESSING])
    assert not live.any()
