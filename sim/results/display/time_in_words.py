"""Where the time of devices went, in words."""

from __future__ import annotations

from decimal import Decimal
from textwrap import wrap
from typing import TYPE_CHECKING, Any, Final

from sim.fleet.held_up import most_kept
from sim.results.display.format import counted, format_count, line_width
from sim.results.display.means import mean_time_spent
from sim.scenario.metrics import HELD_UP

if TYPE_CHECKING:
    from sim.results.run_data import RunData

_LEAST: Final = 0.005
"""Smaller shares are told together."""
_HOUR_S: Final = 3600.0
_ENOUGH: Final = 100
"""Devices of which one is a hundredth."""


def time_lines(result: RunData) -> list[str]:
    """Say where the time of the fleet and of its slowest devices went; nothing if no time has passed."""
    spent = mean_time_spent(result.runs)
    whole, slowest = spent["fleet"], spent["slowest_1_percent"]
    if not whole["device_time_s"]:
        return []
    lines = [f"of {format_device_time(whole['device_time_s'])}: {shares_text(whole['share'])}"]
    if _ENOUGH <= whole["devices"] and slowest["devices"] < whole["devices"] and slowest["device_time_s"]:
        time = format_device_time(slowest["device_time_s"])
        lines.append(f"of {_slowest_ones(slowest, whole)}, {time}: {shares_text(slowest['share'])}")
    wrapped = [wrap(line, line_width(), initial_indent="  ", subsequent_indent="    ") for line in lines]
    return ["Where the time went", *(line for part in wrapped for line in part)]


def _slowest_ones(slowest: dict[str, Any], whole: dict[str, Any]) -> str:
    """Return who the slowest devices are: of a fleet that is not known one by one, some of the slowest."""
    n = slowest["devices"]
    if whole["devices"] > most_kept(whole["devices"]):
        return f"{format_count(n)} of the slowest devices"
    return "the slowest device" if n == 1 else f"the slowest {format_count(n)} devices"


def shares_text(shares: dict[str, Any]) -> str:
    """Return shares in words, the largest first, those that are hardly there together at the end.

    Args:
        shares: 0..1 by the names of `HELD_UP`; none where no time has passed.
    """
    known = {name: share for name, share in shares.items() if share}
    told = sorted((name for name in known if known[name] >= _LEAST), key=lambda name: -known[name])
    parts = [f"{known[name]:.0%} {HELD_UP[name]}".replace("%", " %") for name in told]
    rest = sum(share for name, share in known.items() if name not in told)
    if rest > 0:
        parts.append("less than 1 % other" if rest < 2 * _LEAST else f"{rest:.0%} other".replace("%", " %"))
    return ", ".join(parts)


def format_device_time(seconds: float) -> str:
    """Return a time of many devices together, like `1.2 million device-hours`."""
    hours = seconds / _HOUR_S
    for size, word in ((1e9, " billion"), (1e6, " million")):
        if hours >= size:
            return f"{_three_digits(hours / size)}{word} device-hours"
    if hours >= 1:
        return counted(round(hours, 1 if hours < 100 else 0), "device-hour")
    return f"{_three_digits(seconds)} device-seconds"


def _three_digits(value: float) -> str:
    """Return a number with three significant digits, like `1,020`, and never with an exponent."""
    return f"{Decimal(f'{value:.3g}'):,f}"
