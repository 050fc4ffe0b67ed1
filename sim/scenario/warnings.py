"""Warnings: what is allowed, but can hardly be what its author wants."""

from __future__ import annotations

from collections.abc import Iterator

from sim.rules.stages import EXECUTION
from sim.scenario.model import ScenarioValues
from sim.scenario.section import Fault, Path
from sim.scenario.sections.fleet import Cohort
from sim.scenario.sections.operators import Operator
from sim.units import format_duration, format_rate, format_size

PACKAGE_BYTES_MAX = 10**9
"""Largest package that the service takes, from an object store.

Source:
    IoTDA user guide, "Uploading a package": at most 1 GB; another page says unlimited.
"""


def advice(scenario: ScenarioValues) -> Iterator[Fault]:
    """Yield every warning about a scenario.

    Args:
        scenario: Complete and without faults.

    Yields:
        Faults with paths from the top, in no particular order.
    """
    for i_cohort, cohort in enumerate(scenario.fleet.cohorts):
        path: Path = ("fleet", "cohorts", i_cohort)
        yield from _slow_downloads(scenario, cohort, path)
        yield from _slow_stages(scenario, cohort, path)
    yield from _slow_fleet(scenario)
    yield from _large_package(scenario)
    yield from _gates_that_never_trip(scenario)
    yield from _confirmation(scenario)
    yield from _idle_what_ifs(scenario)
    for i_operator, operator in enumerate(scenario.operators):
        yield from _stop_after_the_end(operator, ("operators", i_operator))


def _slow_downloads(scenario: ScenarioValues, cohort: Cohort, path: Path) -> Iterator[Fault]:
    """Warn of a cohort whose download can't finish within the platform's timer, alone or in company."""
    platform = scenario.platform
    timers = scenario.timers_of(cohort)
    timer = "upgrade" if cohort.protocol == "mqtt" else "download"
    size = scenario.campaign.package.size
    rates: dict[Path, float | None] = {
        (*path, "link_rate"): cohort.link_rate,
        ("platform", "bandwidth"): platform.bandwidth,
    }
    place, rate = min(((p, r) for p, r in rates.items() if r is not None), key=_second, default=((), None))
    if rate is None:
        return
    limit = f"the {timer} timer of cohort '{cohort.name}' ends after {format_duration(timers[timer])}"
    package = f"{format_size(size)} at {format_rate(rate)}"
    if size / rate > timers[timer]:
        yield Fault(place, f"{package} take {format_duration(size / rate)}, but {limit}: none can succeed")
    elif platform.bandwidth is not None:
        at_once = min(scenario.n_devices, platform.max_processing or scenario.n_devices)
        at_once = min(at_once, platform.max_downloads or at_once)
        together = at_once * size / platform.bandwidth
        if together > timers[timer]:
            yield Fault(
                ("platform", "bandwidth"),
                f"{at_once} downloads at once share it and take {format_duration(together)}, but {limit}; "
                "fewer at once (platform.max_downloads) finish",
            )


def _second(pair: tuple[Path, float]) -> float:
    return pair[1]


def _slow_stages(scenario: ScenarioValues, cohort: Cohort, path: Path) -> Iterator[Fault]:
    """Warn of stages that always outlast their timer."""
    timers = scenario.timers_of(cohort)
    shortest = {name: time.shortest_s for name, time in scenario.stages_of(cohort).items()}
    execution = tuple(stage.label for stage in EXECUTION)
    covers = {"version": ("query",), "coverage": ("coverage",), "execute": execution, "upgrade": execution}
    for timer, stages in covers.items():
        least = sum(shortest[stage] for stage in stages)
        if timer in timers and least > timers[timer]:
            own = [stage for stage in stages if getattr(cohort.stages, stage) is not None]
            slowest = max(own or stages, key=lambda stage: shortest[stage])
            place = (*path, "stages", slowest) if own else ("stages", slowest)
            yield Fault(
                place,
                f"{' and '.join(stages)} take at least {format_duration(least)} in cohort '{cohort.name}', "
                f"but the {timer} timer ends after {format_duration(timers[timer])}: none can succeed",
            )


def _slow_fleet(scenario: ScenarioValues) -> Iterator[Fault]:
    """Warn of a bandwidth or a dispatch rate that can't serve the fleet before the run ends."""
    platform, until = scenario.platform, scenario.run.until
    end = f"the run ends at {format_duration(until)} (run.until)"
    needs = {
        "bandwidth": ("to download", scenario.campaign.package.size, platform.bandwidth),
        "dispatch_rate": ("to dispatch", 1, platform.dispatch_rate),
    }
    for name, (action, each, rate) in needs.items():
        if rate is None or (name == "bandwidth" and _some_need_no_download(scenario)):
            continue
        least = scenario.n_devices * each / rate
        if least > until:
            yield Fault(
                ("platform", name),
                f"{scenario.n_devices} devices take at least {format_duration(least)} {action}, but {end}",
            )


def _some_need_no_download(scenario: ScenarioValues) -> bool:
    return any(cohort.already_current > 0 for cohort in scenario.fleet.cohorts)


def _large_package(scenario: ScenarioValues) -> Iterator[Fault]:
    size = scenario.campaign.package.size
    if size > PACKAGE_BYTES_MAX:
        yield Fault(("campaign", "package", "size"), f"{format_size(size)}; the service takes at most 1 GB")


def _gates_that_never_trip(scenario: ScenarioValues) -> Iterator[Fault]:
    for i_wave, wave in enumerate(scenario.campaign.waves):
        gate, path = wave.gate, ("campaign", "waves", i_wave, "gate")
        if gate is None or gate.failed_count_max is not None:
            continue
        if gate.failed_share_max == 1:
            message = "no share is above 100 %, so this gate never stops anything"
            yield Fault((*path, "failed_share_max"), message)
        if gate.of_at_least is not None and gate.of_at_least > scenario.n_devices:
            message = f"the fleet has {scenario.n_devices} devices, so this gate never stops anything"
            yield Fault((*path, "of_at_least"), message)


def _confirmation(scenario: ScenarioValues) -> Iterator[Fault]:
    confirms = [i for i, operator in enumerate(scenario.operators) if operator.call == "confirm"]
    if scenario.campaign.need_confirm and not confirms:
        yield Fault(("campaign", "need_confirm"), "no operator confirms, so no target ever starts")
    if not scenario.campaign.need_confirm:
        for i_operator in confirms:
            yield Fault(
                ("operators", i_operator, "call"), "campaign.need_confirm is off, so nothing waits for it"
            )


def _idle_what_ifs(scenario: ScenarioValues) -> Iterator[Fault]:
    what_if = scenario.campaign.what_if
    if scenario.campaign.task_policy.retry_count > 0:
        return
    for name in what_if.of_retries:
        if getattr(what_if, name) is not None:
            yield Fault(
                ("campaign", "what_if", name),
                "changes nothing without automatic retries (campaign.task_policy.retry_count)",
                at_key=True,
            )


def _stop_after_the_end(operator: Operator, path: Path) -> Iterator[Fault]:
    if operator.call in ("stop", "confirm") and operator.when is not None and operator.when.settled:
        yield Fault((*path, "when"), f"a settled task refuses {operator.call} calls, so nothing comes of it")
