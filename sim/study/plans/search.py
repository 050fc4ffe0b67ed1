"""The smallest (or largest) value with which goals hold, by bisection with the same draws everywhere.

A value is good enough if all goals hold together in the wanted share of replications. The search looks at
a few values across the range first, then halves the first gap in which goals may hold often enough, until
there is none: see `sim.study.plans.gaps`. It relies on each goal coming, or going, once along the range, and
says so where what it saw contradicts that.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Unpack

from sim.errors import Problem, ScenarioError
from sim.results.display.order import ORDER, order_sentence, other_order, what_binds
from sim.results.figures.canvas import drawn
from sim.rules import exact_share, needed_count
from sim.scenario import load_scenario
from sim.scenario.arguments import known_keywords
from sim.scenario.metrics import COST_METRICS
from sim.study.engine.completion import upgraded_by
from sim.study.engine.kinds import PLAN
from sim.study.engine.options import OPTION_NAMES, Complaints, Options, check_count, check_options
from sim.study.engine.points import Point, points_at
from sim.study.engine.study import Runs, Study
from sim.study.engine.unit import METRIC_NAMES
from sim.study.goals import goal_text, inequalities, read_confidence, read_goals
from sim.study.plans.answer import PlanAnswer, Search, Seen, nearest_of
from sim.study.plans.figure import draw_plan, plan_figure
from sim.study.plans.gaps import directions, search
from sim.study.plans.missed_goals import why_missed
from sim.study.plans.text import plan_headline, plan_text
from sim.study.point_statistics import means
from sim.study.ranges.vary import POINTS_MAX, Axis, Fields, Vary, read_vary, search_axis, sweep_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from sim.fleet.spec import Bools
    from sim.scenario import Expectation, Scenario, ScenarioLike
    from sim.study.engine.folder import Content
    from sim.study.engine.points import Values

REPLICATIONS_MIN: Final = 30
"""Replications of a plan if nobody says how many, unless the scenario has more."""

PROBES: Final = 8
"""Values across the range that are looked at first."""

FRONTIER_MAX: Final = 50
"""Most values of the second field."""

_NO_FIELDS: Final[tuple[Axis | None, Axis | None]] = (None, None)


class Plan(PlanAnswer):
    """The smallest or largest value with which goals hold, in numbers, words and figures."""

    @property
    def headline(self) -> str:
        """The answer in one or two sentences: what was found, or that nothing was, and why."""
        return plan_headline(self)

    def text(self) -> str:
        """Return the answer as the command prints it."""
        return plan_text(self)

    def figure(self) -> Figure:
        """Return the figure of what was looked at."""
        return plan_figure(self)

    @known_keywords()
    def plot(self, axes: Axes | None = None) -> Axes:
        """Draw how often goals held over the field; with two fields, the frontier.

        Args:
            axes: Where; a new figure if None.
        """
        return drawn(axes, lambda axes: draw_plan(axes, self))

    def contents(self) -> Mapping[str, Content]:
        """Return what the study's folder gets, by the name of the file."""
        frontier = {} if self.second is None else {"frontier.parquet": self.frontier}
        return {"plan.parquet": self.frame, **frontier, "plan.json": self.as_dict(), "plan.png": self.figure}


@known_keywords(*OPTION_NAMES)
def plan(
    scenario: ScenarioLike,
    vary: Fields,
    goals: str | Sequence[str],
    *,
    confidence: object = 0.9,
    largest: bool = False,
    exhaustive: bool = False,
    replications: int | None = None,
    **options: Unpack[Options],
) -> Plan:
    """Find the smallest value of a field with which goals hold.

    Args:
        scenario: A scenario, the path of its file, or a mapping with what a file would hold.
        vary: The field and the range to look in, like `{"platform.max_processing": "50..20000"}`. A second
            field asks for the smallest value of the first one for each of its values.
        goals: Like `time_to_success.p99 <= 8 h`, in the grammar of `expect`; all must hold together.
        confidence: Share of replications in which they must hold, above 0 and at most 1; or like `90 %`.
        largest: Look for the largest value instead, where less is better.
        exhaustive: Look at every value instead of bisecting.
        replications: At each value; None for the scenario's own number, at least 30.
        **options: See `Options`.

    Returns:
        The value, how sure it is, and everything that was looked at.

    Raises:
        ScenarioError: Something in the input is wrong; nothing was run then.

    Example:
        >>> places = {"platform.max_processing": "2000, 6000"}
        >>> sim.plan("scenarios/quickstart.yaml", places, "time_to_success.p50 <= 3 h", replications=2).value
        2000
    """
    base = load_scenario(scenario)
    complaints = Complaints()
    wanted: tuple[Expectation, ...] = complaints.of(lambda: read_goals(base, goals), ())
    share = complaints.of(lambda: read_confidence(confidence), 1.0)
    first, second = complaints.of(lambda: _fields(base, vary, exhaustive=exhaustive), _NO_FIELDS)
    default = max(base.run.replications, REPLICATIONS_MIN)
    n = complaints.of(lambda: check_count("replications", replications, default), default)
    complaints.of(lambda: check_options(options), None)
    if first is not None:
        complaints.of(lambda: _check_ends(base, first, second), None)
    complaints.raise_any()
    assert first is not None
    times = tuple(dict.fromkeys(time for goal in wanted if (time := _time_of(goal)) is not None))
    # Curves say how far a value came whose goal was never reached.
    with Study(base, options, kind=PLAN, goals=inequalities(wanted), keeps_curves=bool(times)) as study:
        asked = _Asked(study, first, n, share, times, largest=largest, exhaustive=exhaustive)
        result = _answer(asked, wanted, second)
        study.save(result.contents)
    return result


