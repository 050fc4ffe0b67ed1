"""Cohorts by name, by a pattern of names, or by label.

    meters-north            one cohort
    meters-*                those whose names match (`*` any text, `?` any character)
    region=north            those that have the label; the value may be a pattern too
    region=north & meters-* those of which all of it is true

Each may stand in `cohorts[...]`, as it does in paths. Letters count as they are.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any, Final, NamedTuple

from sim.scenario.suggest import unknown
from sim.units import shown

_SIGNS: Final = re.compile(r"[=*?&\[]")
_WRAPPED: Final = re.compile(r"cohorts\[(.*)\]")
_LISTED_MAX: Final = 20


Labels = Mapping[str, Mapping[str, tuple[str, ...]]]
"""By cohort, the values of each label."""


class Labelled(NamedTuple):
    """A cohort as selectors see it.

    Attributes:
        name: Its name.
        labels: Values by label; several if the inventory's rows differ within the cohort.
    """

    name: str
    labels: Mapping[str, tuple[str, ...]]


def is_selector(text: str) -> bool:
    """Tell whether a text is more than the name of a cohort."""
    return _SIGNS.search(text) is not None


def labelled(fleet: object, of_inventory: Labels | None = None) -> list[Labelled]:
    """Return the cohorts of a fleet as a file has them; what is no cohort is left out.

    Args:
        fleet: The section as plain values.
        of_inventory: Values by column, by cohort; what a cohort says of itself counts more.
    """
    cohorts = fleet.get("cohorts") if isinstance(fleet, Mapping) else None
    found = []
    for cohort in cohorts if isinstance(cohorts, list) else ():
        name = cohort.get("name") if isinstance(cohort, Mapping) else None
        if isinstance(name, str):
            given = cohort.get("labels")
            own = (
                {str(key): (str(value),) for key, value in given.items()}
                if isinstance(given, Mapping)
                else {}
            )
            found.append(Labelled(name, {**(of_inventory or {}).get(name, {}), **own}))
    return found


def selected(text: str, cohorts: Sequence[Labelled]) -> list[str]:
    """Return the names of the cohorts that a selector means, in their order.

    Args:
        text: See this module.
        cohorts: All cohorts.

    Raises:
        ValueError: It means none, or a part of one.
    """
    wrapped = _WRAPPED.fullmatch(text.strip())
    left = list(cohorts)
    for part in (wrapped[1] if wrapped else text).split("&"):
        matching = _matching(part.strip(), cohorts)
        left = [cohort for cohort in left if cohort.name in matching]
    if not left:
        raise ValueError(f"{shown(text)}: no cohort is all of that")
    return [cohort.name for cohort in left]


def _matching(part: str, cohorts: Sequence[Labelled]) -> set[str]:
    """Return the names of the cohorts for which one condition is true."""
    if not part:
        raise ValueError("needs a name, a pattern like 'meters-*', or a label like 'region=north'")
    label, sign, value = (piece.strip() for piece in part.partition("="))
    if sign:
        return _by_label(label, value, cohorts)
    names = [cohort.name for cohort in cohorts]
    matching = {name for name in names if fnmatchcase(name, part)}
    if matching:
        return matching
    if "*" not in part and "?" not in part:
        raise ValueError(unknown("cohort", part, names))
    raise ValueError(f"{shown(part)} matches no cohort; allowed: {_some(names)}")


def _by_label(label: str, value: str, cohorts: Sequence[Labelled]) -> set[str]:
    """Return the names of the cohorts that have a label."""
    known = dict.fromkeys(name for cohort in cohorts for name in cohort.labels)
    if not known:
        raise ValueError(f"no cohort has a label; give them some, like 'labels: {{{label}: {value}}}'")
    if label not in known:
        raise ValueError(unknown("label", label, known))
    matching: set[str] = set()
    values: list[str] = []
    for cohort in cohorts:
        given = cohort.labels.get(label, ())
        values += given
        fitting = [one for one in given if fnmatchcase(one, value)]
        if len(given) > 1 and fitting:
            raise ValueError(
                f"{shown(f'{label}={value}')}: devices of cohort '{cohort.name}' differ in the inventory's "
                f"column '{label}' ({_some(given)}), and only whole cohorts can be chosen; make a cohort of "
                "each value, in the inventory too"
            )
        if fitting:
            matching.add(cohort.name)
    if not matching and ("*" in value or "?" in value):
        raise ValueError(
            f"no cohort has a {label} like {shown(value)}; allowed: {_some(dict.fromkeys(values))}"
        )
    if not matching:
        raise ValueError(unknown(label, value, dict.fromkeys(values)))
    return matching


def _some(names: Iterable[str]) -> str:
    """Return names as a list, cut where it gets long."""
    listed = list(names)
    more = f", and {len(listed) - _LISTED_MAX:,} more" if len(listed) > _LISTED_MAX else ""
    return ", ".join(listed[:_LISTED_MAX]) + more


def label_value(value: Any) -> str:
    """Return the value of a label as text; a whole number is one.

    Raises:
        ValueError: It is neither, or empty.
    """
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if not isinstance(value, str) or not value.strip() or is_selector(value):
        raise ValueError(f"{shown(value)} is no value of a label; text without = * ? & [, or a whole number")
    return value.strip()
