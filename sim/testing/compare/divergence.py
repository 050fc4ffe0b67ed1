"""Where two runs part: the first device, and the time, at which anything went another way.

Two runs that are both there are compared attempt by attempt. Of a baseline's run nothing is left but a
fingerprint, since its model may be gone: one byte a checkpoint, after each of the first attempts that
ended, then at growing distances. The first byte that differs says after how many alike attempts the
runs part: exactly among the first thousand, later to within 0.2 %.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from sim.fleet.spec import TICKS_PER_S
from sim.rules import Reason, SubtaskState, reason_code, reason_text
from sim.units import format_duration

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sim.campaign.record import CampaignRun
    from sim.fleet.spec import Bools, Int64s

    Words = NDArray[np.uint64]

NOTHING_PARTS: Final = (
    "Every attempt that ended is alike: the runs part in attempts that were cut off, or in calls."
)

_EXACT: Final = 1024
_GROWTH: Final = 1 + 1 / 512


class Trail(NamedTuple):
    """What happened to devices, a row an attempt (or a row a device), in order of (end, device, attempt).

    Attributes:
        name_of: Returns the id of a device by its number.
        device: (n,) int64 numbers.
        attempt: (n,) int64, from 1; 0 if a row is a device.
        times: (n,) int64 each, ticks by what happened then, -1 for never; ends with `end`.
        others: (n,) int64 each, everything else that may differ.
        outcome: Says in words how a row ended.
    """

    name_of: Callable[[int], str]
    device: Int64s
    attempt: Int64s
    times: Mapping[str, Int64s]
    others: Mapping[str, Int64s]
    outcome: Callable[[int], str]


class Fingerprint(NamedTuple):
    """A trail, condensed.

    Attributes:
        attempts: How many there were.
        marks: One byte a checkpoint, in base64.
    """

    attempts: int
    marks: str


def trail_of(run: CampaignRun) -> Trail:
    """Return the trail of a run.

    Args:
        run: A run that kept its attempts. Read only.
    """
    log = run.attempts
    assert log is not None
    columns = {name: np.asarray(getattr(log, name), np.int64) for name in log.__dataclass_fields__}
    device, attempt = columns.pop("device"), columns.pop("attempt")
    names = ("start", "entered", "download_start", "download_end", "end")
    times = {name: columns.pop(name) for name in names}

    def outcome(row: int) -> str:
        return in_words(SubtaskState(int(log.status[row])), Reason(int(log.reason[row])))

    return Trail(run.device_id, device, attempt, times, columns, outcome)


def in_words(state: SubtaskState, reason: Reason) -> str:
    """Return how an attempt ended, as the vendor's console would say it."""
    if reason is Reason.NONE:
        return state.wire
    code = reason_code(reason)
    return f"{state.wire} ({reason_text(reason) if code is None else f'code {code}'})"


def fingerprint(trail: Trail) -> Fingerprint:
    """Condense a trail.

    Args:
        trail: Of attempts. Read only.
    """
    marks = _marks(trail, _checkpoints(len(trail.device)))
    return Fingerprint(len(trail.device), base64.b64encode(marks.tobytes()).decode("ascii"))


def part_from(before: Fingerprint, now: Trail) -> str:
    """Say where a run parts from an earlier one of which only the fingerprint is left.

    Returns:
        A sentence.

    Raises:
        ValueError: The fingerprint is damaged.
    """
    n = len(now.device)
    counts = _checkpoints(before.attempts)
    try:
        marks = np.frombuffer(base64.b64decode(before.marks, validate=True), np.uint8)
    except binascii.Error as error:
        raise ValueError(str(error)) from None
    if len(marks) != len(counts):
        raise ValueError(f"{len(marks)} marks for {before.attempts} attempts")
    common = counts[counts <= n]
    unlike = np.flatnonzero(_marks(now, common) != marks[: len(common)])
    at = int(unlike[0]) if len(unlike) else len(common)
    alike = int(counts[at - 1]) if at else 0
    if alike >= n:
        return NOTHING_PARTS if n == before.attempts else f"After {n:,} alike attempts nothing more ends now."
    window = (int(counts[at]) if at < len(counts) else alike + 1) - alike
    end_s = int(now.times["end"][alike]) / TICKS_PER_S
    soon = f" or within the next {window} attempts" if window > 1 else ""
    head = f"The runs part at {format_duration(end_s)}{soon}, after {alike:,} attempts that ended alike."
    return f"{head}\n  The next one is now {_described(now, alike)}"


