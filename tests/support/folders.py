"""What lies in a folder."""

from pathlib import Path


def names_in(path: str) -> set[str]:
    """Return everything in a folder."""
    return {entry.name for entry in Path(path).iterdir()}
