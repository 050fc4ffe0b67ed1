"""A run as events in Chrome's trace format: a track a device, what the campaign did, and counters.

See "Trace Event Format": times are microseconds, which is what a tick is. An event whose phase (`ph`) is

- `X` lasts: an attempt, a stage in it, a wait; what lies in another one on its track stands below it,
- `i` is an instant: a call, the end of a device, something about a wave,
- `C` sets counters,
- `M` names a process or a thread.

A process is a cohort, and the first one is the campaign; a thread is a device.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from sim.errors import ModelError
from sim.fleet.spec import to_ticks
from sim.traces.counter_tracks import counters
from sim.traces.told import attempt_end, attempt_title

if TYPE_CHECKING:
    from sim.campaign.record import CallRecord, CampaignRun, WaveRecord
    from sim.traces.counter_tracks import CounterTrack
    from sim.traces.steps import Step
    from sim.traces.timeline import AttemptStory, Timeline, Timelines

Event = dict[str, Any]

CAMPAIGN: Final = 1
"""Process of the campaign; cohort c is process `CAMPAIGN + 1 + c`."""

CALLS: Final = 1
WAVES: Final = 2
_FIRST_DEVICE: Final = 10
"""Threads of the campaign's process; device d is thread `_FIRST_DEVICE + d`."""

SAMPLES_MAX: Final = 10_000
"""Times at which a counter is set at most; of more changes every k-th is kept."""


def trace_events(run: CampaignRun, devices: Sequence[int], timelines: Timelines) -> list[Event]:
    """Return all events: names first, then in the order of their times.

    Args:
        run: The run.
        devices: Device indices, ascending.
        timelines: Of these devices at least.

    Raises:
        ModelError: Log, ledger and replay contradict each other, or no attempts were kept.
    """
    if run.attempts is None:
        raise ModelError("a trace is made of attempts, and the run kept none")
    events = [*_campaign(run), *chain.from_iterable(map(_counter, counters(run, run.attempts)))]
    for device in devices:
        track = {"pid": _process_of(run, device), "tid": _FIRST_DEVICE + device}
        events += _device(timelines.of(device), timelines.calls_on(device), track, to_ticks(run.end_s))
    events.sort(key=itemgetter("ts"))  # stable: what lasts stands before what lies in it
    return [*_names(run, devices), *events]


def _process_of(run: CampaignRun, device: int) -> int:
    """Return the process of a device: its cohort's."""
    return CAMPAIGN + 1 + int(run.spec.cohort[device])


def _names(run: CampaignRun, devices: Sequence[int]) -> Iterator[Event]:
    """Yield the names of processes and threads, and their order."""
    shown = Counter(_process_of(run, device) for device in devices)
    sizes = run.scenario.cohort_sizes
    yield from _named("process", CAMPAIGN, 0, f"campaign {run.scenario.name}", CAMPAIGN)
    yield from _named("thread", CAMPAIGN, CALLS, "calls", CALLS)
    if run.waves:
        yield from _named("thread", CAMPAIGN, WAVES, "waves", WAVES)
    for process, n in sorted(shown.items()):
        cohort = process - CAMPAIGN - 1
        text = f"cohort {run.scenario.cohort_names[cohort]}: {n:,} of {sizes[cohort]:,} devices"
        yield from _named("process", process, 0, text, process)
    for device in devices:
        process, thread = _process_of(run, device), _FIRST_DEVICE + device
        yield from _named("thread", process, thread, run.device_id(device), thread)


def _named(what: str, process: int, thread: int, name: str, order: int) -> Iterator[Event]:
    """Yield the name of a process or thread, and its place among the others."""
    track = {"ph": "M", "pid": process, "tid": thread}
    yield {**track, "name": f"{what}_name", "args": {"name": name}}
    yield {**track, "name": f"{what}_sort_index", "args": {"sort_index": order}}


