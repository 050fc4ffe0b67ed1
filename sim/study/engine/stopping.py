"""Sequential stopping: so many replications that means are precise enough."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from sim.results.statistics import estimate
from sim.study.engine.points import Point
from sim.study.engine.study import Runs, Study
from sim.study.goals import Precision, looks

if TYPE_CHECKING:
    from sim.results import Estimate

MOST: Final = 1_000
"""Replications at most while a precision is not reached."""


@dataclass(frozen=True)
class Looked:
    """How a precision was reached, or wasn't.

    Attributes:
        precisions: What was asked for; empty if a number of replications was.
        looks: Numbers of replications at which it was looked at, up to the last one.
        is_met: Whether all were precise enough then.
    """

    precisions: tuple[Precision, ...]
    looks: list[int]
    is_met: bool

    def __str__(self) -> str:
        """Return the sentence that belongs beside a result of sequential stopping; empty without."""
        if not self.precisions:
            return ""
        asked = ", ".join(precision.text for precision in self.precisions)
        looked = ", ".join(map(str, self.looks))
        met = "reached" if self.is_met else "NOT reached"
        return (
            f"Precision {asked}: {met} after {self.looks[-1]} replications; looked at {looked} "
            "(sequential: such a 95 % interval covers about 94 %)"
        )


def until_precise(
    study: Study, points: list[Point], precisions: tuple[Precision, ...], most: int
) -> tuple[Runs, Looked]:
    """Run so many replications at all points that each mean is precise enough at each point.

    All points get the same number: with different ones they would not have the same luck.

    Args:
        study: Where to run.
        points: Where to look.
        precisions: What is asked for; with none exactly `most` replications are run.
        most: Replications at most.
    """
    seen: list[int] = []
    runs: Runs | None = None
    is_met = False
    for look in looks(most) if precisions else [most]:
        runs = study.runs(points, look)
        seen.append(look)
        is_met = all(p.is_met(e) for p in precisions for e in estimates_at_points(runs, p.metric))
        if is_met and precisions:
            break
    assert runs is not None
    return runs, Looked(precisions, seen, is_met)


def estimates_at_points(runs: Runs, name: str) -> list[Estimate]:
    """Return the mean of one metric at each point, with its interval.

    Args:
        runs: The runs.
        name: The metric.
    """
    return [estimate(name, [None if np.isnan(v) else float(v) for v in row]) for row in runs.of(name)]
