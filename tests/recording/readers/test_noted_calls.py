"""Retry calls as people, proxies and journals note them."""

import pytest

from sim.recording.readers.noted_calls import NotedCalls
from sim.recording.readers.remarks import Remarks


@pytest.mark.parametrize(
    ("targets", "named"),
    [
        (None, True),
        ("{}", True),
        ("all", True),
        ('{"targets": null}', True),
        ("d", True),
        ("c; d e", True),
        ('["c", "d"]', True),
        ('{"targets": ["d"]}', True),
        ("c", False),
        ("[]", False),
        ('{"targets": ["c"]}', False),
    ],
)
def test_noted_calls__whom_a_call_names(targets, named):
    """Nobody in particular is everybody; lists may be JSON, or ids apart by spaces and commas."""
    row = {"at": 50, "operation": "RetryBatchTask", "targets": targets, "answer": None}
    calls = NotedCalls([row], Remarks(), str)

    assert calls.first_within("d", 0, 50) == (50 if named else None)


def test_noted_calls__the_first_within_an_interval():
    """Calls at the lower end are over, those at the upper end count; devices have the names of the table."""
    rows = [{"at": at, "operation": "retry", "targets": "D" if at < 30 else None} for at in (40, 20, 10)]
    calls = NotedCalls(rows, Remarks(), str.lower)

    assert calls.first_within("d", 10, 60) == 20
    assert calls.first_within("d", 20, 40) == 40
    assert calls.first_within("d", 40, 60) is None
