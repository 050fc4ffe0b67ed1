"""Expectations against runs made by hand."""

from dataclasses import replace

import pytest

from sim.results import condense, judge
from sim.rules import SubtaskState
from sim.scenario import Expectation

SUCCESS, FAIL = SubtaskState.SUCCESS, SubtaskState.FAIL


@pytest.fixture
def replications(make_run):
    """Return four replications of ten devices in which 10, 9, 8 and 7 succeed, one a minute."""
    return [
        condense(
            make_run(
                [SUCCESS] * (10 - r) + [FAIL] * r,
                sizes={"north": 5, "south": 5},
                end_s=[60 * (i_device + 1) for i_device in range(10)],
                first_failure_s=[-1] * 9 + [600],
                reason=[0] * (10 - r) + [2] * r,
                replication=r,
            ),
            keep=False,
        )
        for r in range(4)
    ]


def verdict_of(key, text, replications, **options):
    """Judge one expectation as a file writes it."""
    (verdict,) = judge([Expectation.model_validate((key, text))], replications, **options)
    return verdict


@pytest.mark.parametrize(
    ("text", "met"),
    [
        (">= 85 %", True),
        ("> 85 %", False),
        ("<= 85 %", True),
        ("< 85 %", False),
        ("== 85 %", True),
        ("== 84 %", False),
        (">= 0.86", False),
    ],
)
def test_judge__compares_the_mean_over_replications(replications, text, met):
    """The mean success share of the four is 85 %; a bound met exactly is met."""
    verdict = verdict_of("success_share", text, replications)

    assert verdict == ("success_share", text, pytest.approx(0.85), met)


def test_judge__a_part_of_the_fleet(replications):
    """A cohort is judged by its own numbers, under the key that the file has."""
    verdict = verdict_of("by_cohort.north.success_share", "== 100 %", replications)

    assert verdict == ("by_cohort.north.success_share", "== 100 %", 1.0, True)
    assert not verdict_of("by_cohort.south.success_share", ">= 71 %", replications).met


@pytest.mark.parametrize(("share", "met"), [("50 %", True), ("51 %", False), ("25 %", True)])
def test_judge__a_share_of_the_replications(replications, share, met):
    """Two of four replications have 90 % or more; that share is what is compared."""
    verdict = verdict_of("success_share", f">= 90 % in at least {share} of replications", replications)

    assert verdict.actual == 0.5
    assert verdict.met is met


@pytest.mark.parametrize(
    ("key", "text", "actual"),
    [
        ("succeeded", "at 5 min: >= 5", 5),
        ("succeeded", "at 5 min 59 s: == 5", 5),
        ("success_share", "at 0 s: == 0", 0),
        ("pending", "at 5 min: == 5", 5),
        ("failed", "at 20 h: == 1.5", 1.5),
        ("failed_share", "at 20 h: == 15 %", 0.15),
        ("stopped", "at 1 h: == 0", 0),
    ],
)
def test_judge__a_time_in_the_run(replications, key, text, actual):
    """The value is that of the last grid line at or before the time, and stays after the run's end."""
    verdict = verdict_of(key, text, replications)

    assert verdict.actual == pytest.approx(actual)
    assert verdict.met


def test_judge__a_million_devices_and_one_are_more_than_the_share(make_run):
    """A mean of counts is compared exactly: one failure too many in one of many runs is one too many."""
    runs = [condense(make_run([SUCCESS] * 71 + [FAIL] * 29), keep=False)] * 3
    exact = replace(runs[0], metrics={**runs[0].metrics, "failed_share": 290_001 / 1_000_000})
    many = [replace(exact, metrics={**exact.metrics, "failed_share": 0.29})] * 9_999

    assert verdict_of("failed_share", "<= 29 %", runs).met
    assert verdict_of("failed_share", "== 29 %", runs).met
    assert not verdict_of("failed_share", "> 29 %", many).met
    assert verdict_of("failed_share", "> 29 %", [*many, exact]).met
    assert not verdict_of("failed_share", "<= 29 %", [*many, exact]).met
    assert verdict_of("failed_share", "<= 29 % in at least 29 % of replications", runs).met


@pytest.mark.parametrize(("share", "met"), [("29 %", True), ("29.001 %", False)])
def test_judge__exactly_the_wanted_share_of_replications(replications, share, met):
    """29 of 100 replications are 29 %."""
    failing, good = [replications[3]] * 71, [replications[0]] * 29

    text = f"== 100 % in at least {share} of replications"
    assert verdict_of("success_share", text, [*failing, *good]).met is met


def test_judge__never_is_later_than_any_time(replications):
    """A time that one replication never reaches breaks every upper bound and keeps a lower one."""
    key = "time_to_success.p99"

    assert verdict_of(key, "<= 30 d", replications) == (key, "<= 30 d", None, False)
    assert verdict_of(key, ">= 30 d", replications).met
    share = verdict_of(key, "<= 1 h in at least 25 % of replications", replications)
    assert (share.actual, share.met) == (0.25, True)


def test_judge__where_nothing_failed_recovery_is_as_expected(make_run):
    """Nobody needed recovery: no expectation about it is broken, although there is no value."""
    calm = [condense(make_run([SUCCESS] * 3), keep=False)]

    assert verdict_of("recovered_share", ">= 90 %", calm) == ("recovered_share", ">= 90 %", None, True)
    assert verdict_of("time_to_recovery.p95", "<= 1 h", calm).met


def test_judge__failures_that_never_recover_are_no_empty_case(make_run):
    """If devices needed recovery and never had it, the time is never, not undefined."""
    lost = [condense(make_run([SUCCESS, FAIL], first_failure_s=[-1, 60]), keep=False)]

    assert not verdict_of("time_to_recovery.p95", "<= 1 h", lost).met


@pytest.mark.parametrize(
    ("text", "baseline", "met"),
    [
        ("within 2 % of baseline", 8.4, True),
        ("within 2 % of baseline", 8.2, False),
        ("within 1 of baseline", 9.5, True),
        ("within 1 of baseline", 9.6, False),
        ("within 1 of baseline", None, None),
    ],
)
def test_judge__a_baseline(replications, text, baseline, met):
    """The margin is in the metric's unit or relative; without a baseline there is no verdict."""
    known = {} if baseline is None else {"succeeded": baseline}

    assert verdict_of("succeeded", text, replications, baseline=known).met is met
