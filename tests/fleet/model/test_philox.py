"""Draws of neighbours by NumPy's generator: equal to the compiled ones."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.fleet.model.draws import uniform
from sim.fleet.model.philox import KeyedPhilox


@given(
    seed=st.integers(0, 2**64 - 1),
    replication=st.integers(0, 1000),
    first=st.integers(0, 2**31),
    n=st.integers(1, 5),
    attempt=st.integers(0, 300),
    n_blocks=st.integers(1, 6),
)
def test_keyed_philox__draws_what_compiled_code_draws(seed, replication, first, n, attempt, n_blocks):
    """Device by row, purpose by column, for any key; a second question is not moved by the first."""
    philox = KeyedPhilox(seed, replication)
    philox.uniforms(3, 2, 1, 1)
    expected = [
        [uniform(np.uint64(seed), np.uint64(replication), first + i, attempt, p) for p in range(4 * n_blocks)]
        for i in range(n)
    ]
    assert philox.uniforms(first, n, attempt, n_blocks).tolist() == expected
    last = 4 * n_blocks - 1
    assert philox.uniforms_for(last, first, n, attempt).tolist() == [row[last] for row in expected]


@pytest.mark.parametrize("attempt", [0, 1])
def test_keyed_philox__device_0_is_no_exception(attempt):
    """Its counter is the one below which NumPy's borrows from the higher words."""
    row = KeyedPhilox(1, 0).uniforms(0, 1, attempt, 2)[0].tolist()
    assert row == [uniform(np.uint64(1), np.uint64(0), 0, attempt, p) for p in range(8)]
