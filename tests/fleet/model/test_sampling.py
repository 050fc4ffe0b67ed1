"""What uniforms decide, against SciPy, counting, and brute force."""

import math
from itertools import pairwise

import numpy as np
import pytest
from fleet.make_spec import chooser, daily, make_spec
from hypothesis import example, given
from hypothesis import strategies as st
from scipy import integrate, special, stats

from sim.fleet import spec as fs
from sim.fleet.compiled import CompiledFleet
from sim.fleet.model.draws import uniform
from sim.fleet.model.purposes import D_COVERAGE, D_PERMANENT, D_SPREAD, P_QUERY_TIME
from sim.fleet.model.sampling import (
    NO_CAUSE,
    duration_ticks,
    fraction_ticks,
    level_of,
    normal_quantile,
    outage_risk,
    permanent_causes,
    reached_tick,
    ticks_of,
)
from sim.rules import Stage

MINUTE = 60 * fs.TICKS_PER_S
SECOND = fs.TICKS_PER_S
OPEN_UNIT = st.floats(0.0, 1.0, exclude_min=True, exclude_max=True)


def draw(spec: fs.FleetSpec, device: int, attempt: int, purpose: int) -> float:
    """Return a keyed draw of the fleet."""
    return uniform(spec.platform.seed, spec.platform.replication, device, attempt, purpose)


def tendency(spec: fs.FleetSpec, device: int) -> float:
    """Return a device's tendency to fail, standard normal."""
    return normal_quantile(draw(spec, device, 0, D_SPREAD))


def permanent_cause(spec: fs.FleetSpec, device: int, c: int) -> int:
    """Return the row of the mark that stops a device in every attempt, or NO_CAUSE."""
    return permanent_causes(spec, device, device, c)[0]


def binomial_slack(n: int, p: float) -> float:
    """Return four standard deviations of a share of n: it is passed once in 16,000 fixed seeds."""
    return 4.0 * math.sqrt(p * (1.0 - p) / n)


# --- distributions --------------------------------------------------------------------------------


@given(u=OPEN_UNIT)
@example(u=5e-324)
@example(u=1.0 - 2.0**-53)
@example(u=0.5)
def test_normal_quantile__equals_scipy(u):
    """The quantile is SciPy's to 14 digits, far into both tails."""
    assert normal_quantile(u) == pytest.approx(special.ndtri(u), rel=1e-14, abs=1e-15)


@pytest.mark.parametrize(
    ("duration", "frozen"),
    [
        ((fs.EXPONENTIAL, 10.0), stats.expon(scale=10.0)),
        ((fs.LOGNORMAL, 2.0, 0.5), stats.lognorm(0.5, scale=2.0)),
        ((fs.UNIFORM, 20.0, 60.0), stats.uniform(20.0, 40.0)),
        ((fs.WEIBULL, 1.7, 30.0), stats.weibull_min(1.7, scale=30.0)),
        ((fs.EMPIRICAL, [0.0, 1.0], [5.0, 9.0]), stats.uniform(5.0, 4.0)),
    ],
    ids=["exponential", "lognormal", "uniform", "weibull", "empirical"],
)
def test_duration_ticks__has_its_distribution(duration, frozen):
    """Drawn times fit the named distribution (KS over 5,000 devices, p above 0.1 %, fixed seed)."""
    spec = make_spec([{"stages": {Stage.QUERY: duration}}])
    times = [
        duration_ticks(spec.cohorts, 0, int(Stage.QUERY), draw(spec, device, 1, P_QUERY_TIME)) / SECOND
        for device in range(5000)
    ]
    assert stats.kstest(times, frozen.cdf).pvalue > 1e-3


def test_duration_ticks__constant_needs_no_luck():
    """A constant is itself whatever the draw."""
    spec = make_spec([{"stages": {Stage.INSTALL: 90.0}}])
    assert {duration_ticks(spec.cohorts, 0, int(Stage.INSTALL), u) for u in (1e-9, 0.5, 0.999)} == {
        90 * SECOND
    }


@given(u=OPEN_UNIT)
def test_duration_ticks__interpolates_empirical_points(u):
    """Between measured quantiles the time is on the straight line, as np.interp has it."""
    p, seconds = [0.0, 0.5, 0.9, 1.0], [1.0, 4.0, 30.0, 300.0]
    stages = {Stage.QUERY: (fs.EMPIRICAL, [0.0, 1.0], [7.0, 7.0]), Stage.VERIFY: (fs.EMPIRICAL, p, seconds)}
    spec = make_spec([{"stages": stages}])
    ticks = duration_ticks(spec.cohorts, 0, int(Stage.VERIFY), u)
    assert ticks == pytest.approx(np.interp(u, p, seconds) * SECOND, abs=0.51)


