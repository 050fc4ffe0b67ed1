"""Completion curves of several results over each other."""

import matplotlib.image
import matplotlib.pyplot as plt
import numpy as np
import pytest

from sim.results.curves import Curve
from sim.results.figures import timeaxis
from sim.results.figures.overlay import completion_figure, save_overlay
from sim.rules import SubtaskState

BEFORE = Curve((0.0, 60.0, 120.0, 600.0), (0.0, 0.4, 0.8, 0.9), (0.0, 0.0, 0.1, 0.1))
NOW = Curve((0.0, 60.0, 180.0), (0.0, 0.2, 0.7), (0.0, 0.1, 0.3))
EARLY = Curve((0.0, 60.0, 6e4, 6e5), (0.0, 0.8, 0.9, 0.9), (0.0, 0.0, 0.1, 0.1))

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


def test_save_overlay__draws_curves_of_different_grids(tmp_path):
    """Curves need not have the same times, and the folder is made."""
    path = tmp_path / "new" / "x.png"
    before = plt.get_fignums()

    save_overlay(path, "x", BEFORE, NOW)

    image = matplotlib.image.imread(path)
    assert image.shape[0] > 400
    assert 0.005 < np.mean(image[..., :3].min(axis=2) < 0.9) < 0.5
    assert plt.get_fignums() == before  # the caller's figures are not touched


def test_save_overlay__shows_what_differs(tmp_path):
    """Equal curves and different ones give different pictures; equal ones give equal files."""
    names = ("equal", "again", "other", "early")
    for name, now in zip(names, (BEFORE, BEFORE, NOW, EARLY), strict=True):
        save_overlay(tmp_path / f"{name}.png", "x", BEFORE if name != "early" else EARLY, now)

    equal, again, other, early = ((tmp_path / f"{name}.png").read_bytes() for name in names)
    assert equal == again
    assert len({equal, other, early}) == 3


@pytest.mark.parametrize(("curve", "used"), [(EARLY, ["log_time"]), (BEFORE, ["linear_time"])])
def test_save_overlay__an_early_rise_is_drawn_on_a_logarithmic_axis(tmp_path, monkeypatch, curve, used):
    """A fleet that is through in minutes of a run of days would be a vertical line otherwise."""
    axes = []
    for name in ("log_time", "linear_time"):
        monkeypatch.setattr(timeaxis, name, lambda *args, name=name: axes.append(name))

    save_overlay(tmp_path / "x.png", "x", curve, curve)

    assert axes == used
