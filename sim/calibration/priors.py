"""What is believed of an unknown before any data, on the scale on which it is searched.

Source:
    Own choice, wide enough to let a few hundred devices speak; as the middle 95 %: shares of failures between
    0.05 % and 16 %, links up 73 % of the time (20 % to 97 %), off for 34 min to 28 h, a spread of 0.2 to 3.2.
    Times of stages are believed within a factor of four of the template's.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from sim.calibration.unknowns import Unknown


class Prior(NamedTuple):
    """A normal distribution on the scale of the search.

    Attributes:
        mean: Its mean.
        sd: Its standard deviation, > 0.
    """

    mean: float
    sd: float


def _logit(share: float) -> float:
    return math.log(share / (1.0 - share))


_PRIORS: Final = {
    "fraction": Prior(_logit(0.73), 1.2),
    "mean_offline": Prior(math.log(4 * 3600.0), 1.0),
    "spread": Prior(math.log(0.8), 0.7),
    "already_current": Prior(_logit(0.01), 1.5),
    "probability": Prior(_logit(0.01), 1.5),
    "permanent": Prior(_logit(0.01), 1.5),
    "lasts": Prior(math.log(4 * 3600.0), 1.3),
}
_OF_TEMPLATE: Final = {"stage_a": 0.7, "stage_b": 0.5}


def default_prior(unknown: Unknown) -> Prior:
    """Return what is believed of an unknown if no earlier fit says more."""
    if unknown.kind in _OF_TEMPLATE:
        return Prior(to_scale(unknown.transform, unknown.value), _OF_TEMPLATE[unknown.kind])
    return _PRIORS[unknown.kind]


def to_scale(transform: str, value: float) -> float:
    """Return a value on the scale of the search.

    Args:
        transform: `logit` or `log`.
        value: A share in (0, 1), or a number above 0.
    """
    return _logit(value) if transform == "logit" else math.log(value)


def from_scale(transform: str, x: float) -> float:
    """Return the value that stands at a place of the scale of the search.

    Args:
        transform: `logit` or `log`.
        x: The place.
    """
    if transform == "log":
        return math.exp(min(x, 600.0))
    return 1.0 / (1.0 + math.exp(-x)) if x > -600.0 else 0.0
