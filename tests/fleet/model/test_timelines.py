"""Timelines against what is known of stationary renewal processes."""

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from sim.fleet import spec as fs
from sim.fleet.model.draws import uniform
from sim.fleet.model.timelines import Timeline, advance, first_place, is_on, next_on, share_on

S = fs.TICKS_PER_S
HOUR = 3600 * S
N = 2000

EXP = (fs.EXPONENTIAL, 3600.0)
PERIODS = {
    "exponential": (EXP, (fs.EXPONENTIAL, 900.0)),
    "constant": ((fs.CONSTANT, 3000.0), (fs.CONSTANT, 1000.0)),
    "lognormal": ((fs.LOGNORMAL, 2000.0, 0.9), (fs.LOGNORMAL, 1000.0, 0.4)),
    "uniform": ((fs.UNIFORM, 1000.0, 5000.0), (fs.UNIFORM, 0.0, 2000.0)),
    "weibull": ((fs.WEIBULL, 0.7, 2000.0), (fs.WEIBULL, 2.0, 1000.0)),
    "quantiles": (
        (fs.EMPIRICAL, [0.0, 0.5, 0.9, 1.0], [100.0, 1000.0, 4000.0, 20_000.0]),
        (fs.EMPIRICAL, [0.0, 1.0], [500.0, 1500.0]),
    ),
}
"""Off-periods and on-periods, seconds."""


def moments(dist: tuple) -> tuple[float, float]:
    """Return the mean and the mean square of a distribution."""
    kind, *of = dist
    if kind == fs.CONSTANT:
        return of[0], of[0] ** 2
    if kind == fs.EMPIRICAL:
        p, s = np.diff(of[0]), np.array(of[1])
        low, high = s[:-1], s[1:]
        return (p * (low + high) / 2).sum(), (p * (low**2 + low * high + high**2) / 3).sum()
    frozen = {
        fs.EXPONENTIAL: lambda: stats.expon(scale=of[0]),
        fs.LOGNORMAL: lambda: stats.lognorm(of[1], scale=of[0]),
        fs.UNIFORM: lambda: stats.uniform(of[0], of[1] - of[0]),
        fs.WEIBULL: lambda: stats.weibull_min(of[0], scale=of[1]),
    }[kind]()
    return frozen.mean(), frozen.moment(2)


def drawn(off: tuple, on: tuple, share: float | None = None) -> fs.TimelineTable:
    """Return a table of one row whose periods are drawn."""
    kind, a, b = np.zeros((1, 2), np.int8), np.zeros((1, 2)), np.zeros((1, 2))
    lo, hi = np.zeros((1, 2), np.int32), np.zeros((1, 2), np.int32)
    points_p, points_s, weights = [], [], []
    for state, dist in enumerate((off, on)):
        kind[0, state] = dist[0]
        if dist[0] == fs.EMPIRICAL:
            lo[0, state] = len(points_p)
            points_p += dist[1]
            points_s += dist[2]
            weights += list(fs.weights_of(np.array(dist[1]), np.array(dist[2])))
            hi[0, state] = len(points_p)
        else:
            a[0, state], b[0, state] = (*dist[1:], 0.0)[:2]
    if share is None:
        share = moments(on)[0] / (moments(on)[0] + moments(off)[0])
    none = np.zeros(1, np.int64)
    return fs.TimelineTable(
        np.array([share]), none, none, none, kind, a, b, lo, hi, *map(np.array, (points_p, points_s, weights))
    )


def periodic(every: int, on: int, phase: int) -> fs.TimelineTable:
    """Return a table of one periodic row; ticks."""
    base = drawn(EXP, EXP, 0.5)
    return base._replace(
        every_ticks=np.array([every]), for_ticks=np.array([on]), phase_ticks=np.array([phase])
    )


def line(device: int, *, number: int = 0, lift: float = 1.0, seed: int = 1) -> Timeline:
    """Return a timeline of row 0."""
    return Timeline(0, number, device, lift, np.uint64(seed), np.uint64(0))


def slack(n: int, p: float) -> float:
    """Return four standard deviations of a share of n."""
    return 4.0 * math.sqrt(p * (1.0 - p) / n)


def history(table: fs.TimelineTable, of: Timeline, until: int) -> list[tuple[int, int]]:
    """Return the places of a timeline up to a tick, one after the other."""
    places = [advance(table, of, 0, 0, -1)]
    while places[-1][1] <= until:
        places.append(advance(table, of, *places[-1], places[-1][1]))
    return places


# --- stationarity ---------------------------------------------------------------------------------


