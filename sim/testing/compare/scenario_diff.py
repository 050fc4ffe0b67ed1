"""What differs between two scenario files, value by value."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from sim.scenario.section import Path
from sim.units import shown

_SHOWN: Final = 6
_ABSENT: Final = object()


def changes(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Return the values that differ, a line each, like `run.seed: 1, now 2`.

    Returns:
        In the order of the earlier file; the last line counts those that are not shown.
    """
    lines = [text for _, text in _differences(before, now, (), "")]
    if len(lines) <= _SHOWN:
        return lines
    return [*lines[:_SHOWN], f"and {len(lines) - _SHOWN} more"]


def changed_places(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[Path]:
    """Return where values differ, as steps into the files, in the order of the earlier one."""
    return [place for place, _ in _differences(before, now, (), "")]


def _differences(before: Any, now: Any, place: Path, path: str) -> Iterator[tuple[Path, str]]:
    """Yield the differences at a place and below it: where, and what."""
    if isinstance(before, Mapping) and isinstance(now, Mapping):
        for key in dict.fromkeys([*before, *now]):
            named = f"{path}.{key}" if path else str(key)
            values = before.get(key, _ABSENT), now.get(key, _ABSENT)
            yield from _differences(*values, (*place, key), named)
    elif isinstance(before, list) and isinstance(now, list):
        for i_item in range(max(len(before), len(now))):
            old, new = (values[i_item] if i_item < len(values) else _ABSENT for values in (before, now))
            yield from _differences(old, new, (*place, i_item), _item_path(path, i_item, old, new))
    elif before is _ABSENT:
        yield place, f"{path}: {shown(now)} is new"
    elif now is _ABSENT:
        yield place, f"{path}: {shown(before)} is gone"
    elif before != now:
        yield place, f"{path}: {shown(before)}, now {shown(now)}"


def _item_path(path: str, i_item: int, *items: Any) -> str:
    """Return the path of an item of a list, by its name if it has one."""
    names = {item.get("name") for item in items if isinstance(item, Mapping)}
    name = names.pop() if len(names) == 1 else None
    return f"{path}[{i_item}]" if name is None else f"{path}.{name}"
