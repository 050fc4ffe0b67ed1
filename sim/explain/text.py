"""The story in words, for a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from textwrap import wrap
from typing import TYPE_CHECKING, Final

from sim.fleet.spec import TICKS_PER_S
from sim.results.display.format import counted, line_width, some_of
from sim.rules import Protocol, Stage, SubtaskState
from sim.traces.steps import clock
from sim.traces.told import attempt_end, attempt_title, failure
from sim.units import format_duration
from sim.wall_clock import DAYS, offset_text

if TYPE_CHECKING:
    from sim.explain.counterfactuals import Mark, Rescue
    from sim.explain.explanation import ExplanationData
    from sim.traces.steps import Step

ADVICE: Final = "What would have saved it (one change at a time, under the same draws)"


def story_text(story: ExplanationData) -> str:
    """Return a story, without a newline at its end."""
    sections = [_head(story), _table(_timeline(story)), _lasting(story), _advice(story)]
    return "\n\n".join("\n".join(lines) for lines in sections if lines)


def outcome(status: SubtaskState, reason: int, end: int, attempts: int) -> str:
    """Return how a device ended, in one line.

    Args:
        status: Its state when the run ended.
        reason: Why its last attempt failed, 0 if it didn't.
        end: Tick of the last change, -1 while pending.
        attempts: How many attempts it had.
    """
    when = "" if status.is_live else f" at {clock(end)}"
    after = f" after {counted(attempts, 'attempt')}" if attempts else " without an attempt"
    pending = " when the run ended" if status.is_live else ""
    why = f": {failure(reason)}" if reason and status is not SubtaskState.SUCCESS else ""
    return f"{status.wire}{when}{pending}{after}{why}"


def fate(story: ExplanationData) -> str:
    """Return how the device ended, in one line."""
    timeline, reason = story.timeline, int(story.run.records.reason[story.device])
    return outcome(timeline.status, reason, timeline.end, len(timeline.attempts))


def circumstances(story: ExplanationData) -> str:
    """Return where the device stands in its fleet."""
    spec = story.run.spec
    c = int(spec.cohort[story.device])
    parts = [f"cohort {story.run.names.cohort_names[c]}", Protocol(spec.cohorts.protocol[c]).label]
    if story.timeline.level >= 0:
        parts.append(f"radio coverage level {story.timeline.level}")
    for window in story.run.scenario.fleet.cohorts[c].windows:
        days = "" if len(window.days) == len(DAYS) else f" on {', '.join(window.days)}"
        times = f"from {_hour(window.opens)} to {_hour(window.closes)} {window.zone}"
        parts.append(f"{window.purpose} {times}{days}")
    return ", ".join(parts)


def verdict(rescue: Rescue) -> str:
    """Return how the device fared in a changed run."""
    return outcome(rescue.status, rescue.reason, rescue.end, rescue.attempts)


def mark_text(mark: Mark, *, was_tried: bool) -> str:
    """Return what stops a device for good.

    Args:
        mark: What does.
        was_tried: Whether it made an attempt; else it stands where it stood before the campaign.
    """
    if mark.killer:
        return (
            f"It was left dead by attempt {mark.killer}, and no later attempt reaches it: only another "
            "package, or a gate that had stopped the campaign before, could have saved it."
        )
    if mark.stage is Stage.CONTACT:
        what = "it never comes online"
    elif mark.reason:
        what = f"every attempt that gets to {mark.stage.label} fails there with {failure(mark.reason)}"
    else:
        what = f"every attempt that gets to {mark.stage.label} falls silent there"
    if not was_tried:
        return (
            f"No attempt was made with it. None could have succeeded: {what}. "
            "The scenario has a permanent share of such devices."
        )
    return (
        f"Nothing that the platform does could have saved it: {what}. "
        "The scenario has a permanent share of such devices."
    )


def saved_text(story: ExplanationData) -> str:
    """Return which gate kept the device from being left dead; empty if none did."""
    wave = story.saving_gate
    if wave is None or wave.gate_tripped_s is None:
        return ""
    if story.mark is not None:
        killer = f"an attempt that gets to {story.mark.stage.label}"
    else:
        killer = f"attempt {next(rescue.killer for rescue in story.rescues if rescue.killer)}"
    when = clock(round(wave.gate_tripped_s * TICKS_PER_S))
    return (
        f"The gate of wave {wave.name} saved it: it stopped the campaign at {when} ({wave.gate_reason}). "
        f"Without that {killer} would have left it dead."
    )


def step_text(step: Step) -> str:
    """Return what goes on in a step."""
    return f"{step.doing.value} ({step.note})" if step.note else step.doing.value


def lasts(step: Step) -> str:
    """Return how long a step lasts."""
    return format_duration((step.end - step.start) / TICKS_PER_S)


def _head(story: ExplanationData) -> list[str]:
    """Say who it is and how it ended."""
    run = story.run
    which = f", replication {run.replication}" if run.replication else ""
    begin = run.scenario.starts
    start = f"{begin:%Y-%m-%d %H:%M} {offset_text(begin)}"
    return [
        f"{story.device_id} of {run.scenario.name}, seed {run.seed}{which}",
        f"  {circumstances(story)}; the run begins on {start}",
        f"  {fate(story)}",
    ]


def _timeline(story: ExplanationData) -> Iterator[tuple[str, str, str]]:
    """Yield the rows of the timeline: when, how long, what."""
    timeline = story.timeline
    yield "at", "lasts", ""
    for step in timeline.waits[0]:
        yield clock(step.start), lasts(step), step_text(step)
    for attempt, wait in zip(timeline.attempts, timeline.waits[1:], strict=True):
        yield clock(attempt.start), "", attempt_title(attempt)
        for step in attempt.steps:
            yield clock(step.start), lasts(step), f"  {step_text(step)}"
        yield ("" if attempt.end is None else clock(attempt.end)), "", f"  {attempt_end(attempt)}"
        for step in wait:
            yield clock(step.start), lasts(step), step_text(step)


def _lasting(story: ExplanationData) -> list[str]:
    """Say when the link was up, and when the device was in its conditions."""
    timeline = story.timeline
    if not timeline.lasting:
        return []
    lines = ["What lasted, whoever called"]
    for each in timeline.lasting:
        periods = [
            f"{clock(start)} to {clock(end)}" if end > start else clock(start)
            for start, end in each.periods(timeline.end)
        ]
        text = some_of(periods) if periods else "never"
        lines += wrap(f"{each.label}: {text}", line_width(), initial_indent="  ", subsequent_indent=" " * 4)
    return lines


def _table(rows: Iterator[tuple[str, str, str]]) -> list[str]:
    """Return rows as aligned lines; long texts go on below themselves."""
    known = list(rows)
    widths = [max(len(row[column]) for row in known) for column in (0, 1)]
    margin = sum(widths) + 6
    lines = []
    for at, length, text in known:
        head = f"  {at.rjust(widths[0])}  {length.rjust(widths[1])}  "
        indent = " " * (len(text) - len(text.lstrip()) + 2)
        first, *rest = wrap(text, line_width() - margin, subsequent_indent=indent) or [""]
        lines.append((head + first).rstrip())
        lines += [" " * margin + line for line in rest]
    return lines


def _advice(story: ExplanationData) -> list[str]:
    """Say what has saved it, or would have."""
    if saved := saved_text(story):
        return wrap(saved, line_width())
    if story.mark is not None and story.timeline.status is not SubtaskState.SUCCESS:
        return wrap(mark_text(story.mark, was_tried=bool(story.timeline.attempts)), line_width())
    if not story.rescues:
        return []
    lines = [ADVICE]
    for rescue in story.ranked_rescues:
        word = "yes" if rescue.has_saved else "no "
        lines += wrap(
            f"{word}  {rescue.text}: {verdict(rescue)}",
            line_width(),
            initial_indent="  ",
            subsequent_indent=" " * 9,
        )
    return lines


def _hour(seconds: float) -> str:
    """Return a time of day."""
    return clock(round(seconds) * TICKS_PER_S)[:5]
