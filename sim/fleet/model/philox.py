"""The same draws as `sim.fleet.model.draws`, for neighbours at once, by NumPy's own Philox.

It needs no compiler, which is why whoever simulates a small fleet without compiled code draws here, and
it is another implementation than ours, so that comparing the planes tests both.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from sim.fleet.model.purposes import BLOCK_WORDS
from sim.fleet.spec import Floats

_COUNTERS: Final = 2**256
_SHIFT: Final = np.uint64(12)


class KeyedPhilox:
    """Uniforms in (0, 1), keyed by (seed, replication) and (device, attempt, block)."""

    def __init__(self, seed: int, replication: int) -> None:
        """Take the key.

        Args:
            seed: Its first word, 0..2**64 - 1.
            replication: Its second word.
        """
        self._bits = np.random.Philox(key=int(seed) + (int(replication) << 64), counter=0)
        # Setting a state is twenty times as fast as making a generator.
        self._state: Any = self._bits.state  # NumPy's hint knows none but its own type of dictionary
        self._state["buffer_pos"] = BLOCK_WORDS  # what is left of the block before is not used

    def uniforms(self, first: int, n: int, attempt: int, n_blocks: int) -> Floats:
        """Return what belongs to n devices in a row.

        Args:
            first: First device, >= 0.
            n: How many.
            attempt: 0 for what is drawn once a device, else the attempt's number from 1.
            n_blocks: Blocks, from 0.

        Returns:
            (n, 4 * n_blocks) float64 in (0, 1), a device a row, a purpose a column.
        """
        words = np.empty((n, n_blocks, BLOCK_WORDS), np.uint64)
        for block in range(n_blocks):
            words[:, block] = self._words(first, n, attempt, block)
        return _to_uniforms(words.reshape(n, -1))

    def uniforms_for(self, purpose: int, first: int, n: int, attempt: int) -> Floats:
        """Return what belongs to n devices in a row for one purpose; (n,) float64 in (0, 1).

        Args:
            purpose: See `sim.fleet.model.purposes`.
            first: First device, >= 0.
            n: How many.
            attempt: 0 for what is drawn once a device, else the attempt's number from 1.
        """
        block, word = divmod(purpose, BLOCK_WORDS)
        return _to_uniforms(self._words(first, n, attempt, block)[:, word])

    def timeline_uniforms(self, timeline: int, first: int, n: int, block: int) -> Floats:
        """Return one block of a timeline of n devices in a row; (n, 4) float64 in (0, 1).

        Args:
            timeline: Its number among those of a device, >= 0.
            first: First device, >= 0.
            n: How many.
            block: Block of four words, >= 0.
        """
        return _to_uniforms(self._words(first, n, block, 0, stream=timeline + 1))

    def _words(self, first: int, n: int, attempt: int, block: int, stream: int = 0) -> np.ndarray[Any, Any]:
        """Return one block of n devices in a row; (n, 4) uint64."""
        # NumPy adds 1 to its counter, whose lowest word is the device, before each block.
        counter = (first + (attempt << 64) + (block << 128) + (stream << 192) - 1) % _COUNTERS
        key = self._state["state"]["key"]
        words = np.frombuffer(counter.to_bytes(32, "little"), "<u8")
        self._state["state"] = {"counter": words, "key": key}
        self._bits.state = self._state
        return self._bits.random_raw(BLOCK_WORDS * n).reshape(n, BLOCK_WORDS)


def _to_uniforms(words: np.ndarray[Any, Any]) -> Floats:
    """Return doubles in (0, 1) from the upper 52 bits of words, half a step above the lower end."""
    uniforms: Floats = (words >> _SHIFT).astype(np.float64)
    uniforms += 0.5
    uniforms *= 2.0**-52
    return uniforms
