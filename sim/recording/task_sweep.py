"""One look at all devices of a task that may have changed, with as few calls as that takes.

What is live is paged, and of the rest what has changed: a device that was live and is in no live filter is
`Success`, unless counts say otherwise; then it is asked for, or pages tell.

Decisions:

- *Markers instead of offsets*: devices leave a filter between two pages. With an offset those behind them
  move up and are missed.
- *Filters in the order in which devices pass through them*: `FailWaitRetry`, `Waitting`, `Processing`, and
  `FailWaitRetry` once more for those that fail meanwhile. Whoever moves on during the sweep comes into a
  filter that is still to be paged. Hidden is only who fails and begins anew within one sweep, which takes
  longer than a retry interval; then nothing is inferred, and the devices are asked for.
- *Each page has its own time*: a sweep of 600 pages takes a minute. Who is gone was gone when the page was
  read on which it would have stood, between those that stood beside it before. With the end of the sweep for
  all, those who are gone would seem to have had more time than those who are still there, and whoever fits
  stage times to that finds them too long by as much as a sweep takes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from sim.recording.reading_api import PAGE_SIZE, ReadingApi, RecordingError, TaskPage
from sim.recording.sightings import RETRY as _RETRY
from sim.recording.sightings import PageTime, Sightings
from sim.rules.states import SubtaskState, TaskState

LIVE: Final = frozenset(state.wire for state in SubtaskState if state.is_live)
COUNTS: Final = {state.wire: state.progress_key for state in SubtaskState}
"""Name of each state's count in `task_progress`, by its name on the wire."""

_WAITING, _WORKING = SubtaskState.WAITTING.wire, SubtaskState.PROCESSING.wire
_SUCCESS: Final = SubtaskState.SUCCESS.wire
_OVER: Final = (SubtaskState.FAIL.wire, SubtaskState.STOPPED.wire, SubtaskState.REMOVED.wire)
_TELLS: Final = frozenset({_RETRY, *_OVER})
"""States in which what a subtask says of an error is about now."""
_ENDED: Final = frozenset(state.value for state in TaskState if state.is_terminal)
_EVERYONE_AGAIN_MS: Final = 3_600_000


@dataclass(frozen=True)
class Sweep:
    """What one sweep saw.

    Attributes:
        task: The task object of its last answer.
        when: When that was true.
        from_ms: The earliest time at which its first answer was true.
        n_changed: Stays that began.
        new_failures: Failures that were seen since the last sweep, by code (None without one) and text.
        n_unexplained: Devices that are nowhere: their last state stays.
    """

    task: dict[str, Any]
    when: PageTime
    from_ms: int
    n_changed: int
    new_failures: Counter[tuple[str | None, str | None]]
    n_unexplained: int


def counts_of(task: dict[str, Any]) -> dict[str, int]:
    """Return the devices of a task by state on the wire; absent counts are 0.

    Args:
        task: A task object.
    """
    progress = task.get("task_progress")
    told = progress if isinstance(progress, dict) else {}
    values = {state: told.get(key) for state, key in COUNTS.items()}
    return {state: value if isinstance(value, int) else 0 for state, value in values.items()}


def is_settled(task: dict[str, Any]) -> bool:
    """Tell whether a task is over and none of its devices is live.

    Args:
        task: A task object.
    """
    counts = counts_of(task)
    return task.get("status") in _ENDED and not any(counts[state] for state in LIVE)


