"""The values of a whole scenario, and what follows from them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from functools import cached_property
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, PrivateAttr, WithJsonSchema

from sim.scenario.inventory.inventory import Inventory
from sim.scenario.metrics import COST_METRICS, METRICS
from sim.scenario.section import AbsentError, Fault, Part, left_out, rule
from sim.scenario.sections.campaign import Campaign
from sim.scenario.sections.costs import Costs
from sim.scenario.sections.drawn_time import DrawnTime
from sim.scenario.sections.expectation import Expectation
from sim.scenario.sections.failures import Cause
from sim.scenario.sections.fleet import Cohort, Fleet, NamedSite
from sim.scenario.sections.operators import Operator
from sim.scenario.sections.outages import Outage
from sim.scenario.sections.platform import Platform
from sim.scenario.sections.stages import StageTimes
from sim.scenario.short.dates import zone_of_start
from sim.scenario.source import Source
from sim.scenario.values import Count, FileName, Instant, PositiveDuration, Seed, Text, Until, written
from sim.units import format_duration

GRID_MAX = 1_000_000
"""Most points of the curves' time grid."""


class Run(Part):
    """When the run begins and ends, how fine its curves are, and its draws."""

    start: Instant = Field(
        default=written("2026-01-05T00:00:00Z"),
        description="Date and time at which the simulated time is 0, with its zone: `Z` for UTC, an offset "
        "like `+01:00`, or a name like `2026-12-01 08:00 Europe/Berlin`. Dates without a zone go by "
        "its clock.",
    )
    until: Until = Field(
        default=written("30 d"),
        description="Length of the run, in seconds, > 0; or the date at which it ends, like "
        "`2026-01-09 18:00 Europe/Berlin`, if `start` is given (by its clock without a zone).",
    )
    resolution: PositiveDuration = Field(
        default=written("5 min"), description="Spacing of the curves' time grid, in seconds, > 0."
    )
    seed: Seed = Field(default=0, description="Seed of all draws, 0 to 2^64 - 1.")
    replications: Count = Field(default=1, description="Runs of the same scenario with other draws, >= 1.")

    @rule
    def _grid_is_sensible(self) -> Iterator[Fault]:
        if self.resolution > self.until:
            both = f"{format_duration(self.resolution)} is more than the {format_duration(self.until)}"
            yield Fault(("resolution",), f"{both} of 'until'; curves need at least one step")
        if self.until / self.resolution > GRID_MAX:
            points = f"{self.until / self.resolution:.3g}"
            yield Fault(("resolution",), f"makes {points} points of the curves; at most {GRID_MAX}")


def _paired(value: Any) -> Any:
    """Give each text of `expect` the key that it belongs to."""
    if not isinstance(value, Mapping):
        return value
    return {
        key: tuple((key, text) for text in texts) if isinstance(texts, list) else ((key, texts),)
        for key, texts in value.items()
    }


Expectations = Annotated[
    dict[str, Annotated[tuple[Expectation, ...], Field(min_length=1)]],
    BeforeValidator(_paired),
    WithJsonSchema(
        {
            "type": "object",
            "additionalProperties": {
                "anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "minItems": 1}]
            },
        }
    ),
]


