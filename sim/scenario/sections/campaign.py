"""`campaign`: the package, the retry policy, waves with gates, limits, and what-if extensions."""

from collections.abc import Iterator
from typing import ClassVar, Literal

from pydantic import Field

from sim.rules.limits import Limits as ServiceLimits
from sim.scenario.section import Fault, Part, Path, is_given, left_out, rule
from sim.scenario.sections.choosing import Selectors
from sim.scenario.values import (
    Count,
    Duration,
    Factor,
    Frequency,
    Name,
    PositiveDuration,
    RampFactor,
    RetryCount,
    RetryInterval,
    SelectedCode,
    Share,
    Since,
    Size,
    Tally,
    Version,
    written,
)
from sim.units import format_duration

_VENDOR = ServiceLimits()


class Package(Part):
    """What is rolled out."""

    version: Version = Field(description="Version after the upgrade: letters, digits, `_`, `-` and `.`.")
    size: Size = Field(description="Size in bytes, >= 1; every attempt downloads all of it, unless `resume`.")


class TaskPolicy(Part):
    """How each task starts and retries by itself."""

    retry_count: RetryCount = Field(
        default=0, description="Automatic retries of each target, 0 to 5; needs `retry_interval`."
    )
    retry_interval: RetryInterval | None = Field(
        default=None,
        description="Wait between a failure and its retry, in seconds: whole minutes from 1 min to 1440 min; "
        "needs `retry_count`.",
    )
    schedule_time: Duration | None = Field(
        default=None,
        description="How long after its creation a task starts, in seconds, at most `limits.schedule_ahead`; "
        "at once if absent. The vendor's field is a date; here it is relative, as every time is.",
    )

    @rule
    def _count_and_interval_come_together(self) -> Iterator[Fault]:
        for name, other in (("retry_count", "retry_interval"), ("retry_interval", "retry_count")):
            if is_given(self, other) and not is_given(self, name):
                yield Fault((name,), f"is missing; required with {other}")


class Gate(Part):
    """When to stop the campaign; at least one threshold."""

    failed_share_max: Share | None = Field(
        default=None, description="Largest allowed share of failed devices among those that ended, 0 to 1."
    )
    failed_count_max: Tally | None = Field(
        default=None, description="Largest allowed number of failed devices, >= 0."
    )
    of_at_least: Count | None = Field(
        default=None,
        description="Devices that must have ended before the share is looked at, >= 1. Without it the "
        "share is one of the whole wave: the gate trips once more devices have failed than that.",
    )

    of: Literal["ended", "first_attempts"] = Field(
        default="ended",
        description="What is counted: `ended`, devices by how they ended for good; or `first_attempts`, each "
        "device by its first attempt as soon as that is over, whatever retries bring later.",
    )

    @rule
    def _has_a_threshold(self) -> Iterator[Fault]:
        if self.failed_share_max is None and self.failed_count_max is None:
            yield Fault((), "a gate needs a threshold: 'failed_share_max' or 'failed_count_max'")


class Begin(Part):
    """When a wave begins, instead of when the one before has settled and soaked."""

    at: Since | None = Field(
        default=None,
        description="Time since the start of the run, in seconds, >= 0, or a date if `run.start` is given; "
        "whatever became of the wave before.",
    )
    ended: Share | None = Field(
        default=None,
        description="Share of the wave before that is in Success, Fail or Stopped, 0 to 1; the wave begins "
        "when it is reached.",
    )

    @rule
    def _says_one_thing(self) -> Iterator[Fault]:
        if self.at is None and self.ended is None:
            yield Fault((), "needs 'at' or 'ended'")
        if self.at is not None and self.ended is not None:
            yield Fault(("ended",), "not allowed beside 'at'; give one of them")


