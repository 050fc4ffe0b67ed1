"""Times as files write them."""

from datetime import UTC, datetime

import pytest

from sim.recording.readers.instants import instant

MIDNIGHT = 1_796_083_200_000


@pytest.mark.parametrize(
    ("given", "ms"),
    [
        ("2026-12-01T00:00:00Z", 0),
        ("20261201T000000Z", 0),
        ("2026-12-01T00:00:00,708Z", 708),
        ("2026-12-01 01:00:00.5+01:00", 500),
        (1_796_083_200, 0),
        ("1796083200.25", 250),
        (1_796_083_200_042, 42),
        (datetime(2026, 12, 1, 0, 0, 1, tzinfo=UTC), 1000),
    ],
)
def test_instant__reads(given, ms):
    """ISO 8601 with a zone, compact or not, and numbers of seconds or milliseconds."""
    assert instant(given) == MIDNIGHT + ms


@pytest.mark.parametrize("given", ["2026-12-01T00:00:00", "noon", "", True, None, -5, float("nan"), "1e99"])
def test_instant__refuses_the_rest(given):
    """A time without a zone is refused like what is no time: nobody knows when it was."""
    with pytest.raises(ValueError, match="write a time with its zone"):
        instant(given)
