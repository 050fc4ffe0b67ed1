"""Plans as text for a terminal."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from sim.results.display.format import counted, format_metric, format_share, wrapped
from sim.results.display.headline import dated
from sim.scenario import METRICS, MetricKind
from sim.study.display.text import percent, share_text, table, value_text
from sim.study.plans.answer import nearest_of
from sim.units import format_duration

if TYPE_CHECKING:
    from sim.study.plans.answer import PlanAnswer, Search, Seen

_SHOWN: Final = 3


def plan_headline(plan: PlanAnswer) -> str:
    """Return what a plan found in one or two sentences: the value, or how far the best one came and why."""
    which = "largest" if plan.largest else "smallest"
    if plan.second is not None:
        return _frontier_headline(plan, plan.second.path)
    search = plan.searches[0]
    if search.best is None:
        return _out_of_reach(plan, search)
    value = value_text(search.best.value)
    return (
        f"{value} is the {which} {plan.axis.path} that is good enough: goals held {held_text(search.best)}."
    )


def _out_of_reach(plan: PlanAnswer, search: Search) -> str:
    """Say how far the nearest value came, and what kept the rest."""
    word = "Out of reach" if _is_certain(plan, search) else "Not found"
    told = f"{word} with any {plan.axis.path} from {_ends(plan)}"
    at = f"at {value_text(search.nearest.value)}"
    return f"{told}: at best, {at}, {_how_far(plan, search)}. {_why(plan)}".rstrip()


def _how_far(plan: PlanAnswer, search: Search) -> str:
    """Say how far a search came where goals were nearest."""
    nearest = search.nearest
    n = counted(len(nearest.met), "replication")
    held = f"goals held in {nearest.held or 'none'} of {n}"
    parts = zip(plan.times, nearest.upgraded_by, strict=True)
    upgraded = [f"{format_share(s)} of the fleet upgraded by {_by(plan, t)}" for t, s in parts]
    return "; ".join([held, *([", ".join(upgraded)] if upgraded else [])])


def _by(plan: PlanAnswer, time_s: float) -> str:
    """Return a time of a goal, with its date where the run has one."""
    return format_duration(time_s) + dated(plan.scenario, time_s)


def _why(plan: PlanAnswer) -> str:
    """Return why goals are out of reach as a sentence; empty if unknown."""
    return f"{plan.why[:1].upper()}{plan.why[1:]}." if plan.why else ""


def _frontier_headline(plan: PlanAnswer, second: str) -> str:
    """Say with which values of the second field there is an answer, and the answers if they are few."""
    found = [search for search in plan.searches if search.best is not None]
    which, n = "largest" if plan.largest else "smallest", len(plan.searches)
    if not found:
        near = nearest_of(plan.searches)
        at = f"at best, at {value_text(near.nearest.value)} with {value_text(near.fixed[second])}"
        told = f"Out of reach: no {plan.axis.path} is good enough with any of {n} values of {second}"
        return f"{told}; {at}, {_how_far(plan, near)}. {_why(plan)}".rstrip()
    told = f"With {len(found)} of {n} values of {second} some {plan.axis.path} is good enough"
    ends = found if len(found) <= _SHOWN else [found[0], found[-1]]
    answers = [
        f"{value_text(search.best.value)} with {value_text(search.fixed[second])}"
        for search in ends
        if search.best is not None
    ]
    rest = "; all are below" if len(found) > _SHOWN else ""
    *first, last = answers
    listed = f"{', '.join(first)} and {last}" if first else last
    return f"{told}. The {which} is {listed}{rest}."


def _is_certain(plan: PlanAnswer, search: Search) -> bool:
    """Tell whether it is certain that no value is good enough, if goals come or go once along the range."""
    return len(search.seen) == len(plan.axis.values) or (search.is_done and search.is_monotonic)


def held_text(seen: Seen) -> str:
    """Return how often goals held: first what was seen, then what that says of the true share.

    Args:
        seen: A value that was looked at.
    """
    n = len(seen.met)
    often = f"in all {n} of {n}" if seen.held == n else f"in {seen.held} of {n}"
    bound = f"at least {format_share(seen.interval[0])} of all cases (Wilson's 95 % bound)"
    return f"{often} replications, so in {bound}"


def plan_text(plan: PlanAnswer) -> str:
    """Return a plan as text: the answer first, then how sure it is, then what was looked at."""
    which = "largest" if plan.largest else "smallest"
    n = counted(plan.replications, "replication")
    lines = [
        *wrapped(plan_headline(plan)),
        "",
        f"{plan.scenario.name}: {which} {plan.axis.path} with which",
        *(f"  {goal}" for goal in plan.goals),
        f"in at least {percent(plan.confidence)} of {n} (seed {plan.seed})",
        f"among {len(plan.axis.values):,} values from {_ends(plan)}",
        "",
    ]
    if plan.second is None:
        lines += _answer(plan, plan.searches[0])
        lines += wrapped(f"Note: {plan.order}", indent="  ") if plan.order else []
        lines += ["", "Looked at", *_seen(plan, plan.searches[0])]
    else:
        lines += _frontier(plan)
        lines += ["", *_frontier_sentences(plan, plan.second.path)]
    runs = sum(len(search.seen) for search in plan.searches) * plan.replications
    found = f", {plan.reused:,} of them were there already" if plan.reused else ""
    return "\n".join([*lines, "", f"Digest {plan.digest[:16]}, {runs:,} runs{found}"])


def _answer(plan: PlanAnswer, search: Search) -> list[str]:
    """Say how sure the answer is, if there is one; in brackets Wilson's 95 % intervals."""
    best, before = search.best, search.before
    if best is None:
        return [*_no_answer(plan, search), *_contradictions(plan, search)]
    lines = []
    if before is None:
        lines.append("This is the end of the range: perhaps less would do" if not plan.largest else _END)
    else:
        held = share_text(before.held, len(before.met), before.interval)
        lines.append(f"{value_text(before.value)}: {'only ' if before.held else ''}in {held}")
    if search.is_opposed:
        lines.append(_until(plan, search))
    if best.interval[0] < plan.confidence:
        lines.append(
            f"{plan.replications} replications can't show that the true share is {percent(plan.confidence)}: "
            "more of them narrow that down"
        )
    return [*lines, *_contradictions(plan, search)]


