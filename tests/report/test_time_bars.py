"""The bars of where the time went: parts, colours, what is left out, and pages without them."""

import json
from typing import Any

import altair as alt
import pytest

from sim.report.page import report_html
from sim.report.time_bars import time_sections, time_spec
from sim.results.figures.colours import HELD_UP_COLOURS, style_sheet
from sim.results.files.read import StoredRun, read_run
from sim.scenario.metrics import HELD_UP


def part(devices: int, **seconds: float) -> dict[str, Any]:
    """Return the entry of one part of a fleet in `summary.json`."""
    whole = sum(seconds.values())
    return {
        "devices": devices,
        "device_time_s": whole,
        "seconds": {name: seconds.get(name, 0.0) for name in HELD_UP},
        "share": {name: seconds.get(name, 0.0) / whole if whole else None for name in HELD_UP},
    }


def stored_of(tmp_path, *, slowest: dict[str, Any], replications: int = 1, **cohorts: Any) -> StoredRun:
    """Return a run of which nothing is known but where its time went."""
    devices = sum(cohort["devices"] for cohort in cohorts.values())
    sums = {name: sum(cohort["seconds"][name] for cohort in cohorts.values()) for name in HELD_UP}
    held_up = {"fleet": part(devices, **sums), "by_cohort": cohorts, "slowest_1_percent": slowest}
    return StoredRun(tmp_path, {"replications": replications}, {"held_up": held_up})


def test_time_sections__has_a_bar_for_all_for_each_cohort_and_for_the_slowest(tmp_path):
    """Shares of a bar add up to one, and its line says how many devices and how much time there were."""
    run = stored_of(
        tmp_path,
        slowest=part(1, timer=7_200.0),
        north=part(60, offline=3_600.0, install=3_600.0),
        south=part(40, timer=7_200.0, query=14.0),
    )
    (section,) = time_sections(run, ["north", "south"])
    (chart,) = section.charts
    lines = [line for line in chart.data["line"] if line is not None]
    assert lines == [
        "all: 100 devices, 4 device-hours",
        "north: 60 devices, 2 device-hours",
        "south: 40 devices, 2 device-hours",
        "slowest: 1 device, 2 device-hours",
    ]
    for row in range(4):
        shares = [
            share for share, of in zip(chart.data["share"], chart.data["row"], strict=True) if of == row
        ]
        assert sum(shares) == pytest.approx(1.0, abs=1e-3)
    assert [name for _, name, _ in chart.legend] == ["offline", "install", "silent until a timer", "other"]
    assert chart.table.rows[1] == ("north", "60", "2 device-hours", "50 % offline, 50 % install")
    assert section.sentences == [
        "Of 4 device-hours: 50 % silent until a timer, 25 % offline, 25 % install, less than 1 % other."
    ]


def test_time_sections__says_how_many_cohorts_have_no_bar(tmp_path):
    """Of 200 cohorts those of the filter are shown, and the number of the others is told."""
    cohorts = {f"c{i}": part(10, offline=100.0) for i in range(200)}
    run = stored_of(tmp_path, slowest=part(20, offline=200.0), **cohorts)
    (section,) = time_sections(run, [f"c{i}" for i in range(25)])
    (chart,) = section.charts
    assert len([line for line in chart.data["line"] if line is not None]) == 27
    assert "The 175 faster cohorts count among all devices and have no bar." in chart.note


def test_time_sections__leaves_out_what_says_nothing(tmp_path):
    """One cohort is the fleet; and if everybody is as slow, so are the slowest."""
    run = stored_of(tmp_path, slowest=part(5, query=10.0), replications=3, only=part(5, query=10.0))
    (section,) = time_sections(run, ["only"])
    (chart,) = section.charts
    assert [line for line in chart.data["line"] if line is not None] == ["all: 5 devices, 10 device-seconds"]
    assert "Slowest" not in chart.note
    assert "Means over 3 runs." in chart.note
    assert [name for _, name, _ in chart.legend] == ["query"]


def test_time_sections__of_a_run_without_time_or_of_an_older_one_is_not_there(tmp_path, folder):
    """A run in which nothing took time, and files from before that was told, have a page all the same."""
    assert not list(time_sections(stored_of(tmp_path, slowest=part(0), a=part(3)), ["a"]))
    run = read_run(folder)
    assert [section.name for section in time_sections(run, ["gateway", "meter"])] == ["time"]
    del run.summary["held_up"]
    assert not list(time_sections(run, ["gateway", "meter"]))


def test_time_spec__keeps_the_schema_of_vega_lite():
    """The specification is valid, though pages are made without checking it again."""
    spec = time_spec(["query", "other"], ["h-query", "s-open"], 3)
    assert alt.LayerChart.from_dict({**spec, "datasets": {}}, validate=True)


def test_held_up_colours__each_cause_has_one_of_its_own():
    """No two causes look alike, and the style sheet of pages has all of them."""
    assert list(HELD_UP_COLOURS) == list(HELD_UP)
    assert len({colour.lower() for colour in HELD_UP_COLOURS.values()}) == len(HELD_UP)
    assert all(f"--h-{name.replace('_', '-')}: " in style_sheet() for name in HELD_UP)


def test_report__shows_where_the_time_went(folder):
    """The section stands in the page, and its numbers are those of the summary."""
    summary = json.loads((folder / "summary.json").read_text())
    page = report_html(folder)
    assert 'id="s-time"' in page
    assert f"{summary['held_up']['fleet']['device_time_s'] / 3600:,.0f}\u00a0device-hours" in page.replace(
        " device-hours", "\u00a0device-hours"
    )
