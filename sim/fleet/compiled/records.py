"""What the compiled plane's memory says besides its records: curves, totals and the attempt log."""

from __future__ import annotations

import numpy as np

from sim.fleet.compiled.memory.state import (
    DOWNLOADS,
    GRID_N,
    LAST_END,
    LOAD,
    LOG_N,
    NOW,
    PEAK_BANDWIDTH,
    PEAK_DOWNLOADS,
    PEAK_PROCESSING,
    State,
)
from sim.fleet.compiled.uncoupled.load import FreeLoad
from sim.fleet.protocol import AttemptLog, Curves, Totals

_WORK = ("work", "net", "trail", "cell", "heap", "span_start", "span_end", "plans")


def keep_results(st: State) -> None:
    """Give free what only a run that goes on needs: two thirds of the state."""
    for name in _WORK:
        setattr(st, name, getattr(st, name)[:0].copy())


def _n_rows(st: State, resolution: int) -> int:
    """Return the number of curve rows from 0 to now."""
    return int(st.reg[NOW]) // resolution + 1


def totals(st: State, load: FreeLoad | None) -> Totals:
    """Return peaks and sums up to now."""
    return Totals(
        peak_processing=int(st.reg[PEAK_PROCESSING]),
        peak_downloads=int(st.reg[PEAK_DOWNLOADS]) if load is None else load.peak_downloads,
        peak_bandwidth=float(st.freg[PEAK_BANDWIDTH]) if load is None else load.peak_bandwidth,
        bytes_wasted=st.wasted.copy(),
        last_end=int(st.reg[LAST_END]),
    )


def curves(st: State, resolution: int, load: FreeLoad | None) -> Curves:
    """Return the curves from 0 to now; rows before now have been written."""
    n = _n_rows(st, resolution)
    status = st.grid_status[:n].copy()
    downloads, bandwidth = st.grid_downloads[:n].copy(), st.grid_load[:n].copy()
    if n > st.reg[GRID_N]:  # the present tick is on the grid and not over yet
        status[-1], downloads[-1], bandwidth[-1] = st.counts, st.reg[DOWNLOADS], st.freg[LOAD]
    if load is not None:
        downloads, bandwidth = load.downloads, load.bandwidth
    ticks = np.arange(n, dtype=np.int64) * resolution
    return Curves(tick=ticks, status=status, downloads=downloads, bandwidth=bandwidth)


def attempt_log(st: State) -> AttemptLog:
    """Return the attempts that have ended, in order of (end, device, attempt)."""
    log = st.log[: int(st.reg[LOG_N])]
    log = log[np.lexsort((log["attempt"], log["device"], log["end"]))]
    return AttemptLog(
        device=log["device"].copy(),
        attempt=log["attempt"].copy(),
        trigger=log["trigger"].copy(),
        start=log["start"].copy(),
        entered=log["entered"].copy(),
        download_start=log["flow"].copy(),
        download_end=log["flow_end"].copy(),
        end=log["end"].copy(),
        status=log["status"].copy(),
        reason=log["reason"].copy(),
        bytes=log["bytes"].copy(),
    )
