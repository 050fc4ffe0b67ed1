"""Which devices a trace shows: so many, evenly over the fleet, or those named."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from sim.errors import Problem, ScenarioError
from sim.scenario.arguments import count_problems
from sim.traces.nearest import nearest_ids
from sim.units import shown

if TYPE_CHECKING:
    from sim.campaign.device_names import DeviceNames
    from sim.scenario import Scenario

DeviceChoice = int | str | Sequence[str]
"""How many devices, evenly over the fleet; or the id of one, or several."""

SHOWN: Final = 1_000
"""Devices that a trace shows if nobody says how many."""


def chosen_devices(
    scenario: Scenario, names: DeviceNames, devices: DeviceChoice = SHOWN, *, argument: str = "devices"
) -> list[int]:
    """Return the indices of chosen devices, each once, ascending.

    Args:
        scenario: Whose fleet.
        names: Its device ids.
        devices: Which; a number that is larger than the fleet means all of it.
        argument: What says so, in messages.

    Raises:
        ScenarioError: There is no such device, or the number is none.
    """
    if isinstance(devices, str):
        devices = [devices]
    if not isinstance(devices, Sequence):
        if problems := count_problems(argument, devices):
            raise ScenarioError(problems)
        n = scenario.n_devices
        k = min(int(devices), n)
        return [i * n // k for i in range(k)]
    given: list[object] = list(devices)
    if not given:
        raise ScenarioError([Problem(argument, "no device is named; name one, or say how many")])
    found = {name: names.index_of(name) if isinstance(name, str) else -1 for name in given}
    unknown = [_unknown(scenario, name, argument) for name, index in found.items() if index < 0]
    if unknown:
        raise ScenarioError(unknown)
    return sorted(set(found.values()))


def _unknown(scenario: Scenario, name: object, argument: str) -> Problem:
    """Return that the fleet has no such device."""
    if not isinstance(name, str):
        return Problem(argument, f"{shown(name)} is no id of a device; ids are text", given=name)
    return unknown_device(scenario, name, argument)


def unknown_device(scenario: Scenario, name: str, argument: str) -> Problem:
    """Return that a fleet has no device of a name, and which was probably meant.

    Args:
        scenario: Whose fleet.
        name: An id that none of its devices has.
        argument: Name of the argument.
    """
    near = " or ".join(f"'{other}'" for other in nearest_ids(scenario, name))
    message = f"the fleet has no device '{name}'; did you mean {near}?"
    return Problem(argument, message, file=scenario.source.name, given=name)
