"""`fleetsim validate`: the verdict on scenario files."""

from pathlib import Path

import pytest

from sim.cli import main
from sim.cli.exit_codes import ExitCode

GOOD = """\
name: good
fleet: {cohorts: [{name: gateway, devices: 10, protocol: mqtt}]}
campaign: {task_type: firmwareUpgrade, package: {version: "2.0", size: 1 MiB}}
"""

BAD = """\
name: bad
fleet: {cohorts: [{name: gateway, devices: 10, protocol: mqtt}]}
campaign:
  task_type: firmwareUpgrade
  package: {version: "2.0", size: 1 MiB}
  task_policy: {retry_count: 6, retry_interval: 5 min}
run: {sead: 1}
"""


@pytest.fixture
def good(tmp_path: Path) -> Path:
    """Write a scenario without faults."""
    path = tmp_path / "good.yaml"
    path.write_text(GOOD, encoding="utf-8")
    return path


@pytest.fixture
def bad(tmp_path: Path) -> Path:
    """Write a scenario with a fault in line 6 and one in line 7."""
    path = tmp_path / "bad.yaml"
    path.write_text(BAD, encoding="utf-8")
    return path


def test_validate__a_good_file_is_ok(good, capsys):
    """A scenario without faults is named with its verdict, and the code is 0."""
    assert main(["validate", str(good)]) == ExitCode.DONE

    assert capsys.readouterr() == (f"{good}: ok\n", "")


def test_validate__all_faults_of_a_bad_file_are_listed(bad, capsys):
    """Every fault is a line that begins with file and line number, and the code is 2."""
    assert main(["validate", str(bad)]) == ExitCode.BAD_INPUT

    out, err = capsys.readouterr()
    assert out == ""
    assert [line.split(":")[:2] for line in err.splitlines()] == [[str(bad), "6"], [str(bad), "7"]]


def test_validate__a_bad_file_does_not_hide_the_others(good, bad, capsys):
    """Each file of a list gets its verdict, whatever the one before it was."""
    assert main(["validate", str(bad), str(good)]) == ExitCode.BAD_INPUT

    assert capsys.readouterr().out == f"{good}: ok\n"


def test_validate__a_missing_file_is_bad_input(tmp_path, capsys):
    """A file that isn't there is a message with its name, not a traceback."""
    missing = tmp_path / "missing.yaml"

    assert main(["validate", str(missing)]) == ExitCode.BAD_INPUT

    err = capsys.readouterr().err
    assert str(missing) in err
    assert "Traceback" not in err


def test_validate__needs_a_file(capsys):
    """Without a file there is nothing to check, and the usage says so."""
    assert main(["validate"]) == ExitCode.BAD_INPUT

    assert "Missing argument 'SCENARIO...'" in capsys.readouterr().err


def test_validate__the_shipped_scenarios_are_ok(repository, capsys):
    """Nothing is shipped that the command itself would refuse."""
    paths = sorted(str(path) for path in (repository / "scenarios").glob("*.yaml"))

    assert main(["validate", *paths]) == ExitCode.DONE

    assert capsys.readouterr().out.splitlines() == [f"{path}: ok" for path in paths]


def test_validate__takes_folders(capsys, tmp_path):
    """All scenario files below a folder are checked, and no other files; an empty folder is refused."""
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "bad.yaml").write_text("fleet: 3\n", encoding="utf-8")
    (tmp_path / "other.yaml").write_text("unrelated: true\n", encoding="utf-8")

    assert main(["validate", str(tmp_path)]) == ExitCode.BAD_INPUT
    out, err = capsys.readouterr()
    assert out == ""
    assert f"{tmp_path / 'deep' / 'bad.yaml'}:1:" in err

    (tmp_path / "deep" / "bad.yaml").unlink()
    assert main(["validate", str(tmp_path)]) == ExitCode.BAD_INPUT
    assert "holds no scenario files" in capsys.readouterr().err
