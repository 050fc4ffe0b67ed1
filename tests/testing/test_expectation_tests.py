"""Lines of `expect` that compare with a number: the whole interval of the mean, or a share of runs."""

import pytest

from sim.results.curves import Curve
from sim.results.expectations import Verdict
from sim.scenario import parse_scenario
from sim.testing.expectation_tests import actual_text, lines_of, share_within, shortfall
from sim.testing.runs import Samples, Trial, place_of
from support.small_scenario import case_of, scenario_text


def line_and_trial(text, values, *, met=True, metric="success_share", actual=None):
    """Return a line, and runs that brought given values of its metric."""
    scenario = parse_scenario(scenario_text(more=f"expect: {{{metric}: '{text}'}}"))
    (line,) = lines_of(scenario)
    verdict = Verdict(metric, text, actual, met)
    return line, Trial(0, "", Samples({}, {}, ()), (verdict,), (tuple(values),), Curve((), (), ()))


def test_lines_of__are_named_by_their_keys_and_know_their_rows():
    """Further lines of one key are numbered from 2, and each points to its own row of the file."""
    more = 'expect:\n  failed: "== 0"\n  success_share:\n    - ">= 1 %"\n    - "at 1 h: >= 0 %"\n'
    lines = lines_of(parse_scenario(scenario_text(more=more)))

    assert [(line.name, line.number, line.row) for line in lines] == [
        ("failed", 0, 16),
        ("success_share", 1, 18),
        ("success_share[2]", 2, 19),
    ]
    assert [place_of(line.expectation) for line in lines] == [
        "failed",
        "success_share",
        "success_share at 3600 s",
    ]


def test_lines_of__selectors_are_found_where_they_stand():
    """What a selector says of each cohort has the selector's row and key, beside what others say."""
    name = parse_scenario(scenario_text()).cohort_names[0]
    more = f'expect:\n  by_cohort.{name}.failed: "== 0"\n  cohorts[*].failed:\n    - "<= 1"\n    - "<= 2"\n'
    lines = lines_of(parse_scenario(scenario_text(more=more)))

    assert [
        (line.key, line.row, line.expectation.text) for line in lines if line.expectation.cohort == name
    ] == [
        (f"by_cohort.{name}.failed", 16, "== 0"),
        ("cohorts[*].failed", 18, "<= 1"),
        ("cohorts[*].failed", 19, "<= 2"),
    ]


def test_shortfall__of_one_run_is_its_value():
    """Without replications there is no interval, and the value decides."""
    assert shortfall(*line_and_trial(">= 98 %", [0.981])) is None
    assert shortfall(*line_and_trial(">= 98 %", [0.97], met=False)) == "97.0 %"


@pytest.mark.parametrize(
    ("text", "values", "holds"),
    [
        (">= 98 %", [0.984, 0.985, 0.986], True),
        (">= 98 %", [0.97, 0.985, 0.99], False),
        ("<= 99 %", [0.97, 0.985, 0.999], False),
        ("< 100 %", [0.97, 0.971, 0.972], True),
        ("== 98 %", [0.98, 0.98, 0.98], True),
        (">= 98 %", [0.98, 0.98, 0.98], True),
        ("> 98 %", [0.97999, 0.99, 0.98999], False),
    ],
)
def test_shortfall__over_replications_asks_for_the_whole_interval(text, values, holds):
    """A mean that keeps the bound by luck is not enough: the interval must keep it."""
    line, trial = line_and_trial(text, values)

    said = shortfall(line, trial)

    assert (said is None) == holds
    assert holds or "The mean keeps it, but its interval reaches" in said


def test_shortfall__in_a_share_of_replications_needs_no_interval():
    """`in at least 90 % of replications` is counted, and the message shows the range."""
    text = ">= 98 % in at least 90 % of replications"
    assert shortfall(*line_and_trial(text, [0.9, 0.99, 0.99], met=True, actual=0.95)) is None

    said = shortfall(*line_and_trial(text, [0.9, 0.99, 0.99], met=False, actual=2 / 3))

    assert said == "in 66.7 % of 3 replications, from 90.0 % to 99.0 %"


def test_actual_text__says_how_sure_it_is():
    """A mean comes with its interval; what never happened is never."""
    text = actual_text(*line_and_trial("<= 1 h", [100.0, 110.0, 120.0], metric="makespan"))
    assert text == "110 s (mean of 3 replications, 95 % interval 85.2 s to 2 min 15 s)"
    assert actual_text(*line_and_trial("<= 1 h", [None], metric="makespan")) == "never"
    text = actual_text(*line_and_trial("<= 1 h", [100.0, None], metric="makespan"))
    assert text == "never (mean of 2 replications)"
    share = "<= 1 h in at least 50 % of replications"
    assert actual_text(*line_and_trial(share, [None, None], metric="makespan", actual=0.0)) == (
        "in 0 % of 2 replications"
    )


def test_share_within__counts_pairs():
    """A pair without a value on one side only is not within any margin."""
    assert share_within([1.0, 2.0, None, None], [1.5, 4.0, None, 1.0], margin=0.5) == 0.5


def test_case__expectations_of_a_real_run_are_judged_line_by_line(scenario):
    """Cohorts, times and shares of replications reach the judge of the results."""
    more = """expect:
  by_cohort.near.devices: "== 150"
  pending: ["at 0 s: == 200", "at 0 s: == 0", "== 0 in at least 100 % of replications"]
"""
    case = case_of(scenario(replications=3, more=more))

    assert [case.judge(line).passed for line in case.lines] == [True, True, False, True]
    failed = case.judge(case.lines[2]).text.splitlines()
    assert failed == [
        "pending at 0 s is 200 (mean of 3 replications)",
        "tiny.yaml:17: expected at 0 s: == 0",
    ]
