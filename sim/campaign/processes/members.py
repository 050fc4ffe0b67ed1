"""Who belongs to which wave, and in which order its devices are given to tasks.

The vendor documents no order in which the targets of a task are dispatched; ours is that in which they are
named, and what names them is here. With `shuffled` the waves are pieces of one permutation of the fleet: the
draw that decides who is in a wave also decides who comes first in it.
"""

from __future__ import annotations

import math
from functools import cached_property
from typing import TYPE_CHECKING, Final

import numpy as np

from sim.cpus import each_of, usable_cpus
from sim.fleet.model.philox import KeyedPhilox
from sim.fleet.model.purposes import D_ROLLOUT
from sim.fleet.spec import NEVER
from sim.rules import exact_share, needed_count

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from sim.fleet.spec import Bools, FleetSpec, Floats, Int16s, Int32s
    from sim.scenario import Scenario

_LARGE: Final = 4_096  # devices beyond which going through them in any order takes longer
_FEW_BLOCKS: Final = 8  # are drawn before another thread has begun
_BLOCK: Final = 8_192  # devices that a thread draws for at a time: few enough to stay in its cache


class Ranks:
    """The place of each device in one permutation of the fleet, drawn when first asked for."""

    def __init__(self, spec: FleetSpec) -> None:
        """Draw nothing yet."""
        self._spec = spec

    @cached_property
    def of_fleet(self) -> Floats:
        """The rank of every device; (n,) float64 in (0, 1)."""
        platform = self._spec.platform
        ranks: Floats = np.empty(len(self._spec.cohort), np.float64)

        def draw(first: int) -> None:
            philox = KeyedPhilox(int(platform.seed), int(platform.replication))
            of_block = ranks[first : first + _BLOCK]
            of_block[:] = philox.uniforms_for(D_ROLLOUT, first, len(of_block), 0)

        threads = 1 if len(ranks) <= _FEW_BLOCKS * _BLOCK else usable_cpus()
        each_of(range(0, len(ranks), _BLOCK), threads, draw)
        return ranks


def in_order(scenario: Scenario, spec: FleetSpec, devices: Int32s, ranks: Ranks) -> Int32s:
    """Return devices in the order of `campaign.order`, in which they are cut into tasks and dispatched.

    `shuffled`: by rank. `file`: by number, or by row of the inventory.
    `interleaved`: device j, from 0, of the n that are there of its cohort comes at (j + 1/2) / n; at the same
    place the first cohort's.

    Args:
        devices: (k,) int32, ascending. Read only.

    Returns:
        (k,) int32, read only; `devices` itself if that is the order.
    """
    match scenario.campaign.order:
        case "file":
            if scenario.inventory is None:
                return devices
            rows = scenario.inventory.rows
            row = np.concatenate([rows[name] for name in scenario.cohort_names])
            ordered = devices[np.argsort(row[devices])]
        case "interleaved":
            turns = _turns(spec.cohort[devices])
            ordered = devices[np.argsort(turns, kind="stable")]
        case "shuffled":
            if len(devices) > _LARGE and len(scenario.cohort_names) == 1 and not _has_neighbours(spec)[0]:
                return devices
            drawn = ranks.of_fleet if len(devices) == len(spec.cohort) else ranks.of_fleet[devices]
            ordered = _shuffled(spec, devices, drawn)
    ordered.flags.writeable = False
    return ordered


def _shuffled(spec: FleetSpec, devices: Int32s, ranks: Floats) -> Int32s:
    """Return devices by rank; in a large fleet, cohorts by rank, and each one's devices by number.

    Devices of a cohort without cells and sites are alike before their own draws: which of them takes its
    cohort's next turn changes nothing but names. By number their rows lie side by side; a large fleet that is
    gone through in any other order takes twice the time. Its ranks are read to 16 bits, for which NumPy has a
    radix sort.

    Args:
        devices: (k,) int32, ascending, as cohorts are.
        ranks: (k,) float64 in (0, 1), one each.
    """
    if len(devices) <= _LARGE:
        return devices[np.argsort(ranks, kind="stable")]
    by_rank = devices[np.argsort((ranks * 2**16).astype(np.uint16), kind="stable")]
    cohort = spec.cohort[by_rank]
    ordered = np.empty_like(devices)
    ordered[np.argsort(cohort, kind="stable")] = devices
    has_neighbours = _has_neighbours(spec)
    if has_neighbours.any():
        np.copyto(ordered, by_rank, where=has_neighbours[cohort])
    return ordered


def _has_neighbours(spec: FleetSpec) -> Bools:
    """Tell for each cohort whether some of its devices share something with those numbered next; (C,) bool.

    That is a radio cell, or a site that limits its line or how many are upgraded at a time.
    """
    have: Bools = spec.cohorts.cell_devices > 0
    sites = spec.sites
    limited = np.isfinite(sites.uplink) | (sites.at_a_time < NEVER)
    if limited.any():
        have[spec.cohort[(sites.of >= 0) & limited[sites.of]]] = True
    return have


def _turns(cohort: Int16s) -> Floats:
    """Return where each device comes when cohorts take turns by their sizes; (k,) float64 in (0, 1).

    One division of whole numbers, so that equal places are equal floats.

    Args:
        cohort: (k,) int16, ascending, as devices are numbered cohort by cohort.
    """
    sizes = np.bincount(cohort)
    within = np.arange(len(cohort)) - (np.cumsum(sizes) - sizes)[cohort]
    turns: Floats = (2 * within + 1) / (2 * sizes[cohort])
    return turns


def wave_members(scenario: Scenario, spec: FleetSpec, ranks: Ranks) -> list[Int32s]:
    """Return the devices of each wave, ascending; the whole fleet once if there are no waves.

    A `share` is cumulative: the wave takes those devices with the lowest ranks that no earlier wave has,
    until that share of the fleet, rounded up, is in. `cohorts` takes all of theirs that are left. Beside them
    the share is one of the devices in other cohorts.

    Returns:
        (k,) int32 a wave, disjoint; read only.
    """
    n = len(spec.cohort)
    waves = scenario.campaign.waves
    left: Int32s = np.arange(n, dtype=np.int32)
    left.flags.writeable = False
    if not waves:
        return [left]
    members: list[Int32s] = []
    at: slice | NDArray[np.intp]
    for wave in waves:
        wanted = needed_count(exact_share(wave.share or 0.0), n) - (n - len(left))
        if wave.cohorts is not None:
            numbers = [scenario.cohort_names.index(name) for name in wave.cohorts]
            is_named = np.isin(spec.cohort[left], numbers)
            at = np.flatnonzero(is_named)
            if wave.share is not None:
                others = np.flatnonzero(~is_named)
                n_others = n - sum(scenario.cohort_sizes[number] for number in numbers)
                wanted = needed_count(exact_share(wave.share), n_others) - (n_others - len(others))
                drawn = ranks.of_fleet[left[others]]
                at = np.sort(np.concatenate([at, others[_lowest(drawn, min(max(wanted, 0), len(others)))]]))
        elif wanted >= len(left):
            at = slice(None)
        else:
            drawn = ranks.of_fleet
            at = _lowest(drawn if len(left) == n else drawn[left], max(wanted, 0))
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