def _no_answer(plan: PlanAnswer, search: Search) -> list[str]:
    """Say how many values were looked at where none is good enough."""
    n_seen, n_values = len(search.seen), len(plan.axis.values)
    looked = f"{n_seen:,} of {n_values:,} values were looked at"
    if n_seen == n_values:
        return [f"All {n_values:,} values were looked at"]
    if not search.is_done:
        return [f"{looked}, the most of one search; narrow the range, or give a step"]
    return [
        f"{looked}: so it is if each goal comes or goes once along the range"
        if search.is_monotonic
        else looked
    ]


def _ends(plan: PlanAnswer) -> str:
    """Return the ends of the range."""
    return f"{value_text(plan.axis.values[0])} to {value_text(plan.axis.values[-1])}"


def _until(plan: PlanAnswer, search: Search) -> str:
    """Say up to where goals hold that pull in opposite directions."""
    last, after = search.last, search.after
    assert last is not None
    way = f"of what was looked at, all hold {'down' if plan.largest else 'up'} to"
    if after is None:
        return f"Some goals get harder on the way; {way} the end of the range, {value_text(last.value)}"
    held = share_text(after.held, len(after.met), after.interval)
    end = f"{value_text(last.value)}, at {value_text(after.value)} only in {held}"
    return f"Some goals get harder on the way; {way} {end}"


_END: Final = "This is the end of the range: perhaps more would do"


