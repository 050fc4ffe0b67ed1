"""`fleet`: cohorts of devices, how they are reached, and which radio cells and sites they share."""

from collections.abc import Iterator
from typing import Literal

from pydantic import Field

from sim.scenario.section import Fault, Part, Path, gather, known, left_out, rule
from sim.scenario.sections.choosing import LabelValue, Repeat
from sim.scenario.sections.failures import Cause
from sim.scenario.sections.online import Online
from sim.scenario.sections.platform import TimerChanges
from sim.scenario.sections.stages import StageTimes
from sim.scenario.sections.window import Window, Windows
from sim.scenario.values import Count, Name, Rate, Share, Size, Spread, Text, written

_SUM_TOLERANCE = 1e-9

TWO_PLACES = "contradicts 'cell': a device waits for one place at a time, and here for its radio cell's"
"""What is wrong with places of a site for devices in a radio cell."""

SITE_NAME_MAX = 100
"""Most characters in the name of a site."""

ProtocolName = Literal["mqtt", "lwm2m"]
"""Labels of `sim.rules.Protocol`."""


class Cell(Part):
    """Radio cells: consecutive devices of the cohort share one, and few may upgrade in it at once."""

    devices: Count = Field(description="Devices in one cell, >= 1; the last cell may be smaller.")
    coverage: tuple[Share, Share, Share] = Field(
        default=written("100 %", "0 %", "0 %"),
        description="Shares of devices at coverage level 0 (good), 1 and 2 (poor), adding up to 1.",
    )

    @rule
    def _coverage_is_whole(self) -> Iterator[Fault]:
        total = sum(self.coverage)
        if abs(total - 1) > _SUM_TOLERANCE:
            yield Fault(("coverage",), f"the shares add up to {total:.6g}; they must add up to 1")


class NamedSite(Part):
    """A site that the inventory names: devices behind one line, which perhaps take turns."""

    uplink: Rate | None = Field(
        default=None,
        description="Line between the site and the platform, shared by all its downloads, in bytes/s, > 0; "
        "unlimited if absent.",
    )
    at_a_time: Count | None = Field(
        default=None,
        description="Devices of the site that are upgraded at once, >= 1, more wait in order; unlimited if "
        "absent.",
    )

    @rule
    def _shares_something(self) -> Iterator[Fault]:
        if self.uplink is None and self.at_a_time is None:
            yield Fault((), "a site needs an 'uplink', 'at_a_time', or both; without them nothing is shared")


class Site(NamedSite):
    """Sites: consecutive devices of the cohort are at one, behind one line, and perhaps take turns."""

    devices: Count = Field(description="Devices at one site, >= 1; the last site may be smaller.")


class Cohort(Part):
    """Devices that are alike."""

    name: Name = Field(
        description="Name, unique in the file: letters, digits, `_` and `-`. Device ids begin with it."
    )
    repeat: Repeat | None = Field(
        default=None,
        exclude=True,
        description="Makes the entry one of several cohorts: a number of them, or labels with their values, "
        "like `{region: [north, south]}`. `{region}`, or `{number}`, may stand in any text of the entry; "
        "the name gets it at its end if it doesn't have it. A mapping by value says what is other for it: "
        "`{region: {north: {devices: 900}, south: {}}}`.",
    )
    labels: dict[Name, LabelValue] = Field(
        default={},
        exclude=True,
        description="Labels, like `region: north`, by which outages, operators, waves, expectations and "
        "studies can choose cohorts. A column of the inventory that is the same for all devices of a cohort "
        "labels it too.",
    )
    devices: Count | None = Field(
        default=None, description="Number of devices, >= 1; required unless `fleet.inventory` lists them."
    )
    protocol: ProtocolName = Field(
        default="mqtt", description="How devices talk to the platform: `mqtt` or `lwm2m`."
    )
    link_rate: Rate | None = Field(
        default=None, description="Fastest download of one device, in bytes/s, > 0; unlimited if absent."
    )
    package_size: Size | None = Field(
        default=None,
        description="Size of the package for these devices, in bytes, >= 1, if they need less of it than "
        "`campaign.package.size`: a delta for those who come from the version before.",
    )
    online: Online = Field(default=left_out(), description="When devices can be reached; always if absent.")
    already_current: Share = Field(
        default=written("0 %"), description="Share of devices that already run the package's version, 0 to 1."
    )
    spread: Spread = Field(
        default=0,
        description="How much devices differ in their tendency to fail: standard deviation on the logit "
        "scale, 0 to 10. The stated probabilities are those of the median device.",
    )
    cell: Cell | None = Field(default=None, description="Radio cells (lwm2m only); none if absent.")
    site: Site | None = Field(
        default=None, description="Sites of so many devices each; the devices are at none if absent."
    )
    window: Windows | None = Field(
        default=None,
        description="Window, or a list of them, by the clock on the wall; always open if absent. Of several "
        "for the same one has to be open.",
    )
    stages: StageTimes = Field(
        default=left_out(), description="Times of stages of this cohort; they replace the general ones."
    )
    failures: tuple[Cause, ...] = Field(
        default=(), description="Causes of failure of this cohort, in addition to the general ones."
    )
    resume: bool | None = Field(
        default=None,
        description="Whether a download goes on where the attempt before broke off; the general `resume` if "
        "absent.",
        strict=True,
    )
    timers: TimerChanges = Field(
        default=left_out(), description="Platform timers of this cohort, if other than the platform's."
    )

    @property
    def windows(self) -> tuple[Window, ...]:
        """All windows, in file order."""
        window = self.window
        return (window,) if isinstance(window, Window) else window or ()

    def place_of(self, window: Window, path: Path) -> Path:
        """Return where one of the windows stands.

        Args:
            window: One of `windows`.
            path: Where the cohort stands.
        """
        if isinstance(self.window, Window):
            return (*path, "window")
        return (*path, "window", next(i for i, each in enumerate(self.windows) if each is window))

    def windows_for(self, purpose: str) -> tuple[Window, ...]:
        """Return the windows for something, in file order; without any it is always allowed.

        Args:
            purpose: `contact`, `download` or `install`.
        """
        return tuple(window for window in self.windows if window.purpose == purpose)

    @rule
    def _cells_are_radio(self) -> Iterator[Fault]:
        if self.cell is not None and self.protocol != "lwm2m":
            yield Fault(("cell",), f"devices with protocol {self.protocol} share no radio cell; lwm2m only")

    @rule
    def _places_are_of_one_kind(self) -> Iterator[Fault]:
        if self.cell is not None and self.site is not None and self.site.at_a_time is not None:
            yield Fault(("site", "at_a_time"), f"{TWO_PLACES}; leave it out, or 'cell'", at_key=True)

    @rule
    def _timers_fit_the_protocol(self) -> Iterator[Fault]:
        other = "lwm2m" if self.protocol == "mqtt" else "mqtt"
        if other in self.timers.model_fields_set:
            yield Fault(("timers", other), f"this cohort's protocol is {self.protocol}")

    @rule
    def _coverage_is_asked_by_radio(self) -> Iterator[Fault]:
        if self.protocol == "lwm2m":
            return
        message = f"devices with protocol {self.protocol} have no coverage stage; lwm2m only"
        if self.stages.coverage is not None:
            yield Fault(("stages", "coverage"), message)
        for i_cause, cause in enumerate(self.failures):
            if cause.stage == "coverage":
                yield Fault(("failures", i_cause, "stage"), message)


