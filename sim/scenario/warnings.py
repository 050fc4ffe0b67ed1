"""Warnings: what is allowed, but can hardly be what its author wants."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import timedelta

from sim.rules.stages import EXECUTION
from sim.scenario.across.freeze_advice import freeze_advice
from sim.scenario.across.package_sizes import package_advice
from sim.scenario.across.site_advice import site_advice
from sim.scenario.across.zone_advice import zone_advice
from sim.scenario.model import ScenarioValues
from sim.scenario.section import Fault, Path
from sim.scenario.sections.failures import Cause
from sim.scenario.sections.fleet import Cohort
from sim.scenario.sections.operators import Operator
from sim.scenario.sections.window_fit import Upgrade
from sim.units import format_duration, format_rate, format_size
from sim.wall_clock import intervals, openings

_ALMOST_ALL_PERCENT = 99.5
"""From here on a share would be written as 100 %."""

_CYCLES_MAX = 100_000
"""Cycles of a link or condition in a run above which it is said: looks take time for each of them."""

_MOSTLY = 0.5
"""Probability that a retry meets a condition again above which it is said."""

_RARE = 0.05
"""Probability of a cause below which it decides nothing about retries."""

_SHORT_INTERVAL_S = 3600.0
_TICKS_PER_S = 10**6
_WEEK_S = 8 * 86_400.0
_WELL_AGAIN = {1: "a device in use is free again", 4: "a device with a flat battery is well again"}
"""What fresh draws say of causes that last, by result code."""


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
        yield from _windows_against_timers(scenario, cohort, path)
        yield from _long_absences(scenario, cohort, (*path, "online"))
        yield from _idle_during_upgrade(cohort, (*path, "online", "during_upgrade"))
        yield from _links_that_break_downloads(scenario, cohort, (*path, "online"))
        yield from _causes_that_last(scenario, cohort.failures, (*path, "failures"))
        yield from _idle_rates(scenario, (cohort,), cohort.failures, (*path, "failures"))
    yield from _causes_that_last(scenario, scenario.failures, ("failures",))
    yield from _idle_rates(scenario, scenario.fleet.cohorts, scenario.failures, ("failures",))
    yield from site_advice(scenario)
    yield from zone_advice(scenario)
    yield from freeze_advice(scenario)
    yield from _retries_into_a_condition(scenario)
    yield from _slow_fleet(scenario)
    yield from package_advice(scenario)
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
    size = scenario.package_size_of(cohort)
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


def _windows_against_timers(scenario: ScenarioValues, cohort: Cohort, path: Path) -> Iterator[Fault]:
    """Warn of windows that timers don't wait for, and of windows for downloads that take no time."""
    if not cohort.windows:
        return
    upgrade, timers = _upgrade_of(scenario, cohort), scenario.timers_of(cohort)
    places = {window.purpose: cohort.place_of(window, path) for window in reversed(cohort.windows)}
    if "download" in places and upgrade.load == 0:
        message = "holds nothing: without a link_rate or platform.bandwidth a download takes no time"
        yield Fault(places["download"], message)
    for window in cohort.windows:
        for opening in openings(window.daily, scenario.run.start, round(scenario.run.until * _TICKS_PER_S)):
            if opening.begin >= opening.end:
                message = f"does not open on {opening.day.isoformat()}: summer time swallows it"
                yield Fault(cohort.place_of(window, path), message)
                break
    closed_s = upgrade.longest_closed / _TICKS_PER_S
    if closed_s > timers["online"]:
        yield Fault(
            places["contact"],
            f"stays closed for up to {format_duration(closed_s)}, but the online timer ends after "
            f"{format_duration(timers['online'])}: whoever is dispatched longer than that before it opens "
            "fails",
        )
    if not upgrade.needs_windows:
        return
    late = {
        "download": (upgrade.is_late_to_load, "upgrade" if cohort.protocol == "mqtt" else "download"),
        "install": (upgrade.is_late_to_install, "upgrade" if cohort.protocol == "mqtt" else "execute"),
    }
    none = upgrade.always(upgrade.fails)
    for purpose, (is_late, timer) in late.items():
        entry = upgrade.misfit(is_late)
        if entry is None:
            continue
        when = (scenario.run.start + timedelta(microseconds=entry)).strftime("%a %Y-%m-%d %H:%M UTC")
        limit = f"the {timer} timer ends after {format_duration(timers[timer])}"
        what = "its bytes are there" if purpose == "download" else "install is over"
        who = "none can succeed" if none else "so do others that come at the wrong time"
        yield Fault(places[purpose], f"a download entered on {when} fails: {limit}, before {what}; {who}")


