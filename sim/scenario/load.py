"""From a source to a checked scenario, with everything that is wrong reported at once."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path as FilePath
from typing import Any

from pydantic import ValidationError

from sim.errors import ScenarioError
from sim.scenario.checks import cross_faults
from sim.scenario.inventory import Inventory, read_inventory
from sim.scenario.model import Scenario, position
from sim.scenario.pydantic_errors import faults_of
from sim.scenario.section import SALVAGE, AbsentError, Fault, own_faults
from sim.scenario.source import Source, read_file, read_text


def load_scenario(path: str | FilePath) -> Scenario:
    """Read and check a scenario file.

    Args:
        path: YAML 1.2 in UTF-8.

    Returns:
        The scenario.

    Raises:
        ScenarioError: The file can't be read, or something in it is wrong; with all problems.
    """
    return build(read_file(path))


def parse_scenario(text: str, name: str = "<string>", *, folder: str | FilePath = ".") -> Scenario:
    """Check the text of a scenario file.

    Args:
        text: YAML 1.2.
        name: Name for messages.
        folder: Where a relative name of an inventory begins.

    Returns:
        The scenario.

    Raises:
        ScenarioError: Something is wrong; with all problems.
    """
    return build(read_text(text, name, FilePath(folder)))


def make_scenario(values: Mapping[str, Any], *, folder: str | FilePath = ".") -> Scenario:
    """Check a scenario made of plain Python values.

    Args:
        values: What a file would hold: mappings, lists, text like `90 s`, numbers.
        folder: Where a relative name of an inventory begins.

    Returns:
        The scenario.

    Raises:
        ScenarioError: Something is wrong; with all problems.
    """
    return build(Source(plain_copy(values), folder=FilePath(folder)))


def build(source: Source, inventory: Inventory | None = None) -> Scenario:
    """Check a source and make a scenario of it.

    Args:
        source: What was read.
        inventory: The inventory that the source names, if it was read before.

    Returns:
        The scenario.

    Raises:
        ScenarioError: Something is wrong; with all problems, in the order of the file.
    """
    if not isinstance(source.data, dict):
        message = "a scenario must be a mapping with the keys fleet, campaign, ..."
        raise ScenarioError([*source.problems, source.problem(Fault((), message))])
    faults: list[Fault] = []
    try:
        scenario = Scenario.model_validate(source.data)
    except ValidationError as error:
        faults += faults_of(error, Scenario)
        scenario = Scenario.model_validate(source.data, context=SALVAGE)
    scenario._source = source
    problems = list(source.problems)
    try:
        scenario._inventory = inventory or _inventory_of(scenario, source)
    except AbsentError:
        pass  # a name is missing that the inventory would be checked against
    except ScenarioError as error:
        problems += error.problems
    faults += own_faults(scenario)
    faults += cross_faults(scenario)
    problems += [source.problem(fault) for fault in faults]
    if problems:
        raise ScenarioError(sorted(problems, key=lambda one: (one.file != source.name, *position(one))))
    return scenario


def _inventory_of(scenario: Scenario, source: Source) -> Inventory | None:
    """Read the inventory that a scenario names; None if it names none."""
    name = scenario.fleet.inventory
    if name is None:
        return None
    path = source.folder / name
    if not path.is_file():
        message = f"there is no file '{path}'"
        raise ScenarioError([source.problem(Fault(("fleet", "inventory"), message))])
    return read_inventory(path, str(path), scenario.cohort_names)


def plain_copy(value: Any) -> Any:
    """Return a copy in which nothing is shared, so that one place can be changed alone.

    Args:
        value: Mappings, lists and single values.

    Returns:
        Dicts, lists and the same single values.
    """
    if isinstance(value, Mapping):
        return {str(key): plain_copy(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain_copy(item) for item in value]
    return value
