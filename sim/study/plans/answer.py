"""The answer of a plan: the value, how sure it is, what was looked at, and what contradicts it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from sim.results.display.format import counted
from sim.results.frames.bit_rates import with_bps
from sim.study.display.answer import StudyAnswer
from sim.study.point_statistics import loss_probability, wilson

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

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
        goals_met: (R, G) bool, whether each goal held in each replication; an equation counts as two.
        is_good: Whether they held in the wanted share of replications.
        means: Mean of every metric; NaN where undefined.
        upgraded_by: Mean share of the fleet in Success by each of the plan's `times`.
        digest: Digest of its runs.
    """

    value: Any
    index: int
    goals_met: Bools
    is_good: bool
    means: dict[str, float]
    upgraded_by: tuple[float, ...]
    digest: str

    @property
    def met(self) -> Bools:
        """(R,) bool, whether all goals held in each replication."""
        return np.asarray(self.goals_met.all(axis=1), np.bool_)

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


class Loss(NamedTuple):
    """A goal that is lost from one value to its neighbour, although it should be gained.

    Attributes:
        before: The value at which it holds more often.
        after: The other one.
        held_before: Replications in which it holds there.
        held_after: Replications in which it holds here.
    """

    before: Seen
    after: Seen
    held_before: int
    held_after: int


@dataclass(frozen=True, eq=False)
class Search:
    """One search along the axis.

    Attributes:
        fixed: Values of other fields.
        i_best: Which of `seen` is the answer; None if none is good enough.
        seen: What was looked at, from where goals are hardest to meet to where they are easiest.
        directions: Of each goal: 1 if it comes along `seen`, -1 if it goes, 0 if it does neither, or both.
        is_done: Whether nothing was left to look into; else the search ended at its bound.
    """

    fixed: Mapping[str, Any]
    i_best: int | None
    seen: tuple[Seen, ...]
    directions: tuple[int, ...]
    is_done: bool

    @property
    def best(self) -> Seen | None:
        """The answer, if there is one."""
        return None if self.i_best is None else self.seen[self.i_best]

    @property
    def nearest(self) -> Seen:
        """Where goals held most often; of equals where most were upgraded in time, then the easiest end."""
        return max(self.seen, key=lambda seen: (seen.held, seen.upgraded_by, seen.index))

    @property
    def before(self) -> Seen | None:
        """The neighbour that is not good enough; None if the answer is the end of the range."""
        return self.seen[self.i_best - 1] if self.i_best else None

    @property
    def is_opposed(self) -> bool:
        """Whether some goals go along the way, so that values may be good enough up to an end only."""
        return -1 in self.directions

    @property
    def last(self) -> Seen | None:
        """The end of the stretch that begins with the answer."""
        return None if self.i_best is None else self.seen[self._i_end - 1]

    @property
    def after(self) -> Seen | None:
        """What was seen beyond that end; None if that is the end of the range."""
        at_end = self.i_best is None or self._i_end == len(self.seen)
        return None if at_end else self.seen[self._i_end]

    @property
    def _i_end(self) -> int:
        """Which of `seen` is the first one beyond the answer's stretch."""
        first = self.i_best or 0
        return next((i for i in range(first, len(self.seen)) if not self.seen[i].is_good), len(self.seen))

    @property
    def relapses(self) -> list[Seen]:
        """Values beyond the answer that are not good enough although they should be.

        That is all of them, but where goals go only those that lie between others that are good enough.
        """
        good = [i for i, seen in enumerate(self.seen) if seen.is_good]
        if self.i_best is None:
            return []
        end = good[-1] if self.is_opposed else len(self.seen)
        return [seen for seen in self.seen[self.i_best : end] if not seen.is_good]

    @property
    def losses(self) -> list[Loss]:
        """Neighbours of which the one that should be better loses a goal, more than chance explains."""
        losses = []
        for low, high in pairwise(self.seen):
            for i_goal, direction in enumerate(self.directions):
                pair = (high, low) if direction < 0 else (low, high)
                met = [seen.goals_met[:, i_goal] for seen in pair]
                if loss_probability(*met) < LOSS_P:
                    losses.append(Loss(*pair, int(met[0].sum()), int(met[1].sum())))
        return losses

    @property
    def is_monotonic(self) -> bool:
        """Whether nothing that was seen contradicts that more is better."""
        return not self.relapses and not self.losses

    @property
    def odd_replications(self) -> int:
        """Replications in which a goal held somewhere, and not at some value that should be better."""
        met = np.array([seen.goals_met for seen in self.seen])
        goes = np.array(self.directions) < 0
        met[:, :, goes] = met[::-1, :, goes]
        held_before = np.logical_or.accumulate(met, axis=0)
        return int((held_before & ~met).any(axis=(0, 2)).sum())


def nearest_of(searches: Sequence[Search]) -> Search:
    """Return the search of some without an answer that came nearest; of equals the last.

    Args:
        searches: At least one.
    """
    ranks = [(search.nearest.held, search.nearest.upgraded_by, i) for i, search in enumerate(searches)]
    return searches[max(ranks)[2]]


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
        order: Whether the order of devices matters at the answer, in a sentence; empty if nobody waits there.
        times: By when the goals want devices upgraded, seconds.
        why: If goals are out of reach, why they were missed where they were nearest.
    """

    goals: tuple[str, ...]
    confidence: float
    largest: bool
    replications: int
    axis: Axis
    second: Axis | None
    searches: tuple[Search, ...]
    order: str = ""
    times: tuple[float, ...] = ()
    why: str = ""

    @property
    def size(self) -> str:
        """How much was looked at, like `9 values, 30 replications`."""
        seen = sum(len(search.seen) for search in self.searches)
        return f"{counted(seen, 'value')} of {self.axis.path}, {counted(self.replications, 'replication')}"

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
                        **{
                            f"upgraded_by_{t:g}_s": s
                            for t, s in zip(self.times, seen.upgraded_by, strict=True)
                        },
                        **seen.means,
                    }
                )
        return with_bps(pd.DataFrame(rows))

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
            **super().as_dict(),
            "goals": list(self.goals),
            "confidence": self.confidence,
            "replications": self.replications,
            "looked_for": "largest" if self.largest else "smallest",
            "field": self.axis.path,
            "range": [self.axis.values[0], self.axis.values[-1]],
            "answers": [_answer(search) for search in self.searches],
            "order": self.order or None,
            "why": self.why or None,
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
        "until": search.last.value if search.is_opposed and search.last is not None else None,
        "is_monotonic": search.is_monotonic,
        "odd_replications": search.odd_replications,
        "seen": len(search.seen),
        "is_done": search.is_done,
    }
