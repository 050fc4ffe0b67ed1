"""Polls tasks until they have settled, and takes down what was seen.

Decisions:

- *Counts often, devices seldom*: one call tells all counts, a sweep of the devices takes as many as there
  are pages of live ones.
- *Never slower than the retry interval*: a device waits exactly that long in `FailWaitRetry`, so that each
  failed attempt is seen, with its code. Those that wait are looked at twice as often, with the call for the
  counts where one page holds them. Sweeps come with a jitter of 10 % that is a keyed draw; a
  strictly periodic poll of devices that began together would always see the same phase.
- *A failed sweep only widens intervals*: what it saw is kept, and the next one comes in its time. Only where
  it makes no sense to go on (no access, no such task) the recording ends, with all that was seen stored.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Final, Literal

from sim.recording.poll_clock import Clock, iso
from sim.recording.reading_api import (
    AccessError,
    GoneError,
    ReadingApi,
    RecordingError,
    TaskPage,
    UnreachableError,
    keyed_share,
)
from sim.recording.recording_files import RecordingFolder, read_rows
from sim.recording.sightings import PageTime, Sightings
from sim.recording.task_sweep import COUNTS, Sweep, Sweeper, counts_of, is_settled

JITTER: Final = 0.1
EVERY_S: Final = 300.0
COUNTS_S: Final = 5.0
LASTS_S: Final = 30 * 86_400.0
_IN_TIME: Final = 0.95
"""Share of the retry interval that the longest distance of two sweeps takes, since calls wait for turns."""
_TWICE: Final = 0.4
"""Share of the retry interval after which those that wait for theirs are looked at again."""
_FIRST_HOUR_MS: Final = 3_600_000
_LATER_COUNTS_S: Final = 60.0
_WIRE_TIME: Final = re.compile("[0-9]{8}T[0-9]{6}Z")

End = Literal["settled", "limit"]


@dataclass(frozen=True)
class Pace:
    """How often is polled, all in seconds, > 0.

    Attributes:
        every_s: From one sweep of the devices to the next, within a tenth; None for five minutes, or as much
            less as it takes not to be slower than the retry interval.
        counts_s: From one look at the counts to the next in the first hour of a task; later at least 60.
        lasts_s: How long is recorded at most, whatever the task does.
    """

    every_s: float | None = None
    counts_s: float = COUNTS_S
    lasts_s: float = LASTS_S


@dataclass(frozen=True)
class SweepReport:
    """What a sweep has to say.

    Attributes:
        task_id: Of which task.
        at_ms: When it ended, by the server's clock.
        sweep: What it saw; None if it failed.
        trouble: Why it failed; empty if it did not.
    """

    task_id: str
    at_ms: int
    sweep: Sweep | None
    trouble: str = ""


@dataclass
class Summary:
    """What one run of the recorder did; what `recording.json` says of it.

    Attributes:
        ended: Why it ended: `settled`, `limit`, or what went wrong.
        sweeps: Sweeps that saw all they wanted.
        failed_sweeps: Others.
        calls: Requests.
        throttled: Requests that were answered with 429.
        failed: Requests without a usable answer.
        torn_lines: Half lines of an earlier run that were cut off.
        warnings: What the reader of the recording should know.
    """

    ended: str = ""
    sweeps: int = 0
    failed_sweeps: int = 0
    calls: int = 0
    throttled: int = 0
    failed: int = 0
    torn_lines: int = 0
    warnings: list[str] = field(default_factory=list)


class TaskRecorder:
    """Records one task.

    Attributes:
        due_ms: When something is to be done next, by the steady clock.
        is_done: Whether the task has settled and was looked at for the last time, or is gone.
        every_ms: From one sweep to the next, without jitter.
        warning: Says that polls are too slow for the task; empty if they are not.
    """

    def __init__(
        self, api: ReadingApi, folder: RecordingFolder, clock: Clock, task_id: str, pace: Pace
    ) -> None:
        """Read the task for the first time, and what was recorded of it.

        Args:
            api: Reads.
            folder: Where it goes.
            clock: For what is due when.
            task_id: The task.
            pace: How often.

        Raises:
            RecordingError: There is no such task, or no access.
        """
        self._api = api
        self._folder = folder
        self._clock = clock
        self._pace = pace
        self.task_id = task_id
        self.is_done = False
        page = api.show_batch_task(task_id, limit=1)
        self._created_ms = _created_ms(page.task)
        retry_ms = _retry_interval_ms(page.task)
        self._sightings = Sightings(task_id, self._created_ms, retry_ms)
        self._restore()
        self._sweeper = Sweeper(api, self._sightings, retry_interval_ms=retry_ms)
        self.every_ms = _every_ms(pace, retry_ms)
        self.warning = ""
        if retry_ms is not None and self.every_ms > retry_ms:
            self.warning = (
                f"devices of task {task_id} are looked at every {self.every_ms / 1e3:g} s, and wait "
                f"{retry_ms // 1000} s for their retries: failed attempts between two looks are lost, with "
                "their codes"
            )
        self._note(page)
        self._next_sweep_ms = self.due_ms = clock.steady_ms()
        self._next_counts_ms = self.due_ms + pace.counts_s * 1e3
        self._waiting_every_ms = math.inf if retry_ms is None else max(retry_ms, self.every_ms) * _TWICE
        self._next_waiting_ms = self.due_ms + self._waiting_every_ms

    def poll(self) -> SweepReport | None:
        """Do what is due.

        Returns:
            What a sweep has to say; None if only counts were read.

        Raises:
            RecordingError: It makes no sense to go on.
        """
        now = self._clock.steady_ms()
        try:
            if now < self._next_sweep_ms:
                page, is_whole = self._sweeper.counts(wants_waiting=now >= self._next_waiting_ms)
                if is_whole:
                    self._next_waiting_ms = now + self._waiting_every_ms
                self._note(page)
                self._store_rows()
                if not is_settled(page.task):
                    return None
            return self._swept()
        except UnreachableError as error:
            self._store()
            return SweepReport(self.task_id, self._api.time.now_ms(), None, str(error))
        finally:
            self._plan(now)

    def finish(self) -> None:
        """Store what is not stored yet, with the last look at each device."""
        self._store(is_last=True)

    def _swept(self) -> SweepReport:
        """Sweep; where the task has settled, once more for those that ended."""
        calls = self._api.n_calls
        self._next_sweep_ms = self._clock.steady_ms() + self._sweep_distance_ms()
        self._next_waiting_ms = self._clock.steady_ms() + self._waiting_every_ms
        sweep = self._sweeper.sweep()
        self._note(TaskPage(sweep.task, [], None, sweep.when))
        if is_settled(sweep.task):
            before, sweep = sweep, self._sweeper.sweep(is_last=True)
            sweep = replace(sweep, new_failures=before.new_failures + sweep.new_failures)
            self._note(TaskPage(sweep.task, [], None, sweep.when))
            self.is_done = is_settled(sweep.task)
        self._store()
        row = {
            "task_id": self.task_id,
            "from": sweep.from_ms,
            "to": sweep.when.latest_ms,
            "calls": self._api.n_calls - calls,
        }
        self._folder.append("sweeps", [row])
        return SweepReport(self.task_id, sweep.when.latest_ms, sweep)

    def _plan(self, now: float) -> None:
        """Set when the counts are to be read again, and what is due first."""
        age_ms = self._api.time.now_ms() - self._created_ms
        counts_s = self._pace.counts_s
        if age_ms >= _FIRST_HOUR_MS:
            counts_s = max(counts_s, _LATER_COUNTS_S)
        self._next_counts_ms = now + counts_s * 1e3
        self.due_ms = min(self._next_counts_ms, self._next_sweep_ms, max(self._next_waiting_ms, now + 1e3))

    def _sweep_distance_ms(self) -> float:
        """Return how long until the next sweep: by chance, but the same for the same task and time."""
        share = keyed_share(self.task_id, self._api.time.now_ms())
        return self.every_ms * (1.0 + JITTER * (2.0 * share - 1.0))

    def _note(self, page: TaskPage) -> None:
        """Take down the task object and its counts."""
        self._folder.note_task(page.task)
        progress = page.task.get("task_progress")
        counts = counts_of(page.task)
        total = progress.get("total") if isinstance(progress, dict) else None
        row: dict[str, Any] = {
            "task_id": self.task_id,
            "at": _middle(page.when),
            "total": total if isinstance(total, int) else sum(counts.values()),
            **{COUNTS[state]: count for state, count in counts.items()},
        }
        self._folder.append("progress", [row])

    def _store(self, *, is_last: bool = False) -> None:
        self._store_rows(is_last=is_last)
        self._folder.write_tasks()

    def _store_rows(self, *, is_last: bool = False) -> None:
        self._folder.append("sightings", self._sightings.take_rows(is_last=is_last))

    def _restore(self) -> None:
        """Go on from what an earlier run has stored."""
        if self._folder.is_new:
            return
        swept = read_rows(self._folder.path, "sweeps", task_id=self.task_id).columns["from"]
        seen = read_rows(self._folder.path, "sightings", task_id=self.task_id).dicts()
        self._sightings.restore(seen, swept[-1] if swept else None)


def record(
    api: ReadingApi,
    folder: RecordingFolder,
    clock: Clock,
    task_ids: Sequence[str],
    *,
    pace: Pace = Pace(),
    tell: Callable[[SweepReport], None] | None = None,
) -> Summary:
    """Record tasks until all have settled.

    Args:
        api: Reads.
        folder: Where it goes.
        clock: What is waited by.
        task_ids: The tasks.
        pace: How often, and how long at most.
        tell: Called after each sweep.

    Returns:
        What was done; it is in `recording.json` as well.

    Raises:
        RecordingError: No access, or a task is gone. All that was seen is stored.
    """
    summary = Summary(torn_lines=folder.torn)
    begun_at_ms, begun_ms = api.time.now_ms(), clock.steady_ms()
    recorders: list[TaskRecorder] = []
    try:
        for task_id in task_ids:
            recorders.append(TaskRecorder(api, folder, clock, task_id, pace))
            summary.warnings += [recorders[-1].warning] if recorders[-1].warning else []
        _note_pace(folder, recorders, pace, begun_at_ms)
        summary.ended = _poll_all(recorders, clock, begun_ms + pace.lasts_s * 1e3, summary, tell)
    except BaseException as error:
        summary.ended = type(error).__name__
        if isinstance(error, AccessError | GoneError):
            raise type(error)(_and_what_is_kept(str(error), folder, api)) from None
        raise
    finally:
        for recorder in recorders:
            recorder.finish()
        _note_run(folder, api, summary, begun_at_ms)
    return summary


def _note_pace(
    folder: RecordingFolder, recorders: Sequence[TaskRecorder], pace: Pace, begun_at_ms: int
) -> None:
    """Say in `recording.json` how often is polled."""
    folder.about["poll_s"] = min(recorder.every_ms for recorder in recorders) / 1e3
    folder.about["counts_s"] = pace.counts_s
    folder.about.setdefault("started_at", iso(begun_at_ms))
    folder.write_about()


def _poll_all(
    recorders: Sequence[TaskRecorder],
    clock: Clock,
    until_ms: float,
    summary: Summary,
    tell: Callable[[SweepReport], None] | None,
) -> End:
    """Poll whichever task is due next, until none is left; one that is gone keeps none from going on."""
    gone: list[GoneError] = []
    while True:
        waiting = [recorder for recorder in recorders if not recorder.is_done]
        if not waiting and gone:
            raise gone[0]
        if not waiting:
            return "settled"
        recorder = min(waiting, key=lambda one: one.due_ms)
        now = clock.steady_ms()
        if max(recorder.due_ms, now) >= until_ms:
            return "limit"
        if recorder.due_ms > now:
            clock.sleep((recorder.due_ms - now) / 1e3)
        try:
            report = recorder.poll()
        except GoneError as error:
            recorder.is_done = True
            gone.append(GoneError(f"task {recorder.task_id} is gone: {error}"))
            continue
        if report is None:
            continue
        summary.sweeps += report.sweep is not None
        summary.failed_sweeps += report.sweep is None
        if tell is not None:
            tell(report)


def _note_run(folder: RecordingFolder, api: ReadingApi, summary: Summary, begun_at_ms: int) -> None:
    """Say in `recording.json` what this run did, and what the server's clock did."""
    summary.calls, summary.throttled, summary.failed = api.n_calls, api.n_throttled, api.n_failed
    jumps = [{"at": iso(jump.at_ms), "by_ms": jump.by_ms} for jump in api.time.jumps]
    if jumps:
        summary.warnings.append(
            f"the server's clock jumped {len(jumps)} times, by {jumps[0]['by_ms']} ms at first; times went on"
        )
    run = {"started_at": iso(begun_at_ms), "ended_at": iso(api.time.now_ms()), **vars(summary)}
    clock = {"source": api.time.source, "offset_ms": api.time.offset_ms()}
    earlier = folder.about.get("clock", {}).get("jumps", [])
    folder.about["clock"] = {**clock, "jumps": [*earlier, *jumps]}
    folder.about["runs"] = [*folder.about.get("runs", []), run]
    folder.write_about()


