"""What theory says about sites that share lines, on all planes that have them, against exact fractions."""

from fractions import Fraction

import numpy as np
import pytest
from fleet.exact_trees import Flow, fill, links_of, play
from fleet.make_spec import INF, make_spec, start
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.fleet import spec as fs
from sim.fleet.compiled import CompiledFleet
from sim.fleet.reference import SimpyFleet
from sim.rules import Reason, Stage

MB = 1_000_000
PLANES = pytest.mark.parametrize("plane", [SimpyFleet, CompiledFleet])


def exact(rate):
    """Return a rate as a fraction, None for an unlimited one."""
    return None if rate == INF else Fraction(rate)


def rates_of(plane, caps, site_of, uplinks, egress):
    """Return bytes/s of downloads that begin together: what each has got after a second, to the byte."""
    cohorts = [{"link_rate": float(cap), "timers": {"upgrade": 1.0}} for cap in caps]
    sites = [(float(uplink), fs.NEVER) for uplink in uplinks]
    spec = make_spec(
        cohorts, site_of=site_of, sites=sites, bandwidth=float(egress), package_bytes=10_000 * MB
    )
    fleet = plane(spec)
    start(fleet)
    fleet.advance(fs.to_ticks(2.0))
    assert set(fleet.records().reason) == {Reason.DOWNLOAD_TIMEOUT_PLATFORM}
    assert fleet.totals().peak_bandwidth == pytest.approx(fleet.records().bytes.sum(), abs=len(caps))
    return fleet.records().bytes


# --- rates ----------------------------------------------------------------------------------------


@PLANES
@pytest.mark.parametrize(
    ("caps", "site_of", "uplinks", "egress", "rates"),
    [
        ((9, 9, 9), (0, 0, 1), (4, 4), 99, (2, 2, 4)),  # nobody misses the egress
        ((9, 9, 9), (0, 0, 1), (4, 4), 6, (2, 2, 2)),  # a thin egress makes all equal
        ((9, 9, 9), (0, 0, 1), (4, 4), 7, (2, 2, 3)),  # what one site can't take, the other one can
        ((1, 9, 9), (0, 0, 0), (10,), 99, (1, 4.5, 4.5)),  # within a site: what a slow one leaves
        ((1, 9, 9), (0, 0, -1), (10,), 99, (1, 9, 9)),  # at no site: its own link alone
        ((1, 9, 9), (0, 0, -1), (10,), 12, (1, 5.5, 5.5)),  # the egress binds the fast one of the site too
        ((INF, INF, 9), (0, 0, -1), (10,), INF, (5, 5, 9)),
        ((INF, INF, INF), (0, -1, -1), (1,), 9, (1, 4, 4)),  # only the egress binds those at none
        ((INF, INF), (0, 1), (INF, 3), 10, (7, 3)),  # a line without a limit
    ],
)
def test_rates__of_trees_made_by_hand(plane, caps, site_of, uplinks, egress, rates):
    """Hand-computed shares of downloads behind their links, their sites' lines and the platform's egress."""
    scale = [np.array(values) * float(MB) for values in (caps, uplinks)]
    got = rates_of(plane, scale[0], site_of, scale[1], egress * MB)
    np.testing.assert_allclose(got, np.array(rates) * MB, atol=1)


rate = st.sampled_from([1, 2, 3, 5, 7, 30]).map(lambda value: float(value * MB))
trees = st.integers(1, 4).flatmap(
    lambda n_sites: st.tuples(
        st.lists(st.tuples(rate, st.integers(-1, n_sites - 1)), min_size=1, max_size=8),
        st.lists(st.one_of(rate, st.just(INF)), min_size=n_sites, max_size=n_sites),
        st.one_of(rate, st.just(INF)),
    )
)


@PLANES
@settings(max_examples=60)
@given(tree=trees)
def test_rates__of_random_trees_are_max_min_fair(plane, tree):
    """Equal to filling all links alike; and each download has a full link on which none gets more."""
    devices, uplinks, egress = tree
    caps, site_of = zip(*devices, strict=True)
    flows = [Flow(Fraction(cap), site) for cap, site in devices]
    limits = [exact(uplink) for uplink in uplinks]
    expected = fill(flows, limits, exact(egress))

    got = rates_of(plane, caps, site_of, uplinks, egress)

    np.testing.assert_allclose(got, [float(value) for value in expected], atol=1)
    links = links_of(flows, limits, exact(egress)).values()
    assert all(sum(got[i] for i in on) <= capacity + len(on) for capacity, on in links)
    full = [on for capacity, on in links if on and sum(got[i] for i in on) >= capacity - 2 * len(on)]
    for i, own in enumerate(got):
        assert any(i in on and own >= max(got[k] for k in on) - 2 for on in full)


# --- ends -----------------------------------------------------------------------------------------

cohort = st.tuples(
    st.integers(0, 6),  # seconds until it begins to load
    st.integers(1, 4),  # devices
    st.sampled_from([20_000, 70_000, 300_000, 10**6]),  # bytes/s
    st.sampled_from([999, 250_000, 10**6]),  # bytes
)


@PLANES
@settings(max_examples=80)
@given(
    cohorts=st.lists(cohort, min_size=1, max_size=4),
    sites=st.lists(st.sampled_from([50_000, 50_000, 333_333, None]), min_size=1, max_size=3),
    pattern=st.lists(st.integers(-1, 2), min_size=1, max_size=16),
    egress=st.tuples(st.sampled_from([None, 60_000, 10**6]), st.sampled_from([None, 10_000, 400_000])),
    change_s=st.integers(1, 9),
)
def test_downloads__end_as_exact_filling_of_all_links_says(plane, cohorts, sites, pattern, egress, change_s):
    """Whatever arrives when, at whichever sites: each end is right to two ticks."""
    n = sum(row[1] for row in cohorts)
    site_of = [min(pattern[i % len(pattern)], len(sites) - 1) for i in range(n)]
    rows = [
        {"devices": n, "link_rate": cap, "stages": {Stage.QUERY: float(at)}, "package_bytes": size}
        for at, n, cap, size in cohorts
    ]
    before, after = (INF if value is None else float(value) for value in egress)
    spec = make_spec(
        rows,
        site_of=site_of,
        sites=[(INF if uplink is None else float(uplink), fs.NEVER) for uplink in sites],
        bandwidth=before,
        bandwidth_changes=[(float(change_s), after)],
    )
    flows = [
        Flow(Fraction(cap), site_of.pop(0), left=Fraction(size), arrival=Fraction(at))
        for at, n, cap, size in cohorts
        for _ in range(n)
    ]
    uplinks = [None if uplink is None else Fraction(uplink) for uplink in sites]
    play(flows, uplinks, [(Fraction(0), exact(before)), (Fraction(change_s), exact(after))])

    fleet = plane(spec)
    start(fleet)
    fleet.advance(fs.to_ticks(86_000.0))

    expected = np.array([round(flow.end * fs.TICKS_PER_S) for flow in flows])
    assert np.abs(fleet.records().end - expected).max() <= 2
