"""Tests of asking for memory ahead: it may be asked for anywhere, and nothing changes."""

import numpy as np

from sim.fleet.compiled.memory.prefetch import fetch, fetch_row
from sim.fleet.compiled.memory.tables import WORK, records
from sim.fleet.jit import kernel


@kernel
def ask_for_all(rows, numbers):
    """Ask for every row and number, and far behind both ends."""
    for i in range(len(rows)):
        fetch_row(rows[i])
        fetch(numbers, i)
    fetch(numbers, -(10**9))
    fetch(numbers, 10**9)


def test_fetch__changes_nothing_and_never_fails():
    """Memory is as it was before, and an address that does not exist is no fault."""
    rows, numbers = records(100, WORK), np.arange(100)
    rows["due"] = numbers
    ask_for_all(rows, numbers)
    assert numbers.tolist() == rows["due"].tolist() == list(range(100))
