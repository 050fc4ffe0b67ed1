"""The page of a search for a retry policy."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any, Final

from sim.campaign.remembered import lasting_obstacles
from sim.report.charts import Chart, Columns, Table
from sim.report.page_model import Page, Section
from sim.report.study import charts as study_charts
from sim.report.study.parts import new_page, read_answer, read_frame
from sim.report.time_scales import time_scales
from sim.results.display.format import counted, format_count
from sim.results.time_span import TimeSpan, is_wide
from sim.rules.policy import TaskPolicy
from sim.scenario import METRICS, parse_scenario
from sim.study.engine.kinds import POLICY
from sim.study.engine.unit import TASKS
from sim.study.policies.answer import COST, OBJECTIVES, TIMES
from sim.study.policies.front import ADVICE
from sim.study.policies.search import point_of
from sim.units import format_duration, format_price, format_size

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pandas as pd

    from sim.scenario import Scenario

_ADVICE: Final = (ADVICE.retry_count, ADVICE.retry_interval_min)
_FRONT: Final = (
    "The front has the policies that no other one beats: whatever has less of something has more of "
    "something else ({}). The console's advice, and no retry at all, stand beside it."
)
_OBJECTIVES: Final = "time, devices not upgraded, extra attempts, wasted bytes, peak load"
_TOLERANCE: Final = 0.01
_RETRIES: Final = {"0": "no retry", "1": "1 retry"}


def policy_page(folder: Path, origin: dict[str, Any]) -> Page:
    """Return the page of a search for a retry policy.

    Args:
        folder: As `fleetsim policy` wrote it.
        origin: Content of `study.json`.
    """
    seen, front = read_frame(folder / "policies.parquet"), read_frame(folder / "front.parquet")
    upgraded = _share_upgraded(folder, front)
    scenario, told = parse_scenario(origin["scenario_text"]), read_answer(folder, POLICY.name)
    known = seen[seen["time"].notna()]
    charts = [_chart(known, "extra_attempts", "attempts beyond the first", upgraded)]
    sentences = []
    if known["not_upgraded"].nunique() > 1:
        charts.append(_chart(known, "not_upgraded", "devices not upgraded", upgraded))
    elif len(known):
        left = counted(known["not_upgraded"].iloc[0], "device")
        sentences.append(f"Each policy that is shown leaves {left} behind.")
    if len(known) < len(seen):
        never = len(seen) - len(known)
        who = (
            "One of the policies never upgrades" if never == 1 else f"{never:,} of the policies never upgrade"
        )
        sentences.append(f"{who} {upgraded}, and {'has' if never == 1 else 'have'} no dot.")
    own = _answer(_best(front, told), front, upgraded, scenario.currency)
    headline = told.get("headline")
    _, _, advice = own.partition("; ")
    if headline and advice:
        sentences.insert(0, f"{advice[0].upper()}{advice[1:]}")
    sentences += _memory(scenario, seen)
    return new_page(
        origin,
        question="Which automatic retry policy suits this fleet?",
        answer=headline or own,
        about=f"{len(seen):,} policies were looked at, with the same draws for all of them. "
        "2 × 5 min: two automatic retries, five minutes after the failure.",
        sections=[
            Section("course", "Every policy that was looked at", sentences, charts=charts, layout="pair"),
            Section(
                "values",
                "The front",
                [_FRONT.format(_OBJECTIVES if "cost" not in front else f"{_OBJECTIVES}, cost")],
                tables=[_table(front, upgraded, scenario.currency)],
            ),
        ],
    )


def _table(front: pd.DataFrame, upgraded: str, currency: str) -> Table:
    """Return the finalists, with what they cost if the scenario has costs."""
    rows = [
        (
            _policy(row),
            _after(row["time"]),
            format_count(row["not_upgraded"]),
            format_count(row["extra_attempts"]),
            format_size(row["bytes_wasted"]),
            *([format_price(row["cost"], currency)] if "cost" in row else []),
            "on the front" if row["on_front"] else "",
        )
        for row in front.to_dict("records")
    ]
    costs = ["cost"] if "cost" in front else []
    headers = ("policy", f"{upgraded} upgraded after", "not upgraded", "extra attempts", "wasted", *costs)
    return Table("Policies", (*headers, "remark"), rows, words=(len(headers),))


def _best(front: pd.DataFrame, told: dict[str, Any]) -> Any:
    """Return the row of the best policy; in folders that don't name it the one that upgrades most devices."""
    best = told.get("best")
    if best:
        named = (front["retry_count"] == best["retry_count"]) & (
            front["retry_interval_min"] == (best["retry_interval_min"] or 0)
        )
        if named.any():
            return front[named].iloc[0]
    return front[front["on_front"]].sort_values(["not_upgraded", "time"]).iloc[0]


