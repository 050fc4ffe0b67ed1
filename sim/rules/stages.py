"""Stages of one attempt, and the two device protocols.

The numbers are array indices shared with the device planes: append, never renumber.

Source:
    IoTDA user guide, "MQTT OTA upgrade" and "NB-IoT OTA upgrade": version query, coverage query
    (LwM2M only), download, verification, installation, restart, in this order.
"""

from enum import IntEnum, unique


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


@unique
class Protocol(IntEnum):
    """How a device talks to the platform; decides its timers and whether coverage is asked."""

    MQTT = 0
    LWM2M = 1

    @property
    def label(self) -> str:
        """The name in scenario files, like `mqtt`."""
        return self.name.lower()
