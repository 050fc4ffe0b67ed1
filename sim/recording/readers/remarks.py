"""What a reader could not read, lost or guessed: counted by kind, with the places of the first ones."""

from __future__ import annotations

from typing import Final

PLACES_MAX: Final = 3
"""Places that are listed of each kind."""


class Remarks:
    """Remarks on data, each once, in the order in which they came up first."""

    def __init__(self) -> None:
        """Begin with nothing to say."""
        self._counts: dict[str, int] = {}
        self._places: dict[str, list[str]] = {}
        self._left_out: set[str] = set()

    def say(self, text: str) -> None:
        """Say something about the whole.

        Args:
            text: A sentence without a full stop.
        """
        self._counts.setdefault(text, 0)

    def count(self, kind: str, place: str = "", n: int = 1, *, left_out: bool = False) -> None:
        """Count one more of a kind.

        Args:
            kind: What it is, in the plural, like `rows of another task, left out`.
            place: Where, like `sightings.jsonl:7` or a device's id; empty if nowhere.
            n: How many.
            left_out: Whether it is a row that could not be read.
        """
        self._counts[kind] = self._counts.get(kind, 0) + n
        places = self._places.setdefault(kind, [])
        if place and place not in places:
            places.append("…" if len(places) == PLACES_MAX else place)
            del places[PLACES_MAX + 1 :]
        if left_out:
            self._left_out.add(kind)

    @property
    def left_out(self) -> list[str]:
        """The lines about rows that could not be read."""
        return [self._line(kind) for kind in self._counts if kind in self._left_out]

    def lines(self) -> list[str]:
        """Return a line a kind."""
        return [self._line(kind) for kind in self._counts]

    def _line(self, kind: str) -> str:
        n = self._counts[kind]
        if not n:
            return kind
        places = self._places.get(kind, [])
        return f"{kind}: {n:,}" + (f" ({', '.join(places)})" if places else "")
