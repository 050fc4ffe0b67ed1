"""How many examples property tests draw."""

import os
from typing import Final

SHARE_OF_FIXED: Final = 5


def many(n: int) -> int:
    """Return how many examples a slow property test draws.

    Args:
        n: What it draws on a developer's machine, where the examples are others each time. Where they are
            fixed (see `tests/conftest.py`), more of the same find nothing that the last run did not.
    """
    return n // SHARE_OF_FIXED if os.environ.get("CI") else n
