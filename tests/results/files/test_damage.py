"""A table that can't be read is an error about its file, which says what to do."""

from pathlib import Path

import pytest

import sim
from sim.cli import main
from sim.cli.outcome import ExitCode
from sim.errors import FleetError
from sim.results.files.damage import undamaged


@pytest.fixture
def folder(result: sim.RunResult, tmp_path: Path) -> Path:
    """Return a folder with a result of its own."""
    result.save(tmp_path / "run")
    return tmp_path / "run"


def cut_off(content: bytes) -> bytes:
    """Return a file as a full disk leaves it."""
    return content[: len(content) // 2]


def overwritten(content: bytes) -> bytes:
    """Return a file whose first pages are something else, while its footer is whole."""
    n = len(content) // 2
    return content[:4] + b"\xff" * (n - 4) + content[n:]


@pytest.mark.parametrize("damage", [cut_off, overwritten])
@pytest.mark.parametrize("name", ["curves", "targets"])
def test_report__names_the_table_that_is_damaged(folder, capsys, name, damage):
    """The file and the remedy are in the message, with exit code 2."""
    file = folder / f"{name}.parquet"
    file.write_bytes(damage(file.read_bytes()))

    assert main(["report", str(folder)]) == ExitCode.BAD_INPUT

    said = capsys.readouterr().err
    assert said.startswith(f"Error: {file}: is damaged (")
    assert said.endswith("); run the scenario again\n")


def test_load_result__a_damaged_table_is_an_error_of_ours(folder):
    """A frame that can't be read is refused when it is asked for; the others are there."""
    (folder / "targets.parquet").write_bytes(b"no table")
    loaded = sim.load_result(folder)

    assert len(loaded.curves)
    with pytest.raises(FleetError, match=r"targets\.parquet: is damaged \(ArrowInvalid: "):
        _ = loaded.targets


def test_undamaged__what_the_system_refuses_is_no_damage(tmp_path):
    """A file that is not there stays the system's error."""
    with pytest.raises(FileNotFoundError), undamaged(tmp_path / "x"):
        (tmp_path / "x").read_bytes()
