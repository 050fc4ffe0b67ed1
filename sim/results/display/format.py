"""How numbers, tables and pictures are written for people, the same in every text and notebook."""

from __future__ import annotations

import base64
import re
from html import escape
from shutil import get_terminal_size
from textwrap import wrap
from typing import TYPE_CHECKING, Final

from sim.scenario.metrics import METRICS, MetricKind
from sim.units import format_duration, format_price, format_rate, format_size

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from sim.results.statistics import Estimate, Metric

WIDTH: Final = 98
"""Characters of a line of text where there is no terminal."""

_WIDTH_MIN: Final = 40

_NAMES_SHOWN: Final = 3
_NOISE: Final = 1e-10
"""Less than one device of the largest fleet, and more than what sums of floats are off by."""

_BILLED: Final = {"bytes_downloaded", "bytes_wasted"}
"""Sizes that somebody pays for, in decimal units."""

_IN_TENTHS: Final = re.compile(r"\d+\.\d %")


def format_count(value: float) -> str:
    """Return a count with separators: whole if it is, else with one decimal."""
    if float(value).is_integer() or abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:,.1f}"


def format_share(value: float) -> str:
    """Return a share as a percentage; what is not all or nothing is never written as 100 % or 0 %.

    Args:
        value: 0..1; what lies closer to an end than any device could make it is the end.
    """
    percent = value * 100
    if min(abs(value), abs(1 - value)) < _NOISE:
        return f"{percent:.0f} %"
    for digits in (1, 2, 3, 4):
        text = f"{percent:.{digits}f}"
        if 0 < float(text) < 100:
            return f"{text} %"
    return "< 0.0001 %" if percent < 50 else "> 99.9999 %"


def format_outcome(counts: Sequence[float]) -> list[str]:
    """Return what is written for the parts of a whole: shares that add up to 100.0 %.

    Shares of success and failure are quoted elsewhere too, and stay as `format_share` has them; what
    rounding leaves over goes to the largest of the other parts, or without any to the second one.

    Args:
        counts: Devices in Success, in Fail, then others; >= 0.
    """
    whole = sum(counts)
    if not whole:
        return [""] * len(counts)
    texts = [format_share(count / whole) for count in counts]
    tenths = {i: round(float(text[:-2]) * 10) for i, text in enumerate(texts) if _IN_TENTHS.fullmatch(text)}
    others = [i for i in tenths if i > 1] or [i for i in tenths if i == 1]
    left = 1000 - sum(tenths.values())
    if others and abs(left) < len(counts):  # else some are written in finer steps
        largest = max(others, key=lambda i: counts[i])
        rest = tenths[largest] + left
        texts[largest] = f"{rest / 10:.1f} %" if 0 < rest < 1000 else texts[largest]
    return texts


def format_metric(name: str, value: Metric, currency: str = "") -> str:
    """Return the value of a metric with its unit.

    Args:
        name: The metric.
        value: None is "never" for a time and "–" for anything else.
        currency: Of costs.
    """
    kind = METRICS[name].kind
    if value is None:
        return "never" if kind is MetricKind.TIME else "–"
    if kind is MetricKind.SHARE:
        return format_share(value)
    if kind is MetricKind.TIME:
        return format_duration(value)
    if kind is MetricKind.SIZE:
        return format_traffic(value) if name in _BILLED else format_size(value)
    if kind is MetricKind.RATE:
        return format_rate(value)
    if kind is MetricKind.MONEY:
        return format_price(value, currency)
    return format_count(value) if kind is MetricKind.COUNT else f"{value:.3g}"


def format_estimate(name: str, value: Estimate, currency: str = "") -> str:
    """Return the mean of a metric, and the 95 % interval of the mean in brackets.

    Args:
        name: The metric.
        value: Its mean and interval.
        currency: Of costs.
    """
    interval = format_interval(name, value.low, value.high)
    return f"{format_metric(name, value.mean, currency)} {interval}".rstrip()


def format_interval(name: str, low: float | None, high: float | None) -> str:
    """Return an interval of a metric in brackets, no wider than its values can be; empty if there is none.

    Args:
        name: The metric.
        low: Lower end; None without an interval.
        high: Upper end; likewise.
    """
    if low is None or high is None or low == high:
        return ""
    kind = METRICS[name].kind
    if kind is MetricKind.SIZE:  # the mean before it has both units
        return f"[{format_size(max(low, 0.0))} – {format_size(high)}]"
    top = min(high, 1.0) if kind is MetricKind.SHARE else high
    return f"[{format_metric(name, max(low, 0.0))} – {format_metric(name, top)}]"


def limit_text(metric: str, limit: float | None) -> str:
    """Return the limit of a load in words.

    Args:
        metric: Its peak, like `peak_downloads`.
        limit: The limit; None for none.
    """
    return "unlimited" if limit is None else f"limit {format_metric(metric, limit)}"


def format_traffic(size_bytes: float) -> str:
    """Return a size as who pays for traffic reads it: in the units of `format_size`, and decimal ones.

    Args:
        size_bytes: >= 0.

    Returns:
        Text like `120 GiB (129 GB)`; only the decimal one if sizes are written in SI units.
    """
    text, decimal = format_size(size_bytes), format_size(size_bytes, in_si=True)
    return text if text == decimal else f"{text} ({decimal})"


def counted(n: float, thing: str) -> str:
    """Return a number of things, like `1 run` or `2,000 runs`.

    Args:
        n: How many; one decimal if it is a mean.
        thing: In the singular.
    """
    return f"{format_count(n)} {thing}{'' if n == 1 else 's'}"


def some_of(names: Sequence[str]) -> str:
    """Return the first few of some names, and how many more there are."""
    more = f" and {len(names) - _NAMES_SHOWN} more" if len(names) > _NAMES_SHOWN else ""
    return ", ".join(names[:_NAMES_SHOWN]) + more


def table_lines(rows: Sequence[Sequence[str]], *, right: Collection[int] = ()) -> list[str]:
    """Return rows as aligned lines, indented by two.

    Args:
        rows: Cells; all rows have as many.
        right: Columns that are aligned to the right.
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        cells = [
            cell.rjust(width) if i_column in right else cell.ljust(width)
            for i_column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  " + "  ".join(cells).rstrip())
    return lines


def line_width() -> int:
    """Return the most characters of a line: those of the terminal, at least 40; `WIDTH` without one."""
    return max(get_terminal_size((WIDTH, 24)).columns, _WIDTH_MIN)


def wrapped(text: str, width: int | None = None, *, indent: str = "") -> list[str]:
    """Return a text as lines of a terminal; no number stands apart from its per cent.

    Args:
        text: Sentences.
        width: Most characters of a line; as many as the terminal has if None.
        indent: What all lines but the first begin with.
    """
    joined = text.replace(" %", "\u00a0%")
    lines = wrap(joined, width or line_width(), subsequent_indent=indent, break_on_hyphens=False)
    return [line.replace("\u00a0", " ") for line in lines]


def image_html(png: bytes, *, alt: str) -> str:
    """Return a picture as HTML that needs no file beside it.

    Args:
        png: The picture.
        alt: What it shows, for those who can't see it.
    """
    data = base64.b64encode(png).decode("ascii")
    return f"<img alt='{escape(alt, quote=True)}' style='max-width:100%' src='data:image/png;base64,{data}'>"
