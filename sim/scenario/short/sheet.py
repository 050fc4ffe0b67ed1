"""The plain values of a file while what is short in them is written out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sim.scenario.section import Fault, Path


class Sheet:
    """Plain values of which places are replaced without touching those that they were made of.

    Attributes:
        data: The values.
        written: Where the file has what was written out.
        faults: What is wrong.
    """

    def __init__(self, data: Mapping[str, Any]) -> None:
        """Begin with the values of a file."""
        self.data: dict[str, Any] = dict(data)
        self.written: dict[Path, Path] = {}
        self.faults: list[Fault] = []

    def at(self, *path: str | int) -> Any:
        """Return what stands at a place; None if nothing does."""
        here: Any = self.data
        for step in path:
            if isinstance(step, int):
                here = here[step] if isinstance(here, list) and step < len(here) else None
            else:
                here = here.get(step) if isinstance(here, Mapping) else None
        return here

    def put(self, value: Any, *path: str | int) -> None:
        """Replace what stands at a place, with copies of all that is around it."""
        here: Any = self.data
        for step in path[:-1]:
            here[step] = list(here[step]) if isinstance(here[step], list) else dict(here[step])
            here = here[step]
        here[path[-1]] = value

    def items(self, *path: str | int) -> range:
        """Return the positions of a list at a place; none if there is no list."""
        there = self.at(*path)
        return range(len(there) if isinstance(there, list) else 0)
