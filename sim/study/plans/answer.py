"""The answer of a plan: the value, how sure it is, what was looked at, and what contradicts it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from sim.study.display.answer import StudyAnswer
from sim.study.point_statistics import loss_probability, wilson

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from sim.fleet.spec import Bools
    from sim.study.ranges.vary import Axis

LOSS_P: Final = 0.01
"""A loss of goals from one value to the next is called real if chance explains it less often than this."""


@dataclass(frozen=True, eq=False)
class Seen:
    """A value that was looked at.

    Attributes:
        value: As a scenario file writes it.
        index: Its position on the axis.
        met: (R,) bool, whether all goals held in each replication.
        is_good: Whether they held in the wanted share of replications.
        means: Mean of every metric; NaN where undefined.
        digest: Digest of its runs.
    """

    value: Any
    index: int
    met: Bools
    is_good: bool
    means: dict[str, float]
    digest: str

    @property
    def held(self) -> int:
        """Replications in which all goals held."""
        return int(self.met.sum())

    @property
    def share(self) -> float:
        """Share of replications in which they did."""
        return self.held / len(self.met)

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's 95 % interval of that share."""
        return wilson(self.held, len(self.met))


@dataclass(frozen=True, eq=False)
class Search:
    """One search along the axis.

    Attributes:
        fixed: Values of other fields.
        i_best: Which of `seen` is the answer; None if none is good enough.
        seen: What was looked at, from where goals are hardest to meet to where they are easiest.
    """

    fixed: Mapping[str, Any]
    i_best: int | None
    seen: tuple[Seen, ...]

    @property
    def best(self) -> Seen | None:
        """The answer, if there is one."""
        return None if self.i_best is None else self.seen[self.i_best]

    @property
    def before(self) -> Seen | None:
        """The neighbour that is not good enough; None if the answer is the end of the range."""
        return self.seen[self.i_best - 1] if self.i_best else None

    @property
    def relapses(self) -> list[Seen]:
        """Values beyond the answer that are not good enough although they should be even better."""
        return [] if self.i_best is None else [seen for seen in self.seen[self.i_best :] if not seen.is_good]

    @property
    def losses(self) -> list[tuple[Seen, Seen]]:
        """Neighbours of which the one that should be better loses goals, more than chance explains."""
        pairs = zip(self.seen, self.seen[1:], strict=False)
        return [(a, b) for a, b in pairs if loss_probability(a.met, b.met) < LOSS_P]

    @property
    def is_monotonic(self) -> bool:
        """Whether nothing that was seen contradicts that more is better."""
        return not self.relapses and not self.losses

    @property
    def odd_replications(self) -> int:
        """Replications in which goals held somewhere, and not at some value that should be better."""
        met = np.array([seen.met for seen in self.seen])
        held_before = np.logical_or.accumulate(met, axis=0)
        return int((held_before & ~met).any(axis=0).sum())


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class PlanAnswer(StudyAnswer):
    """The smallest or largest value with which goals hold.

    Attributes:
        goals: What must hold, as text.
        confidence: In which share of replications.
        largest: Whether the largest value was looked for.
        replications: Runs at each value.
        axis: The field that was searched.
        second: The field whose values were gone through, None without.
        searches: One, or one for each value of the second field.
    """

    goals: tuple[str, ...]
    confidence: float
    largest: bool
    replications: int
    axis: Axis
    second: Axis | None
    searches: tuple[Search, ...]

    @property
    def value(self) -> Any:
        """The answer as a scenario file writes it; None if the goals are out of reach."""
        best = self.searches[0].best
        return None if best is None else best.value

    @property
    def digest(self) -> str:
        """SHA-256 over the records of all runs at all values that were looked at."""
        digests = [seen.digest for search in self.searches for seen in search.seen]
        return hashlib.sha256("\n".join(digests).encode()).hexdigest()

    @property
    def metrics(self) -> tuple[str, ...]:
        """Metrics of the fleet that the goals are about, each once."""
        names = (goal.split(" ", 1)[0] for goal in self.goals)
        return tuple(dict.fromkeys(name for name in names if name in self.searches[0].seen[0].means))

    @cached_property
    def frame(self) -> pd.DataFrame:
        """A row a value that was looked at: how often goals held, and the mean of every metric."""
        import pandas as pd

        rows = []
        for search in self.searches:
            for i_seen, seen in enumerate(search.seen):
                low, high = seen.interval
                rows.append(
                    {
                        **search.fixed,
                        self.axis.path: seen.value,
                        "replications": len(seen.met),
                        "held": seen.held,
                        "share": seen.share,
                        "share_low": low,
                        "share_high": high,
                        "is_good": seen.is_good,
                        "is_answer": i_seen == search.i_best,
                        **seen.means,
                    }
                )
        return pd.DataFrame(rows)

    @cached_property
    def frontier(self) -> pd.DataFrame:
        """A row a value of the second field: the answer for it, missing where goals are out of reach."""
        import pandas as pd

        rows = []
        for search in self.searches:
            best = search.best
            rows.append(
                {
                    **search.fixed,
                    self.axis.path: None if best is None else best.value,
                    "held": 0 if best is None else best.held,
                    "is_monotonic": search.is_monotonic,
                }
            )
        return pd.DataFrame(rows).convert_dtypes()

    def as_dict(self) -> dict[str, Any]:
        """Return the content of `plan.json`."""
        return {
            "scenario": self.scenario.name,
            "seed": self.seed,
            "digest": self.digest,
            "goals": list(self.goals),
            "confidence": self.confidence,
            "replications": self.replications,
            "looked_for": "largest" if self.largest else "smallest",
            "field": self.axis.path,
            "range": [self.axis.values[0], self.axis.values[-1]],
            "answers": [_answer(search) for search in self.searches],
        }


def _answer(search: Search) -> dict[str, Any]:
    """Return one search as plain data."""
    best, before = search.best, search.before
    return {
        **search.fixed,
        "value": None if best is None else best.value,
        "held": None if best is None else best.held,
        "interval": None if best is None else list(best.interval),
        "before": None if before is None else {"value": before.value, "held": before.held},
        "is_monotonic": search.is_monotonic,
        "odd_replications": search.odd_replications,
        "seen": len(search.seen),
    }
