"""The readable plane's luck: every device's uniforms, by purpose."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from itertools import count
from typing import Final

import numpy as np

from sim.fleet.model.philox import KeyedPhilox
from sim.fleet.model.purposes import BLOCK_WORDS, D_PERMANENT, LAST_OF_ATTEMPT, P_BREAK
from sim.fleet.spec import FleetSpec, Floats

_NEIGHBOURS: Final = 1024
"""Devices that are drawn for at once; most first attempts begin in the order of devices."""
_CACHED: Final = 64


class Draws:
    """Uniforms in (0, 1), each a pure function of (device, attempt, purpose)."""

    def __init__(self, spec: FleetSpec) -> None:
        """Draw nothing yet.

        Args:
            spec: The fleet.
        """
        self._n = len(spec.cohort)
        self._philox = KeyedPhilox(int(spec.platform.seed), int(spec.platform.replication))
        most_causes = int((spec.causes.hi[:, -1] - spec.causes.lo[:, 0]).max(initial=0))
        self._blocks_of_attempt = max(LAST_OF_ATTEMPT, _last_break(spec)) // BLOCK_WORDS + 1
        self._blocks_of_device = (D_PERMANENT + most_causes - 1) // BLOCK_WORDS + 1
        self._of_neighbours = lru_cache(_CACHED)(self._draw_for_neighbours)
        self._timelines_of_neighbours = lru_cache(_CACHED)(self._draw_timelines)

    def of_device(self, device: int) -> list[float]:
        """Return what is drawn once a device, by purpose (`sim.fleet.model.purposes.D_*`)."""
        return self._row(device, 0)

    def of_attempt(self, device: int, number: int) -> list[float]:
        """Return what is drawn in an attempt, by purpose (`sim.fleet.model.purposes.P_*`).

        Args:
            device: Device index.
            number: Number of the attempt, from 1.
        """
        if number == 1:
            return self._row(device, 1)
        uniforms: list[float] = self._philox.uniforms(device, 1, number, self._blocks_of_attempt)[0].tolist()
        return uniforms

    def of_retry(self, seed: object, replication: object, device: int, retry: int, purpose: int) -> float:
        """Return the draw of an automatic retry, asked for as `sim.fleet.model.retry.waiting` does.

        Args:
            seed: Known already.
            replication: Known already.
            device: Device index.
            retry: Number of the retry, from 1.
            purpose: Which draw, `sim.fleet.model.purposes.P_*`.
        """
        return self.of_attempt(device, retry)[purpose]

    def of_timeline(self, device: int, timeline: int) -> Iterator[float]:
        """Yield what is drawn for a timeline, word by word, without end.

        Args:
            device: Device index.
            timeline: Its number among those of the device.
        """
        neighbours, i = divmod(device, _NEIGHBOURS)
        yield from self._timelines_of_neighbours(neighbours, timeline)[i].tolist()
        for block in count(1):
            yield from self._philox.timeline_uniforms(timeline, device, 1, block)[0].tolist()

    def _row(self, device: int, attempt: int) -> list[float]:
        """Return a device's row of what its neighbours draw as well."""
        neighbours, i = divmod(device, _NEIGHBOURS)
        uniforms: list[float] = self._of_neighbours(neighbours, attempt)[i].tolist()
        return uniforms

    def _draw_for_neighbours(self, neighbours: int, attempt: int) -> Floats:
        """Draw for up to `_NEIGHBOURS` devices in a row."""
        first = neighbours * _NEIGHBOURS
        n_blocks = self._blocks_of_attempt if attempt else self._blocks_of_device
        return self._philox.uniforms(first, min(_NEIGHBOURS, self._n - first), attempt, n_blocks)

    def _draw_timelines(self, neighbours: int, timeline: int) -> Floats:
        """Draw the first words of a timeline for up to `_NEIGHBOURS` devices in a row."""
        first = neighbours * _NEIGHBOURS
        return self._philox.timeline_uniforms(timeline, first, min(_NEIGHBOURS, self._n - first), 0)


def _last_break(spec: FleetSpec) -> int:
    """Return the last purpose of a cause that breaks stages by rate or by bytes, 0 if there is none."""
    causes = spec.causes
    rows = np.flatnonzero((causes.rate > 0.0) | (causes.per_bytes > 0.0)).tolist()
    firsts: list[int] = causes.lo[:, 0].tolist()
    return max((P_BREAK + row - max(first for first in firsts if first <= row) for row in rows), default=0)