class Wave(Part):
    """One step of the rollout."""

    name: Name = Field(description="Name, unique in the file: letters, digits, `_` and `-`.")
    share: Share | None = Field(
        default=None,
        description="Share of the fleet reached once the wave is in, above the previous wave's, at most 1. "
        "Members are drawn at random. Beside `cohorts`, a share of the devices in other cohorts.",
    )
    cohorts: Selectors | None = Field(
        default=None,
        description="Members by cohort: all of their devices that are left. Names, patterns (`meters-*`) and "
        "labels (`region=north`); the latter two mean cohorts that no wave before has named.",
    )
    begin: Begin | None = Field(
        default=None,
        description="When the wave begins; once the one before has settled and soaked if absent.",
    )
    soak: Duration = Field(
        default=written("0 s"),
        description="Time between the wave's end and the next wave, in seconds, >= 0; not beside that one's "
        "`begin`.",
    )
    gate: Gate | None = Field(default=None, description="When to stop the campaign; never if absent.")

    @rule
    def _has_members(self) -> Iterator[Fault]:
        if self.share is None and self.cohorts is None:
            yield Fault((), "a wave needs a 'share' of the fleet, or 'cohorts'")


class Limits(Part):
    """Limits of the service; another edition of it may have others."""

    targets_per_task: Count = Field(
        default=_VENDOR.targets_per_task, description="Most targets of one task, >= 1."
    )
    targets_per_call: Count = Field(
        default=_VENDOR.targets_per_call, description="Most targets that one call names, >= 1."
    )
    tasks_in_progress: Count = Field(
        default=_VENDOR.tasks_in_progress, description="Tasks worked on at once, >= 1; more wait in order."
    )
    api_rate: Frequency = Field(
        default=written(f"{_VENDOR.api_calls_per_s} /s"), description="Calls to the API per second, > 0."
    )
    schedule_ahead: PositiveDuration = Field(
        default=written(f"{_VENDOR.schedule_ahead_s // 86_400} d"),
        description="How far ahead a task may be scheduled, in seconds, > 0.",
    )


class BackOff(Part):
    """The wait before retry k is `retry_interval` × factor^(k - 1)."""

    factor: Factor = Field(description="Growth of the wait from retry to retry, 1 to 100.")
    max: PositiveDuration | None = Field(
        default=None, description="Longest wait, in seconds, >= `retry_interval`; unlimited if absent."
    )


class Abort(Part):
    """When a dispatch ramp gives up: the campaign stops."""

    failed_share_max: Share = Field(
        description="Largest allowed share of failed devices among those that ended, 0 to 1."
    )
    of_at_least: Count = Field(default=1, description="Devices that must have ended before, >= 1.")


class DispatchRamp(Part):
    """Dispatch slowly at first, and faster after each so many devices."""

    base_rate: Frequency = Field(description="Dispatches per second at the beginning, > 0.")
    increment_factor: RampFactor = Field(description="Growth of the rate at each step, above 1, at most 100.")
    every: Count = Field(description="Devices after which the rate grows, >= 1.")
    counting: Literal["started", "succeeded"] = Field(
        default="started", description="Which devices count: `started` or `succeeded`."
    )
    max_rate: Frequency | None = Field(
        default=None, description="Highest rate, per second, >= `base_rate`; unlimited if absent."
    )
    abort: tuple[Abort, ...] = Field(default=(), description="When to stop the campaign; never if absent.")

    @rule
    def _rates_are_ordered(self) -> Iterator[Fault]:
        if self.max_rate is not None and self.max_rate < self.base_rate:
            yield Fault(("max_rate",), "is less than 'base_rate'")


class PenaltyBox(Part):
    """A device that fails too often in too short a time is left alone for a while."""

    failures: Count = Field(description="Failed attempts that put a device into the box, >= 1.")
    within: PositiveDuration = Field(description="In this much time, in seconds, > 0.")
    rest: PositiveDuration = Field(description="How long the device is not dispatched, in seconds, > 0.")


