"""Curves of a run: exact steps where something happens, and few enough points to be shown.

Decisions:
- *The grid of a run is for tables*, which want equal spacing; figures get steps of their own
  (`sim.results.status_steps`), instead of a finer grid for everybody: a campaign that is over within one
  step of the grid would be a ramp, and a grid that suits it would make millions of rows for a long one.
- *Steps come from the records of the devices*, instead of from a second run at another spacing: when a
  device began, failed first and ended is known to the microsecond, and only how the few that are between
  two attempts are split among their states is taken from the grid.
"""

from sim.results.curves.shown_curves import (
    CohortCurves,
    Curve,
    LoadCurves,
    RecoveryBands,
    RunCurves,
    StatusCurves,
    cohort_curves,
    cohort_recoveries,
    load_curves,
    recovery_bands,
    recovery_span,
    shown,
    status_curves,
    status_paths,
    status_span,
)

__all__ = [
    "CohortCurves",
    "Curve",
    "LoadCurves",
    "RecoveryBands",
    "RunCurves",
    "StatusCurves",
    "cohort_curves",
    "cohort_recoveries",
    "load_curves",
    "recovery_bands",
    "recovery_span",
    "shown",
    "status_curves",
    "status_paths",
    "status_span",
]
