"""The two tests behind a comparison: what they promise, against exact and simulated probabilities."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from sim.testing.compare.equivalence import (
    REPLICATIONS,
    SUITE_LEVEL,
    Answer,
    compare,
    interval,
    level_of,
    looks,
    toss_bound,
)

LEVEL = level_of(34, n_looks=2, suite=1)
"""Level of one look at one metric, as in a suite."""


def pairs_of(moved, *, base=1000.0):
    """Return values before and after that differ by given numbers."""
    moved = np.asarray(moved, float)
    return np.full(len(moved), base), base + moved


def answer_of(moved, *, margin=10.0, level=LEVEL):
    """Return the answer about given differences."""
    before, after = pairs_of(moved)
    return compare(before, after, margin=margin, level=level).answer


@given(st.lists(st.floats(-5, 5).filter(lambda x: abs(x) > 1e-3), min_size=1, max_size=12))
def test_toss_bound__bounds_the_exact_probability(moved):
    """The bound is never below what all 2^n tosses say, and at most 1."""
    size, total = np.abs(moved), abs(sum(moved))
    signs = np.array(list(itertools.product([-1, 1], repeat=len(moved))))
    exact = float(np.mean(np.abs(signs @ size) >= total - 1e-9))

    assert exact - 1e-9 <= toss_bound(np.array(moved)) <= 1.0


@pytest.mark.parametrize("n", [1, 2, 10, 40])
def test_toss_bound__is_exact_if_all_differences_are_equal(n):
    """If n coins show heads, that has the probability 2 * 2^-n, whatever they are worth."""
    assert toss_bound(np.full(n, -0.3)) == pytest.approx(min(1.0, 2 * 2.0**-n), rel=1e-4)


def test_toss_bound__is_1_where_nothing_leans():
    """No difference, or differences that cancel, are no evidence."""
    assert toss_bound(np.zeros(50)) == 1.0
    assert toss_bound(np.array([])) == 1.0
    assert toss_bound(np.array([3.0, -3.0])) == 1.0


def test_toss_bound__is_no_worse_than_hoeffding_s():
    """The bound with cosh is the sharper one of the two classic ones."""
    moved = np.random.default_rng(1).normal(0.7, 1, 64)
    ratio = moved.sum() / math.sqrt((moved**2).sum())

    assert toss_bound(moved) <= 2 * math.exp(-(ratio**2) / 2)


def test_interval__is_student_s():
    """The interval of the mean difference is scipy's."""
    moved = np.random.default_rng(2).normal(3, 2, 40)

    mean, low, high = interval(moved)

    expected = stats.ttest_1samp(moved, 0).confidence_interval(0.99)
    assert (mean, low, high) == pytest.approx((moved.mean(), expected.low, expected.high))


def test_interval__of_too_few():
    """One difference has a mean only, none has nothing."""
    assert interval(np.array([2.0]))[0] == 2.0
    assert all(math.isnan(end) for end in (*interval(np.array([2.0]))[1:], *interval(np.array([]))))


def test_compare__what_is_the_same_is_equal():
    """Equal in every pair needs no test; values that are undefined on both sides don't disturb."""
    assert answer_of(np.zeros(64), margin=0.0) is Answer.EQUAL
    undefined = np.full(64, np.nan)
    assert compare(undefined, undefined, margin=0.0, level=LEVEL).answer is Answer.EQUAL


def test_compare__a_small_shift_is_equivalent_and_a_large_one_different():
    """What is proven to be small passes although it is proven to be there."""
    luck = np.random.default_rng(3).normal(0, 1, 64)

    assert answer_of(luck + 5) is Answer.EQUIVALENT
    assert answer_of(luck + 20) is Answer.DIFFERENT
    assert answer_of(luck - 20) is Answer.DIFFERENT


def test_compare__equivalence_is_tost_at_half_a_percent():
    """The answer changes where the larger p value of the two one-sided t tests passes 0.005."""
    luck = np.random.default_rng(4).normal(0, 30, 64)
    for margin in np.linspace(5, 25, 41):
        p = max(
            stats.ttest_1samp(luck, -margin, alternative="greater").pvalue,
            stats.ttest_1samp(luck, margin, alternative="less").pvalue,
        )
        assert (answer_of(luck, margin=margin) is Answer.EQUIVALENT) == (p <= 0.005)


def test_compare__luck_larger_than_the_margin_is_undecided():
    """Neither shown to be the same nor to have moved: no alarm, but the reader learns what was visible."""
    luck = np.random.default_rng(5).normal(0, 100, 64)

    found = compare(*pairs_of(luck), margin=10.0, level=LEVEL)

    assert found.answer is Answer.UNDECIDED
    assert 50 < found.notices < 200


