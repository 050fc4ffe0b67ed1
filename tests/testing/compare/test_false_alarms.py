"""False alarms and power on real runs: the same model with fresh seeds, and a model that changed.

Comparisons share seeds with each other, since 2,000 of them with 128 runs each would take an hour. Each
of them is a fair one for all that: its two sides have no luck in common.
"""

import itertools

import numpy as np
import pytest
from scipy.stats import binomtest

from sim.scenario import parse_scenario
from sim.testing.compare import comparison as module
from sim.testing.compare.comparison import compare_runs
from sim.testing.compare.equivalence import REPLICATIONS, Answer
from sim.testing.runs import more_samples
from support.small_scenario import scenario_text

pytestmark = pytest.mark.statistical

SEEDS = 160
COMPARISONS = 2_000
SHIFTED = {"high": "73.4 s"}
"""Moves the median device by a bit more than twice the margin."""


def runs_with(seed, **values):
    """Return the runs that a baseline would hold."""
    return more_samples(parse_scenario(scenario_text(seed=seed, **values)), 0, REPLICATIONS)


@pytest.fixture(scope="module")
def pool():
    """Return runs with many seeds."""
    return [runs_with(1_000 + i_seed) for i_seed in range(SEEDS)]


@pytest.fixture(scope="module")
def pairs():
    """Return 2,000 different pairs of seeds."""
    every = list(itertools.permutations(range(SEEDS), 2))
    chosen = np.random.default_rng(7).choice(len(every), COMPARISONS, replace=False)
    return [every[i_pair] for i_pair in chosen]


def alarms_in(pool, pairs):
    """Return how many comparisons find something different."""
    found = (compare_runs(pool[i], pool[j].first, own=1) for i, j in pairs)
    return sum(not comparison.is_fine for comparison in found)


def test_fresh_seeds__raise_no_alarm(pool, pairs):
    """2,000 comparisons of a model with itself: the promise is one in a million, so there is none."""
    assert alarms_in(pool, pairs) == 0


def test_fresh_seeds__at_a_level_that_can_be_measured_keep_it(pool, pairs, monkeypatch):
    """With a promise of 1 in 20 for all metrics together, no more than that are alarms."""
    monkeypatch.setattr(module, "level_of", lambda n, *, n_looks, suite: 0.05 / n / n_looks)

    alarms = alarms_in(pool, pairs[:1_000])

    assert binomtest(alarms, 1_000, 0.05, alternative="greater").pvalue > 1e-3


def test_twice_the_margin__is_caught(pool):
    """A model that shifts a metric by twice its margin is caught in at least 99 of 100 comparisons."""
    caught, ratios = 0, []
    for i_seed, before in enumerate(pool):
        now = runs_with(1_000 + i_seed, **SHIFTED)
        items = compare_runs(before, now.first, own=1).items
        (item,) = (one for one in items if one.subject.place == "time_to_success.p50")
        caught += item.finding.answer is Answer.DIFFERENT
        ratios.append(item.finding.difference / item.subject.margin)

    assert 2.0 <= np.mean(ratios) <= 2.3
    assert caught >= 0.99 * SEEDS


def test_twice_the_margin__without_common_luck_is_caught_where_luck_is_small_enough(pool, pairs):
    """Wherever a comparison says that it notices twice the margin, it does, in 99 of 100 cases."""
    caught = possible = 0
    for i, j in pairs[:60]:
        for item in compare_runs(pool[i], pool[j].first, own=1).items:
            name, margin = item.subject.place, item.subject.margin
            if item.finding.pairs < REPLICATIONS or item.finding.notices > 2 * margin:
                continue
            shifted = tuple(value + 2 * margin for value in pool[j].metrics[name])
            now = pool[j]._replace(metrics={**pool[j].metrics, name: shifted})
            moved = compare_runs(pool[i], now.first, own=1)
            (again,) = (one for one in moved.items if one.subject.place == name)
            possible += 1
            caught += again.finding.answer is Answer.DIFFERENT

    assert possible > 100
    assert caught >= 0.99 * possible
