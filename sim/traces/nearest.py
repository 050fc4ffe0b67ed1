"""Which device was probably meant by an id that the fleet does not have."""

from __future__ import annotations

from bisect import bisect_left
from difflib import get_close_matches
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from sim.scenario import Scenario

_SHOWN: Final = 3
_NEIGHBOURS: Final = 200
_CUTOFF: Final = 0.5
_DIGITS: Final = 7


def nearest_ids(scenario: Scenario, device_id: str) -> list[str]:
    """Return ids like a given one, the most likely first; one to three.

    Args:
        scenario: Whose devices.
        device_id: An id that none of them has.
    """
    if scenario.inventory is None:
        return _numbered(scenario, device_id)
    ids = sorted(name for c in range(len(scenario.cohort_names)) for name in scenario.device_ids(c))
    # Comparing it with millions would take minutes, so only with those beside which it would stand.
    place = bisect_left(ids, device_id)
    near = ids[max(0, place - _NEIGHBOURS) : place + _NEIGHBOURS]
    return get_close_matches(device_id, near, n=_SHOWN, cutoff=_CUTOFF) or near[:1]


def _numbered(scenario: Scenario, device_id: str) -> list[str]:
    """Return ids of cohorts with a name like the given one, with its number as far as they have it."""
    word, _, digits = device_id.rpartition("-")
    if not (digits.isascii() and digits.isdecimal()):
        word, digits = device_id, "0"
    sizes = dict(zip(scenario.cohort_names, scenario.cohort_sizes, strict=True))
    cohorts = get_close_matches(word, sizes, n=_SHOWN, cutoff=_CUTOFF) or list(sizes)[:_SHOWN]
    number = int(digits) if len(digits) <= 2 * _DIGITS else 10 ** (2 * _DIGITS)
    return [f"{name}-{min(number, sizes[name] - 1):0{_DIGITS}d}" for name in cohorts]
