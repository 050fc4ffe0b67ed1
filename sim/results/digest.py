"""One number for a run: equal digests mean that every device fared the same in every detail."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from sim.fleet.protocol import TargetRecords

# Byte order and width are fixed here, so that the digest is the same on every machine.
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


def records_digest(records: TargetRecords) -> str:
    """Return a digest of the per-target records of one run.

    Args:
        records: What became of each device. Read only.

    Returns:
        SHA-256, 64 hexadecimal digits.
    """
    digest = hashlib.sha256()
    for name, layout in _LAYOUT:
        values = getattr(records, name)
        # Counts once had two bytes: digests stored then hold as long as two are enough.
        if layout == "<i2" and values.max(initial=0) > np.iinfo(np.int16).max:
            layout = "<i4"
        column = np.ascontiguousarray(values, dtype=layout)
        digest.update(f"{name} {layout} {len(column)}\n".encode())
        digest.update(column.data)
    return digest.hexdigest()


def combined_digest(digests: Sequence[str]) -> str:
    """Return the digest of a set of replications.

    Args:
        digests: Digest of each replication, in order; at least one.

    Returns:
        The digest itself if there is only one, else that of all of them.
    """
    if len(digests) == 1:
        return digests[0]
    return hashlib.sha256("\n".join(digests).encode()).hexdigest()
