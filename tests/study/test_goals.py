"""Goals, precisions and confidences as somebody writes them."""

import pytest

from sim.errors import ScenarioError
from sim.results import Estimate
from sim.study.goals import goal_text, looks, read_confidence, read_goals, read_precisions


def test_goals__are_expectations_in_one_line(tiny):
    """Metric and comparison in one text, with units, cohorts and times."""
    texts = [
        "time_to_success.p99 <= 8 h",
        "success_share>=98%",
        "by_cohort.gateway.failed < 5",
        "success_share at 6 h: >= 90 %",
    ]

    first, second, third, fourth = read_goals(tiny, texts)

    assert (first.metric, first.op, first.value) == ("time_to_success.p99", "<=", 28_800)
    assert (second.metric, second.op, second.value) == ("success_share", ">=", 0.98)
    assert (third.cohort, third.metric, third.value) == ("gateway", "failed", 5)
    assert (fourth.at, fourth.value) == (21_600, 0.9)
    assert goal_text(third) == "by_cohort.gateway.failed < 5"


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("succes_share >= 98 %", "did you mean 'success_share'"),
        ("success_share", "no expectation"),
        ("", "no metric"),
        ("success_share >= 98 apples", "no share"),
        ("makespan <= 5", "no unit"),
        ("by_cohort.boat.failed < 5", "boat"),
        ("success_share within 1 % of baseline", "a plan has none"),
        ("success_share >= 98 % in at least 90 % of replications", "confidence"),
    ],
)
def test_goals__what_is_wrong_is_named(tiny, text, part):
    """An unknown metric, a missing unit, and what a plan can't judge."""
    with pytest.raises(ScenarioError) as caught:
        read_goals(tiny, [text])

    assert part in str(caught.value)


def test_goals__all_problems_are_named_at_once(tiny):
    """Two bad goals are two problems; none at all is one."""
    with pytest.raises(ScenarioError) as caught:
        read_goals(tiny, ["nonsense <= 1", "makespan <= 5", "failed <= 5"])

    assert len(caught.value.problems) == 2
    with pytest.raises(ScenarioError, match="goal: is missing"):
        read_goals(tiny, [])


@pytest.mark.parametrize(("value", "share"), [("90 %", 0.9), ("90%", 0.9), (0.5, 0.5), (1, 1.0)])
def test_confidence__is_a_share(value, share):
    """Per cent or a number; all replications are allowed."""
    assert read_confidence(value) == share


@pytest.mark.parametrize("value", ["0 %", "90", "-5 %", "high"])
def test_confidence__other_values_are_refused(value):
    """No share, more than all, and none at all."""
    with pytest.raises(ScenarioError, match="confidence"):
        read_confidence(value)


@pytest.mark.parametrize(
    ("text", "metric", "half", "relative"),
    [
        ("success_share ± 0.2 %", "success_share", 0.002, False),
        ("success_share +- 0.2%", "success_share", 0.002, False),
        ("makespan +/- 5 %", "makespan", 0.05, True),
        ("makespan ± 10 min", "makespan", 600, False),
        ("failed±5", "failed", 5, False),
        ("bytes_wasted ± 1 MB", "bytes_wasted", 1e6, False),
        ("peak_bandwidth ± 1 Mbit/s", "peak_bandwidth", 125_000, False),
    ],
)
def test_precision__is_absolute_for_shares_and_relative_for_per_cent(text, metric, half, relative):
    """Per cent of a share are points of the fleet, of anything else parts of the mean."""
    (precision,) = read_precisions(text)

    assert (precision.metric, precision.is_relative) == (metric, relative)
    assert precision.half_width == pytest.approx(half)


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("success_share", "no precision"),
        ("sucess_share ± 1 %", "did you mean 'success_share'"),
        ("success_share ± 0 %", "0 wide"),
        ("makespan ± 5", "no unit"),
        ("failed ± few", "no number"),
    ],
)
def test_precision__what_is_wrong_is_named(text, part):
    """No width, an unknown metric, a width that is never reached."""
    with pytest.raises(ScenarioError) as caught:
        read_precisions([text])

    assert part in str(caught.value)


def test_precision__is_met_by_a_narrow_interval():
    """Half the interval's width counts; without an interval nothing is precise."""
    absolute, relative = read_precisions(["failed ± 5", "makespan ± 10 %"])

    assert absolute.is_met(Estimate(50.0, 45.0, 55.0, ()))
    assert not absolute.is_met(Estimate(50.0, 44.0, 56.0, ()))
    assert relative.is_met(Estimate(50.0, 45.0, 55.0, ()))
    assert not relative.is_met(Estimate(40.0, 35.0, 45.0, ()))
    assert not absolute.is_met(Estimate(50.0, None, None, ()))
    assert not absolute.is_met(Estimate(None, None, None, ()))


@pytest.mark.parametrize("most", [1, 5, 10, 11, 100, 1000])
def test_looks__are_few_fixed_and_end_at_the_most(most):
    """The numbers are the same for everybody, ascend, and stop where the user said."""
    found = list(looks(most))

    assert found == sorted(set(found))
    assert found[-1] == most
    assert found[:-1] == [n for n in (10, 20, 30, 40, 60, 80, 120, 160, 240, 320, 480, 640, 960) if n < most]