class ScenarioValues(Part):
    """The values of a scenario; what is made of files, changed and warned about is a `Scenario`."""

    name: FileName = Field(
        default="scenario", description="Name in results and of baselines: letters, digits, `_`, `.` and `-`."
    )
    description: Text = Field(default="", description="What the scenario is about.")
    fleet: Fleet = Field(description="Devices.")
    platform: Platform = Field(default=left_out(), description="The platform; unlimited if absent.")
    stages: StageTimes = Field(default=left_out(), description="Times of stages; 0 s if absent.")
    failures: tuple[Cause, ...] = Field(
        default=(), description="Causes of failure in all cohorts; none if absent."
    )
    resume: bool = Field(
        default=False,
        description="Whether a download goes on where the attempt before broke off, in all cohorts that "
        "don't say otherwise; a package that fails the check is downloaded anew.",
        strict=True,
    )
    campaign: Campaign = Field(description="What is rolled out, and how.")
    operators: tuple[Operator, ...] = Field(default=(), description="Who calls the API, and when.")
    outages: tuple[Outage, ...] = Field(default=(), description="What goes wrong outside.")
    costs: Costs | None = Field(
        default=None, description="What the campaign costs; without them it has no metrics of cost."
    )
    run: Run = Field(default=left_out(), description="Time, curves, draws.")
    expect: Expectations = Field(
        default={},
        description="Expectations by metric, `by_cohort.NAME.METRIC`, or `cohorts[SELECTOR].METRIC`, which "
        "holds if it does for each cohort that is meant (`cohorts[meters-*]`, `cohorts[region=north]`): a "
        "text like `>= 98 %`, or several.",
    )

    _source: Source = PrivateAttr()
    _inventory: Inventory | None = PrivateAttr(default=None)

    @property
    def source(self) -> Source:
        """What it was made of."""
        return self._source

    @property
    def inventory(self) -> Inventory | None:
        """The listed devices; None if cohorts are counted."""
        return self._inventory

    @cached_property
    def digest(self) -> str:
        """SHA-256, in hex, of all resolved values: equal whenever two scenarios mean the same."""
        values = self.model_dump(mode="json")
        if self.costs is None:
            del values["costs"]
        values["fleet"]["inventory"] = None if self._inventory is None else self._inventory.digest
        canonical = json.dumps(values, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return hashlib.sha256(canonical.encode()).hexdigest()

    @property
    def expectations(self) -> tuple[Expectation, ...]:
        """All expectations in file order."""
        return tuple(expectation for several in self.expect.values() for expectation in several)

    @property
    def currency(self) -> str:
        """Currency of the costs; empty without costs."""
        return "" if self.costs is None else self.costs.currency

    @property
    def starts(self) -> datetime:
        """When the run begins, by the clock of the zone in which `run.start` is written."""
        return self.run.start.astimezone(zone_of_start(self._source.data.get("run")))

    @property
    def metric_names(self) -> tuple[str, ...]:
        """Metrics of a run, in the order of `METRICS`; those of cost only if there are costs."""
        return tuple(name for name in METRICS if self.costs is not None or name not in COST_METRICS)

    @property
    def cohort_names(self) -> tuple[str, ...]:
        """Names of the cohorts; the position is the cohort's number."""
        return tuple(cohort.name for cohort in self.fleet.cohorts)

    @cached_property
    def cohort_sizes(self) -> tuple[int, ...]:
        """Devices of each cohort."""
        return tuple(self.size_of(cohort) for cohort in self.fleet.cohorts)

    @property
    def n_devices(self) -> int:
        """Devices of the fleet. They are numbered cohort by cohort, from 0."""
        return sum(self.cohort_sizes)

    def size_of(self, cohort: Cohort) -> int:
        """Return the number of devices of a cohort.

        Returns:
            As counted in the file, or as the inventory lists them; >= 1.

        Raises:
            AbsentError: Neither is known, since the scenario is being checked and something is wrong.
        """
        if self._inventory is not None:
            return len(self._inventory.ids[cohort.name])
        if cohort.devices is None or self.fleet.inventory is not None:
            raise AbsentError("devices")
        return cohort.devices

    def device_ids(self, i_cohort: int) -> Sequence[str]:
        """Return the ids of a cohort's devices, in the order of the device index.

        Args:
            i_cohort: Number of the cohort.

        Returns:
            As the inventory lists them; without one `<cohort>-<7 digits>`, counted from 0.
        """
        name = self.cohort_names[i_cohort]
        if self._inventory is not None:
            return self._inventory.ids[name]
        return [f"{name}-{i_device:07d}" for i_device in range(self.cohort_sizes[i_cohort])]

    def sites_of(self, cohort: Cohort) -> tuple[NamedSite, ...]:
        """Return the sites at which devices of a cohort are: those of the inventory, or one for all alike.

        Returns:
            Empty for devices that are at none.
        """
        if cohort.site is not None:
            return (cohort.site,)
        if self._inventory is None or not self.fleet.sites:
            return ()
        named = tuple(self.fleet.sites.values())
        return tuple(named[number] for number in self._inventory.sites_present[cohort.name])

    def stages_of(self, cohort: Cohort) -> dict[str, DrawnTime]:
        """Return the time of each stage that is drawn, for one cohort.

        Returns:
            By stage, in order: the cohort's own, else the general one, else constantly 0 s. Stages that
            the cohort's attempts don't have (coverage, reboot) take 0 s.
        """
        nothing = DrawnTime.model_construct(constant=0.0)
        return {
            name: getattr(cohort.stages, name) or getattr(self.stages, name) or nothing
            if self.has_stage(cohort, name)
            else nothing
            for name in StageTimes.model_fields
        }

    def package_size_of(self, cohort: Cohort) -> int:
        """Return the size of the campaign's package for one cohort's devices.

        Returns:
            Bytes, >= 1: the cohort's own, else that of the package.
        """
        return self.campaign.package.size if cohort.package_size is None else cohort.package_size

    def shortest_download_s(self, cohort: Cohort) -> float:
        """Return how long the package takes at the rates in the file if a device has all of them for itself.

        Returns:
            Seconds; 0 if neither the cohort's link, nor the line of its site, nor the platform limits it.
        """
        limits = (cohort.link_rate, self.platform.bandwidth, self._fastest_line(cohort))
        rates = [rate for rate in limits if rate is not None]
        return self.package_size_of(cohort) / min(rates) if rates else 0.0

    def _fastest_line(self, cohort: Cohort) -> float | None:
        """Return the fastest uplink of a cohort's devices, in bytes/s; None if some have no such limit."""
        lines = [site.uplink for site in self.sites_of(cohort)]
        if self._inventory is not None and cohort.name in self._inventory.partly_at_sites:
            return None
        return None if None in lines else max((line for line in lines if line is not None), default=None)

    def failures_of(self, cohort: Cohort) -> tuple[Cause, ...]:
        """Return the causes of failure of one cohort: the general ones, then its own.

        Returns:
            Causes in the order in which they are looked at, at stages that the cohort's attempts have.
        """
        causes = (*self.failures, *cohort.failures)
        return tuple(cause for cause in causes if self.has_stage(cohort, cause.stage))

    def resumes(self, cohort: Cohort) -> bool:
        """Tell whether a cohort's downloads go on where the attempt before broke off.

        Returns:
            As the cohort says, else as the scenario says in general.
        """
        return self.resume if cohort.resume is None else cohort.resume

    @property
    def remembers(self) -> bool:
        """Whether anything about a device lasts from one attempt to the next: its link or a condition."""
        return any(
            not cohort.online.is_always or any(cause.is_condition for cause in self.failures_of(cohort))
            for cohort in self.fleet.cohorts
        )

    def has_stage(self, cohort: Cohort, stage: str) -> bool:
        """Tell whether attempts of a cohort go through a stage.

        Args:
            stage: Label of the stage.

        Returns:
            False for coverage without LwM2M and for the reboot of a `softwareUpgrade`.
        """
        if stage == "coverage":
            return cohort.protocol == "lwm2m"
        return stage != "reboot" or self.campaign.task_type == "firmwareUpgrade"

    def timers_of(self, cohort: Cohort) -> dict[str, float]:
        """Return the platform's timers for one cohort.

        Returns:
            Seconds by name (online, version, ...): the cohort's own, else the platform's.
        """
        timers: dict[str, float] = getattr(self.platform.timers, cohort.protocol).model_dump()
        own = getattr(cohort.timers, cohort.protocol).model_dump(exclude_none=True)
        return {**timers, **own}