def part(before: Trail, now: Trail) -> str:
    """Say where two runs part.

    Args:
        before: The earlier run. Read only.
        now: The other one, with the same numbers for the same devices. Read only.

    Returns:
        Lines of text.
    """
    shift = np.int64(1) << np.int64(20)
    keys = [trail.device * shift + trail.attempt for trail in (before, now)]
    both, i_before, i_now = np.intersect1d(keys[0], keys[1], assume_unique=True, return_indices=True)
    unlike = _unlike(before.others, now.others, i_before, i_now)
    # What differs in no time but in its outcome parts at its end.
    when = np.where(unlike, now.times["end"][i_now], _NEVER)
    for name, ticks in now.times.items():
        old, new = before.times[name][i_before], ticks[i_now]
        earlier = np.minimum(np.where(old < 0, _NEVER, old), np.where(new < 0, _NEVER, new))
        when = np.minimum(when, np.where(old != new, earlier, _NEVER))
    alone = [_alone(trail, key, both) for trail, key in zip((before, now), keys, strict=True)]
    everywhere = np.concatenate([when, *(ticks for ticks, _ in alone)])
    devices = np.concatenate([now.device[i_now], *(device for _, device in alone)])
    if not len(everywhere) or everywhere.min() >= _NEVER:
        return NOTHING_PARTS
    first = int(np.lexsort((devices, everywhere))[0])
    device, tick = int(devices[first]), int(everywhere[first])
    lines = [f"The runs part at {format_duration(tick / TICKS_PER_S)} with {now.name_of(device)}:"]
    for label, trail in (("before", before), ("now", now)):
        rows = np.flatnonzero((trail.device == device) & (trail.times["end"] >= tick))
        text = _described(trail, int(rows[0]), with_device=False) if len(rows) else "no such attempt ended"
        lines.append(f"  {label + ':':8}{text}")
    return "\n".join(lines)


_NEVER: Final = np.int64(2**62)


def _unlike(before: Mapping[str, Int64s], now: Mapping[str, Int64s], i: Int64s, j: Int64s) -> Bools:
    """Return which of the paired rows differ in any of some columns."""
    unlike = np.zeros(len(i), np.bool_)
    for name, values in now.items():
        unlike |= before[name][i] != values[j]
    return unlike


def _alone(trail: Trail, keys: Int64s, both: Int64s) -> tuple[Int64s, Int64s]:
    """Return when those rows began that the other trail doesn't have, and their devices."""
    rows = ~np.isin(keys, both)
    begun = next(iter(trail.times.values()))[rows]
    return np.where(begun < 0, trail.times["end"][rows], begun), trail.device[rows]


def _described(trail: Trail, row: int, *, with_device: bool = True) -> str:
    """Return a row in words."""
    attempt = int(trail.attempt[row])
    began, *_, end = (int(ticks[row]) / TICKS_PER_S for ticks in trail.times.values())
    who = f"{trail.name_of(int(trail.device[row]))}, " if with_device else ""
    what = f"attempt {attempt}, " if attempt else ""
    return f"{who}{what}{_seconds(began)} to {_seconds(end)}: {trail.outcome(row)}"


def _seconds(time_s: float) -> str:
    """Return a time to the microsecond: shorter, a small difference would not be seen."""
    return f"{time_s:.6f}".rstrip("0").rstrip(".") + " s" if time_s >= 0 else "never"


def _checkpoints(n: int) -> Int64s:
    """Return after how many attempts a trail of `n` is marked, ascending, `n` last; none for none."""
    counts = np.arange(1, min(n, _EXACT) + 1, dtype=np.int64)
    if n <= _EXACT:
        return counts
    steps = int(np.ceil(np.log(n / _EXACT) / np.log(_GROWTH)))
    later = np.floor(_EXACT * _GROWTH ** np.arange(1, steps + 1)).astype(np.int64)
    return np.unique(np.concatenate([counts, np.minimum(later, n), [n]]))


def _marks(trail: Trail, counts: Int64s) -> NDArray[np.uint8]:
    """Return one byte a checkpoint that depends on every attempt up to it."""
    rows = np.zeros(len(trail.device), np.uint64)
    for column in (trail.device, trail.attempt, *trail.times.values(), *trail.others.values()):
        rows = _mixed(rows ^ np.asarray(column, np.int64).view(np.uint64))
    return (_mixed(np.cumsum(rows)[counts - 1]) >> np.uint64(56)).astype(np.uint8)


def _mixed(words: Words) -> Words:
    """Scramble words so that every bit depends on all of them.

    Source:
        Steele, Lea, Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014 (SplitMix64).
    """
    mixed = words + np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))
