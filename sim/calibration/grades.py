"""How well the data know each number, and which combination they know where they don't know the numbers.

Information is counted against the prior: along each direction of the search, whitened by the prior, it is how
many times as much as the prior the data say.

Source:
    Own thresholds, in the sense of a prior that counts as one observation: below 1 the data say less than the
    prior, below 4 the interval is still more than half as wide as the prior's.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

IDENTIFIED: Final = "identified"
WEAK: Final = "weak"
NOT_IDENTIFIABLE: Final = "not identifiable"

_LOW: Final = 1.0
_HIGH: Final = 4.0
_INVOLVED: Final = 0.3
"""Share of a number's variance in directions that the data don't know, above which it isn't known itself."""


def grades_of(curvature: Floats, sds: Floats) -> tuple[list[str], list[tuple[int, ...]]]:
    """Grade numbers.

    Args:
        curvature: (k, k) of the log-likelihood at the mode, without the prior.
        sds: (k,) of the prior.

    Returns:
        A grade for each, and the groups of numbers of which only combinations are known.
    """
    whitened = curvature * sds * sds[:, None]
    values, vectors = np.linalg.eigh((whitened + whitened.T) / 2)
    variance = vectors**2 / (1.0 + np.maximum(values, 0.0))
    total = variance.sum(axis=1)
    grades, groups = [], []
    for i in range(len(sds)):
        unknown = variance[i, values < _LOW].sum() / total[i]
        vague = variance[i, values < _HIGH].sum() / total[i]
        # How much narrower than the prior the number itself has become decides first.
        if total[i] > 1.0 / (1.0 + _LOW) or (unknown > _INVOLVED and total[i] > 1.0 / (1.0 + _HIGH)):
            grades.append(NOT_IDENTIFIABLE)
        elif total[i] > 1.0 / (1.0 + _HIGH) or (vague > _INVOLVED and total[i] > 0.1):
            grades.append(WEAK)
        else:
            grades.append(IDENTIFIED)
    for j in np.flatnonzero(values < _LOW):
        together = tuple(int(i) for i in np.flatnonzero(vectors[:, j] ** 2 > 0.15))
        if len(together) > 1:
            groups.append(together)
    return grades, groups


def combination(names: Sequence[str], groups: Sequence[tuple[int, ...]]) -> list[str]:
    """Return sentences that name what is known together only.

    Args:
        names: Paths of the numbers.
        groups: As `grades_of` returns them.
    """
    return [f"only a combination of {' and '.join(names[i] for i in group)} is known" for group in groups]
