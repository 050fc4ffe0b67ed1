"""Windows of a scenario, laid out as intervals of the run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from sim.fleet.spec import TICKS_PER_S, Int32s, Int64s, to_ticks
from sim.fleet.whereabouts import WindowTable
from sim.wall_clock import Interval, intervals

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sim.scenario import Scenario

_DAY_TICKS: Final = 86_400 * TICKS_PER_S


def last_opening(scenario: Scenario, horizon_s: float | None = None) -> int:
    """Return the tick before which windows are laid out.

    Whoever waits for a window does so up to the end of a timer, which may lie behind the end of the run.

    Args:
        scenario: Whose.
        horizon_s: End of the simulated time, in seconds; that of the run if None.
    """
    longest = max(max(scenario.timers_of(cohort).values()) for cohort in scenario.fleet.cohorts)
    end = scenario.run.until if horizon_s is None else horizon_s
    return to_ticks(end) + to_ticks(longest) + _DAY_TICKS


def open_for(scenario: Scenario, purpose: str, until: int) -> list[tuple[Interval, ...]]:
    """Return by cohort when its windows for something are open; no interval for one that is always open.

    Args:
        scenario: Whose.
        purpose: `contact`, `download` or `install`.
        until: As `last_opening` says.

    Raises:
        ValueError: Windows of a cohort don't open before that.
    """
    found = []
    for cohort in scenario.fleet.cohorts:
        dailies = tuple(window.daily for window in cohort.windows_for(purpose))
        found.append(intervals(dailies, scenario.run.start, until))
        if dailies and not found[-1]:
            raise ValueError(f"no window for {purpose} of cohort '{cohort.name}' ever opens")
    return found


def window_table(scenario: Scenario, until: int) -> WindowTable:
    """Lay out when devices may be contacted and when they may begin to install.

    Args:
        scenario: Whose.
        until: As `last_opening` says.
    """
    contact_lo, contact_from, contact_to = _columns(open_for(scenario, "contact", until))
    install_lo, install_from, install_to = _columns(open_for(scenario, "install", until))
    return WindowTable(
        contact_lo=contact_lo,
        contact_from=contact_from,
        contact_to=contact_to,
        install_lo=install_lo,
        install_from=install_from,
        install_to=install_to,
    )


def _columns(by_cohort: Sequence[Sequence[Interval]]) -> tuple[Int32s, Int64s, Int64s]:
    """Return where each cohort's intervals begin in the table, and all their beginnings and ends."""
    flat = np.array([interval for several in by_cohort for interval in several], np.int64).reshape(-1, 2)
    lo = np.cumsum([0, *map(len, by_cohort)]).astype(np.int32)
    return lo, np.ascontiguousarray(flat[:, 0]), np.ascontiguousarray(flat[:, 1])
