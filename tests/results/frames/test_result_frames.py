"""Frames of results: metrics by name, cohorts, other ways to say times, the fleet at even times."""

import datetime as dt
import html

import numpy as np
import pandas as pd
import pytest

import sim
from sim.results import RunResult
from sim.results.frames.result_frames import TABLE_NAMES


def test_summary__goes_by_metric(result: RunResult):
    """A metric is looked up by its name, and its mean is that of the replications."""
    row = result.summary.loc["attempts"]

    assert row["mean"] == pytest.approx(result.metrics["attempts"])
    assert row["low"] < row["mean"] < row["high"]


def test_by_cohort__a_row_a_cohort(result: RunResult):
    """Cohorts go by name, and their devices add up."""
    frame = result.by_cohort

    assert frame.index.tolist() == ["gateway", "meter"]
    assert frame["devices"].tolist() == [500, 300]
    assert frame["succeeded"].sum() == pytest.approx(result.metrics["succeeded"])


def test_frame__says_times_as_durations(result: RunResult):
    """Seconds become durations to the microsecond, in columns without their ending."""
    frame = result.frame("targets")

    assert {"first_start", "first_failure", "end"} <= {*frame.columns}
    assert not [name for name in frame.columns if name.endswith("_s")]
    pd.testing.assert_series_equal(
        frame["end"].dt.total_seconds(), result.targets["end_s"], check_names=False, rtol=0, atol=1e-6
    )
    assert frame["first_failure"].isna().sum() == result.targets["first_failure_s"].isna().sum() > 0


def test_frame__says_times_as_dates(result: RunResult):
    """A time is that much after the scenario's start, in UTC."""
    frame = result.frame("calls", times="dates")

    start = pd.Timestamp(result.scenario.run.start)
    assert str(frame["time"].dtype).endswith("UTC]")
    assert ((frame["time"] - start).dt.total_seconds() - result.calls["time_s"]).abs().max() < 1e-6


@pytest.mark.parametrize(("name", "column"), [("recovery", "time"), ("held_up", "device_time")])
def test_frame__a_length_of_time_is_no_date(result: RunResult, name, column):
    """Times since a failure and sums over devices stay lengths."""
    assert result.frame(name, times="dates")[column].dtype.kind == "m"


@pytest.mark.parametrize("name", TABLE_NAMES)
def test_frame__seconds_are_those_of_the_attribute(result: RunResult, name):
    """Every table is an attribute, and says the same when seconds are asked for."""
    assert result.frame(name, times="seconds") is getattr(result, name)


def test_frame__unknown_names_and_times_are_refused(result: RunResult):
    """What is meant is suggested."""
    with pytest.raises(sim.ScenarioError, match="unknown frame 'target'; did you mean 'targets'"):
        result.frame("target")
    with pytest.raises(
        sim.ScenarioError, match=r"times: 'date' is not known; allowed are 'seconds', 'timedelta'"
    ):
        result.frame("targets", times="date")  # type: ignore[arg-type]  # what is refused


def test_curves_at__the_fleet_at_even_times(result: RunResult):
    """Each row adds up to the fleet; the last one is how the run ended."""
    frame = result.curves_at("1h")
    states = frame.drop(columns=["downloads", "bandwidth"])

    assert frame.index[1] - frame.index[0] == pd.Timedelta("1h")
    np.testing.assert_allclose(states.sum(axis=1), 800.0)
    assert frame["success"].iloc[-1] == pytest.approx(result.metrics["succeeded"])
    assert (frame["success"].diff().dropna() >= 0).all()


def test_curves_at__counts_those_that_have_ended_by_then(result: RunResult):
    """The devices in Success at a time are those whose records say so, in one replication."""
    frame = result.curves_at("20 min", times="seconds", replication=0)

    ends = result.targets.loc[result.targets["status"] == "Success", "end_s"].to_numpy()
    expected = [(ends <= second).sum() for second in frame.index]
    assert frame["success"].tolist() == expected


def test_curves_at__on_lines_of_the_grid_is_the_curve(result: RunResult):
    """At the run's own resolution, downloads and bandwidth are those of the curves."""
    first = result.curves.query("replication == 0").set_index("time_s")

    frame = result.curves_at(dt.timedelta(minutes=5), times="seconds", replication=0)

    inside = first.index[:-1]
    assert frame.loc[inside, "bandwidth"].tolist() == first.loc[inside, "bandwidth"].tolist()
    assert frame.loc[inside, "processing"].tolist() == first.loc[inside, "processing"].tolist()


def test_curves_at__dates_begin_at_the_start(result: RunResult):
    """The index has dates if they are asked for."""
    index = result.curves_at("6h", times="dates").index

    assert index[0] == pd.Timestamp(result.scenario.run.start)
    assert index.name == "time"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {"freq": "soon"},
            "freq: 'soon' is not allowed; a length of time above 0, like '30 min', '1h' or",
        ),
        ({"freq": -3600}, "freq: -3600 is not allowed"),
        ({"freq": True}, "freq: true is not allowed"),
        ({"freq": "0 s"}, "freq: '0 s' is not allowed"),
        ({"freq": "1 ms"}, r"freq: makes [\d,]+ rows; at most 1,000,000"),
        ({"replication": 3}, "replication: 3 is not allowed; 0 to 2, or None for the mean over all"),
        ({"times": 1}, "times: 1 is not known"),
    ],
)
def test_curves_at__wrong_arguments_are_refused(result: RunResult, arguments, message):
    """Each refusal names the argument and what is allowed."""
    with pytest.raises(sim.ScenarioError, match=message):
        result.curves_at(**arguments)


def test_curves_at__takes_seconds(result: RunResult):
    """Frames count time in seconds, so a number is one of seconds."""
    assert result.curves_at(3600).equals(result.curves_at("1h"))
    assert result.curves_at(np.float64(1800)).equals(result.curves_at("30 min"))


def test_plot__what_it_does_not_know_is_refused_kindly(result: RunResult):
    """An unknown keyword is named with those there are; what is no axes is not drawn into."""
    with pytest.raises(TypeError, match=r"^plot\(\): unknown keyword 'times'; allowed: ax$"):
        result.plot(times="dates")
    with pytest.raises(sim.ScenarioError, match="axes: 3 is not allowed; axes of matplotlib, or None"):
        result.plot_recovery(3)
    with pytest.raises(TypeError, match=r"^frame\(\): 'name' is missing; it takes name; by name: times$"):
        result.frame()


def test_html__begins_with_the_headline(result: RunResult):
    """A notebook says what came of it, and what limited it, before the numbers."""
    assert result._repr_html_().startswith(f"<div><p>{html.escape(result.headline)}</p>")


def test_plot__is_the_completion(result: RunResult):
    """Every answer plots; that of a run is the fleet by status."""
    assert result.plot().get_title() == result.plot_completion().get_title()
    assert len(result.figure().axes) == 2