class Fleet(Part):
    """All devices. Cohorts are numbered in file order, devices cohort by cohort."""

    cohorts: tuple[Cohort, ...] = Field(description="Cohorts, at least one.", min_length=1, max_length=30_000)
    inventory: Text | None = Field(
        default=None,
        description="CSV file with the columns `device_id` and `cohort` instead of `devices` in each cohort, "
        "relative to the scenario file; separated by comma, semicolon or tab.",
    )
    sites: dict[str, NamedSite] | None = Field(
        default=None,
        description="Sites by name, as the inventory's column `site` has them; where that is empty, a device "
        "is at none. A name may be a pattern: `*` is a default for all sites, those that are not named "
        "otherwise included. Without `sites` the column is a label.",
    )

    @rule
    def _names_are_unique(self) -> Iterator[Fault]:
        seen: dict[str, int] = {}
        for i_cohort, name in enumerate(known(cohort, "name") for cohort in self.cohorts):
            first = seen.setdefault(name, i_cohort)
            if first != i_cohort and name is not None:
                yield Fault(
                    ("cohorts", i_cohort, "name"), f"'{name}' is already the name of cohorts[{first}]"
                )

    @rule
    def _devices_are_counted_or_listed(self) -> Iterator[Fault]:
        listed = self.inventory is not None
        for i_cohort, cohort in enumerate(self.cohorts):
            yield from gather(_counted_or_listed(cohort, ("cohorts", i_cohort, "devices"), listed=listed))

    @rule
    def _sites_are_counted_or_named(self) -> Iterator[Fault]:
        if self.sites is None:
            return
        if self.inventory is None:
            message = (
                "needs fleet.inventory, whose column 'site' says who is where; cohorts that are counted "
            )
            message += "share lines by cohorts[].site, like 'site: {devices: 50, uplink: 10 Mbit/s}'"
            yield Fault(("sites",), message, at_key=True)
        if not self.sites:
            yield Fault(("sites",), "names no site")
        for name in self.sites:
            if not name.strip() or len(name) > SITE_NAME_MAX:
                message = f"a name has 1 to {SITE_NAME_MAX} characters, not {len(name.strip())}"
                yield Fault(("sites", name), message, at_key=True)
        for i_cohort, cohort in enumerate(self.cohorts):
            if cohort.site is not None:
                message = "not allowed beside fleet.sites: there the inventory says who is where"
                yield Fault(("cohorts", i_cohort, "site"), message, at_key=True)


def _counted_or_listed(cohort: Cohort, path: Path, *, listed: bool) -> Iterator[Fault]:
    if cohort.devices is not None and listed:
        yield Fault(path, "not allowed beside fleet.inventory, which lists the devices", at_key=True)
    if cohort.devices is None and not listed:
        yield Fault(path, "is missing; required unless fleet.inventory names a CSV file")
