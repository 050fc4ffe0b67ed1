"""Completion curves of several results over each other."""

import numpy as np
import pytest

from sim.results.figures.overlay import completion_figure
from sim.rules import SubtaskState

SUCCESS, FAIL = SubtaskState.SUCCESS, SubtaskState.FAIL


def curve_at(line, time_s):
    """Return the value of a drawn curve at a time."""
    times, values = line.get_data()
    return values[np.searchsorted(times, time_s, side="right") - 1]


def test_figure__has_a_labelled_curve_a_result(make_run, make_result):
    """Each curve is the share in Success at its time, up to the last success of them all."""
    quick = make_result(make_run([SUCCESS] * 4, end_s=[60, 60, 120, 600]))
    slow = make_result(make_run([SUCCESS, FAIL], end_s=[3_000, 3_100]))

    figure = completion_figure({"quick": quick, "slow": slow})

    axes = figure.axes[0]
    assert [line.get_label() for line in axes.lines] == ["quick", "slow"]
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["quick", "slow"]
    first, second = axes.lines
    assert [curve_at(first, time_s) for time_s in (0, 60, 120, 599, 600)] == [0, 0.5, 0.75, 0.75, 1.0]
    assert [curve_at(second, time_s) for time_s in (2_999, 3_000, 3_100)] == [0, 0.5, 0.5]
    assert 3_000 <= axes.get_xlim()[1] < 3_300
    assert axes.get_title(loc="left") == "by-hand"


def test_figure__replications_are_averaged(make_run, make_result):
    """A line is the mean of its replications, of which the shorter ones stay as they ended."""
    runs = [
        make_run([SUCCESS, FAIL], end_s=[60, 60], run_end_s=60.0),
        make_run([SUCCESS, SUCCESS], end_s=[60, 1_200], run_end_s=1_200.0, replication=1),
    ]

    (line,) = completion_figure({"both": make_result(*runs)}).axes[0].lines

    assert [curve_at(line, time_s) for time_s in (59, 60, 1_200)] == [0, 0.5, 0.75]


def test_figure__shades_outages(make_run, make_result):
    """What the curves have in common outside is in the picture, as far as the picture goes."""
    outages = [
        {"at": "10 min", "lasts": "1 d", "effect": "unreachable"},
        {"at": "20 h", "lasts": "1 h", "effect": "unreachable"},
    ]
    run = make_run([SUCCESS], end_s=[1_200], outages=outages)
    figure = completion_figure({"one": make_result(run)}, title="Two outages")

    axes = figure.axes[0]
    assert [text.get_text() for text in axes.texts] == ["outage"]
    (band,) = axes.patches
    assert band.get_x() == 600
    assert band.get_x() + band.get_width() == pytest.approx(axes.get_xlim()[1])
    assert axes.get_title(loc="left") == "Two outages"


def test_figure__without_any_success_is_flat(make_run, make_result):
    """Nothing rises, and there is a picture all the same."""
    (line,) = completion_figure({"none": make_result(make_run([FAIL] * 3))}).axes[0].lines

    assert set(line.get_ydata()) == {0.0}
