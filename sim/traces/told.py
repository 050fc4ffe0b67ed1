"""Attempts in words, as stories and traces have them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sim.rules import SubtaskState, reason_code, reason_text

if TYPE_CHECKING:
    from sim.traces.timeline import AttemptStory

_TRIGGERS: Final = ("first try", "automatic retry", "manual retry")


def failure(reason: int) -> str:
    """Return why an attempt failed, with the device's result code if it reported one.

    Args:
        reason: A `sim.rules.Reason` other than 0.
    """
    code = reason_code(reason)
    return reason_text(reason) if code is None else f"code {code}, {reason_text(reason)}"


def attempt_title(attempt: AttemptStory) -> str:
    """Return the name of an attempt."""
    is_known = attempt.caller is not None and attempt.status is not SubtaskState.STOPPED
    by = f" by {attempt.caller}" if is_known else ""
    return f"attempt {attempt.number}, {_TRIGGERS[attempt.trigger]}{by}"


def attempt_end(attempt: AttemptStory) -> str:
    """Return how an attempt ended."""
    if attempt.end is None:
        return "is under way when the run ends"
    if attempt.status is SubtaskState.SUCCESS:
        return "succeeds"
    if attempt.status is SubtaskState.STOPPED:
        return f"is stopped by {attempt.caller}"
    timer = "" if attempt.timer is None else f" ({attempt.timer})"
    return f"fails: {failure(attempt.reason)}{timer}"
