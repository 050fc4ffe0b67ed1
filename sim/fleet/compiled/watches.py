"""Conditions on the compiled plane that end an advance early."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from sim.fleet.compiled.memory.state import FAIL_WAIT_RETRY, RUNNING, SUCCESS, WAITTING, State
from sim.fleet.compiled.memory.tables import WATCH, Records, records
from sim.fleet.jit import inlined, kernel
from sim.fleet.spec import Int32s, Int64s
from sim.rules.shares import exact_share

if TYPE_CHECKING:
    from numpy.typing import NDArray

# `Watch.state`.
FREE: Final = 0
ACTIVE: Final = 1
TRIPPED: Final = 2


@inlined
def is_settled(task_counts: Int64s, task: int) -> bool:
    """Tell whether none of a task's subtasks is live."""
    live: int = task_counts[task, WAITTING] + task_counts[task, RUNNING] + task_counts[task, FAIL_WAIT_RETRY]
    return live == 0


@kernel
def check_watches(watches: Records, task_counts: Int64s, group_ended: Int64s, group_first: Int64s) -> bool:
    """Mark the watches whose condition holds as tripped; tell whether any did."""
    tripped = False
    for i in range(len(watches)):
        watch = watches[i]
        if watch.state != ACTIVE:
            continue
        if watch.settles:
            holds = is_settled(task_counts, watch.key)
        else:
            row = watch.key if watch.key >= 0 else len(group_ended) - 1
            failed, well = group_ended[row, 1], group_ended[row, 0]
            if watch.firsts:
                failed, well = group_first[row, 1], group_first[row, 0]
            ended = failed + well
            holds = ended >= watch.at_least and (
                failed * watch.share_bottom > watch.share_top * ended or failed > watch.count
            )
        if holds:
            watch.state = TRIPPED
            tripped = True
    return tripped


def add_watch(
    st: State,
    number: int,
    *,
    key: int,
    settles: bool,
    share: float = 0.0,
    count: int = 0,
    at_least: int = 0,
    firsts: bool = False,
) -> None:
    """Put a watch into a free slot.

    Args:
        st: Mutated.
        number: The watch's id.
        key: Task when settling is watched, else group.
        settles: Whether settling is watched, else failures: see `Fleet.watch_failures` for the rest.
        share: Share of failures above which it trips.
        count: Failures above which it trips.
        at_least: Ended subtasks below which it doesn't.
        firsts: Whether it counts first attempts instead of subtasks.
    """
    if firsts and not st.reg.first_watches:
        st.group_first[:-1] = st.earlier_first + first_attempts(st, np.arange(len(st.work), dtype=np.int32))
        st.group_first[-1] = st.group_first[:-1].sum(axis=0) - st.earlier_first.sum(axis=0)
    free = np.flatnonzero(_plain(st.watches)["state"] == FREE)
    if len(free):
        slot = int(free[0])
    else:
        slot = len(st.watches)
        st.watches = np.concatenate([st.watches, records(2 + slot, WATCH)]).view(np.recarray)
    watch = _plain(st.watches)[slot : slot + 1]
    limit = exact_share(share)
    watch["key"], watch["settles"] = key, settles
    watch["share_top"], watch["share_bottom"] = limit.numerator, limit.denominator
    watch["firsts"] = firsts
    watch["count"], watch["at_least"], watch["id"], watch["state"] = count, at_least, number, ACTIVE
    st.reg.ended = 1
    _count_watches(st)


def first_attempts(st: State, devices: Int32s) -> Int64s:
    """Return (groups, 2) int64, first attempts of devices' present tasks that ended well and that failed."""
    out = st.out
    devices = devices[out.task[devices] >= 0]
    groups = _plain(st.tasks)["group"][out.task[devices]]
    failed = out.first_failure[devices] >= 0
    well = (out.status[devices] == SUCCESS) & (out.attempts[devices] == 1)
    n_groups = len(st.earlier_first)
    return np.stack([np.bincount(groups[is_one], minlength=n_groups) for is_one in (well, failed)], axis=1)


def drop_watch(st: State, number: int) -> None:
    """Drop a watch; unknown or tripped ones are ignored."""
    watches = _plain(st.watches)
    watches["state"][(watches["id"] == number) & (watches["state"] == ACTIVE)] = FREE
    _count_watches(st)


def take_tripped(st: State) -> list[int]:
    """Return the ids of watches that have tripped, ascending, and drop them."""
    watches = _plain(st.watches)
    done = watches["state"] == TRIPPED
    numbers: list[int] = watches["id"][done].tolist()
    watches["state"][done] = FREE
    return sorted(numbers)


def _count_watches(st: State) -> None:
    """Note how many watches for failures are active: each end of a subtask has them looked at."""
    watches = _plain(st.watches)
    is_counted = (watches["state"] == ACTIVE) & ~watches["settles"]
    st.reg.failure_watches = int(np.count_nonzero(is_counted))
    st.reg.first_watches = int(np.count_nonzero(is_counted & watches["firsts"]))


def _plain(watches: Records) -> NDArray[np.void]:
    """Return the same memory as no recarray, ten times as fast to take fields of."""
    return watches.view(np.ndarray)
