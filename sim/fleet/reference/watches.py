"""The readable plane's watches: conditions on counts that hand control to the campaign."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from itertools import count
from typing import Final

from sim.rules import SubtaskState, allowed_count

_LIVE: Final = tuple(state for state in SubtaskState if state.is_live)


def is_settled(counts: Sequence[int]) -> bool:
    """Tell whether no subtask can still change without a call.

    Args:
        counts: Subtasks by state.
    """
    return not any(counts[state] for state in _LIVE)


def is_failing(counts: Sequence[int], *, share: Fraction, most: int, of_at_least: int) -> bool:
    """Tell whether too many subtasks ended in Fail.

    Args:
        counts: Subtasks by state.
        share: Failed share of the ended ones that is still good, from `exact_share`.
        most: Failed count that is still good.
        of_at_least: Ended subtasks below which nothing is judged.
    """
    failed = counts[SubtaskState.FAIL]
    ended = failed + counts[SubtaskState.SUCCESS]
    if ended == 0 or ended < of_at_least:
        return False
    return failed > allowed_count(share, ended) or failed > most


class Watches:
    """Numbered conditions, each of which trips once."""

    def __init__(self) -> None:
        """Begin without watches."""
        self._ids = count()
        self._conditions: dict[int, Callable[[], bool]] = {}
        self._tripped: list[int] = []
        self._seen = -1  # ends at which all conditions were looked at

    def add(self, condition: Callable[[], bool]) -> int:
        """Watch a condition; return the watch's id."""
        watch = next(self._ids)
        self._seen = -1
        self._conditions[watch] = condition
        return watch

    def drop(self, watch: int) -> None:
        """Forget a watch, if it is still there."""
        self._conditions.pop(watch, None)

    def look(self, n_ends: int) -> bool:
        """Tell whether any condition holds now; those watches have tripped.

        Args:
            n_ends: How many subtasks have ended; only that can make a condition hold.
        """
        if n_ends == self._seen:
            return False
        self._seen = n_ends
        now = [watch for watch, condition in self._conditions.items() if condition()]
        for watch in now:
            del self._conditions[watch]
        self._tripped += now
        return bool(now)

    def take_tripped(self) -> list[int]:
        """Return the watches that tripped since the last call, ascending."""
        tripped, self._tripped = sorted(self._tripped), []
        return tripped
