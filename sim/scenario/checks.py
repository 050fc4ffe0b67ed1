"""What binds several sections of a scenario together.

Each check is a generator of faults over the whole scenario, some of whose values may be absent because
they were refused; reading one of those ends the check. So every check stands alone and is short.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from datetime import timedelta

from sim.scenario.across.expectation_checks import EXPECTATION_CHECKS
from sim.scenario.across.package_sizes import PACKAGE_CHECKS
from sim.scenario.across.site_checks import SITE_CHECKS
from sim.scenario.across.wave_checks import WAVE_CHECKS
from sim.scenario.model import Run, ScenarioValues
from sim.scenario.section import Fault, Path, dotted, gather, is_given, known
from sim.scenario.sections.failures import Cause
from sim.scenario.sections.fleet import Cohort
from sim.scenario.sections.operators import Operator
from sim.scenario.sections.outages import Outage
from sim.scenario.sections.window import Window
from sim.scenario.short.selectors import is_selector
from sim.scenario.suggest import unknown
from sim.scenario.values import DEVICES_MAX
from sim.units import format_duration, format_frequency
from sim.wall_clock import intervals, next_open, openings

ROUNDS_MAX = 1_000_000
"""Most rounds of calls of one operator in a run: a bound against operators that call for ever."""

CAUSES_MAX = 2**15 - 1
"""Most causes of one cohort, general ones included: a device's mark, which is one of them, has two bytes."""

CELLS_MAX = (2**31 - 1) // 3
"""Most radio cells: with the coverage level, their number has to be an int32."""

_SUM_TOLERANCE = 1e-9
_YEAR_S = 370 * 86_400.0  # in which every week and every summer time has come round


def cross_faults(scenario: ScenarioValues) -> Iterator[Fault]:
    """Yield every breach of a rule over several sections.

    Args:
        scenario: Complete, or without the values that were refused.

    Yields:
        Faults with paths from the top.
    """
    for check in _CHECKS:
        yield from gather(check(scenario))


# --- fleet ---


def _fleet_can_be_numbered(scenario: ScenarioValues) -> Iterator[Fault]:
    if scenario.n_devices > DEVICES_MAX:
        yield Fault(("fleet", "cohorts"), f"{scenario.n_devices} devices in all; at most {DEVICES_MAX}")


