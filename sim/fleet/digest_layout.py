"""How a fleet's records are laid out as bytes: for digests, which are stored and compared for years."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from sim.fleet.protocol import TargetRecords

# Byte order and width are fixed here, so that a digest is the same on every machine.
_LAYOUT: Final = (
    ("task", "<i4"),
    ("status", "<i1"),
    ("reason", "<i2"),
    ("attempts", "<i2"),
    ("auto_retries", "<i2"),
    ("manual_retries", "<i2"),
    ("first_start", "<i8"),
    ("first_failure", "<i8"),
    ("end", "<i8"),
    ("bytes", "<i8"),
)


def columns_of(records: TargetRecords) -> Iterator[tuple[str, str, Any]]:
    """Yield name, dtype and values (n,) of each column, contiguous, in a fixed order.

    Args:
        records: What became of each device. Read only.
    """
    for name, layout in _LAYOUT:
        values = getattr(records, name)
        # Counts once had two bytes: digests stored then hold as long as two are enough.
        if layout == "<i2" and values.max(initial=0) > np.iinfo(np.int16).max:
            layout = "<i4"
        yield name, layout, np.ascontiguousarray(values, dtype=layout)
