"""What a batch keeps of its devices, so that it can go back to where it began."""

from sim.fleet.compiled.uncoupled.batch import _BEFORE
from sim.fleet.protocol import TargetRecords


def test_batch__keeps_every_column_of_the_records():
    """All that playing may change of a device's record, and nothing that only follows from it."""
    assert set(_BEFORE) == set(TargetRecords._fields) - {"task"}
