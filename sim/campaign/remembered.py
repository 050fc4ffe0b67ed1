"""What lasts of devices between their attempts, in words: links, conditions, and what they keep."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.units import format_duration

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sim.scenario import Cause, Cohort, Scenario


def lasting_obstacles(scenario: Scenario) -> list[str]:
    """Return what a retry that comes too early meets again; empty if each attempt has its own draws.

    A link counts if contacts outlast the platform's online timer: who is only waited for needs no retry.

    Args:
        scenario: Complete and without faults.
    """
    lasts_s, away_s = [], []
    for cohort in scenario.fleet.cohorts:
        lasts_s += [
            cause.lasts.mean_s for cause in scenario.failures_of(cohort) if cause.lasts and cause.is_condition
        ]
        if cohort.online.often_outlasts(scenario.timers_of(cohort)["online"]):
            away_s.append(cohort.online.mean_off_s())
    named = [("conditions last", lasts_s), ("devices are away for", away_s)]
    return [f"{what} {_span(means_s)} on average" for what, means_s in named if means_s]


def _span(means_s: list[float]) -> str:
    """Return means as one, or from the shortest to the longest."""
    ends = [format_duration(end_s) for end_s in (min(means_s), max(means_s))]
    return " to ".join(dict.fromkeys(ends))


def link_words(cohort: Cohort) -> str:
    """Return when a cohort is in reach, like `80 %, away for 4 h`; empty if always.

    Args:
        cohort: Any cohort.
    """
    online = cohort.online
    if online.is_always:
        return ""
    if online.every is not None and online.up_for is not None:
        words = f"{format_duration(online.up_for)} every {format_duration(online.every)}"
    else:
        words = f"{online.share_on() * 100:.3g} %, away for {format_duration(online.mean_off_s())}"
    return words if online.during_upgrade == "stays" else f"{words}, {online.during_upgrade}"


def condition_words(causes: Sequence[Cause]) -> str:
    """Return the conditions among causes, like `query 10 %, 8 h each`; empty if there is none.

    Args:
        causes: Causes of failure of one cohort.
    """
    return "; ".join(
        f"{cause.stage} {(cause.probability or 0.0) * 100:.3g} %, {format_duration(cause.lasts.mean_s)} each"
        for cause in causes
        if cause.lasts and cause.is_condition
    )


def lasting_words(scenario: Scenario) -> str:
    """Return what devices of a scenario keep between their attempts; empty if only their version.

    Args:
        scenario: Complete and without faults.
    """
    cohorts = scenario.fleet.cohorts
    causes = [cause for cohort in cohorts for cause in scenario.failures_of(cohort)]
    lasts_s = [cause.lasts.mean_s for cause in causes if cause.lasts and cause.is_condition] or [0.0]
    kept = {
        "links that go up and down by themselves": any(not cohort.online.is_always for cohort in cohorts),
        f"conditions that last {_span(lasts_s)} on average": any(cause.is_condition for cause in causes),
        "bytes of downloads that broke off": any(scenario.resumes(cohort) for cohort in cohorts),
        "what a failed attempt has left of them": any(cause.leaves != "old" for cause in causes),
    }
    return ", ".join(words for words, is_so in kept.items() if is_so)
