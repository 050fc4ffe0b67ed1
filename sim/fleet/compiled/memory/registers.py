"""The compiled plane's registers: single numbers that kernels read and write by name."""

from __future__ import annotations

from sim.fleet.spec import NEVER
from sim.fleet.table import Table


class Registers(Table, frozen=False):
    """What a kernel knows of the whole fleet beside its arrays.

    Attributes:
        now: Tick up to which the plane has run.
        next_dispatch: Tick before which nothing is dispatched.
        gap: Least ticks between two dispatches.
        freeze: The next freeze, a row of the outages' table.
        freeze_at: Tick at which it begins, NEVER if there is none.
        thaw: Tick before which the freezes that have begun let nothing be dispatched.
        processing: Subtasks in `Processing`.
        peak_processing: Most of them at once.
        downloads: Downloads in progress.
        peak_downloads: Most of them at once.
        heap_n: Events in the heap.
        net_changed: Whether rates have to be worked out anew before the tick is over.
        ended: Whether something ended that a watch may be about, or a watch is new.
        last_end: Tick of the last end of a subtask, -1 if none.
        grid_n: Curve rows written.
        grid_tick: Tick of the next curve row.
        heap_stale: Events in the heap that were called off.
        epoch: Network epoch of the last recompute of the network.
        log_n: Rows of the log.
        span_n: Earlier downloads of a free network that are written down.
        next_event: Tick of the next event of any kind, as last seen.
        n_events: Events worked off.
        n_retry_used: Retry queues in use.
        stale: Cohort whose next finished download has to be looked up again, -1 if none.
        plan_at: First plan that is not used up.
        plan_n: Plans drawn.
        plans_least: Length of the ready queue from which another thread draws plans for it.
        plans_next: First device that another thread has plans for, -1 if there is none.
        queue_known: Whether the next four are up to date.
        queue_tick: Tick of the next event that stands in a queue, not in the heap.
        queue_kind: Its kind.
        queue_device: Its device.
        queue_number: Cohort of a download's deadline, queue of a retry.
        ready_n: Length of the ready queue.
        failure_watches: Active watches for failures.
        first_watches: Of these, watches of first attempts.
        load: Bytes/s leaving the platform.
        peak_bandwidth: Most bytes/s.
    """

    now: int
    next_dispatch: int
    gap: int
    freeze: int
    freeze_at: int
    thaw: int
    processing: int
    peak_processing: int
    downloads: int
    peak_downloads: int
    heap_n: int
    net_changed: int
    ended: int
    last_end: int
    grid_n: int
    grid_tick: int
    heap_stale: int
    epoch: int
    log_n: int
    span_n: int
    next_event: int
    n_events: int
    n_retry_used: int
    stale: int
    plan_at: int
    plan_n: int
    plans_least: int
    plans_next: int
    queue_known: int
    queue_tick: int
    queue_kind: int
    queue_device: int
    queue_number: int
    ready_n: int
    failure_watches: int
    first_watches: int
    load: float
    peak_bandwidth: float


def new_registers() -> Registers:
    """Return the registers before anything happened."""
    begun = {"last_end": -1, "next_event": NEVER, "stale": -1, "plans_least": NEVER, "plans_next": -1}
    return Registers(**dict.fromkeys(Registers.fields, 0) | begun)
