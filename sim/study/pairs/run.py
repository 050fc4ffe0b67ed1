"""`compare`: two campaigns, pair by pair."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from sim.atomic_files import write_whole
from sim.errors import Problem, ScenarioError
from sim.results.figures.canvas import drawn
from sim.results.files.write import COMPARISON
from sim.results.frames.loaded_result import LoadedResult
from sim.results.run_data import RunData
from sim.results.runner import run
from sim.scenario import load_scenario
from sim.scenario.arguments import count_problems, known_keywords
from sim.scenario.values import seed_problems
from sim.study.engine.options import check_metric
from sim.study.pairs.answer import ComparisonAnswer
from sim.study.pairs.figure import comparison_figure, draw_pairs, panel_metrics
from sim.study.pairs.sides import Side, check_pair, seeds_problem, side_of_folder, side_of_run, side_of_study
from sim.study.pairs.text import comparison_headline, comparison_text
from sim.study.pairs.without import lacking
from sim.study.replications.answer import ReplicationsAnswer
from sim.study.stored.load_result import load_result
from sim.study.stored.stored_study import StoredStudy

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from sim.planes.choice import PlaneChoice
    from sim.scenario import Scenario, ScenarioLike

    Comparable = RunData | LoadedResult | ReplicationsAnswer | StoredStudy | ScenarioLike
    """What can be compared: results and studies of replications, also as folders; scenarios, then run."""

REPLICATIONS_MIN: Final = 10
"""Replications of scenarios that are compared if nobody says how many, unless they have more."""

AS_IT_IS: Final = "as it is"
"""What a scenario is called that is compared with itself without something."""


class Comparison(ComparisonAnswer):
    """How one campaign differs from another, in numbers, words and figures."""

    @property
    def headline(self) -> str:
        """The difference in a sentence."""
        return comparison_headline(self)

    def as_dict(self) -> dict[str, Any]:
        """Return the comparison as plain data, the sentence first."""
        return {"headline": self.headline, **super().as_dict()}

    def text(self) -> str:
        """Return the comparison as the command prints it."""
        return comparison_text(self)

    def figure(self) -> Figure:
        """Return the figure of the metrics that differ most."""
        return comparison_figure(self)

    def save(self, folder: str | Path) -> Path:
        """Write the comparison beside the files of a result, as the reports on them tell it.

        Args:
            folder: That of a result, which is the first side.

        Returns:
            The file, `comparison.json`.

        Raises:
            OSError: It can't be written.
        """
        path = Path(folder, COMPARISON)
        text = json.dumps(self.as_dict(), indent=2, ensure_ascii=False, allow_nan=False)
        write_whole(path, f"{text}\n".encode())
        return path

    @known_keywords()
    def plot(self, metric: str | None = None, axes: Axes | None = None) -> Axes:
        """Draw one metric of both, a line a pair.

        Args:
            metric: Its name; None for devices upgraded.
            axes: Where; a new figure if None.
        """
        name = panel_metrics(self)[0] if metric is None else check_metric(metric)
        return drawn(axes, lambda axes: draw_pairs(axes, self, name))


@known_keywords()
def compare(
    first: Comparable,
    second: Comparable,
    *,
    names: Sequence[str] | None = None,
    seed: int | None = None,
    replications: int | None = None,
    plane: PlaneChoice = "auto",
) -> Comparison:
    """Say how a second campaign differs from a first one with the same devices and draws.

    Args:
        first: A result or a study of replications, in memory or as the path of its folder; or a scenario
            (also as a path or a mapping), which is run.
        second: What is compared with it, likewise.
        names: What to call them; None for the names of the scenarios, or `first` and `second`.
        seed: Key of all draws of scenarios that are run; None for that of a result beside it, else of both
            scenarios, which must then have the same.
        replications: Runs of a scenario; None for as many as a result beside it has, else for the scenario's
            own number, at least 10.
        plane: How devices are simulated, see `sim.run`.

    Returns:
        Paired differences of every metric with 95 % intervals.

    Raises:
        ScenarioError: The fleets or the seeds differ, or something else in the input is wrong.

    Example:
        >>> scenario = sim.load_scenario("scenarios/quickstart.yaml")
        >>> faster = scenario.with_values({"platform.bandwidth": "2 Gbit/s"})
        >>> found = sim.compare(scenario, faster, names=("1 Gbit/s", "2 Gbit/s"))
        >>> found.frame.loc["makespan", ["difference", "low", "high"]]  # doctest: +SKIP
    """
    problems = [*seed_problems(seed), *count_problems("replications", replications)]
    problems += _name_problems(names)
    if problems:
        raise ScenarioError(problems)
    given = [_side(each) for each in (first, second)]
    there = [side for side in given if isinstance(side, Side)]
    scenarios = [side for side in given if not isinstance(side, Side)]
    if there:
        n = there[0].replications if replications is None else replications
        key = there[0].seed if seed is None else seed
    else:
        own = max(REPLICATIONS_MIN, *(scenario.run.replications for scenario in scenarios))
        n = own if replications is None else replications
        key = _common_seed(scenarios) if seed is None else seed
    unrun = [Side(side, key, {}, "") if not isinstance(side, Side) else side for side in given]
    check_pair(*unrun)
    sides = [
        side if side.values else side_of_run(run(side.scenario, seed=key, replications=n, plane=plane))
        for side in unrun
    ]
    return Comparison(first=sides[0], second=sides[1], names=_names(sides, names))


def compare_without(
    result: RunData, parts: Sequence[str], *, plane: PlaneChoice = "auto", progress: bool = False
) -> Comparison:
    """Say what something costs, or brings: run a result's scenario without it, under the same draws.

    Args:
        result: The scenario as it is.
        parts: What to take away, see `sim.study.pairs.without.lacking`; at least one.
        plane: How devices are simulated, see `sim.run`.
        progress: Show a progress bar on long work.

    Raises:
        ScenarioError: A part is not known, or the scenario can't do without it.
    """
    other = lacking(result.scenario, parts)
    what = " and ".join(parts)
    check_pair(Side(result.scenario, result.seed, {}, ""), Side(other, result.seed, {}, ""))
    again = run(other, seed=result.seed, replications=len(result.runs), plane=plane, progress=progress)
    names = (AS_IT_IS, f"without {what}")
    return Comparison(first=side_of_run(result), second=side_of_run(again), names=names, without=what)


def _side(given: Comparable) -> Side | Scenario:
    """Return a side that was run already, or a scenario that is still to be run."""
    if isinstance(given, str | Path) and Path(given).is_dir():
        given = load_result(given)
    if isinstance(given, RunData | LoadedResult):
        return side_of_run(given)
    if isinstance(given, StoredStudy):
        return side_of_folder(given)
    if isinstance(given, ReplicationsAnswer):
        return side_of_study(given)
    return load_scenario(given)


def _common_seed(scenarios: Sequence[Scenario]) -> int:
    """Return the seed of two scenarios.

    Raises:
        ScenarioError: They have different ones: to take either would answer another question.
    """
    first, second = (scenario.run.seed for scenario in scenarios)
    if first != second:
        raise ScenarioError([seeds_problem(first, second, "give one for both as seed=…")])
    return first


def _name_problems(names: object) -> list[Problem]:
    """Return what is wrong with the names of two sides."""
    different = {*names} if isinstance(names, list | tuple) else {}
    if names is None or (len(different) == 2 and all(isinstance(name, str) for name in different)):
        return []
    return [Problem("names", f"{names!r} is not allowed; two different texts, one for each side")]


def _names(sides: Sequence[Side], given: Sequence[str] | None) -> tuple[str, str]:
    """Return what both sides are called."""
    if given is not None:
        return given[0], given[1]
    own = [side.scenario.name for side in sides]
    return ("the first", "the second") if own[0] == own[1] else (own[0], own[1])
