"""Default platform timers and radio-cell places.

When each clock starts and what it covers is the device plane's business; here are the lengths.

Source:
    IoTDA user guide, "MQTT OTA upgrade": 25 h to come online, 3 min to report the version, 24 h for
    the rest. The Chinese page gives the 25 h in the firmware flow, the English one in the software
    flow; taken for both. "NB-IoT OTA upgrade": 24 h to report in, 3 min version, about 3 min
    coverage, 60 min download, 30 min execution.
"""

from sim.rules.stages import Protocol

_MINUTE_S = 60
_HOUR_S = 3600

DEFAULT_TIMERS_S: dict[Protocol, dict[str, int]] = {
    Protocol.MQTT: {
        "online": 25 * _HOUR_S,
        "version": 3 * _MINUTE_S,
        "upgrade": 24 * _HOUR_S,
    },
    Protocol.LWM2M: {
        "online": 24 * _HOUR_S,
        "version": 3 * _MINUTE_S,
        "coverage": 3 * _MINUTE_S,
        "download": 60 * _MINUTE_S,
        "execute": 30 * _MINUTE_S,
    },
}
"""Length of each platform timer, in seconds, by protocol and timer name; read only."""

CELL_PLACES = (50, 10, 1)
"""Upgrades at once in one radio cell, by coverage level 0, 1, 2 ("NB-IoT OTA upgrade")."""
