"""The campaign again, once for each lever: which one saves most of the time until devices are upgraded."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

import numpy as np

from sim.campaign import run_campaign
from sim.cpus import abandoned_early, usable_cpus
from sim.explain.campaign.eased import LINKS, campaign_levers
from sim.explain.campaign.figure import draw_limits, limits_figure
from sim.explain.campaign.findings import Eased, LimitsData
from sim.explain.campaign.text import limits_sentence, limits_text
from sim.explain.interventions import Change, changed
from sim.fleet.spec import TICKS_PER_S, to_ticks
from sim.planes.choice import PlaneChoice, check_choices, choose_plane
from sim.results.display.format import counted
from sim.results.figures.canvas import drawn
from sim.results.figures.shown import Shown
from sim.rules import SubtaskState
from sim.scenario import check_memory, load_scenario
from sim.scenario.arguments import known_keywords

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from sim.campaign.record import CampaignRun
    from sim.scenario import ScenarioLike

_HORIZONS: Final = 2.0
"""When a device that is not upgraded in the run counts as upgraded, in lengths of the run."""

_WORTH_OF_LINKS: Final = 0.9
"""Faster links save what more download places do, and somewhat more: of both the places can be had."""


class Limits(LimitsData, Shown):
    """What limits a campaign; see `LimitsData` for what was found."""

    @property
    def headline(self) -> str:
        """What limits the campaign, and what easing it would bring, in one or two sentences."""
        return limits_sentence(self)

    def text(self) -> str:
        """Return the answer as the command prints it."""
        return limits_text(self)

    def figure(self) -> Figure:
        """Return the figure of what each lever saves."""
        return limits_figure(self)

    def about(self) -> str:
        """Return which campaign it is about, and how many levers were pulled."""
        return f"{self.run.scenario.name}: {counted(len(self.levers), 'lever')}, seed {self.run.seed}"

    @known_keywords()
    def plot(self, axes: Axes | None = None) -> Axes:
        """Draw what each lever saves as bars.

        Args:
            axes: Where; a new figure if None.
        """
        return drawn(axes, lambda axes: draw_limits(axes, self))


@known_keywords()
def limits(
    scenario: ScenarioLike,
    *,
    seed: int | None = None,
    replication: int = 0,
    plane: PlaneChoice = "auto",
    progress: Callable[[float], None] | None = None,
) -> Limits:
    """Tell what limits a campaign, by running it again with one thing eased at a time.

    Args:
        scenario: A scenario, the path of its file, or a mapping with what a file would hold.
        seed: Key of all draws, 0..2**64 - 1; None for the scenario's own.
        replication: Which replication of it, >= 0.
        plane: How devices are simulated, see `sim.run`.
        progress: Called with the share of the work that is done, 0..1.

    Raises:
        ScenarioError: The scenario, or one of the numbers, is wrong.

    Example:
        >>> found = sim.limits("scenarios/quickstart.yaml")
        >>> found.levers[0].lever
        'offline devices'
    """
    loaded = load_scenario(scenario)
    check_choices(seed, replication, plane)
    check_memory(loaded)
    known = campaign_levers(loaded)
    chosen = choose_plane(plane, loaded, runs=1 + sum(len(lever.changes) for lever in known))
    run = run_campaign(loaded, seed=seed, replication=replication, plane=chosen)
    horizon = to_ticks(_HORIZONS * loaded.run.until)
    mean_s = _mean_s(run, horizon)
    tries = [(lever.name, change) for lever in known for change in lever.changes]

    def pull(one: tuple[str, Change], check: Callable[..., None]) -> Eased:
        name, change = one
        eased = changed(loaded, [change])
        again = run_campaign(eased, seed=run.seed, replication=replication, plane=chosen, progress=check)
        then_s = _mean_s(again, horizon)
        saved = 1.0 - then_s / mean_s if mean_s else 0.0
        return Eased(name, change.text, _succeeded(again), then_s, saved)

    eased = _each(tries, pull, progress)
    best = sorted(_best_of_each(eased), key=_rank)
    return Limits(run, _succeeded(run), mean_s, tuple(best))


def _each(
    tries: Sequence[tuple[str, Change]],
    pull: Callable[[tuple[str, Change], Callable[..., None]], Eased],
    progress: Callable[[float], None] | None,
) -> list[Eased]:
    """Make all tries, several at a time; an interrupt ends them all soon."""
    workers = max(1, min(len(tries), usable_cpus()))
    eased: list[Eased] = []
    with abandoned_early(workers, "limits") as beside:
        for future in [beside.submit(pull, one, beside.check) for one in tries]:
            eased.append(future.result())
            if progress is not None:
                progress(len(eased) / len(tries))
    return eased


def _rank(one: Eased) -> tuple[float, float]:
    """Return what levers are ordered by: what they save; faster links last among those that save as much."""
    worth = one.saved_share * (_WORTH_OF_LINKS if one.lever == LINKS and one.saved_share > 0 else 1.0)
    return -round(worth, 6), -one.saved_share


def _best_of_each(eased: Sequence[Eased]) -> list[Eased]:
    """Return of each lever the change that saves most."""
    best: dict[str, Eased] = {}
    for one in eased:
        if one.lever not in best or one.saved_share > best[one.lever].saved_share:
            best[one.lever] = one
    return list(best.values())


def _succeeded(run: CampaignRun) -> int:
    """Return how many devices were upgraded."""
    return int(np.count_nonzero(run.records.status == SubtaskState.SUCCESS))


def _mean_s(run: CampaignRun, horizon: int) -> float:
    """Return the mean time until a device is upgraded, those that are not at the horizon."""
    done = run.records.status == SubtaskState.SUCCESS
    ends = np.where(done, run.records.end, horizon)
    return float(np.minimum(ends, horizon).mean()) / TICKS_PER_S
