"""The table of metrics: every kind is there, and every metric has words of its own."""

from sim.scenario.metrics import (
    COHORT_METRICS,
    COST_METRICS,
    METRICS,
    STUDY_METRICS,
    MetricKind,
    metric_label,
)


def test_metrics__of_each_kind() -> None:
    """No kind is without a metric, and no two metrics share a name."""
    assert {metric.kind for metric in METRICS.values()} == set(MetricKind)
    assert all(name == metric.name for name, metric in METRICS.items())


def test_metrics__peaks_calls_and_costs_belong_to_the_fleet_alone() -> None:
    """A cohort has every metric but the peaks of the platform, the number of calls and the costs."""
    fleet_only = {"peak_processing", "peak_downloads", "peak_bandwidth", "api_calls", "retry_calls"}
    fleet_only |= {*COST_METRICS}
    assert METRICS.keys() - set(COHORT_METRICS) == fleet_only


def test_metrics__what_studies_show_keeps_the_order_of_the_summary() -> None:
    """A reader finds metrics of a study in the order in which a run tells them."""
    assert [name for name in METRICS if name in STUDY_METRICS] == list(STUDY_METRICS)


def test_metric_label__every_metric_has_words() -> None:
    """No metric is shown by its bare name, and no two by the same words."""
    labels = [metric_label(name) for name in METRICS]
    assert not any("_" in label for label in labels)
    assert len(set(labels)) == len(labels)
    assert metric_label("by_cohort.meter.failed") == "devices in Fail, cohort meter"
    assert metric_label("time_to_success.p99") == "time until 99 % of the fleet is in Success"
