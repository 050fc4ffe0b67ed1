"""One look for all figures, whatever the user's own style is, and images whose bytes are stable."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, Literal

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_STYLE: Final[dict[Any, Any]] = {
    "font.family": "DejaVu Sans",
    "font.size": 10.0,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 11.0,
    "axes.titlelocation": "left",
    "axes.titlepad": 10.0,
    "axes.axisbelow": True,
    "svg.hashsalt": "fleetsim",
    "svg.fonttype": "path",
}
# Without what matplotlib would add: its version, the date.
_METADATA: Final[dict[str, dict[str, None]]] = {
    "png": {"Software": None},
    "svg": {"Date": None, "Creator": None},
}


@contextmanager
def figure_style(**changes: Any) -> Iterator[None]:
    """Give figures that are made inside the look of this package's.

    Args:
        changes: matplotlib's settings that differ, with `_` for `.` in their names.
    """
    import matplotlib

    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(_STYLE)
        named: dict[Any, Any] = {name.replace("_", "."): value for name, value in changes.items()}
        matplotlib.rcParams.update(named)
        yield


def image_bytes(
    make: Callable[[], Figure], kind: Literal["png", "svg"] = "png", *, dpi: float = 150, **changes: Any
) -> bytes:
    """Return a figure as an image; equal figures give equal bytes with the same version of matplotlib.

    Args:
        make: Draws the figure.
        kind: `png` or `svg`.
        dpi: Dots per inch of a PNG.
        changes: See `figure_style`.
    """
    stream = io.BytesIO()
    with figure_style(**changes):
        make().savefig(stream, format=kind, dpi=dpi, metadata=_METADATA[kind])
    return stream.getvalue()
