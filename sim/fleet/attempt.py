"""One attempt of one device, from dispatch to its end: what happens and when.

Everything that depends on the device alone is known at its dispatch; only the download may have to wait
for others. So an attempt is worked out in parts: the way to the download, the download's plan, and the
way from the download to the end. Each part ends in a *turn*: (tick, kind, verdict), with kind one of the
`K_*` orders of events and verdict 0 for success, else the `sim.rules.Reason` of the failure.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from sim.fleet import draws, sampling
from sim.fleet._jit import inlined, spliced
from sim.fleet.draws import uniform, uniforms
from sim.fleet.network import bytes_received, clock_at, finish_tick, partial_bytes
from sim.fleet.sampling import NO_CAUSE, duration_ticks, fraction_ticks, pick_cause
from sim.fleet.spec import (
    CONSTANT,
    N_STAGES,
    T_COVERAGE,
    T_DOWNLOAD,
    T_EXECUTE,
    T_ONLINE,
    T_UPGRADE,
    T_VERSION,
    Bools,
    FleetSpec,
    is_instant,
    is_network_free,
)
from sim.rules.reasons import Reason
from sim.rules.stages import Protocol, Stage

# Order of events at one tick; see `sim.fleet.protocol`.
K_FINISHED: Final = 0
K_ENDED: Final = 1
K_ENTRY: Final = 2
K_TIMER: Final = 3
K_RETRY: Final = 4

SILENT: Final = -1

_CONTACT: Final = int(Stage.CONTACT)
_QUERY: Final = int(Stage.QUERY)
_COVERAGE: Final = int(Stage.COVERAGE)
_DOWNLOAD: Final = int(Stage.DOWNLOAD)
_VERIFY: Final = int(Stage.VERIFY)
_INSTALL: Final = int(Stage.INSTALL)
_REBOOT: Final = int(Stage.REBOOT)
_MQTT: Final = int(Protocol.MQTT)
_LWM2M: Final = int(Protocol.LWM2M)
_ONLINE_TIMEOUT: Final = int(Reason.ONLINE_TIMEOUT)
_VERSION_TIMEOUT: Final = int(Reason.VERSION_TIMEOUT)
_COVERAGE_TIMEOUT: Final = int(Reason.COVERAGE_TIMEOUT)
_DOWNLOAD_TIMEOUT: Final = int(Reason.DOWNLOAD_TIMEOUT_PLATFORM)
_RESULT_TIMEOUT: Final = int(Reason.RESULT_TIMEOUT)


class Shortcuts(NamedTuple):
    """What the compiled plane derives from a spec once, to save work in every attempt.

    Attributes:
        draws_block: (C, 4) bool, whether any draw of that block of four purposes can matter.
        instant: (C,) bool, downloads take no time.
        network_free: No download can influence another one.
    """

    draws_block: Bools
    instant: Bools
    network_free: bool


def shortcuts(spec: FleetSpec) -> Shortcuts:
    """Derive the shortcuts of a spec."""
    cohorts, causes = spec.cohorts, spec.causes
    n_cohorts = len(cohorts.protocol)
    timed = cohorts.dist_kind != CONSTANT
    caused = np.zeros((n_cohorts, N_STAGES), np.bool_)
    for c in range(n_cohorts):
        for s in range(N_STAGES):
            caused[c, s] = bool((causes.p[causes.lo[c, s] : causes.hi[c, s]] > 0).any())
    either = timed | caused
    blocks = np.zeros((n_cohorts, 4), np.bool_)
    blocks[:, 0] = (cohorts.online_fraction < 1) | either[:, _QUERY]
    blocks[:, 1] = caused[:, _DOWNLOAD] | either[:, _VERIFY]
    blocks[:, 2] = either[:, _INSTALL] | either[:, _REBOOT]
    blocks[:, 3] = either[:, _COVERAGE] | caused[:, _CONTACT]
    return Shortcuts(blocks, is_instant(spec), is_network_free(spec))


@spliced
def _block(
    spec: FleetSpec, cuts: Shortcuts, device: int, c: int, attempt: int, block: int
) -> tuple[float, float, float, float]:
    """Return the uniforms of a block of the attempt, or any numbers if no draw of it can matter."""
    if cuts.draws_block[c, block]:
        return uniforms(spec.platform.seed, spec.platform.replication, device, attempt, block)
    return 0.5, 0.5, 0.5, 0.5


@spliced
def _cause(spec: FleetSpec, c: int, s: int, mark: int, z: float, u: float) -> int:
    """Return the cause row that breaks stage s: the device's permanent mark there, else a drawn one."""
    if spec.causes.lo[c, s] <= mark < spec.causes.hi[c, s]:
        return mark
    return pick_cause(spec.causes, c, s, z, spec.cohorts.spread[c], u)


