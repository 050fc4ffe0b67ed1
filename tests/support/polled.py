"""What somebody would have seen of a simulated run who looked at every device at the same times."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sim.recording.attempts import NEVER, AttemptResult, Attempts, StartKind
from sim.rules.states import SubtaskState

if TYPE_CHECKING:
    from sim.campaign.record import CampaignRun


def polled(run: CampaignRun, step_s: float, until_s: float | None = None, exact: bool = False) -> Attempts:
    """Return the attempts of a run with one task whose devices began at once.

    Args:
        run: The run, with its log of attempts.
        step_s: Time between two looks, at most the retry interval; the first is at the start.
        until_s: When the last look was; the end of the run by default.
        exact: Times are told as they are.
    """
    log = run.attempts
    assert log is not None
    policy = run.scenario.campaign.task_policy
    wait = round((policy.retry_interval or 0.0) * 1000)
    last = round((until_s if until_s is not None else run.end_s) * 1000)
    step = round(step_s * 1000)
    order = np.lexsort((log.attempt, log.device))
    device, number = log.device[order], log.attempt[order].astype(np.int16)
    start, end = (log.start[order] / 1000).round().astype(np.int64), -(-log.end[order] // 1000)
    trigger, status = log.trigger[order], log.status[order]
    is_success = status == int(SubtaskState.SUCCESS)
    n = len(run.spec.cohort)
    rows = {
        "device": device.astype(np.int32),
        "number": number,
        "start": start,
        "kind": trigger.astype(np.int8),
        "end": end,
        "result": np.where(is_success, AttemptResult.SUCCESS, AttemptResult.FAILED).astype(np.int8),
        "reason": np.where(is_success, 0, log.reason[order]).astype(np.int16),
    }
    # Attempts that the log has not: those under way when the run ended.
    counts = np.bincount(device, minlength=n)
    under_way = np.flatnonzero(run.records.attempts > counts)
    if len(under_way):
        lasts = np.cumsum(counts)[under_way] - 1
        first = counts[under_way] == 0
        begun = np.where(first, 0, end[np.maximum(lasts, 0)] + wait)
        rows = {
            name: np.concatenate([column, extra]).astype(column.dtype)
            for (name, column), extra in zip(
                rows.items(),
                (
                    under_way,
                    counts[under_way] + 1,
                    begun,
                    np.where(first, StartKind.FIRST, StartKind.AUTO),
                    np.full(len(under_way), NEVER),
                    np.full(len(under_way), AttemptResult.RUNNING),
                    np.zeros(len(under_way)),
                ),
                strict=True,
            )
        }
    keep = rows["start"] < last
    rows = {name: column[keep] for name, column in rows.items()}
    at = np.lexsort((rows["number"], rows["device"]))
    rows = {name: column[at] for name, column in rows.items()}
    return _table(run, rows, step=1 if exact else step, last=last, wait=wait)


def _table(run: CampaignRun, rows: dict[str, np.ndarray], *, step: int, last: int, wait: int) -> Attempts:
    """Return the table of rows with exact times, seen at looks only."""
    end = np.where(rows["end"] > last, NEVER, rows["end"])
    is_open = end == NEVER
    look = -(-np.where(is_open, last, end) // step) * step
    end_to = np.where(is_open, NEVER, look if step > 1 else end)
    end_from = np.where(is_open, last, look - step if step > 1 else end)
    start_from, start_to = rows["start"].copy(), rows["start"].copy()
    auto = np.flatnonzero(rows["kind"] == StartKind.AUTO)
    if step > 1:
        start_from[auto] = end_from[auto - 1] + wait
        start_to[auto] = end_to[auto - 1] + wait
    zeros = np.full(len(end), -1, np.int64)
    result = np.where(is_open, np.int8(AttemptResult.RUNNING), rows["result"]).astype(np.int8)
    return Attempts(
        devices=run.device_ids(),
        cohort_names=[cohort.name for cohort in run.scenario.fleet.cohorts],
        cohort=run.spec.cohort.astype(np.int32),
        device=rows["device"],
        number=rows["number"],
        start_from=start_from,
        start_to=start_to,
        start_kind=rows["kind"],
        end_from=end_from,
        end_to=end_to,
        result=result,
        reason=np.where(is_open, np.int16(0), rows["reason"]).astype(np.int16),
        contact_ms=zeros.copy(),
        version_ms=zeros.copy(),
        downloaded_ms=zeros.copy(),
        verified_ms=zeros.copy(),
        installed_ms=zeros.copy(),
        retry_interval_ms=wait,
        retry_count=run.scenario.campaign.task_policy.retry_count or 0,
        poll_ms=0 if step == 1 else step,
    )
