"""Expectations: the metrics they may name and the forms they may have."""

import pytest

from sim.scenario import Expectation, MetricKind, parse_scenario
from sim.scenario.metrics import COHORT_METRICS
from sim.scenario.sections.expectation import UnknownMetricError, parse_expectation


def expectation(key: str, text: str) -> Expectation:
    """Return an expectation as a scenario holds it."""
    return Expectation.model_validate((key, text))


@pytest.mark.parametrize(
    ("key", "text", "op", "value"),
    [
        ("success_share", ">= 98 %", ">=", 0.98),
        ("success_share", ">=0.98", ">=", 0.98),
        ("time_to_success.p95", "<= 12 h", "<=", 43_200.0),
        ("makespan", "<2h30m", "<", 9000.0),
        ("failed", "== 0", "==", 0.0),
        ("attempts_per_device", "> 1.05", ">", 1.05),
        ("bytes_wasted", "<= 1.5 GiB", "<=", 1_610_612_736.0),
        ("peak_bandwidth", "<= 1 Gbit/s", "<=", 1.25e8),
    ],
)
def test_expectation__compares(key: str, text: str, op: str, value: float) -> None:
    """A comparison is read in the unit of its metric."""
    read = expectation(key, text)
    assert (read.metric, read.op, read.value, read.text) == (key, op, value, text)
    assert (read.cohort, read.at, read.replications, read.relative) == (None, None, None, False)


def test_expectation__by_cohort() -> None:
    """A metric may be asked of one cohort."""
    read = expectation("by_cohort.gateway-4g.time_to_success.p50", "<= 1 h")
    assert (read.metric, read.cohort, read.kind) == ("time_to_success.p50", "gateway-4g", MetricKind.TIME)


def test_expectation__at_a_time() -> None:
    """A share may be asked at a time within the run."""
    read = expectation("success_share", "at 6 h: >= 50 %")
    assert (read.at, read.op, read.value) == (21_600.0, ">=", 0.5)


def test_expectation__in_replications() -> None:
    """A comparison may have to hold in a share of the replications."""
    read = expectation("failed", "<= 5 in at least 90 % of replications")
    assert (read.replications, read.op, read.value) == (0.9, "<=", 5.0)


@pytest.mark.parametrize(
    ("text", "value", "relative"),
    [("within 2 % of baseline", 0.02, True), ("within 10 min of baseline", 600.0, False)],
)
def test_expectation__within_of_baseline(text: str, value: float, relative: bool) -> None:
    """A margin around the baseline is relative if it is a percentage, else in the metric's unit."""
    read = expectation("makespan", text)
    assert (read.op, read.value, read.relative) == ("within", value, relative)


@pytest.mark.parametrize(
    ("key", "text", "message"),
    [
        (
            "success_share",
            "98 %",
            '\'98 %\' is no expectation; write a comparison, like ">= 98 %" or "<= 12 h"',
        ),
        (
            "success_share",
            "=> 98 %",
            '\'=> 98 %\' is no expectation; write a comparison, like ">= 98 %" or "<= 12 h"',
        ),
        ("success_share", ">= 98", "'98' is more than 1 (100 %); did you mean '98 %'?"),
        ("failed", "<= many", "'many' is no number >= 0"),
        ("failed", "<= -1", "'-1' is no number >= 0"),
        ("failed", "<= 5 in at least 900 % of replications", "'900 %' is more than 1 (100 %)"),
        (
            "by_cohort.north.success_share",
            "at 1 h: >= 5 %",
            "a cohort's metrics have no value at a time, only the whole fleet's have",
        ),
        ("makespan", "within 200 % of baseline", "'200 %' is more than 1 (100 %)"),
        (
            "makespan",
            "at 1 h: <= 3 h",
            (
                "makespan has no value at a time; only failed, failed_share, pending, stopped, succeeded, "
                "success_share have"
            ),
        ),
    ],
)
def test_expectation__refuses(key: str, text: str, message: str) -> None:
    """A text that says nothing about its metric is refused."""
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the whole message is compared
        parse_expectation(key, text)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("sucess_share", "unknown metric 'sucess_share'; did you mean 'success_share'? allowed: devices, "),
        ("time_to_succes.p95", "unknown metric 'time_to_succes.p95'; did you mean 'time_to_success.p95'? "),
        ("by_cohort.a.peak_downloads", "unknown metric 'peak_downloads'; "),
        ("by_cohort", "unknown metric ''; allowed: devices, "),
    ],
)
def test_expectation__unknown_metric(key: str, message: str) -> None:
    """What no run measures is refused, with the nearest name and all of them."""
    with pytest.raises(UnknownMetricError) as caught:
        parse_expectation(key, "== 0")
    assert str(caught.value).startswith(message)
    if key.startswith("by_cohort."):
        assert str(caught.value).partition("allowed: ")[2].split(", ") == list(COHORT_METRICS)


def test_expectation__several_of_one_metric(base: str) -> None:
    """A list of texts expects several things of one metric."""
    scenario = parse_scenario(base + 'expect: {failed: ["<= 5", ">= 1"]}\n')
    assert [(e.metric, e.op, e.value) for e in scenario.expectations] == [
        ("failed", "<=", 5.0),
        ("failed", ">=", 1.0),
    ]


def test_expectation__unknown_metric_is_reported_at_its_key(base: str) -> None:
    """The position is that of the wrong word."""
    with pytest.raises(
        Exception, match=r"^x\.yaml:7:10: expect\.sucess_share: unknown metric 'sucess_share'; "
    ):
        parse_scenario(base + "expect: {sucess_share: '>= 98 %'}\n", "x.yaml")
