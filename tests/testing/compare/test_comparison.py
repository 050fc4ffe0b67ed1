"""Runs against earlier runs: what is compared, how many runs that takes, what the answer is."""

import numpy as np
import pytest

from sim.scenario import Expectation, parse_expectation
from sim.testing.compare.comparison import compare_runs
from sim.testing.compare.equivalence import Answer
from sim.testing.runs import Samples


def samples_of(n=64, *, seed=0, lines=None, **metrics):
    """Return values of replications; a number is a mean with a deviation of 1, a tuple is as it is."""
    rng = np.random.default_rng(seed)
    columns = {
        name: value if isinstance(value, tuple) else tuple(map(float, value + rng.normal(0, 1, 64)))
        for name, value in {"devices": (1000,) * 64, "bytes_downloaded": (10**9,) * 64, **metrics}.items()
    }
    every = Samples(columns, lines or {}, tuple(f"{seed}-{r}" for r in range(64)))
    return every.first(n)


def comparison_of(before, now, *, own=1, lines=(), asked=None):
    """Return the comparison; `asked` collects how many runs it wanted."""

    def sample(n):
        if asked is not None:
            asked.append(n)
        return now.first(n)

    return compare_runs(before, sample, own=own, lines=lines)


def answers(comparison):
    """Return the answer by metric."""
    return {item.subject.place: item.finding.answer for item in comparison.items}


def test_compare_runs__equal_runs_are_not_compared():
    """Equal digests and values end it at once, after the scenario's own replications."""
    asked = []
    before = samples_of(failed=5.0)

    found = comparison_of(before, before, own=3, asked=asked)

    assert (found.moved, found.items, found.is_fine, found.pairs) == (False, (), True, 3)
    assert asked == [3]


def test_compare_runs__an_equal_digest_with_other_values_is_compared():
    """The digest covers devices only: calls that were answered otherwise are a change, too."""
    before = samples_of(retry_calls=(2,) * 64)
    now = before._replace(metrics={**before.metrics, "retry_calls": (3,) * 64})

    found = comparison_of(before, now)

    assert found.moved
    assert answers(found)["retry_calls"] is Answer.DIFFERENT
    assert not found.is_fine


def test_compare_runs__takes_half_of_the_runs_if_they_decide_everything():
    """The second half is run for what the first half leaves open, and only then."""
    asked, more = [], []
    before = samples_of(makespan=1000.0)

    decided = comparison_of(before, samples_of(seed=1, makespan=1030.0), asked=asked)
    comparison_of(before, samples_of(seed=1, makespan=1000.0, failed=3.0), asked=more)
    open_one = comparison_of(
        samples_of(makespan=1000.0, failed=(0, 30) * 32),
        samples_of(seed=1, makespan=1000.0, failed=(30, 0, 0, 30) * 16),
        asked=more,
    )

    assert (asked, decided.pairs) == ([1, 32], 32)
    assert answers(decided)["makespan"] is Answer.DIFFERENT
    assert more[-1] == 64
    assert answers(open_one)["failed"] is Answer.UNDECIDED
    assert open_one.is_fine


def test_compare_runs__what_was_proven_stays_proven():
    """The second look does not take back the answer of the first."""
    moved = (30.0,) * 32 + (-30.0,) * 32
    before = samples_of(makespan=(1000.0,) * 64, failed=(0, 30) * 32)
    now = samples_of(seed=1, makespan=tuple(1000.0 + shift for shift in moved), failed=(30, 0, 0, 30) * 16)

    found = comparison_of(before, now)

    assert found.pairs == 64
    assert answers(found)["makespan"] is Answer.DIFFERENT


def test_compare_runs__metrics_that_appear_or_vanish_are_never_fine():
    """Whether anything else moved or not."""
    before, now = samples_of(makespan=10.0), samples_of(failed=10.0)

    found = comparison_of(before, now)

    assert (found.appeared, found.vanished) == (("failed",), ("makespan",))
    assert not found.is_fine
    assert not comparison_of(before, samples_of()).is_fine


def test_compare_runs__a_line_replaces_the_default_margin():
    """The metric is compared once, by its line; what the baseline doesn't know is left out."""
    texts = {"makespan": "within 5 % of baseline", "by_cohort.a.makespan": "within 1 s of baseline"}
    lines = [Expectation(**parse_expectation(key, text)) for key, text in texts.items()]
    lines.append(Expectation(**parse_expectation("by_cohort.b.makespan", "within 1 s of baseline")))
    before = samples_of(makespan=1000.0, lines={"by_cohort.a.makespan": (5.0,) * 64})
    now = samples_of(seed=1, makespan=1030.0, lines={"by_cohort.a.makespan": (7.0,) * 64})

    found = comparison_of(before, now, lines=lines)

    assert [(item.subject.place, item.finding.answer) for item in found.items[:2]] == [
        ("makespan", Answer.EQUIVALENT),
        ("by_cohort.a.makespan", Answer.DIFFERENT),
    ]
    assert found.of(lines[0]).subject.margin == pytest.approx(50, rel=0.01)
    assert found.of(lines[2]) is None
    assert found.is_fine  # the lines are judged one by one
    assert [item.subject.place for item in found.by_default] == ["devices", "bytes_downloaded"]


def test_compare_runs__a_short_baseline_is_compared_as_far_as_it_goes():
    """Fewer replications in the baseline than the scenario has, or one only, are no error."""
    before = samples_of(n=1, makespan=1000.0)

    found = comparison_of(before, samples_of(seed=1, makespan=1030.0), own=20)

    assert found.pairs == 1
    assert answers(found)["makespan"] is Answer.DIFFERENT
    assert all(item.finding.by_margin for item in found.items)
