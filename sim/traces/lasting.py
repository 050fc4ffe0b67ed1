"""What lasts of a device beyond its attempts: when its link is up, and when it is in its conditions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sim.fleet.reference.device_memory import DeviceMemory
from sim.fleet.reference.weather.timelines import make_timeline
from sim.rules import Stage, reason_text

if TYPE_CHECKING:
    from sim.fleet.reference.sampling import Cause
    from sim.fleet.reference.weather.timelines import Timeline
    from sim.traces.backdrop import Backdrop

LINK: Final = 0
"""Number of the link's timeline."""


@dataclass(frozen=True)
class Lasting:
    """Something that a device is in and out of by turns, whoever calls it.

    Attributes:
        name: What it is, like `low battery`; empty for the link.
        stage: Stage that fails if it begins meanwhile; contact for the link.
        number: Its number among the device's timelines; 0 is the link's.
        timeline: When it is on.
    """

    name: str
    stage: Stage
    number: int
    timeline: Timeline

    @property
    def label(self) -> str:
        """What is the case while it is on, like `link is up` or `low battery at query`."""
        return "link is up" if self.number == LINK else f"{self.name} at {self.stage.label}"

    def periods(self, until: int) -> Iterator[tuple[int, int]]:
        """Yield when it is on, from the start of the run; start and end in ticks, disjoint, ascending.

        Args:
            until: Tick before which they begin; the last one may end after it.
        """
        tick = 0
        while tick < until:
            end = self.timeline.end_of(tick)
            if self.timeline.is_on(tick):
                yield tick, end
            elif self.timeline.next_on(tick) == tick:  # an instant
                yield tick, tick
            tick = end

    def since(self, tick: int) -> int:
        """Return when the period began that a tick lies in; 0 if it was under way when the run began."""
        begin = 0
        while (end := self.timeline.end_of(begin)) <= tick:
            begin = end
        return begin


def lasting_of(backdrop: Backdrop, device: int) -> list[Lasting]:
    """Return what lasts of a device: its link, unless it is always or never in reach, then its conditions.

    Args:
        backdrop: What is known of its fleet.
        device: Device index.
    """
    cohort, draws = backdrop.cohorts[int(backdrop.spec.cohort[device])], backdrop.draws
    memory = DeviceMemory(device, cohort, draws)
    is_lost = memory.mark is not None and memory.mark.stage is Stage.CONTACT
    found = [Lasting("", Stage.CONTACT, LINK, memory.link)] if memory.link and not is_lost else []
    return found + [
        Lasting(
            _named(condition.cause),
            stage,
            condition.number,
            make_timeline(condition.process, draws.of_timeline(device, condition.number), memory.lift),
        )
        for stage in Stage
        for condition in cohort.conditions[stage]
    ]


def _named(cause: Cause) -> str:
    """Return what a condition does, in words that can begin a line."""
    text = "silent" if cause.silent else reason_text(cause.reason)
    return text[:1].lower() + text[1:]
