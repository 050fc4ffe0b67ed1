"""A folder to work in."""

from pathlib import Path

import pytest


@pytest.fixture
def folder(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in a folder of the test's own that holds the scenario of its module, `SCENARIO`."""
    (tmp_path / "tiny.yaml").write_text(request.module.SCENARIO, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path
