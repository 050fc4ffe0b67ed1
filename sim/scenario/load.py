"""From a source to a checked scenario, with everything that is wrong reported at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from pydantic import ValidationError

from sim.errors import ScenarioError
from sim.scenario.checks import cross_faults
from sim.scenario.inventory.inventory import Inventory, read_inventory
from sim.scenario.model import ScenarioValues
from sim.scenario.pydantic_errors import faults_of
from sim.scenario.section import SALVAGE, AbsentError, Fault, Part, own_faults
from sim.scenario.source import Source

_S = TypeVar("_S", bound=ScenarioValues)


def load(
    source: Source,
    into: type[_S],
    inventory: Inventory | None = None,
    checked: Mapping[str, Part] | None = None,
) -> _S:
    """Check a source and make a scenario of it.

    Args:
        into: The class to make.
        inventory: The inventory that the source names, if it was read before.
        checked: Sections at the top that were made of the same values before; they are taken as they are.

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
        scenario = into.model_validate({**source.data, **(checked or {})})
    except ValidationError as error:
        faults += faults_of(error, into)
        scenario = into.model_validate(source.data, context=SALVAGE)
    scenario._source = source
    problems = list(source.problems)
    try:
        scenario._inventory = inventory or _inventory_of(scenario, source)
    except AbsentError:
        pass  # a name is missing that the inventory would be checked against
    except ScenarioError as error:
        problems += error.problems
    faults += own_faults(scenario, checked or ())
    faults += cross_faults(scenario)
    problems += [source.problem(fault) for fault in faults]
    if problems:
        raise ScenarioError(sorted(problems, key=lambda one: (one.file != source.name, *one.position())))
    return scenario


def _inventory_of(scenario: ScenarioValues, source: Source) -> Inventory | None:
    """Read the inventory that a scenario names; None if it names none."""
    name = scenario.fleet.inventory
    if name is None:
        return None
    path = source.folder / name
    if not path.is_file():
        message = f"there is no file '{path}'"
        raise ScenarioError([source.problem(Fault(("fleet", "inventory"), message))])
    return read_inventory(path, str(path), scenario.cohort_names, scenario.fleet.sites)
