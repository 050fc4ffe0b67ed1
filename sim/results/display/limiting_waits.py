"""What a wait of devices was for, in words: the limits that can have been met, with the values in force.

Decision: of several things that a wait may be for, only those are named that can have made anybody wait, by
what the run itself has shown. Where it has not shown which of two it was, both are.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from sim.results.display.format import format_count
from sim.scenario.metrics import HELD_UP
from sim.units import format_duration, format_frequency, format_rate

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sim.results.statistics import Metric
    from sim.scenario import Scenario
    from sim.scenario.sections.fleet import Cohort

WORK: Final = ("query", "coverage", "download", "verify", "install", "reboot")
"""What is no waiting: it takes the time that it takes."""

_HOLDERS: Final = {
    "offline": "devices that were offline",
    "window": "devices whose window was closed",
    "outage": "devices that an outage held",
    "download_place": "devices that waited for a download place",
    "shared_link": "downloads over shared links",
    "timer": "devices that were silent until a timer ran out",
}
"""Who keeps a place in Processing, in a cell or at a site without working."""

_FULL: Final = 0.99
"""Of what is full; the last bits are lost to rounding and to means over replications."""
_NEAR: Final = 0.9
"""Of two limits that both count."""
_MOSTLY: Final = 0.5
_NOTICEABLE: Final = 0.2


class Wait(NamedTuple):
    """What a wait was for, and the fields that set it."""

    text: str
    fields: tuple[str, ...]


class Shown(NamedTuple):
    """What runs show of waits beside their metrics.

    Attributes:
        device_time_s: Time of all devices together, seconds.
        place_waits: Cohorts with devices that waited for a place in a cell or at a site.
    """

    device_time_s: float
    place_waits: frozenset[str]


def wait_of(scenario: Scenario, metrics: Mapping[str, Metric], name: str, shown: Shown | None) -> Wait:
    """Return what a wait was for.

    Args:
        scenario: What was run.
        metrics: Those of a run, or their means over some.
        name: Of `HELD_UP`, no work.
        shown: What else is known; None for nothing.
    """
    if name == "ready_queue":
        return _ready(scenario, metrics, shown)
    if name == "place_queue":
        return _places(scenario, metrics, shown)
    if name == "shared_link":
        return _shared_link(scenario, metrics)
    platform, policy = scenario.platform, scenario.campaign.task_policy
    waits: dict[str, tuple[str, ...]] = {
        "offline": ("devices offline", "run.until"),
        "window": ("closed windows", "windows"),
        "outage": (_outage_text(scenario, metrics), "outages"),
        "download_place": (
            f"download places ({format_count(platform.max_downloads or 0)})",
            "platform.max_downloads",
        ),
        "timer": ("silence until a timer of the platform ran out", "platform.timers"),
        "retry_wait": (
            f"the retry interval ({format_duration(policy.retry_interval or 0)})",
            "campaign.task_policy.retry_interval",
        ),
        "call_wait": ("failed or stopped devices that waited for a retry call", "operators"),
    }
    text, *fields = waits.get(name, (HELD_UP[name],))
    return Wait(text, tuple(fields))


def _span_s(scenario: Scenario, metrics: Mapping[str, Metric]) -> float:
    """Return for how long the campaign ran, seconds."""
    return metrics["makespan"] or scenario.run.until


def _grouped(text: str) -> str:
    """Return a quantity with separators in numbers of four digits and more."""
    return re.sub(r"\d{4,}", lambda number: f"{int(number[0]):,}", text)


def _held_by(scenario: Scenario, metrics: Mapping[str, Metric], queue: str) -> str:
    """Return who kept the places that a queue was for: the one or two waits that most of that time went to.

    Args:
        metrics: Those of a run, or their means over some.
        queue: Its name in `HELD_UP`; only of the largest account it is told.

    Returns:
        In words; empty if the places were mostly worked in.
    """
    known = {name: metrics[f"held_up.{name}"] or 0.0 for name in HELD_UP}
    if known[queue] < max(known.values()):
        return ""
    is_frozen = any(outage.effect.freeze for outage in scenario.outages)  # keeps devices without places too
    waits = {name: known[name] for name in _HOLDERS if name != "outage" or not is_frozen}
    whole = sum(waits.values()) + sum(known[name] for name in WORK)
    most = sorted(waits, key=lambda name: -waits[name])
    for named in (most[:1], most[:2]):
        if waits[named[-1]] >= _NOTICEABLE * whole and sum(waits[name] for name in named) > _MOSTLY * whole:
            return f"held mostly by {' and '.join(_HOLDERS[name] for name in named)}"
    return ""


def _ready(scenario: Scenario, metrics: Mapping[str, Metric], shown: Shown | None) -> Wait:
    """Return what devices in the ready queue waited for: a place, or their turn."""
    platform, ramp = scenario.platform, scenario.campaign.what_if.dispatch_ramp
    places, rate = platform.max_processing, platform.dispatch_rate
    is_full = places is not None and (metrics["peak_processing"] or 0) >= _FULL * places
    by_rate_s = (metrics["attempts"] or 0) / rate if rate is not None else 0.0
    by_places_s = _least_by_places_s(metrics, places, shown) if is_full else 0.0
    parts, fields = [], []
    if places is not None and is_full and (by_places_s is None or by_places_s >= _NEAR * by_rate_s):
        held = _held_by(scenario, metrics, "ready_queue")
        parts.append(f"places in Processing ({format_count(places)}{f', {held}' if held else ''})")
        fields.append("platform.max_processing")
    bar_s = _span_s(scenario, metrics) if by_places_s is None or ramp is not None else by_places_s
    if rate is not None and by_rate_s >= _NEAR * bar_s:
        parts.append(f"the dispatch rate ({_grouped(format_frequency(rate))})")
        fields.append("platform.dispatch_rate")
    if ramp is not None:
        parts.append("the dispatch ramp")
        fields.append("campaign.what_if.dispatch_ramp")
    return Wait(" and ".join(parts) or "the ready queue", tuple(fields))


def _least_by_places_s(
    metrics: Mapping[str, Metric], places: int | None, shown: Shown | None
) -> float | None:
    """Return how long the campaign takes at least with so many places, seconds; None if that is not known."""
    if shown is None or places is None:
        return None
    held = sum(metrics[f"held_up.{name}"] or 0.0 for name in (*WORK, *_HOLDERS))
    return held * shown.device_time_s / places


def _places(scenario: Scenario, metrics: Mapping[str, Metric], shown: Shown | None) -> Wait:
    """Return whether devices waited for places in cells, for turns at sites, or perhaps for either."""
    fleet = scenario.fleet
    cohorts = [c for c in fleet.cohorts if shown is None or c.name in shown.place_waits] or fleet.cohorts
    in_cells = any(cohort.cell is not None for cohort in cohorts)
    at_sites = any(c.site is not None and c.site.at_a_time is not None for c in cohorts)
    if any(cohort.cell is None for cohort in cohorts):  # who is at a named site says the inventory
        at_sites |= any(site.at_a_time is not None for site in (fleet.sites or {}).values())
    held = _held_by(scenario, metrics, "place_queue")
    more = f" ({held})" if held else ""
    if in_cells and at_sites:
        return Wait(f"places in cells or at sites{more}", ("platform.cell_places", "site.at_a_time"))
    if in_cells:
        return Wait(f"places in radio cells{more}", ("platform.cell_places",))
    return Wait(f"turns at sites{more}", ("site.at_a_time",))


def _shared_link(scenario: Scenario, metrics: Mapping[str, Metric]) -> Wait:
    """Return which lines devices share; the platform's one is not told beside others if it was never full."""
    parts, fields = [], []
    bandwidth, peak = scenario.platform.bandwidth, metrics["peak_bandwidth"]
    rates = [rate for cohort in scenario.fleet.cohorts if (rate := _narrow_uplink(cohort)) is not None]
    rates += [site.uplink for site in (scenario.fleet.sites or {}).values() if site.uplink is not None]
    known = [rate for rate in rates if bandwidth is None or rate <= bandwidth]
    is_cut = any(outage.effect.bandwidth is not None for outage in scenario.outages)
    if bandwidth is not None and (not known or is_cut or peak is None or peak >= _FULL * bandwidth):
        parts.append(f"the shared bandwidth ({_grouped(format_rate(bandwidth))})")
        fields.append("platform.bandwidth")
    if known:
        lowest, highest = (_grouped(format_rate(rate)) for rate in (min(known), max(known)))
        parts.append(f"lines of sites ({lowest if lowest == highest else f'{lowest} to {highest}'})")
        fields.append("site.uplink")
    return Wait(" and ".join(parts) or "shared links", tuple(fields))


def _narrow_uplink(cohort: Cohort) -> float | None:
    """Return the line of a cohort's sites; None if there is none, or its devices can't fill it."""
    if cohort.site is None or cohort.site.uplink is None:
        return None
    at_once = min(cohort.site.devices, cohort.site.at_a_time or cohort.site.devices)
    is_wide = cohort.link_rate is not None and at_once * cohort.link_rate <= cohort.site.uplink
    return None if is_wide else cohort.site.uplink


def _outage_text(scenario: Scenario, metrics: Mapping[str, Metric]) -> str:
    """Return whether it was outages that held devices, freezes, or both: those that the campaign met."""
    span_s = _span_s(scenario, metrics)
    met = [outage.effect for outage in scenario.outages if outage.at < span_s]
    freezes = [one.freeze for one in met if one.freeze or one.unreachable or one.bandwidth == 0]
    return "outages" if not any(freezes) else "freezes" if all(freezes) else "outages and freezes"
