"""Retry calls of a task as somebody noted them: who was re-executed when."""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from sim.recording.readers.remarks import Remarks

_NAMES: Final = re.compile(r"[\s,;]+")
_EVERYBODY: Final = frozenset({"", "{}", "null", "*", "all"})


class NotedCalls:
    """When devices were named by retry calls."""

    def __init__(
        self, rows: Iterable[Mapping[str, Any]], remarks: Remarks, rename: Callable[[str], str]
    ) -> None:
        """Sort the calls by device.

        Args:
            rows: Calls of the task: `at` in ms since the Unix epoch, `operation`, `targets` (a JSON list, ids
                apart by comma or space, or nothing for all), `answer` (refused if it begins with 4 or 5).
            remarks: Takes down what is no retry call.
            rename: From a device's id to the name that the table has.
        """
        self._of_all: list[int] = []
        self._of_one: dict[str, list[int]] = {}
        for row in sorted(rows, key=lambda row: int(row["at"])):
            operation = str(row["operation"])
            if "retry" not in operation.casefold():
                remarks.count(f"noted calls '{operation}', which begin no attempt")
                continue
            if str(row.get("answer") or "").lstrip()[:1] in {"4", "5"}:
                remarks.count("noted retry calls that were refused, without effect")
                continue
            targets = targets_of(str(row.get("targets") or ""))
            if targets is None:
                self._of_all.append(int(row["at"]))
            for target in targets or ():
                self._of_one.setdefault(rename(target), []).append(int(row["at"]))

    def first_within(self, device: str, after: int, until: int) -> int | None:
        """Return when a device was first named in (after, until]; None if it was not.

        Args:
            device: The device.
            after: ms since the Unix epoch, excluded.
            until: Likewise, included.
        """
        found = []
        for times in (self._of_all, self._of_one.get(device, [])):
            i = bisect_right(times, after)
            if i < len(times) and times[i] <= until:
                found.append(times[i])
        return min(found, default=None)


def targets_of(text: str) -> list[str] | None:
    """Return the ids that a call names; None for all.

    Args:
        text: `targets` of a call.
    """
    text = text.strip()
    if text.casefold() in _EVERYBODY:
        return None
    if text.startswith(("[", "{")):
        try:
            value = json.loads(text)
        except ValueError:
            value = text
        if isinstance(value, dict):
            value = value.get("targets")
        if value is None or isinstance(value, list):
            return None if value is None else [str(target) for target in value]
    return [name for name in _NAMES.split(text.strip("[]")) if name]
