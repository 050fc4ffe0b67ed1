"""The attempts table: what every reader makes of its data, and all that a fit sees of them.

A row is one attempt of one device. What is only known to lie between two looks is kept as an interval; an
exact time is an interval whose ends are equal. Nothing in it says where the data came from, except in words.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields, replace
from enum import IntEnum, unique
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from sim.errors import ModelError
from sim.rules.reasons import Reason
from sim.rules.states import SubtaskState

if TYPE_CHECKING:
    import pandas as pd

Int8s = NDArray[np.int8]
Int16s = NDArray[np.int16]
Int32s = NDArray[np.int32]
Int64s = NDArray[np.int64]

NEVER: Final = 2**62
"""`end_to` of an attempt whose end nobody has seen."""

UNKNOWN_TIME: Final = -1
"""Time of a stage that no log tells."""

UNKNOWN_REASON: Final = -1
"""Cause of a failure that came without a code, or with a code or text of no table."""

STAGE_TIMES: Final = ("contact_ms", "version_ms", "downloaded_ms", "verified_ms", "installed_ms")
"""Borders of the stages of an attempt, in their order."""

PROGRESS_STATES: Final = tuple(state.progress_key for state in SubtaskState)
"""Columns of `Progress.counts`: numbered like `SubtaskState`."""


@unique
class StartKind(IntEnum):
    """What began an attempt."""

    FIRST = 0
    AUTO = 1
    CALL = 2
    UNKNOWN = 3


@unique
class AttemptResult(IntEnum):
    """How an attempt ended, as far as is known."""

    SUCCESS = 0
    FAILED = 1
    STOPPED = 2
    RUNNING = 3


@dataclass(frozen=True, eq=False)
class Progress:
    """Counts of a task's subtasks, which cost one call and are polled more often than devices.

    Attributes:
        at_ms: When they were read; (k,) int64, ms since the table's origin, ascending.
        counts: Subtasks in each state; (k, 7) int64, columns as in `PROGRESS_STATES`.
    """

    at_ms: Int64s
    counts: Int64s


@dataclass(frozen=True, eq=False)
class Attempts:
    """Attempts of the devices of one task, sorted by device and attempt; all arrays read only.

    Times are ms since `origin_ms`. A start lies in (`start_from`, `start_to`], an end in (`end_from`,
    `end_to`]; equal ends say that the time is exact.

    Attributes:
        devices: Ids of the D devices of the task, those without an attempt too.
        cohort_names: Names of the cohorts; one empty name if nothing is known of cohorts.
        cohort: Cohort of each device; (D,) int32 index into `cohort_names`.
        device: Device of each attempt; (n,) int32 index into `devices`, ascending.
        number: Number of the attempt among those of its device; (n,) int16 from 1.
        start_from: Last time before the start; (n,) int64.
        start_to: First time at or after the start; (n,) int64.
        start_kind: `StartKind`; (n,) int8. After `AUTO` the interval of the start follows from the end of the
            attempt before and says nothing of its own.
        end_from: Last time that the attempt was seen under way; (n,) int64.
        end_to: First time at or after its end; (n,) int64, `NEVER` while it runs.
        result: `AttemptResult`; (n,) int8. A device that waits for its next attempt has no row for it.
        reason: Number of the `Reason` of a failure, `UNKNOWN_REASON` for a failure of unknown cause; for a
            success `Reason.NO_NEED` if the device had the version before, which is no fast upgrade; else 0.
            (n,) int16.
        contact_ms: When the device was reached; (n,) int64, `UNKNOWN_TIME` if no log tells, as the next.
        version_ms: When it had reported its versions.
        downloaded_ms: When it had the package.
        verified_ms: When it had checked the package.
        installed_ms: When it had installed the package.
        origin_ms: Time 0, in ms since the Unix epoch: when the task was created, or else the first start.
        retry_interval_ms: Wait before an automatic retry, of the task's policy; None without.
        retry_count: Automatic retries of the task's policy; None if it is not known.
        poll_ms: Median time between two looks at a device, ms; 0 if all times are exact.
        progress: Counts; None if none were read.
        notes: What could not be read, counted, and what was lost or guessed.
        task_id: The task; empty if the data do not say.
    """

    devices: Sequence[str]
    cohort_names: Sequence[str]
    cohort: Int32s
    device: Int32s
    number: Int16s
    start_from: Int64s
    start_to: Int64s
    start_kind: Int8s
    end_from: Int64s
    end_to: Int64s
    result: Int8s
    reason: Int16s
    contact_ms: Int64s
    version_ms: Int64s
    downloaded_ms: Int64s
    verified_ms: Int64s
    installed_ms: Int64s
    origin_ms: int = 0
    retry_interval_ms: int | None = None
    retry_count: int | None = None
    poll_ms: int = 0
    progress: Progress | None = None
    notes: Sequence[str] = ()
    task_id: str = ""

    def __post_init__(self) -> None:
        """Check what every user of the table relies on.

        Raises:
            ModelError: Columns differ in length, rows are not sorted, or an interval is turned round.
        """
        n = len(self.device)
        for name, column in self._columns():
            column.flags.writeable = False
            if len(column) != (len(self.devices) if name == "cohort" else n):
                raise ModelError(f"attempts: column {name} has {len(column)} rows, device has {n}")
        ahead = np.diff(self.device)
        if (ahead < 0).any() or (np.diff(self.number)[ahead == 0] <= 0).any():
            raise ModelError("attempts: rows are not sorted by device and attempt")
        for low, high in (("start_from", "start_to"), ("end_from", "end_to")):
            if (getattr(self, low) > getattr(self, high)).any():
                raise ModelError(f"attempts: {low} is after {high}")

    def __len__(self) -> int:
        """Return the number of attempts."""
        return len(self.device)

    def _columns(self) -> list[tuple[str, NDArray[np.integer]]]:
        """Return the arrays by name, in the order of the class."""
        values = ((field.name, getattr(self, field.name)) for field in fields(self))
        return [(name, value) for name, value in values if isinstance(value, np.ndarray)]

    def frame(self) -> pd.DataFrame:
        """Return the table with names and times for people.

        Returns:
            A row an attempt: `device_id`, `cohort`, `attempt`; `start_from`, `start_to`, `end_from`, `end_to`
            in UTC, NaT for an end that nobody saw; `start`, `result`, `reason` as words (`unknown` for a
            failure of unknown cause, empty for none); then the stage times, NaT where no log tells.
        """
        import pandas as pd  # a recorder does without

        def times(column: Int64s) -> pd.Series:
            known = (column != NEVER) & (column != UNKNOWN_TIME)
            ms = np.where(known, column + self.origin_ms, np.iinfo(np.int64).min)
            return pd.Series(ms.astype("datetime64[ms]")).dt.tz_localize("UTC")

        names = {int(reason): reason.name.lower() for reason in Reason}
        reasons = {**names, int(Reason.NONE): "", UNKNOWN_REASON: "unknown"}
        cohorts = self.cohort[self.device]
        return pd.DataFrame(
            {
                "device_id": [self.devices[i] for i in self.device.tolist()],
                "cohort": [self.cohort_names[i] for i in cohorts.tolist()],
                "attempt": self.number,
                "start": [StartKind(kind).name.lower() for kind in self.start_kind.tolist()],
                "start_from": times(self.start_from),
                "start_to": times(self.start_to),
                "end_from": times(self.end_from),
                "end_to": times(self.end_to),
                "result": [AttemptResult(result).name.lower() for result in self.result.tolist()],
                "reason": [reasons[reason] for reason in self.reason.tolist()],
                **{f"{name.removesuffix('_ms')}_at": times(getattr(self, name)) for name in STAGE_TIMES},
            }
        )

    def cut(self, at_ms: int) -> Attempts:
        """Return what had been seen by a time: the table of somebody who stopped looking then.

        An attempt whose end was seen later runs; it was last seen under way at the last look by then.

        Args:
            at_ms: The time, ms since `origin_ms`; included.

        Returns:
            A table of the same devices.
        """
        seen = self.start_to <= at_ms
        is_open = self.end_to > at_ms
        looks = np.concatenate([self.end_from, self.end_to, self.start_to])
        looks = looks[looks <= at_ms]
        last = at_ms if self.poll_ms == 0 else int(looks.max(initial=0))
        end_from = np.where(self.end_from > at_ms, np.maximum(self.start_to, last), self.end_from)
        stages = {
            name: np.where(getattr(self, name) <= at_ms, getattr(self, name), UNKNOWN_TIME)
            for name in STAGE_TIMES
        }
        if self.poll_ms == 0:
            end_from = np.where(is_open, at_ms, end_from)
        columns: dict[str, NDArray[np.integer]] = {
            **dict(self._columns()),
            "end_from": end_from,
            "end_to": np.where(is_open, NEVER, self.end_to),
            "result": np.where(is_open, np.int8(AttemptResult.RUNNING), self.result),
            "reason": np.where(is_open, np.int16(Reason.NONE), self.reason),
            **stages,
        }
        kept = {name: column[seen] for name, column in columns.items() if name != "cohort"}
        return replace(self, **kept, progress=self._progress_until(at_ms))  # type: ignore[arg-type]

    def _progress_until(self, at_ms: int) -> Progress | None:
        """Return the counts that were read by a time."""
        if self.progress is None:
            return None
        known = self.progress.at_ms <= at_ms
        return Progress(self.progress.at_ms[known], self.progress.counts[known])

    def digest(self) -> str:
        """Return the SHA-256 of all that a fit depends on, in hex: not of `notes`."""
        policy = [self.origin_ms, self.retry_interval_ms, self.retry_count, self.poll_ms, self.task_id]
        heads = [[*self.devices], [*self.cohort_names], policy]
        found = hashlib.sha256(json.dumps(heads, ensure_ascii=False).encode())
        columns = self._columns()
        if self.progress is not None:
            columns += [("at_ms", self.progress.at_ms), ("counts", self.progress.counts)]
        for name, column in columns:
            found.update(f"\0{name}\0{column.dtype.str}\0{column.shape}\0".encode())
            found.update(np.ascontiguousarray(column).tobytes())
        return found.hexdigest()


@dataclass(slots=True)
class Attempt:
    """One row while it is made; times in ms since the Unix epoch, the rest as in `Attempts`."""

    device: str
    start_from: int
    start_to: int
    start_kind: StartKind = StartKind.UNKNOWN
    end_from: int = 0
    end_to: int = NEVER
    result: AttemptResult = AttemptResult.RUNNING
    reason: int = int(Reason.NONE)
    contact_ms: int = UNKNOWN_TIME
    version_ms: int = UNKNOWN_TIME
    downloaded_ms: int = UNKNOWN_TIME
    verified_ms: int = UNKNOWN_TIME
    installed_ms: int = UNKNOWN_TIME
    number: int = 0


def table_of(
    rows: Iterable[Attempt],
    *,
    devices: Iterable[str] = (),
    cohort_of: Callable[[str], str] = lambda _: "",
    origin_ms: int | None = None,
    **others: Any,
) -> Attempts:
    """Make the table of rows in any order.

    Args:
        rows: The rows. Those of a device are numbered by their start where `number` is 0.
        devices: Devices that belong to the task, whether or not they have a row.
        cohort_of: Cohort of a device by its id.
        origin_ms: Time 0, ms since the Unix epoch; None for the first start.
        **others: Fields of `Attempts` that are no columns, like `poll_ms` and `notes`.

    Returns:
        The table; devices sorted by id, cohorts in the order of their names.
    """
    found = sorted(rows, key=lambda row: (row.device, row.number, row.start_to, row.end_to))
    names = sorted({*devices, *(row.device for row in found)})
    index = {name: i for i, name in enumerate(names)}
    cohorts = [cohort_of(name) for name in names]
    cohort_names = sorted({*cohorts}) or [""]
    cohort_index = {name: i for i, name in enumerate(cohort_names)}
    if origin_ms is None:
        origin_ms = min((row.start_from for row in found), default=0)
    numbers: list[int] = []
    for i, row in enumerate(found):
        is_next = i > 0 and found[i - 1].device == row.device
        numbers.append(row.number or (numbers[-1] + 1 if is_next else 1))

    def times(name: str) -> Int64s:
        values = np.array([getattr(row, name) for row in found], np.int64)
        return np.where((values == NEVER) | (values == UNKNOWN_TIME), values, values - origin_ms)

    columns: dict[str, Any] = {
        name: times(name) for name in ("start_from", "start_to", "end_from", "end_to", *STAGE_TIMES)
    }
    return Attempts(
        devices=names,
        cohort_names=cohort_names,
        cohort=np.array([cohort_index[name] for name in cohorts], np.int32),
        device=np.array([index[row.device] for row in found], np.int32),
        number=np.array(numbers, np.int16),
        start_kind=np.array([row.start_kind for row in found], np.int8),
        result=np.array([row.result for row in found], np.int8),
        reason=np.array([row.reason for row in found], np.int16),
        **columns,
        origin_ms=origin_ms,
        **others,
    )
