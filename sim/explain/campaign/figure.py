"""What limits a campaign as a picture: a bar a lever, as long as what it saves."""

from __future__ import annotations

from textwrap import shorten
from typing import TYPE_CHECKING, Any, Final

from sim.results.figures.canvas import blank_figure
from sim.results.figures.colours import FAINT, GREEN, VERMILION

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from sim.explain.campaign.findings import LimitsData

_TEXT_MAX: Final = 60
_ROW_INCHES: Final = 0.36


def limits_figure(limits: LimitsData) -> Figure:
    """Return the figure of what each lever saves, the best first."""
    figure = blank_figure(9.0, 1.6 + _ROW_INCHES * max(len(limits.levers), 1))
    draw_limits(figure.subplots(), limits)
    return figure


def draw_limits(axes: Axes, limits: LimitsData) -> None:
    """Draw what each lever saves of the mean time until a device is upgraded.

    Args:
        axes: Where. Mutated.
    """
    levers = limits.levers
    axes.set_title(f"{limits.run.scenario.name}: what is saved by easing one thing at a time")
    if not levers:
        axes.text(0.5, 0.5, "nothing can be eased", ha="center", va="center", transform=axes.transAxes)
        axes.set_axis_off()
        return
    saved = [100 * lever.saved_share for lever in levers]
    axes.barh(range(len(levers)), saved, color=[GREEN if share >= 0 else VERMILION for share in saved])
    beside: dict[str, Any] = {"textcoords": "offset points", "va": "center", "fontsize": 8}
    for row, share in enumerate(saved):
        axes.annotate(f"{share:.1f} %", (max(share, 0.0), row), (4, 0), **beside)
    names = [shorten(lever.text, _TEXT_MAX, placeholder="...") for lever in levers]
    axes.set_yticks(range(len(levers)), names)
    axes.invert_yaxis()
    axes.set_xlim(min(0.0, *saved) * 1.1, max(1.0, *saved) * 1.15)
    axes.set_xlabel("share of the mean time until a device is upgraded, %")
    axes.grid(axis="x", color=FAINT)
