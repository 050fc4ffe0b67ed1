"""What became of one device, as data: what text and picture are made from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sim.rules import SubtaskState

if TYPE_CHECKING:
    from sim.campaign.record import CampaignRun, WaveRecord
    from sim.explain.counterfactuals import Mark, Rescue
    from sim.traces.timeline import Timeline


@dataclass(frozen=True, eq=False, repr=False)
class ExplanationData:
    """What became of one device, and why.

    Attributes:
        run: The run that it is about.
        device: Device index.
        timeline: What the device did and waited for.
        mark: What stops it in every attempt, None if nothing does.
        rescues: What was changed to save it, and whether that did; empty if it succeeded or has a mark.
    """

    run: CampaignRun
    device: int
    timeline: Timeline
    mark: Mark | None
    rescues: tuple[Rescue, ...]

    @property
    def device_id(self) -> str:
        """The device's id."""
        return self.run.device_id(self.device)

    @property
    def saving_gate(self) -> WaveRecord | None:
        """The wave whose gate kept the device from an attempt that leaves it dead; None if none did."""
        status, mark = self.timeline.status, self.mark
        if not (status is SubtaskState.STOPPED or status.is_live):
            return None
        is_marked = mark is not None and mark.kills and not mark.killer
        if not is_marked and not any(rescue.killer for rescue in self.rescues):
            return None
        plans = zip(self.run.waves, self.run.scenario.campaign.waves, strict=False)
        return next(
            (wave for wave, plan in plans if plan.gate is not None and wave.gate_tripped_s is not None), None
        )

    @property
    def ranked_rescues(self) -> list[Rescue]:
        """The rescues, those first that saved the device."""
        return sorted(self.rescues, key=lambda rescue: not rescue.has_saved)
