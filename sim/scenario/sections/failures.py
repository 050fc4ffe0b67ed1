"""`failures`: what goes wrong in the stages of an attempt, and how often."""

from collections.abc import Iterator
from typing import Literal

from pydantic import Field

from sim.scenario.section import Fault, Part, rule
from sim.scenario.values import FailureCode, Share

StageName = Literal["contact", "query", "coverage", "download", "verify", "install", "reboot"]
"""Labels of `sim.rules.Stage`, in the order in which an attempt goes through them."""


class Cause(Part):
    """One way in which an attempt fails at a stage."""

    stage: StageName = Field(description="Stage at which it strikes.")
    code: FailureCode | None = Field(
        default=None, description="Result code that the device reports: 1 to 10 or 255; or else `silent`."
    )
    silent: bool = Field(
        default=False,
        description="The device never reports, and a timer of the platform ends the attempt.",
        strict=True,
    )
    probability: Share | None = Field(
        default=None, description="Probability in each attempt that reaches the stage, 0 to 1."
    )
    permanent: Share | None = Field(
        default=None, description="Share of devices that fail so in every attempt, 0 to 1."
    )

    @rule
    def _reports_or_is_silent(self) -> Iterator[Fault]:
        if self.stage == "contact" and self.code is not None:
            yield Fault(("code",), "a device that can't be contacted reports no code; write 'silent: true'")
        elif self.silent and self.code is not None:
            yield Fault(("silent",), "a silent device reports no code; give one of 'code' and 'silent: true'")
        elif not self.silent and self.code is None:
            yield Fault((), "needs a 'code', or 'silent: true' for a device that never reports")

    @rule
    def _strikes(self) -> Iterator[Fault]:
        if self.probability is None and self.permanent is None:
            yield Fault((), "needs a 'probability' (each attempt) or 'permanent' (share of devices), or both")
