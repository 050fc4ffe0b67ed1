"""The compiled plane's memory: one row a device, a few registers, growable logs.

What results are made of lies in arrays of its own, all else in rows (`tables`). Arrays of `State` are
replaced by larger ones between two kernels, never while one runs.

Bytes a device: 47 of results, 60 of work; 32 more when downloads share the network, 4 more with radio
cells or sites that limit upgrades, 4 more with lines of sites, 12 for each timeline, 16 if downloads are
resumed, 4 more once a device is in a second task, 16 more while attempts are logged.
"""

from __future__ import annotations

from typing import Annotated, Any, Final

import numpy as np
from numpy.typing import DTypeLike

from sim.fleet.compiled.memory.place_groups import new_groups
from sim.fleet.compiled.memory.registers import Registers, new_registers
from sim.fleet.compiled.memory.shortcuts import N_PLANNED_PURPOSES, Given
from sim.fleet.compiled.memory.tables import (
    BREAK,
    BROKEN,
    CELL,
    EVENT,
    FLOW,
    GRID,
    HELD,
    LOG,
    NET,
    PLACE,
    PLAN,
    QUEUE,
    SPAN,
    STRUCK,
    TASK,
    TRAIL,
    WATCH,
    WORK,
    Records,
    new_heap,
    records,
    side_by_side,
)
from sim.fleet.compiled.memory.tree import Tree, new_tree
from sim.fleet.held_up import kept_devices
from sim.fleet.protocol import TargetRecords
from sim.fleet.spec import NEVER, Floats, Int16s, Int32s, Int64s
from sim.fleet.table import Table
from sim.rules.states import SubtaskState

# States of a subtask.
WAITTING: Final = int(SubtaskState.WAITTING)
RUNNING: Final = int(SubtaskState.PROCESSING)
SUCCESS: Final = int(SubtaskState.SUCCESS)
FAIL: Final = int(SubtaskState.FAIL)
FAIL_WAIT_RETRY: Final = int(SubtaskState.FAIL_WAIT_RETRY)
STOPPED: Final = int(SubtaskState.STOPPED)
LIVE: Final = [WAITTING, RUNNING, FAIL_WAIT_RETRY]

# Phases of a device, `Work.phase`.
IDLE: Final = 0  # not released, or final
QUEUED: Final = 1  # in the ready queue
IN_CELL_QUEUE: Final = 2
IN_FLIGHT: Final = 3  # processing; `due` is the tick of its end
APPROACHING: Final = 4  # processing; `due` is the tick at which it enters the shared download
PLACE_QUEUE: Final = 5  # processing; waits for a download place
LOADING: Final = 6  # processing; bytes flow, and those before it in its cohort's queue are over first
LOADING_BY_MARK: Final = 7  # processing; bytes flow, and a heap knows when they are all there
PAUSED: Final = 8  # processing; has its place, but no bytes flow, since its link is down
QUIET: Final = 9  # processing; fell silent in the download
RETRY_WAIT: Final = 10  # `due` is the tick of the automatic retry

# Triggers of an attempt.
FIRST: Final = 0
AUTO: Final = 1
MANUAL: Final = 2

DEAD: Final = -2
"""A device's mark when nothing will ever reach it again."""

N_STATUS: Final = len(SubtaskState)
NOBODY: Final = -1

# Queues in `State.queues`: ready, waiting for a place, one of loading devices a cohort, then retries.
READY_QUEUE: Final = 0
PLACES_QUEUE: Final = 1
LOADING_QUEUES: Final = 2
N_RETRY_QUEUES: Final = 8

N_PLANS: Final = 128  # attempts planned at a time: as many as the first-level cache holds

LIFT: Final = N_PLANNED_PURPOSES
N_DRAWN: Final = LIFT + 1  # a uniform a purpose, then the factor on the odds of a failure

_MOST_SPANS: Final = 16_384
_FEWEST_EVENTS, _MOST_EVENTS = 1_024, 16_384  # room in the heap at first
_FEWEST_BROKEN, _MOST_BROKEN = 256, 4_096  # likewise in that of a cohort


