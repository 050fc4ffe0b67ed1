"""Aalen-Johansen against another program, and against what can be said without one."""

import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.duration.survfunc import CumIncidenceRight

from sim.results.recovery import CENSORED, COMPETING, RECOVERED, aalen_johansen, recovery_curve, thinned
from sim.rules import SubtaskState

SUCCESS, FAIL, STOPPED = SubtaskState.SUCCESS, SubtaskState.FAIL, SubtaskState.STOPPED
WAITING = SubtaskState.FAIL_WAIT_RETRY


def curve_of(times, outcomes):
    """Return the curve of lists."""
    return aalen_johansen(np.array(times, np.int64), np.array(outcomes, np.int8))


def value_at(curve, values, tick):
    """Return the value of a step function."""
    return values[np.searchsorted(curve.tick, tick, side="right") - 1]


@given(
    st.lists(
        st.tuples(st.integers(1, 30), st.sampled_from([CENSORED, RECOVERED, COMPETING])),
        min_size=2,
        max_size=60,
    ).filter(lambda rows: {RECOVERED, COMPETING} <= {outcome for _, outcome in rows})
)
def test_aalen_johansen__agrees_with_statsmodels_ties_included(rows):
    """Both incidences equal those of statsmodels at every time, to the last few bits."""
    times, outcomes = map(np.array, zip(*rows, strict=True))
    with np.errstate(divide="ignore", invalid="ignore"):  # in its standard errors, which nobody reads
        oracle = CumIncidenceRight(times, outcomes)

    curve = curve_of(times, outcomes)

    for values, cause in ((curve.recovered, 0), (curve.competing, 1)):
        ours = [value_at(curve, values, tick) for tick in oracle.times]
        np.testing.assert_allclose(ours, oracle.cinc[cause], rtol=1e-12, atol=1e-13)


def test_aalen_johansen__without_censoring_is_the_share_that_got_there():
    """If everybody's outcome is known, the curve is a count divided by the number of devices."""
    curve = curve_of([5, 5, 7, 9], [RECOVERED, COMPETING, RECOVERED, RECOVERED])

    assert curve.tick.tolist() == [0, 5, 7, 9]
    np.testing.assert_allclose(curve.recovered, [0, 0.25, 0.5, 0.75], rtol=1e-15)
    np.testing.assert_allclose(curve.competing, [0, 0.25, 0.25, 0.25], rtol=1e-15)
    assert curve.at_risk.tolist() == [4, 4, 2, 1]


def test_aalen_johansen__a_censored_device_shares_the_fate_of_those_still_there():
    """One of three is censored at 2; the two left recover at 3: by hand 1/3 + 2/3 * 1."""
    curve = curve_of([1, 2, 3], [RECOVERED, CENSORED, RECOVERED])

    assert curve.tick.tolist() == [0, 1, 3]
    np.testing.assert_allclose(curve.recovered, [0, 1 / 3, 1.0], rtol=1e-15)


def test_aalen_johansen__events_of_a_tick_come_before_its_censorings():
    """A device censored at the tick of an event was at risk of it."""
    curve = curve_of([4, 4], [CENSORED, RECOVERED])

    assert curve.recovered.tolist() == [0.0, 0.5]


@pytest.mark.parametrize(
    ("times", "outcomes", "ticks", "recovered", "competing"),
    [
        ([], [], [], [], []),
        ([3], [CENSORED], [0], [0], [0]),
        ([0], [COMPETING], [0], [0], [1]),
        ([0, 0], [CENSORED, CENSORED], [0], [0], [0]),
        ([0, 8], [COMPETING, RECOVERED], [0, 8], [0, 0.5], [0.5, 0.5]),
    ],
    ids=["nobody", "one pending", "given up at once", "no time has passed", "first row has an event"],
)
def test_aalen_johansen__edges(times, outcomes, ticks, recovered, competing):
    """Empty, all censored, and events at time 0 give the curve that a person would draw."""
    curve = curve_of(times, outcomes)

    assert curve.tick.tolist() == ticks
    assert curve.recovered.tolist() == recovered
    assert curve.competing.tolist() == competing


