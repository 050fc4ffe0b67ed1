"""Whatever is wrong in a section is reported at its line and column, with what is allowed."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

CASES = YAML(typ="safe").load(Path(__file__).parent / "data" / "refused.yaml")
"""By section: what is put where into the small scenario, and what is said then."""


@pytest.mark.parametrize(
    "case", [pytest.param(case, id=section) for section, cases in CASES.items() for case in cases]
)
def test_scenario__refuses(
    case: dict[str, Any], spoil: Callable[[str, str], str], complaints: Callable[[str], list[str]]
) -> None:
    """Each fault is found where it stands, alone or beside others, and nothing else is."""
    assert complaints(spoil(case["place"], case["text"])) == [f"x.yaml:{line}" for line in case["complaints"]]