class State(Table, frozen=False):
    """Everything a kernel reads and writes; see the module's tables for the record fields.

    Attributes:
        given: What never changes.
        out: Results by device.
        work: (n,) WORK.
        net: (n,) NET, (0,) when the network is free.
        trail: (n,) TRAIL, (0,) unless attempts are logged.
        cell: (n,) int32 group of places (`place_groups`), -1 for none; (0,) without groups.
        cells: (groups,) CELL.
        line: (n,) int32 line of each device (`tree`), (0,) unless downloads share lines of sites.
        tree: What those share.
        held: (n,) int64 bytes of its package that each device has, (0,) unless a cohort resumes downloads.
        breaks: (n,) BREAK, (0,) unless time or a link may break or pause a download that shares the network.
        places: (n * n_timelines,) PLACE, by device, then slot; all zeros where nobody has looked yet.
        runs: (N_COMPONENTS, n) int32 version that each device runs of each component, -1 for none of ours, as
            it was before the device's present task; (0, 0) while all tasks are about the campaign's own one.
        struck: (n,) STRUCK, (0,) unless any attempt can leave a device other than it was.
        earlier: (n,) int32 attempts of each device in earlier tasks; (0,) until a device is in a second one.
        failed_at: (n, K) int64 ticks of each device's last K failures, ascending; (0, 0) unless a task has
            a penalty for many failures in a short time.
        reg: Registers.
        heap: (cap,) EVENT, a heap ordered by (tick, tag).
        queues: (queues,) QUEUE of devices linked in `work`.
        deadlines: (C,) QUEUE of download deadlines, linked in `net`.
        flows: (C,) FLOW.
        broken: (C, cap) BROKEN, heaps of downloads that will break.
        tasks: (T,) TASK.
        reasons: (R,) int16, reasons that tasks retry, ascending within a task.
        task_counts: (T, 7) int64.
        counts: (7,) int64.
        group_ended: (groups + 1, 2) int64 subtasks in Success and Fail; the last row is everyone.
        group_first: (groups + 1, 2) int64 first attempts that ended well and that failed, while anybody
            watches them; the last row is everyone's present task.
        earlier_first: (groups, 2) int64 the same of devices that are in another task by now.
        watches: (W,) WATCH.
        grid: (G,) GRID.
        log: (cap,) LOG; (0,) unless attempts are logged.
        spans: (cap,) SPAN; (0,) when downloads share the network.
        plans: (>= N_PLANS,) PLAN of devices at the head of the ready queue.
        spare: (1,) PLAN that is made once more.
        uniforms: (N_DRAWN, N_PLANS) float64, what plans are drawn with.
        held_up: (R + K,) HELD, where time goes: a row each for the K of `kept_devices`, behind R for sums of
            all others (`accounts.books.row_of`). What is planned counts as if it had come about.
        drafts: (3,) HELD that corrections are worked out in.
    """

    given: Given
    out: TargetRecords
    work: Annotated[Records, WORK]
    net: Annotated[Records, NET]
    trail: Annotated[Records, TRAIL]
    cell: Int32s
    cells: Annotated[Records, CELL]
    line: Int32s
    tree: Tree
    held: Int64s
    breaks: Annotated[Records, BREAK]
    places: Annotated[Records, PLACE]
    runs: Annotated[Int32s, 2]
    struck: Annotated[Records, STRUCK]
    earlier: Int32s
    failed_at: Annotated[Int64s, 2]
    reg: Registers
    heap: Annotated[Records, EVENT]
    queues: Annotated[Records, QUEUE]
    deadlines: Annotated[Records, QUEUE]
    flows: Annotated[Records, FLOW]
    broken: Annotated[Records, BROKEN, 2]
    tasks: Annotated[Records, TASK]
    reasons: Int16s
    task_counts: Annotated[Int64s, 2]
    counts: Int64s
    group_ended: Annotated[Int64s, 2]
    group_first: Annotated[Int64s, 2]
    earlier_first: Annotated[Int64s, 2]
    watches: Annotated[Records, WATCH]
    grid: Annotated[Records, GRID]
    log: Annotated[Records, LOG]
    spans: Annotated[Records, SPAN]
    plans: Annotated[Records, PLAN]
    spare: Annotated[Records, PLAN]
    uniforms: Annotated[Floats, 2]
    held_up: Annotated[Records, HELD]
    drafts: Annotated[Records, HELD]


def new_uniforms() -> Floats:
    """Return what plans are drawn with; numbers that can't matter stay as they are."""
    return np.full((N_DRAWN, N_PLANS), 0.5)


def new_targets(n: int) -> TargetRecords:
    """Return the results of n devices; `draw_population` writes what is not zero at first."""
    return _new_results(n, 0)[0]