def _and_what_is_kept(message: str, folder: RecordingFolder, api: ReadingApi) -> str:
    """Return an error with what became of the recording."""
    until = f"recorded until {iso(api.time.now_ms())}, all of it is in {folder.path}"
    return f"{message}; {until}: the same command goes on from there"


def _middle(when: PageTime) -> int:
    return (when.earliest_ms + when.latest_ms) // 2


def _created_ms(task: dict[str, Any]) -> int:
    """Return when a task was created; the service cuts it to the second."""
    text = task.get("create_time")
    try:
        if not isinstance(text, str) or _WIRE_TIME.fullmatch(text) is None:
            raise ValueError
        return int(datetime.strptime(text, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).timestamp()) * 1000
    except ValueError:
        raise RecordingError(f"the task's create_time is {text!r}, which is no time") from None


def _every_ms(pace: Pace, retry_ms: int | None) -> float:
    """Return the distance of sweeps: what was asked for, or what loses no attempt even with the jitter."""
    if pace.every_s is not None:
        return pace.every_s * 1e3
    return EVERY_S * 1e3 if retry_ms is None else min(EVERY_S * 1e3, _IN_TIME * retry_ms / (1.0 + JITTER))


def _retry_interval_ms(task: dict[str, Any]) -> int | None:
    """Return how long a device waits for its automatic retry; None if there is none."""
    policy = task.get("task_policy")
    told = policy if isinstance(policy, dict) else {}
    count, minutes = told.get("retry_count"), told.get("retry_interval")
    return int(minutes) * 60_000 if count and minutes else None
