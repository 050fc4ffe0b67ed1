"""What README and pages show works: commands run and print what is shown, code runs, scenarios are valid.

What they name, see test_docs.py.
"""

import re
import subprocess
import sys
from io import StringIO
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from sim.scenario import parse_scenario
from support.pages import (
    PAGES,
    ROOT,
    Step,
    blocks_of,
    is_printed,
    prepare,
    renewed,
    run_command,
    session,
    steps_of,
)

TEXTS = {page: path.read_text(encoding="utf-8") for page, path in PAGES.items()}

SLOW = {
    "README.md": "plans a fleet of 160,000 devices",
    ".readme/fleet-to-answer.md": "the same, and more",
    ".readme/studies.md": "hundreds of runs",
    ".readme/explain.md": "repeats campaigns dozens of times",
    ".readme/scenario-tests.md": "starts pytest",
    ".readme/published.md": "twenty scenarios",
}
"""Pages whose commands take more than a few seconds, and why."""

NOT_RUN = {
    "pip install": "needs a network; `.ci/run` installs in fresh environments",
    "fleetsim serve": "serves until it is stopped; the Python of the same page starts it",
    "fleetsim bench": "measures for minutes, and never prints the same; tests/cli/test_bench.py runs it",
    "time ": "measures; the command itself is the first one of README.md",
}
"""How commands begin that are not run here, and why."""

LANGUAGES = {"bash", "console", "python", "yaml", "text"}
PYTHON = [page for page, text in TEXTS.items() if blocks_of(text, "python")]


def is_run(command: str) -> bool:
    """Tell whether a command is run by the tests below."""
    return not command.startswith(tuple(NOT_RUN))


def commands_of(page: str) -> list[Step]:
    """Return the commands of a page that are run."""
    return [step for step in steps_of(TEXTS[page]) if is_run(step.command)]


SESSIONS = [
    pytest.param(page, marks=pytest.mark.slow if page in SLOW else ()) for page in PAGES if commands_of(page)
]


@pytest.mark.parametrize("page", SESSIONS)
def test_pages__commands_print_what_is_shown(page):
    """Every command behind a prompt, one after the other, exits and prints as the page says."""
    wrong = []
    with session(TEXTS[page]):
        for step in commands_of(page):
            code, printed = run_command(step.command)
            if code != step.code or (step.printed and not is_printed(step.printed, printed)):
                wrong.append(f"$ {step.command}\n{printed}(exit code {code})\n")

    assert not wrong, "\n".join(
        [*wrong, f"renew the page with: PYTHONPATH=tests python tests/support/pages.py {page}"]
    )


@pytest.mark.parametrize("page", PYTHON)
def test_pages__python_runs(page, tmp_path):
    """All Python blocks of a page run as printed, one after the other in one session."""
    prepare(tmp_path, TEXTS[page])
    script = tmp_path / "page.py"
    script.write_text("\n".join(blocks_of(TEXTS[page], "python")), encoding="utf-8")

    done = subprocess.run(
        [sys.executable, "-W", "error::DeprecationWarning", script],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT), "MPLBACKEND": "Agg", "PATH": "", "HOME": str(Path.home())},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("page", sorted(PAGES.keys() - {".readme/commands.md"}))  # that has usage lines
def test_pages__no_command_hides(page):
    """A block says its language, and commands stand behind a prompt, where they are run."""
    text = TEXTS[page]
    languages = re.findall(r"^```(\w*)$", text, flags=re.MULTILINE)[::2]
    others = "\n".join(block for name in ("text", "yaml") for block in blocks_of(text, name))

    assert set(languages) <= LANGUAGES
    assert re.findall(r"^(?:\$ |fleetsim |pip |pytest |python ).*", others, flags=re.MULTILINE) == []
    assert page == "README.md" or not blocks_of(text, "bash")


