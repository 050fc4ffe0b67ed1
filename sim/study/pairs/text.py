"""Comparisons as text for a terminal: what the difference is in a sentence, then the metrics."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

import numpy as np

from sim.results.display.format import counted, format_count
from sim.scenario.metrics import PERCENTS, metric_label
from sim.study.display.text import change_text, ending, mean_text, table
from sim.study.pairs.answer import SHOWN
from sim.study.point_statistics import differences, means
from sim.units import format_duration

if TYPE_CHECKING:
    from sim.study.pairs.answer import ComparisonAnswer
    from sim.study.point_statistics import Means

_ROUNDING: Final = 1e-9
_ALWAYS: Final = ("succeeded", "failed", "time_to_success.p95")
_WHERE_DEFINED: Final = ("time_to_success.p99", "cost")


def comparison_headline(result: ComparisonAnswer) -> str:
    """Return the difference in a sentence."""
    changes = [_devices(result), _time(result)]
    told = [text for text in changes if text]
    if not told:
        told = _elsewhere(result)
    whom = f"Without {result.without}" if result.without else f"With {result.names[1]}"
    against = "" if result.without else f", compared with {result.names[0]}"
    return f"{whom} {' and '.join(told)}{against}."


def comparison_text(result: ComparisonAnswer) -> str:
    """Return a comparison as text."""
    n = result.pairs
    devices = format_count(float(result.first.values["devices"][0]))
    sure = "in brackets the 95 % interval of the mean difference" if n > 1 else "so there are no intervals"
    head = f"{result.scenario.name}: {devices} devices, seed {result.seed}"
    lines = [
        comparison_headline(result),
        "",
        head,
        f"{counted(n, 'pair')} of replications with the same draws, {sure}",
        *table([["", *result.names, "difference"], *_rows(result)]),
    ]
    more = [each for each in (result.first, result.second) if each.replications > n]
    if more:
        lines.append(f"  only the first {n} of {more[0].replications} replications have a partner")
    return "\n".join([*lines, "", ending(result.digest, n, 0)])


def _rows(result: ComparisonAnswer) -> list[list[str]]:
    """Return a row a metric that matters: those that always do or where defined, and those that differ."""
    rows, currency = [], result.scenario.currency
    for name in SHOWN:
        if name not in result.metrics:
            continue
        before, now = result.values(name)
        is_defined = not np.isnan([before, now]).all()
        is_asked_for = name in _ALWAYS or (name in _WHERE_DEFINED and is_defined)
        if is_asked_for or not np.array_equal(before, now, equal_nan=True):
            cells = [mean_text(name, means(name, values[None, :]), 0, currency) for values in (before, now)]
            rows.append([name, *(cell.partition(" [")[0] for cell in cells), _change(name, result)])
    return rows


def _change(name: str, result: ComparisonAnswer) -> str:
    """Return the paired difference of a metric."""
    change = result.difference(name)
    return (
        "no difference"
        if change.mean[0] == 0 and np.isnan(change.low[0])
        else change_text(name, change, currency=result.scenario.currency)
    )


def _devices(result: ComparisonAnswer) -> str:
    """Say how many devices more or fewer are upgraded; empty for none."""
    change = result.difference("succeeded")
    mean = float(change.mean[0])
    if mean == 0 and not _is_open(change):
        return ""
    said = _sided(change, format_count, "more", "fewer")
    number, direction, interval = said
    noun = "device is" if number == "1" else "devices are"
    return f"{number} {direction} {noun} upgraded{interval}"


def _time(result: ComparisonAnswer) -> str:
    """Say how much earlier or later most of the fleet is upgraded; empty for no difference."""
    reached, name = _reached(result), result.late
    if reached or name is None:
        return reached
    change = result.difference(name)
    if change.mean[0] == 0 and not _is_open(change):
        return ""
    number, direction, interval = _sided(change, _duration, "later", "earlier")
    return f"{name.rpartition('.')[2]} is {number} {direction}{interval}"


def _reached(result: ComparisonAnswer, percent: int = 95) -> str:
    """Say in how many runs a percentage of the fleet are upgraded, if that differs; else empty."""
    before, now = (int((~np.isnan(of)).sum()) for of in result.values(f"time_to_success.p{percent}"))
    if before == now:
        return ""
    n = result.pairs
    if n == 1:
        whom = f"{percent} % of the fleet"
        return f"{whom} are upgraded, else never" if now else f"{whom} never are"
    return f"{percent} % of the fleet are upgraded in {now} of {n} runs instead of {before}"


def _elsewhere(result: ComparisonAnswer) -> list[str]:
    """Say what differs if neither the number of upgraded devices nor the time does."""
    same, other = "as many devices are upgraded", _other_time(result)
    if other:
        return [f"{same}; {other}"]
    if result.late is not None:
        same += ", as early"
    for name in ("makespan", "attempts", "bytes_wasted", "peak_processing", "api_calls"):
        change = result.difference(name)
        if change.mean[0] != 0 and not np.isnan(change.mean[0]):
            return [f"{same}; {metric_label(name)}: {change_text(name, change)}"]
    changed = any(not np.array_equal(*result.values(name), equal_nan=True) for name in result.metrics)
    return [
        "hardly anything changes" if changed else "nothing changes: every metric is the same in every pair"
    ]


def _other_time(result: ComparisonAnswer) -> str:
    """Say which time differs, if only in some pairs; empty if none does in those where both are defined."""
    for percent in reversed(PERCENTS):
        reached = _reached(result, percent)
        if reached:
            return reached
        name = f"time_to_success.p{percent}"
        before, now = result.values(name)
        both = ~(np.isnan(before) | np.isnan(now))
        if not np.allclose(before[both], now[both], rtol=_ROUNDING, atol=0.0):
            change = differences(name, now[None, both], before[both])
            return f"{metric_label(name)}: {change_text(name, change)}"
    return ""


def _sided(change: Means, written: Callable[[float], str], more: str, less: str) -> tuple[str, str, str]:
    """Return size, direction and interval of a difference in words.

    Args:
        change: The difference.
        written: Writes a size, >= 0.
        more: Direction of what is above 0.
        less: Direction of what is below.
    """
    mean, low, high = (float(part[0]) for part in change)
    direction = more if mean > 0 else less
    number = written(abs(mean))
    if np.isnan(low):
        return number, direction, ""
    if low > 0 or high < 0:
        near, far = sorted((abs(low), abs(high)))
        ends = written(near), written(far)
        return number, direction, "" if ends[0] == ends[1] else f" [{ends[0]} – {ends[1]}]"
    return number, direction, f" [{written(-low)} {less} – {written(high)} {more}: perhaps none]"


def _is_open(change: Means) -> bool:
    """Tell whether a mean difference of nothing has an interval, so that there may be one."""
    return bool(change.low[0] < change.high[0])


def _duration(seconds: float) -> str:
    """Return a duration without fractions that nobody asked for."""
    return format_duration(round(seconds) if seconds >= 10 else seconds)