def _answer(best: Any, front: pd.DataFrame, upgraded: str, currency: str) -> str:
    """Say what is best, and how the console's advice compares."""
    after = _after(best["time"])
    text = f"{_policy(best)} leaves the fewest devices behind, and {upgraded} are upgraded in {after}"
    advice = front[(front["retry_count"] == _ADVICE[0]) & (front["retry_interval_min"] == _ADVICE[1])]
    if not len(advice):
        return f"{text}."
    row = advice.iloc[0]
    if _policy(row) == _policy(best):
        return f"{text}; that is what the console advises."
    place, against = f"is on the front too{_hidden_gain(row, best)}", ""
    if not row["on_front"]:
        rivals = [other for other in [best, *front.to_dict("records")] if _beats(other, row)]
        place = "is as good as others on the front, as far as these runs can tell"
        place = f"is beaten by {_policy(rivals[0])}" if rivals else place
        against = "" if rivals and rivals[0] is best else f"; against {_policy(best)}"
    differing = _differing(row, best, currency)
    compared = f"{against}: {', '.join(differing)}" if differing else ""
    return f"{text}; the console's advice, {_policy(row)}, {place}{compared}."


def _beats(other: Any, advice: Any) -> bool:
    """Tell whether a policy is better than the advice in something and worse in nothing, draws apart."""
    names = [name for name in (*OBJECTIVES, COST) if name in other]
    is_better = {
        name: _is_less(other[name], advice[name]) for name in names if _is_apart(name, advice, other)
    }
    return bool(is_better) and all(is_better.values())


def _is_less(value: float, than: float) -> bool:
    """Tell whether a value is less; NaN is never, which is more than any."""
    return math.isnan(than) or value < than


def _differing(row: Any, best: Any, currency: str) -> list[str]:
    """Say in what the advice differs from the best policy by more than the draws explain."""
    written: list[tuple[str, Callable[[float], str], str]] = [
        ("time", _after, ""),
        ("not_upgraded", format_count, " left behind"),
        ("extra_attempts", format_count, " extra attempts"),
    ]
    if "cost" in best:
        written.append(("cost", lambda amount: format_price(amount, currency), " of cost"))
    differing = []
    for name, text, what in written:
        theirs, ours = text(row[name]), text(best[name])
        if not _is_apart(name, row, best):
            continue
        if theirs != ours:
            differing.append(f"{theirs}{what} instead of {ours}")
        elif name == "time":
            later = row[name] - best[name]
            differing.append(f"{_after(round(abs(later)))} {'later' if later > 0 else 'earlier'}")
    return differing


def _is_apart(name: str, row: Any, best: Any) -> bool:
    """Tell whether the paired difference of an objective is one.

    That is if its interval is on one side of 0. Without an interval (all pairs differ alike, or there is
    one) it counts from the tolerance on that policies are compared with. What only one ever reaches differs.
    """
    mean, low, high = (float(best.get(f"{name}_vs_advice{end}", math.nan)) for end in ("", "_low", "_high"))
    if math.isnan(mean):
        return math.isnan(row[name]) != math.isnan(best[name])
    if math.isnan(low):
        return bool(abs(mean) > _TOLERANCE * abs(row[name]))
    return low > 0 or high < 0


def _hidden_gain(row: Any, best: Any) -> str:
    """Say why the advice is on the front, if by nothing that the sentence compares; else nothing."""
    if any(row[name] < best[name] for name in ("time", "not_upgraded", "extra_attempts")):
        return ""
    gains = []
    if row["bytes_wasted"] < best["bytes_wasted"]:
        gains.append(
            f"{format_size(row['bytes_wasted'])} wasted instead of {format_size(best['bytes_wasted'])}"
        )
    if row["peak"] < best["peak"]:
        gains.append("a lower peak load")
    return f", but only for {' and '.join(gains)}" if gains else ""


