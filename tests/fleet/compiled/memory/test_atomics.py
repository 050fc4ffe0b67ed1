"""Tests of dividing work among threads: each part is taken once, and all of them are."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from sim.fleet.compiled.memory import atomics
from sim.fleet.jit import JIT_ENABLED, kernel


@kernel
def count_parts(taken, times, step):
    """Count up the parts that are taken here until there are no more; return how many there were."""
    n = 0
    while True:
        first = atomics.take(taken, step)
        if first >= len(times):
            return n
        for i in range(first, min(first + step, len(times))):
            times[i] += 1
            n += 1


@pytest.mark.parametrize("step", [1, 7])
def test_take__gives_every_part_to_one_thread(step):
    """Four threads that take what they can take everything, and nothing twice."""
    times, taken = np.zeros(200_000 if JIT_ENABLED else 2_000, np.int64), np.zeros(1, np.int64)
    with ThreadPoolExecutor(4) as pool:
        counts = list(pool.map(lambda _: count_parts(taken, times, step), range(4)))

    assert (times == 1).all()
    assert sum(counts) == len(times)


def test_take__without_the_compiler_counts_alike():
    """The first part begins at 0, the next where it ends."""
    taken = np.zeros(1, np.int64)

    assert [atomics._take_plain(taken, 5), atomics._take_plain(taken, 2), int(taken[0])] == [0, 5, 7]
