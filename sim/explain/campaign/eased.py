"""What can be eased about a whole campaign, and how."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

from sim.explain.interventions import Change, Lever, sites_by_path
from sim.rules import RETRY_COUNT_BOUNDS, RETRY_INTERVAL_MIN_BOUNDS
from sim.scenario.values import DEVICES_MAX, DURATION_S_MAX, RATE_MAX
from sim.units import format_duration, format_rate

if TYPE_CHECKING:
    from sim.scenario import Cohort, Scenario

_POLICY: Final = "campaign.task_policy."
_INTERVAL_FACTORS: Final = (1 / 12, 12)


def campaign_levers(scenario: Scenario) -> list[Lever]:
    """Return what could be eased, each thing alone; nothing that the scenario leaves unlimited anyhow."""
    return [lever for make in _LEVERS if (lever := make(scenario)) is not None]


def _places(scenario: Scenario) -> Lever | None:
    n = scenario.platform.max_processing
    if n is None:
        return None
    more = _twice_count(n)
    change = Change(f"{more:,} places in Processing instead of {n:,}", {"platform.max_processing": more})
    return Lever("places", (change,))


def _dispatch(scenario: Scenario) -> Lever | None:
    rate = scenario.platform.dispatch_rate
    if rate is None:
        return None
    values = {"platform.dispatch_rate": f"{_twice_rate(rate)!r} /s"}
    return Lever("dispatch rate", (Change("twice the dispatch rate", values),))


def _downloads(scenario: Scenario) -> Lever | None:
    n = scenario.platform.max_downloads
    if n is None:
        return None
    more = _twice_count(n)
    change = Change(f"{more:,} download places instead of {n:,}", {"platform.max_downloads": more})
    return Lever("download places", (change,))


def _bandwidth(scenario: Scenario) -> Lever | None:
    rate = scenario.platform.bandwidth
    if rate is None:
        return None
    more = _twice_rate(rate)
    text = f"a bandwidth of {format_rate(more)} instead of {format_rate(rate)}"
    return Lever("bandwidth", (Change(text, {"platform.bandwidth": f"{more!r} B/s"}),))


def _cell_places(scenario: Scenario) -> Lever | None:
    if all(cohort.cell is None for cohort in scenario.fleet.cohorts):
        return None
    places = [_twice_count(n) for n in scenario.platform.cell_places]
    return Lever(
        "places in radio cells",
        (Change("twice the places in radio cells", {"platform.cell_places": places}),),
    )


def _site_lines(scenario: Scenario) -> Lever | None:
    sites = sites_by_path(scenario)
    values = {f"{path}.uplink": f"{_twice_rate(site.uplink)!r} B/s" for path, site in sites if site.uplink}
    return _lever("lines of sites", "lines of sites twice as fast", values)


def _site_places(scenario: Scenario) -> Lever | None:
    sites = sites_by_path(scenario)
    values = {f"{path}.at_a_time": _twice_count(site.at_a_time) for path, site in sites if site.at_a_time}
    return _lever("places at sites", "twice as many at a time at a site", values)


def _links(scenario: Scenario) -> Lever | None:
    values = {
        f"fleet.cohorts.{cohort.name}.link_rate": f"{_twice_rate(cohort.link_rate)!r} B/s"
        for cohort in scenario.fleet.cohorts
        if cohort.link_rate is not None
    }
    return _lever(LINKS, "links of devices twice as fast", values)


def _windows(scenario: Scenario) -> Lever | None:
    return _lever("window", "no windows", _without(scenario, "window", lambda cohort: bool(cohort.window)))


def _online(scenario: Scenario) -> Lever | None:
    away = _without(scenario, "online", lambda cohort: not cohort.online.is_always)
    return _lever("offline devices", "devices that are always in reach", away)


def _retries(scenario: Scenario) -> Lever | None:
    policy, most = scenario.campaign.task_policy, RETRY_COUNT_BOUNDS[1]
    changes = []
    if policy.retry_count < most:
        values: dict[str, Any] = {_POLICY + "retry_count": most}
        if policy.retry_interval is None:
            values[_POLICY + "retry_interval"] = "60 min"
        changes.append(Change(f"{most} automatic retries instead of {policy.retry_count}", values))
    changes += _intervals(scenario)
    return Lever("retry policy", tuple(changes)) if changes else None


def _intervals(scenario: Scenario) -> Iterator[Change]:
    """Yield a much shorter and a much longer retry interval."""
    policy = scenario.campaign.task_policy
    if policy.retry_interval is None or policy.retry_count == 0:
        return
    least, most = RETRY_INTERVAL_MIN_BOUNDS
    given = policy.retry_interval / 60
    for factor in _INTERVAL_FACTORS:
        minutes = min(max(round(given * factor), least), most)
        if minutes != round(given):
            instead = f"instead of {format_duration(60 * given)}"
            values: dict[str, Any] = {_POLICY + "retry_interval": f"{minutes} min"}
            if scenario.campaign.what_if.back_off is not None:
                values["campaign.what_if.back_off.max"] = None
            yield Change(f"a retry interval of {format_duration(60 * minutes)} {instead}", values)


def _gates(scenario: Scenario) -> Lever | None:
    gated = [i for i, wave in enumerate(scenario.campaign.waves) if wave.gate is not None]
    return _lever("gate", "no gates", {f"campaign.waves[{i}].gate": None for i in gated})


def _soaks(scenario: Scenario) -> Lever | None:
    soaking = [i for i, wave in enumerate(scenario.campaign.waves[:-1]) if wave.soak > 0]
    return _lever("soak", "no soak between waves", {f"campaign.waves[{i}].soak": None for i in soaking})


def _begins(scenario: Scenario) -> Lever | None:
    """Let the waves that wait for the clock, or for so many of the wave before, wait for neither."""
    begins = [(i, wave.begin) for i, wave in enumerate(scenario.campaign.waves) if wave.begin is not None]
    late = [i for i, begin in begins if begin.ended is not None or begin.at]
    values = {f"campaign.waves[{i}].begin": {"at": "0 s"} for i in late}
    return _lever("beginning of waves", "waves that begin at once", values)


def _outages(scenario: Scenario) -> Lever | None:
    return _lever("outages", "no outages", {"outages": None} if scenario.outages else {})


def _timers(scenario: Scenario) -> Lever | None:
    values = {
        f"fleet.cohorts.{cohort.name}.timers.{cohort.protocol}.{name}": f"{seconds / 4!r} s"
        for cohort in scenario.fleet.cohorts
        for name, seconds in scenario.timers_of(cohort).items()
    }
    return _lever("timers", "timers of the platform a quarter as long", values)


def _longer_run(scenario: Scenario) -> Lever | None:
    until, step = scenario.run.until, scenario.run.resolution
    longer = min(2 * until, DURATION_S_MAX)
    text = f"a run of {format_duration(longer)} instead of {format_duration(until)}"
    values = {"run.until": f"{longer!r} s", "run.resolution": f"{min(2 * step, longer)!r} s"}
    return _lever(THE_END, text, values)


LINKS: Final = "links of devices"
"""Lever of faster links, which nobody pulls who plans a campaign."""

THE_END: Final = "the end of the run"
"""Lever of a longer run."""

_LEVERS: Final[Sequence[Callable[[Scenario], Lever | None]]] = (
    _places,
    _dispatch,
    _downloads,
    _bandwidth,
    _cell_places,
    _site_lines,
    _site_places,
    _links,
    _windows,
    _online,
    _retries,
    _gates,
    _soaks,
    _begins,
    _outages,
    _timers,
    _longer_run,
)


def _twice_count(n: int) -> int:
    """Return twice a count, or the most that a scenario can say."""
    return min(2 * n, DEVICES_MAX)


def _twice_rate(rate: float) -> float:
    """Return twice a rate, or the most that a scenario can say."""
    return min(2 * rate, RATE_MAX)


def _lever(name: str, text: str, values: dict[str, Any]) -> Lever | None:
    """Return a lever with one change, or None if there is nothing to change."""
    return Lever(name, (Change(text, values),)) if values else None


def _without(scenario: Scenario, key: str, has: Callable[[Cohort], bool]) -> dict[str, Any]:
    """Return values that take a key away from the cohorts that have something there."""
    return {f"fleet.cohorts.{cohort.name}.{key}": None for cohort in scenario.fleet.cohorts if has(cohort)}
