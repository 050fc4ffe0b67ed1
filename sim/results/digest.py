"""One number for a run: equal digests mean that every device fared the same in every detail."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

from sim.fleet.digest_layout import columns_of

if TYPE_CHECKING:
    from sim.fleet.protocol import TargetRecords


def records_digest(records: TargetRecords) -> str:
    """Return a digest of the per-target records of one run.

    Args:
        records: What became of each device. Read only.

    Returns:
        SHA-256, 64 hexadecimal digits.
    """
    digest = hashlib.sha256()
    for name, layout, column in columns_of(records):
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
