"""What the compiled plane's memory says besides its records: curves, totals and the attempt log."""

from __future__ import annotations

import numpy as np

from sim.fleet.compiled.memory.state import State
from sim.fleet.compiled.uncoupled.load import FreeLoad
from sim.fleet.protocol import AttemptLog, Curves, Totals

_WORK = (
    "work",
    "net",
    "trail",
    "cell",
    "heap",
    "spans",
    "plans",
    "held",
    "breaks",
    "struck",
    "places",
    "line",
)


def keep_results(st: State) -> None:
    """Give free what only a run that goes on needs: two thirds of the state."""
    if len(st.line):
        for name, field in st.tree.fields.items():
            if field.kind == "array":
                setattr(st.tree, name, getattr(st.tree, name)[:0].copy())
    for name in _WORK:
        if len(getattr(st, name)):
            setattr(st, name, getattr(st, name)[:0].copy())


def totals(st: State, load: FreeLoad | None, *, present_load: float) -> Totals:
    """Return peaks and sums up to now, the present tick included as if nothing else happened at it.

    Args:
        load: Of a free network, else None.
        present_load: Bytes/s that leave the platform now, after all of this tick; a shared network's.
    """
    if load is None:
        peak_downloads = max(int(st.reg.peak_downloads), int(st.reg.downloads))
        peak_bandwidth = max(float(st.reg.peak_bandwidth), present_load)
    else:
        peak_downloads, peak_bandwidth = load.peak_downloads, load.peak_bandwidth
    return Totals(
        peak_processing=int(st.reg.peak_processing),
        peak_downloads=peak_downloads,
        peak_bandwidth=peak_bandwidth,
        bytes_wasted=st.flows["wasted"].copy(),
        last_end=int(st.reg.last_end),
    )


def curves(st: State, resolution: int, load: FreeLoad | None, *, present_load: float) -> Curves:
    """Return the curves from 0 to now; rows before now have been written.

    Args:
        resolution: Ticks between rows.
        load: Of a free network, else None.
        present_load: Bytes/s that leave the platform now, after all of this tick; a shared network's.
    """
    n = int(st.reg.now) // resolution + 1
    rows = st.grid[:n]
    status, downloads, bandwidth = (rows[name].copy() for name in ("status", "downloads", "load"))
    if n > st.reg.grid_n:  # the present tick is on the grid and not over yet
        status[-1], downloads[-1], bandwidth[-1] = st.counts, st.reg.downloads, present_load
    if load is not None:
        downloads, bandwidth = load.downloads, load.bandwidth
    ticks = np.arange(n, dtype=np.int64) * resolution
    return Curves(tick=ticks, status=status, downloads=downloads, bandwidth=bandwidth)


def attempt_log(st: State) -> AttemptLog:
    """Return the attempts that have ended, in order of (end, device, attempt)."""
    log = st.log[: int(st.reg.log_n)]
    log = log[np.lexsort((log["attempt"], log["device"], log["end"]))]
    return AttemptLog(
        device=log["device"].copy(),
        attempt=log["attempt"].copy(),
        trigger=log["trigger"].copy(),
        start=log["start"].copy(),
        entered=log["entered"].copy(),
        held=log["held"].copy(),
        download_start=log["flow"].copy(),
        download_end=log["flow_end"].copy(),
        end=log["end"].copy(),
        status=log["status"].copy(),
        reason=log["reason"].copy(),
        bytes=log["bytes"].copy(),
    )
