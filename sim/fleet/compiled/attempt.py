"""One attempt of one device, from dispatch to its end: what happens and when.

Everything that depends on the device alone has been drawn (`presampling`); when it happens depends on
the tick of the dispatch, and on others where the download has to wait for them. So an attempt is
worked out in parts: the way to the download, the download, and the way from it to the end. Each part ends
in a *turn*: (tick, kind, verdict), with kind one of the `K_*` orders of events and verdict 0 for success,
else the `sim.rules.Reason` of the failure.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from sim.fleet.compiled.memory.shortcuts import Shortcuts
from sim.fleet.compiled.memory.tables import Record
from sim.fleet.jit import inlined
from sim.fleet.model import purposes, sampling
from sim.fleet.model.draws import uniform
from sim.fleet.model.network import bytes_received, clock_at, finish_tick, partial_bytes
from sim.fleet.model.sampling import NO_CAUSE
from sim.fleet.spec import T_DOWNLOAD, T_EXECUTE, T_ONLINE, T_UPGRADE, FleetSpec
from sim.rules.reasons import Reason
from sim.rules.stages import Protocol

# Order of events at one tick; see `sim.fleet.protocol`.
K_FINISHED: Final = 0
K_ENDED: Final = 1
K_ENTRY: Final = 2
K_TIMER: Final = 3
K_RETRY: Final = 4

SILENT: Final = -1

_MQTT: Final = int(Protocol.MQTT)
_ONLINE_TIMEOUT: Final = int(Reason.ONLINE_TIMEOUT)
_DOWNLOAD_TIMEOUT: Final = int(Reason.DOWNLOAD_TIMEOUT_PLATFORM)
_RESULT_TIMEOUT: Final = int(Reason.RESULT_TIMEOUT)


@inlined
def way_to_download(spec: FleetSpec, c: int, plan: Record, start: int) -> tuple[int, int, int]:
    """Play contact, query and coverage from the dispatch at `start`.

    Returns:
        A turn; K_ENTRY when the download is reached.
    """
    deadline = start + spec.cohorts.timers_ticks[c, T_ONLINE]
    if plan.away < 0:
        return deadline, np.int64(K_TIMER), np.int64(_ONLINE_TIMEOUT)
    tick = sampling.reached_tick(spec, c, start + plan.away)
    if tick > deadline:
        return deadline, np.int64(K_TIMER), np.int64(_ONLINE_TIMEOUT)
    return tick + plan.approach, np.int64(plan.kind), np.int64(plan.reason)


@inlined
def download_deadline(spec: FleetSpec, c: int, entered: int) -> int:
    """Return the tick at which the platform's timer ends a download entered at `entered`."""
    column = T_UPGRADE if spec.cohorts.protocol[c] == _MQTT else T_DOWNLOAD
    return entered + spec.cohorts.timers_ticks[c, column]


@inlined
def download_plan(
    spec: FleetSpec, device: int, c: int, attempt: int, verdict: int, start: int
) -> tuple[int, int]:
    """Tell how a download that begins at `start` will go.

    Args:
        device: Device index.
        c: Its cohort.
        attempt: Number that its draws go by.
        verdict: What the plan says, outages aside.
        start: Tick.

    Returns:
        (bytes it wants, verdict): verdict 0 when it gets through, a device's reason when it breaks after
        those bytes, SILENT when it falls silent then.
    """
    seed, replication = spec.platform.seed, spec.platform.replication
    if verdict == 0:
        row = sampling.outage_risk(spec.outages, c, start)
        if row != NO_CAUSE:
            u = uniform(seed, replication, device, attempt, purposes.P_OUTAGE_RISK)
            if u < spec.outages.risk_p[row]:
                verdict = SILENT if spec.outages.risk_silent[row] else np.int64(spec.outages.risk_reason[row])
    if verdict == 0:
        return spec.platform.package_bytes, np.int64(0)
    u = uniform(seed, replication, device, attempt, purposes.P_FRACTION)
    return partial_bytes(u, spec.platform.package_bytes), verdict


@inlined
def way_from_download(
    spec: FleetSpec, c: int, entered: int, over: int, rest: int, verdict: int
) -> tuple[int, int, int]:
    """Play verify, install and reboot after a download that was over at `over`.

    One timer runs over all of them, so their time altogether is what counts.

    Returns:
        A turn; never K_ENTRY.
    """
    deadline = over + spec.cohorts.timers_ticks[c, T_EXECUTE]
    if spec.cohorts.protocol[c] == _MQTT:
        deadline = entered + spec.cohorts.timers_ticks[c, T_UPGRADE]
    if verdict == SILENT or over + rest > deadline:
        return deadline, np.int64(K_TIMER), np.int64(_RESULT_TIMEOUT)
    return over + rest, np.int64(K_ENDED), verdict


@inlined
def way_through_free_download(
    spec: FleetSpec, cuts: Shortcuts, c: int, plan: Record, entered: int
) -> tuple[int, int, int, int, int]:
    """Play the rest of an attempt from its entry into a download that nothing else can influence.

    Returns:
        A turn, then the tick at which bytes cease to flow and the bytes received by then.
    """
    wanted, verdict = download_plan(spec, plan.target, c, plan.number, np.int64(plan.load), entered)
    deadline = download_deadline(spec, c, entered)
    over = entered
    if not cuts.instant[c]:
        rate = spec.cohorts.link_rate[c]
        over = finish_tick(entered, 0.0, rate, np.float64(wanted))
        if over > deadline:
            got = bytes_received(0.0, clock_at(0.0, rate, deadline - entered), wanted)
            return deadline, np.int64(K_TIMER), np.int64(_DOWNLOAD_TIMEOUT), deadline, got
    if verdict == SILENT:
        return deadline, np.int64(K_TIMER), np.int64(_DOWNLOAD_TIMEOUT), over, wanted
    if verdict != 0:
        return over, np.int64(K_ENDED), verdict, over, wanted
    tick, kind, verdict = way_from_download(spec, c, entered, over, plan.rest, np.int64(plan.after))
    return tick, kind, verdict, over, wanted
