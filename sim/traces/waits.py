"""Tells what a subtask waited for between its attempts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np

from sim.fleet.spec import NEVER, TICKS_PER_S
from sim.rules import SubtaskState
from sim.traces.history import Order, Stretch
from sim.traces.steps import Doing, Step
from sim.units import format_frequency

if TYPE_CHECKING:
    from sim.campaign.record import CampaignRun
    from sim.traces.place_queue import Mates


class WaitTeller:
    """Turns the states of one device's subtask between attempts into steps."""

    def __init__(
        self, run: CampaignRun, device: int, *, mates: Mates | None, placed: Mapping[Order, int]
    ) -> None:
        """Learn what there is to wait for.

        Args:
            run: A run that kept its attempts. Read only.
            device: Device index.
            mates: With whom it shares upgrade places; None to tell of all waits in the queue as one.
            placed: When a subtask that joined so got its place; of all mates.
        """
        self._run = run
        self._mates = mates
        self._placed = placed
        i_task = int(run.records.task[device])
        self._task = None if i_task < 0 else run.tasks[i_task]

    def steps(self, gap: Iterable[Stretch]) -> Iterator[Step]:
        """Yield the steps of one time between attempts; those of no length are left out."""
        for stretch in gap:
            if stretch.doing is Doing.QUEUED:
                yield from self._queue(stretch)
            elif stretch.end > stretch.start:
                yield Step(stretch.start, stretch.end, stretch.doing, self._note(stretch))

    def _queue(self, stretch: Stretch) -> Iterator[Step]:
        """Yield the wait for a place in the cell or at the site, then that for the dispatch."""
        if self._mates is None:
            if stretch.end > stretch.start:
                yield Step(stretch.start, stretch.end, Doing.QUEUED)
            return
        needs_place = self._mates.places < NEVER
        ready = min(self._placed.get(stretch.order, NEVER), stretch.end) if needs_place else stretch.start
        if ready > stretch.start:
            yield Step(stretch.start, ready, self._mates.wait, self._mates.note)
        for begin, end in self._freezes(ready, stretch.end):
            if begin > ready:
                yield Step(ready, begin, Doing.READY, self._dispatch_note(ready, begin))
            yield Step(begin, end, Doing.FREEZE)
            ready = end
        if stretch.end > ready:
            yield Step(ready, stretch.end, Doing.READY, self._dispatch_note(ready, stretch.end))

    def _freezes(self, start: int, end: int) -> Iterator[tuple[int, int]]:
        """Yield the parts of an interval in which a freeze lets nothing be dispatched, in order."""
        outages = self._run.spec.outages
        for begins, thaws in zip(outages.freeze_from.tolist(), outages.freeze_to.tolist(), strict=True):
            if max(begins, start) < min(thaws, end):
                yield max(begins, start), min(thaws, end)

    def _note(self, stretch: Stretch) -> str:
        """Return more about a stretch outside the queue."""
        if stretch.doing is Doing.NO_TASK:
            wave = None if self._task is None else self._task.wave
            if self._run.scenario.campaign.waves:
                return f"until wave {wave} begins" if wave is not None else "no wave reached it"
        if stretch.doing is Doing.HELD:
            return self._held_note()
        return ""

    def _held_note(self) -> str:
        """Return what may hold a task back."""
        campaign = self._run.scenario.campaign
        reasons = []
        if campaign.task_policy.schedule_time is not None:
            reasons.append("its scheduled time")
        if campaign.need_confirm:
            reasons.append("a confirm call")
        if len(self._run.tasks) > campaign.limits.tasks_in_progress:
            reasons.append(f"one of {campaign.limits.tasks_in_progress} tasks in progress to end")
        return f"it waits for {' and '.join(reasons)}" if reasons else ""

    def _dispatch_note(self, start: int, end: int) -> str:
        """Return which limits held a ready subtask back."""
        platform = self._run.spec.platform
        reasons = []
        if platform.max_processing < NEVER and self._was_full(start, end):
            reasons.append(f"all {platform.max_processing:,} Processing places are taken")
        if platform.dispatch_gap_ticks > 0:
            if self._run.scenario.campaign.what_if.dispatch_ramp is not None:
                reasons.append("dispatches are paced by a ramp")
            else:
                reasons.append(
                    f"dispatches are paced at {format_frequency(TICKS_PER_S / platform.dispatch_gap_ticks)}"
                )
        return ", ".join(reasons)

    def _was_full(self, start: int, end: int) -> bool:
        """Tell whether all Processing places were taken at some time of an interval.

        The curve shows it on its grid; in between, an end at the tick of the dispatch gives it away.
        """
        run = self._run
        assert run.attempts is not None, "the run kept no attempts"
        low, high = np.searchsorted(run.curves.tick, [start, end])
        processing = run.curves.status[low:high, SubtaskState.PROCESSING]
        return bool((processing >= run.spec.platform.max_processing).any() or (run.attempts.end == end).any())
