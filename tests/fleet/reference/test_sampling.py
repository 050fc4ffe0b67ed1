"""Times, causes, windows and outages in plain Python: equal to the compiled ones to the last bit."""

import math

import numpy as np
import pytest
from fleet.make_spec import chooser, daily, make_spec
from hypothesis import given
from hypothesis import strategies as st

from sim.fleet import spec as fs
from sim.fleet.model import draws, network, purposes, sampling
from sim.fleet.reference import rates as plain_rates
from sim.fleet.reference.cohorts import cohorts_of
from sim.fleet.reference.draws import Draws
from sim.fleet.reference.sampling import Cause, PossibleCauses, StageTime, normal_quantile
from sim.rules import Reason, Stage

U = st.floats(2.0**-53, 1.0 - 2.0**-53)
POINTS = ([0.0, 0.2, 0.5, 1.0], [1.0, 2.0, 2.0, 90.0])


@given(u=U)
def test_normal_quantile__equals_the_compiled_one(u):
    """Not to a tolerance: a tick would differ now and then."""
    assert normal_quantile(u) == sampling.normal_quantile(u)


@pytest.mark.parametrize(
    "drawn",
    [
        7.25,
        (fs.EXPONENTIAL, 30.0),
        (fs.LOGNORMAL, 20.0, 0.7),
        (fs.UNIFORM, 3.0, 9.5),
        (fs.WEIBULL, 0.8, 40.0),
        (fs.EMPIRICAL, *POINTS),
    ],
)
@given(u=U)
def test_stage_time__equals_the_compiled_one(drawn, u):
    """Every distribution, at any uniform."""
    spec = make_spec([{"stages": {Stage.INSTALL: drawn}}])
    ticks = sampling.duration_ticks(spec.cohorts, 0, int(Stage.INSTALL), u)
    assert cohorts_of(spec)[0].times[Stage.INSTALL].ticks(u) == ticks


def test_stage_time__beyond_all_bounds_is_bounded():
    """What IEEE arithmetic calls infinite is the longest time, not an error."""
    assert StageTime(fs.WEIBULL, 1e-3, 1.0).ticks(1e-9) == 2**60
    assert StageTime(fs.EXPONENTIAL, 1e300, 0.0).ticks(0.1) == 2**60


@given(u=U, z=st.floats(-4.0, 4.0), p=st.lists(st.sampled_from([0.0, 0.1, 0.3, 0.5]), min_size=1, max_size=3))
def test_possible_causes__pick_what_compiled_code_picks(u, z, p):
    """The same cause or none, for devices that fail more and less often than the median one."""
    if sum(p) > 1.0:
        p = [each / 2 for each in p]
    reasons = [Reason.BUSY, Reason.CHECK_FAIL, Reason.LOW_POWER]
    causes = [
        {"stage": Stage.QUERY, "p": each, "reason": reason} for each, reason in zip(p, reasons, strict=False)
    ]
    spec = make_spec(causes=causes)
    row = chooser(spec, Stage.QUERY)(1.2 * z, u)
    cause = cohorts_of(spec)[0].causes[Stage.QUERY].pick(u, math.exp(1.2 * z))
    assert cause == (None if row == sampling.NO_CAUSE else Cause(int(spec.causes.reason[row])))


def test_possible_causes__are_none_when_nothing_can_fail():
    """A stage without causes, or with causes of probability 0, is not asked."""
    assert not PossibleCauses([], [])
    assert not PossibleCauses([Cause(1)], [0.0])
    assert PossibleCauses([Cause(1)], [0.1])


def test_mark__equals_the_compiled_one():
    """The first mark of the earliest stage stops a device, whichever others it has."""
    causes = [
        {"stage": Stage.INSTALL, "permanent": 0.4, "reason": Reason.INSTALL_FAIL},
        {"stage": Stage.QUERY, "permanent": 0.2, "reason": Reason.BUSY},
        {"stage": Stage.QUERY, "permanent": 0.3, "reason": Reason.LOW_POWER},
        {"stage": Stage.REBOOT, "p": 0.1, "reason": Reason.CHECK_FAIL},
    ]
    spec = make_spec([{"devices": 300}, {"devices": 1500}], causes)
    luck, cohorts = Draws(spec), cohorts_of(spec)
    for device in range(1800):
        c = int(spec.cohort[device])
        row, _ = sampling.permanent_causes(spec, device, device, c)
        mark = cohorts[c].mark_of(luck.of_device(device))
        expected = None if row == sampling.NO_CAUSE else int(spec.causes.reason[row])
        assert (None if mark is None else mark.cause.reason) == expected


@given(tick=st.integers(0, 3 * 86_400 * 10**6))
def test_reached_tick__equals_the_compiled_one(tick):
    """Window over midnight and outages, one right after the other, together."""
    away = [(3_000.0, 9_000.0, 0), (9_000.0, 90_000.0, 0), (100_000.0, 172_900.0, 0)]
    spec = make_spec([{"contact": daily(10_000.0, 18_400.0, days=3)}], away=away)
    assert cohorts_of(spec)[0].reached_tick(tick) == sampling.reached_tick(spec, 0, tick)


def test_draws__are_the_keyed_ones():
    """First attempts are drawn with the neighbours, later ones alone; both by the same key."""
    spec = make_spec([{"devices": 1100}], seed=5)
    luck, key = Draws(spec), (spec.platform.seed, spec.platform.replication)
    for device in (0, 1, 1023, 1024, 1099):
        for number in (1, 2, 7):
            drawn = luck.of_attempt(device, number)
            for purpose in (purposes.P_REBOOT_CAUSE, purposes.P_JITTER):
                assert drawn[purpose] == draws.uniform(*key, device, number, purpose)
        assert luck.of_device(device)[purposes.D_SPREAD] == draws.uniform(*key, device, 0, purposes.D_SPREAD)


@given(
    bandwidth=st.sampled_from([0.0, 1.0, 7.3, 100.0, math.inf]),
    cohorts=st.lists(
        st.tuples(st.sampled_from([0.0, 0.7, 1.3, 1.3, 5.0, math.inf]), st.integers(0, 9)),
        min_size=1,
        max_size=5,
    ),
)
def test_fair_shares__equal_the_compiled_ones(bandwidth, cohorts):
    """The same numbers, not only the same shares: ties of the planes hang on them."""
    caps, active = [cap for cap, _ in cohorts], [n for _, n in cohorts]
    rates = np.zeros(len(caps))
    network.fair_shares(bandwidth, np.array(caps), np.array(active, np.int64), rates)
    assert plain_rates.fair_shares(bandwidth, caps, active) == rates.tolist()


@given(
    clock=st.floats(0.0, 1e9),
    rate=st.sampled_from([0.0, 1e-9, 0.3, 1e5, math.inf]),
    left=st.sampled_from([-1.0, 0.0, 1e-3, 7.0, 1e6, 1e9]),
    since=st.integers(0, 10**12),
)
def test_virtual_clock__equals_the_compiled_one(clock, rate, left, since):
    """When it gets where, and what has come by then."""
    finish = plain_rates.finish_tick(since, clock, rate, clock + left)
    assert finish == network.finish_tick(since, clock, rate, clock + left)
    now = plain_rates.clock_at(clock, rate, since)
    assert now == network.clock_at(clock, rate, since)
    if math.isfinite(now):
        assert plain_rates.bytes_received(clock, now, 10**6) == network.bytes_received(clock, now, 10**6)
