"""What the numbers of a run rest on: policy, platform, clocks, sites, waves, conditions, outages."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from sim.campaign.remembered import condition_words, lasting_words, link_words
from sim.report.page_model import Section
from sim.report.words import date_text, site_words
from sim.results.display.format import format_metric, format_share, some_of
from sim.results.files.read import scenario_values
from sim.units import format_duration, format_frequency, format_size
from sim.wall_clock import DAYS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sim.results.files.read import StoredRun
    from sim.scenario import Cohort, Scenario
    from sim.scenario.sections.campaign import Gate, Wave
    from sim.scenario.sections.outages import Outage
    from sim.scenario.sections.window import Window

_DIRECTIVE: Final = re.compile(r"#\s*(yaml-language-server|pytest):")
"""Comments that are meant for a program."""
_COUNTED: Final = {"ended": "of the devices that ended", "first_attempts": "of the first attempts"}


def assumptions(run: StoredRun) -> Section:
    """Return what the numbers rest on."""
    scenario, what_if = run.scenario, run.summary["what_if"]
    start = date_text(run, 0.0)
    points = [
        *([f"The run begins on {start}."] if start else []),
        *_policy(scenario),
        *_waves(scenario),
        *(f"Package in {words}." for words in _shared(scenario, _package_words)),
        *(f"Window of {words}." for words in _shared(scenario, _window_words)),
        *(f"In reach, {words}." for words in _shared(scenario, link_words)),
        *(f"Sites of {words}." for words in site_words(scenario)),
        *(f"Sites of {words}." for words in _named_sites(run)),
        *(f"Cells of {words}." for words in _shared(scenario, _cell_words)),
        *(f"Conditions of {words}." for words in _shared(scenario, _conditions_of(scenario))),
        *(f"Devices remember: {words}." for words in [lasting_words(scenario)] if words),
        *(f"{_outage_words(run, outage)}." for outage in scenario.outages),
        f"What-ifs beyond the vendor's rules: {', '.join(what_if)}."
        if what_if
        else "No what-if is in force.",
        *(f"Note: {note}." for note in run.summary["notes"]),
    ]
    told = _preface(run.manifest["scenario_text"])
    return Section("assumptions", "What this rests on", told, points=points)


def _policy(scenario: Scenario) -> Iterator[str]:
    """Yield how the platform retries, what bounds it, and in which order it takes devices."""
    policy, platform = scenario.campaign.task_policy, scenario.platform
    retries = "no automatic retry"
    if policy.retry_count and policy.retry_interval is not None:
        number = "1 automatic retry" if policy.retry_count == 1 else f"{policy.retry_count} automatic retries"
        retries = f"{number}, {format_duration(policy.retry_interval)} after a failure"
    later = f"; it begins after {format_duration(policy.schedule_time)}" if policy.schedule_time else ""
    yield f"Policy: {retries}{later}."
    limits = {
        "subtasks in Processing": (platform.max_processing, "peak_processing"),
        "downloads at once": (platform.max_downloads, "peak_downloads"),
        "bandwidth": (platform.bandwidth, "peak_bandwidth"),
    }
    bounds = "; ".join(
        f"{name} {'unlimited' if value is None else format_metric(metric, value)}"
        for name, (value, metric) in limits.items()
    )
    rate = platform.dispatch_rate
    pace = "at any rate" if rate is None else f"at most {format_frequency(rate)}"
    yield f"Platform: {bounds}; dispatches {pace}."
    yield f"Order of devices: {scenario.campaign.order}."


def _waves(scenario: Scenario) -> Iterator[str]:
    """Yield a sentence a wave, if somebody asked for waves."""
    waves = scenario.campaign.waves
    for i_wave, wave in enumerate(waves):
        if len(waves) > 1 or wave.gate is not None:
            last = i_wave == len(waves) - 1
            yield f"Wave {wave.name}: {', '.join(_wave_words(wave, is_first=not i_wave, is_last=last))}."


def _wave_words(wave: Wave, *, is_first: bool, is_last: bool) -> Iterator[str]:
    """Yield who is in a wave, when it begins, how long it soaks, and what stops it."""
    if wave.cohorts:
        yield some_of([str(name) for name in wave.cohorts])
    if wave.share is not None:
        yield f"{wave.share * 100:g} % of {'the others' if wave.cohorts else 'the fleet'} reached with it"
    if wave.begin is not None and wave.begin.at is not None:
        yield f"begins after {format_duration(wave.begin.at)}"
    elif wave.begin is not None and wave.begin.ended is not None:
        yield f"begins once {format_share(wave.begin.ended)} of the wave before have ended"
    elif not is_first:
        yield "begins once the wave before has settled"
    if wave.soak and not is_last:
        yield f"soaks for {format_duration(wave.soak)}"
    if wave.gate is not None:
        yield _gate_words(wave.gate)


def _gate_words(gate: Gate) -> str:
    """Return when a gate stops the campaign."""
    bounds = []
    if gate.failed_share_max is not None:
        bounds.append(f"{gate.failed_share_max * 100:g} % {_COUNTED[gate.of]}")
    if gate.failed_count_max is not None:
        bounds.append(f"{gate.failed_count_max:,} devices")
    least = f", of {gate.of_at_least:,} at least" if gate.of_at_least else ""
    return f"a gate stops it when more than {' or '.join(bounds)} fail{least}"


def _shared(scenario: Scenario, words_of: Callable[[Cohort], str]) -> Iterator[str]:
    """Yield what cohorts have in common, once for all that have it, like `east and west: ...`.

    Args:
        scenario: What was run.
        words_of: What a cohort has; an empty text is not told.
    """
    names: dict[str, list[str]] = {}
    for cohort in scenario.fleet.cohorts:
        if words := words_of(cohort):
            names.setdefault(words, []).append(cohort.name)
    is_all = len(names) == 1 and len(next(iter(names.values()))) == len(scenario.fleet.cohorts) > 1
    for words, having in names.items():
        yield f"{'all cohorts' if is_all else some_of(having)}: {words}"


def _package_words(cohort: Cohort) -> str:
    """Return the size of a cohort's own package; empty if it has none."""
    return "" if cohort.package_size is None else format_size(cohort.package_size)


