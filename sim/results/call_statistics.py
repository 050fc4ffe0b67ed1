"""Statistics of API calls: how many of each kind, how they were answered, what targets were refused for."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sim.campaign.record import CallRecord
    from sim.results.replication import Replication
    from sim.results.statistics import Metric


class CallRow(NamedTuple):
    """Calls of one kind with one answer; numbers are means over the replications.

    Attributes:
        call: `create`, `retry`, `stop`, `confirm` or `delete`.
        http_status: Answer.
        error_code: Vendor's code if the whole call was refused, else None.
        error_msg: Its text, else None.
        calls: How many.
        accepted: Targets acted upon; 0 for `create`, whose targets are those of the new task.
        refused: Targets that were refused one by one.
    """

    call: str
    http_status: int
    error_code: str | None
    error_msg: str | None
    calls: Metric
    accepted: Metric
    refused: Metric


class RefusalRow(NamedTuple):
    """Targets that calls of one kind refused for one reason; a mean over the replications."""

    call: str
    error_code: str
    error_msg: str
    targets: Metric


def mean_by_call(runs: Sequence[Replication]) -> list[CallRow]:
    """Return the calls by kind and answer: kinds in order of their first call, frequent answers first.

    Args:
        runs: The replications.
    """
    totals: dict[tuple[str, int, str | None, str | None], list[int]] = {}
    for call in _calls(runs):
        total = totals.setdefault((call.call, call.http_status, call.error_code, call.error_msg), [0, 0, 0])
        total[0] += 1
        total[1] += len(call.accepted)
        total[2] += len(call.refused)
    kinds = list(dict.fromkeys(key[0] for key in totals))
    ordered = sorted(totals.items(), key=lambda item: (kinds.index(item[0][0]), -item[1][0]))
    return [CallRow(*key, *(mean(n, len(runs)) for n in total)) for key, total in ordered]


def mean_by_refusal(runs: Sequence[Replication]) -> list[RefusalRow]:
    """Return what targets were refused for, the most frequent reason first.

    Args:
        runs: The replications.
    """
    totals = Counter(
        (call.call, refusal.error_code or "", refusal.error_msg or "")
        for call in _calls(runs)
        for refusal in call.refused
    )
    return [RefusalRow(*key, mean(n, len(runs))) for key, n in totals.most_common()]


def mean(total: int, n: int) -> Metric:
    """Return a mean that stays a whole number for one replication.

    Args:
        total: Sum over the replications.
        n: How many replications, >= 1.
    """
    return total if n == 1 else total / n


def _calls(runs: Sequence[Replication]) -> list[CallRecord]:
    """Return the calls of all replications."""
    return [call for run in runs for call in run.calls]
