"""A digest depends on what happened to each device, and on nothing else."""

import hashlib
import struct

import numpy as np
import pytest

from sim.results.digest import combined_digest, records_digest
from sim.rules import SubtaskState

SUCCESS, FAIL = SubtaskState.SUCCESS, SubtaskState.FAIL


@pytest.fixture
def records(make_run):
    """Return the records of four devices."""
    return make_run([SUCCESS, FAIL, SUCCESS, FAIL], end_s=[1, 2, 3, 4]).records


def test_records_digest__is_of_these_bytes(records):
    """The layout never changes, so that stored digests of earlier versions stay comparable."""
    layout = {"task": "i", "status": "b", "reason": "h", "attempts": "h", "auto_retries": "h"}
    layout |= {"manual_retries": "h", **dict.fromkeys(("first_start", "first_failure", "end", "bytes"), "q")}
    digest = hashlib.sha256()
    for name, code in layout.items():
        digest.update(f"{name} <i{struct.calcsize(code)} 4\n".encode())
        digest.update(struct.pack(f"<4{code}", *getattr(records, name).tolist()))

    assert records_digest(records) == digest.hexdigest()


def test_records_digest__ignores_byte_order_width_and_memory_layout(records):
    """The same values in another dtype, or with gaps in memory, have the same digest."""
    other = records._replace(
        end=records.end.astype(">i8"),
        attempts=records.attempts.astype(np.int64),
        status=np.repeat(records.status, 2)[::2],
    )

    assert records_digest(other) == records_digest(records)


def test_records_digest__sees_every_field_of_every_device(records):
    """A change of 1 in any field of any device changes the digest."""
    digests = {records_digest(records)}
    for name in records._fields:
        for i_device in range(4):
            column = getattr(records, name).copy()
            column[i_device] += 1
            digests.add(records_digest(records._replace(**{name: column})))

    assert len(digests) == 1 + 4 * len(records._fields)


def test_combined_digest__of_one_is_itself_of_several_depends_on_their_order():
    """A single replication has the digest of its records; several have one of their own."""
    assert combined_digest(["ab"]) == "ab"
    assert combined_digest(["ab", "cd"]) != combined_digest(["cd", "ab"])
    assert combined_digest(["ab", "cd"]) != combined_digest(["abc", "d"])


@pytest.mark.parametrize("attempts", [2**15 - 1, 2**15, 2**16 + 5])
def test_records_digest__tells_counts_of_more_than_two_bytes_apart(records, attempts):
    """Counts are written with two bytes as long as these are enough, and never cut off."""
    digests = {
        records_digest(records._replace(attempts=np.full(4, count, np.int32)))
        for count in (1, attempts, attempts - 2**16, attempts + 1)
    }

    assert len(digests) == 4