def _cells_can_be_numbered(scenario: ScenarioValues) -> Iterator[Fault]:
    n_cells = 0
    for i_cohort, cohort in enumerate(scenario.fleet.cohorts):
        if cohort.cell is not None:
            n_cells += -(-scenario.size_of(cohort) // cohort.cell.devices)
            if n_cells > CELLS_MAX:
                path: Path = ("fleet", "cohorts", i_cohort, "cell", "devices")
                yield Fault(path, f"makes {n_cells} radio cells in all; at most {CELLS_MAX}")
                return


def _cells_and_sites_fit(scenario: ScenarioValues, cohort: Cohort, path: Path) -> Iterator[Fault]:
    for name, shared in (("cell", cohort.cell), ("site", cohort.site)):
        if shared is not None and shared.devices > scenario.size_of(cohort):
            size = scenario.size_of(cohort)
            message = f"{shared.devices} are more devices than the cohort has ({size})"
            yield Fault((*path, name, "devices"), message)


def _windows_open(scenario: ScenarioValues, cohort: Cohort, path: Path) -> Iterator[Fault]:
    """Each window opens before the run ends, and no two for the same are open at once."""
    run = scenario.run
    for i_window, window in enumerate(cohort.windows):
        if window.opens == window.closes:
            continue  # which is said of it already
        place = cohort.place_of(window, path)
        fault = _never_open(window, run)
        if fault is not None:
            yield Fault(place, fault)
            continue
        for other in cohort.windows[:i_window]:
            at = _both_open(other, window, run) if other.purpose == window.purpose else None
            if at is not None:
                when = (run.start + timedelta(microseconds=at)).strftime("%Y-%m-%d %H:%M")
                yield Fault(
                    place,
                    f"overlaps {dotted(cohort.place_of(other, path))}: both are open at {when} UTC; windows "
                    f"for {window.purpose} may meet, but not overlap",
                )
                break


def _never_open(window: Window, run: Run) -> str | None:
    """Return why a window never opens in a run, None if it does."""
    swallowed = []
    for opening in openings(window.daily, run.start, round(run.until * 1e6)):
        if opening.begin < opening.end:
            return None
        swallowed.append(opening.day.isoformat())
    if swallowed:
        return (
            f"summer time swallows it on {swallowed[0]}, when the clock of {window.zone} skips it, and it "
            "opens on no other day before the run ends; let it open earlier or close later"
        )
    message = f"never opens before the run ends at {format_duration(run.until)} (run.until)"
    first = next(openings(window.daily, run.start, round((run.until + _YEAR_S) * 1e6)), None)
    return (
        message if first is None else f"{message}: it first opens after {format_duration(first.begin / 1e6)}"
    )


def _both_open(one: Window, other: Window, run: Run) -> int | None:
    """Return the first tick at which two windows of a cohort are open, None if there is none in a year."""
    until = round(min(run.until, _YEAR_S) * 1e6)
    theirs = intervals((other.daily,), run.start, until)
    for begin, end in intervals((one.daily,), run.start, until):
        opens = next_open(theirs, begin) if theirs else None
        if opens is not None and opens < end:
            return opens
    return None


def _cohorts_are_known(scenario: ScenarioValues) -> Iterator[Fault]:
    names = scenario.cohort_names
    places: list[tuple[Path, str]] = []
    for i_wave, wave in enumerate(scenario.campaign.waves):
        places += _named(wave.cohorts, ("campaign", "waves", i_wave, "cohorts"))
    for i_operator, operator in enumerate(scenario.operators):
        if operator.only is not None:
            places += _named(operator.only.cohorts, ("operators", i_operator, "only", "cohorts"))
    for i_outage, outage in enumerate(scenario.outages):
        places += _named(outage.cohorts, ("outages", i_outage, "cohorts"))
    for path, name in places:
        if name not in names and not is_selector(name):  # of a selector it was said before
            yield Fault(path, unknown("cohort", name, names))


def _named(cohorts: tuple[str, ...] | None, path: Path) -> list[tuple[Path, str]]:
    return [((*path, i_name), name) for i_name, name in enumerate(cohorts or ())]


# --- stages and failures ---


def _reboot_exists(scenario: ScenarioValues) -> Iterator[Fault]:
    if scenario.campaign.task_type == "softwareUpgrade":
        reason = "a softwareUpgrade has no reboot stage"
        yield from _naming("reboot", reason, scenario, ())
        for i_cohort, cohort in enumerate(scenario.fleet.cohorts):
            yield from _naming("reboot", reason, cohort, ("fleet", "cohorts", i_cohort))


def _coverage_exists(scenario: ScenarioValues) -> Iterator[Fault]:
    """Report general mentions of coverage in a fleet without radio; each cohort looks after its own."""
    if all(cohort.protocol != "lwm2m" for cohort in scenario.fleet.cohorts):
        reason = "no cohort has protocol lwm2m, and others have no coverage stage"
        yield from _naming("coverage", reason, scenario, ())


def _naming(stage: str, reason: str, section: ScenarioValues | Cohort, path: Path) -> Iterator[Fault]:
    """Yield every place in a section that names a stage."""
    if getattr(section.stages, stage) is not None:
        yield Fault((*path, "stages", stage), reason, at_key=True)
    for i_cause, cause in enumerate(section.failures):
        if known(cause, "stage") == stage:
            yield Fault((*path, "failures", i_cause, "stage"), reason)


def _something_is_resumed(scenario: ScenarioValues) -> Iterator[Fault]:
    """Report a wish to resume downloads where nobody downloads."""
    heirs = [cohort for cohort in scenario.fleet.cohorts if cohort.resume is None]
    if scenario.resume and heirs and all(cohort.already_current == 1 for cohort in heirs):
        yield Fault(("resume",), "nothing is downloaded: all devices run the version already")
    for i_cohort, cohort in enumerate(scenario.fleet.cohorts):
        if cohort.resume and cohort.already_current == 1:
            yield Fault(
                ("fleet", "cohorts", i_cohort, "resume"),
                f"nothing is downloaded in cohort '{cohort.name}': all its devices run the version already",
            )


def _causes_exclude_each_other(scenario: ScenarioValues) -> Iterator[Fault]:
    """Report where the general causes of a stage alone exceed 1."""
    yield from _overfull(_listed(scenario.failures, ("failures",)), "")


def _causes_fit(scenario: ScenarioValues, cohort: Cohort, path: Path) -> Iterator[Fault]:
    """Report where a cohort's own causes take a stage beyond 1."""
    general = _listed(scenario.failures, ("failures",))
    own = _listed(cohort.failures, (*path, "failures"))
    of_cohort = f" in cohort '{cohort.name}'"
    for fault in _overfull(general + own, of_cohort):
        if fault.path[0] == "fleet":  # the others are reported once, for all cohorts
            yield fault


def _causes_can_be_numbered(scenario: ScenarioValues, cohort: Cohort, path: Path) -> Iterator[Fault]:
    """Report a cohort with more causes than a device's record can name."""
    general, own = len(scenario.failures), len(cohort.failures)
    if general + own > CAUSES_MAX and (own or path[-1] == 0):  # general ones alone are too many only once
        yield Fault(
            (*path, "failures") if own else ("failures",),
            f"cohort '{cohort.name}' has {general + own} causes, general ones included; at most {CAUSES_MAX}",
        )


def _listed(causes: tuple[Cause, ...], path: Path) -> list[tuple[Path, Cause]]:
    return [((*path, i_cause), cause) for i_cause, cause in enumerate(causes)]


def _overfull(causes: list[tuple[Path, Cause]], where: str) -> Iterator[Fault]:
    """Yield the first cause of each stage that takes the stage's probability beyond 1.

    Conditions are independent of each other and of the rest, so their shares of time don't add up.
    """
    totals: dict[str, float] = {}
    for path, cause in causes:
        if is_given(cause, "lasts"):
            continue
        before = totals.get(cause.stage, 0.0)
        total = totals[cause.stage] = before + (cause.probability or 0.0)
        if before <= 1 + _SUM_TOLERANCE < total:
            yield Fault(
                (*path, "probability"),
                f"the causes of stage '{cause.stage}' add up to {total:.6g}{where}; at most 1",
            )


# --- operators ---


def _operator_comes_in_time(scenario: ScenarioValues, operator: Operator, path: Path) -> Iterator[Fault]:
    until = scenario.run.until
    stalled = None if operator.when is None else operator.when.stalled_for
    starts = {"at": operator.at, "every": operator.every if operator.at is None else None}
    for name, start in starts.items():
        if start is not None and start >= until:
            yield Fault(
                (*path, name), f"would never call: the run ends at {format_duration(until)} (run.until)"
            )
    if stalled is not None and stalled >= until:
        yield Fault(
            (*path, "when", "stalled_for"),
            f"would never call: the run ends at {format_duration(until)} (run.until)",
        )


def _operator_waits_for_enough(scenario: ScenarioValues, operator: Operator, path: Path) -> Iterator[Fault]:
    least = None if operator.when is None else operator.when.of_at_least
    if least is not None and least > scenario.n_devices:
        yield Fault(
            (*path, "when", "of_at_least"), f"would never call: the fleet has {scenario.n_devices} devices"
        )


def _operator_ends(scenario: ScenarioValues, operator: Operator, path: Path) -> Iterator[Fault]:
    if operator.every is None:
        return
    rounds = scenario.run.until / operator.every
    if min(rounds, operator.times or math.inf) > ROUNDS_MAX:
        yield Fault(
            (*path, "every"),
            f"would call {rounds:.3g} times in {format_duration(scenario.run.until)}; at most {ROUNDS_MAX}, "
            "so give a longer time or 'times'",
        )


def _operator_keeps_limits(scenario: ScenarioValues, operator: Operator, path: Path) -> Iterator[Fault]:
    limits = scenario.campaign.limits
    if operator.batch is not None and operator.batch > limits.targets_per_call:
        yield Fault(
            (*path, "batch"),
            f"{operator.batch} is more than limits.targets_per_call ({limits.targets_per_call})",
        )
    if operator.call_rate is not None and operator.call_rate > limits.api_rate:
        yield Fault(
            (*path, "call_rate"), f"is more than limits.api_rate ({format_frequency(limits.api_rate)})"
        )


def _operator_tasks_exist(scenario: ScenarioValues, operator: Operator, path: Path) -> Iterator[Fault]:
    if operator.only is None or operator.only.tasks is None:
        return
    per_task = scenario.campaign.limits.targets_per_task
    most = math.ceil(scenario.n_devices / per_task) + max(0, len(scenario.campaign.waves) - 1)
    for i_task, task in enumerate(operator.only.tasks):
        if task > most:
            yield Fault(
                (*path, "only", "tasks", i_task),
                f"there is no task {task}; they are numbered from 1 to at most {most}",
            )


# --- outages ---


def _outage_is_within_run(scenario: ScenarioValues, outage: Outage, path: Path) -> Iterator[Fault]:
    until = scenario.run.until
    if outage.at >= until:
        yield Fault((*path, "at"), f"is outside the run, which ends at {format_duration(until)} (run.until)")


def _outage_scales_something(scenario: ScenarioValues, outage: Outage, path: Path) -> Iterator[Fault]:
    if outage.effect.bandwidth is None:
        return
    place = (*path, "effect", "bandwidth")
    if outage.cohorts is None:
        if scenario.platform.bandwidth is None:
            yield Fault(place, "platform.bandwidth is unlimited, so there is nothing to scale")
        return
    for cohort in scenario.fleet.cohorts:
        if cohort.name in outage.cohorts and cohort.link_rate is None:
            yield Fault(place, f"cohort '{cohort.name}' has no link_rate, so there is nothing to scale")


# --- all of them ---

_OF_COHORT = (_cells_and_sites_fit, _windows_open, _causes_fit, _causes_can_be_numbered)
_OF_OPERATOR = (
    _operator_comes_in_time,
    _operator_waits_for_enough,
    _operator_ends,
    _operator_keeps_limits,
    _operator_tasks_exist,
)
_OF_OUTAGE = (_outage_is_within_run, _outage_scales_something)


def _each_cohort(scenario: ScenarioValues) -> Iterator[Fault]:
    for i_cohort, cohort in enumerate(scenario.fleet.cohorts):
        for check in _OF_COHORT:
            yield from gather(check(scenario, cohort, ("fleet", "cohorts", i_cohort)))


def _each_operator(scenario: ScenarioValues) -> Iterator[Fault]:
    for i_operator, operator in enumerate(scenario.operators):
        for check in _OF_OPERATOR:
            yield from gather(check(scenario, operator, ("operators", i_operator)))


def _each_outage(scenario: ScenarioValues) -> Iterator[Fault]:
    for i_outage, outage in enumerate(scenario.outages):
        for check in _OF_OUTAGE:
            yield from gather(check(scenario, outage, ("outages", i_outage)))


_CHECKS: tuple[Callable[[ScenarioValues], Iterator[Fault]], ...] = (
    _fleet_can_be_numbered,
    _cells_can_be_numbered,
    *PACKAGE_CHECKS,
    _cohorts_are_known,
    _reboot_exists,
    _coverage_exists,
    _something_is_resumed,
    _causes_exclude_each_other,
    *SITE_CHECKS,
    *WAVE_CHECKS,
    *EXPECTATION_CHECKS,
    _each_cohort,
    _each_operator,
    _each_outage,
)