def _new_results(n: int, n_books: int) -> tuple[TargetRecords, Records]:
    """Return the results of n devices, and so many rows of the books, in one piece of memory."""
    kinds = {"task": np.int32, "status": np.int8, "reason": np.int16}
    kinds |= dict.fromkeys(("attempts", "manual_retries"), np.int32)
    columns = {name: kinds.get(name, np.int64) for name in TargetRecords._fields}
    arrays = side_by_side(n, columns, held_up=(n_books, HELD))
    held_up: Records = arrays.pop("held_up")
    return TargetRecords(**arrays), held_up


def _rows_of_devices(n: int, *, shared_network: bool, cells: bool, log: bool) -> dict[str, Any]:
    """Return what each of n devices needs while a run goes on; nothing of what the run does without."""
    kinds: dict[str, DTypeLike] = {"work": WORK}
    if shared_network:
        kinds["net"] = NET
    if cells:
        kinds["cell"] = np.int32
    if log:
        kinds["trail"] = TRAIL
    rows = {"net": records(0, NET), "cell": np.empty(0, np.int32), "trail": records(0, TRAIL)}
    rows |= side_by_side(n, kinds)
    rows["cell"][:] = -1
    return rows


def _queues(n: int, dtype: np.dtype[Any]) -> Records:
    """Return n queues in which nobody stands."""
    queues = records(n, dtype)
    queues["head"] = queues["tail"] = NOBODY
    return queues


def _flows(n_cohorts: int) -> Records:
    """Return the cohorts' downloads before there are any."""
    flows = records(n_cohorts, FLOW)
    flows["next_tick"], flows["next_device"] = NEVER, NOBODY
    return flows


def new_state(given: Given, n_groups: int, *, log: bool) -> State:
    """Return the state before anything happened.

    What is not zero in a device's rows is left to `draw_population`, which touches them anyway, on
    several threads: the first touch of a page is what costs.

    Args:
        given: The fleet.
        n_groups: Watch groups.
        log: Whether attempts are logged.
    """
    spec, shared_network = given.spec, not given.cuts.network_free
    n, n_cohorts = len(spec.cohort), len(spec.cohorts.protocol)
    events = min(max(n, _FEWEST_EVENTS), _MOST_EVENTS)
    broken = min(max(n // n_cohorts, _FEWEST_BROKEN), _MOST_BROKEN if shared_network else _FEWEST_BROKEN)
    cells = new_groups(spec)
    out, held_up = _new_results(n, given.cuts.kept_from + len(kept_devices(n)))
    line, tree = new_tree(spec)
    return State(
        given=given,
        out=out,
        **_rows_of_devices(n, shared_network=shared_network, cells=len(cells) > 0, log=log),
        cells=cells,
        line=line,
        tree=tree,
        held=np.zeros(n if spec.cohorts.resume.any() else 0, np.int64),
        breaks=records(n if shared_network and given.cuts.may_break.any() else 0, BREAK),
        places=records(n * spec.n_timelines, PLACE),
        runs=np.zeros((0, 0), np.int32),
        struck=records(n if given.cuts.leaves else 0, STRUCK),
        earlier=np.zeros(0, np.int32),
        failed_at=np.zeros((0, 0), np.int64),
        reg=new_registers(),
        heap=new_heap(events),
        queues=_queues(LOADING_QUEUES + n_cohorts + N_RETRY_QUEUES, QUEUE),
        deadlines=_queues(n_cohorts, QUEUE),
        flows=_flows(n_cohorts),
        broken=records((n_cohorts, broken), BROKEN),
        tasks=records(0, TASK),
        reasons=np.empty(0, np.int16),
        task_counts=np.zeros((0, N_STATUS), np.int64),
        counts=np.zeros(N_STATUS, np.int64),
        group_ended=np.zeros((n_groups + 1, 2), np.int64),
        group_first=np.zeros((n_groups + 1, 2), np.int64),
        earlier_first=np.zeros((n_groups, 2), np.int64),
        watches=records(0, WATCH),
        grid=records(0, GRID),
        log=records(1024 if log else 0, LOG),
        spans=records(0 if shared_network else _MOST_SPANS, SPAN),
        plans=records(N_PLANS, PLAN),
        spare=records(1, PLAN),
        uniforms=new_uniforms(),
        held_up=held_up,
        drafts=records(3, HELD),
    )
