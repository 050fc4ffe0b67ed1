"""Tests of device ids."""

import numpy as np
import pytest

from sim.campaign import DeviceNames
from sim.errors import ModelError

COHORT = np.repeat(np.arange(2, dtype=np.int16), [3, 2])


@pytest.fixture
def names():
    """Return the names of two cohorts, one of which has a hyphen."""
    return DeviceNames(["gate-4g", "meter"], COHORT)


def test_names__count_within_the_cohort(names):
    """Without an inventory a device is numbered within its cohort, from 0000000."""
    assert names.all_ids() == [
        "gate-4g-0000000",
        "gate-4g-0000001",
        "gate-4g-0000002",
        "meter-0000000",
        "meter-0000001",
    ]
    assert names.id_of(3) == "meter-0000000"
    assert names.ids_of(np.array([4, 0])) == ["meter-0000001", "gate-4g-0000000"]


def test_names__index_and_id_are_inverse(names):
    """Every id leads back to its device."""
    assert names.indices_of(names.all_ids()).tolist() == list(range(len(names)))


@pytest.mark.parametrize(
    "unknown",
    [
        "",
        "meter",
        "meter-",
        "meter-2",
        "meter-0000002",
        "gate-0000000",
        "meter-000000a",
        "meter-00000000",
        "meter-0000000 ",
        "meter-\u0660\u0660\u0660\u0660\u0660\u0660\u0660",
    ],
)
def test_names__unknown_ids_have_no_index(names, unknown):
    """What is no id of the fleet is answered with -1, however near it comes."""
    assert names.index_of(unknown) == -1


def test_names__large_cohorts_get_longer_numbers():
    """Beyond ten million devices the number has eight digits, and is still read."""
    names = DeviceNames(["a"], np.zeros(10_000_002, np.int16))

    assert names.id_of(10_000_001) == "a-10000001"
    assert names.index_of("a-10000001") == 10_000_001


def test_names__inventory_ids_are_kept():
    """With an inventory the ids are those it lists."""
    names = DeviceNames(["a", "b"], COHORT, ["v", "w", "x", "y", "z"])

    assert names.ids_of(np.array([4, 1])) == ["z", "w"]
    assert names.indices_of(["x", "a-0000000"]).tolist() == [2, -1]
    assert names.all_ids() == ["v", "w", "x", "y", "z"]


def test_names__inventory_must_fit():
    """As many ids as devices, or it is an error."""
    with pytest.raises(ModelError, match="4 device ids for 5 devices"):
        DeviceNames(["a", "b"], COHORT, ["v", "w", "x", "y"])


def test_names__no_such_device(names):
    """An index beyond the fleet is an error, not the name of somebody else."""
    with pytest.raises(IndexError, match="device 5 of 5"):
        names.id_of(5)
    with pytest.raises(IndexError):
        names.id_of(-1)
