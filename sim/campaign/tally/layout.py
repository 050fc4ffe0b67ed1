"""Where counting writes its sums; compiled code and NumPy fill the same arrays."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

SUMS: Final = np.dtype(
    [
        ("attempts", np.int64),
        ("auto_retries", np.int64),
        ("manual_retries", np.int64),
        ("first_successes", np.int64),  # devices that the first attempt brought to Success
        ("needed", np.int64),  # devices whose first attempt failed
        ("recovered", np.int64),  # of these, devices in Success
        ("bytes", np.int64),
        ("last_end", np.int64),  # tick of the last end, -1 if nothing has ended
    ]
)
"""What is summed up over the devices of a cohort."""


class Counts(NamedTuple):
    """Arrays that are counted into.

    A tuple, so that compiled code takes it as it is.

    Attributes:
        states: (C, 7) int64, devices by cohort and `sim.rules.SubtaskState`.
        sums: (C,) `SUMS`.
        attempts: (A, 2) int64, devices by attempts begun, those that are not in Success and those that are.
        reasons: (R,) int64, devices by last failure (`sim.rules.Reason`).
    """

    states: NDArray[np.int64]
    sums: Any
    attempts: NDArray[np.int64]
    reasons: NDArray[np.int64]
