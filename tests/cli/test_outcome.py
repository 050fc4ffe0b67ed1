"""Errors become a message and an exit code, in one place."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.exceptions import Exit

from sim.cli.outcome import ExitCode, exit_code_of
from sim.errors import ApiError, ModelError, Problem, ScenarioError

DISK_FULL = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "out/targets.parquet")

CASES = {
    "one_problem": (
        ScenarioError([Problem("run.seed", "not a number", 3, 7, "a.yaml")]),
        ExitCode.BAD_INPUT,
        "Error: a.yaml:3:7: run.seed: not a number\n",
    ),
    "many_problems": (
        ScenarioError([Problem("run", "first", 1, 1, "a.yaml"), Problem("run", "second", 2, 1, "a.yaml")]),
        ExitCode.BAD_INPUT,
        "a.yaml:1:1: run: first\na.yaml:2:1: run: second\n",
    ),
    "api_error": (
        ApiError(400, "IOTDA.000006", "Invalid input"),
        ExitCode.BAD_INPUT,
        "Error: 400 IOTDA.000006: Invalid input\n",
    ),
    "broken_invariant": (ModelError("10 != 9"), ExitCode.FAULT, "Error: internal error: 10 != 9\n"),
    "disk_full": (DISK_FULL, ExitCode.BAD_INPUT, "Error: out/targets.parquet: No space left on device\n"),
    "os_error_without_a_file": (OSError("it is stuck"), ExitCode.BAD_INPUT, "Error: it is stuck\n"),
    "memory": (MemoryError(), ExitCode.BAD_INPUT, "Error: not enough memory\n"),
    "memory_with_a_size": (
        MemoryError("Unable to allocate 8 TiB"),
        ExitCode.BAD_INPUT,
        "Error: not enough memory: Unable to allocate 8 TiB\n",
    ),
    "ctrl_c": (KeyboardInterrupt(), ExitCode.INTERRUPTED, "Error: interrupted\n"),
    "ctrl_c_at_a_prompt": (click.Abort(), ExitCode.INTERRUPTED, "Error: interrupted\n"),
    "usage": (click.ClickException("no such option"), ExitCode.BAD_INPUT, "Error: no such option\n"),
    "reader_gone": (BrokenPipeError(), ExitCode.OUTPUT_CLOSED, ""),
    "help_was_shown": (Exit(0), ExitCode.DONE, ""),
}


def raises(error: BaseException):
    """Return an action that raises the error."""

    def action() -> None:
        raise error

    return action


@pytest.mark.parametrize(("error", "code", "message"), CASES.values(), ids=CASES)
def test_exit_code_of__an_error_has_a_code_and_a_message_without_traceback(error, code, message, capsys):
    """Each kind of error that a user can cause or meet is answered with a message of its own."""
    assert exit_code_of(raises(error)) == code

    assert capsys.readouterr() == ("", message)


def test_exit_code_of__a_bug_shows_its_traceback_and_is_no_failed_expectation(capsys):
    """An error that nobody foresaw keeps its traceback, and its code is not 1."""
    assert exit_code_of(raises(ZeroDivisionError("boom"))) == ExitCode.FAULT

    shown = capsys.readouterr().err
    assert shown.startswith("Traceback")
    assert shown.endswith("ZeroDivisionError: boom\n")


@pytest.mark.parametrize(
    ("returned", "code"), [(None, 0), (0, 0), (ExitCode.EXPECTATION_FAILED, 1), (ExitCode.BAD_INPUT, 2)]
)
def test_exit_code_of__what_the_action_returns_is_the_code(returned, code):
    """A command decides its own code; saying nothing is success."""
    assert exit_code_of(lambda: returned) == code


def test_exit_codes__are_those_that_scripts_rely_on():
    """The numbers are part of the command's interface."""
    assert {code.name: code.value for code in ExitCode} == {
        "DONE": 0,
        "EXPECTATION_FAILED": 1,
        "BAD_INPUT": 2,
        "FAULT": 70,
        "INTERRUPTED": 130,
        "OUTPUT_CLOSED": 141,
    }


def test_stdout__a_reader_that_went_away_is_met_in_silence():
    """`fleetsim … | head` ends like any other program whose reader has left."""
    reader, writer = os.pipe()
    os.close(reader)

    with os.fdopen(writer, "w") as closed:
        done = subprocess.run(
            [sys.executable, "-m", "sim", "--help"], stdout=closed, stderr=subprocess.PIPE, check=False
        )

    assert (done.returncode, done.stderr) == (ExitCode.OUTPUT_CLOSED, b"")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has no device that is always full")
def test_stdout__a_full_disk_is_a_message():
    """`fleetsim … > file` on a full disk says so once, with code 2."""
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "sim", "--help"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )

    assert (done.returncode, done.stderr) == (ExitCode.BAD_INPUT, "Error: No space left on device\n")


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [("--help", 0, ""), ("validate good.yaml", 0, ""), ("validate no.yaml", 2, "no.yaml")],
)
def test_stdout__that_is_closed_is_nothing_to_complain_about(tmp_path, words, code, message):
    """`fleetsim … >&-` says nothing, and its exit code is what it is with a terminal."""
    scenario = Path("scenarios/quickstart.yaml").read_text(encoding="utf-8")
    (tmp_path / "good.yaml").write_text(scenario, encoding="utf-8")

    done = subprocess.run(
        ["/bin/sh", "-c", f'exec "$0" -m sim {words} >&-', sys.executable],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path.cwd())},
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )

    assert done.returncode == code
    assert "Traceback" not in done.stderr
    assert message in done.stderr
