"""Why an attempt did not succeed.

One int16 per target says it all: 0 nothing to say, 1-10 and 255 the device's own result code,
1000 and up a text of the platform (the device reported nothing, so there is no code).

Source:
    IoTDA API reference, "Device Reporting the Upgrade Status" (result codes); user guide, "MQTT OTA
    upgrade", "NB-IoT OTA upgrade", "Batch OTA upgrade" and the FAQ (platform texts, verbatim).
"""

from enum import IntEnum, unique


@unique
class Reason(IntEnum):
    """Cause of a failed attempt; fits int16."""

    NONE = 0
    BUSY = 1
    SIGNAL_BAD = 2
    NO_NEED = 3
    LOW_POWER = 4
    LOW_SPACE = 5
    DOWNLOAD_TIMEOUT = 6
    CHECK_FAIL = 7
    UNKNOWN_TYPE = 8
    LOW_MEMORY = 9
    INSTALL_FAIL = 10
    INNER_ERROR = 255
    ONLINE_TIMEOUT = 1000
    VERSION_TIMEOUT = 1001
    COVERAGE_TIMEOUT = 1002
    DOWNLOAD_START_TIMEOUT = 1003
    DOWNLOAD_TIMEOUT_PLATFORM = 1004
    RESULT_TIMEOUT = 1005


_FIRST_PLATFORM_REASON = 1000

_TEXTS: dict[int, str] = {
    Reason.NONE: "",
    # The platform's own wording for reported codes is not documented: these restate the code table.
    Reason.BUSY: "The device is in use",
    Reason.SIGNAL_BAD: "Poor signal",
    Reason.NO_NEED: "The device already runs the latest version",
    Reason.LOW_POWER: "Low battery",
    Reason.LOW_SPACE: "Insufficient storage space",
    Reason.DOWNLOAD_TIMEOUT: "Download timeout on the device",
    Reason.CHECK_FAIL: "Upgrade package verification failure",
    Reason.UNKNOWN_TYPE: "Unsupported upgrade package type",
    Reason.LOW_MEMORY: "Insufficient memory",
    Reason.INSTALL_FAIL: "Upgrade package installation failure",
    Reason.INNER_ERROR: "Internal exception of the device",
    # Verbatim.
    Reason.ONLINE_TIMEOUT: "Waiting for the device online timeout",
    Reason.VERSION_TIMEOUT: "Waiting for report device firmware version timeout",
    Reason.COVERAGE_TIMEOUT: "Waiting for report cellId timeout",
    Reason.DOWNLOAD_START_TIMEOUT: "Waiting for device start download package timeout",
    Reason.DOWNLOAD_TIMEOUT_PLATFORM: "Waiting for device downloaded package timeout",
    Reason.RESULT_TIMEOUT: "Wait for the device to report upgrade result timeout",
}

DEVICE_CODES: frozenset[int] = frozenset(
    int(reason) for reason in Reason if Reason.NONE < reason < _FIRST_PLATFORM_REASON
)
"""Result codes with which a device reports a failure: 1-10 and 255."""


def reason_code(reason: int) -> int | None:
    """Return the device's result code, or None if the device reported none.

    Args:
        reason: A `Reason` or its number.

    Returns:
        1-10 or 255; None for `Reason.NONE` and for platform texts.

    Raises:
        ValueError: No reason has that number.
    """
    code = int(Reason(reason))
    return code if code in DEVICE_CODES else None


def reason_text(reason: int) -> str:
    """Return the failure text.

    Args:
        reason: A `Reason` or its number.

    Returns:
        The platform's text, or the meaning of the device's code; empty for `Reason.NONE`.

    Raises:
        ValueError: No reason has that number.
    """
    return _TEXTS[Reason(reason)]