@given(seconds=st.floats(0.0, 1e9))
def test_ticks_of__is_the_nearest_tick(seconds):
    """A time is off by half a tick at most."""
    assert abs(ticks_of(seconds) - seconds * SECOND) <= 0.5


def test_ticks_of__is_bounded():
    """An absurd time stays far enough from the end of int64 for sums of several."""
    assert 4 * ticks_of(1e300) < 2**63


@given(u=OPEN_UNIT, ticks=st.integers(0, 10**12))
def test_fraction_ticks__stays_within_the_stage(u, ticks):
    """A stage fails between its beginning and its end."""
    assert 0 <= fraction_ticks(u, ticks) <= ticks


# --- failures -------------------------------------------------------------------------------------

THREE = [
    {"stage": Stage.VERIFY, "p": 0.02, "reason": 7},
    {"stage": Stage.VERIFY, "p": 0.05, "reason": 9},
    {"stage": Stage.VERIFY, "p": 0.03, "silent": True},
    {"stage": Stage.REBOOT, "p": 1.0, "reason": 255},
]


@pytest.mark.parametrize(
    ("u", "row"),
    [(0.001, 0), (0.0199, 0), (0.0201, 1), (0.0699, 1), (0.0701, 2), (0.0999, 2), (0.1001, NO_CAUSE)],
)
def test_choose_cause__lays_causes_side_by_side(u, row):
    """Causes of a stage exclude each other: each owns an interval as long as its probability."""
    assert chooser(make_spec(causes=THREE), Stage.VERIFY)(0.0, u) == row


def test_choose_cause__certain_and_impossible():
    """Probability 1 always fails, a stage without causes never, spread or not."""
    spec = make_spec(causes=THREE)
    reboot, query = chooser(spec, Stage.REBOOT), chooser(spec, Stage.QUERY)
    for u in (1e-12, 0.5, 1.0 - 1e-12):
        for tendency in (0.0, -3.0 * 1.2):
            assert reboot(tendency, u) == 3
            assert query(tendency, u) == NO_CAUSE


@given(z=st.floats(-4.0, 4.0), sigma=st.floats(0.05, 2.0))
def test_choose_cause__spread_keeps_proportions(z, sigma):
    """A device's tendency scales all causes of a stage alike, to a logistic total."""
    choose = chooser(make_spec(causes=THREE), Stage.VERIFY)
    total = special.expit(special.logit(0.1) + sigma * z)
    for edge, rows in ((0.2, (0, 1)), (0.7, (1, 2)), (1.0, (2, NO_CAUSE))):
        below, above = total * edge * (1.0 - 1e-9), min(total * edge * (1.0 + 1e-9), 1.0 - 1e-16)
        assert choose(sigma * z, below) == rows[0]
        assert choose(sigma * z, above) == rows[1]


def test_choose_cause__spread_raises_the_mean():
    """10 % for the median device is 14.7 % on average at sigma = 1.2, by quadrature and by draws."""
    mean, _ = integrate.quad(
        lambda z: special.expit(special.logit(0.1) + 1.2 * z) * stats.norm.pdf(z), -10.0, 10.0
    )
    assert mean == pytest.approx(0.147, abs=5e-4)
    spec, n = make_spec(causes=THREE), 20_000
    choose = chooser(spec, Stage.VERIFY)
    failed = sum(
        choose(1.2 * tendency(spec, device), draw(spec, device, 1, 7)) != NO_CAUSE for device in range(n)
    )
    assert failed / n == pytest.approx(mean, abs=binomial_slack(n, mean))


def test_tendency__is_standard_normal():
    """Tendencies of a fleet fit the standard normal (KS over 5,000 devices, p above 0.1 %)."""
    spec = make_spec()
    assert stats.kstest([tendency(spec, device) for device in range(5000)], "norm").pvalue > 1e-3


def test_permanent_cause__has_its_share():
    """The share of marked devices is the stated one, each cause with a draw of its own."""
    causes = [
        {"stage": Stage.INSTALL, "permanent": 0.2, "reason": 10},
        {"stage": Stage.QUERY, "p": 0.5},
        {"stage": Stage.QUERY, "permanent": 0.1, "reason": 1},
    ]
    spec, n = make_spec(causes=causes), 20_000
    rows = [permanent_cause(spec, device, 0) for device in range(n)]
    assert rows.count(1) / n == pytest.approx(0.1, abs=binomial_slack(n, 0.1))
    assert rows.count(2) / n == pytest.approx(0.9 * 0.2, abs=binomial_slack(n, 0.18))
    assert set(rows) == {1, 2, NO_CAUSE}


