"""Tests of how windows are laid out."""

from typing import Any

import numpy as np
import pytest

from sim.campaign import run_campaign
from sim.campaign.layout.build_spec import build_spec
from sim.campaign.layout.windows import last_opening
from sim.fleet.spec import TICKS_PER_S, FleetSpec
from sim.fleet.whereabouts import HELD_BY_NOTHING, HELD_BY_OUTAGE, HELD_BY_WINDOW
from sim.scenario import Scenario, make_scenario

HOUR = 3_600 * TICKS_PER_S


def scenario_of(
    *windows: Any, outages: Any = (), bandwidth: str | None = None, cohort: Any = None, **run: Any
) -> Scenario:
    """Return a scenario with a cohort a window, or list of windows, that begins at noon UTC."""
    cohorts = [
        {"name": f"c{i}", "devices": 1, "link_rate": "1 MB/s"} | ({"window": window} if window else {})
        for i, window in enumerate(windows)
    ]
    return make_scenario(
        {
            "fleet": {"cohorts": [cohort] if cohort else cohorts},
            "campaign": {"package": {"version": "1", "size": "1 MB"}},
            "outages": list(outages),
            "platform": {"bandwidth": bandwidth} if bandwidth else {},
            "run": {"start": "2026-03-28T12:00:00Z", "until": "3 d", **run},
        }
    )


def rows(spec: FleetSpec, purpose: str, cohort: int) -> list[tuple[float, float]]:
    """Return the intervals of a cohort in the first days, in hours."""
    lo, begins, ends = (getattr(spec.windows, f"{purpose}_{column}") for column in ("lo", "from", "to"))
    part = slice(lo[cohort], lo[cohort + 1])
    pairs = zip((begins[part] / HOUR).tolist(), (ends[part] / HOUR).tolist(), strict=True)
    return [pair for pair in pairs if pair[0] < 48]


def test_windows__of_each_cohort_and_purpose_are_its_own():
    """A cohort finds its own intervals, in local time; one without windows finds none."""
    night = {"opens": "02:00", "closes": "05:00", "zone": "Europe/Berlin"}
    noon = {"opens": "12:00", "closes": "13:00", "for": "install"}
    spec = build_spec(scenario_of(night, None, [noon, {**night, "for": "install"}], [noon, night]))
    local = [(13.0, 15.0), (36.0, 39.0)]
    by_day = [(0.0, 1.0), (24.0, 25.0)]
    assert [rows(spec, "contact", c) for c in range(4)] == [local, [], [], local]
    assert [rows(spec, "install", c) for c in range(4)] == [[], [], sorted(local + by_day), by_day]
    assert spec.outages.epoch_tick.tolist() == [0]


def test_windows__open_beyond_the_end_of_the_run_and_of_the_longest_timer():
    """Who waits as the run ends waits for an opening, not for ever; a longer horizon has more of them."""
    night = {"opens": "02:00", "closes": "05:00"}
    scenario = scenario_of(night)
    spec = build_spec(scenario)
    assert spec.windows.contact_to[-1] > (3 * 24 + 25) * HOUR
    assert last_opening(scenario) == (3 * 24 + 25 + 24) * HOUR
    years = build_spec(scenario, horizon_s=10 * 366 * 86_400)
    assert len(years.windows.contact_from) >= 3_660
    np.testing.assert_array_equal(years.windows.contact_from[:4], spec.windows.contact_from[:4])


def test_windows__for_downloads_are_epochs():
    """A cap of 0 outside, and why: an outage goes before a window that is closed as well."""
    window = {"opens": "14:00", "closes": "16:00", "for": "download"}
    away = {"at": "3 h", "lasts": "3 h", "cohorts": ["c0"], "effect": "unreachable"}
    spec = build_spec(scenario_of(window, None, outages=[away]))
    table = spec.outages
    during = table.epoch_tick < 7 * HOUR
    assert (table.epoch_tick[during] / HOUR).tolist() == [0, 2, 3, 4, 6]
    assert table.epoch_cap[during].tolist() == [[0, 1e6], [1e6, 1e6], [0, 1e6], [0, 1e6], [0, 1e6]]
    held = [HELD_BY_WINDOW, HELD_BY_NOTHING, HELD_BY_OUTAGE, HELD_BY_OUTAGE, HELD_BY_WINDOW]
    assert table.epoch_held[during, 0].tolist() == held
    assert (table.epoch_held[:, 1] == HELD_BY_NOTHING).all()
    assert (table.epoch_bandwidth == np.inf).all()


def test_windows__that_are_closed_while_the_platform_sends_nothing_are_the_outages():
    """Where no byte leaves the platform, no window is to blame."""
    window = {"opens": "14:00", "closes": "16:00", "for": "download"}
    silence = {"at": "1 h", "lasts": "30 min", "effect": {"bandwidth": "0 %"}}
    table = build_spec(scenario_of(window, outages=[silence], bandwidth="1 MB/s")).outages
    assert (table.epoch_tick[:4] / HOUR).tolist() == [0, 1, 1.5, 2]
    assert table.epoch_held[:4, 0].tolist() == [
        HELD_BY_WINDOW,
        HELD_BY_OUTAGE,
        HELD_BY_WINDOW,
        HELD_BY_NOTHING,
    ]


def test_windows__for_downloads_that_take_no_time_hold_nothing():
    """Without any rate there is nothing to pause."""
    window = {"opens": "14:00", "closes": "16:00", "for": "download"}
    scenario = scenario_of(window).with_values({"fleet.cohorts.c0.link_rate": None})
    assert build_spec(scenario).outages.epoch_tick.tolist() == [0]


def test_freezes__are_merged_and_touch_nothing_else():
    """Freezes that overlap or touch are one; they make no epochs and take nobody out of reach."""
    freezes = [{"at": f"{at} h", "lasts": "2 h", "effect": "freeze"} for at in (9, 2, 3, 5)]
    table = build_spec(scenario_of(None, outages=freezes)).outages
    assert (table.freeze_from / HOUR).tolist() == [2, 9]
    assert (table.freeze_to / HOUR).tolist() == [7, 11]
    assert table.epoch_tick.tolist() == [0]
    assert len(table.away_from) == len(table.risk_from) == 0


def test_windows__that_no_longer_open_are_no_open_door():
    """A table without a row would mean that the cohort is always open, so such a scenario is not laid out."""
    saturdays = {"opens": "02:00", "closes": "05:00", "days": ["sat"]}
    scenario = scenario_of(saturdays, until="8 d")
    short = scenario.model_copy(update={"run": scenario.run.model_copy(update={"until": 86_400.0})})
    with pytest.raises(ValueError, match="no window for contact of cohort 'c0'"):
        build_spec(short)


@pytest.mark.parametrize("plane", ["compiled", "simpy"])
def test_windows__hold_downloads_that_only_the_line_of_a_site_limits(plane: str) -> None:
    """Without any other rate: 4 MB on a line of 1 MB/s, in windows of 3 s, and an outage in the second."""
    windows = [
        {"opens": f"12:{minute}:00", "closes": f"12:{minute}:03", "for": "download"}
        for minute in (10, 20, 30)
    ]
    cohort = {"name": "c", "devices": 4, "site": {"devices": 4, "uplink": "1 MB/s"}, "window": windows}
    scenario = scenario_of(
        outages=[{"at": "15 min", "lasts": "6 min", "effect": "unreachable"}], cohort=cohort
    )
    run = run_campaign(scenario, plane=plane)
    assert (run.records.end == (30 * 60 + 1) * TICKS_PER_S).all()