def _fields(base: Scenario, vary: Fields, *, exhaustive: bool) -> tuple[Axis | None, Axis | None]:
    """Read the field that is searched, and the one whose values are gone through."""
    varied = read_vary(vary, base)
    if len(varied) > 2:
        raise ScenarioError([Problem("vary", f"{len(varied)} fields vary; a plan takes one or two")])
    complaints = Complaints()
    axis: Axis | None = complaints.of(lambda: search_axis(varied[0]), None)
    second: Axis | None = complaints.of(lambda: _second(varied[1]), None) if len(varied) == 2 else None
    if (
        axis is not None
        and exhaustive
        and len(axis.values) * len(second.values if second else "1") > POINTS_MAX
    ):
        message = f"has {len(axis.values):,} values to look at; give a step, or bisect"
        complaints.add(Problem(varied[0].path, message))
    complaints.raise_any()
    return axis, second


def _second(vary: Vary) -> Axis:
    """Return the values of the second field."""
    (axis,) = sweep_axes([vary])
    if len(axis.values) > FRONTIER_MAX:
        message = f"has {len(axis.values):,} values; the second field takes at most {FRONTIER_MAX}"
        raise ScenarioError([Problem(vary.path, message)])
    return axis


def _check_ends(base: Scenario, axis: Axis, second: Axis | None) -> None:
    """Check the scenario at both ends of the range, and at some values between."""
    last = len(axis.values) - 1
    some = sorted({round(last * part / 8) for part in range(9)})
    variants: list[Values] = [{axis.path: axis.values[i]} for i in some]
    if second is not None:
        variants = [{**values, second.path: value} for values in variants for value in second.values]
    points_at(base, variants)


@dataclass(frozen=True)
class _Asked:
    """What is searched for."""

    study: Study
    axis: Axis
    replications: int
    confidence: float
    times: tuple[float, ...]
    largest: bool
    exhaustive: bool

    @property
    def needed(self) -> int:
        """Replications in which goals must hold."""
        return needed_count(exact_share(self.confidence), self.replications)


def _answer(asked: _Asked, goals: Sequence[Expectation], second: Axis | None) -> Plan:
    """Search, for each value of the second field if there is one."""
    searches = _frontier(asked, second)
    return Plan(
        scenario=asked.study.scenario,
        seed=asked.study.seed,
        goals=tuple(goal_text(goal) for goal in goals),
        confidence=asked.confidence,
        largest=asked.largest,
        replications=asked.replications,
        axis=asked.axis,
        second=second,
        searches=searches,
        order=_order_at(asked, searches[0]),
        times=asked.times,
        why=_why_at(asked, inequalities(goals), searches),
        reused=asked.study.reused,
    )


def _frontier(asked: _Asked, second: Axis | None) -> tuple[Search, ...]:
    """Search once, or once for each value of the second field."""
    if second is None:
        return (_search(asked, {}),)
    return tuple(_search(asked, {second.path: value}) for value in second.values)


def _search(asked: _Asked, fixed: Values) -> Search:
    """Search with other fields fixed.

    Positions count from the end of the range where goals are hardest to meet.
    """
    n = len(asked.axis.values)
    looked: dict[int, Bools] = {}
    points: dict[int, Point] = {}

    def look(positions: Sequence[int]) -> None:
        new = [position for position in positions if position not in looked]
        values = [asked.axis.values[n - 1 - p if asked.largest else p] for p in new]
        found = points_at(asked.study.scenario, [{**fixed, asked.axis.path: v} for v in values])
        points.update(zip(new, found, strict=True))
        if new:
            met = asked.study.runs(found, asked.replications).goals_met
            looked.update(zip(new, met, strict=True))

    is_done = search(
        range(n) if asked.exhaustive else _probes(asked),
        look,
        looked,
        needed=asked.needed,
        middle=lambda low, high: _middle(asked, low, high),
    )
    seen = [
        _seen(asked, points[position], n - 1 - position if asked.largest else position)
        for position in sorted(looked)
    ]
    best = next((i_seen for i_seen, one in enumerate(seen) if one.is_good), None)
    return Search(dict(fixed), best, tuple(seen), tuple(directions(looked).tolist()), is_done=is_done)


