"""`outages`: what goes wrong outside, and when."""

from collections.abc import Iterator

from pydantic import Field, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from sim.scenario.section import Fault, Part, rule
from sim.scenario.sections.choosing import Selectors
from sim.scenario.values import FailureCode, PositiveDuration, Share, Since


class AddedFailure(Part):
    """A failure of downloads that begin during the outage."""

    probability: Share = Field(description="Probability in each attempt, 0 to 1.")
    code: FailureCode | None = Field(
        default=None, description="Result code that the device reports: 1 to 10 or 255; or else `silent`."
    )
    silent: bool = Field(default=False, description="The device never reports.", strict=True)

    @rule
    def _reports_or_is_silent(self) -> Iterator[Fault]:
        if self.silent and self.code is not None:
            yield Fault(("silent",), "a silent device reports no code; give one of 'code' and 'silent: true'")
        if not self.silent and self.code is None:
            yield Fault((), "needs a 'code', or 'silent: true' for a device that never reports")


class Effect(Part):
    """What an outage does: exactly one of these."""

    shorthands = ("unreachable", "freeze")

    unreachable: bool = Field(default=False, description="Contacts wait, and downloads pause.", strict=True)
    bandwidth: Share | None = Field(
        default=None,
        description="What is left, 0 to 1: of the platform's bandwidth, or, for an outage of some cohorts, "
        "of their link rate.",
    )
    failure: AddedFailure | None = Field(default=None, description="An additional failure of downloads.")
    freeze: bool = Field(
        default=False,
        description="Nothing is dispatched; whatever is under way goes on, and timers run.",
        strict=True,
    )

    @rule
    def _is_one_effect(self) -> Iterator[Fault]:
        given = [self.unreachable, self.bandwidth is not None, self.failure is not None, self.freeze]
        if sum(given) != 1:
            yield Fault((), "needs exactly one of 'unreachable', 'bandwidth', 'failure', 'freeze'")


class Outage(Part):
    """A time in which something outside is wrong."""

    at: Since = Field(
        description="Beginning, in seconds from the start of the run, >= 0, or a date if `run.start` "
        "is given; `from` says the same."
    )
    lasts: PositiveDuration = Field(
        description="Length, in seconds, > 0; its last instant is not in it. Instead of it `until` may say "
        "when it ends, in seconds from the start of the run or as a date."
    )
    cohorts: Selectors | None = Field(
        default=None,
        description="Cohorts that it hits, by name, pattern (`meters-*`) or label (`region=north`); all if "
        "absent.",
    )
    effect: Effect = Field(
        description="`unreachable`, `freeze`, or a mapping with `bandwidth` (what is left) or `failure` "
        "(added)."
    )

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Tell pydantic of the keys that are written out before."""
        shape = super().__get_pydantic_json_schema__(core, handler)
        body = handler.resolve_ref_schema(shape)
        properties = body["properties"]
        of_time = {key: value for key, value in properties["at"].items() if key != "description"}
        properties["from"] = {**of_time, "description": "The same as `at`."}
        properties["until"] = {**of_time, "description": "End, instead of `lasts`."}
        body["required"] = [key for key in body["required"] if key not in ("at", "lasts")]
        body["allOf"] = [
            {"anyOf": [{"required": [key]} for key in either], "not": {"required": list(either)}}
            for either in (("at", "from"), ("lasts", "until"))
        ]
        return shape

    @rule
    def _a_freeze_is_everybodys(self) -> Iterator[Fault]:
        if self.effect.freeze and self.cohorts is not None:
            yield Fault(
                ("cohorts",),
                "a freeze stops every dispatch, whatever the cohort; leave 'cohorts' out, or give those "
                "cohorts a 'window'",
                at_key=True,
            )
