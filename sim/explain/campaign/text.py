"""What limits a campaign, in words."""

from __future__ import annotations

from textwrap import wrap
from typing import TYPE_CHECKING, Final

from sim.results.display.format import table_lines
from sim.units import format_duration

if TYPE_CHECKING:
    from sim.explain.campaign.findings import LimitsData

_WIDTH: Final = 100


def limits_text(limits: LimitsData) -> str:
    """Return the answer as the command prints it: the sentence, then what each lever saves."""
    n = len(limits.run.records.status)
    rows = [("what is eased", "upgraded", "mean time", "saves")]
    rows.append(("nothing", f"{limits.succeeded:,}", _mean(limits.mean_s), ""))
    rows += [
        (one.text, f"{one.succeeded:,}", _mean(one.mean_s), _share(one.saved_share)) for one in limits.levers
    ]
    lines = [
        *wrap(limits_sentence(limits), _WIDTH),
        "",
        f"The campaign again under the same draws, one thing eased at a time; of {n:,} devices:",
        "",
        *table_lines(rows, right={1, 2, 3}),
        "",
        "Mean time: until a device is upgraded. One that never is counts as twice the run's length.",
    ]
    return "\n".join(lines)


def limits_sentence(limits: LimitsData) -> str:
    """Return in one or two sentences what limits the campaign, and what easing it would bring."""
    most, name = limits.most, limits.run.scenario.name
    if most is None:
        return f"Nothing that can be eased limits {name}: it takes the time that the work takes."
    what = f"What limits {name}: {most.lever}. With {most.text}"
    means = f"after {_mean(most.mean_s)} on average instead of {_mean(limits.mean_s)}"
    if most.succeeded != limits.succeeded:
        gained = f"{most.succeeded:,} devices would be upgraded instead of {limits.succeeded:,}"
        return f"{what} {gained}, and one {means}."
    return f"{what} a device would be upgraded {means}."


def _mean(seconds: float) -> str:
    return format_duration(round(seconds))


def _share(share: float) -> str:
    """Return a saving in percent, without a sign before nothing."""
    text = f"{100 * share:.1f} %"
    return "0 %" if text in ("0.0 %", "-0.0 %") else text
