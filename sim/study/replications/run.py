"""Replications of one scenario."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Unpack

from sim.results.figures.canvas import drawn
from sim.scenario import load_scenario
from sim.scenario.arguments import known_keywords
from sim.study.engine.kinds import REPLICATIONS
from sim.study.engine.options import OPTION_NAMES, Complaints, Options, check_count, check_options
from sim.study.engine.points import Point
from sim.study.engine.stopping import MOST, until_precise
from sim.study.engine.study import Study
from sim.study.goals import Precision, read_precisions
from sim.study.replications.answer import ReplicationsAnswer
from sim.study.replications.figure import draw_bands, replications_figure
from sim.study.replications.text import replications_headline, replications_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from sim.scenario import ScenarioLike
    from sim.study.engine.folder import Content


class Replications(ReplicationsAnswer):
    """What replications of one scenario say, in numbers, words and figures."""

    @property
    def headline(self) -> str:
        """The answer in one or two sentences: what was found, or that nothing was, and why."""
        return replications_headline(self)

    def text(self) -> str:
        """Return the summary as a command prints it."""
        return replications_text(self)

    def figure(self) -> Figure:
        """Return the figure of both curves."""
        return replications_figure(self)

    @known_keywords()
    def plot(self, axes: Axes | None = None) -> Axes:
        """Draw the completion curve with its band.

        Args:
            axes: Where; a new figure if None.
        """
        return drawn(axes, lambda axes: draw_bands(axes, self))

    def contents(self) -> Mapping[str, Content]:
        """Return what the study's folder gets, by the name of the file."""
        return {
            "replications.parquet": self.frame,
            "summary.parquet": self.summary.reset_index(),
            "bands.parquet": self.bands,
            "replications.json": self.as_dict(),
            "replications.png": self.figure,
        }


@known_keywords(*OPTION_NAMES)
def replicate(
    scenario: ScenarioLike,
    *,
    replications: int | None = None,
    precision: str | Iterable[str] | None = None,
    **options: Unpack[Options],
) -> Replications:
    """Run a scenario again and again with other draws, and say how sure its numbers are.

    Args:
        scenario: A scenario, the path of its file, or a mapping with what a file would hold.
        replications: How many; None for the scenario's own number. With a precision: how many at most,
            None for 1,000.
        precision: When to stop, like `success_share ± 0.2 %`; several must all be met.
        **options: See `Options`.

    Returns:
        The runs, their means, and bands around their curves.

    Raises:
        ScenarioError: Something in the input is wrong; nothing was run then.

    Example:
        >>> sim.replicate("scenarios/quickstart.yaml", replications=3)
        <Replications quickstart: 3 replications, seed 1>
    """
    base = load_scenario(scenario)
    complaints = Complaints()
    precisions: tuple[Precision, ...] = complaints.of(lambda: read_precisions(precision or ()), ())
    default = MOST if precisions else base.run.replications
    most = complaints.of(lambda: check_count("replications", replications, default), default)
    complaints.of(lambda: check_options(options), None)
    complaints.raise_any()
    with Study(base, options, kind=REPLICATIONS, keeps_curves=True) as study:
        points = [Point(study.scenario.digest, {})]
        runs, looked = until_precise(study, points, precisions, most)
        result = Replications(scenario=base, seed=study.seed, reused=study.reused, runs=runs, looked=looked)
        study.save(result.contents)
    return result
