"""Names in place of device ids: a keyed hash, since ids are personal data in some fleets.

Decision: HMAC with a key that stays with the owner of the fleet, instead of a plain hash. Ids are numbers
that can all be tried, so a hash without a key hides nothing; with the same key the same device has the same
name in every recording.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Final

from sim.errors import Problem, ScenarioError

KEY_BYTES_MIN: Final = 16
"""Shorter keys can be found by trying."""

_NAME_DIGITS: Final = 20


class Pseudonyms:
    """The names that a key gives."""

    def __init__(self, key: bytes) -> None:
        """Keep the key.

        Args:
            key: Secret bytes, the same ones for recordings whose devices are to be matched.

        Raises:
            ScenarioError: The key is short.
        """
        if len(key) < KEY_BYTES_MIN:
            message = f"has {len(key)} bytes; allowed: at least {KEY_BYTES_MIN}, at random"
            raise ScenarioError([Problem("key of pseudonyms", message)])
        self._key = key

    def __call__(self, device_id: str) -> str:
        """Return the name of a device.

        Args:
            device_id: Its id.

        Returns:
            `d-` and 20 hexadecimal digits; two of a million devices share a name once in 10^12 fleets.
        """
        digest = hmac.new(self._key, device_id.encode("utf-8", "surrogatepass"), hashlib.sha256)
        return f"d-{digest.hexdigest()[:_NAME_DIGITS]}"