@inlined
def _timed_stage(
    spec: FleetSpec,
    device: int,
    c: int,
    attempt: int,
    s: int,
    row: int,
    u_time: float,
    begin: int,
    deadline: int,
) -> tuple[int, int]:
    """Play one stage with a drawn time.

    Returns:
        (tick, verdict): verdict 0 when the stage is done at `tick`, a device's reason when it failed
        then, SILENT when only the platform's timer will end it, at `deadline`.
    """
    ticks = duration_ticks(spec.cohorts, c, s, u_time)
    verdict = 0
    if row != NO_CAUSE:
        fraction = uniform(spec.platform.seed, spec.platform.replication, device, attempt, draws.P_FRACTION)
        ticks = fraction_ticks(fraction, ticks)
        verdict = SILENT if spec.causes.silent[row] else np.int64(spec.causes.reason[row])
    if verdict == SILENT or begin + ticks > deadline:
        return deadline, SILENT
    return begin + ticks, verdict


@spliced
def tendency_of(spec: FleetSpec, device: int, c: int) -> float:
    """Return the device's tendency to fail where its cohort has a spread, else 0."""
    return sampling.tendency(spec, device) if spec.cohorts.spread[c] > 0.0 else 0.0


@spliced
def way_to_download(
    spec: FleetSpec,
    cuts: Shortcuts,
    device: int,
    c: int,
    attempt: int,
    mark: int,
    current: bool,
    start: int,
) -> tuple[int, int, int]:
    """Play contact, query and coverage from the dispatch at `start`.

    Returns:
        A turn; K_ENTRY when the download is reached.
    """
    u_online, u_offline, u_query_time, u_query_cause = _block(spec, cuts, device, c, attempt, 0)
    u_coverage_time, u_coverage_cause, u_contact_cause, _ = _block(spec, cuts, device, c, attempt, 3)
    z = tendency_of(spec, device, c)

    deadline = start + spec.cohorts.timers_ticks[c, T_ONLINE]
    if _cause(spec, c, _CONTACT, mark, z, u_contact_cause) != NO_CAUSE:
        return deadline, K_TIMER, _ONLINE_TIMEOUT
    tick = start
    if u_online >= spec.cohorts.online_fraction[c]:
        tick += sampling.ticks_of(-spec.cohorts.mean_offline_s[c] * np.log(u_offline))
    tick = sampling.reached_tick(spec, c, tick)
    if tick > deadline:
        return deadline, K_TIMER, _ONLINE_TIMEOUT

    deadline = tick + spec.cohorts.timers_ticks[c, T_VERSION]
    row = _cause(spec, c, _QUERY, mark, z, u_query_cause)
    tick, verdict = _timed_stage(spec, device, c, attempt, _QUERY, row, u_query_time, tick, deadline)
    if verdict == SILENT:
        return tick, K_TIMER, _VERSION_TIMEOUT
    if verdict != 0 or current:
        return tick, K_ENDED, verdict

    if spec.cohorts.protocol[c] == _LWM2M:
        deadline = tick + spec.cohorts.timers_ticks[c, T_COVERAGE]
        row = _cause(spec, c, _COVERAGE, mark, z, u_coverage_cause)
        tick, verdict = _timed_stage(
            spec, device, c, attempt, _COVERAGE, row, u_coverage_time, tick, deadline
        )
        if verdict == SILENT:
            return tick, K_TIMER, _COVERAGE_TIMEOUT
        if verdict != 0:
            return tick, K_ENDED, verdict
    return tick, K_ENTRY, 0


@spliced
def download_deadline(spec: FleetSpec, c: int, entered: int) -> int:
    """Return the tick at which the platform's timer ends a download entered at `entered`."""
    column = T_UPGRADE if spec.cohorts.protocol[c] == _MQTT else T_DOWNLOAD
    return entered + spec.cohorts.timers_ticks[c, column]