class Sweeper:
    """Sweeps one task again and again."""

    def __init__(self, api: ReadingApi, sightings: Sightings, *, retry_interval_ms: int | None) -> None:
        """Take what was seen so far.

        Args:
            api: Reads the task.
            sightings: What was seen; sweeps add to it.
            retry_interval_ms: Milliseconds between a failure and the automatic retry; None without retries.
        """
        self._api = api
        self._sightings = sightings
        self._retry_interval_ms = retry_interval_ms
        self._everyone_at_ms: int | None = None
        self._lost: set[str] = set()
        self._orders: dict[str, list[str]] = {}

    def counts(self, *, wants_waiting: bool) -> tuple[TaskPage, bool]:
        """Read the task object, with one call; with automatic retries it brings those that wait for theirs.

        Args:
            wants_waiting: Page all that wait for their retry, however many calls it takes.

        Returns:
            The last answer, and whether all that wait were on its pages.

        Raises:
            RecordingError: See its kinds.
        """
        if self._retry_interval_ms is None:
            return self._checked(self._api.show_batch_task(self._sightings.task_id, limit=1)), True
        look = _Look(self._api, self._sightings, self._lost, self._checked)
        return look.waiting(everybody=wants_waiting)

    def sweep(self, *, is_last: bool = False) -> Sweep:
        """Look at every device that may have changed.

        Args:
            is_last: Look at those that have failed in any case.

        Raises:
            RecordingError: See its kinds. What was seen until then is in the sightings.
        """
        look = _Look(self._api, self._sightings, self._lost, self._checked, self._orders)
        found = look.run(
            lambda first: self._wants_everyone(first, is_last=is_last),
            is_last=is_last,
            trusted_ms=self._retry_interval_ms,
        )
        self._orders = look.orders
        return found

    def _wants_everyone(self, first: TaskPage, *, is_last: bool) -> bool:
        """Tell whether somebody was never seen, so that those that succeeded are to be paged as well."""
        if sum(counts_of(first.task).values()) <= len(self._sightings.stays):
            return False
        now = first.when.latest_ms
        last = self._everyone_at_ms
        if last is not None and now - last < _EVERYONE_AGAIN_MS and not is_last:
            return False
        self._everyone_at_ms = now
        return True

    def _checked(self, page: TaskPage) -> TaskPage:
        """Refuse an answer about something else."""
        task_id = page.task.get("task_id")
        if task_id != self._sightings.task_id:
            raise RecordingError(f"asked for task {self._sightings.task_id}, the answer is about {task_id!r}")
        return page


