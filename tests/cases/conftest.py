"""The command, for situations that are put to it."""

from functools import partial
from pathlib import Path

import pytest

from support.by_command import Run, run_by_command


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Return a function that runs the text of a scenario by the command."""
    return partial(run_by_command, tmp_path)
