"""One look for all figures, whatever the user's own style is, and images whose bytes are stable."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, Literal, cast, get_args

if TYPE_CHECKING:
    from pathlib import Path

    from matplotlib.figure import Figure

ImageKind = Literal["png", "svg", "pdf"]
"""Formats of images."""

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
_METADATA: Final[dict[ImageKind, dict[str, None]]] = {
    "png": {"Software": None},
    "svg": {"Date": None, "Creator": None},
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
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
    make: Callable[[], Figure], kind: ImageKind = "png", *, dpi: float = 150, **changes: Any
) -> bytes:
    """Return a figure as an image; equal figures give equal bytes with the same version of matplotlib.

    Args:
        make: Draws the figure.
        kind: Which format.
        dpi: Dots per inch of a PNG.
        changes: See `figure_style`.
    """
    stream = io.BytesIO()
    with figure_style(**changes):
        make().savefig(stream, format=kind, dpi=dpi, metadata=_METADATA[kind])
    return stream.getvalue()


def image_kind(path: Path) -> ImageKind:
    """Return the format that a file's name promises.

    Raises:
        ValueError: It promises none of them.
    """
    kind = path.suffix.lower().removeprefix(".")
    if kind not in get_args(ImageKind):
        raise ValueError(f"'{path}' is no name of an image; end it with .png, .svg or .pdf")
    return cast("ImageKind", kind)