@pytest.mark.parametrize("name", PERIODS)
def test_first_place__is_stationary(name):
    """At t = 0 the share on is E[on] / (E[on] + E[off]), and what is left has mean E[X**2] / (2 E[X])."""
    off, on = PERIODS[name]
    table = drawn(off, on)
    places = [first_place(table, line(device)) for device in range(N)]
    share = moments(on)[0] / (moments(on)[0] + moments(off)[0])
    assert np.mean([is_on(period) for period, _ in places]) == pytest.approx(share, abs=slack(N, share))
    for dist, wanted in ((on, True), (off, False)):
        left = np.array([end / S for period, end in places if bool(is_on(period)) is wanted])
        mean, square = moments(dist)
        error = left.std() / math.sqrt(len(left))
        assert left.mean() == pytest.approx(square / (2 * mean), abs=4 * error)


@pytest.mark.parametrize("name", PERIODS)
def test_advance__stays_stationary(name):
    """Much later, the share on is still the same, and a cycle ends every E[on] + E[off]."""
    off, on = PERIODS[name]
    table = drawn(off, on)
    later = 10 * HOUR
    places = [advance(table, line(device, seed=2), 0, 0, later) for device in range(N)]
    firsts = [first_place(table, line(device, seed=2)) for device in range(N)]
    cycle = moments(on)[0] + moments(off)[0]
    share = moments(on)[0] / cycle
    assert np.mean([is_on(period) for period, _ in places]) == pytest.approx(share, abs=slack(N, share))
    # Ends of on-periods: even periods that are over.
    ended = np.array(
        [(last + 1) // 2 - (first + 1) // 2 for (last, _), (first, _) in zip(places, firsts, strict=True)]
    )
    error = ended.std() / math.sqrt(N)
    assert ended.mean() == pytest.approx(later / S / cycle, abs=4 * error + 1e-9)


@pytest.mark.parametrize("minutes", [5, 60, 600])
def test_advance__exponential_transition(minutes):
    """On now means on in d with probability share + (1 - share) exp(-d / (share * mean off))."""
    off_s, share = 4 * 3600.0, 0.7
    table = drawn((fs.EXPONENTIAL, off_s), (fs.EXPONENTIAL, share * off_s / (1 - share)))
    at, later = 3 * HOUR, 3 * HOUR + minutes * 60 * S
    n_on = n_both = 0
    for device in range(2 * N):
        place = advance(table, line(device), 0, 0, at)
        if is_on(place[0]):
            n_on += 1
            n_both += is_on(advance(table, line(device), *place, later)[0])
    expected = share + (1 - share) * math.exp(-minutes * 60 / (share * off_s))
    assert n_both / n_on == pytest.approx(expected, abs=slack(n_on, expected))


@pytest.mark.parametrize("wait_h", [25.0, 25.0 + 5 / 60 + 25.0], ids=["one timer", "two, 5 min apart"])
def test_next_on__heavy_sleepers(wait_h):
    """A fifth of the devices off for 48 h on average: the share not met by t is 0.2 exp(-t / 48 h)."""
    table = drawn((fs.EXPONENTIAL, 48 * 3600.0), (fs.EXPONENTIAL, 4 * 48 * 3600.0))
    waits = [next_on(table, line(device), 0, 0, 0)[2] for device in range(4 * N)]
    late = 0.2 * math.exp(-wait_h / 48)
    assert np.mean([wait > wait_h * HOUR for wait in waits]) == pytest.approx(late, abs=slack(4 * N, late))


def test_share_on__is_a_factor_on_the_odds():
    """A lift of 3 makes odds of 1 : 9 to 1 : 3, by off-periods of a third of their length."""
    assert share_on(0.1, 3.0) == pytest.approx(0.25)
    table = drawn((fs.EXPONENTIAL, 9000.0), (fs.EXPONENTIAL, 1000.0))
    places = [advance(table, line(device, lift=3.0), 0, 0, HOUR) for device in range(N)]
    assert np.mean([is_on(period) for period, _ in places]) == pytest.approx(0.25, abs=slack(N, 0.25))


# --- looks ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", PERIODS)
def test_advance__does_not_depend_on_who_looked_before(name):
    """However often a timeline was looked at on the way, at a tick it is in the same period."""
    table = drawn(*PERIODS[name])
    looks = np.random.default_rng(3).integers(0, 48 * HOUR, (20, 30))
    for device, ticks in enumerate(np.sort(looks, axis=1).tolist()):
        place = (0, 0)
        for tick in ticks:
            place = advance(table, line(device), *place, tick)
            assert place == advance(table, line(device), 0, 0, tick)


@pytest.mark.parametrize("name", PERIODS)
def test_next_on__agrees_with_the_history(name):
    """The first tick on is the present one amid an on-period, else the start of the next."""
    table = drawn(*PERIODS[name])
    for device in range(20):
        places = history(table, line(device), 48 * HOUR)
        starts = [0, *(end for _, end in places)]
        spans = [
            (start, end)
            for (period, end), start in zip(places, starts, strict=False)
            if is_on(period) and end > start
        ]
        place = (0, 0)
        for tick in range(0, 24 * HOUR, HOUR // 7):
            *place, up = next_on(table, line(device), *place, tick)
            assert up == next(max(start, tick) for start, end in spans if end > tick)


def test_advance__periods_alternate_with_their_own_draws():
    """Period k is as long as its word says: exponential periods by hand from the keyed draws."""
    table = drawn(EXP, (fs.EXPONENTIAL, 600.0))
    for device in range(10):
        places = history(table, line(device, number=2), 20 * HOUR)
        for (_, start), (period, end) in pairwise(places):
            word = period + 2
            u = _word(device, 2, int(word))
            mean = 600.0 if is_on(period) else 3600.0
            assert end - start == round(-mean * math.log(u) * S)
        numbers = [period for period, _ in places]
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))


