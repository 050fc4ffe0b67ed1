"""Why a scenario is not what its baseline says: what changed in the file, where the runs part, a figure."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sim.errors import ScenarioError
from sim.results import run
from sim.results.figures.overlay import save_overlay
from sim.scenario import make_scenario
from sim.testing.baseline import file_values, inventory_digest, versions
from sim.testing.compare.divergence import part, part_from, trail_of
from sim.testing.compare.scenario_diff import changes
from sim.testing.runs import DIGEST_DIGITS

if TYPE_CHECKING:
    from sim.scenario import Scenario
    from sim.testing.baseline import Baseline
    from sim.testing.compare.divergence import Trail
    from sim.testing.runs import Trial


def explain(scenario: Scenario, trial: Trial, baseline: Baseline, *, figure: Path, folder: Path) -> str:
    """Say why, and draw the curves of both.

    Args:
        figure: Where to draw.
        folder: Where relative names in the scenario file begin.

    Raises:
        OSError: The figure can't be written.
    """
    save_overlay(figure, f"{scenario.name}, and its baseline", baseline.curve, trial.curve)
    lines = [*changed_values(scenario, baseline), _parting(scenario, trial, baseline, folder)]
    return "\n".join([*lines, f"Figure: {figure}"])


def changed_values(scenario: Scenario, baseline: Baseline) -> list[str]:
    """Say what differs between the scenario file and that of the baseline.

    Args:
        baseline: Holds it as it was.
    """
    changed = changes(baseline.file, file_values(scenario))
    if baseline.inventory != inventory_digest(scenario):
        changed.append("the inventory")
    if changed:
        return ["Changed in the scenario file:", *(f"  {text}" for text in changed)]
    was, now = baseline.versions.get("fleetsim", "?"), versions()["fleetsim"]
    since = f"fleetsim {was}, this is {now}" if was != now else f"fleetsim {was}, as this is"
    return [f"The scenario file says what it said; the baseline was made by {since}."]


def trail(scenario: Scenario) -> tuple[Trail, str]:
    """Run the first replication again and return its trail of attempts, and its digest."""
    result = run(scenario, replications=1, log_attempts=True)
    return trail_of(result.kept[0]), result.digest[:DIGEST_DIGITS]


def _parting(scenario: Scenario, trial: Trial, baseline: Baseline, folder: Path) -> str:
    """Say where the first replication parts from that of the baseline: run it again, with its attempts."""
    now, digest = trail(scenario)
    if digest == baseline.samples.digests[0]:
        pairs = zip(baseline.samples.digests, trial.samples.digests, strict=False)
        other = next((r for r, (old, new) in enumerate(pairs) if old != new), None)
        if other is None:
            return "No device fares otherwise."
        return f"Replication 0 is equal; the first that differs is {other}."
    before = _rerun_baseline(scenario, baseline, folder)
    if before is not None:
        return part(before, now)
    try:
        return part_from(baseline.attempts, now)
    except ValueError as error:
        return f"Where the runs part is unknown, the baseline's fingerprint is damaged: {error}"


def _rerun_baseline(scenario: Scenario, baseline: Baseline, folder: Path) -> Trail | None:
    """Run the baseline's scenario file again; None unless that still does what it did."""
    if baseline.inventory != inventory_digest(scenario) or baseline.file == file_values(scenario):
        return None
    try:
        before, digest = trail(make_scenario(baseline.file, folder=folder))
    except ScenarioError:
        return None  # what it said is no longer allowed
    # Numbers stand for the same devices only if the fleet is the same.
    same_fleet = baseline.file.get("fleet") == file_values(scenario).get("fleet")
    return before if same_fleet and digest == baseline.samples.digests[0] else None
