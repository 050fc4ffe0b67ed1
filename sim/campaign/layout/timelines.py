"""Links and conditions of a scenario, laid out as timelines.

What a file leaves open is filled in here: on-periods of a link that is given by its share of time, and
off-periods of a condition, are exponential, with the mean that makes the share come true.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from sim.campaign.layout.distributions import Distributions
from sim.fleet.spec import OFF, ON, Floats, Int32s, Int64s, TimelineTable, to_ticks, weights_of

if TYPE_CHECKING:
    from sim.scenario import Cause, Online

_DRAWN_PHASE = -1


class _Rows(NamedTuple):
    """Columns of the table that are entered row by row; periods that are drawn are in `periods`."""

    share: Floats
    every: Int64s
    up_for: Int64s
    phase: Int64s
    periods: Distributions


class Timelines(NamedTuple):
    """The timelines of a fleet, and where its cohorts and causes find theirs.

    Attributes:
        table: Links by cohort, then conditions by row of the causes.
        link: (C,) int32, row of each cohort's link, -1 for none.
        condition: (R,) int32, row of each cause's condition, -1 for none.
    """

    table: TimelineTable
    link: Int32s
    condition: Int32s


def lay_out_timelines(links: Sequence[Online | None], causes: Sequence[Cause]) -> Timelines:
    """Lay out the links of cohorts and the conditions among causes.

    Args:
        links: By cohort, None for one that is always on.
        causes: Rows of the table of causes.

    Returns:
        The timelines; causes that are no conditions have none.
    """
    is_linked = np.array([online is not None for online in links], np.bool_)
    lasts = np.array([cause.is_condition for cause in causes], np.bool_)
    n_links = int(is_linked.sum())
    link = np.where(is_linked, np.cumsum(is_linked) - 1, -1).astype(np.int32)
    condition = np.where(lasts, n_links + np.cumsum(lasts) - 1, -1).astype(np.int32)
    n_rows = n_links + int(lasts.sum())
    zeros = np.zeros(n_rows, np.int64)
    rows = _Rows(np.zeros(n_rows), zeros, zeros.copy(), zeros.copy(), Distributions(n_rows, 2))
    for row, online in zip(link, links, strict=True):
        if online is not None:
            _enter_link(rows, int(row), online)
    for row, cause in zip(condition, causes, strict=True):
        if row >= 0:
            _enter_condition(rows, int(row), cause)
    return Timelines(_table(rows), link, condition)


def _enter_link(rows: _Rows, row: int, online: Online) -> None:
    rows.share[row] = share = online.share_on()
    if online.every is not None and online.up_for is not None:
        every = to_ticks(online.every)
        rows.every[row] = every
        rows.up_for[row] = min(max(to_ticks(online.up_for), 1), every - 1)
        is_drawn = isinstance(online.phase, str)
        rows.phase[row] = _DRAWN_PHASE if is_drawn else to_ticks(float(online.phase)) % every
        return
    off_s = online.mean_off_s()
    if online.offline is not None:
        rows.periods.enter(row, OFF, online.offline)
    else:
        rows.periods.enter_exponential(row, OFF, off_s)
    if online.online is not None:
        rows.periods.enter(row, ON, online.online)
    elif share > 0:  # else on-periods have no length
        rows.periods.enter_exponential(row, ON, share * off_s / (1 - share))


def _enter_condition(rows: _Rows, row: int, cause: Cause) -> None:
    assert cause.lasts is not None, "only conditions have a row"
    rows.share[row] = share = cause.probability or 0.0
    rows.periods.enter(row, ON, cause.lasts)
    rows.periods.enter_exponential(row, OFF, cause.lasts.mean_s * (1 - share) / share)


def _table(rows: _Rows) -> TimelineTable:
    periods = rows.periods
    p, s = periods.quantile_p, periods.quantile_s
    weight = np.zeros(len(p))
    for lo, hi in zip(periods.lo.flat, periods.hi.flat, strict=True):
        if lo < hi:
            weight[lo:hi] = weights_of(p[lo:hi], s[lo:hi])
    return TimelineTable(
        share=rows.share,
        every_ticks=rows.every,
        for_ticks=rows.up_for,
        phase_ticks=rows.phase,
        dist_kind=periods.kind,
        dist_a=periods.a,
        dist_b=periods.b,
        quantile_lo=periods.lo,
        quantile_hi=periods.hi,
        quantile_p=p,
        quantile_s=s,
        quantile_weight=weight,
    )