def _word(device: int, timeline: int, word: int) -> float:
    """Return a word of a timeline's draws by NumPy's generator, which adds 1 to its counter at first."""
    counter = device + ((word // 4) << 64) + ((timeline + 1) << 192) - 1
    raw = np.random.Philox(key=np.array([1, 0], np.uint64), counter=counter).random_raw(4)
    return (float(int(raw[word % 4]) >> 12) + 0.5) * 2.0**-52


def test_timelines__of_one_device_are_independent():
    """Two timelines of a device, and the draws of its attempts, have nothing to do with each other."""
    table = drawn(EXP, EXP)
    one = [first_place(table, line(device, number=0))[1] for device in range(N)]
    other = [first_place(table, line(device, number=1))[1] for device in range(N)]
    attempts = [uniform(np.uint64(1), np.uint64(0), device, 1, 1) for device in range(N)]
    assert abs(stats.spearmanr(one, other).statistic) < 4 / math.sqrt(N)
    assert abs(stats.spearmanr(one, attempts).statistic) < 4 / math.sqrt(N)


# --- clocks, instants -----------------------------------------------------------------------------


@pytest.mark.parametrize("phase_s", [0, 100, 8999])
def test_periodic__fixed_phase(phase_s):
    """It goes on at the phase and each cycle later, for 3 min; half-open."""
    every, on, phase = 9000 * S, 180 * S, phase_s * S
    table = periodic(every, on, phase)
    for k in range(3):
        start = phase + k * every
        assert next_on(table, line(0), 0, 0, start)[2] == start
        assert next_on(table, line(0), 0, 0, start + on - 1)[2] == start + on - 1
        assert next_on(table, line(0), 0, 0, start + on)[2] == start + every
        if start > 0:
            wait_from = max(start - every + on, 0)
            assert next_on(table, line(0), 0, 0, wait_from)[2] == start
    # What was on before t = 0 may go on at it.
    assert bool(is_on(advance(table, line(0), 0, 0, 0)[0])) is (phase_s == 0 or phase_s > 9000 - 180)


def test_periodic__random_phase_is_uniform():
    """Every 150 min for 3 min: met by t is 0.02 + 0.98 t / 147 min, and nobody waits longer than 147 min."""
    minute = 60 * S
    table = periodic(150 * minute, 3 * minute, -1)
    waits = np.array([next_on(table, line(device), 0, 0, 0)[2] for device in range(N)])
    assert waits.max() <= 147 * minute
    assert np.mean(waits == 0) == pytest.approx(0.02, abs=slack(N, 0.02))
    later = waits[waits > 0] / minute
    assert stats.kstest(later, stats.uniform(0.0, 147.0).cdf).pvalue > 1e-3


@given(
    every=st.integers(2, 10**10),
    part=st.floats(0, 1),
    phase=st.integers(-1, 10**10),
    tick=st.integers(0, 10**12),
)
def test_periodic__a_place_encloses_its_tick(every, part, phase, tick):
    """The place found has the tick in it, and the ticks around its end are told apart."""
    on = min(max(1, int(part * every)), every - 1)
    table = periodic(every, on, min(phase, every - 1))
    period, end = advance(table, line(3), 0, 0, tick)
    length = on if is_on(period) else every - on
    assert end - length <= tick < end
    assert advance(table, line(3), period, end, end)[0] == period + 1


def test_next_on__instants_are_met_one_by_one():
    """A share of 0 has on-periods of no length: each instant is met at its tick, the next one after it."""
    table = drawn((fs.EXPONENTIAL, 3600.0), (fs.CONSTANT, 0.0), share=0.0)
    ends = [end for period, end in history(table, line(5), 0)]
    for device in range(30):
        place, tick, met = (0, 0), 0, []
        for _ in range(20):
            *place, up = next_on(table, line(device), *place, tick)
            assert up >= tick
            assert tuple(next_on(table, line(device), *place, up))[2] == up
            met.append(up)
            tick = up + 1
        assert met == sorted(set(met))
        gaps = np.diff([0, *met]) / S
        ends.extend(gaps.tolist())
    waits = np.array(ends[1:])
    assert stats.kstest(waits, stats.expon(scale=3600.0).cdf).pvalue > 1e-3
