"""Outages of a scenario, laid out as the device planes read them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from sim.fleet.spec import NEVER, Bools, Floats, Int8s, Int64s, to_ticks
from sim.fleet.whereabouts import HELD_BY_NOTHING, HELD_BY_OUTAGE, HELD_BY_WINDOW, OutageTable
from sim.wall_clock import Interval, merged

if TYPE_CHECKING:
    from sim.scenario import Outage


class _Hit(NamedTuple):
    """An outage in ticks and cohort numbers; `cohorts` is None for all of them."""

    start: int
    end: int
    cohorts: frozenset[int] | None
    outage: Outage

    def reaches(self, cohort: int) -> bool:
        """Tell whether a cohort is in it."""
        return self.cohorts is None or cohort in self.cohorts


def outage_table(
    outages: Iterable[Outage],
    cohort_names: tuple[str, ...],
    *,
    bandwidth: float,
    link_rate: Floats,
    has_line: Bools | None = None,
    open_for_download: Sequence[Sequence[Interval]] | None = None,
) -> OutageTable:
    """Lay out the outages by cohort, and the network's rates by epoch.

    Args:
        outages: In file order; of several failures in force at once the first one acts.
        cohort_names: By cohort number.
        bandwidth: Platform egress, bytes/s, > 0; inf when unlimited.
        link_rate: (C,) bytes/s, > 0; inf when unlimited.
        has_line: (C,) whether devices of the cohort are at a site with a limited line; None if none are.
        open_for_download: By cohort, when bytes flow to it; without intervals, always. None if all are such.

    Returns:
        The table. Unreachable intervals of a cohort that overlap or touch are one; scales that overlap
        multiply.
    """
    hits = _hits(outages, cohort_names)
    n_cohorts = len(cohort_names)
    away = [hit for hit in hits if hit.outage.effect.unreachable]
    away_of = [
        merged((hit.start, hit.end) for hit in away if hit.reaches(cohort)) for cohort in range(n_cohorts)
    ]
    risks = [hit for hit in hits if hit.outage.effect.failure is not None]
    risks_of = [[hit for hit in risks if hit.reaches(cohort)] for cohort in range(n_cohorts)]
    windows = [()] * n_cohorts if open_for_download is None else open_for_download
    # A cohort without a link rate can take the whole egress; infinite rates would spoil its clock.
    cap = np.where(np.isinf(link_rate), bandwidth, link_rate)
    takes_time = np.isfinite(cap) if has_line is None else np.isfinite(cap) | has_line
    epochs = _epochs(hits, windows, bandwidth=bandwidth, cap=cap, takes_time=takes_time)
    freezes = merged((hit.start, hit.end) for hit in hits if hit.outage.effect.freeze)
    risk = [hit for of_cohort in risks_of for hit in of_cohort]
    failures = [hit.outage.effect.failure for hit in risk]
    return OutageTable(
        away_lo=_offsets([len(intervals) for intervals in away_of]),
        away_from=np.array([start for intervals in away_of for start, _ in intervals], np.int64),
        away_to=np.array([end for intervals in away_of for _, end in intervals], np.int64),
        risk_lo=_offsets([len(of_cohort) for of_cohort in risks_of]),
        risk_from=np.array([hit.start for hit in risk], np.int64),
        risk_to=np.array([hit.end for hit in risk], np.int64),
        risk_p=np.array([failure.probability for failure in failures if failure], np.float64),
        risk_reason=np.array([failure.code or 0 for failure in failures if failure], np.int16),
        risk_silent=np.array([failure.silent for failure in failures if failure], np.bool_),
        epoch_tick=epochs.tick,
        epoch_bandwidth=epochs.bandwidth,
        epoch_cap=epochs.cap,
        epoch_held=epochs.held,
        freeze_from=np.array([start for start, _ in freezes], np.int64),
        freeze_to=np.array([end for _, end in freezes], np.int64),
    )


def _hits(outages: Iterable[Outage], cohort_names: tuple[str, ...]) -> list[_Hit]:
    """Return outages in ticks and cohort numbers."""
    number = {name: c for c, name in enumerate(cohort_names)}
    return [
        _Hit(
            to_ticks(outage.at),
            to_ticks(outage.at + outage.lasts),
            None if outage.cohorts is None else frozenset(number[name] for name in outage.cohorts),
            outage,
        )
        for outage in outages
    ]


def _offsets(sizes: list[int]) -> np.ndarray[tuple[int, ...], np.dtype[np.int32]]:
    """Return where the rows of each cohort begin, and where the last ones end; (C + 1,) int32."""
    return np.concatenate([[0], np.cumsum(sizes)]).astype(np.int32)


class _Epochs(NamedTuple):
    """The columns `epoch_*` of the table."""

    tick: Int64s
    bandwidth: Floats
    cap: Floats
    held: Int8s


def _epochs(
    hits: list[_Hit],
    windows: Sequence[Sequence[Interval]],
    *,
    bandwidth: float,
    cap: Floats,
    takes_time: Bools,
) -> _Epochs:
    """Return when rates of the network change, the egress and each cohort's cap from then on.

    Args:
        hits: Outages.
        windows: By cohort, when bytes flow.
        bandwidth: Platform egress, bytes/s.
        cap: (C,) what one download of the cohort can take otherwise, bytes/s.
        takes_time: (C,) whether downloads of the cohort can be paused.
    """
    changes = [hit for hit in hits if hit.outage.effect.failure is None and not hit.outage.effect.freeze]
    if not takes_time.any():  # so there is nothing to slow down or pause
        changes = []
    closing = {c: np.array(several) for c, several in enumerate(windows) if several and takes_time[c]}
    ticks = {0, *(tick for hit in changes for tick in (hit.start, hit.end))}
    ticks |= {edge for several in closing.values() for edge in several.ravel().tolist()}
    tick = np.array(sorted(ticks), np.int64)
    epoch_bandwidth = np.full(len(tick), bandwidth)
    epoch_cap = np.tile(cap, (len(tick), 1))
    for hit in changes:
        during = np.flatnonzero((hit.start <= tick) & (tick < hit.end))
        share = hit.outage.effect.bandwidth
        if share is not None and hit.cohorts is None:
            epoch_bandwidth[during] *= share
            continue
        reached = list(range(len(cap)) if hit.cohorts is None else sorted(hit.cohorts))
        held_up = np.ix_(during, np.array([c for c in reached if takes_time[c]], np.int64))
        epoch_cap[held_up] = epoch_cap[held_up] * share if share else 0.0
    held = np.where(epoch_cap > 0, HELD_BY_NOTHING, HELD_BY_OUTAGE).astype(np.int8)
    for c, several in closing.items():
        row = np.searchsorted(several[:, 1], tick, side="right")
        is_closed = tick < np.append(several[:, 0], NEVER)[row]
        # Who is held by both is held by the outage.
        held[is_closed, c] = np.where(
            (epoch_cap[is_closed, c] > 0) & (epoch_bandwidth[is_closed] > 0), HELD_BY_WINDOW, HELD_BY_OUTAGE
        )
        epoch_cap[is_closed, c] = 0.0
    return _Epochs(tick, epoch_bandwidth, epoch_cap, held)
