"""Changes of a scenario that might have saved a device, from the mildest to the strongest."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from sim.rules import RETRY_COUNT_BOUNDS, RETRY_INTERVAL_MIN_BOUNDS, SubtaskState
from sim.scenario.values import RATE_MAX
from sim.units import format_duration, format_rate

if TYPE_CHECKING:
    from sim.scenario import Cohort, NamedSite, Scenario

_FACTORS: Final = (2, 10)
_INTERVALS_MIN: Final = (15, 60, 360, 720, RETRY_INTERVAL_MIN_BOUNDS[1])
_INTERVAL_IF_NONE: Final = "5 min"
_MANY_PLACES: Final = 1_000_000


@dataclass(frozen=True)
class Change:
    """Other values for a scenario.

    Attributes:
        text: What it is, like `4 automatic retries instead of 2`.
        values: New values by path, as `Scenario.with_values` takes them.
        added_operators: Operators that are added.
        without_stops: Whether nobody may stop the campaign any more.
        without_causes: Causes of failures that have one of these keys are left out.
    """

    text: str
    values: dict[str, Any] = field(default_factory=dict)
    added_operators: tuple[dict[str, Any], ...] = ()
    without_stops: bool = False
    without_causes: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Lever:
    """One thing that can be changed more or less.

    Attributes:
        name: What it is, like `more retries`.
        changes: From the mildest to the strongest; at least one.
    """

    name: str
    changes: tuple[Change, ...]


def changed(scenario: Scenario, changes: Sequence[Change]) -> Scenario:
    """Return a scenario with some changes.

    Args:
        scenario: The scenario; it stays as it is.
        changes: What to change; of two values for one path the later one counts.
    """
    values: dict[str, Any] = {}
    for change in changes:
        values |= change.values
    operators = list(scenario.source.data.get("operators") or [])
    if any(change.without_stops for change in changes):
        operators = [operator for operator in operators if operator["call"] != "stop"]
        values |= {f"campaign.waves[{i}].gate": None for i, _ in enumerate(scenario.campaign.waves)}
        if scenario.campaign.what_if.dispatch_ramp is not None:
            values["campaign.what_if.dispatch_ramp.abort"] = None
    operators += [operator for change in changes for operator in change.added_operators]
    values |= _failures_without(scenario, frozenset().union(*(change.without_causes for change in changes)))
    return scenario.with_values({**values, "operators": operators or None})


def _failures_without(scenario: Scenario, keys: frozenset[str]) -> dict[str, Any]:
    """Return every list of failures without the causes that have one of some keys."""
    data = scenario.source.data
    lists = {"failures": data.get("failures")}
    for cohort, given in zip(scenario.fleet.cohorts, data["fleet"]["cohorts"], strict=True):
        lists[f"fleet.cohorts.{cohort.name}.failures"] = given.get("failures")
    return {
        path: [cause for cause in causes if keys.isdisjoint(cause)]
        for path, causes in lists.items()
        if causes and any(not keys.isdisjoint(cause) for cause in causes)
    }


def levers(scenario: Scenario, cohort: Cohort, status: SubtaskState) -> list[Lever]:
    """Return what could be changed for a device that did not succeed.

    Returns:
        The policy first, then the platform, then the world outside; without what the scenario leaves
        unlimited anyhow.
    """
    found = [
        _stops(scenario, status),
        _retries(scenario),
        _intervals(scenario),
        *_of_memory(scenario, cohort),
        _calls(),
        _fewer(scenario),
        _bandwidth(scenario),
        _capacity(scenario, "max_downloads", "download places"),
        _capacity(scenario, "max_processing", "Processing places"),
        _dispatch(scenario),
        _cells(scenario, cohort),
        _site_lines(scenario, cohort),
        _site_places(scenario, cohort),
        _timers(scenario, cohort),
        _outages(scenario),
        _window(cohort),
        _link(cohort),
        _longer_run(scenario, status),
    ]
    return [lever for lever in found if lever is not None]


def _stops(scenario: Scenario, status: SubtaskState) -> Lever | None:
    """Return that nobody stops the campaign; who waits may do so since a gate keeps the next wave back."""
    is_gated = any(wave.gate is not None for wave in scenario.campaign.waves)
    if status is not SubtaskState.STOPPED and not (is_gated and status.is_live):
        return None
    return Lever("no stop", (Change("nobody and no gate stops anything", without_stops=True),))


def _retries(scenario: Scenario) -> Lever | None:
    policy, most = scenario.campaign.task_policy, RETRY_COUNT_BOUNDS[1]
    values = {} if policy.retry_interval is not None else {_POLICY + "retry_interval": _INTERVAL_IF_NONE}
    given = f"instead of {policy.retry_count}"
    return _lever(
        "more retries",
        (
            Change(
                f"{count} automatic {_retries_noun(count)} {given}",
                {**values, _POLICY + "retry_count": count},
            )
            for count in range(policy.retry_count + 1, most + 1)
        ),
    )


def _intervals(scenario: Scenario) -> Lever | None:
    policy, back_off = scenario.campaign.task_policy, scenario.campaign.what_if.back_off
    if policy.retry_interval is None or policy.retry_count == 0:
        return None
    given = f"instead of {format_duration(policy.retry_interval)}"
    changes = []
    for minutes in _INTERVALS_MIN:
        values = {_POLICY + "retry_interval": f"{minutes} min"}
        if back_off is not None and back_off.max is not None and back_off.max < minutes * 60:
            values["campaign.what_if.back_off.max"] = f"{minutes} min"
        if minutes * 60 > policy.retry_interval:
            changes.append(Change(f"a retry interval of {format_duration(minutes * 60)} {given}", values))
    return _lever("longer interval", changes)


def _of_memory(scenario: Scenario, cohort: Cohort) -> Iterator[Lever | None]:
    """Yield what could be changed about what lasts of a device, and about the order of devices."""
    path = f"fleet.cohorts.{cohort.name}"
    causes, online = scenario.failures_of(cohort), cohort.online
    if not online.is_always:
        awake = [Change("a link that is always up", {f"{path}.online": None})]
        if online.during_upgrade != "stays":
            stays = {f"{path}.online.during_upgrade": "stays", f"{path}.online.break_code": None}
            awake.insert(0, Change("a link that stays up during the upgrade", stays))
        yield Lever("awake link", tuple(awake))
    if any(cause.is_condition for cause in causes):
        well = Change("no condition that lasts", without_causes=frozenset({"lasts"}))
        yield Lever("no condition", (well,))
    if any(cause.rate is not None or cause.per is not None for cause in causes):
        unbroken = Change("nothing that breaks its work", without_causes=frozenset({"rate", "per"}))
        yield Lever("no breaks", (unbroken,))
    takes_time = cohort.link_rate is not None or scenario.platform.bandwidth is not None
    if not scenario.resumes(cohort) and (takes_time or any(cause.stage == "download" for cause in causes)):
        going_on = Change("downloads that go on where they broke off", {f"{path}.resume": True})
        yield Lever("resume", (going_on,))
    yield _order(scenario, cohort)


def _order(scenario: Scenario, cohort: Cohort) -> Lever | None:
    """Return another order of the devices, which matters where they wait for each other."""
    platform, order = scenario.platform, scenario.campaign.order
    limits = (platform.max_processing, platform.dispatch_rate, platform.max_downloads, cohort.cell)
    takes_turns = any(site.at_a_time is not None for site in scenario.sites_of(cohort))
    if all(limit is None for limit in limits) and not takes_turns:
        return None
    other = "shuffled" if order == "file" else "file"
    change = Change(f"the order '{other}' instead of '{order}'", {"campaign.order": other})
    return Lever("other order", (change,))


def _calls() -> Lever:
    return Lever(
        "retry calls",
        tuple(
            Change(
                f"{text} whenever the task has settled",
                added_operators=({"call": "retry", "when": "settled", "times": times},),
            )
            for times, text in ((1, "one retry call"), (5, "up to 5 retry calls"))
        ),
    )


def _bandwidth(scenario: Scenario) -> Lever | None:
    rate, path = scenario.platform.bandwidth, "platform.bandwidth"
    if rate is None:
        return None
    given = f"instead of {format_rate(rate)}"
    wider = [k * rate for k in _FACTORS]
    changes = [
        Change(f"a bandwidth of {format_rate(other)} {given}", {path: _rate(other)}) for other in wider
    ]
    # Without any bandwidth an outage that scales it would have nothing to scale.
    return Lever("more bandwidth", (*changes, Change("unlimited bandwidth", {path: _rate(RATE_MAX)})))


def _fewer(scenario: Scenario) -> Lever | None:
    """Return how to let fewer devices share the bandwidth, which may make all of them faster."""
    if scenario.platform.bandwidth is None:
        return None
    at_once = min(scenario.n_devices, scenario.platform.max_processing or scenario.n_devices)
    path, given = "platform.max_processing", f"instead of {at_once:,}"
    fewer = [at_once // k for k in _FACTORS if at_once >= k]
    return _lever("fewer at once", (Change(f"{n:,} in Processing at once {given}", {path: n}) for n in fewer))


def _capacity(scenario: Scenario, name: str, noun: str) -> Lever | None:
    count, path = getattr(scenario.platform, name), f"platform.{name}"
    if count is None:
        return None
    changes = [Change(f"{k * count:,} {noun} instead of {count:,}", {path: k * count}) for k in _FACTORS]
    return Lever(f"more {noun}", (*changes, Change(f"unlimited {noun}", {path: None})))


def _dispatch(scenario: Scenario) -> Lever | None:
    if scenario.platform.dispatch_rate is None:
        return None
    change = Change("unlimited dispatch rate", {"platform.dispatch_rate": None})
    return Lever("faster dispatch", (change,))


def _cells(scenario: Scenario, cohort: Cohort) -> Lever | None:
    if cohort.cell is None:
        return None
    path, places = "platform.cell_places", scenario.platform.cell_places
    given = " / ".join(map(str, places))
    changes = [
        Change(f"{k} times the places in radio cells ({given})", {path: [k * n for n in places]})
        for k in _FACTORS
    ]
    unlimited = Change("unlimited places in radio cells", {path: [_MANY_PLACES] * len(places)})
    return Lever("more places in radio cells", (*changes, unlimited))


def _site_lines(scenario: Scenario, cohort: Cohort) -> Lever | None:
    lines = {path: site.uplink for path, site in sites_by_path(scenario, cohort) if site.uplink is not None}
    changes = [
        Change(
            f"lines of sites {k} times as fast",
            {f"{path}.uplink": _rate(k * rate) for path, rate in lines.items()},
        )
        for k in _FACTORS
    ]
    unlimited = Change("unlimited lines of sites", {f"{path}.uplink": _rate(RATE_MAX) for path in lines})
    return Lever("faster lines of sites", (*changes, unlimited)) if lines else None


def _site_places(scenario: Scenario, cohort: Cohort) -> Lever | None:
    sites = sites_by_path(scenario, cohort)
    places = {path: site.at_a_time for path, site in sites if site.at_a_time is not None}
    changes = [
        Change(
            f"{k} times as many at a time at a site",
            {f"{path}.at_a_time": k * n for path, n in places.items()},
        )
        for k in _FACTORS
    ]
    everybody = Change(
        "everybody at a site at a time", {f"{path}.at_a_time": _MANY_PLACES for path in places}
    )
    return Lever("more at a time at a site", (*changes, everybody)) if places else None


def sites_by_path(scenario: Scenario, cohort: Cohort | None = None) -> list[tuple[str, NamedSite]]:
    """Return the path of each site, and the site: of a cohort its own, and all that are named.

    Args:
        scenario: Where to look.
        cohort: One of its cohorts; None for all.
    """
    cohorts = scenario.fleet.cohorts if cohort is None else (cohort,)
    counted = [(f"fleet.cohorts.{one.name}.site", one.site) for one in cohorts if one.site is not None]
    named = [(f"fleet.sites.{name}", site) for name, site in (scenario.fleet.sites or {}).items()]
    return [*counted, *named]


def _timers(scenario: Scenario, cohort: Cohort) -> Lever:
    path = f"fleet.cohorts.{cohort.name}.timers.{cohort.protocol}"
    timers = scenario.timers_of(cohort)
    return Lever(
        "longer timers",
        tuple(
            Change(
                f"timers of the platform {k} times as long",
                {f"{path}.{name}": f"{k * seconds!r} s" for name, seconds in timers.items()},
            )
            for k in _FACTORS
        ),
    )


def _outages(scenario: Scenario) -> Lever | None:
    return Lever("no outages", (Change("no outages", {"outages": None}),)) if scenario.outages else None


def _window(cohort: Cohort) -> Lever | None:
    if not cohort.windows:
        return None
    what = " and ".join(dict.fromkeys(window.purpose for window in cohort.windows))
    change = Change(f"{what} at any time of day", {f"fleet.cohorts.{cohort.name}.window": None})
    return Lever("no window", (change,))


def _link(cohort: Cohort) -> Lever | None:
    rate = cohort.link_rate
    if rate is None:
        return None
    path, given = f"fleet.cohorts.{cohort.name}.link_rate", f"instead of {format_rate(rate)}"
    faster = [k * rate for k in _FACTORS]
    changes = (Change(f"a link of {format_rate(other)} {given}", {path: _rate(other)}) for other in faster)
    return Lever("faster link", tuple(changes))


def _longer_run(scenario: Scenario, status: SubtaskState) -> Lever | None:
    if not status.is_live:
        return None
    until, step = scenario.run.until, scenario.run.resolution
    changes = [
        Change(
            f"a run of {format_duration(k * until)} instead of {format_duration(until)}",
            {"run.until": f"{k * until!r} s", "run.resolution": f"{k * step!r} s"},
        )
        for k in _FACTORS
    ]
    return Lever("longer run", tuple(changes))


_POLICY: Final = "campaign.task_policy."


def _lever(name: str, changes: Sequence[Change] | Iterator[Change]) -> Lever | None:
    """Return a lever, or None if there is nothing to change."""
    known = tuple(changes)
    return Lever(name, known) if known else None


def _retries_noun(count: int) -> str:
    return "retry" if count == 1 else "retries"


def _rate(rate_bytes_per_s: float) -> str:
    """Return a rate as a file writes it, without rounding."""
    return f"{rate_bytes_per_s!r} B/s"
