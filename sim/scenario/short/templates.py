"""Templates: one entry of `fleet.cohorts` for several cohorts that are similar.

    repeat: 20                                  cohorts meters-01 to meters-20
    repeat: {region: [north, south]}            meters-north and meters-south, each with the label
    repeat: {region: {north: {devices: 900},    the same, with other values for one of them
                      south: {}}}

Several labels make every combination. `{region}`, or `{number}` for a plain number, may stand in any text of
the entry; the name gets it at its end if it doesn't have it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import product
from math import prod
from typing import Any, Final, NamedTuple

from sim.scenario.section import Fault, Path
from sim.scenario.short.selectors import label_value
from sim.scenario.source import Source
from sim.scenario.suggest import unknown
from sim.units import shown

COPIES_MAX: Final = 30_000
"""Most cohorts of one template, as many as a fleet may have."""

_NUMBER: Final = "number"
_PLACE: Final = re.compile(r"\{([^{}]*)\}")
_ALLOWED: Final = "a whole number, or labels with their values, like '{region: [north, south]}'"


class _Choice(NamedTuple):
    """One value of a label, and where a template has it.

    Attributes:
        label: The label; `number` for a plain number.
        value: Its value.
        changes: What is other than in the template.
        place: Where the changes stand, from the entry.
    """

    label: str
    value: str
    changes: Mapping[str, Any]
    place: Path


def choices_of(repeat: object) -> list[list[_Choice]]:
    """Return for each label of a template its values.

    Args:
        repeat: As a file has it.

    Raises:
        ValueError: It is neither a number nor labels with values, or makes too many cohorts.
    """
    if isinstance(repeat, int) and not isinstance(repeat, bool):
        if not 1 <= repeat <= COPIES_MAX:
            raise ValueError(f"{repeat} is not allowed; 1 to {COPIES_MAX} cohorts")
        width = len(str(repeat))
        return [[_Choice(_NUMBER, f"{i:0{width}}", {}, ("repeat",)) for i in range(1, repeat + 1)]]
    if not isinstance(repeat, Mapping) or not repeat:
        raise ValueError(f"{shown(repeat)} is not allowed; {_ALLOWED}")
    choices = [list(_values_of(label, values)) for label, values in repeat.items()]
    n_copies = prod(map(len, choices))
    if n_copies > COPIES_MAX:
        raise ValueError(f"makes {n_copies:,} cohorts; at most {COPIES_MAX}")
    return choices


def _values_of(label: str, values: object) -> Iterator[_Choice]:
    """Yield the values of one label."""
    if not isinstance(values, list | Mapping) or not values:
        raise ValueError(f"{label}: {shown(values)} is not allowed; a list of values, or a mapping by value")
    seen: set[str] = set()
    for i_value, value in enumerate(values):
        text = label_value(value)
        changes = values[value] if isinstance(values, Mapping) else None
        if changes is not None and not isinstance(changes, Mapping):
            raise ValueError(f"{label}: {text}: {shown(changes)} is not allowed; what is other than above")
        if text in seen:
            raise ValueError(f"{label}: '{text}' is given twice")
        seen.add(text)
        step = i_value if isinstance(values, list) else value
        yield _Choice(label, text, changes or {}, ("repeat", label, step))


def without_templates(source: Source) -> Source:
    """Return a source in which each template is replaced by the cohorts that it stands for.

    A template that is wrong stays as it is, for the section's own check to say so.

    Args:
        source: A mapping; it stays as it is.
    """
    fleet = source.data.get("fleet")
    cohorts = fleet.get("cohorts") if isinstance(fleet, Mapping) else None
    entries = cohorts if isinstance(cohorts, list) else []
    if not any(isinstance(entry, Mapping) and entry.get("repeat") is not None for entry in entries):
        return source
    written: dict[Path, Path] = {}
    copies: list[Any] = []
    faults: list[Fault] = []
    for i_entry, entry in enumerate(entries):
        path: Path = ("fleet", "cohorts", i_entry)
        faults += (fault._replace(path=(*path, *fault.path)) for fault in _faults(entry))
        for copy, places in _copies(entry):
            place: Path = ("fleet", "cohorts", len(copies))
            written[place] = path
            written |= {(*place, *of_copy): (*path, *of_entry) for of_copy, of_entry in places.items()}
            copies.append(copy)
    data = {**source.data, "fleet": {**fleet, "cohorts": copies}}
    problems = (*source.problems, *map(source.problem, faults))
    return replace(source, data=data, written=written, problems=problems)


def _choices_in(entry: Any) -> list[list[_Choice]]:
    """Return for each label of an entry its values; none if it is no template, or one that is wrong."""
    try:
        choices = choices_of(entry["repeat"]) if isinstance(entry, Mapping) and "repeat" in entry else []
        _check_places(entry, choices)
    except ValueError:
        return []
    return choices


def _faults(entry: Any) -> Iterator[Fault]:
    """Yield what a template says twice, or in a place where nobody reads it."""
    choices = _choices_in(entry)
    repeated = [of_label[0].label for of_label in choices if of_label[0].label != _NUMBER]
    parts: list[tuple[Path, Any]] = [((), entry)] if choices else []
    parts += [(choice.place, choice.changes) for of_label in choices for choice in of_label]
    for place, part in parts:
        labels = part.get("labels")
        for label in labels if isinstance(labels, Mapping) else ():
            if label in repeated:
                message = f"'{label}' gets its values from 'repeat'; leave it out here, or there"
                yield Fault((*place, "labels", label), message, at_key=True)
        if place and "repeat" in part:
            message = "a value of 'repeat' repeats nothing itself; give 'repeat' of the entry one more label"
            yield Fault((*place, "repeat"), message, at_key=True)


def _copies(entry: Any) -> Iterator[tuple[Any, dict[Path, Path]]]:
    """Yield the cohorts of one entry, each with where the entry has what is not in the same place."""
    choices = _choices_in(entry)
    if not choices:
        yield entry, {}
        return
    for chosen in product(*choices):
        values = {choice.label: choice.value for choice in chosen}
        copy = {key: _filled(value, values) for key, value in entry.items() if key != "repeat"}
        places: dict[Path, Path] = {}
        for choice in chosen:
            for key, value in choice.changes.items():
                if key == "labels" and isinstance(value, Mapping):
                    _label(copy, _filled(value, values))
                    places.update({("labels", label): (*choice.place, "labels", label) for label in value})
                elif key != "repeat":
                    copy[key] = _filled(value, values)
                    places[key,] = (*choice.place, key)
        for choice in chosen:
            if choice.label != _NUMBER:
                _label(copy, {choice.label: choice.value})
                places["labels", choice.label] = choice.place
        name = entry.get("name")
        if isinstance(name, str) and copy.get("name") == name:  # no place in it
            copy["name"] = "-".join([name, *values.values()])
        yield copy, places


def _label(copy: dict[str, Any], labels: Mapping[str, Any]) -> None:
    """Add labels to a cohort; what it has that can't be labels stays, for the section's own check."""
    before = copy.get("labels")
    if before is None or isinstance(before, Mapping):
        copy["labels"] = {**(before or {}), **labels}


def _filled(value: Any, values: Mapping[str, str]) -> Any:
    """Return a value of an entry with each place in its texts filled."""
    if isinstance(value, str):
        return _PLACE.sub(lambda match: values.get(match[1], match[0]), value)
    if isinstance(value, Mapping):
        return {key: _filled(item, values) for key, item in value.items()}
    return [_filled(item, values) for item in value] if isinstance(value, list) else value


def repeat_of(value: object) -> object:
    """Return a template's repetition if it is right; whatever is right was replaced before.

    Raises:
        ValueError: It is not; with what is allowed.
    """
    choices_of(value)
    return value


def _check_places(entry: Any, choices: list[list[_Choice]]) -> None:
    """Refuse a place in a name that no label fills."""
    name = entry.get("name") if isinstance(entry, Mapping) else None
    known = [of_label[0].label for of_label in choices]
    for word in _PLACE.findall(name) if choices and isinstance(name, str) else ():
        if word not in known:
            raise ValueError(unknown("label", word, known))
