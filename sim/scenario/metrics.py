"""Every metric of a run: its name, kind, words and places, in one table.

Whatever needs to know about metrics reads it here: the keys of `expect` and the JSON Schema, the reference
page, the order of `summary.json`, labels in reports, the margins of baselines, what studies show. Only the
value itself is worked out elsewhere, in `sim.results.metrics`.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final, NamedTuple


class MetricKind(StrEnum):
    """What a metric measures, hence how its values are written."""

    COUNT = "count"
    """A whole number."""
    NUMBER = "number"
    """A number without a unit."""
    SHARE = "share"
    """0 to 1, or a percentage."""
    TIME = "time"
    """Seconds."""
    SIZE = "size"
    """Bytes."""
    RATE = "rate"
    """Bytes per second."""
    MONEY = "money"
    """An amount in the currency of the scenario's costs."""


class MetricSpec(NamedTuple):
    """What is known of a metric beside its value.

    Attributes:
        name: As in `summary.json` and in `expect`.
        kind: What it measures.
        label: The metric in plain words.
        by_cohort: Whether each cohort has it too, not only the whole fleet.
        at_a_time: Whether it can be read off the curves at a time within the run.
        in_studies: Whether studies show it when nobody names metrics.
        counts_events: Whether it counts events rather than devices, so that a single one matters.
    """

    name: str
    kind: MetricKind
    label: str
    by_cohort: bool = True
    at_a_time: bool = False
    in_studies: bool = False
    counts_events: bool = False


PERCENTS: Final = (50, 90, 95, 99)
"""Percentages of devices for which times are told."""

HELD_UP: Final[Mapping[str, str]] = {
    "ready_queue": "ready queue",
    "place_queue": "cell or site place",
    "offline": "offline",
    "window": "window closed",
    "outage": "outage or freeze",
    "query": "query",
    "coverage": "coverage",
    "download_place": "download place",
    "download": "download",
    "shared_link": "shared link",
    "verify": "verify",
    "install": "install",
    "reboot": "reboot",
    "timer": "silent until a timer",
    "retry_wait": "retry wait",
    "call_wait": "waiting for a retry call",
}
"""What the time of devices goes to, in words, by the names that metrics give it; in the order of
`sim.fleet.held_up.Hold`."""

_SUCCESS_IN_STUDIES: Final = (50, 95, 99)
_RECOVERY_IN_STUDIES: Final = (95,)
_COUNT, _SHARE, _TIME = MetricKind.COUNT, MetricKind.SHARE, MetricKind.TIME

_TABLE: Final = (
    MetricSpec("devices", _COUNT, "devices"),
    MetricSpec("succeeded", _COUNT, "devices in Success", at_a_time=True, in_studies=True),
    MetricSpec("failed", _COUNT, "devices in Fail", at_a_time=True, in_studies=True),
    MetricSpec("stopped", _COUNT, "devices in Stopped", at_a_time=True),
    MetricSpec("pending", _COUNT, "devices still pending", at_a_time=True),
    MetricSpec("success_share", _SHARE, "share of the fleet in Success", at_a_time=True, in_studies=True),
    MetricSpec("failed_share", _SHARE, "share of the fleet in Fail", at_a_time=True),
    MetricSpec("attempts", _COUNT, "attempts", in_studies=True),
    MetricSpec("attempts_per_device", MetricKind.NUMBER, "attempts a device"),
    MetricSpec("auto_retries", _COUNT, "automatic retries"),
    MetricSpec("manual_retries", _COUNT, "manual retries"),
    MetricSpec(
        "first_attempt_success_share", _SHARE, "share that succeeds at the first attempt", in_studies=True
    ),
    MetricSpec("needed_recovery", _COUNT, "devices whose first attempt failed"),
    MetricSpec("recovered", _COUNT, "devices that recovered"),
    MetricSpec(
        "recovered_share", _SHARE, "share that recovers after a failed first attempt", in_studies=True
    ),
    *(
        MetricSpec(
            f"time_to_success.p{percent}",
            _TIME,
            f"time until {percent} % of the fleet is in Success",
            in_studies=percent in _SUCCESS_IN_STUDIES,
        )
        for percent in PERCENTS
    ),
    *(
        MetricSpec(
            f"time_to_recovery.p{percent}",
            _TIME,
            f"time until {percent} % of failed first attempts are made good",
            in_studies=percent in _RECOVERY_IN_STUDIES,
        )
        for percent in PERCENTS
    ),
    MetricSpec("makespan", _TIME, "time until the last device has settled", in_studies=True),
    MetricSpec(
        "peak_processing",
        _COUNT,
        "most devices in Processing at once",
        by_cohort=False,
        in_studies=True,
        counts_events=True,
    ),
    MetricSpec("peak_downloads", _COUNT, "most downloads at once", by_cohort=False, counts_events=True),
    MetricSpec("peak_bandwidth", MetricKind.RATE, "highest bandwidth", by_cohort=False),
    MetricSpec("bytes_downloaded", MetricKind.SIZE, "bytes downloaded"),
    MetricSpec("bytes_wasted", MetricKind.SIZE, "bytes of failed attempts", in_studies=True),
    MetricSpec("api_calls", _COUNT, "API calls", by_cohort=False, counts_events=True),
    MetricSpec("retry_calls", _COUNT, "retry calls", by_cohort=False, counts_events=True),
    MetricSpec("retry_targets_accepted", _COUNT, "targets that retry calls took"),
    MetricSpec("retry_targets_refused", _COUNT, "targets that retry calls refused"),
    MetricSpec("cost", MetricKind.MONEY, "cost of the campaign", by_cohort=False, in_studies=True),
    MetricSpec("cost_traffic", MetricKind.MONEY, "cost of downloads", by_cohort=False),
    MetricSpec("cost_attempts", MetricKind.MONEY, "cost of attempts", by_cohort=False),
    MetricSpec(
        "cost_visits", MetricKind.MONEY, "cost of visits to devices that did not succeed", by_cohort=False
    ),
    MetricSpec("cost_days", MetricKind.MONEY, "cost of the time that it takes", by_cohort=False),
    *(
        MetricSpec(f"held_up.{name}", _SHARE, f"share of device-time: {words}")
        for name, words in HELD_UP.items()
    ),
)

COST_METRICS: Final = ("cost", "cost_traffic", "cost_attempts", "cost_visits", "cost_days")
"""Metrics of runs whose scenario has costs."""

METRICS: Final[Mapping[str, MetricSpec]] = {metric.name: metric for metric in _TABLE}
"""Every metric of a run by its name, in the order of `summary.json`."""

COHORT_METRICS: Final = tuple(metric.name for metric in _TABLE if metric.by_cohort)
"""Metrics that a cohort has too, in the order of `summary.json`."""

TIMES_OF_EACH_DEVICE: Final = frozenset(f"time_to_recovery.p{percent}" for percent in PERCENTS)
"""Times that count from the first failure of each device; all others count from the start of the run."""

STUDY_METRICS: Final = tuple(metric.name for metric in _TABLE if metric.in_studies)
"""What studies show when nobody names metrics, in the order of `summary.json`."""


def metric_label(name: str) -> str:
    """Return a metric in plain words.

    Args:
        name: As in `summary.json`, perhaps `by_cohort.NAME.METRIC`.
    """
    if name.startswith("by_cohort."):
        cohort, _, metric = name.removeprefix("by_cohort.").partition(".")
        return f"{metric_label(metric)}, cohort {cohort}"
    return METRICS[name].label
