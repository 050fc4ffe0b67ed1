"""What of a figure lies outside of it."""

from collections.abc import Iterator

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text

_TOLERANCE = 1.0
"""Pixels."""


def cut_off(figure: Figure) -> list[str]:
    """Return the texts of a figure that its edge cuts off; it is drawn for that."""
    canvas = figure.canvas
    assert isinstance(canvas, FigureCanvasAgg)
    canvas.draw()
    renderer = canvas.get_renderer()
    unseen = set(_unseen(figure))
    cut = []
    for text in figure.findobj(Text):
        assert isinstance(text, Text)
        if text in unseen or not text.get_visible() or not text.get_text().strip():
            continue
        box = text.get_window_extent(renderer)
        inside = box.x0 >= -_TOLERANCE and box.y0 >= -_TOLERANCE
        end = (figure.bbox.width + _TOLERANCE, figure.bbox.height + _TOLERANCE)
        if not (inside and box.x1 <= end[0] and box.y1 <= end[1]):
            cut.append(text.get_text())
    return cut


def _unseen(figure: Figure) -> Iterator[Text]:
    """Yield the labels of ticks beyond the ends of their axes, which are not drawn."""
    for axes in figure.axes:
        for axis in (axes.xaxis, axes.yaxis):
            low, high = sorted(axis.get_view_interval())
            for tick in axis.get_major_ticks():
                if not low <= tick.get_loc() <= high:
                    yield from (tick.label1, tick.label2)
