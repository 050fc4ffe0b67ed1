"""Device codes and platform texts."""

import numpy as np
import pytest

from sim.rules.reasons import DEVICE_CODES, Reason, reason_code, reason_text

PLATFORM_TEXTS = {
    1000: "Waiting for the device online timeout",
    1001: "Waiting for report device firmware version timeout",
    1002: "Waiting for report cellId timeout",
    1003: "Waiting for device start download package timeout",
    1004: "Waiting for device downloaded package timeout",
    1005: "Wait for the device to report upgrade result timeout",
}


def test_device_codes__as_devices_report_them():
    """A device reports failure with 1 to 10 or 255 and nothing else."""
    assert sorted(DEVICE_CODES) == [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 255]


@pytest.mark.parametrize("code", [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 255])
def test_reason_code__device(code):
    """A device's reason is its code, and has a text too."""
    assert reason_code(code) == code
    assert reason_text(code)


@pytest.mark.parametrize(("reason", "text"), PLATFORM_TEXTS.items())
def test_reason_text__platform(reason, text):
    """An expired timer has the vendor's text, word for word, and no device code."""
    assert reason_text(reason) == text
    assert reason_code(reason) is None


def test_reason__none():
    """No failure has neither code nor text."""
    assert reason_code(Reason.NONE) is None
    assert reason_text(Reason.NONE) == ""


def test_reason__texts_differ():
    """No two reasons read the same, so a table by text keeps them apart."""
    texts = [reason_text(reason) for reason in Reason]
    assert len(set(texts)) == len(texts)


def test_reason__all_known_here():
    """Every reason is a device code, one of the platform texts above, or none."""
    assert {int(reason) for reason in Reason} == {0, *DEVICE_CODES, *PLATFORM_TEXTS}


def test_reason__from_an_int16_array():
    """Reasons fit int16 and are understood as they come out of an array."""
    array = np.array(list(Reason), dtype=np.int16)
    assert [reason_code(reason) for reason in array[:3]] == [None, 1, 2]
    assert reason_text(array[-1]) == PLATFORM_TEXTS[1005]


@pytest.mark.parametrize("lookup", [reason_code, reason_text])
def test_reason__unknown_number(lookup):
    """A number that stands for nothing is refused instead of being given a text."""
    with pytest.raises(ValueError, match="11"):
        lookup(11)
