"""The state folder: what a server begins with, and what it finds when it resumes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from sim.emulator.clock import VirtualClock
from sim.emulator.journal.journal import Journal
from sim.emulator.journal.lock import FolderLock
from sim.emulator.journal.opening import FILE_NAME
from sim.emulator.session import Progress, Session
from sim.emulator.world import World
from sim.errors import Problem, ScenarioError
from sim.scenario import Scenario, load_scenario, parse_scenario

_QUICKSTART: Final = "quickstart.yaml"


def quickstart() -> Scenario:
    """Return the scenario that is served when none is named.

    Raises:
        ScenarioError: It is neither installed with the package nor in the repository around it.
    """
    package = Path(__file__).parent
    places = (package / _QUICKSTART, package.parents[1] / "scenarios" / _QUICKSTART)
    for place in places:
        if place.is_file():
            return load_scenario(place)
    raise ScenarioError([Problem("", "the quickstart scenario is not there; name a scenario file")])


def open_session(
    folder: Path,
    clock: VirtualClock,
    *,
    scenario: Scenario | None = None,
    seed: int | None = None,
    make_world: Callable[..., World] = World,
    before_replay: Callable[[Scenario], None] | None = None,
    progress: Progress | None = None,
) -> Session:
    """Resume the session in a state folder, or begin one.

    Args:
        folder: The state folder, which exists.
        scenario: What to serve; None for that of the folder, else the quickstart.
        seed: Seed of a new session; None for the scenario's.
        make_world: Makes a world from a scenario and a seed.
        before_replay: Called with the scenario if there are commands to be replayed.
        progress: Told how far the replay has come.

    Raises:
        ScenarioError: The folder's journal can't be used, or belongs to another scenario or seed.
    """
    lock = FolderLock(folder)  # before looking: two servers must not begin one journal
    if (folder / FILE_NAME).exists():
        journal = Journal.open(folder, lock=lock)
        try:
            scenario = _remembered(journal, folder, scenario, seed)
        except ScenarioError:
            journal.close()
            raise
    else:
        try:
            scenario = quickstart() if scenario is None else scenario
            about = _about(scenario, scenario.run.seed if seed is None else seed)
        except BaseException:
            lock.release()
            raise
        journal = Journal.create(folder, about, lock=lock)
    chosen, seed_of_journal = scenario, int(journal.about["seed"])
    try:
        if journal.n_commands and before_replay is not None:
            before_replay(chosen)
        return Session(lambda: make_world(chosen, seed=seed_of_journal), journal, clock, progress)
    except BaseException:
        journal.close()
        raise


def _about(scenario: Scenario, seed: int) -> dict[str, Any]:
    """Return what a journal must know about its scenario."""
    return {
        "scenario_name": scenario.source.name,
        "scenario_text": scenario.source_text,
        "scenario_folder": str(scenario.source.folder.resolve()),
        "scenario_digest": scenario.digest,
        "seed": seed,
    }


def scenario_of(journal: Journal) -> Scenario:
    """Return the scenario that a journal was begun with.

    Raises:
        ScenarioError: A file that it names has gone or has changed since.
    """
    about = journal.about
    scenario = parse_scenario(
        about["scenario_text"], about["scenario_name"] or "<journal>", folder=about["scenario_folder"]
    )
    if scenario.digest != about["scenario_digest"]:
        message = "has changed since the session began; put the former one back"
        raise ScenarioError([Problem("fleet.inventory", message, file=str(scenario.fleet.inventory))])
    return scenario


def _remembered(journal: Journal, folder: Path, scenario: Scenario | None, seed: int | None) -> Scenario:
    """Return the journal's scenario, which must be the one that was asked for."""
    remembered = scenario_of(journal)
    problems = []
    if scenario is not None and scenario.digest != remembered.digest:
        problems.append(f"its session is about another scenario, {remembered.name}")
    if seed is not None and seed != journal.about["seed"]:
        problems.append(f"its session has the seed {journal.about['seed']}")
    if problems:
        message = f"{' and '.join(problems)}; leave that out to resume it, or use another folder"
        raise ScenarioError([Problem("", message, file=str(folder))])
    return remembered