def test_permanent_cause__first_of_the_earliest_stage_acts():
    """Of several marks the first in the list of the earliest stage counts, keyed within the cohort."""
    causes = [
        {"stage": Stage.REBOOT, "permanent": 1.0},
        {"stage": Stage.VERIFY, "permanent": 0.5},
        {"stage": Stage.VERIFY, "permanent": 1.0},
    ]
    spec = make_spec([{}, {}], causes)
    for device in range(50):
        first = draw(spec, device, 0, D_PERMANENT) < 0.5
        assert permanent_cause(spec, device, 0) == (0 if first else 1)
        assert permanent_cause(spec, device, 1) == (3 if first else 4)


def test_permanent_causes__of_two_devices_are_those_of_each():
    """Marks that are drawn together are what each device has alone, and what its draws say."""
    causes = [{"stage": Stage.VERIFY, "permanent": 0.05}] * 11
    spec = make_spec([{}, {}], causes)
    for device in range(0, 60, 2):
        marks = [permanent_cause(spec, device, 1), permanent_cause(spec, device + 1, 1)]
        assert list(permanent_causes(spec, device, device + 1, 1)) == marks
        drawn = [draw(spec, device, 0, D_PERMANENT + k) < 0.05 for k in range(11)]
        assert marks[0] == (11 + drawn.index(True) if any(drawn) else NO_CAUSE)


def test_is_current__has_its_share():
    """The share of devices that run the version already is the stated one."""
    n = 10_000
    spec = make_spec([{"devices": n, "already_current": 0.3}, {"devices": 100}])
    current = CompiledFleet(spec)._st.work["current"]
    assert current[:n].mean() == pytest.approx(0.3, abs=binomial_slack(n, 0.3))
    assert not current[n:].any()


def test_level_of__has_its_shares():
    """Coverage levels come with the stated shares."""
    spec, n = make_spec([{"coverage_share": (0.8, 0.15, 0.05)}]), 10_000
    drawn = [draw(spec, device, 0, D_COVERAGE) for device in range(n)]
    levels = np.bincount([level_of(spec.cohorts, 0, u) for u in drawn], minlength=3) / n
    for level, share in enumerate((0.8, 0.15, 0.05)):
        assert levels[level] == pytest.approx(share, abs=binomial_slack(n, share))


def test_outage_risk__is_half_open():
    """A risk holds from its first tick up to its last one, the latter excluded."""
    spec = make_spec([{}, {}], risks=[{"cohort": 1, "from_s": 1.0, "to_s": 2.0}])
    ticks = (SECOND - 1, SECOND, 2 * SECOND - 1, 2 * SECOND)
    assert [outage_risk(spec.outages, 1, tick) for tick in ticks] == [NO_CAUSE, 0, 0, NO_CAUSE]
    assert outage_risk(spec.outages, 0, SECOND) == NO_CAUSE


# --- windows and outages --------------------------------------------------------------------------


@given(
    window=st.none() | st.tuples(st.integers(0, 1439), st.integers(0, 1439)).filter(lambda w: w[0] != w[1]),
    day_start=st.integers(0, 1439),
    edges=st.lists(st.integers(0, 4000), max_size=8, unique=True).map(sorted),
    tick=st.integers(0, 4200),
)
def test_reached_tick__equals_trying_every_minute(window, day_start, edges, tick):
    """The tick is the first one that is in the window and in no outage, as found minute by minute."""
    away = list(pairwise(edges))[::2]
    opens = () if window is None else daily(window[0] * 60, window[1] * 60, day_start=day_start * 60)
    spec = make_spec(
        [{"contact": opens}],
        away=[(begin * 60, end * 60, 0) for begin, end in away],
    )

    def is_reached(minute: int) -> bool:
        clock = (minute + day_start) % 1440
        if window is None:
            is_open = True
        elif window[0] < window[1]:
            is_open = window[0] <= clock < window[1]
        else:
            is_open = clock >= window[0] or clock < window[1]
        return is_open and not any(begin <= minute < end for begin, end in away)

    first = next(minute for minute in range(tick, 10_000) if is_reached(minute))
    assert reached_tick(spec, 0, tick * MINUTE) == first * MINUTE


def test_reached_tick__keeps_ticks_within_an_open_minute():
    """Nothing is rounded: a contact inside an open window happens where it is."""
    spec = make_spec([{"contact": [(60.0, 120.0)]}])
    assert [reached_tick(spec, 0, tick) for tick in (MINUTE - 1, MINUTE + 7, 2 * MINUTE - 1)] == [
        MINUTE,
        MINUTE + 7,
        2 * MINUTE - 1,
    ]