def _memory(scenario: Scenario, seen: pd.DataFrame) -> list[str]:
    """Say what the interval is worth where a retry may meet what failed the attempt before."""
    obstacles = lasting_obstacles(scenario)
    rows = seen[seen["retry_count"] == _ADVICE[0]].sort_values(["not_upgraded", "time"])
    if not obstacles or not len(rows):
        return []
    advised = rows[rows["retry_interval_min"] == _ADVICE[1]]
    shown = rows.head(1).to_dict("records") + advised.head(1).to_dict("records")
    texts = [f"{_policy(row)} leaves {format_count(row['not_upgraded'])} behind" for row in shown]
    return [f"Devices remember here ({' and '.join(obstacles)}): {', '.join(dict.fromkeys(texts))}."]


def _share_upgraded(folder: Path, front: pd.DataFrame) -> str:
    """Return the share of the fleet whose time is the time of the policies, like `99 %`.

    The tables don't say which of the times was within reach, but the files of the single runs have all of
    them: it is the one whose mean is a policy's time.
    """
    timed = front[front["time"].notna()]
    if not len(timed):
        return "enough devices"
    wanted = timed.iloc[0]
    policy = TaskPolicy.of_minutes(int(wanted["retry_count"]), int(wanted["retry_interval_min"]) or None)
    key = point_of(policy).key
    runs: list[dict[str, float | None]] = []
    for path in sorted((folder / TASKS).glob("*.json")):
        unit = json.loads(path.read_bytes())
        for name, metrics in zip(unit["keys"], unit["metrics"], strict=True):
            if name == key:
                runs += [dict(zip(METRICS, values, strict=False)) for values in metrics]
    for name in TIMES:
        times = [run.get(name) for run in runs]
        known = [time_s for time_s in times if time_s is not None]
        if known and math.isclose(sum(known) / len(known), wanted["time"], rel_tol=1e-6):
            return f"{name.rpartition('.p')[2]} %"
    return "most devices"


def _chart(known: pd.DataFrame, cost: str, title: str, upgraded: str) -> Chart:
    """Return policies by time and one cost; of dots in one place the one with the fewest retries is seen."""
    rows = known.sort_values("retry_count", ascending=False).to_dict("records")
    data: Columns = {
        "t": [round(row["time"], 1) for row in rows],
        "cost": [row[cost] for row in rows],
        "retries": [str(row["retry_count"]) for row in rows],
        "front": [row["on_front"] for row in rows],
        "policy": [_policy(row) for row in rows],
        "advice": [(row["retry_count"], row["retry_interval_min"]) == _ADVICE for row in rows],
    }
    counts = sorted(set(data["retries"]))
    advice = f"The console's advice, {ADVICE}, never upgrades {upgraded}, so it has no diamond."
    if any(data["advice"]):
        advice = "Diamond: the console's advice."
    low_s, high_s = min(data["t"], default=1.0), max(data["t"], default=60.0)
    span = TimeSpan(max(low_s * 0.8, 1.0), max(high_s * 1.1, 2.0), is_skewed=is_wide(low_s, high_s))
    return Chart(
        name=cost.replace("_", "-"),
        title=f"Time against {title}",
        alt=f"Dots: {len(known)} retry policies by time until {upgraded} are upgraded and {title}.",
        spec=study_charts.policy_spec("count", title, upgraded, has_advice=any(data["advice"])),
        data=data,
        time=time_scales(span, f"time until {upgraded} are upgraded"),
        legend=tuple((f"line-{n}", _RETRIES.get(n, f"{n} retries"), "") for n in counts),
        note=f"Ringed: the front. {advice} One dot may hide others with more retries.",
    )


def _policy(row: Any) -> str:
    """Return a policy as the service's console would say it."""
    count = int(row["retry_count"])
    return "no retry" if count == 0 else f"{count} × {int(row['retry_interval_min'])} min"


def _after(time_s: float) -> str:
    """Return a time; NaN is never."""
    return "never" if math.isnan(time_s) else format_duration(time_s)