def _device(
    timeline: Timeline, calls: Iterable[tuple[int, CallRecord]], track: Event, end: int
) -> Iterator[Event]:
    """Yield what is on the track of a device.

    Args:
        timeline: What it did and waited for.
        calls: What acted on it, with ticks.
        track: Its process and thread.
        end: Tick at which the run ended.
    """
    for number, waits in enumerate(timeline.waits):
        yield from (_step(step, "wait", track) for step in waits)
        if number < len(timeline.attempts):
            yield from _attempt(timeline.attempts[number], timeline.end, track)
    for tick, call in calls:
        if tick <= end:
            yield _instant(f"{call.call} call by {call.caller}", "call", tick, track)
    if not timeline.status.is_live:
        yield _instant(timeline.status.wire, "end", timeline.end, track)


def _attempt(attempt: AttemptStory, end: int, track: Event) -> Iterator[Event]:
    """Yield an attempt, then its steps; one under way ends with the run."""
    until = end if attempt.end is None else attempt.end
    args: Event = {"status": attempt.status.wire, "outcome": attempt_end(attempt)}
    if attempt.caller is not None:
        args["caller"] = attempt.caller
    yield {
        "name": f"{attempt_title(attempt)}: {attempt.status.wire}",
        "cat": "attempt",
        "ph": "X",
        "ts": attempt.start,
        "dur": until - attempt.start,
        **track,
        "args": args,
    }
    yield from (_step(step, "stage", track) for step in attempt.steps)


def _step(step: Step, category: str, track: Event) -> Event:
    """Return a step of a device."""
    event = {
        "name": step.doing.value,
        "cat": category,
        "ph": "X",
        "ts": step.start,
        "dur": step.end - step.start,
        **track,
    }
    return {**event, "args": {"note": step.note}} if step.note else event


def _instant(name: str, category: str, tick: int, track: Event, **args: object) -> Event:
    """Return something that takes no time."""
    event = {"name": name, "cat": category, "ph": "i", "s": "t", "ts": tick, **track}
    return {**event, "args": args} if args else event


def _campaign(run: CampaignRun) -> Iterator[Event]:
    """Yield calls with their answers, and what happened to waves."""
    track = {"pid": CAMPAIGN, "tid": CALLS}
    for call in run.calls:
        created = call.call == "create"
        yield _instant(
            f"{call.call} call by {call.caller}",
            "call",
            to_ticks(call.time_s),
            track,
            task=call.task_id,
            http_status=call.http_status,
            **({} if call.error_code is None else {"error_code": call.error_code}),
            **({} if created else {"accepted": len(call.accepted)}),
            refused=len(call.refused),
        )
    for wave in run.waves:
        yield from _wave(wave)


def _wave(wave: WaveRecord) -> Iterator[Event]:
    """Yield when a wave began, settled, and was stopped by its gate."""
    track = {"pid": CAMPAIGN, "tid": WAVES}
    for what, time_s in (("begins", wave.started_s), ("has settled", wave.settled_s)):
        if time_s is not None:
            args = {"devices": wave.n_devices}
            yield _instant(f"wave {wave.name} {what}", "wave", to_ticks(time_s), track, **args)
    if wave.gate_tripped_s is not None:
        name, tick = f"gate of wave {wave.name} trips", to_ticks(wave.gate_tripped_s)
        yield _instant(name, "wave", tick, track, reason=wave.gate_reason)


def _counter(counter: CounterTrack) -> Iterator[Event]:
    """Yield a counter at its first time, wherever one of its values is another, and at the end."""
    changed = np.flatnonzero((counter.values[1:] != counter.values[:-1]).any(axis=1)) + 1
    few = changed[:: len(changed) // SAMPLES_MAX + 1]
    rows = np.unique(np.concatenate([[0], few, [len(counter.tick) - 1]]))
    for tick, values in zip(counter.tick[rows].tolist(), counter.values[rows].tolist(), strict=True):
        args = dict(zip(counter.columns, values, strict=True))
        yield {"name": counter.name, "ph": "C", "ts": tick, "pid": CAMPAIGN, "tid": 0, "args": args}