def _contradictions(plan: PlanAnswer, search: Search) -> list[str]:
    """Say what contradicts that more (or less) is better."""
    lines = []
    better = "less" if plan.largest else "more"
    relapses = search.relapses
    if relapses:
        names = ", ".join(value_text(seen.value) for seen in relapses[:_SHOWN])
        lines.append(f"NOT MONOTONIC: {better} is not always better; too seldom again at {names}")
    elif search.losses:
        loss = search.losses[0]
        start = f"from {loss.held_before} replications at {value_text(loss.before.value)}"
        fall = f"{start} to {loss.held_after} at {value_text(loss.after.value)}"
        lines.append(f"NOT MONOTONIC: {better} is not always better; goals are lost {fall}")
    if search.odd_replications and not search.is_monotonic:
        odd, n = search.odd_replications, plan.replications
        lines.append(f"In {odd} of {n} replications goals hold at some value and not at a better one")
    if lines and len(search.seen) < len(plan.axis.values):
        lines.append(
            "There may be answers that a bisection does not see; look at all values with --exhaustive"
        )
    return lines


def _seen(plan: PlanAnswer, search: Search) -> list[str]:
    """Return a table of what was looked at, along the field."""
    by = [f"upgraded by {format_duration(time_s)}" for time_s in plan.times]
    rows = [[plan.axis.name, "goals hold in", *by, *(f"mean {metric}" for metric in plan.metrics), ""]]
    for seen in sorted(search.seen, key=lambda one: one.index):
        mark = "answer" if seen is search.best else ""
        rows.append(
            [
                value_text(seen.value),
                share_text(seen.held, len(seen.met), seen.interval),
                *map(format_share, seen.upgraded_by),
                *_means(plan, seen),
                mark,
            ]
        )
    return [*table(rows), *_never(plan, search)]


def _never(plan: PlanAnswer, search: Search) -> list[str]:
    """Say why a time is never reached at some of the values, if one is."""
    for seen in search.seen:
        times = [name for name in plan.metrics if METRICS[name].kind is MetricKind.TIME]
        if any(math.isnan(seen.means[name]) for name in times):
            failed, stopped, pending = (
                format_metric(name, seen.means[name]) for name in ("failed", "stopped", "pending")
            )
            at = f"on average {failed} failed, {stopped} were stopped and {pending} still pending"
            told = f"never: some replication did not get there; at {value_text(seen.value)} {at} of "
            return ["", *wrapped(f"{told}{counted(plan.scenario.n_devices, 'device')} when the run ended")]
    return []


def _means(plan: PlanAnswer, seen: Seen) -> list[str]:
    """Return the means of the goals' metrics."""
    values = ((metric, seen.means[metric]) for metric in plan.metrics)
    currency = plan.scenario.currency
    return [format_metric(metric, None if math.isnan(value) else value, currency) for metric, value in values]


def _frontier(plan: PlanAnswer) -> list[str]:
    """Return a table of the frontier."""
    assert plan.second is not None
    rows = [[plan.second.path, plan.axis.path, "goals hold in", ""]]
    for search in plan.searches:
        best = search.best
        value = value_text(search.fixed[plan.second.path])
        note = "" if search.is_monotonic else "not monotonic"
        if best is None:
            is_sure = search.is_done and search.is_monotonic
            rows.append([value, "out of reach" if is_sure else "not found", "", note])
        else:
            rows.append(
                [value, value_text(best.value), share_text(best.held, len(best.met), best.interval), note]
            )
    return table(rows)


def _frontier_sentences(plan: PlanAnswer, second: str) -> list[str]:
    """Say for each value of the second field what was found."""
    which = "largest" if plan.largest else "smallest"
    lines = []
    for search in plan.searches:
        told = f"With {second} {value_text(search.fixed[second])}"
        if search.best is None:
            word = "is good enough" if _is_certain(plan, search) else "was found that is good enough"
            at = f"at best, at {value_text(search.nearest.value)}"
            told += f" no {plan.axis.path} from {_ends(plan)} {word}: {at}, {_how_far(plan, search)}"
        else:
            value = value_text(search.best.value)
            told += f" {value} is the {which} {plan.axis.path}: goals held {held_text(search.best)}"
            told += "" if search.is_monotonic else "; more is not always better there"
        lines += wrapped(f"{told}.", indent="  ")
    return lines
