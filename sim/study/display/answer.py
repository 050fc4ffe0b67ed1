"""What the answers of all studies have in common.

Decision: an answer comes in two classes. The one in `answer.py` of its kind is data, and its text and figure
are functions of that. The one beside the function that makes it knows them too, and is what callers get.
So no module needs a later one, as it would if data knew how they are drawn.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sim.results.figures.style import image_bytes
from sim.study.display.text import study_html

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from sim.scenario import Scenario
    from sim.study.engine.folder import Content
    from sim.study.engine.study import Runs


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class StudyAnswer(ABC):
    """What a study found.

    Attributes:
        scenario: What was studied.
        seed: Key of all draws, the same everywhere.
        reused: Runs that were found in the folder.
    """

    scenario: Scenario
    seed: int
    reused: int

    @property
    @abstractmethod
    def digest(self) -> str:
        """SHA-256 over the records of all runs: equal digests mean equal studies."""

    @property
    @abstractmethod
    def headline(self) -> str:
        """The answer in one or two sentences: what was found, or that nothing was, and why."""

    def as_dict(self) -> dict[str, Any]:
        """Return the answer as plain data: the JSON file of its kind in the study's folder."""
        return {
            "scenario": self.scenario.name,
            "seed": self.seed,
            "digest": self.digest,
            "headline": self.headline,
        }

    @abstractmethod
    def text(self) -> str:
        """Return the answer as the command prints it."""

    @abstractmethod
    def figure(self) -> Figure:
        """Return the figure that belongs to the answer."""

    @abstractmethod
    def contents(self) -> Mapping[str, Content]:
        """Return what the study's folder gets, by the name of the file."""

    def __str__(self) -> str:
        """Return the answer as the command prints it."""
        return self.text()

    def _repr_html_(self) -> str:
        """Return text and figure for Jupyter."""
        figure = self.figure()
        return study_html(self.text(), image_bytes(lambda: figure, dpi=90))


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class RunsAnswer(StudyAnswer):
    """What a study found that had the same replications at each of its points.

    Attributes:
        runs: The runs.
    """

    runs: Runs

    @property
    def replications(self) -> int:
        """Replications at each point."""
        return self.runs.replications

    @property
    def digest(self) -> str:
        """SHA-256 over the records of all runs, point by point."""
        return self.runs.digest

    def as_dict(self) -> dict[str, Any]:
        """Return the answer as plain data: the JSON file of its kind in the study's folder."""
        return {**super().as_dict(), "replications": self.replications}
