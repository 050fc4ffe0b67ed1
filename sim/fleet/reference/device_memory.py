"""What lasts of a device between its attempts, in whichever task."""

from __future__ import annotations

import math

from sim.fleet.model import purposes
from sim.fleet.protocol import N_COMPONENTS, PackageRef
from sim.fleet.reference.cohorts import Cohort, Condition
from sim.fleet.reference.draws import Draws
from sim.fleet.reference.sampling import normal_quantile
from sim.fleet.reference.weather.timelines import Timeline, make_timeline

_UNKNOWN = -1
"""The version of whoever ran none of ours yet."""


class DeviceMemory:
    """One device, as it is left by what has happened to it.

    Attributes:
        mark: What stops it in every attempt, None if nothing does.
        lift: What its tendency to fail, the same at all stages, does to the odds of a failure.
        link: When it is in reach; None if it always is.
        held: Bytes it holds of the package of its task.
        is_dead: Whether it is out of reach for ever.
    """

    __slots__ = ("_conditions", "_device", "_draws", "_runs", "held", "is_dead", "lift", "link", "mark")

    def __init__(self, device: int, common: Cohort, draws: Draws) -> None:
        """Take a device as it is at tick 0.

        Args:
            device: Device index.
            common: What it has in common with its cohort.
            draws: All luck.
        """
        once = draws.of_device(device)
        self.mark = common.mark_of(once)
        self.lift = 1.0
        if common.spread > 0.0:
            self.lift = math.exp(common.spread * normal_quantile(once[purposes.D_SPREAD]))
        self.link: Timeline | None = None
        if common.link is not None:
            self.link = make_timeline(common.link, draws.of_timeline(device, 0))
        self.held = 0
        self.is_dead = False
        self._runs = [_UNKNOWN] * N_COMPONENTS
        if once[purposes.D_CURRENT] < common.p_already_current:
            self._runs[0] = 0
        self._device = device
        self._draws = draws
        self._conditions: dict[int, Timeline] = {}  # those that somebody looked at

    def is_in(self, condition: Condition, tick: int) -> bool:
        """Tell whether the device is in a condition at a tick."""
        timeline = self._conditions.get(condition.number)
        if timeline is None:
            words = self._draws.of_timeline(self._device, condition.number)
            timeline = make_timeline(condition.process, words, self.lift)
            self._conditions[condition.number] = timeline
        return timeline.is_on(tick)

    def runs(self, package: PackageRef) -> bool:
        """Tell whether the device runs the version of a package."""
        return self._runs[package.component] == package.version

    def install(self, package: PackageRef) -> None:
        """Let the device run a package; what was held of it is of no use any more."""
        self._runs[package.component] = package.version
        self.held = 0