def _upgrade_of(scenario: ScenarioValues, cohort: Cohort) -> Upgrade:
    """Return what an upgrade of a cohort needs at least, and when it may go on."""
    timers = scenario.timers_of(cohort)
    is_mqtt = cohort.protocol == "mqtt"
    times = scenario.stages_of(cohort)
    ticks = {name: round(time.shortest_s * _TICKS_PER_S) for name, time in times.items()}
    # Beyond the end of the run for as long as any timer runs, and then to an opening on the next such day.
    until = round((scenario.run.until + 2 * max(timers.values()) + _WEEK_S) * _TICKS_PER_S)
    contact, download, install = (
        intervals(tuple(window.daily for window in cohort.windows_for(purpose)), scenario.run.start, until)
        for purpose in ("contact", "download", "install")
    )
    return Upgrade(
        until=round(scenario.run.until * _TICKS_PER_S),
        contact=contact,
        download=download,
        install=install,
        before=ticks["query"] + ticks["coverage"],
        load=round(scenario.shortest_download_s(cohort) * _TICKS_PER_S),
        verify=ticks["verify"],
        rest=ticks["install"] + ticks["reboot"],
        load_timer=round(timers["upgrade" if is_mqtt else "download"] * _TICKS_PER_S),
        result_timer=None if is_mqtt else round(timers["execute"] * _TICKS_PER_S),
    )


def _long_absences(scenario: ScenarioValues, cohort: Cohort, path: Path) -> Iterator[Fault]:
    """Warn of a link that is often down for longer than contact may take, and of one that flickers."""
    timer_s = scenario.timers_of(cohort)["online"]
    if cohort.online.often_outlasts(timer_s):
        share = _about(cohort.online.overshoot(timer_s))
        yield Fault(
            path,
            f"{share} of contacts of cohort '{cohort.name}' outlast the online timer of "
            f"{format_duration(timer_s)}",
        )
    if cohort.online.every is None:
        yield from _many_cycles(scenario, cohort.online.mean_cycle_s(), path)


def _many_cycles(scenario: ScenarioValues, cycle_s: float, path: Path) -> Iterator[Fault]:
    n_cycles = scenario.run.until / cycle_s
    if n_cycles > _CYCLES_MAX:
        yield Fault(path, f"goes through {n_cycles:,.0f} cycles in the run, each of which is drawn")


def _idle_during_upgrade(cohort: Cohort, path: Path) -> Iterator[Fault]:
    if cohort.online.is_always and cohort.online.during_upgrade != "stays":
        yield Fault(path, "changes nothing for devices that are always on", at_key=True)


def _links_that_break_downloads(scenario: ScenarioValues, cohort: Cohort, path: Path) -> Iterator[Fault]:
    """Warn of a link that breaks downloads and is up for less than one of them takes, at the fastest."""
    online, download_s = cohort.online, scenario.shortest_download_s(cohort)
    if online.is_always or online.during_upgrade != "breaks" or scenario.resumes(cohort):
        return
    up_s = online.up_for or online.mean_cycle_s() - online.mean_off_s()
    if not 0 < up_s < download_s:
        return
    is_clock = online.up_for is not None
    is_hopeless = is_clock or (online.online is not None and online.online.excess_s(download_s) == 0)
    up = f"{format_duration(up_s)}{'' if is_clock else ' on average'}"
    least = f"{format_duration(download_s)}{': none can succeed' if is_hopeless else ''}"
    yield Fault(
        (*path, "during_upgrade"),
        f"breaks a download whenever the link goes down: it is up for {up}, but "
        f"{format_size(scenario.package_size_of(cohort))} take at least {least}. "
        "Do devices keep what they have: 'resume'?",
    )


def _idle_rates(
    scenario: ScenarioValues, cohorts: tuple[Cohort, ...], causes: tuple[Cause, ...], path: Path
) -> Iterator[Fault]:
    """Warn of work that breaks now and then, but takes no time in any of the cohorts that could do it."""
    for i_cause, cause in enumerate(causes):
        if cause.rate is None:
            continue
        if all(_takes_no_time(scenario, cohort, cause.stage) for cohort in cohorts):
            message = f"changes nothing: stage '{cause.stage}' takes 0 s, so there is no time to break it in"
            yield Fault((*path, i_cause, "rate"), message, at_key=True)


