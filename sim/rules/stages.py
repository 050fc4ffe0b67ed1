"""Stages of one attempt, and the two device protocols.

The numbers are the order of an attempt, and array indices of the device planes. Nothing that is kept has
them (files have names, draws have purposes of their own), so a new stage takes its place in the order.
Where else it has to be entered: what it draws (`sim.fleet.model.purposes`), its time and its causes in
scenarios (`sim.scenario.sections.stages` and
`failures` beside it), and what the device does meanwhile (`sim.traces.steps`).

Source:
    IoTDA user guide, "MQTT OTA upgrade" and "NB-IoT OTA upgrade": version query, coverage query
    (LwM2M only), download, verification, installation, restart, in this order.
"""

from enum import IntEnum, unique
from typing import Final


@unique
class Stage(IntEnum):
    """What a dispatched subtask goes through, in this order."""

    CONTACT = 0
    QUERY = 1
    COVERAGE = 2
    DOWNLOAD = 3
    VERIFY = 4
    INSTALL = 5
    REBOOT = 6

    @property
    def label(self) -> str:
        """The name in scenario files, like `contact`."""
        return self.name.lower()


EXECUTION: Final = (Stage.VERIFY, Stage.INSTALL, Stage.REBOOT)
"""What the device does with a package that it has, under one timer of the platform."""


@unique
class Protocol(IntEnum):
    """How a device talks to the platform; decides its timers and whether coverage is asked."""

    MQTT = 0
    LWM2M = 1

    @property
    def label(self) -> str:
        """The name in scenario files, like `mqtt`."""
        return self.name.lower()
