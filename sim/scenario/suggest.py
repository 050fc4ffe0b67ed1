"""How messages name what is unknown and what was probably meant."""

from collections.abc import Iterable
from typing import Final

_LISTED_MAX: Final = 60


def unknown(noun: str, given: str, allowed: Iterable[str]) -> str:
    """Return a message about a word that is not among the allowed ones.

    Args:
        noun: What the word should have been, like `key`.
        given: The word.
        allowed: What may stand there, in the order to be listed.

    Returns:
        Text with the nearest allowed word, if one is near, and with all of them, or the first of many.
    """
    from difflib import get_close_matches  # here, since good files never need it

    names = list(allowed)
    quoted = f"'{given}'" if len(given) <= 60 else f"'{given[:56]}...'"
    folded = {name.lower(): name for name in names}
    near = get_close_matches(given.lower(), folded, n=1, cutoff=0.6)
    hint = f"did you mean '{folded[near[0]]}'? " if near else ""
    more = f", and {len(names) - _LISTED_MAX:,} more" if len(names) > _LISTED_MAX else ""
    return f"unknown {noun} {quoted}; {hint}allowed: {', '.join(names[:_LISTED_MAX])}{more}"
