"""Figures and axes to draw into, and the axis of shares that many of them have.

Everything is drawn with matplotlib's objects: no backend is chosen and nothing stays in pyplot's list,
so that a program with its own figures, or without a screen, is left alone.
"""

from __future__ import annotations

import sys
from textwrap import wrap
from typing import TYPE_CHECKING, Final

from sim.errors import Problem, ScenarioError
from sim.units import shown

if TYPE_CHECKING:
    from collections.abc import Callable

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


_LETTERS_PER_INCH: Final = 8.0
"""Of a headline, also if they are wide ones."""


def blank_figure(width: float, height: float) -> Figure:
    """Return an empty figure that belongs to nobody's list.

    Args:
        width: Inches.
        height: Inches.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def headline(figure: Figure, text: str) -> None:
    """Give a figure a headline at its left, over as many lines as it needs to be seen in whole.

    Args:
        figure: Mutated.
        text: May have lines of its own.
    """
    width = int(figure.get_figwidth() * _LETTERS_PER_INCH)
    lines = [part for line in text.splitlines() for part in wrap(line, width)]
    figure.suptitle("\n".join(lines), x=0.008, ha="left", fontsize=13, weight="bold")


def new_axes() -> Axes:
    """Return the axes of a new figure that will be seen.

    A program that uses pyplot, or a notebook, shows pyplot's figures only; any other program gets a
    figure of its own, and nothing chooses a backend for it.
    """
    if "matplotlib.pyplot" in sys.modules or "ipykernel" in sys.modules:
        from matplotlib import pyplot

        return pyplot.subplots(figsize=(7, 4.5), layout="constrained")[1]
    return blank_figure(7, 4.5).subplots()


def drawn(axes: Axes | None, draw: Callable[[Axes], None]) -> Axes:
    """Draw into axes, or into those of a new figure, and return them.

    Args:
        axes: Where; a new figure if None. Mutated.
        draw: Draws into the axes that it gets.

    Raises:
        ScenarioError: What was given is no axes.
    """
    problems = [] if axes is None else _axes_problems(axes)
    if problems:
        raise ScenarioError(problems)
    axes = new_axes() if axes is None else axes
    draw(axes)
    return axes


def _axes_problems(given: object) -> list[Problem]:
    """Return what is wrong with axes that somebody gave."""
    from matplotlib.axes import Axes

    if isinstance(given, Axes):
        return []
    allowed = "axes of matplotlib, or None for a new figure"
    return [Problem("axes", f"{shown(given)} is not allowed; {allowed}")]


def share_axis(axes: Axes, label: str, *, low: float = 0.0, high: float = 1.0) -> None:
    """Give the axes a vertical axis in per cent.

    Args:
        axes: Where. Mutated.
        label: What it is a share of.
        low: Its lower end.
        high: Its upper end; more than 1 keeps a line at the top in sight.
    """
    from matplotlib.ticker import PercentFormatter

    axes.set_ylim(low, high)
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0, symbol=" %"))
    axes.set_ylabel(label)
