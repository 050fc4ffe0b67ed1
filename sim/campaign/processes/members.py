"""Who belongs to which wave."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np

from sim.cpus import each_of, usable_cpus
from sim.fleet.model.philox import KeyedPhilox
from sim.fleet.model.purposes import D_ROLLOUT
from sim.rules import exact_share, needed_count

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from sim.fleet.spec import FleetSpec, Floats, Int32s
    from sim.scenario import Scenario

_BLOCK: Final = 8_192  # devices that a thread draws for at a time: few enough to stay in its cache


def _all_ranks(spec: FleetSpec) -> Floats:
    """Return the rank of every device; (n,) float64."""
    ranks: Floats = np.empty(len(spec.cohort), np.float64)

    def draw(first: int) -> None:
        philox = KeyedPhilox(int(spec.platform.seed), int(spec.platform.replication))
        of_block = ranks[first : first + _BLOCK]
        of_block[:] = philox.uniforms_for(D_ROLLOUT, first, len(of_block), 0)

    each_of(range(0, len(ranks), _BLOCK), usable_cpus(), draw)
    return ranks


def wave_members(scenario: Scenario, spec: FleetSpec) -> list[Int32s]:
    """Return the devices of each wave, ascending; the whole fleet once if there are no waves.

    A `share` is cumulative: the wave takes those devices with the lowest ranks that no earlier wave has,
    until that share of the fleet, rounded up, is in. `cohorts` takes all of theirs that are left.

    Returns:
        (k,) int32 a wave, disjoint; read only.
    """
    n = len(spec.cohort)
    waves = scenario.campaign.waves
    left: Int32s = np.arange(n, dtype=np.int32)
    left.flags.writeable = False
    if not waves:
        return [left]
    ranks: Floats | None = None
    members: list[Int32s] = []
    at: slice | NDArray[np.intp]
    for wave in waves:
        wanted = needed_count(exact_share(wave.share or 0.0), n) - (n - len(left))
        if wave.cohorts is not None:
            numbers = [scenario.cohort_names.index(name) for name in wave.cohorts]
            at = np.flatnonzero(np.isin(spec.cohort[left], numbers))
        elif wanted >= len(left):
            at = slice(None)
        else:
            if ranks is None:
                ranks = _all_ranks(spec)
            at = _lowest(ranks if len(left) == n else ranks[left], max(wanted, 0))
        chosen, left = left[at], np.delete(left, at)
        chosen.flags.writeable = left.flags.writeable = False
        members.append(chosen)
    return members


def _lowest(ranks: Floats, k: int) -> NDArray[np.intp]:
    """Return the positions of the k lowest ranks, ascending; of equal ones the first."""
    if k == 0:
        return np.empty(0, np.intp)
    # Ranks are uniform until a wave has taken some, so the lowest lie below a bound that spares most others.
    at = np.flatnonzero(ranks < (k + 8 * math.sqrt(k)) / len(ranks))
    if len(at) < k:
        at = np.arange(len(ranks))
    low = ranks[at]
    highest = np.partition(low, k - 1)[k - 1]
    taken = low < highest
    ties = np.flatnonzero(low == highest)
    taken[ties[: k - int(np.count_nonzero(taken))]] = True
    lowest: NDArray[np.intp] = at[taken]
    return lowest


def cut(devices: Int32s, at_most: int) -> Sequence[Int32s]:
    """Cut devices into as few consecutive lists as hold at most `at_most` each; all but the last full."""
    return [devices[start : start + at_most] for start in range(0, len(devices), at_most)]