def _window_words(cohort: Cohort) -> str:
    """Return when a cohort may be contacted, load and install; empty if always."""
    if cohort.window is None:
        return ""
    windows: tuple[Window, ...] = cohort.window if isinstance(cohort.window, tuple) else (cohort.window,)
    return "; ".join(_one_window(window) for window in windows)


def _one_window(window: Window) -> str:
    """Return a window in words, like `contact from 22:00 to 06:00 (UTC)`."""
    opens, closes = (_clock(time_s) for time_s in (window.daily.opens_s, window.daily.closes_s))
    days = "" if len(window.days) == len(DAYS) else f" on {', '.join(window.days)}"
    return f"{window.purpose} from {opens} to {closes}{days} ({window.zone})"


def _clock(time_s: float) -> str:
    """Return a time of day, seconds after midnight, as a clock shows it."""
    minutes, seconds = divmod(round(time_s), 60)
    return f"{minutes // 60:02d}:{minutes % 60:02d}" + (f":{seconds:02d}" if seconds else "")


def _cell_words(cohort: Cohort) -> str:
    """Return what a cohort's devices share by radio; empty if nothing."""
    return "" if cohort.cell is None else f"{cohort.cell.devices:,} devices each"


def _conditions_of(scenario: Scenario) -> Callable[[Cohort], str]:
    """Return what tells the conditions of a cohort."""
    return lambda cohort: condition_words(scenario.failures_of(cohort))


def _named_sites(run: StoredRun) -> Iterator[str]:
    """Yield what the sites that an inventory names share, from the text of the scenario."""
    sites = scenario_values(run.manifest["scenario_text"])["fleet"].get("sites") or {}
    words: dict[str, list[str]] = {}
    for name, site in sites.items():
        words.setdefault(", ".join(f"{key} {value}" for key, value in site.items()), []).append(name)
    for shared, names in words.items():
        yield f"the inventory, {some_of(names)}: {shared}"


def _outage_words(run: StoredRun, outage: Outage) -> str:
    """Return what an outage does, to whom, and when."""
    effect, until_s = outage.effect, outage.at + outage.lasts
    dates = [date_text(run, time_s) for time_s in (outage.at, until_s)]
    when = f"from {format_duration(outage.at)} to {format_duration(until_s)}"
    when += f" ({' to '.join(dates)})" if all(dates) else ""
    who = some_of([str(name) for name in outage.cohorts]) if outage.cohorts else "all cohorts"
    if effect.freeze:
        return f"Freeze {when}: nothing is dispatched, what is under way goes on"
    if effect.unreachable:
        return f"Outage {when}: {who} can't be reached"
    if effect.bandwidth is not None:
        return f"Outage {when}: {format_share(effect.bandwidth)} of the bandwidth is left to {who}"
    failure = effect.failure
    chance = format_share(failure.probability) if failure else ""
    return f"Outage {when}: {chance} of the downloads of {who} fail besides"


def _preface(text: str) -> list[str]:
    """Return the comment at the head of a scenario file as paragraphs: what its author says about it."""
    lines = []
    for line in text.splitlines():
        if not line.startswith("#"):
            break
        if not _DIRECTIVE.match(line):
            lines.append(line.lstrip("#").strip())
    return [re.sub(r"\s+", " ", part).strip() for part in "\n".join(lines).split("\n\n") if part.strip()]
