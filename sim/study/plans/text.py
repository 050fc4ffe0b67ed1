"""Plans as text for a terminal."""

from __future__ import annotations

import math
from textwrap import wrap
from typing import TYPE_CHECKING, Final

from sim.results.display.format import counted, format_metric, format_share
from sim.study.display.text import percent, share_text, table

if TYPE_CHECKING:
    from sim.study.plans.answer import PlanAnswer, Search, Seen

_SHOWN: Final = 3
_WIDTH: Final = 98


def plan_headline(plan: PlanAnswer) -> str:
    """Return what a plan found in one sentence, or that it found nothing."""
    which = "largest" if plan.largest else "smallest"
    if plan.second is not None:
        reached = sum(search.best is not None for search in plan.searches)
        return (
            f"Within reach for {reached} of {len(plan.searches)} values of {plan.second.path}: "
            f"the {which} {plan.axis.path} for each is in the table."
        )
    search = plan.searches[0]
    best = search.best
    if best is None:
        return f"{'. '.join(_no_answer(plan, search))}."
    return f"{best.value} is the {which} {plan.axis.path} with which the goals hold: {_held_text(best)}."


def _held_text(seen: Seen) -> str:
    """Return how often goals held: first what was seen, then what that says of the true share."""
    n = len(seen.met)
    low, _ = seen.interval
    often = f"in all {n} of {n}" if seen.held == n else f"in {seen.held} of {n}"
    return f"{often} replications, so in at least {format_share(low)} of all cases (95 % confidence)"


def plan_text(plan: PlanAnswer) -> str:
    """Return a plan as text: the answer first, then how sure it is, then what was looked at."""
    which = "largest" if plan.largest else "smallest"
    n = counted(plan.replications, "replication")
    lines = [
        f"{plan.scenario.name}: {which} {plan.axis.path} with which",
        *(f"  {goal}" for goal in plan.goals),
        f"in at least {percent(plan.confidence)} of {n} (seed {plan.seed})",
        f"among {len(plan.axis.values):,} values from {plan.axis.values[0]} to {plan.axis.values[-1]}",
        "",
    ]
    if plan.second is None:
        lines += _answer(plan, plan.searches[0])
        lines += wrap(f"Note: {plan.order}", _WIDTH, subsequent_indent="  ") if plan.order else []
        lines += ["", "Looked at", *_seen(plan, plan.searches[0])]
    else:
        lines += _frontier(plan)
    runs = sum(len(search.seen) for search in plan.searches) * plan.replications
    found = f", {plan.reused:,} of them were there already" if plan.reused else ""
    return "\n".join([*lines, "", f"Digest {plan.digest[:16]}, {runs:,} runs{found}"])


def _answer(plan: PlanAnswer, search: Search) -> list[str]:
    """Say what the answer is and how sure it is; in brackets Wilson's 95 % intervals."""
    best, before = search.best, search.before
    if best is None:
        return [*_no_answer(plan, search), *_contradictions(plan, search)]
    lines = [f"{best.value}: goals hold in {share_text(best.held, len(best.met), best.interval)}"]
    if before is None:
        lines.append("This is the end of the range: perhaps less would do" if not plan.largest else _END)
    else:
        lines.append(f"{before.value}: only in {share_text(before.held, len(before.met), before.interval)}")
    if search.is_opposed:
        lines.append(_until(plan, search))
    low, _ = best.interval
    if low < plan.confidence:
        lines.append(
            f"With {plan.replications} replications the true share at {best.value} may be as low as "
            f"{format_share(low)}; more of them narrow that down"
        )
    return [*lines, *_contradictions(plan, search)]


def _no_answer(plan: PlanAnswer, search: Search) -> list[str]:
    """Say that no value is good enough, and no more than was seen of that."""
    nearest = max(search.seen, key=lambda seen: (seen.held, seen.index))
    ends = f"{plan.axis.values[0]} to {plan.axis.values[-1]}"
    held = share_text(nearest.held, len(nearest.met), nearest.interval)
    best = f"from {ends}: at best, at {nearest.value}, goals hold in {held}"
    n_seen, n_values = len(search.seen), len(plan.axis.values)
    looked = f"{n_seen} of {n_values:,} values were looked at"
    if n_seen == n_values:
        return [f"Out of reach {best}"]
    if not search.is_done:
        return [f"Not found {best}", f"{looked}, the most of one search; narrow the range, or give a step"]
    if not search.is_monotonic:
        return [f"Not found {best}", looked]
    return [f"Out of reach {best}", f"{looked}: so it is if each goal comes or goes once along the range"]


def _until(plan: PlanAnswer, search: Search) -> str:
    """Say up to where goals hold that pull in opposite directions."""
    last, after = search.last, search.after
    assert last is not None
    way = f"of what was looked at, all hold {'down' if plan.largest else 'up'} to"
    if after is None:
        return f"Some goals get harder on the way; {way} the end of the range, {last.value}"
    held = share_text(after.held, len(after.met), after.interval)
    return f"Some goals get harder on the way; {way} {last.value}, at {after.value} only in {held}"


_END: Final = "This is the end of the range: perhaps more would do"


def _contradictions(plan: PlanAnswer, search: Search) -> list[str]:
    """Say what contradicts that more (or less) is better."""
    lines = []
    better = "less" if plan.largest else "more"
    relapses = search.relapses
    if relapses:
        names = ", ".join(str(seen.value) for seen in relapses[:_SHOWN])
        lines.append(f"NOT MONOTONIC: {better} is not always better; too seldom again at {names}")
    elif search.losses:
        loss = search.losses[0]
        start = f"from {loss.held_before} replications at {loss.before.value}"
        fall = f"{start} to {loss.held_after} at {loss.after.value}"
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
    rows = [[plan.axis.name, "goals hold in", *(f"mean {metric}" for metric in plan.metrics), ""]]
    for seen in sorted(search.seen, key=lambda one: one.index):
        mark = "answer" if seen is search.best else ""
        rows.append(
            [str(seen.value), share_text(seen.held, len(seen.met), seen.interval), *_means(plan, seen), mark]
        )
    return table(rows)


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
        value = str(search.fixed[plan.second.path])
        note = "" if search.is_monotonic else "not monotonic"
        if best is None:
            is_sure = search.is_done and search.is_monotonic
            rows.append([value, "out of reach" if is_sure else "not found", "", note])
        else:
            rows.append([value, str(best.value), share_text(best.held, len(best.met), best.interval), note])
    return table(rows)