@given(
    st.lists(st.tuples(st.integers(0, 10**9), st.sampled_from([CENSORED, RECOVERED, COMPETING])), min_size=1)
)
def test_aalen_johansen__is_a_pair_of_distributions(rows):
    """Both incidences grow from 0, add up to at most 1, and times ascend."""
    curve = curve_of(*zip(*rows, strict=True))

    assert curve.tick[0] == 0
    assert (np.diff(curve.tick) > 0).all()
    for values in (curve.recovered, curve.competing):
        assert values[0] >= 0
        assert (np.diff(values) >= 0).all()
    assert curve.recovered[-1] + curve.competing[-1] <= 1 + 1e-12


def test_recovery_curve__members_outcomes_and_times(make_run):
    """Only failed first attempts count; the clock begins at that failure; the pending are censored."""
    run = make_run(
        [SUCCESS, SUCCESS, FAIL, STOPPED, WAITING],
        first_failure_s=[-1, 100, 100, 50, 3_000],
        end_s=[10, 400, 100, 950, -1],
    )

    curve = recovery_curve(run.records, 3_600_000_000)

    assert curve.tick.tolist() == [0, 300_000_000, 900_000_000]
    # Four devices: one is given up at once, one recovers, one is censored after 600 s, one is stopped.
    np.testing.assert_allclose(curve.recovered, [0, 0.25, 0.25], rtol=1e-15)
    np.testing.assert_allclose(curve.competing, [0.25, 0.25, 0.75], rtol=1e-15)
    assert curve.at_risk.tolist() == [4, 3, 1]


def test_recovery_curve__permanent_failures_are_its_plateau(make_run):
    """If a tenth of the devices never recovers, the curve ends at nine tenths."""
    status = [SUCCESS] * 90 + [FAIL] * 10
    run = make_run(status, first_failure_s=[60] * 100, end_s=list(range(100, 200)))

    curve = recovery_curve(run.records, 3_600_000_000)

    assert curve.recovered[-1] == pytest.approx(0.9, rel=1e-12)
    assert curve.competing[-1] == pytest.approx(0.1, rel=1e-12)


def test_thinned__keeps_exact_rows_and_loses_no_visible_step():
    """Rows that stay are unchanged; between them a share moves by less than a line of the grid."""
    rng = np.random.default_rng(1)
    times = np.sort(rng.exponential(1e9, 200_000).astype(np.int64))
    curve = aalen_johansen(times, np.where(rng.random(200_000) < 0.8, RECOVERED, COMPETING).astype(np.int8))

    thin = thinned(curve, rows=500)

    assert len(thin.tick) < 2_000 + 4
    rows = np.searchsorted(curve.tick, thin.tick)
    for whole, kept in zip(curve, thin, strict=True):
        assert np.array_equal(whole[rows], kept)
    assert thin.recovered[-1] == curve.recovered[-1]
    assert np.diff(thin.recovered).max() <= 1.01 / 500


def test_thinned__leaves_a_short_curve_alone():
    """A curve that a figure can show is returned as it is."""
    curve = curve_of([1, 2, 3], [RECOVERED] * 3)

    assert thinned(curve) is curve


@pytest.mark.bench
def test_aalen_johansen__a_million_devices_faster_than_the_library():
    """The curve of a million devices with a time each is computed faster than by statsmodels."""
    rng = np.random.default_rng(2)
    times = rng.integers(0, 10**12, 1_000_000)
    outcomes = rng.integers(0, 3, 1_000_000).astype(np.int8)

    def seconds(action):
        start = time.perf_counter()
        action(times, outcomes)
        return time.perf_counter() - start

    with np.errstate(divide="ignore", invalid="ignore"):
        library_s = seconds(CumIncidenceRight)
    own_s = min(seconds(aalen_johansen) for _ in range(3))

    print(f"\nAalen-Johansen: own {own_s * 1e3:.0f} ms, statsmodels {library_s / own_s:.1f}x as long")
    assert own_s < library_s
