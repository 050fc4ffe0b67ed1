"""What an earlier fit makes one believe of the numbers of a template."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Final

from sim.calibration.files.fit_file import FitRecord, meaning
from sim.calibration.priors import Prior
from sim.calibration.unknowns import unknowns_of

if TYPE_CHECKING:
    from sim.scenario import Scenario

_OF_PACKAGE: Final = ("probability", "permanent", "lasts", "already_current")
_WIDER: Final = 2.0


def priors_of(record: FitRecord, template: Scenario) -> tuple[dict[str, Prior], list[str]]:
    """Return what an earlier fit makes one believe of a template's numbers.

    Failures belong to the package, so that another campaign has its own; contact, differences between devices
    and times belong to the fleet. They are believed within twice the width of the earlier fit.

    Args:
        record: The earlier fit.
        template: The template of the next one.

    Returns:
        Beliefs by path of the template's unknowns, and notes on what was not taken over.
    """
    earlier = {_key(row["of"], row["path"]): i for i, row in enumerate(record.numbers)}
    priors, without = {}, []
    for one in unknowns_of(template):
        i = earlier.get(_key(meaning(template, one.path), one.path))
        if one.kind in _OF_PACKAGE:
            continue
        if i is None or record.numbers[i]["kind"] != one.kind:
            without.append(one.path)
        else:
            sd = _WIDER * math.sqrt(max(float(record.covariance[i, i]), 1e-12))
            priors[one.path] = Prior(float(record.mean[i]), sd)
    notes = [f"{record.name} says nothing of {', '.join(without)}"] if without else []
    return priors, notes


def _key(of: str, path: str) -> tuple[str, str]:
    """Return what tells numbers of two scenarios apart: whose it is, and which, but not its position."""
    return of, re.sub(r"\[\d+\]", "", path)