class WhatIf(Part):
    """Policies that the vendor does not have. Each result that used one says so."""

    of_retries: ClassVar[tuple[str, ...]] = ("back_off", "jitter", "retry_only_codes", "penalty_box")
    """Those that change automatic retries, and nothing where there are none."""

    back_off: BackOff | None = Field(default=None, description="Growing waits between automatic retries.")
    jitter: Literal["full", "equal", "decorrelated"] | None = Field(
        default=None, description="Randomness in the waits between automatic retries."
    )
    retry_only_codes: tuple[SelectedCode, ...] | None = Field(
        default=None,
        min_length=1,
        description="Failures that are retried automatically, by result code or by the name of a timeout; "
        "the others fail for good. All if absent.",
    )
    dispatch_ramp: DispatchRamp | None = Field(default=None, description="A dispatch rate that grows.")
    penalty_box: PenaltyBox | None = Field(default=None, description="A rest for devices that keep failing.")

    @property
    def names(self) -> tuple[str, ...]:
        """The extensions that are switched on, in the order above."""
        return tuple(name for name in type(self).model_fields if getattr(self, name) is not None)


class Campaign(Part):
    """What is rolled out, and how."""

    task_type: Literal["firmwareUpgrade", "softwareUpgrade"] = Field(
        default="firmwareUpgrade", description="Type of the batch tasks; a `softwareUpgrade` has no reboot."
    )
    package: Package = Field(description="What is rolled out.")
    task_policy: TaskPolicy = Field(
        default=left_out(), description="Automatic retry and schedule; no retry, at once, if absent."
    )
    need_confirm: bool = Field(
        default=False, description="Targets wait until a confirm call lets them start.", strict=True
    )
    order: Literal["shuffled", "file", "interleaved"] = Field(
        default="shuffled",
        description="Order in which a wave's devices are cut into tasks and dispatched: `shuffled`, anew in "
        "each replication (in a large cohort, where all are alike, the devices by their numbers); `file`, "
        "cohort by cohort, or row by row of an inventory; `interleaved`, cohorts in turn by their sizes.",
    )
    waves: tuple[Wave, ...] = Field(
        default=(), description="Steps of the rollout in order; the whole fleet at once if absent."
    )
    manual_retry_refills: bool = Field(
        default=False,
        description="A retry call gives its targets their automatic retries again.",
        strict=True,
    )
    limits: Limits = Field(default=left_out(), description="Limits of the service.")
    what_if: WhatIf = Field(default=left_out(), description="Policies that the vendor does not have.")

    @rule
    def _wave_names_are_unique(self) -> Iterator[Fault]:
        seen: dict[str, int] = {}
        for i_wave, wave in enumerate(self.waves):
            first = seen.setdefault(wave.name, i_wave)
            if first != i_wave:
                yield Fault(("waves", i_wave, "name"), f"'{wave.name}' is already the name of waves[{first}]")

    @rule
    def _waves_begin_one_way(self) -> Iterator[Fault]:
        latest: tuple[float, int] | None = None
        for i_wave, wave in enumerate(self.waves):
            if wave.begin is None:
                continue
            path: Path = ("waves", i_wave, "begin")
            if i_wave == 0 and wave.begin.ended is not None:
                yield Fault((*path, "ended"), "there is no wave before the first; allowed here: at")
            if i_wave > 0 and self.waves[i_wave - 1].soak > 0:
                soak = f"waves[{i_wave - 1}].soak ({format_duration(self.waves[i_wave - 1].soak)})"
                yield Fault(path, f"contradicts {soak}, after which this wave would begin", at_key=True)
            if wave.begin.at is not None:
                if latest is not None and wave.begin.at < latest[0]:
                    yield Fault(
                        (*path, "at"),
                        f"is before waves[{latest[1]}] ({format_duration(latest[0])}); waves begin in order",
                    )
                latest = (wave.begin.at, i_wave)

    @rule
    def _schedule_is_near(self) -> Iterator[Fault]:
        ahead, allowed = self.task_policy.schedule_time, self.limits.schedule_ahead
        if ahead is not None and ahead > allowed:
            yield Fault(
                ("task_policy", "schedule_time"),
                f"{format_duration(ahead)} is too far ahead; at most {format_duration(allowed)}",
            )

    @rule
    def _back_off_has_room(self) -> Iterator[Fault]:
        back_off, interval = self.what_if.back_off, self.task_policy.retry_interval
        if back_off is None or back_off.max is None or interval is None:
            return
        if back_off.max < interval:
            yield Fault(
                ("what_if", "back_off", "max"), f"is less than retry_interval ({format_duration(interval)})"
            )
