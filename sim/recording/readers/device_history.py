"""From the stays of one device to its attempts.

Between two looks a device may have done more than what both saw. What surely happened in between is added
(nobody fails without an attempt), what may have happened is said.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, NamedTuple

from sim.recording.attempts import NEVER, UNKNOWN_REASON, Attempt, AttemptResult, StartKind
from sim.recording.readers.causes import is_conflict, is_current_already, reason_of
from sim.recording.readers.noted_calls import NotedCalls
from sim.recording.readers.remarks import Remarks
from sim.rules.reasons import Reason
from sim.rules.states import SubtaskState

CALL_ASSUMED: Final = "attempts after Fail or Stopped that no noted call explains, taken for retry calls"
EARLY: Final = "retries before the retry interval was over that no noted call explains, taken for retry calls"
LATE: Final = "retries later than the retry interval, whose start is known from the looks alone"
LATE_FIRST: Final = (
    "devices first seen longer than the retry interval after the task began: attempts before may be missing"
)
LEFT_SUCCESS: Final = "attempts after Success, which the service's rules don't know"
UNSEEN_END: Final = (
    "attempts whose end was not seen, since the device waited again: failures of unknown cause"
)
CONFLICTS: Final = "subtasks refused since another task had the device, no failures of theirs"
CURRENT: Final = "successes of devices that had the version already"
REPEATED: Final = "attempts known only because a wait for a retry lasted longer than the retry interval"
AMBIGUOUS: Final = "waits for a retry in which more attempts of the same cause may be hidden"
LOST: Final = "failed attempts lost between looks, as many as the policy's retries say"
BESIDE_CALL: Final = (
    "attempts that ended in the same gap between looks as a noted retry call: one that failed right before "
    "the call may be hidden"
)
CLOCK: Final = "stays whose times go back: a clock jumped; their order is that of the rows"

_ENDS: Final = {
    SubtaskState.SUCCESS: AttemptResult.SUCCESS,
    SubtaskState.FAIL: AttemptResult.FAILED,
    SubtaskState.FAIL_WAIT_RETRY: AttemptResult.FAILED,
    SubtaskState.STOPPED: AttemptResult.STOPPED,
    SubtaskState.REMOVED: AttemptResult.STOPPED,
}


class SeenStay(NamedTuple):
    """A stay in a state, times in ms since the Unix epoch.

    It began in (`gone_before`, `seen_from`]; the stay before may have ended earlier than that.
    """

    status: SubtaskState
    code: str | None
    text: str | None
    gone_before: int
    seen_from: int
    seen_to: int

    @property
    def cause(self) -> tuple[SubtaskState, str | None, str | None]:
        """What makes it another stay."""
        return (self.status, self.code, self.text)


@dataclass(frozen=True)
class TaskFacts:
    """What all devices of a task share.

    Attributes:
        begins_ms: When the task was created or scheduled, ms since the Unix epoch; None if unknown.
        interval_ms: Wait before an automatic retry; None without a policy.
        retry_count: Automatic retries; None if unknown.
        at_once: Whether nobody was ever seen Waitting, so that attempts begin when they are asked for.
        looks: Ends of the sweeps, ms since the Unix epoch, ascending; empty if they are not known.
        gap_ms: Longest time between two looks; None if it is not known.
        calls: Noted retry calls.
    """

    begins_ms: int | None
    interval_ms: int | None
    retry_count: int | None
    at_once: bool
    looks: tuple[int, ...]
    gap_ms: int | None
    calls: NotedCalls


def attempts_of(device: str, stays: Iterable[SeenStay], task: TaskFacts, remarks: Remarks) -> list[Attempt]:
    """Return the attempts of a device.

    Args:
        device: Its name in the table.
        stays: What was seen of it, in order.
        task: What all devices share.
        remarks: Takes down what was guessed and what was lost.

    Returns:
        Attempts in order, numbered from 1.
    """
    history = _History(device, task, remarks)
    for stay in _in_order(device, stays, remarks):
        history.take(stay)
    history.finish()
    for number, row in enumerate(history.rows, 1):
        row.number = number
    return history.rows


def _in_order(device: str, stays: Iterable[SeenStay], remarks: Remarks) -> list[SeenStay]:
    """Return the stays with equal neighbours joined and with times that never go back."""
    found: list[SeenStay] = []
    for stay in stays:
        gone, first, until = stay.gone_before, stay.seen_from, stay.seen_to
        before = found[-1] if found else stay._replace(gone_before=-NEVER, seen_from=-NEVER)
        if first < gone or until < first or gone < before.gone_before or first < before.seen_from:
            remarks.count(CLOCK, device)
            gone = max(before.gone_before, min(gone, first))
            first = max(stay.gone_before, first, before.seen_from)
            until = max(until, first)
        is_again = stay.status is SubtaskState.FAIL_WAIT_RETRY  # recorders keep failures in a row apart
        if found and before.cause == stay.cause and not is_again:
            found[-1] = before._replace(seen_to=max(before.seen_to, until))
        else:
            found.append(stay._replace(gone_before=gone, seen_from=first, seen_to=until))
    return found


class _History:
    """The attempts so far, and how the device stands."""

    def __init__(self, device: str, task: TaskFacts, remarks: Remarks) -> None:
        self.rows: list[Attempt] = []
        self._device = device
        self._task = task
        self._remarks = remarks
        self._open: Attempt | None = None
        self._last: SeenStay | None = None
        self._after_waiting = StartKind.FIRST
        self._failures = 0
        """Failed attempts since the budget of retries was last full."""
        self._may_hide = 0
        """Waits for a retry since then that may hide more attempts."""

    def take(self, stay: SeenStay) -> None:
        """Go on with the next stay."""
        status, last = stay.status, self._last
        if last is not None and last.status is SubtaskState.FAIL_WAIT_RETRY:
            self._look_behind(last, stay)
        if last is not None and last.status is SubtaskState.FAIL:
            self._hidden_calls(last)
        if status is SubtaskState.WAITTING:
            self._wait(stay)
        elif status is SubtaskState.PROCESSING:
            self._open = self._open or self._begin(stay)
            self._open.end_from = max(self._open.start_to, stay.seen_to)
        else:
            self._end(stay)
        self._last = stay

    def finish(self) -> None:
        """Take down what is still under way."""
        if self._open is not None:
            self.rows.append(self._open)
        elif self._last is not None and self._last.status is SubtaskState.FAIL_WAIT_RETRY:
            self._repeated(self._last)
        elif self._last is not None and self._last.status is SubtaskState.FAIL:
            self._hidden_calls(self._last)
        self._refill()

    def _wait(self, stay: SeenStay) -> None:
        """The device waits for a place."""
        last = None if self._last is None else self._last.status
        if self._open is not None:
            self._remarks.count(UNSEEN_END, self._device)
            self._close(self._open, stay, AttemptResult.FAILED, UNKNOWN_REASON)
        if last in (SubtaskState.FAIL, SubtaskState.STOPPED, SubtaskState.REMOVED):
            self._refill()
            self._after_waiting = StartKind.CALL
        elif last is not None:
            self._after_waiting = StartKind.UNKNOWN

    def _end(self, stay: SeenStay) -> None:
        """An attempt is over, and where nobody saw it, there was one."""
        result = _ENDS[stay.status]
        if stay.status is SubtaskState.FAIL and is_conflict(stay.code, stay.text):
            self._remarks.count(CONFLICTS, self._device)
            if self._open is not None:  # whatever it was, it was not the device
                self._close(self._open, stay, AttemptResult.STOPPED, 0)
            return
        if self._open is None:
            is_still = self._last is not None and self._last.status is stay.status is SubtaskState.SUCCESS
            if is_still or result is AttemptResult.STOPPED:
                return
            self._open = self._begin(stay)
        reason = 0
        if result is AttemptResult.FAILED:
            reason = reason_of(stay.code, stay.text, self._remarks, self._device)
        elif result is AttemptResult.SUCCESS and is_current_already(stay.code, stay.text):
            self._remarks.count(CURRENT)
            reason = int(Reason.NO_NEED)
        self._close(self._open, stay, result, reason)
        if stay.status is SubtaskState.FAIL:
            self._account_for_retries()

    def _close(self, row: Attempt, stay: SeenStay, result: AttemptResult, reason: int) -> None:
        row.end_from = max(row.start_from, stay.gone_before)
        row.end_to = max(row.end_from, stay.seen_from)
        row.start_to = min(row.start_to, row.end_to)
        since = max(row.start_to, row.end_from)
        if self._task.calls.first_within(self._device, since, row.end_to - 1) is not None:
            self._remarks.count(BESIDE_CALL, self._device)
        row.result = result
        row.reason = reason
        self.rows.append(row)
        self._failures += result is AttemptResult.FAILED
        self._open = None

    def _begin(self, stay: SeenStay) -> Attempt:
        """Return an attempt that began between the stay before and this one."""
        last = None if self._last is None else self._last.status
        low, high = stay.gone_before, stay.seen_from
        if self._last is not None:  # the state before may be over long before this one
            low = min(low, self._last.seen_to)
        if last is SubtaskState.FAIL_WAIT_RETRY:
            return self._retried(low, high)
        if last in (SubtaskState.FAIL, SubtaskState.STOPPED, SubtaskState.REMOVED):
            self._refill()
            at = self._task.calls.first_within(self._device, low, high)
            if at is None:
                self._remarks.count(CALL_ASSUMED, self._device)
                return Attempt(self._device, low, high, StartKind.CALL)
            return Attempt(self._device, *self._asked_for(at, high), StartKind.CALL)
        if last is SubtaskState.WAITTING:
            return Attempt(self._device, low, high, self._after_waiting)
        if last is None:
            return self._first(low, high)
        self._remarks.count(LEFT_SUCCESS, self._device)
        return Attempt(self._device, low, high, StartKind.UNKNOWN)

    def _first(self, low: int, high: int) -> Attempt:
        """Return the attempt of a device that was not seen before, in (low, high]."""
        begins, interval = self._task.begins_ms, self._task.interval_ms
        if interval and self._task.retry_count and high - (low if begins is None else begins) > interval:
            self._remarks.count(LATE_FIRST, self._device)
            return Attempt(self._device, low, high, StartKind.UNKNOWN)
        if begins is not None and self._task.at_once and begins <= high:
            low = high = begins
        return Attempt(self._device, low, high, StartKind.FIRST)

    def _asked_for(self, at: int, seen: int) -> tuple[int, int]:
        """Return the interval of a start that was asked for at a time: exact if there are places for all."""
        return (at, at) if self._task.at_once else (at - 1, seen)

    def _retried(self, low: int, high: int) -> Attempt:
        """Return the attempt after a wait for a retry, begun in (low, high]."""
        interval = self._task.interval_ms
        if interval is None or not self.rows:
            return Attempt(self._device, low, high, StartKind.AUTO)
        ended = self.rows[-1]
        auto_low, auto_high = ended.end_from + interval, ended.end_to + interval
        at = self._task.calls.first_within(self._device, low, high)
        if at is not None and at <= auto_low:
            self._refill()
            return Attempt(self._device, *self._asked_for(at, high), StartKind.CALL)
        both = (max(low, auto_low), min(high, auto_high))
        if both[0] < both[1]:
            is_open = at is not None and at < auto_high
            return Attempt(self._device, *both, StartKind.UNKNOWN if is_open else StartKind.AUTO)
        if high <= auto_low:
            self._refill()
            self._remarks.count(EARLY, self._device)
            return Attempt(self._device, low, high, StartKind.CALL)
        self._remarks.count(LATE, self._device)
        return Attempt(self._device, low, high, StartKind.UNKNOWN)

    def _look_behind(self, wait: SeenStay, after: SeenStay) -> None:
        """Find the attempts that a wait hides which lasted longer than one, now that its end is known."""
        self._repeated(wait)
        interval = self._task.interval_ms
        if interval and self.rows:
            n_least = self._n_least(wait, interval)
            n_most = (after.seen_from - wait.gone_before) // interval
            self._may_hide += n_most > n_least

    def _repeated(self, wait: SeenStay) -> None:
        """Add the attempts without which a device can't have waited for so long."""
        interval = self._task.interval_ms
        if interval:
            self._add_repeats(len(self.rows) - 1, self._n_least(wait, interval) - 1, wait.seen_to, interval)

    def _n_least(self, wait: SeenStay, interval: int) -> int:
        """Return how many failed attempts a wait holds at least, each of which waits for the interval."""
        slack = max(1000, interval // 100)  # services count whole seconds, and come late
        over = wait.seen_to - wait.seen_from - interval - slack
        if over < 0:
            return 1
        # Between two waits there may be an attempt as long as nobody looked.
        return 2 + over // (interval + (self._task.gap_ms or interval))

    def _add_repeats(self, i_row: int, n: int, seen_to: int, interval: int) -> None:
        """Add failures of the cause of a row right behind it."""
        first = self.rows[i_row]
        first.end_to = max(first.end_from, min(first.end_to, seen_to - n * interval))
        for i in range(1, n + 1):
            before = self.rows[i_row + i - 1]
            start_from = before.end_from + interval
            end_to = max(start_from, seen_to - (n - i) * interval)
            start_to = min(before.end_to + interval, end_to)
            row = Attempt(self._device, start_from, start_to, StartKind.AUTO, start_from, end_to)
            row.result, row.reason = AttemptResult.FAILED, first.reason
            self.rows.insert(i_row + i, row)
            self._failures += 1
            self._remarks.count(REPEATED, self._device)

    def _hidden_calls(self, fail: SeenStay) -> None:
        """Add the attempts of noted calls upon a device that looked failed at each look."""
        after = fail.seen_from
        if self._task.retry_count:
            return  # it would have been seen to wait for a retry
        while (
            self.rows and (at := self._task.calls.first_within(self._device, after, fail.seen_to)) is not None
        ):
            seen = next((look for look in self._task.looks if look > at), fail.seen_to)
            row = Attempt(self._device, *self._asked_for(at, seen), StartKind.CALL)
            row.end_from, row.end_to = row.start_from, max(row.start_to, min(seen, fail.seen_to))
            row.result, row.reason = AttemptResult.FAILED, self.rows[-1].reason
            self.rows.append(row)
            after = row.end_to

    def _refill(self) -> None:
        """The device has its whole budget of retries again."""
        if self._may_hide:
            self._remarks.count(AMBIGUOUS, self._device, self._may_hide)
        self._may_hide = self._failures = 0

    def _account_for_retries(self) -> None:
        """A device is at the end of its retries: what was not seen of them is missing."""
        count = self._task.retry_count
        if count is not None:
            missing = count + 1 - self._failures
            if missing > 0:
                self._remarks.count(LOST, self._device, missing)
            self._may_hide = 0  # if they hid any, these are the lost ones
        self._refill()