def _takes_no_time(scenario: ScenarioValues, cohort: Cohort, stage: str) -> bool:
    if stage == "download":
        return scenario.shortest_download_s(cohort) == 0
    return scenario.stages_of(cohort)[stage].constant == 0


def _causes_that_last(scenario: ScenarioValues, causes: tuple[Cause, ...], path: Path) -> Iterator[Fault]:
    """Warn of fresh draws where devices are known to stay as they are, and of conditions that flicker."""
    interval_s = scenario.campaign.task_policy.retry_interval
    for i_cause, cause in enumerate(causes):
        yield from _many_cycles(scenario, cause.mean_cycle_s(), (*path, i_cause, "lasts"))
        well = _WELL_AGAIN.get(cause.code or 0)
        is_fresh = cause.lasts is None and (cause.probability or 0.0) >= _RARE
        if well is None or not is_fresh or interval_s is None or interval_s >= _SHORT_INTERVAL_S:
            continue
        yield Fault(
            (*path, i_cause, "probability"),
            f"strikes anew in each attempt: {well} {format_duration(interval_s)} later. If the cause lasts, "
            "say how long: 'lasts'",
        )


def _retries_into_a_condition(scenario: ScenarioValues) -> Iterator[Fault]:
    """Warn of automatic retries that come while the condition of the attempt before still lasts.

    Of causes that are reported, for a silent one is over only after a timer that lasts much longer.
    """
    policy = scenario.campaign.task_policy
    interval_s = policy.retry_interval
    if not policy.retry_count or interval_s is None or scenario.campaign.what_if.back_off is not None:
        return
    met = [
        (_met_again(cause, _until_next_contact_s(cohort, interval_s)), cause)
        for cohort in scenario.fleet.cohorts
        for cause in scenario.failures_of(cohort)
        if cause.is_condition and cause.code is not None
    ]
    share, worst = max(met, key=lambda of: of[0], default=(0.0, None))
    if worst is None or worst.lasts is None or share < _MOSTLY:
        return
    least = "" if worst.lasts.exponential is not None else "at least "
    yield Fault(
        ("campaign", "task_policy", "retry_interval"),
        f"a retry after {format_duration(interval_s)} meets the condition of stage '{worst.stage}' again in "
        f"{least}{_about(share)} of cases; it lasts "
        f"{format_duration(worst.lasts.mean_s)} on average",
    )


def _until_next_contact_s(cohort: Cohort, interval_s: float) -> float:
    """Return how long after a failure a retry finds the device: who wakes by the clock does so at a beat."""
    every_s = cohort.online.every
    return interval_s if every_s is None else math.ceil(interval_s / every_s) * every_s


def _about(share: float) -> str:
    """Return a share in two digits; what is not all is never written as 100 %."""
    percent = share * 100
    if share < 1 and percent >= _ALMOST_ALL_PERCENT:
        return "more than 99 %"
    return f"{percent:.2g} %" if share < 1 else "100 %"


def _met_again(cause: Cause, after_s: float) -> float:
    """Return the probability that a device is in a condition some time after it was met in it.

    Exact if the condition lasts exponentially; else that the same period still goes on.
    """
    if cause.lasts is None:
        return 0.0
    p = cause.probability or 0.0
    if cause.lasts.exponential is None:
        return cause.lasts.overshoot(after_s)
    return p + (1 - p) * math.exp(-after_s / ((1 - p) * cause.lasts.mean_s))


def _slow_fleet(scenario: ScenarioValues) -> Iterator[Fault]:
    """Warn of a bandwidth or a dispatch rate that can't serve the fleet before the run ends."""
    platform, until = scenario.platform, scenario.run.until
    end = f"the run ends at {format_duration(until)} (run.until)"
    sizes = zip(scenario.fleet.cohorts, scenario.cohort_sizes, strict=True)
    n_bytes = sum(scenario.package_size_of(cohort) * n_devices for cohort, n_devices in sizes)
    needs = {
        "bandwidth": ("to download", n_bytes, platform.bandwidth),
        "dispatch_rate": ("to dispatch", scenario.n_devices, platform.dispatch_rate),
    }
    for name, (action, needed, rate) in needs.items():
        if rate is None or (name == "bandwidth" and _some_need_no_download(scenario)):
            continue
        least = needed / rate
        if least > until:
            yield Fault(
                ("platform", name),
                f"{scenario.n_devices} devices take at least {format_duration(least)} {action}, but {end}",
            )


def _some_need_no_download(scenario: ScenarioValues) -> bool:
    return any(cohort.already_current > 0 for cohort in scenario.fleet.cohorts)


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
