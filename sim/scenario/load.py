"""From a source to a checked scenario, with everything that is wrong reported at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TypeVar

from pydantic import ValidationError

from sim.errors import ScenarioError
from sim.scenario.checks import cross_faults
from sim.scenario.inventory.inventory import Inventory, read_inventory
from sim.scenario.model import ScenarioValues
from sim.scenario.pydantic_errors import faults_of
from sim.scenario.section import SALVAGE, Fault, Part, own_faults
from sim.scenario.short.templates import without_templates
from sim.scenario.short.written_out import written_out
from sim.scenario.source import Source
from sim.scenario.values import is_name

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
    source = without_templates(source)
    problems = list(source.problems)
    try:
        inventory = inventory or _inventory_of(source)
    except ScenarioError as error:
        problems += error.problems
    is_listed = _listing_of(source) is not None
    plain, faults = written_out(source, inventory, is_listed=is_listed)
    try:
        scenario = into.model_validate({**plain.data, **(checked or {})})
    except ValidationError as error:
        faults += faults_of(error, into)
        scenario = into.model_validate(plain.data, context=SALVAGE)
    scenario._source = replace(source, written=plain.written)
    scenario._inventory = inventory
    faults += own_faults(scenario, checked or ())
    faults += cross_faults(scenario)
    problems += dict.fromkeys(plain.problem(fault) for fault in faults)
    if problems:
        raise ScenarioError(sorted(problems, key=lambda one: (one.file != source.name, *one.position())))
    return scenario


def _listing_of(source: Source) -> str | None:
    """Return the name of the inventory; None if a scenario has none, or gives no name."""
    fleet = source.data.get("fleet")
    name = fleet.get("inventory") if isinstance(fleet, dict) else None
    return name if isinstance(name, str) else None


def _inventory_of(source: Source) -> Inventory | None:
    """Read the inventory that a scenario names; None if it names none.

    It is also not read if the name of a cohort is missing or no name: devices couldn't be checked against it.
    """
    name = _listing_of(source)
    if name is None:
        return None
    fleet = source.data["fleet"]
    cohorts = fleet.get("cohorts")
    if not isinstance(cohorts, list) or not cohorts:
        return None
    given = (cohort.get("name") for cohort in cohorts if isinstance(cohort, dict))
    names = [one for one in given if isinstance(one, str) and is_name(one)]
    if len(names) < len(cohorts):
        return None
    sites = fleet.get("sites")
    path = source.folder / name
    if not path.is_file():
        message = f"there is no file '{path}'"
        raise ScenarioError([source.problem(Fault(("fleet", "inventory"), message))])
    return read_inventory(path, str(path), names, sites if isinstance(sites, dict) else None)
