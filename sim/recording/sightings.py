"""What was seen of the devices of one task, as stays in a state: run-length form instead of a row a look.

A look has no instant but a span: the server answered at some time between its ends. A stay surely lasted
until `earliest_ms` of the last look that saw it, and had surely begun by `latest_ms` of the first. All times
are milliseconds since the Unix epoch.

A device that fails twice in the same way is in the same state with the same code: one stay, if nobody looked
in between. But `FailWaitRetry` lasts exactly the retry interval. So it is another stay when it is seen later
than the first could have lasted, or when a look at all that wait for their retry did not find the device
meanwhile. With two such looks within each retry interval no failed attempt is lost.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from sim.rules.states import SubtaskState

COARSE_MS: Final = 4_000
"""How far the two ends of one look may lie apart because servers tell whole seconds; for what was stored
with one time only."""
RETRY: Final = SubtaskState.FAIL_WAIT_RETRY.wire
_FAILED: Final = (RETRY, SubtaskState.FAIL.wire)
_LATE: Final = 0.05
"""Share of the retry interval by which a service may be late without being taken for a second failure."""


class PageTime(NamedTuple):
    """When an answer was true, by the server's clock.

    Attributes:
        earliest_ms: Not before this.
        latest_ms: Not after this.
    """

    earliest_ms: int
    latest_ms: int


@dataclass(slots=True)
class Stay:
    """One stay of a device in a state.

    Attributes:
        status: State on the wire, like `FailWaitRetry`.
        error_code: Result code as text; None if none was told.
        error_msg: Text of the failure; None if none was told.
        gone_before: When it was last surely not in this state: last seen in the state before, or missed by a
            later look at this one; the task's creation for the first stay.
        seen_from: By when the stay had surely begun.
        until: Until when it surely lasted; may be a little before `seen_from` after a single look.
        written_to: `seen_to` of the row that is in the file already.
    """

    status: str
    error_code: str | None
    error_msg: str | None
    gone_before: int
    seen_from: int
    until: int
    written_to: int = -1

    @property
    def seen_to(self) -> int:
        """When the stay was last seen, not before `seen_from`."""
        return max(self.seen_from, self.until)


class Sightings:
    """The stays of one task's devices: those that go on, and those whose rows are not stored yet.

    Attributes:
        task_id: The task.
        stays: The stay that each device is in, by device id.
        counts: Devices by the state they are in.
        new_failures: Failures that were seen, by code and text; who tells of them clears it.
    """

    def __init__(self, task_id: str, created_ms: int, retry_interval_ms: int | None = None) -> None:
        """Begin with nobody seen.

        Args:
            task_id: The task.
            created_ms: When it was created: nobody was in any state before.
            retry_interval_ms: How long a device waits for its automatic retry; None if there is none.
        """
        self.task_id = task_id
        self.stays: dict[str, Stay] = {}
        self.counts: Counter[str] = Counter()
        self._created_ms = created_ms
        self.new_failures: Counter[tuple[str | None, str | None]] = Counter()
        self._rows: list[dict[str, Any]] = []
        self._retry_interval_ms = retry_interval_ms
        self._waiting: set[str] = set()
        self._looked_from_ms = created_ms
        self._ranks: dict[str, int] = {}
        self._parts: list[tuple[int, int]] = []

    def see(
        self,
        device_id: str,
        status: str,
        when: PageTime,
        *,
        error_code: str | None = None,
        error_msg: str | None = None,
    ) -> bool:
        """Take down that a device is in a state.

        Args:
            device_id: Which.
            status: State on the wire.
            when: When it was seen.
            error_code: Result code, if one was told.
            error_msg: Text, if one was told.

        Returns:
            Whether a stay began.
        """
        stay = self.stays.get(device_id)
        told = (status, error_code, error_msg)
        is_waiting = status == RETRY and self._retry_interval_ms is not None
        if stay is not None and (stay.status, stay.error_code, stay.error_msg) == told:
            if not is_waiting:
                stay.until = max(stay.until, when.earliest_ms)
                return False
            if device_id in self._waiting and not self._is_over(stay, when):
                return False
        gone_before = self._created_ms
        if stay is not None:
            gone_before = stay.until
            self.counts[stay.status] -= 1
            if stay.seen_to > stay.written_to:
                self._note(device_id, stay)
        if stay is not None and is_waiting and device_id not in self._waiting:
            gone_before = max(gone_before, min(self._not_waiting_until(device_id), when.earliest_ms))
        seen_from, until = max(when.latest_ms, gone_before), max(when.earliest_ms, gone_before)
        begun = Stay(*told, gone_before, seen_from, until)
        self.stays[device_id] = begun
        self.counts[status] += 1
        (self._waiting.add if is_waiting else self._waiting.discard)(device_id)
        self._note(device_id, begun)
        if status in _FAILED:
            self.new_failures[error_code, error_msg] += 1
        return True

    def looked_at_waiting(self, device_ids: AbstractSet[str], from_ms: int) -> None:
        """Take down that a look at all that wait for their retry is complete: others do not, or no longer.

        Args:
            device_ids: Those that it found.
            from_ms: The earliest time at which its first answer was true.
        """
        self._waiting &= device_ids
        self._looked_from_ms = max(self._looked_from_ms, from_ms)
        self._parts.clear()

    def looked_at_first(self, device_ids: Sequence[str], from_ms: int) -> None:
        """Take down the first page of a look at all that wait: those before its last device do not wait.

        Args:
            device_ids: Those on the page, in its order.
            from_ms: The earliest time at which it was true.
        """
        rank = self._ranks.get(device_ids[-1]) if device_ids else None
        if rank is not None:
            self._parts.append((from_ms, rank))

    def stand_in_order(self, device_ids: Sequence[str]) -> None:
        """Take down the order in which pages have the devices, the same for all states; the first one counts.

        Args:
            device_ids: Devices in that order; of the others nothing is known.
        """
        if not self._ranks:
            self._ranks = {device_id: rank for rank, device_id in enumerate(device_ids)}

    def _not_waiting_until(self, device_id: str) -> int:
        """Return when a device that is now seen to wait had last been looked for among those that wait."""
        rank = self._ranks.get(device_id)
        if rank is None:
            return self._looked_from_ms
        return max([self._looked_from_ms, *(ms for ms, last in self._parts if rank < last)])

    def _is_over(self, stay: Stay, when: PageTime) -> bool:
        """Tell whether a device that waits does so since another failure; if not, it was seen."""
        assert self._retry_interval_ms is not None
        lasts_ms = self._retry_interval_ms
        if when.earliest_ms > stay.seen_from + lasts_ms * (1.0 + _LATE):
            return True
        # Later it may have been seen because of another failure.
        stay.until = max(stay.until, min(when.earliest_ms, stay.gone_before + lasts_ms))
        return False

    def still(self, device_ids: Iterable[str], when_ms: int) -> None:
        """Take down that devices are where they were, because counts say so.

        Args:
            device_ids: Which.
            when_ms: The earliest time at which they surely were.
        """
        for device_id in device_ids:
            stay = self.stays[device_id]
            stay.until = max(stay.until, when_ms)

    def in_states(self, states: frozenset[str]) -> list[str]:
        """Return the devices that are in one of some states, as they were first seen.

        Args:
            states: Names on the wire.
        """
        return [device_id for device_id, stay in self.stays.items() if stay.status in states]

    def take_rows(self, *, is_last: bool = False) -> list[dict[str, Any]]:
        """Return the rows that are to be stored, and forget them.

        Args:
            is_last: Also tell of each stay that goes on how long it was seen.
        """
        if is_last:
            for device_id, stay in self.stays.items():
                if stay.seen_to > stay.written_to:
                    self._note(device_id, stay)
        rows, self._rows = self._rows, []
        return rows

    def restore(self, rows: Iterable[Mapping[str, Any]], swept_from_ms: int | None) -> None:
        """Go on from stored rows.

        Args:
            rows: Stays of this task in the order in which they were stored, as `take_rows` returned them.
            swept_from_ms: When the last sweep that was stored as a whole began, if there was one: whoever's
                stay goes on was there.
        """
        for row in rows:
            until = row["seen_to"]
            if until <= row["seen_from"]:
                until = max(row["gone_before"], row["seen_from"] - COARSE_MS)
            self.stays[row["device_id"]] = Stay(
                row["status"],
                row["error_code"],
                row["error_msg"],
                row["gone_before"],
                row["seen_from"],
                until,
                row["seen_to"],
            )
        if swept_from_ms is not None:
            self.still(self.stays, swept_from_ms)
        self.counts = Counter(stay.status for stay in self.stays.values())
        if self._retry_interval_ms is not None:
            self._waiting = {device_id for device_id, stay in self.stays.items() if stay.status == RETRY}

    def _note(self, device_id: str, stay: Stay) -> None:
        """Make a row of a stay."""
        stay.written_to = stay.seen_to
        self._rows.append(
            {
                "task_id": self.task_id,
                "device_id": device_id,
                "status": stay.status,
                "error_code": stay.error_code,
                "error_msg": stay.error_msg,
                "gone_before": stay.gone_before,
                "seen_from": stay.seen_from,
                "seen_to": stay.seen_to,
            }
        )
