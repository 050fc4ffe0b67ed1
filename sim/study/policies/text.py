"""Policy searches as text for a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from sim.campaign.remembered import lasting_obstacles
from sim.results.display.format import format_count, format_metric, wrapped
from sim.rules.policy import TaskPolicy
from sim.study.display.text import change_text, ending, percent, table
from sim.study.policies.answer import TIMES
from sim.study.policies.front import ADVICE, NONE, PERSISTENT

if TYPE_CHECKING:
    import pandas as pd

    from sim.study.policies.answer import PolicyAnswer

_SHOWN: Final = 12
_BEST: Final = "most upgraded, then fastest"


def policy_headline(search: PolicyAnswer) -> str:
    """Return what a search found in one or two sentences: the best policy, or why there is none."""
    best = search.best
    if best is None:
        none = np.isinf(search.finalists.objectives[:, search.objectives.index("time")]).all()
        share = search.time.rpartition(".p")[2]
        reached = f" None brings {share} % of the fleet to Success." if none else ""
        return f"This fleet can't tell policies apart: {_why_alike(search)}.{reached}"
    left, time = (_value(search, best, name) for name in ("not_upgraded", "time"))
    n_front = int(search.finalists.front.sum())
    rivals = f"; {n_front} policies are on the front" if n_front > 1 else ""
    told = f"{best} leaves the fewest devices behind, {left}, and has {_head(search, 'time')} {time}"
    if search.objective is not None:
        head, value = _head(search, search.objective), _value(search, best, search.objective)
        near = search.neighbour
        if near is not None:
            apart = f"less than {percent(search.tolerance)} more"
            value = f"{value}; {near} has {apart}, {_value(search, near, search.objective)}"
        told = f"{best} is best in {head} ({value}), {left} not upgraded, {_head(search, 'time')} {time}"
    return f"{told}{rivals}."


def _why_alike(search: PolicyAnswer) -> str:
    """Say why nothing tells policies apart."""
    if not search.runs.of("needed_recovery").any() and not search.runs.of("pending").any():
        return "no attempt failed, so there was nothing to retry"
    return search.why or "time, upgrades, attempts, bytes and load are the same under all of them"


def policy_text(search: PolicyAnswer) -> str:
    """Return a search as text: the front, then how the console's advice fares."""
    front = search.front
    rows = [["policy", *(_head(search, objective) for objective in search.objectives), ""]]
    shown = front[front["on_front"]].head(_SHOWN)
    known = [policy for policy in (search.best, NONE, ADVICE) if policy is not None]
    others = [policy for policy in known if policy not in _policies(shown)]
    rows += [
        [str(policy), *(_value(search, policy, name) for name in search.objectives), _mark(search, policy)]
        for policy in [*_policies(shown), *others]
    ]
    looked, n_front = len(search.screened.policies), int(front["on_front"].sum())
    on_front = "" if search.is_indistinct else f", {n_front} on the front"
    lines = [
        f"{search.scenario.name}: {looked:,} of 7,201 retry policies looked at{on_front}",
        *wrapped(policy_headline(search)),
        f"means of {search.replications} replications; less than {percent(search.tolerance)} apart is equal",
        *_why_this_time(search),
        "",
        *table(rows),
    ]
    if n_front > _SHOWN:
        lines.append(f"  ... and {n_front - _SHOWN} more on the front, in front.parquet")
    if not search.is_indistinct:
        lines += [*_memory(search), "", *_advice(search)]
    return "\n".join([*lines, "", ending(search.digest, search.replications, search.reused)])


def _why_this_time(search: PolicyAnswer) -> list[str]:
    """Say why the time is not that of 99 % of the fleet."""
    if search.time == TIMES[0] or search.is_indistinct:
        return []
    share, more = (TIMES[TIMES.index(search.time) - back].rpartition(".p")[2] for back in (0, 1))
    *first, last = (str(policy.retry_interval_min) for policy in sorted(PERSISTENT))
    tried = f"5 retries, {', '.join(first)} or {last} min apart,"
    return [f"the time is to {share} %: {tried} do not upgrade {more} % in every replication"]


