"""What the README says is true: its code runs, its files and commands exist."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from sim.cli.group import COMMANDS
from sim.scenario import METRICS, parse_scenario

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", README, flags=re.DOTALL)


def blocks_of(language: str) -> list[str]:
    """Return the fenced blocks of a language."""
    return [text for name, text in BLOCKS if name == language]


def test_readme__its_first_screen_has_the_two_lines():
    """A newcomer finds both set-up lines at once, alone in their block."""
    assert blocks_of("bash")[0].splitlines() == [
        "pip install -e . && fleetsim run scenarios/quickstart.yaml",
        'pip install -e ".[dev]" && pytest',
    ]
    assert README.index("```bash") < 1800


def test_readme__python_runs(repository, tmp_path):
    """Every Python block runs as printed, one after the other in one session."""
    script = tmp_path / "readme.py"
    script.write_text("\n".join(blocks_of("python")), encoding="utf-8")

    done = subprocess.run(
        [sys.executable, "-W", "error::DeprecationWarning", script],
        cwd=repository,
        env={"PYTHONPATH": str(repository), "MPLBACKEND": "Agg", "PATH": "", "HOME": str(Path.home())},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("text", [text for text in blocks_of("yaml") if "fleet:" in text])
def test_readme__scenarios_are_valid(text):
    """Every whole scenario in the README passes validation."""
    assert parse_scenario(text).n_devices > 0


def test_readme__files_exist(repository):
    """Every file of the repository that is named is there."""
    named = set(re.findall(r"(?:scenarios|sim|notebooks|\.readme)/[\w./-]+\.(?:yaml|py|png|ipynb)", README))

    assert named
    assert [path for path in sorted(named) if not (repository / path).exists()] == []


def test_readme__commands_exist():
    """Every command that is named exists."""
    named = set(re.findall(r"(?:^|`)fleetsim ([a-z]+)", README, flags=re.MULTILINE))

    assert {"run", "validate", "schema"} <= named
    assert named <= set(COMMANDS)


def test_readme__metrics_exist():
    """Every expectation's metric in the README's examples exists."""
    named = set(re.findall(r"^\s+([a-z_.0-9]+): \"[<>]", README, flags=re.MULTILINE))

    assert named
    assert named <= set(METRICS)