class _Look:
    """One sweep on its way.

    Attributes:
        orders: Devices in each filter that was paged, in the order of the pages: one for all filters.
    """

    def __init__(
        self,
        api: ReadingApi,
        sightings: Sightings,
        lost: set[str],
        checked: Any,
        orders_before: Mapping[str, Sequence[str]] = MappingProxyType({}),
    ) -> None:
        self._api = api
        self._sightings = sightings
        self._lost = lost
        self._checked = checked
        self._seen: set[str] = set()
        self._paged: set[str] = set()
        self._n_changed = 0
        self._has_reopened = False
        self._orders_before = orders_before
        self.orders: dict[str, list[str]] = {}
        self._worked: dict[str, PageTime] = {}
        self._last: TaskPage
        self._worked_until: PageTime

    def run(self, wants_everyone: Any, *, is_last: bool, trusted_ms: int | None) -> Sweep:
        """Sweep; see `Sweeper.sweep`."""
        first = self._page(_RETRY, None)
        everyone = wants_everyone(first)
        self._pages(_RETRY, first)
        for state in (_WAITING, _WORKING):
            self._scan(state)
        self._worked_until = self._last.when
        self._sightings.stand_in_order(max(self.orders.values(), key=len, default=[]))
        if everyone or self._missing():
            self._scan(_RETRY)
        took_ms = self._last.when.latest_ms - first.when.earliest_ms
        self._look_at_ended(is_last=is_last or everyone)
        if everyone:
            self._scan(_SUCCESS)
        is_fast = trusted_ms is None or took_ms < trusted_ms
        self._explain_missing(counts_of(first.task)[_SUCCESS], is_fast=is_fast)
        here = self._sightings.in_states(frozenset(_OVER))
        self._sightings.still((d for d in here if d not in self._lost), first.when.earliest_ms)
        failures = self._sightings.new_failures.copy()
        self._sightings.new_failures.clear()
        return Sweep(
            self._last.task,
            self._last.when,
            first.when.earliest_ms,
            self._n_changed,
            failures,
            len(self._lost),
        )

    def waiting(self, *, everybody: bool) -> tuple[TaskPage, bool]:
        """Look at those that wait for their retry; see `Sweeper.counts`."""
        first = self._page(_RETRY, None)
        if first.marker is not None and not everybody:
            named = [detail["target"] for detail in first.details]
            self._sightings.looked_at_first(named, first.when.earliest_ms)
            return first, False
        self._pages(_RETRY, first)
        return self._last, True

    def _look_at_ended(self, *, is_last: bool) -> None:
        """Look at those that have failed or were stopped, as far as counts say that it is worth it."""
        for state in _OVER:
            count = counts_of(self._last.task)[state]
            moved = count != self._sightings.counts[state]
            if not (moved or is_last or self._has_reopened) or not (count or moved):
                continue
            missing = self._missing()
            if moved and not is_last and len(missing) < -(-count // PAGE_SIZE):
                self._ask(missing)
                if counts_of(self._last.task)[state] == self._sightings.counts[state]:
                    continue
            self._scan(state)

    def _explain_missing(self, success_before: int, *, is_fast: bool) -> None:
        """Say of those that were seen nowhere that they succeeded, if that adds up; else ask for them."""
        missing = self._missing()
        if not missing:
            return
        believed = self._sightings.counts[_SUCCESS] + len(missing)
        success_now = counts_of(self._last.task)[_SUCCESS]
        if is_fast and success_before <= believed <= success_now:
            gone = self._gone_by()
            for device_id in missing:
                when = gone.get(device_id, self._last.when)
                self._n_changed += self._sightings.see(device_id, _SUCCESS, when)
            return
        if len(missing) > -(-success_now // PAGE_SIZE):
            self._scan(_SUCCESS)
            missing = self._missing()
        self._ask(missing)
        self._lost.update(self._missing())

    def _gone_by(self) -> dict[str, PageTime]:
        """Return when the page was read on which each device that was live would stand if it still worked."""
        found = {}
        for order in self._orders_before.values():
            when = self._worked_until
            for device_id in reversed(order):
                when = self._worked.get(device_id, when)
                found[device_id] = when
        return found

    def _missing(self) -> list[str]:
        """Return those that are in none of the filters in which they could be."""
        known = LIVE | (self._paged & set(_OVER))
        return [d for d in self._sightings.in_states(known) if d not in self._seen and d not in self._lost]

    def _ask(self, device_ids: Iterable[str]) -> None:
        """Ask for devices one by one."""
        for device_id in device_ids:
            page = self._api.show_batch_task(self._sightings.task_id, target=device_id, limit=1)
            self._take(self._checked(page))

    def _scan(self, state: str) -> None:
        """Page a filter, unless it was empty at the last answer."""
        if counts_of(self._last.task)[state]:
            self._pages(state, self._page(state, None))
        else:
            self._paged.add(state)

    def _pages(self, state: str, page: TaskPage) -> None:
        """Go on from the first page of a filter to its last."""
        from_ms, found = page.when.earliest_ms, self._named(state, page)
        while page.marker is not None:
            page = self._page(state, page.marker)
            found += self._named(state, page)
        self._paged.add(state)
        self.orders[state] = found
        if state == _RETRY:
            self._sightings.looked_at_waiting(set(found), from_ms)

    def _named(self, state: str, page: TaskPage) -> list[str]:
        """Return the devices of a page; remember when those were seen that work."""
        found = [detail["target"] for detail in page.details]
        if state == _WORKING:
            self._worked.update(dict.fromkeys(found, page.when))
        return found

    def _page(self, state: str, marker: str | None) -> TaskPage:
        """Read one page of a filter."""
        page = self._api.show_batch_task(self._sightings.task_id, status=state, marker=marker)
        return self._take(self._checked(page))

    def _take(self, page: TaskPage) -> TaskPage:
        """Take down who is on a page."""
        self._last = page
        for detail in page.details:
            device_id, status = detail.get("target"), detail.get("status")
            if not isinstance(device_id, str) or not isinstance(status, str):
                raise RecordingError("a subtask in an answer has no target or no status")
            code, text = _error_of(detail) if status in _TELLS else (None, None)
            stay = self._sightings.stays.get(device_id)
            was_over = stay is not None and stay.status not in LIVE
            began = self._sightings.see(device_id, status, page.when, error_code=code, error_msg=text)
            self._n_changed += began
            self._has_reopened |= was_over and status in LIVE
            self._seen.add(device_id)
            self._lost.discard(device_id)
        return page


def _error_of(detail: dict[str, Any]) -> tuple[str | None, str | None]:
    """Return code and text of a subtask's error, None for what is not told."""
    error = detail.get("error")
    told = error if isinstance(error, dict) else {}
    code, text = told.get("error_code"), told.get("error_msg") or detail.get("output")
    return (str(code) if code not in (None, "") else None, str(text) if text else None)
