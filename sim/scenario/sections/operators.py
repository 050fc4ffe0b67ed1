"""`operators`: who calls the API, and when."""

from collections.abc import Iterator
from typing import Literal

from pydantic import Field

from sim.scenario.section import Fault, Part, rule
from sim.scenario.sections.choosing import Selectors
from sim.scenario.values import (
    Batch,
    Count,
    Duration,
    Factor,
    Frequency,
    PositiveDuration,
    SelectedCode,
    Share,
    Since,
    written,
)


class When(Part):
    """A condition that is watched: exactly one of `settled`, `failed_share_above`, `stalled_for`."""

    shorthands = ("settled",)

    settled: bool = Field(default=False, description="A task has settled.", strict=True)
    failed_share_above: Share | None = Field(
        default=None,
        description="Share of failed devices among those that ended exceeds this, 0 to less than 1.",
    )
    of_at_least: Count | None = Field(
        default=None,
        description="Devices that must have ended before the share is looked at, >= 1; 1 if absent.",
    )
    stalled_for: PositiveDuration | None = Field(
        default=None, description="No device has ended for this long while some are pending, in seconds, > 0."
    )

    @rule
    def _is_one_condition(self) -> Iterator[Fault]:
        given = [self.settled, self.failed_share_above is not None, self.stalled_for is not None]
        if sum(given) != 1:
            yield Fault((), "needs exactly one of 'settled', 'failed_share_above', 'stalled_for'")

    @rule
    def _minimum_belongs_to_a_share(self) -> Iterator[Fault]:
        if self.of_at_least is not None and self.failed_share_above is None:
            yield Fault(("of_at_least",), "allowed only beside 'failed_share_above'", at_key=True)

    @rule
    def _share_can_be_exceeded(self) -> Iterator[Fault]:
        if self.failed_share_above == 1:
            yield Fault(("failed_share_above",), "no share is above 100 %, so this would never happen")


class Only(Part):
    """Which targets a call is for; several keys narrow it down together."""

    codes: tuple[SelectedCode, ...] | None = Field(
        default=None,
        min_length=1,
        description="Failures, by result code (1 to 10, 255) or name of a timeout, like `online_timeout`.",
    )
    cohorts: Selectors | None = Field(
        default=None,
        description="Cohorts by name, pattern (`meters-*`) or label (`region=north`).",
    )
    tasks: tuple[Count, ...] | None = Field(
        default=None, min_length=1, description="Tasks, by number in order of their creation, from 1."
    )

    @rule
    def _selects_something(self) -> Iterator[Fault]:
        if self.codes is None and self.cohorts is None and self.tasks is None:
            yield Fault((), "needs 'codes', 'cohorts' or 'tasks'; for everything leave 'only' out")


class OperatorBackOff(Part):
    """What the operator does when the API answers 429 or 5xx: wait, and call again."""

    first: PositiveDuration = Field(
        default=written("1 s"), description="Wait before the second try, in seconds, > 0."
    )
    factor: Factor = Field(default=2, description="Growth of the wait from try to try, 1 to 100.")
    max: PositiveDuration = Field(
        default=written("1 min"), description="Longest wait, in seconds, >= `first`."
    )
    tries: Count = Field(default=10, description="Tries of one call in all, >= 1; then it is given up.")

    @rule
    def _max_is_not_below_first(self) -> Iterator[Fault]:
        if self.max < self.first:
            yield Fault(("max",), "is less than 'first'")


class Operator(Part):
    """Someone, or a script, that calls the API."""

    call: Literal["retry", "stop", "confirm", "delete"] = Field(description="What is called.")
    at: Since | None = Field(
        default=None,
        description="Time of the first round of calls, in seconds from the start, >= 0, or a date if "
        "`run.start` is given.",
    )
    every: PositiveDuration | None = Field(
        default=None,
        description="Time between rounds, in seconds, > 0; the first one at `at`, else after this time.",
    )
    when: When | None = Field(default=None, description="Condition for a round, instead of `at` and `every`.")
    times: Count | None = Field(
        default=None,
        description="Most rounds, >= 1. If absent: one with `at` or `when`, until the run ends with `every`.",
    )
    only: Only | None = Field(
        default=None, description="Which targets; all that the call may act on if absent."
    )
    batch: Batch | None = Field(
        default=None,
        description="Targets named in one call, 1 to 100 and at most `limits.targets_per_call`. If absent: "
        "calls without `only.codes` and `only.cohorts` name none (body `{}`), others as many as allowed.",
    )
    call_rate: Frequency | None = Field(
        default=None, description="Most calls per second, > 0; `limits.api_rate` if absent."
    )
    latency: Duration = Field(
        default=written("0 s"),
        description="Time from a call to its answer, in seconds, >= 0; the next call waits for it.",
    )
    back_off: OperatorBackOff | None = Field(
        default=None, description="What to do about 429 and 5xx; the call is given up if absent."
    )

    @rule
    def _has_one_trigger(self) -> Iterator[Fault]:
        timed = self.at is not None or self.every is not None
        if not timed and self.when is None:
            yield Fault((), "would never call; needs 'at', 'every' or 'when'")
        if timed and self.when is not None:
            yield Fault(("when",), "not allowed beside 'at' and 'every'", at_key=True)

    @rule
    def _rounds_can_repeat(self) -> Iterator[Fault]:
        if self.times is not None and self.times > 1 and self.at is not None and self.every is None:
            yield Fault(("times",), f"'at' comes once and not {self.times} times; add 'every'")

    @rule
    def _delete_takes_whole_tasks(self) -> Iterator[Fault]:
        if self.call != "delete":
            return
        if self.batch is not None:
            yield Fault(("batch",), "a delete call names no targets", at_key=True)
        for name in ("codes", "cohorts"):
            if self.only is not None and getattr(self.only, name) is not None:
                yield Fault(("only", name), "a delete call is for a whole task; use 'tasks'", at_key=True)
