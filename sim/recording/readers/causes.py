"""Why an attempt failed, from the code and the text that the service told.

Decision: by table, exact but for case, spaces and full stops. Texts change between pages and languages; one
that is in no table makes a failure of unknown cause, instead of a guess by resemblance.

Source:
    Codes and texts of `sim.rules.reasons`; further texts of the platform and of LwM2M devices from the
    IoTDA user guide, "Batch OTA upgrade" and its FAQ. Which reason the further ones belong to is our reading.
"""

from __future__ import annotations

import re
from typing import Final

from sim.recording.attempts import UNKNOWN_REASON
from sim.recording.readers.remarks import Remarks
from sim.rules.codes import TARGET_BUSY_ELSEWHERE
from sim.rules.reasons import DEVICE_CODES, Reason, reason_text

_FURTHER: Final = {
    "Not enough storage for the new firmware package": Reason.LOW_SPACE,
    "Out of memory during downloading process": Reason.LOW_MEMORY,
    "Connection lost during downloading process": Reason.SIGNAL_BAD,
    "Integrity check failure for new downloaded package": Reason.CHECK_FAIL,
    "Unsupported package type": Reason.UNKNOWN_TYPE,
    "Firmware update failed": Reason.INSTALL_FAIL,
    "Waiting for device start to update timeout": Reason.RESULT_TIMEOUT,
    "Updating timeout and query device version for check timeout": Reason.RESULT_TIMEOUT,
}


def _folded(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip(" .").casefold()


_BY_TEXT: Final = {
    **{_folded(reason_text(reason)): int(reason) for reason in Reason if reason is not Reason.NONE},
    **{_folded(text): int(reason) for text, reason in _FURTHER.items()},
}
_CONFLICT: Final = _folded(TARGET_BUSY_ELSEWHERE.message)
_CURRENT: Final = re.compile(r"already (runs|running|has|is|up)\b|already the latest|latest version")


def reason_of(code: object, text: object, remarks: Remarks, place: str = "") -> int:
    """Return the cause of a failure.

    Args:
        code: Result code, as a number or as text; None or empty if none was told.
        text: Text of the failure; likewise.
        remarks: Takes down codes and texts of no table.
        place: Where it stands, for the remark.

    Returns:
        Number of a `Reason`, or `UNKNOWN_REASON`.
    """
    word = "" if code is None else str(code).strip().removesuffix(".0")
    if word.isdecimal() and int(word) in DEVICE_CODES:
        return int(word)
    said = "" if text is None else _folded(str(text))
    found = _BY_TEXT.get(said) or (_BY_TEXT.get(_folded(word)) if word else None)
    if found is not None:
        return found
    what = [f"code '{word}'"] if word else []
    what += [f"text '{str(text).strip()}'"] if said else []
    if what:
        remarks.count(f"failures with {' and '.join(what)}, of unknown cause since it is in no table", place)
    else:
        remarks.count("failures that came without a code or text, of unknown cause", place)
    return UNKNOWN_REASON


def is_conflict(code: object, text: object) -> bool:
    """Tell whether a subtask failed because another task had the device: no failure of the device.

    Args:
        code: Result code or error code; None if none was told.
        text: Text; None if none was told.
    """
    return str(code or "") == TARGET_BUSY_ELSEWHERE.code or _folded(str(text or "")) == _CONFLICT


def is_current_already(code: object, text: object) -> bool:
    """Tell whether a success says that the device had the version before the task.

    Args:
        code: Result code; None if none was told.
        text: Text; None if none was told.
    """
    has_code = str(code or "").strip() == str(int(Reason.NO_NEED))
    return has_code or _CURRENT.search(_folded(str(text or ""))) is not None
