"""The time that work takes, without the compiler's."""

import time

import pytest
from numba import njit

from sim.planes.compilation import JIT_ENABLED
from sim.planes.stopwatch import Stopwatch


def test_stopwatch__measures_work():
    """What passes between entering and leaving, and not what passes afterwards."""
    with Stopwatch() as watch:
        time.sleep(0.05)
    time.sleep(0.05)

    assert 0.05 <= watch.seconds < 0.1


@pytest.mark.skipif(not JIT_ENABLED, reason="nothing is compiled")
def test_stopwatch__leaves_the_compiler_out():
    """A function that is compiled on the way costs only its own run, also where compiling nests."""

    @njit
    def inner(x):
        return x + 1

    @njit
    def outer(x):
        return inner(x) * 2

    begin = time.perf_counter()
    with Stopwatch() as watch:
        assert outer(1) == 4
        time.sleep(0.02)
    passed = time.perf_counter() - begin

    assert 0.02 <= watch.seconds < 0.02 + (passed - 0.02) / 2


def test_stopwatch__several_at_once_do_not_disturb_each_other():
    """One that is left does not deafen the other."""
    with Stopwatch() as outer:
        with Stopwatch() as inner:
            time.sleep(0.01)
        time.sleep(0.01)

    assert outer.seconds >= inner.seconds + 0.01