def test_compare__one_freak_proves_nothing():
    """A rare event in one replication is no alarm, however large it is."""
    moved = np.zeros(64)
    moved[17] = 1e9

    assert answer_of(moved) is Answer.UNDECIDED


def test_compare__never_instead_of_a_time_is_a_change_if_it_is_so_in_every_pair():
    """A metric that loses its value is different; in a few pairs that is luck."""
    before = np.full(64, 100.0)
    gone, some = np.full(64, np.nan), np.where(np.arange(64) < 5, np.nan, 100.0)

    found = compare(before, gone, margin=10.0, level=LEVEL)

    assert (found.answer, found.vanished, found.appeared) == (Answer.DIFFERENT, 64, 0)
    assert compare(gone, before, margin=10.0, level=LEVEL).appeared == 64
    assert compare(before, some, margin=10.0, level=LEVEL).answer is Answer.UNDECIDED


@pytest.mark.parametrize("n", [1, 2, 20])
def test_compare__too_few_pairs_are_held_against_the_margin(n):
    """What can't be proven is judged by the mean alone, and says so."""
    within, beyond = (compare(*pairs_of(np.full(n, d)), margin=10.0, level=LEVEL) for d in (9.0, 11.0))

    assert (within.answer, beyond.answer) == (Answer.EQUIVALENT, Answer.DIFFERENT)
    assert within.by_margin
    assert beyond.by_margin
    assert beyond.notices == math.inf
    lost = compare(np.full(n, 1.0), np.full(n, np.nan), margin=10.0, level=LEVEL)
    assert lost.answer is Answer.DIFFERENT


def test_looks__are_two_if_half_of_the_pairs_can_prove_something():
    """The first look saves half of the runs where the answer is plain."""
    assert looks(REPLICATIONS) == (32, 64)
    assert looks(100) == (32, 100)
    assert looks(63) == (63,)
    assert looks(1) == (1,)
    assert answer_of(np.full(32, 50.0)) is Answer.DIFFERENT


def test_level_of__adds_up_to_the_suite_s():
    """All looks at all metrics of all scenarios together stay below one false alarm in 10,000."""
    for suite, metrics in ((1, 34), (100, 34), (400, 60)):
        assert suite * metrics * 2 * level_of(metrics, n_looks=2, suite=suite) <= SUITE_LEVEL * 1.0000001
    assert SUITE_LEVEL == 1e-4


@pytest.mark.statistical
@pytest.mark.parametrize("shape", ["normal", "skewed", "rare", "counts"])
def test_compare__raises_no_more_false_alarms_than_its_level(shape):
    """At a level of 5 % at most 5 % of comparisons of equal draws are alarms, whatever the distribution."""
    rng = np.random.default_rng(11)
    draw = {
        "normal": lambda n: rng.normal(100, 5, n),
        "skewed": lambda n: rng.lognormal(3, 2, n),
        "rare": lambda n: np.where(rng.random(n) < 0.02, 1e6, 0.0),
        "counts": lambda n: rng.poisson(0.3, n).astype(float),
    }[shape]
    answers = [compare(draw(64), draw(64), margin=0.0, level=0.05).answer for _ in range(4_000)]

    alarms = answers.count(Answer.DIFFERENT)
    assert stats.binomtest(alarms, len(answers), 0.05, alternative="greater").pvalue > 1e-3


@pytest.mark.statistical
@pytest.mark.parametrize("n", [40, 64, 128])
def test_compare__catches_the_shift_that_it_says_it_notices(n):
    """A shift of the size that is printed is proven in about 99 of 100 cases."""
    rng = np.random.default_rng(12)
    sample = rng.normal(0, 1, n)
    notices = compare(*pairs_of(3 * sample / sample.std(ddof=1)), margin=0.0, level=LEVEL).notices
    lucks = rng.normal(0, 3, (1_000, n))
    caught = sum(answer_of(luck + notices, margin=0.0) is Answer.DIFFERENT for luck in lucks)

    assert caught >= 980


@pytest.mark.statistical
def test_compare__catches_twice_the_margin():
    """Where luck lets a shift of twice the margin be noticed at all, 99 of 100 are caught."""
    rng = np.random.default_rng(13)
    margin = 10.0
    deviation = 2 * margin / 1.35  # a margin that 64 pairs can resolve
    caught = sum(
        answer_of(rng.normal(2 * margin, deviation, 64), margin=margin) is Answer.DIFFERENT
        for _ in range(2_000)
    )

    assert caught >= 0.99 * 2_000
