"""Specifications that any Vega-Lite takes, with round ticks."""

import altair as alt
import pytest

from sim.report.charts import (
    Shade,
    Table,
    attempts_spec,
    cohorts_spec,
    completion_spec,
    load_spec,
    recovery_spec,
)
from sim.report.study.charts import goal_spec, plan_spec, policy_spec, sweep_spec
from sim.report.study.field_axes import axis_of
from sim.report.time_scales import time_scales
from sim.results.time_span import TimeSpan

HOUR = 3600.0


@pytest.mark.parametrize(
    ("high_s", "step_s"),
    [(30, 5), (600, 120), (7 * HOUR, HOUR), (36 * HOUR, 6 * HOUR), (24 * 20 * HOUR, 5 * 24 * HOUR)],
)
def test_time_scales__ticks_are_round_and_few(high_s, step_s):
    """A linear axis has at most eight ticks, a whole step apart."""
    ticks = time_scales(TimeSpan(1.0, high_s, False), "time")["linear"]["ticks"]

    assert ticks[:2] == [0, step_s]
    assert len(ticks) <= 8
    assert ticks[-1] <= high_s


@pytest.mark.parametrize("high_s", [0.004, 0.9, 1.0, 1.02, 3.0, 1181.0, 5 * HOUR, 24 * HOUR * 7_100, 3e9])
@pytest.mark.parametrize("part", [1 / 4, 1 / 100])
def test_time_scales__no_axis_is_without_three_ticks(high_s, part):
    """Whatever is short, such as the recovery of a campaign that was stopped, is not shown on one tick."""
    scales = time_scales(TimeSpan(high_s * part, high_s, False), "time")

    for name in ("linear", "log"):
        low_s, top_s = scales[name]["domain"]
        ticks = scales[name]["ticks"]
        assert len(ticks) >= 3
        assert low_s <= ticks[0] < ticks[-1] <= top_s


def test_load_spec__shows_a_peak_between_two_points():
    """A peak that no point of the curve meets is a dotted line of its own."""
    without, shown = (load_spec("downloads", "count", None, [], peak=peak) for peak in (None, 40.0))
    levels = [
        [layer["encoding"].get("y", {}).get("field") for layer in one["layer"]] for one in (without, shown)
    ]

    assert [one.count("peak") for one in levels] == [0, 1]
    assert [{"peak": 40.0}] in shown["datasets"].values()


def test_time_scales__a_logarithmic_axis_begins_above_zero():
    """Both ends of a logarithmic axis are positive, and its ticks lie between them."""
    scale = time_scales(TimeSpan(60.0, 400_000.0, True), "time")["log"]

    assert scale["domain"] == [60.0, 400_000.0]
    assert scale["ticks"] == [60, 300, 900, 3_600, 14_400, 43_200, 86_400, 3 * 86_400]


def test_completion_spec__colours_are_properties_of_the_page():
    """A state's colour comes from the style sheet, so that light and dark need no second drawing."""
    spec = completion_spec(["success", "fail"], [3_600.0], [Shade(10.0, 20.0, "freeze")])
    scale = spec["layer"][0]["encoding"]["color"]["scale"]

    assert scale == {"domain": ["success", "fail"], "range": ["var(--s-success)", "var(--s-fail)"]}
    assert "data" in spec
    assert "$schema" not in spec


def test_table__bars_are_relative_to_their_cohort():
    """The longest bar of each cohort is full, and without a bar column there are none."""
    rows = [("a", "1,000"), ("b", "250"), ("c", "10")]
    table = Table("x", ("what", "n"), rows, bars=1, cohorts=("", "", "meter"))

    assert [(cohort, length) for _, cohort, length in table.lines] == [
        ("", 100.0),
        ("", 25.0),
        ("meter", 100.0),
    ]
    assert [line[1:] for line in Table("x", ("what", "n"), rows).lines] == [(None, 0.0)] * 3


def test_specs__keep_the_schema_of_vega_lite():
    """Every specification is valid, though pages are made without checking it again."""
    specs = [
        completion_spec(["success", "open"], [60.0], [Shade(0.0, 60.0, "outage")]),
        recovery_spec(),
        load_spec("bandwidth", "rate", 8e6, []),
        attempts_spec(["1", "2"], ["success"]),
        cohorts_spec(["a", "b"]),
        sweep_spec(axis_of("a.b", [0, 1, 2]), ["x"], "duration", ticks=[0.0, 60.0]),
        sweep_spec(axis_of("a.b", ["x", "y"]), [""], None),
        plan_spec(axis_of("a.b", ["1 min", "5 min", "1 h"]), 0.9),
        goal_spec(axis_of("a.b", [1, 2]), "share", 0.9, None),
        policy_spec("count", "attempts", "99 %"),
        policy_spec("count", "attempts", "99 %", has_advice=False),
    ]
    for spec in specs:
        assert alt.LayerChart.from_dict({**spec, "datasets": {}}, validate=True)
