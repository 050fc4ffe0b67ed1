"""Lengths of the platform's timers."""

from sim.rules.stages import Protocol
from sim.rules.timers import CELL_PLACES, DEFAULT_TIMERS_S


def test_timers__mqtt():
    """MQTT waits 25 h for contact, 3 min for the version and 24 h for the rest."""
    assert DEFAULT_TIMERS_S[Protocol.MQTT] == {"online": 90_000, "version": 180, "upgrade": 86_400}


def test_timers__lwm2m():
    """LwM2M waits 24 h, 3 min, 3 min, 60 min and 30 min."""
    assert DEFAULT_TIMERS_S[Protocol.LWM2M] == {
        "online": 86_400,
        "version": 180,
        "coverage": 180,
        "download": 3_600,
        "execute": 1_800,
    }


def test_timers__every_protocol():
    """Each protocol has timers."""
    assert set(DEFAULT_TIMERS_S) == set(Protocol)


def test_cell_places__by_coverage_level():
    """A cell upgrades 50, 10 or 1 devices at once, the fewer the worse the coverage."""
    assert CELL_PLACES == (50, 10, 1)
