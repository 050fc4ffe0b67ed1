"""`explain`: one device of one run, told, drawn, and tried again."""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sim.atomic_files import write_whole
from sim.campaign import run_campaign
from sim.campaign.layout.build_spec import build_names, build_spec
from sim.errors import ScenarioError
from sim.explain.counterfactuals import Mark, Rescue, mark_of, rescues_of
from sim.explain.explanation import ExplanationData
from sim.explain.figure import draw_activities, png_bytes, story_figure
from sim.explain.text import story_text
from sim.planes.choice import PlaneChoice, check_choices, choose_plane
from sim.results.display.format import counted, image_html
from sim.results.figures.canvas import drawn
from sim.results.figures.shown import Shown
from sim.rules import Stage, SubtaskState
from sim.scenario import check_memory, load_scenario
from sim.scenario.arguments import known_keywords
from sim.traces.chosen import unknown_device
from sim.traces.timeline import timeline_of, watched_run
from sim.traces.trace_file import write_trace

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from sim.scenario import ScenarioLike


_RUNS: Final = 20
"""How often the campaign is run, about: once to see what happened, and with each thing that could help."""


class Explanation(ExplanationData, Shown):
    """What became of one device, and why: told in words, drawn and saved.

    See `ExplanationData` for what it is made of.
    """

    def text(self) -> str:
        """Return the story as the command prints it."""
        return story_text(self)

    def about(self) -> str:
        """Return which device it is about, and what became of it."""
        tries = counted(len(self.timeline.attempts), "attempt")
        return f"{self.device_id}: {self.timeline.status.wire} after {tries}, seed {self.run.seed}"

    def figure(self) -> Figure:
        """Return the story as a picture."""
        return story_figure(self)

    @known_keywords()
    def plot(self, axes: Axes | None = None) -> Axes:
        """Draw a row an activity, coloured by the device's status meanwhile.

        Args:
            axes: Where; a new figure if None.
        """
        return drawn(axes, lambda axes: draw_activities(axes, self))

    def save(self, path: str | Path) -> None:
        """Write the picture as PNG; equal stories give equal bytes with the same version of matplotlib.

        Args:
            path: The file; an earlier one is replaced, as a whole.

        Raises:
            OSError: It can't be written.
        """
        write_whole(Path(path), png_bytes(self), make_folder=True)

    def trace(self, path: str | Path, *, force: bool = False) -> Path:
        """Write the story as a trace that Perfetto and Chrome open, with the counters of its campaign.

        Args:
            path: The file; its folder is made if there is none.
            force: Replace an earlier file.

        Returns:
            The file.

        Raises:
            ScenarioError: The file is there already.
            OSError: It can't be written.
        """
        return write_trace(self.run, path, devices=self.device_id, force=force)

    def _repr_html_(self) -> str:
        """Return words and picture for Jupyter."""
        image = image_html(png_bytes(self, dpi=90), alt=f"{self.device_id}: timeline")
        return f"<pre>{escape(str(self))}</pre>{image}"


@known_keywords()
def explain(
    scenario: ScenarioLike,
    device_id: str,
    *,
    seed: int | None = None,
    replication: int = 0,
    plane: PlaneChoice = "auto",
    progress: Callable[[float], None] | None = None,
) -> Explanation:
    """Explain what became of one device.

    Args:
        scenario: A scenario, the path of its file, or a mapping with what a file would hold.
        device_id: Id of the device.
        seed: Key of all draws, 0..2**64 - 1; None for the scenario's own.
        replication: Which replication of it, >= 0.
        plane: How devices are simulated, see `sim.run`.
        progress: Called with the share of the work that is done, 0..1.

    Returns:
        The explanation.

    Raises:
        ScenarioError: The scenario, or one of the numbers, is wrong, or it has no such device.
    """
    loaded = load_scenario(scenario)
    check_choices(seed, replication, plane)
    check_memory(loaded)
    names = build_names(loaded, build_spec(loaded))
    device = names.index_of(device_id)
    if device < 0:
        raise ScenarioError([unknown_device(loaded, device_id, "device_id")])
    chosen = choose_plane(plane, loaded, runs=_RUNS)
    run = run_campaign(loaded, seed=seed, replication=replication, plane=chosen, log_attempts=True)
    timeline = timeline_of(run, device, watched=watched_run(run, device))
    killer = timeline.killer
    mark = Mark(Stage.CONTACT, 0, killer) if killer else mark_of(run.spec, device)
    rescues: list[Rescue] = []
    if mark is None and timeline.status is not SubtaskState.SUCCESS:
        rescues = rescues_of(run, device, progress=progress)
    return Explanation(run, device, timeline, mark, tuple(rescues))
