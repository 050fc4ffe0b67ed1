"""Which files are scenarios, and which baselines nobody uses. Reads text, loads nothing.

It is asked about every YAML file of a folder before anything else is imported, so it looks for words at
the beginning of lines instead of reading YAML.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

FOLDER: Final = "baselines"
"""Folder beside the scenario files in which their baselines lie."""

SUFFIXES: Final = (".yaml", ".yml")

_DEFAULT_NAME: Final = "scenario"
_OURS = re.compile(r"""^(?:\{.*)?["']?\b(?:fleet|campaign)["']?[ \t]*:""", re.MULTILINE)
_NAME = re.compile(r"""^name[ \t]*:[ \t]*["']?([\w.-]+)["']?[ \t]*(?:#.*)?$""", re.MULTILINE)
_MARKS = re.compile(r"^#[ \t]*pytest:[ \t]*(\w.*)$", re.MULTILINE)


def text_of(path: Path) -> str | None:
    """Return the text of a scenario file; None if it is none of ours.

    Args:
        path: Any file. Ours have `fleet:` or `campaign:` at the top level.
    """
    if path.suffix not in SUFFIXES:
        return None
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError):
        return None
    return text if _OURS.search(text) else None


def marks_in(text: str) -> list[str]:
    """Return the pytest marks that a scenario file's text asks for, in a comment like `# pytest: slow`."""
    return [mark for line in _MARKS.findall(text) for mark in re.split(r"[\s,]+", line.strip())]


def names_in(folder: Path) -> dict[Path, str]:
    """Return the name that each scenario file of a folder gives its scenario.

    Args:
        folder: Where scenario files lie; folders inside it don't count.
    """
    names = {}
    for path in sorted(folder.iterdir()):
        text = text_of(path)
        if text is not None:
            match = _NAME.search(text)
            names[path] = match[1] if match else _DEFAULT_NAME
    return names


def is_unused(path: Path) -> bool:
    """Tell whether a file is a baseline to which no scenario belongs."""
    if path.suffix != ".json" or path.parent.name != FOLDER:
        return False
    return path.stem not in names_in(path.parent.parent).values()


def scenario_files(folder: Path) -> Iterator[Path]:
    """Yield the scenario files below a folder, in order of their paths."""
    yield from (path for path in sorted(folder.rglob("*")) if text_of(path) is not None)


def unused_baselines(folder: Path) -> Iterator[Path]:
    """Yield the baselines below a folder to which no scenario belongs."""
    yield from (path for path in sorted(folder.rglob(f"{FOLDER}/*.json")) if is_unused(path))


def baselines_beside(scenario_path: Path) -> int:
    """Return how many baselines lie where a scenario's own one does."""
    return sum(1 for _ in (scenario_path.parent / FOLDER).glob("*.json"))
