"""The command as a whole: help, version, completion, dispatch to the modules."""

import importlib
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

import click
import pytest

import sim
from sim.cli import main
from sim.cli.exit_codes import ExitCode
from sim.cli.group import COMMANDS, root

HEAVY = ["matplotlib", "numba", "numpy", "pandas", "pyarrow", "pydantic", "ruamel", "scipy", "simpy"]

SHOW_LOADED = f"""
import sys
from sim.cli import main
code = main(sys.argv[1:])
print([name for name in {HEAVY} if name in sys.modules], file=sys.stderr)
sys.exit(code)
"""


def run_python(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run this Python with the given words, as a process of its own."""
    return subprocess.run(
        [sys.executable, *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **environment},
    )


@pytest.mark.parametrize("words", [["--help"], ["-h"], ["--version"], ["no-such-command"]])
def test_main__answers_without_loading_a_command(words):
    """What needs no command loads none of the large packages."""
    done = run_python("-c", SHOW_LOADED, *words)

    assert done.stderr.splitlines()[-1] == "[]"


def test_main__help_lists_every_command_with_its_text(capsys):
    """The help names each command, the important ones first."""
    assert main(["--help"]) == ExitCode.DONE

    shown = capsys.readouterr().out
    places = [shown.find(f"{name} ") for name in COMMANDS]
    assert all(text in shown for text in COMMANDS.values())
    assert -1 not in places


def test_main__commands_are_listed_in_the_order_of_the_table():
    """The order of the help is chosen, not alphabetical."""
    assert root.list_commands(click.Context(root)) == list(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_main__each_command_is_in_the_module_of_its_name(name):
    """A command in the table has a module whose `command` carries that name and explains itself."""
    command = importlib.import_module(f"sim.cli.{name}").command

    assert isinstance(command, click.Command)
    assert command.name == name
    assert command.help


def test_main__a_command_runs_from_its_module(capsys):
    """The stand-in of the listing is replaced by the real command before it is invoked."""
    assert main(["schema", "--help"]) == ExitCode.DONE

    assert "yaml-language-server" in capsys.readouterr().out


def test_main__version(capsys):
    """`--version` tells the version of the package."""
    assert main(["--version"]) == ExitCode.DONE

    assert capsys.readouterr().out == f"fleetsim, version {sim.__version__}\n"


def test_main__a_mistyped_command_is_bad_input_with_a_suggestion(capsys):
    """A command that doesn't exist ends with code 2 and the name that was probably meant."""
    assert main(["valdate"]) == ExitCode.BAD_INPUT

    assert "Did you mean 'validate'?" in capsys.readouterr().err


def test_main__no_words_shows_the_help_and_is_bad_input(capsys):
    """Without a command there is nothing to do; the help says what there is."""
    assert main([]) == ExitCode.BAD_INPUT

    assert "validate" in capsys.readouterr().err


def test_main__python_m_sim_is_the_same_command():
    """`python -m sim` takes its words from the process and exits with the code of the command."""
    version = run_python("-m", "sim", "--version")
    mistyped = run_python("-m", "sim", "valdate")

    assert (version.returncode, version.stdout) == (0, f"fleetsim, version {sim.__version__}\n")
    assert mistyped.returncode == ExitCode.BAD_INPUT


def test_main__a_shell_completes_commands_without_loading_them():
    """Completion offers what begins like the word, and is as quick as the help."""
    environment = {
        "_FLEETSIM_COMPLETE": "bash_complete",
        "COMP_WORDS": "fleetsim va",
        "COMP_CWORD": "1",
    }

    done = run_python("-c", SHOW_LOADED, **environment)

    assert done.stdout == "plain,validate\n"
    assert done.stderr.strip() == "[]"


@pytest.mark.bench
def test_main__help_takes_at_most_150_ms(tmp_path: Path):
    """The help is there at once, as soon as the bytecode is; a bare Python is shown beside it."""
    cached = {"PYTHONPYCACHEPREFIX": str(tmp_path), "PYTHONDONTWRITEBYTECODE": ""}

    def seconds(*arguments: str) -> float:
        run_python(*arguments, **cached)  # writes the bytecode
        spans = []
        for _ in range(9):
            start = time.perf_counter()
            run_python(*arguments, **cached)
            spans.append(time.perf_counter() - start)
        return statistics.median(spans)

    bare_s = seconds("-c", "pass")
    help_s = seconds("-m", "sim", "--help")

    print(
        f"\nfleetsim --help {help_s * 1e3:.0f} ms, bare Python {bare_s * 1e3:.0f} ms, {help_s / bare_s:.1f}x"
    )
    assert help_s <= 0.150
