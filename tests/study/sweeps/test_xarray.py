"""Sweeps as labelled arrays, for those who have the package."""

import sys

import numpy as np
import pytest

import sim
from sim.study import Sweep
from support.study_scenarios import scenario_of

COUNT = "campaign.task_policy.retry_count"
RATE = "platform.bandwidth"


@pytest.fixture(scope="module")
def grid() -> Sweep:
    """Return a sweep of two fields, one of them a quantity."""
    vary = {COUNT: [0, 1, 2], RATE: ["1 Mbit/s", "8 Mbit/s"]}
    return sim.sweep(scenario_of(30), vary, replications=3)


def test_to_xarray__a_dimension_a_field_and_one_of_replications(grid):
    """A value is found by the values of its fields, and is that of the frame."""
    pytest.importorskip("xarray")

    data = grid.to_xarray()

    assert dict(data.sizes) == {COUNT: 3, RATE: 2, "replication": 3}
    frame = grid.frame.query(f"`{COUNT}` == 2 and `{RATE}` == '1 Mbit/s'")
    one = data["attempts"].sel({COUNT: 2}).isel({RATE: 0})
    np.testing.assert_array_equal(one, frame["attempts"])


def test_to_xarray__says_units_and_where_it_comes_from(grid):
    """Metrics and fields have their units, the dataset its scenario."""
    pytest.importorskip("xarray")

    data = grid.to_xarray()

    assert data["makespan"].attrs["units"] == "s"
    assert data["bytes_wasted"].attrs["units"] == "bytes"
    assert data[RATE].attrs["units"] == "Mbit/s"
    assert data[RATE].to_numpy().tolist() == [1.0, 8.0]
    assert data.attrs["scenario"] == "tiny"


def test_to_xarray__names_the_extra_if_it_is_not_there(grid, monkeypatch):
    """Without the package the error says how to get it."""
    monkeypatch.setitem(sys.modules, "xarray", None)

    with pytest.raises(ImportError, match=r"pip install 'fleet-upgrade-sim\[xarray\]'"):
        grid.to_xarray()
