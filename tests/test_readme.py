"""What the README shows works: its code runs, its scenarios are valid. What it names, see test_docs.py."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from sim.scenario import parse_scenario

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
