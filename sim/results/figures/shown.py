"""What every answer can do with itself: be printed, and be seen in a notebook."""

from __future__ import annotations

from abc import ABC, abstractmethod
from html import escape
from typing import TYPE_CHECKING

from sim.results.display.format import image_html
from sim.results.figures.style import image_bytes

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Shown(ABC):
    """An answer that has words and a figure."""

    @abstractmethod
    def text(self) -> str:
        """Return the answer as the command prints it."""

    @abstractmethod
    def figure(self) -> Figure:
        """Return the figure that belongs to the answer."""

    @abstractmethod
    def about(self) -> str:
        """Return in a few words what is answered: what tells two answers of a kind apart."""

    def __str__(self) -> str:
        """Return the answer as the command prints it."""
        return self.text()

    def __repr__(self) -> str:
        """Return one line that tells answers apart."""
        return f"<{type(self).__name__} {self.about()}>"

    def _repr_html_(self) -> str:
        """Return text and figure for Jupyter."""
        text = self.text()
        image = image_html(image_bytes(self.figure, dpi=90), alt=text.partition("\n")[0])
        return f"<div><pre>{escape(text)}</pre>{image}</div>"
