"""Figures to draw into: whose they are, and their axis of shares."""

import subprocess
import sys

from matplotlib.figure import Figure

from sim.results.figures.canvas import drawn, new_axes, share_axis


def test_new_axes__use_no_pyplot_and_choose_no_backend():
    """A new figure never imports pyplot, whose list of figures and backend belong to the user."""
    code = (
        "import sys\n"
        "from matplotlib.figure import Figure\n"
        "from sim.results.figures.canvas import new_axes\n"
        "axes = new_axes()\n"
        "assert isinstance(axes.figure, Figure)\n"
        "assert 'matplotlib.pyplot' not in sys.modules\n"
    )

    subprocess.run([sys.executable, "-c", code], check=True)


def test_new_axes__belong_to_pyplot_where_pyplot_shows_them():
    """In a program that uses pyplot, a new figure is one of pyplot's, or `show()` would not show it."""
    from matplotlib import pyplot

    axes = new_axes()

    assert pyplot.gcf() is axes.figure
    pyplot.close(axes.figure)


def test_drawn__draws_where_it_is_told_or_into_a_new_figure():
    """Given axes are drawn into and returned; without any there are new ones."""
    given = Figure().subplots()

    assert drawn(given, lambda axes: axes.plot([0, 1])) is given
    assert given.has_data()
    assert drawn(None, lambda axes: axes.plot([0, 1])).has_data()


def test_share_axis__reads_in_per_cent():
    """Ticks are percentages, and the ends are those that were asked for."""
    axes = Figure().subplots()

    share_axis(axes, "share of the fleet", high=1.02)

    assert axes.get_ylim() == (0.0, 1.02)
    assert axes.yaxis.get_major_formatter()(0.5) == "50 %"