@pytest.mark.parametrize("beginning", NOT_RUN)
def test_pages__what_is_not_run_is_there(beginning):
    """The list of exceptions has nothing that no page has."""
    commands = [step.command for text in TEXTS.values() for step in steps_of(text)]
    commands += [
        line for text in TEXTS.values() for block in blocks_of(text, "bash") for line in block.splitlines()
    ]

    assert any(command.startswith(beginning) for command in commands)


@pytest.mark.parametrize("page", SLOW)
def test_pages__slow_ones_have_commands(page):
    """The list of slow pages names pages, and ones with commands."""
    assert commands_of(page)


YAML_BLOCKS = [(page, text) for page in PAGES for text in blocks_of(TEXTS[page], "yaml")]


@pytest.mark.parametrize(("page", "text"), YAML_BLOCKS)
def test_pages__scenarios_are_valid(page, text):
    """A whole scenario passes validation, and sections of one do in the place of those of a shipped one."""
    yaml = YAML(typ="safe")
    shown = yaml.load(text)
    whole = yaml.load((ROOT / "scenarios/meters-and-gateways.yaml").read_text(encoding="utf-8"))
    if not {"fleet", "campaign"} <= shown.keys():
        shown = {**{key: value for key, value in whole.items() if key != "expect"}, **shown}
    out = StringIO()
    YAML().dump(shown, out)
    assert parse_scenario(out.getvalue()).n_devices > 0


def test_readme__its_first_screen_has_the_two_lines():
    """A newcomer finds both set-up lines at once, alone in their block."""
    readme = TEXTS["README.md"]

    assert blocks_of(readme, "bash")[0].splitlines() == [
        "pip install -e . && fleetsim run scenarios/quickstart.yaml",
        'pip install -e ".[dev]" && pytest',
    ]
    assert readme.index("```bash") < 1800


def test_readme__is_short():
    """Whoever reads it all needs a few minutes; the rest is on pages."""
    assert len(TEXTS["README.md"].splitlines()) <= 250


def test_readme__leads_to_every_page():
    """No page is left without a link from the front."""
    linked = set(re.findall(r"\]\((\.readme/[\w-]+\.md)", TEXTS["README.md"]))

    assert linked == PAGES.keys() - {"README.md"}


PAGE = """\
<!-- file: mine.yaml -->
```yaml
fleet: {cohorts: [{name: meter, devices: 3}]}
campaign: {package: {version: "1", size: 1 B}}
```

```console
$ fleetsim validate \\
>     mine.yaml
OLD
$ fleetsim validate none.yaml # exits with 2
```
"""


def test_session__has_the_files_and_commands_of_a_page():
    """Files are written, lines are joined, exit codes are read, and output is renewed where it differs."""
    first, second = steps_of(PAGE)

    assert first == Step("fleetsim validate mine.yaml", "OLD\n", 0)
    assert second == Step("fleetsim validate none.yaml", "", 2)
    with session(PAGE):
        assert run_command(first.command) == (0, "mine.yaml: ok\n")
        code, printed = run_command(second.command)
        assert code == 2
        assert "none.yaml" in printed
        assert renewed(PAGE, is_run) == PAGE.replace("OLD", "mine.yaml: ok")
        assert renewed(PAGE, lambda command: False) == PAGE


@pytest.mark.parametrize(
    ("expected", "printed", "is_same"),
    [
        ("a\nb\n", "a  \nb\n\n", True),
        ("a\n", "a\nb\n", False),
        ("a\n…\n", "a\nb\nc\n", True),
        ("…\nb\n", "a\nb\nc\n", False),
        ("…\nb\n…\n", "a\nb\nc\n", True),
        ("took … s\n", "took 2.1 s\n", True),
        ("took … s\n", "took 2.1 min\n", False),
        ("a.c\n", "abc\n", False),
    ],
)
def test_printed__is_compared_with_gaps(expected, printed, is_same):
    """`…` stands for lines or characters, and nothing else stands for anything else."""
    assert is_printed(expected, printed) == is_same
