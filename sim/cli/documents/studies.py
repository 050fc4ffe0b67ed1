"""The documents of studies."""

from __future__ import annotations

from pydantic import ConfigDict

from sim.cli.documents.base import Estimate, Part, Values, Written


class StudyDocument(Written):
    """What all studies say of themselves."""

    scenario: str
    """Name of the scenario."""
    seed: int
    """Key of all draws."""
    digest: str
    """SHA-256 over the records of all runs: equal digests mean equal studies."""
    headline: str
    """The answer in one or two sentences."""
    replications: int
    """Runs at each point."""
    reused: int
    """Runs that were found in the folder."""


class ComparedMetric(Estimate):
    """A metric at one point, and how it differs from the first point, replication by replication."""

    difference: float | None
    """Mean paired difference from the first point."""
    difference_low: float | None
    """Lower end of its 95 % interval."""
    difference_high: float | None
    """Its upper end."""


class PointPart(Part):
    """A point of a grid."""

    values: Values
    """Values of the fields that vary, as a scenario file writes them, by path."""
    metrics: dict[str, ComparedMetric]
    """Every metric by name."""


class SweepDocument(StudyDocument):
    """What happens at each point of a grid."""

    fields: list[str]
    """The fields that vary; the last one varies fastest."""
    precision: str | None
    """How the number of replications came about; null if it was given."""
    points: list[PointPart]
    """The points; the first one is what the others are compared with."""


class BeforePart(Part):
    """The neighbour of an answer that is not good enough."""

    value: str | float | bool | None
    """Its value as a scenario file writes it."""
    held: int
    """Replications in which the goals held."""


class PlannedPart(Part):
    """One search; with a second field, one for each of its values, which stands here under its path."""

    model_config = ConfigDict(use_attribute_docstrings=True, extra="allow")

    value: str | float | bool | None
    """The answer as a scenario file writes it; null if the goals are out of reach."""
    held: int | None
    """Replications in which the goals held there."""
    interval: list[float] | None
    """Wilson's 95 % interval of that share."""
    before: BeforePart | None
    """The neighbour that is not good enough; null if the answer is the end of the range."""
    until: str | float | bool | None
    """Up to where it stays good enough, if some goals go along the range."""
    is_monotonic: bool
    """Whether nothing that was seen contradicts that more is better."""
    odd_replications: int
    """Replications in which a goal held somewhere and not at some value that should be better."""
    seen: int
    """Values that were looked at."""
    is_done: bool
    """Whether nothing was left to look into."""


class SeenPart(Part):
    """A value that was looked at."""

    values: Values
    """Values of the fields by path."""
    replications: int
    """Runs there."""
    held: int
    """Runs in which all goals held."""
    share: float
    """Their share."""
    share_low: float
    """Lower end of its 95 % interval."""
    share_high: float
    """Its upper end."""
    is_good: bool
    """Whether that is often enough."""
    is_answer: bool
    """Whether it is the answer."""
    metrics: dict[str, float | None]
    """Mean of every metric by name."""


class PlanDocument(StudyDocument):
    """The smallest or largest value with which goals hold: `plan.json`, and what was looked at."""

    goals: list[str]
    """What must hold."""
    confidence: float
    """In which share of replications."""
    looked_for: str
    """`smallest` or `largest`."""
    field: str
    """Path of the field."""
    range: list[str | float | bool]
    """First and last value of its range."""
    answers: list[PlannedPart]
    """One, or one for each value of a second field."""
    order: str | None
    """Whether the order of devices matters at the answer."""
    why: str | None
    """If goals are out of reach, what kept devices from being upgraded where they were nearest."""
    seen: list[SeenPart]
    """What was looked at."""


class PolicyPart(Part):
    """An automatic retry policy."""

    retry_count: int
    """Automatic retries."""
    retry_interval_min: int | None
    """Minutes between them; null without any."""


class ObjectivePart(Estimate):
    """An objective of one policy: all are better the less."""

    vs_advice: Estimate
    """Paired difference from the console's advice."""
    vs_none: Estimate
    """Paired difference from no automatic retry."""


class FinalistPart(PolicyPart):
    """A policy that was looked at in all replications."""

    on_front: bool
    """Whether no other one beats it."""
    objectives: dict[str, ObjectivePart]
    """By name: `time`, `not_upgraded`, `extra_attempts`, `bytes_wasted`, `peak`."""


class PolicyDocument(StudyDocument):
    """The automatic retry policies that no other one beats."""

    looked_at: int
    """Policies that were looked at, of 7,201."""
    exhaustive: bool
    """Whether these are all of them."""
    screen: int
    """Replications of the first look."""
    tolerance: float
    """Values that differ by a smaller share count as equal."""
    metrics: dict[str, str]
    """Metric whose name and unit each objective has."""
    best: PolicyPart | None
    """Most devices upgraded, then fastest; null if nothing tells policies apart."""
    why: str | None
    """What keeps devices from being upgraded without any retry; null if nothing does."""
    advice: PolicyPart
    """What the vendor's console suggests."""
    beats_advice: list[PolicyPart]
    """As good as the advice in everything, and better in something."""
    finalists: list[FinalistPart]
    """None, the advice, and the front of the first look, over all replications."""


class FieldPart(Part):
    """How much one field matters to one metric."""

    first: float | None
    """First-order Sobol index: the share of the variance that goes away once the field is known."""
    first_low: float | None
    """Lower end of its 95 % interval."""
    first_high: float | None
    """Its upper end."""
    total: float | None
    """Total index: the share that stays if all other fields are known."""
    total_low: float | None
    """Lower end of its 95 % interval."""
    total_high: float | None
    """Its upper end."""


class MatterPart(Part):
    """How much the fields matter to one metric."""

    fields: dict[str, FieldPart]
    """By path."""
    together: float | None
    """Share of the variance that no field explains alone."""
    together_low: float | None
    """Lower end of its 95 % interval."""
    together_high: float | None
    """Its upper end."""


class SensitivityDocument(StudyDocument):
    """Which fields matter to which metrics."""

    samples: int
    """Base samples of the design."""
    fields: list[str]
    """The fields that vary."""
    metrics: dict[str, MatterPart | None]
    """By metric; null for one that is not defined at every point."""


class SpreadPart(Estimate):
    """A metric over the replications."""

    q05: float | None
    """5 % of single runs are below."""
    q50: float | None
    """Median of single runs."""
    q95: float | None
    """95 % of single runs are below."""
    n: int
    """Replications in which it is defined."""


class ReplicationsDocument(StudyDocument):
    """What replications of one scenario say, as `sim.replicate` finds it."""

    precision: str | None
    """How the number of replications came about; null if it was given."""
    metrics: dict[str, SpreadPart]
    """Every metric by name."""