def _memory(search: PolicyAnswer) -> list[str]:
    """Say what the interval is worth where a retry may meet what failed the attempt before."""
    obstacles = lasting_obstacles(search.scenario)
    if not obstacles:
        return []
    screened, column = search.screened, search.objectives.index("not_upgraded")

    def left(policy: TaskPolicy) -> str:
        return format_count(float(screened.objectives[screened.index(policy), column]))

    best = search.best_interval
    compared = f"{best} leaves {left(best)} behind" + ("" if best == ADVICE else f", {ADVICE} {left(ADVICE)}")
    head = f"Devices remember here ({' and '.join(obstacles)}):"
    # The policies of the advice's retries are often beaten by more retries, so not all of them are finalists.
    runs = "one run" if search.screen == 1 else f"{search.screen} runs"
    return ["", *wrapped(head), f"  {compared} ({runs} of each)"]


def _policies(frame: pd.DataFrame) -> list[TaskPolicy]:
    """Return the policies of a frame's rows."""
    columns = (frame["retry_count"], frame["retry_interval_min"])
    return [
        TaskPolicy.of_minutes(int(count), int(minutes) or None)
        for count, minutes in zip(*columns, strict=True)
    ]


def _head(search: PolicyAnswer, objective: str) -> str:
    """Return the heading of an objective."""
    percent = search.time.rpartition(".p")[2]
    heads = {
        "time": f"time to {percent} %",
        "not_upgraded": "not upgraded",
        "extra_attempts": "extra attempts",
        "bytes_wasted": "wasted",
        "peak": search.peak.replace("_", " "),
        "cost": "cost",
    }
    return heads[objective]


def _value(search: PolicyAnswer, policy: TaskPolicy, objective: str) -> str:
    """Return the mean of an objective."""
    value = search.finalists.objectives[search.finalists.index(policy), search.objectives.index(objective)]
    known = None if np.isinf(value) else float(value)
    return format_metric(search.metric(objective), known, search.scenario.currency)


def _mark(search: PolicyAnswer, policy: TaskPolicy) -> str:
    """Say what a policy is known for."""
    marks = ["advice"] if policy == ADVICE else []
    if policy == search.best:
        marks.append(_BEST if search.objective is None else f"best in {_head(search, search.objective)}")
    if not search.is_indistinct and not search.finalists.front[search.finalists.index(policy)]:
        marks.append("not on the front")
    return ", ".join(marks)


def _advice(search: PolicyAnswer) -> list[str]:
    """Say how the console's advice compares, replication by replication."""
    better = search.beats_advice
    lines = [f"The console's advice, {ADVICE}, against no automatic retry (paired, 95 % intervals)"]
    lines += _compared(search, ADVICE, NONE)
    best = search.best
    if best is not None and best != ADVICE:
        lines += [
            "",
            f"against {best}, {_why_best(search)}",
            *_compared(search, ADVICE, best),
        ]
    if better:
        names = ", ".join(map(str, better[:_SHOWN]))
        lines += ["", f"As good in everything and better in something: {names}"]
    elif search.finalists.front[search.finalists.index(ADVICE)]:
        lines += ["", "No policy is as good in everything and better in something: it is on the front"]
    else:
        same = search.same_as_advice
        lines += ["", f"It is equal to {same}, which stands for both: fewer retries or a shorter interval"]
    return lines


def _compared(search: PolicyAnswer, policy: TaskPolicy, base: TaskPolicy) -> list[str]:
    """Return a line an objective."""
    rows = []
    for objective in search.objectives:
        change = search.difference(policy, base, objective)
        text = change_text(search.metric(objective), change, currency=search.scenario.currency)
        if objective == "time" and text == "–":
            text = _never(search, policy, base)
        rows.append([_head(search, objective), text])
    return table(rows, left=2)


def _why_best(search: PolicyAnswer) -> str:
    """Say what the best policy is best in."""
    if search.objective is None:
        return "the best by devices upgraded, then by time"
    return f"the best in {_head(search, search.objective)}, then by devices upgraded"


def _never(search: PolicyAnswer, policy: TaskPolicy, base: TaskPolicy) -> str:
    """Say who never reaches the time, where there is no difference to state."""
    names = [str(one) for one in (policy, base) if np.isnan(search.values(one, "time")).any()]
    return f"not reached in some or all replications by {' and '.join(names)}"
