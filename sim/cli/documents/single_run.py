"""The document of a run."""

from __future__ import annotations

from sim.cli.documents.base import Estimate, Part, Written


class MetricPart(Estimate):
    """A metric of the fleet."""

    values: list[float | None]
    """One a replication."""


class TimeSpentPart(Part):
    """Where the time of a part of the fleet went."""

    devices: float | None
    """How many devices it is."""
    device_time_s: float
    """Their time together, seconds."""
    seconds: dict[str, float]
    """Seconds by what went on, like `ready_queue`, `offline`, `transfer`."""
    share: dict[str, float | None]
    """Shares of that time, 0 to 1."""


class HeldUpPart(Part):
    """Where the time of the devices went until they succeeded or the run ended."""

    fleet: TimeSpentPart
    """All of them."""
    by_cohort: dict[str, TimeSpentPart]
    """By name of the cohort."""
    slowest_1_percent: TimeSpentPart
    """The slowest hundredth."""


class AttemptPart(Part):
    """Devices that began an attempt, and that ended with it."""

    attempt: int
    """Number of the attempt, from 1."""
    started: float | None
    """Devices that began it."""
    succeeded: float | None
    """Devices that succeeded in it."""


class CallPart(Part):
    """Calls of one kind with one answer, as means over replications."""

    call: str
    """`create`, `retry`, `stop`, `confirm` or `delete`."""
    http_status: int
    """The answer's status."""
    error_code: str | None
    """The vendor's code if the whole call was refused."""
    error_msg: str | None
    """Its text."""
    calls: float | None
    """How many."""
    accepted: float | None
    """Targets acted upon."""
    refused: float | None
    """Targets refused one by one."""


class RefusalPart(Part):
    """Targets refused for one reason, as means over replications."""

    call: str
    """The call."""
    error_code: str
    """The vendor's code."""
    error_msg: str
    """Its text."""
    targets: float | None
    """How many."""


class TaskPart(Part):
    """A batch task of the first replication."""

    task_id: str
    """Its id."""
    status: str
    """Its state when the run ended."""
    progress: dict[str, int]
    """Devices by state."""


class VerdictPart(Part):
    """An expectation of the scenario, judged."""

    metric: str
    """What it is about, as the scenario names it."""
    expected: str
    """What must hold."""
    actual: float | None
    """The mean, or the share of replications in which it held; null for a time never reached."""
    met: bool | None
    """Whether it holds; null if it needs a baseline."""


class DifferencePart(Part):
    """How a metric differs, as means over pairs of replications."""

    first: float | None
    """Mean of the first side, the scenario as it is; null where it is not defined."""
    second: float | None
    """Mean of the second side."""
    difference: float | None
    """Mean of second minus first, pair by pair."""
    low: float | None
    """Lower end of its 95 % interval; null for a single pair, and where all pairs differ by as much."""
    high: float | None
    """Its upper end."""
    pairs: int
    """Pairs in which it is defined on both sides."""


class WithoutPart(Part):
    """Two campaigns with the same devices and draws, pair by pair: with and without something, say."""

    headline: str
    """The difference in a sentence."""
    scenario: str
    """Name of the scenario."""
    seed: int
    """Key of all draws."""
    digest: str
    """SHA-256 over the records of both sides."""
    pairs: int
    """Pairs of replications with the same draws."""
    first: str
    """What the first side is called."""
    second: str
    """What the second side is called."""
    without: str | None
    """What the second side lacks; null if it is another scenario."""
    metrics: dict[str, DifferencePart]
    """Every metric by name."""


class LimitPart(Part):
    """One thing that limited the campaign."""

    name: str
    """A part of `held_up`, or `work`, `gate`, `end_of_run`, `soak` or `task_start`."""
    text: str
    """In words, like `places in Processing (800)`."""
    share: float
    """0 to 1 of what `of` says."""
    of: str
    """`device_time`, `devices` or `campaign_time`."""
    fields: list[str]
    """Fields of the scenario that set it."""


class RunDocument(Written):
    """A run: `summary.json`, and what only the command knows."""

    scenario: str
    """Name of the scenario."""
    seed: int
    """Key of all draws."""
    replications: int
    """Runs with other luck."""
    digest: str
    """SHA-256 over all records of devices: equal digests mean equal runs."""
    plane: str
    """How devices were simulated: `compiled` or `simpy`; the results are the same."""
    wall_s: float
    """How long the runs took, seconds; time for compiling is not counted."""
    headline: str
    """What came out, and what limited it, in a sentence or two."""
    limited_by: list[LimitPart]
    """What limited the campaign, the most important first."""
    metrics: dict[str, MetricPart]
    """By name; the scenario reference has the list, with units."""
    by_cohort: dict[str, dict[str, float | None]]
    """Means by cohort and metric."""
    held_up: HeldUpPart
    """Where the time went."""
    by_code: dict[str, float | None]
    """Devices by the code of their last failure."""
    by_attempt: list[AttemptPart]
    """Devices by attempt."""
    by_call: list[CallPart]
    """Calls to the service by their answer."""
    by_refusal: list[RefusalPart]
    """Refused targets by reason."""
    tasks: list[TaskPart]
    """Batch tasks."""
    what_if: list[str]
    """Extensions beyond the vendor's rules that were in force."""
    notes: list[str]
    """What a reader must know beside the numbers."""
    remarks: list[str]
    """What the command adds to it."""
    without: WithoutPart | None
    """What `--without` changes; null without that option."""
    expectations: list[VerdictPart]
    """What the scenario expects, and whether it came so."""
    trace: str | None
    """The trace of the first replication that `--trace` wrote; null without that option."""


class FolderRunPart(RunDocument):
    """The run of one scenario file."""

    file: str
    """The file."""


class RunsDocument(Part):
    """The runs of all scenarios below a folder."""

    passed: bool
    """Whether all of them met what they expect."""
    runs: list[FolderRunPart]
    """The runs, by their files' paths."""
