"""Tests of the virtual clock."""

from sim.emulator.clock import VirtualClock

SECOND_NS = 1_000_000_000


class _Wall:
    """A wall clock that goes when it is told."""

    def __init__(self):
        self.ns = 5 * SECOND_NS

    def __call__(self):
        return self.ns


def test_manual__stands_still():
    """A manual clock shows what it was put to, whatever the wall clock does."""
    wall = _Wall()
    clock = VirtualClock("manual", limit_ticks=10**12, wall_ns=wall)
    clock.set(7)
    wall.ns += SECOND_NS

    assert clock.now_ticks() == 7


def test_real__runs_at_its_speed_from_where_it_was_put():
    """Two seconds at speed 60 are two minutes."""
    wall = _Wall()
    clock = VirtualClock("real", speed=60.0, limit_ticks=10**12, wall_ns=wall)
    clock.set(1_000_000)
    wall.ns += 2 * SECOND_NS

    assert clock.now_ticks() == 121_000_000


def test_real__stops_at_the_limit():
    """The clock never shows a time that the simulation doesn't have."""
    wall = _Wall()
    clock = VirtualClock("real", speed=1e6, limit_ticks=10**9, wall_ns=wall)
    wall.ns += 10 * SECOND_NS

    assert clock.now_ticks() == 10**9


def test_freeze_and_run__go_on_from_the_present():
    """Neither stopping nor another speed makes the clock jump."""
    wall = _Wall()
    clock = VirtualClock("real", limit_ticks=10**12, wall_ns=wall)
    wall.ns += SECOND_NS
    clock.freeze()
    wall.ns += SECOND_NS
    assert (clock.mode, clock.now_ticks()) == ("manual", 1_000_000)
    clock.run(10.0)
    wall.ns += SECOND_NS

    assert (clock.mode, clock.speed, clock.now_ticks()) == ("real", 10.0, 11_000_000)
