"""`stages`: how long the stages of an attempt take."""

from collections.abc import Mapping
from typing import ClassVar, Literal

from pydantic import Field

from sim.scenario.section import Part
from sim.scenario.sections.drawn_time import DrawnTime

TimedStage = Literal["query", "coverage", "verify", "install", "reboot"]
"""The stages whose time is drawn."""


class StageTimes(Part):
    """Drawn times of stages; a stage that is absent takes no time."""

    hints: ClassVar[Mapping[str, str]] = {
        "contact": "how long contact takes follows from a cohort's 'online' and 'window'",
        "download": "its time follows from package.size, link_rate and bandwidth",
    }

    query: DrawnTime | None = Field(default=None, description="Version query, until the device has reported.")
    coverage: DrawnTime | None = Field(default=None, description="Query of the radio coverage (lwm2m only).")
    verify: DrawnTime | None = Field(default=None, description="Check of the downloaded package.")
    install: DrawnTime | None = Field(default=None, description="Installation.")
    reboot: DrawnTime | None = Field(default=None, description="Restart (firmwareUpgrade only).")
