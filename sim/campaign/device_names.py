"""Device ids and the indices by which everything else knows the devices."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from sim.errors import ModelError

if TYPE_CHECKING:
    from sim.fleet.spec import Int16s, Int64s

Targets = Sequence[str] | NDArray[np.integer]
"""Device ids, or device indices: a caller inside the simulator saves the way through text."""

_DIGITS: Final = 7


class DeviceNames:
    """Translate between device ids and device indices.

    Without an inventory a device is called `<cohort>-<7 digits>`, counted within its cohort from
    0000000. Such names are computed when asked for: a list of ten million strings would be larger than
    the fleet itself.
    """

    def __init__(
        self, cohort_names: Sequence[str], cohort: Int16s, device_ids: Sequence[str] | None = None
    ) -> None:
        """Learn the fleet's layout.

        Args:
            cohort_names: Names of the cohorts, by cohort index.
            cohort: (n,) int16, cohort of each device. Read only, kept.
            device_ids: Ids from an inventory, one a device, all different; None to number the devices.

        Raises:
            ModelError: There are not as many ids as devices.
        """
        if device_ids is not None and len(device_ids) != len(cohort):
            raise ModelError(f"{len(device_ids)} device ids for {len(cohort)} devices")
        self.cohort_names: tuple[str, ...] = tuple(cohort_names)
        self._cohort = cohort
        self._ids = None if device_ids is None else tuple(device_ids)
        self._index_of_id: dict[str, int] | None = None
        self._first_of = {name: c for c, name in enumerate(self.cohort_names)}

    @cached_property
    def _first(self) -> Int64s:
        """First index of each cohort, then the number of devices; (C + 1,) int64.

        Cohorts are contiguous without an inventory, so that a number within one gives the index.
        """
        sizes = np.bincount(self._cohort, minlength=len(self.cohort_names))
        first: Int64s = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
        return first

    def __len__(self) -> int:
        """Return the number of devices."""
        return len(self._cohort)

    def id_of(self, index: int) -> str:
        """Return the id of a device.

        Args:
            index: Device index, 0..n - 1.

        Raises:
            IndexError: There is no such device.
        """
        if not 0 <= index < len(self._cohort):
            raise IndexError(f"device {index} of {len(self._cohort)}")
        if self._ids is not None:
            return self._ids[index]
        c = int(self._cohort[index])
        return f"{self.cohort_names[c]}-{index - int(self._first[c]):0{_DIGITS}d}"

    def ids_of(self, indices: NDArray[np.integer]) -> list[str]:
        """Return the ids of several devices, in the given order.

        Args:
            indices: (k,) device indices. Read only.
        """
        if self._ids is not None:
            ids = self._ids
            return [ids[i] for i in indices.tolist()]
        cohort = self._cohort[indices]
        numbers = (indices - self._first[cohort]).tolist()
        names = self.cohort_names
        return [f"{names[c]}-{k:0{_DIGITS}d}" for c, k in zip(cohort.tolist(), numbers, strict=True)]

    def all_ids(self) -> list[str]:
        """Return the ids of all devices, by index."""
        if self._ids is not None:
            return list(self._ids)
        return [
            f"{name}-{k:0{_DIGITS}d}"
            for c, name in enumerate(self.cohort_names)
            for k in range(int(self._first[c + 1] - self._first[c]))
        ]

    def index_of(self, device_id: str) -> int:
        """Return the index of a device, or -1 if the fleet has none with that id."""
        if self._ids is not None:
            if self._index_of_id is None:
                self._index_of_id = {name: i for i, name in enumerate(self._ids)}
            return self._index_of_id.get(device_id, -1)
        name, _, digits = device_id.rpartition("-")
        c = self._first_of.get(name, -1)
        if c < 0 or len(digits) < _DIGITS or not (digits.isascii() and digits.isdigit()):
            return -1
        if len(digits) > _DIGITS and digits[0] == "0":
            return -1
        index = int(self._first[c]) + int(digits)
        return index if index < self._first[c + 1] else -1

    def indices_of(self, device_ids: Sequence[str]) -> Int64s:
        """Return the indices of several devices, -1 for an unknown id; (k,) int64."""
        return np.array([self.index_of(name) for name in device_ids], dtype=np.int64)
