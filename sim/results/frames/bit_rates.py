"""Rates in bits a second beside those in bytes a second, in every frame that holds one.

Decision: both units stand in a frame, the second under a name that says so (`bandwidth_bps`), instead of the
bits in place of the bytes: figures, reports and texts say Mbit/s, as networks are sold, and a frame has to
read the same; but a metric keeps its name and its unit, by which scenarios, baselines and scripts know it.
Names don't end in `_s`, which says seconds here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sim.results.files.columns import BITS, BPS
from sim.scenario.metrics import METRICS, MetricKind

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pandas as pd

_RATES: Final = tuple(name for name, metric in METRICS.items() if metric.kind is MetricKind.RATE)
_ENDS: Final = ("low", "high")
_SCALED: Final = frozenset(
    (
        *("mean", *_ENDS, "first", "second"),
        *("difference", *(f"difference_{end}" for end in _ENDS)),
        *("q05", "q50", "q95"),
    )
)
"""Columns that are in the unit of the row's metric."""


def with_bps(frame: pd.DataFrame, *, rates: Iterable[str] = _RATES) -> pd.DataFrame:
    """Return a frame in which a column of bits a second stands behind each one of bytes a second.

    Args:
        frame: Metrics are columns. Read only.
        rates: Which columns are in bytes a second, if they are there.
    """
    columns = list(frame.columns)
    for name in rates:
        if name in columns:
            place = columns.index(name) + 1
            frame = frame.copy(deep=False)
            frame.insert(place, name + BPS, frame[name] * BITS)
            columns.insert(place, name + BPS)
    return frame


def with_bps_rows(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a frame in which a row in bits a second stands behind each one in bytes a second.

    Args:
        frame: A row a metric, whose name is the index, or else in the column `metric`. Read only.
    """
    import pandas as pd

    is_index = frame.index.name == "metric"
    rows = frame.reset_index() if is_index else frame
    found = rows[rows["metric"].isin(_RATES)].copy()
    found["metric"] += BPS
    scaled = [name for name in found.columns if name in _SCALED]
    found[scaled] *= BITS
    both = pd.concat([rows, found]).sort_index(kind="stable")  # behind the one it was made of
    return both.set_index("metric") if is_index else both.reset_index(drop=True)
