"""Pages of the documentation as sessions: what stands behind `$` is run, and what it prints is compared.

In a block ```` ```console ```` a line after `$ ` is a command, one after `> ` continues it, and what follows
is what it prints. `…` alone in a line stands for any lines, within a line for any characters. A command
that ends with `# exits with 1` has to. A `yaml` or `text` block after `<!-- file: NAME -->` is a file in the
folder that the commands of the page share, and in which the repository's scenarios are.

`python tests/support/pages.py PAGE …` runs the pages that are named, and writes what is printed now into
blocks that say something else. Whoever left lines out by `…` has to do so again.
"""

import contextlib
import io
import os
import re
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import matplotlib.pyplot

from sim.cli import main

ROOT = Path(__file__).resolve().parents[2]
PAGES = {path.relative_to(ROOT).as_posix(): path for path in (ROOT / "README.md", *ROOT.glob(".readme/*.md"))}
FENCED = re.compile(r"^```(\w*)\n(.*?)^```", flags=re.DOTALL | re.MULTILINE)
LINKED = ("scenarios", "notebooks", "pyproject.toml")
"""What a page's folder has from the repository."""

_FILE = re.compile(r"^<!-- file: (\S+) -->\n+```(?:yaml|text)\n(.*?)^```", flags=re.DOTALL | re.MULTILINE)
_COMMAND = re.compile(r"^\$ ((?:.*\\\n> )*.*)\n((?:(?!\$ ).*\n)*)", flags=re.MULTILINE)
_EXIT = re.compile(r"\s*# exits with (\d+)$")
_VOLATILE = re.compile(r"(?<=(?:run|uns) took )[\d.]+ \w+")


class Step(NamedTuple):
    """A command, and what it prints."""

    command: str
    """Without the prompt, in one line."""

    printed: str
    """Lines of the page after it; empty if the page shows none."""

    code: int
    """Exit code that it has to have."""


def blocks_of(text: str, language: str) -> list[str]:
    """Return the fenced blocks of a language in a page."""
    return [block for name, block in FENCED.findall(text) if name == language]


def steps_of(text: str) -> list[Step]:
    """Return the commands of a page's `console` blocks, in order."""
    return [_step(match) for block in blocks_of(text, "console") for match in _COMMAND.finditer(block)]


def _step(match: re.Match[str]) -> Step:
    line = re.sub(r"\s*\\\n> *", " ", match[1])
    code = _EXIT.search(line)
    return Step(_EXIT.sub("", line), match[2], int(code[1]) if code else 0)


def prepare(folder: Path, text: str) -> None:
    """Put into a folder what the commands of a page find there."""
    for name in LINKED:
        (folder / name).symlink_to(ROOT / name)
    (folder / ".readme").mkdir()
    for name, content in _FILE.findall(text):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content, encoding="utf-8")


def run_command(command: str) -> tuple[int, str]:
    """Run a command in the present folder; return its exit code and what it printed.

    `fleetsim` runs within this process. Errors are what a refused command prints; else they are left out.
    """
    words = shlex.split(command, comments=True)
    if words[0] != "fleetsim":
        known = {"cp": ["cp"], "pytest": [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-n0"]}
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        done = subprocess.run(
            [*known[words[0]], *words[1:]], capture_output=True, text=True, check=False, env=environment
        )
        return done.returncode, done.stdout
    out, errors = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(errors):
        code = main(words[1:])
    matplotlib.pyplot.close("all")
    shown = code > 1 and "--json" not in words  # then the document has them
    return code, out.getvalue() + (errors.getvalue() if shown else "")


def is_printed(expected: str, printed: str) -> bool:
    """Tell whether a command printed what the page says; `…` stands for anything."""
    lines = [line.rstrip() for line in expected.rstrip().splitlines()]
    pattern = "".join(
        r"(?:.*\n)*?" if line.strip() == "…" else re.escape(line).replace("…", ".*") + "\n" for line in lines
    )
    tidy = "\n".join(line.rstrip() for line in printed.rstrip().splitlines()) + "\n"
    return re.fullmatch(pattern, tidy) is not None


def renewed(text: str, is_run: Callable[[str], bool]) -> str:
    """Return a page with what its commands print now, run in the present folder."""

    def block(match: re.Match[str]) -> str:
        return match[0].replace(match[2], _COMMAND.sub(step, match[2])) if match[1] == "console" else match[0]

    def step(match: re.Match[str]) -> str:
        said = _step(match)
        if not is_run(said.command):
            return match[0]
        begin = time.monotonic()
        code, printed = run_command(said.command)
        print(f"{time.monotonic() - begin:.1f} s: {said.command}", file=sys.stderr)
        if code != said.code:
            print(f"exit code {code}: {said.command}\n{printed}", file=sys.stderr)
        if not said.printed or is_printed(said.printed, printed):
            return match[0]
        return f"$ {match[1]}\n{_VOLATILE.sub('…', printed.rstrip())}\n"

    return FENCED.sub(block, text)


@contextlib.contextmanager
def session(text: str) -> Iterator[Path]:
    """Work in a folder that is ready for a page."""
    with tempfile.TemporaryDirectory() as name, contextlib.chdir(name):
        prepare(Path(name), text)
        yield Path(name)


if __name__ == "__main__":
    for page in sys.argv[1:]:
        path = PAGES[page]
        content = path.read_text(encoding="utf-8")
        with session(content):
            path.write_text(renewed(content, lambda command: "serve" not in command), encoding="utf-8")
