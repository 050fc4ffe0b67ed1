"""The overlay of two curves."""

import matplotlib.image
import matplotlib.pyplot as plt
import numpy as np
import pytest

from sim.testing import figure
from sim.testing.figure import save_overlay
from sim.testing.runs import Curve

BEFORE = Curve((0.0, 60.0, 120.0, 600.0), (0.0, 0.4, 0.8, 0.9), (0.0, 0.0, 0.1, 0.1))
NOW = Curve((0.0, 60.0, 180.0), (0.0, 0.2, 0.7), (0.0, 0.1, 0.3))
EARLY = Curve((0.0, 60.0, 6e4, 6e5), (0.0, 0.8, 0.9, 0.9), (0.0, 0.0, 0.1, 0.1))


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
        monkeypatch.setattr(figure, name, lambda *args, name=name: axes.append(name))

    save_overlay(tmp_path / "x.png", "x", curve, curve)

    assert axes == used
