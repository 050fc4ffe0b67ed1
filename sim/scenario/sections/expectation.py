"""`expect`: what a scenario says about its metrics.

    [at TIME:] (OPERATOR VALUE | within VALUE of baseline) [in at least SHARE of replications]

The operator is one of < <= == >= >. VALUE is in the metric's unit; after `within` it may also be a
percentage, which is then relative to the baseline.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, Literal

from pydantic import Field, SerializationInfo, model_serializer

from sim import units
from sim.scenario.metrics import COHORT_METRICS, METRICS, MetricKind
from sim.scenario.section import Part
from sim.scenario.short.dates import Dated
from sim.scenario.suggest import unknown
from sim.units import shown

_FORM = re.compile(
    r"(?:at\s+(?P<at>[^:]+?)\s*:\s*)?"
    r"(?:(?P<op><=|>=|==|<|>)\s*(?P<value>\S.*?)|within\s+(?P<margin>\S.*?)\s+of\s+baseline)"
    r"(?:\s+in\s+at\s+least\s+(?P<replications>\S.*?)\s+of\s+replications)?"
)


def _number(value: object) -> float:
    text = str(value).strip()
    if re.fullmatch(r"[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]{1,2})?", text) is None:
        raise ValueError(f"{shown(text)} is no number >= 0")
    return float(text)


_PARSERS: Mapping[MetricKind, Callable[[object], float]] = {
    MetricKind.COUNT: _number,
    MetricKind.NUMBER: _number,
    MetricKind.SHARE: units.parse_share,
    MetricKind.TIME: units.parse_duration,
    MetricKind.SIZE: units.parse_size,
    MetricKind.RATE: units.parse_rate,
    MetricKind.MONEY: lambda value: units.parse_price(value).amount,
}


class UnknownMetricError(ValueError):
    """An expectation names something that no run measures: its key is wrong, not its text."""


class Expectation(Part):
    """One line of `expect`, read."""

    metric: str = Field(description="Name of the metric, like `time_to_success.p95`.")
    cohort: str | None = Field(default=None, description="Cohort whose value is meant; None for the fleet.")
    op: Literal["<", "<=", "==", ">=", ">", "within"] = Field(description="How to compare.")
    value: float = Field(
        description="Bound, or margin if `op` is `within`; in seconds, bytes, bytes/s, 0 to 1."
    )
    relative: bool = Field(default=False, description="The margin is a share of the baseline's value.")
    at: float | None = Field(default=None, description="Time in the run, in seconds; None for its end.")
    replications: float | None = Field(
        default=None,
        description="Share of the replications in which it must hold, 0 to 1; None for the mean of all.",
    )
    currency: str | None = Field(default=None, description="Currency of a bound of costs; None for others.")
    text: str = Field(description="As the file writes it, a time instead of a date.")
    written: str = Field(description="As the file writes it.")

    @classmethod
    def expand(cls, data: Any) -> Any:
        """Read the pair of a key and its text; anything else as it is."""
        return parse_expectation(*data) if isinstance(data, tuple) and len(data) == 2 else data

    @property
    def kind(self) -> MetricKind:
        """What the metric measures."""
        return METRICS[self.metric].kind

    @model_serializer
    def _serialize(self, info: SerializationInfo) -> dict[str, Any]:
        """Leave the text out: how it was written is no part of what it says."""
        without = {"text", "written"} | (set() if self.currency is not None else {"currency"})
        return {name: getattr(self, name) for name in type(self).model_fields if name not in without}


def parse_expectation(key: object, text: object) -> dict[str, Any]:
    """Read one expectation.

    Args:
        key: Name of a metric, or `by_cohort.NAME.METRIC`.
        text: What is expected, like `>= 98 %`.

    Returns:
        The fields of an `Expectation`.

    Raises:
        UnknownMetricError: There is no such metric.
        ValueError: The text can't be read.
    """
    metric, cohort = _metric_and_cohort(str(key))
    if not isinstance(text, str):
        raise ValueError(f'{shown(text)} is no expectation; write a comparison in quotes, like ">= 98 %"')
    match = _FORM.fullmatch(text.strip())
    if match is None:
        raise ValueError(f'{shown(text)} is no expectation; write a comparison, like ">= 98 %" or "<= 12 h"')
    if match["at"] is not None and not METRICS[metric].at_a_time:
        timed = sorted(name for name, spec in METRICS.items() if spec.at_a_time)
        raise ValueError(f"{metric} has no value at a time; only {', '.join(timed)} have")
    if match["at"] is not None and cohort is not None:
        raise ValueError("a cohort's metrics have no value at a time, only the whole fleet's have")
    relative = match["margin"] is not None and match["margin"].endswith("%")
    parse = units.parse_share if relative else _PARSERS[METRICS[metric].kind]
    bound = match["value"] or match["margin"]
    is_money = METRICS[metric].kind is MetricKind.MONEY and not relative
    return {
        "metric": metric,
        "cohort": cohort,
        "op": match["op"] or "within",
        "value": float(parse(bound)),
        "relative": relative,
        "at": None if match["at"] is None else units.parse_duration(match["at"]),
        "replications": None if match["replications"] is None else units.parse_share(match["replications"]),
        "currency": units.parse_price(bound).currency if is_money else None,
        "text": str(text),
        "written": text.written if isinstance(text, Dated) else text,
    }


def _metric_and_cohort(key: str) -> tuple[str, str | None]:
    """Split `by_cohort.NAME.METRIC`; refuse what no run measures."""
    by_cohort, _, rest = key.partition(".")
    if by_cohort == "by_cohort":
        cohort, _, metric = rest.partition(".")
        if metric in COHORT_METRICS:
            return metric, cohort
        allowed = list(COHORT_METRICS)
    else:
        metric, allowed = key, list(METRICS)
        if metric in METRICS:
            return metric, None
    raise UnknownMetricError(unknown("metric", metric, allowed))
