"""Statistics of API calls: how many of each kind, how they were answered, what targets were refused for.

Calls in memory and calls in files are counted by the same functions, over a row a call.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final, NamedTuple

from sim.rules import Call

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sim.results.replication import Replication
    from sim.results.statistics import Metric

_ROUND_S: Final = 60.0

CALLS_MARKED: Final = 6
"""Most calls that a figure marks: the lines of more would cover it."""


class CallLine(NamedTuple):
    """A call as it is counted.

    Attributes:
        caller: Operator, wave or process.
        call: `create`, `retry`, `stop`, `confirm` or `delete`.
        http_status: Answer.
        error_code: Vendor's code if the whole call was refused, else None.
        error_msg: Its text, else None.
        accepted: Targets acted upon; 0 for `create`, whose targets are those of the new task.
        refused: Targets that were refused one by one.
        time_s: When it was answered, seconds.
    """

    caller: str
    call: str
    http_status: int
    error_code: str | None
    error_msg: str | None
    accepted: int
    refused: int
    time_s: float


class CallCount(NamedTuple):
    """Calls of one kind by one caller with one answer; the first five fields are those of `CallLine`.

    Attributes:
        caller: Empty if all callers are counted together.
        calls: How many.
        accepted: Targets acted upon.
        refused: Targets that were not acted upon.
        first_s: Time of the first one, seconds.
        last_s: Time of the last one, seconds.
    """

    caller: str
    call: str
    http_status: int
    error_code: str | None
    error_msg: str | None
    calls: int
    accepted: int
    refused: int
    first_s: float
    last_s: float


class CallRow(NamedTuple):
    """Calls of one kind with one answer, as means over the replications; see `CallCount`."""

    call: str
    http_status: int
    error_code: str | None
    error_msg: str | None
    calls: Metric
    accepted: Metric
    refused: Metric


class Refusal(NamedTuple):
    """Why a call of some kind refused a target."""

    call: str
    error_code: str
    error_msg: str


class RefusalRow(NamedTuple):
    """Targets that calls of one kind refused for one reason; a mean over the replications."""

    call: str
    error_code: str
    error_msg: str
    targets: Metric


def count_calls(lines: Iterable[CallLine], *, by_caller: bool) -> list[CallCount]:
    """Return the calls by kind and answer, in order of the first of each.

    Args:
        lines: A row a call, in order of time within a replication.
        by_caller: Whether to count those of each caller apart.
    """
    groups: dict[tuple[str, str, int, str | None, str | None], CallCount] = {}
    for line in lines:
        key = (line.caller if by_caller else "", *line[1:5])
        before = groups.get(key) or CallCount(*key, 0, 0, 0, line.time_s, line.time_s)
        groups[key] = before._replace(
            calls=before.calls + 1,
            accepted=before.accepted + line.accepted,
            refused=before.refused + line.refused,
            last_s=line.time_s,
        )
    return list(groups.values())


def count_refusals(refusals: Iterable[Refusal], n: int = 1) -> list[RefusalRow]:
    """Return what targets were refused for, the most frequent reason first.

    Args:
        refusals: One a target.
        n: How many replications they are from, >= 1.
    """
    return [RefusalRow(*key, mean(targets, n)) for key, targets in Counter(refusals).most_common()]


def retry_rounds(lines: Iterable[CallLine]) -> list[float]:
    """Return when retry calls were made, seconds, ascending.

    Calls that follow each other within a minute are one round, which has the time of the first.

    Args:
        lines: A row a call, of one replication.
    """
    times = sorted(line.time_s for line in lines if line.call == Call.RETRY)
    before = [-_ROUND_S, *times]
    return [time_s for time_s, last_s in zip(times, before, strict=False) if time_s - last_s >= _ROUND_S]


def mean_by_call(runs: Sequence[Replication]) -> list[CallRow]:
    """Return the calls by kind and answer: kinds in order of their first call, frequent answers first."""
    lines = (
        CallLine(
            call.caller,
            call.call,
            call.http_status,
            call.error_code,
            call.error_msg,
            len(call.accepted),
            len(call.refused),
            call.time_s,
        )
        for run in runs
        for call in run.calls
    )
    counts = count_calls(lines, by_caller=False)
    kinds = list(dict.fromkeys(count.call for count in counts))
    counts.sort(key=lambda count: (kinds.index(count.call), -count.calls))
    n = len(runs)
    return [
        CallRow(*count[1:5], mean(count.calls, n), mean(count.accepted, n), mean(count.refused, n))
        for count in counts
    ]


def mean_by_refusal(runs: Sequence[Replication]) -> list[RefusalRow]:
    """Return what targets were refused for, the most frequent reason first."""
    refusals = (
        Refusal(call.call, refusal.error_code or "", refusal.error_msg or "")
        for run in runs
        for call in run.calls
        for refusal in call.refused
    )
    return count_refusals(refusals, len(runs))


def mean(total: int, n: int) -> Metric:
    """Return a mean that stays a whole number for one replication.

    Args:
        total: Sum over the replications.
        n: How many replications, >= 1.
    """
    return total if n == 1 else total / n