def _order_at(asked: _Asked, search: Search) -> str:
    """Return whether the order of devices matters at the answer of a search; empty if nobody waits there."""
    if search.best is None:
        return ""
    values = {**search.fixed, asked.axis.path: search.best.value}
    scenario = asked.study.scenario.with_values(values)
    mine = _defined(search.best.means)
    binds = what_binds(scenario, mine)
    if not binds:
        return ""
    other = other_order(scenario)
    runs = asked.study.runs(points_at(asked.study.scenario, [{**values, ORDER: other}]), asked.replications)
    return order_sentence(binds, other, mine, _defined(_means(runs)))


def _why_at(asked: _Asked, goals: Sequence[Expectation], searches: Sequence[Search]) -> str:
    """Return why goals are missed where they were nearest; empty if they are in reach somewhere."""
    if any(search.best is not None for search in searches):
        return ""
    search = nearest_of(searches)
    values = {**search.fixed, asked.axis.path: search.nearest.value}
    scenario = asked.study.scenario.with_values(values)
    return why_missed(asked.study, scenario, goals, search.nearest, asked.needed)


def _time_of(goal: Expectation) -> float | None:
    """Return by when devices must be upgraded for a goal of the whole fleet, seconds; None for any other."""
    if goal.cohort is not None or goal.op not in ("<", "<=", "==", ">=", ">"):
        return None
    if goal.at is not None:
        return goal.at if goal.metric in ("success_share", "succeeded") else None
    in_time = goal.metric == "makespan" or goal.metric.startswith("time_to_success.")
    return goal.value if in_time and goal.op in ("<", "<=") else None


def _means(runs: Runs) -> dict[str, float]:
    """Return the mean of every metric at the only point of some runs; NaN where undefined."""
    found = {name: float(means(name, runs.of(name)).mean[0]) for name in METRIC_NAMES}
    return {name: mean for name, mean in found.items() if name not in COST_METRICS or mean == mean}


def _defined(metrics: Mapping[str, float]) -> dict[str, float | None]:
    """Return metrics with None where undefined, as those of a run have it."""
    return {name: None if math.isnan(value) else value for name, value in metrics.items()}


def _seen(asked: _Asked, point: Point, index: int) -> Seen:
    """Return what was seen at a point that was looked at."""
    runs = asked.study.runs([point], asked.replications)
    return Seen(
        value=point.values[asked.axis.path],
        index=index,
        goals_met=runs.goals_met[0],
        is_good=int(runs.goals_met[0].all(axis=1).sum()) >= asked.needed,
        means=_means(runs),
        upgraded_by=tuple(upgraded_by(runs, time_s) for time_s in asked.times),
        digest=runs.digest,
    )


def _probes(asked: _Asked) -> list[int]:
    """Return positions across the range, both ends included."""
    n = len(asked.axis.values)
    steps = min(PROBES, n) - 1
    if not _by_ratio(asked):
        return sorted({round((n - 1) * step / steps) for step in range(steps + 1)})
    positions = {0, n - 1}
    for step in range(1, steps):
        positions.add(
            _nearest(asked, _number(asked, 0) ** (1 - step / steps) * _number(asked, n - 1) ** (step / steps))
        )
    return sorted(positions)


def _middle(asked: _Asked, low: int, high: int) -> int:
    """Return a position between two others: by ratio while they are far apart, else halfway."""
    if _by_ratio(asked):
        ends = _number(asked, low), _number(asked, high)
        if max(ends) > 2 * min(ends):
            return min(max(_nearest(asked, math.sqrt(ends[0] * ends[1])), low + 1), high - 1)
    return (low + high) // 2


def _by_ratio(asked: _Asked) -> bool:
    """Tell whether equal steps of the axis are differences although ratios are meant."""
    return asked.axis.is_log and isinstance(asked.axis.values, range)


def _number(asked: _Asked, position: int) -> float:
    """Return the number at a position."""
    assert asked.axis.numbers is not None
    n = len(asked.axis.values)
    return asked.axis.numbers[n - 1 - position if asked.largest else position]


def _nearest(asked: _Asked, number: float) -> int:
    """Return the position of the number nearest to another one, on an axis that counts."""
    values = asked.axis.values
    assert isinstance(values, range)
    index = min(max(round((number - values[0]) / values.step), 0), len(values) - 1)
    return len(values) - 1 - index if asked.largest else index