@spliced
def download_plan(
    spec: FleetSpec, cuts: Shortcuts, device: int, c: int, attempt: int, mark: int, start: int
) -> tuple[int, int]:
    """Draw how a download that begins at `start` will go.

    Returns:
        (bytes it wants, verdict): verdict 0 when it gets through, a device's reason when it breaks after
        those bytes, SILENT when it falls silent then.
    """
    z = tendency_of(spec, device, c)
    u_cause, u_fraction, _, _ = _block(spec, cuts, device, c, attempt, 1)
    row = _cause(spec, c, _DOWNLOAD, mark, z, u_cause)
    verdict = 0
    if row != NO_CAUSE:
        verdict = SILENT if spec.causes.silent[row] else np.int64(spec.causes.reason[row])
    else:
        row = sampling.outage_risk(spec.outages, c, start)
        if row != NO_CAUSE:
            u = uniform(spec.platform.seed, spec.platform.replication, device, attempt, draws.P_OUTAGE_RISK)
            if u < spec.outages.risk_p[row]:
                verdict = SILENT if spec.outages.risk_silent[row] else np.int64(spec.outages.risk_reason[row])
    if verdict == 0:
        return spec.platform.package_bytes, 0
    if not cuts.draws_block[c, 1]:
        u_fraction = uniform(spec.platform.seed, spec.platform.replication, device, attempt, draws.P_FRACTION)
    return partial_bytes(u_fraction, spec.platform.package_bytes), verdict


@spliced
def way_from_download(
    spec: FleetSpec,
    cuts: Shortcuts,
    device: int,
    c: int,
    attempt: int,
    mark: int,
    entered: int,
    over: int,
) -> tuple[int, int, int]:
    """Play verify, install and reboot after a download that was over at `over`.

    Returns:
        A turn; never K_ENTRY.
    """
    z = tendency_of(spec, device, c)
    _, _, u_verify_time, u_verify_cause = _block(spec, cuts, device, c, attempt, 1)
    u_install_time, u_install_cause, u_reboot_time, u_reboot_cause = _block(spec, cuts, device, c, attempt, 2)
    if spec.cohorts.protocol[c] == _MQTT:
        deadline = entered + spec.cohorts.timers_ticks[c, T_UPGRADE]
    else:
        deadline = over + spec.cohorts.timers_ticks[c, T_EXECUTE]
    tick = over
    for s in range(_VERIFY, _REBOOT + 1):
        u_time, u_cause = u_verify_time, u_verify_cause
        if s == _INSTALL:
            u_time, u_cause = u_install_time, u_install_cause
        elif s == _REBOOT:
            u_time, u_cause = u_reboot_time, u_reboot_cause
        row = _cause(spec, c, s, mark, z, u_cause)
        tick, verdict = _timed_stage(spec, device, c, attempt, s, row, u_time, tick, deadline)
        if verdict == SILENT:
            return tick, K_TIMER, _RESULT_TIMEOUT
        if verdict != 0:
            return tick, K_ENDED, verdict
    return tick, K_ENDED, 0


@spliced
def way_through_free_download(
    spec: FleetSpec,
    cuts: Shortcuts,
    device: int,
    c: int,
    attempt: int,
    mark: int,
    entered: int,
) -> tuple[int, int, int, int, int]:
    """Play the rest of an attempt from its entry into a download that nothing else can influence.

    Returns:
        A turn, then the tick at which bytes cease to flow and the bytes received by then.
    """
    wanted, verdict = download_plan(spec, cuts, device, c, attempt, mark, entered)
    deadline = download_deadline(spec, c, entered)
    over = entered
    if not cuts.instant[c]:
        rate = spec.cohorts.link_rate[c]
        over = finish_tick(entered, 0.0, rate, np.float64(wanted))
        if over > deadline:
            got = bytes_received(0.0, clock_at(0.0, rate, deadline - entered), wanted)
            return deadline, K_TIMER, _DOWNLOAD_TIMEOUT, deadline, got
    if verdict == SILENT:
        return deadline, K_TIMER, _DOWNLOAD_TIMEOUT, over, wanted
    if verdict != 0:
        return over, K_ENDED, verdict, over, wanted
    tick, kind, verdict = way_from_download(spec, cuts, device, c, attempt, mark, entered, over)
    return tick, kind, verdict, over, wanted
