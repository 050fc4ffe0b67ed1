"""Where the time of devices went: of the fleet, of each cohort, and of those that ended last.

Decision: the slowest are those that ended last, and with the last of them whoever is tied with it, instead of
just so many: devices that are pending when the run ends are all alike, and any choice among them would be by
their numbers, hence by cohort.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from sim.fleet.spec import TICKS_PER_S
from sim.scenario.metrics import HELD_UP

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sim.campaign.record import CampaignRun
    from sim.fleet.spec import Int64s

SLOWEST: Final = 0.01
"""Share of the devices that counts as the slowest."""


class Spent(NamedTuple):
    """Where the time of some devices went.

    Attributes:
        devices: How many.
        ticks: Of all of them together, by what it went to, in the order of `HELD_UP`.
    """

    devices: int
    ticks: tuple[int, ...]

    @property
    def device_time_s(self) -> float:
        """All of it, seconds."""
        return sum(self.ticks) / TICKS_PER_S

    @property
    def seconds(self) -> dict[str, float]:
        """Seconds by the names of `HELD_UP`."""
        return {name: ticks / TICKS_PER_S for name, ticks in zip(HELD_UP, self.ticks, strict=True)}

    @property
    def shares(self) -> dict[str, float | None]:
        """Share of it, 0..1, by the names of `HELD_UP`; None where no time has passed."""
        whole = sum(self.ticks)
        return {
            name: ticks / whole if whole else None for name, ticks in zip(HELD_UP, self.ticks, strict=True)
        }


class TimeSpent(NamedTuple):
    """Where the time of a run went.

    Attributes:
        fleet: Of all devices.
        cohorts: Of each cohort, in the order of the scenario.
        slowest: Of the hundredth of the devices that ended last, those that are pending last of all, and with
            the last of them of all that are tied with it. Only devices that a task released count, and of
            more than 6,144 devices those whose time is known one by one.
    """

    fleet: Spent
    cohorts: tuple[Spent, ...]
    slowest: Spent


def cohorts_spent(run: CampaignRun) -> tuple[Spent, ...]:
    """Return where the time of each cohort of a run went, in the order of the scenario."""
    by_cohort = run.held_up.by_cohort
    sizes = np.bincount(run.spec.cohort, minlength=len(by_cohort))
    return tuple(Spent(n, tuple(ticks)) for n, ticks in zip(sizes.tolist(), by_cohort.tolist(), strict=True))


def together(parts: Sequence[Spent]) -> Spent:
    """Return where the time of several parts of a fleet went; at least one."""
    ticks = zip(*(part.ticks for part in parts), strict=True)
    return Spent(sum(part.devices for part in parts), tuple(map(sum, ticks)))  # whole numbers of any size


def time_spent(run: CampaignRun) -> TimeSpent:
    """Return where the time of a run went."""
    held, cohorts = run.held_up, cohorts_spent(run)
    end = run.records.end[held.devices]
    begun = np.flatnonzero((end >= 0) | held.by_device.any(axis=1))
    slowest = begun[_last_to_end(end[begun])]
    ticks = held.by_device[slowest].sum(axis=0).tolist()
    return TimeSpent(together(cohorts), cohorts, Spent(len(slowest), tuple(ticks)))


def _last_to_end(end: Int64s) -> Int64s:
    """Return the rows of those that ended last, at least one if there are any.

    Args:
        end: (K,) int64 ticks, -1 for those that did not.
    """
    if not len(end):
        return np.zeros(0, np.int64)
    at = np.where(end < 0, np.iinfo(np.int64).max, end)
    rank = len(at) - max(1, int(len(at) * SLOWEST))
    return np.flatnonzero(at >= np.partition(at, rank)[rank])
