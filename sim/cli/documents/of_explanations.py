"""An explanation, as a program reads it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sim.explain.text import circumstances, fate, mark_text, saved_text
from sim.fleet.spec import TICKS_PER_S
from sim.rules import SubtaskState
from sim.traces.told import attempt_end, failure

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sim.explain import AttemptStory, Explanation, Limits, Rescue, Step

_TRIGGERS = ("first", "automatic", "manual")


def limits_dict(limits: Limits) -> dict[str, Any]:
    """Return what limits a campaign."""
    return {
        "headline": limits.headline,
        "devices": len(limits.run.records.status),
        "succeeded": limits.succeeded,
        "mean_s": limits.mean_s,
        "lever": None if limits.most is None else limits.most.lever,
        "levers": [
            {
                "lever": one.lever,
                "text": one.text,
                "succeeded": one.succeeded,
                "mean_s": one.mean_s,
                "saved_share": one.saved_share,
            }
            for one in limits.levers
        ],
    }


def story_dict(story: Explanation) -> dict[str, Any]:
    """Return what one device did, and what would have saved it."""
    timeline, reason = story.timeline, int(story.run.records.reason[story.device])
    ended = timeline.status is not SubtaskState.SUCCESS and reason
    mark = story.mark if timeline.status is not SubtaskState.SUCCESS else None
    return {
        "device_id": story.device_id,
        "circumstances": circumstances(story),
        "headline": fate(story),
        "status": timeline.status.wire,
        "reason": failure(reason) if ended else None,
        "end_s": timeline.end / TICKS_PER_S,
        "waits": [_steps(steps) for steps in timeline.waits],
        "attempts": [_attempt(attempt) for attempt in timeline.attempts],
        "lost_for": None if mark is None else mark_text(mark, was_tried=bool(timeline.attempts)),
        "saved_by": saved_text(story) or None,
        "rescues": [_rescue(rescue) for rescue in story.ranked_rescues],
    }


def _attempt(attempt: AttemptStory) -> dict[str, Any]:
    """Return one attempt."""
    return {
        "number": attempt.number,
        "trigger": _TRIGGERS[attempt.trigger],
        "caller": attempt.caller,
        "start_s": attempt.start / TICKS_PER_S,
        "end_s": None if attempt.end is None else attempt.end / TICKS_PER_S,
        "status": attempt.status.wire,
        "text": attempt_end(attempt),
        "steps": _steps(attempt.steps),
    }


def _steps(steps: Iterable[Step]) -> list[dict[str, Any]]:
    """Return what went on, in order."""
    return [
        {
            "start_s": step.start / TICKS_PER_S,
            "end_s": step.end / TICKS_PER_S,
            "doing": step.doing.value,
            "note": step.note or None,
        }
        for step in steps
    ]


def _rescue(rescue: Rescue) -> dict[str, Any]:
    """Return one thing that was changed, and how the device fared."""
    return {
        "lever": rescue.lever,
        "text": rescue.text,
        "saved": rescue.has_saved,
        "status": rescue.status.wire,
        "reason": failure(rescue.reason) if rescue.reason and not rescue.has_saved else None,
        "end_s": None if rescue.end < 0 else rescue.end / TICKS_PER_S,
        "attempts": rescue.attempts,
    }
