"""`failures`: what goes wrong in the stages of an attempt, and how often."""

import math
from collections.abc import Iterator
from typing import Literal

from pydantic import Field

from sim.scenario.section import Fault, Part, is_given, rule
from sim.scenario.sections.drawn_time import DrawnTime, cycle_faults, mean_faults
from sim.scenario.values import FailureCode, Frequency, Share, Size

StageName = Literal["contact", "query", "coverage", "download", "verify", "install", "reboot"]
"""Labels of `sim.rules.Stage`, in the order in which an attempt goes through them."""


class Cause(Part):
    """One way in which an attempt fails at a stage.

    It strikes each attempt anew (`probability`), is a condition that a device is in for a while (`lasts`) or
    for ever (`permanent`), or breaks off work that takes long (`rate`, `per`).
    """

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
        default=None,
        description="Probability in each attempt that reaches the stage, 0 to 1; with `lasts` the share of "
        "time that a device is in the condition.",
    )
    lasts: DrawnTime | None = Field(
        default=None,
        description="How long a device is in the condition each time, whoever calls meanwhile; an attempt "
        "fails if the device is in it when the stage begins. The times between are exponential.",
    )
    permanent: Share | None = Field(
        default=None, description="Share of devices that fail so in every attempt, 0 to 1."
    )
    rate: Frequency | None = Field(
        default=None,
        description="Breaks per second while the stage works (in the download: while bytes flow), > 0. "
        "Instead of `probability`.",
    )
    per: Size | None = Field(
        default=None,
        description="Bytes from one break of a download to the next, on average, >= 1. Instead of "
        "`probability`.",
    )
    leaves: Literal["old", "new", "dead"] = Field(
        default="old",
        description="What runs on the device afterwards: the `old` version, the `new` one (only the report "
        "was lost), or nothing any more (`dead`: it is never in contact again). Install and reboot only.",
    )

    @property
    def is_condition(self) -> bool:
        """Whether devices are in it for a while, again and again."""
        return self.lasts is not None and bool(self.probability)

    def mean_cycle_s(self) -> float:
        """Return the mean time from one beginning of a condition to the next.

        Returns:
            Seconds; inf for what is no condition and for one that never comes.

        Raises:
            AbsentError: A value was refused.
        """
        if self.lasts is None or not self.probability:
            return math.inf
        return self.lasts.excess_s(0.0) / self.probability

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
        if all(one is None for one in (self.probability, self.permanent, self.rate, self.per, self.lasts)):
            yield Fault(
                (),
                "needs a 'probability' (each attempt, or with 'lasts' the share of time), 'permanent' (share "
                "of devices), 'rate' or, in the download, 'per'",
            )

    @rule
    def _strikes_in_one_way(self) -> Iterator[Fault]:
        for name in ("rate", "per"):
            if is_given(self, name) and is_given(self, "probability"):
                yield Fault((name,), f"a cause has a 'probability' or a '{name}', not both", at_key=True)
        if is_given(self, "rate") and is_given(self, "per"):
            yield Fault(("per",), "a cause has a 'rate' or a 'per', not both", at_key=True)

    @rule
    def _breaks_work(self) -> Iterator[Fault]:
        if is_given(self, "per") and self.stage != "download":
            message = "counts bytes, and only the download has any; give a 'rate'"
            yield Fault(("per",), message, at_key=True)
        if is_given(self, "rate") and self.stage == "contact":
            message = "contact does no work that could break; give a 'probability'"
            yield Fault(("rate",), message, at_key=True)

    @rule
    def _lasts_with_a_share(self) -> Iterator[Fault]:
        if not is_given(self, "lasts"):
            return
        breaks = next((name for name in ("rate", "per") if is_given(self, name)), None)
        if is_given(self, "permanent"):
            message = "a 'permanent' condition lasts for ever; give one of the two"
        elif breaks is not None:
            message = f"belongs to a 'probability', not to a '{breaks}'"
        elif not is_given(self, "probability"):
            message = "needs a 'probability': the share of time that the condition lasts"
        else:
            if self.probability == 1:
                message = "a condition that is on 100 % of the time never ends; write 'permanent: 100 %'"
                yield Fault(("probability",), message)
            return
        yield Fault(("lasts",), message, at_key=True)

    @rule
    def _lasts_on_average(self) -> Iterator[Fault]:
        if self.lasts is not None:
            yield from mean_faults(self.lasts, ("lasts",))

    @rule
    def _cycles_are_few(self) -> Iterator[Fault]:
        yield from cycle_faults(self.mean_cycle_s(), ("lasts",))

    @rule
    def _leaves_what_was_installed(self) -> Iterator[Fault]:
        if self.leaves != "old" and self.stage not in ("install", "reboot"):
            yield Fault(
                ("leaves",),
                f"at stage '{self.stage}' nothing has been installed yet; 'leaves' belongs to install or "
                "reboot",
            )
