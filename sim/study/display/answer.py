"""What the answers of all studies have in common.

Decision: an answer comes in two classes. The one in `answer.py` of its kind is data, and its text and figure
are functions of that. The one beside the function that makes it knows them too, and is what callers get.
So no module needs a later one, as it would if data knew how they are drawn.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sim.results.display.format import counted
from sim.results.figures.shown import Shown

if TYPE_CHECKING:
    from sim.scenario import Scenario
    from sim.study.engine.folder import Content
    from sim.study.engine.study import Runs


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class StudyAnswer(Shown):
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
    def contents(self) -> Mapping[str, Content]:
        """Return what the study's folder gets, by the name of the file."""

    @property
    @abstractmethod
    def size(self) -> str:
        """How much was looked at, like `6 points`."""

    def about(self) -> str:
        """Return what was studied, and how much of it."""
        return f"{self.scenario.name}: {self.size}, seed {self.seed}"


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
    def size(self) -> str:
        """How much was looked at, like `6 points, 10 replications`."""
        points = len(self.runs.points)
        runs = counted(self.replications, "replication")
        return runs if points == 1 else f"{counted(points, 'point')}, {runs}"

    @property
    def digest(self) -> str:
        """SHA-256 over the records of all runs, point by point."""
        return self.runs.digest

    def as_dict(self) -> dict[str, Any]:
        """Return the answer as plain data: the JSON file of its kind in the study's folder."""
        return {**super().as_dict(), "replications": self.replications}
