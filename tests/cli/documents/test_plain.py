"""Any value as JSON that any reader takes."""

import json
from enum import Enum
from pathlib import Path

import numpy as np
import pytest

from sim.cli.documents.plain import json_text, plain


class Colour(Enum):
    """An enumeration."""

    RED = "red"


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        (np.float64(0.5), 0.5),
        (np.float64("nan"), None),
        (float("inf"), None),
        (np.int32(7), 7),
        (np.bool_(True), True),
        (np.array([[1.0, np.nan], [np.inf, 2.0]]), [[1.0, None], [None, 2.0]]),
        ({1: (2, 3)}, {"1": [2, 3]}),
        (Path("out/x"), "out/x"),
        (Colour.RED, "red"),
        (None, None),
        (True, True),
    ],
)
def test_plain__knows_only_what_json_knows(value, wanted):
    """Numbers that are none become null, types of other packages Python's own."""
    found = plain(value)

    assert found == wanted
    assert type(found) is type(wanted)


def test_json_text__keeps_text_as_people_wrote_it():
    """Signs beyond ASCII stay readable."""
    assert json.loads(json_text({"a": "5 ± 1"})) == {"a": "5 ± 1"}
    assert "±" in json_text({"a": "5 ± 1"})
