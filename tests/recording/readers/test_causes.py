"""Causes by table: codes, the vendor's texts, and what is none."""

import pytest

from sim.recording.attempts import UNKNOWN_REASON
from sim.recording.readers.causes import is_conflict, is_current_already, reason_of
from sim.recording.readers.remarks import Remarks
from sim.rules.reasons import Reason, reason_text


@pytest.mark.parametrize("reason", [reason for reason in Reason if reason is not Reason.NONE])
def test_reason_of__every_text_of_the_rules(reason):
    """What the emulator tells of a failure is read back as that failure."""
    remarks = Remarks()

    assert reason_of(None, f" {reason_text(reason).upper()}. ", remarks) == reason
    assert remarks.lines() == []


@pytest.mark.parametrize(
    ("code", "text", "reason"),
    [
        ("2", "whatever", 2),
        (10, None, 10),
        (10.0, None, 10),
        ("255", "", 255),
        (None, "Not enough storage for the new firmware package", Reason.LOW_SPACE),
        ("IOTDA.000001", "Waiting for the device online timeout", Reason.ONLINE_TIMEOUT),
        ("11", None, UNKNOWN_REASON),
        ("-1", None, UNKNOWN_REASON),
        ("0", "", UNKNOWN_REASON),
        (None, "Waiting for the device online timeouts", UNKNOWN_REASON),
        (None, None, UNKNOWN_REASON),
    ],
)
def test_reason_of__by_code_then_by_text(code, text, reason):
    """A code of the device comes first, then a text of the table; nothing is guessed by resemblance."""
    remarks = Remarks()

    assert reason_of(code, text, remarks, "x") == reason
    assert len(remarks.lines()) == (reason == UNKNOWN_REASON)


def test_is_conflict__by_text_or_code():
    """The vendor's text and the code that stands for it here mean that another task had the device."""
    assert is_conflict(None, "Task Conflict")
    assert is_conflict("IOTDA.014286", None)
    assert not is_conflict("2", "conflict of tasks")


def test_is_current_already__by_text_or_code():
    """A success that says so upgraded nothing."""
    assert is_current_already("3", None)
    assert is_current_already(None, "The device already runs the latest version")
    assert not is_current_already(None, "success")
