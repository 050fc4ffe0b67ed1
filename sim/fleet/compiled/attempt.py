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

from sim.fleet.compiled.memory.tables import Record
from sim.fleet.jit import inlined
from sim.fleet.model import sampling
from sim.fleet.spec import T_DOWNLOAD, T_EXECUTE, T_ONLINE, T_UPGRADE, FleetSpec
from sim.rules.reasons import Reason
from sim.rules.stages import Protocol

# Order of events at one tick; see `sim.fleet.protocol`.
K_FINISHED: Final = 0
K_ENDED: Final = 1
K_ENTRY: Final = 2
K_LINK: Final = 3
K_TIMER: Final = 4
K_RETRY: Final = 5

SILENT: Final = -1

_MQTT: Final = int(Protocol.MQTT)
_ONLINE_TIMEOUT: Final = int(Reason.ONLINE_TIMEOUT)
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
