"""Problems as GitHub shows them beside the lines of a pull request.

A job of GitHub Actions reads lines `::error file=...,line=...::message` from what its steps print, on
either stream. They come only where the variable `GITHUB_ACTIONS` is set, on standard output for people,
and on standard error where a program reads standard output.

Source:
    GitHub Docs, "Workflow commands for GitHub Actions", and `@actions/core` for how text is escaped.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from sim.cli.answer import is_for_program

if TYPE_CHECKING:
    from sim.errors import Problem

Level = Literal["error", "warning"]


def annotate(level: Level, problem: Problem, *, title: str = "", err: bool | None = None) -> None:
    """Print a line that GitHub makes an annotation of; nothing outside of GitHub Actions.

    Args:
        level: How GitHub shows it.
        title: Its heading; none if empty.
        err: Whether it goes to standard error; None: if a program reads standard output.
    """
    if not os.environ.get("GITHUB_ACTIONS"):
        return
    place = {
        "file": None if problem.file is None else _in_repository(problem.file),
        "line": problem.line,
        "col": problem.column,
        "title": title or None,
    }
    properties = ",".join(
        f"{key}={_property(str(value))}" for key, value in place.items() if value is not None
    )
    head = f"{level} {properties}" if properties else level
    text = ": ".join(part for part in (problem.path, problem.message) if part)
    click.echo(f"::{head}::{_data(text)}", err=is_for_program() if err is None else err)


def _in_repository(file: str) -> str:
    """Return a file's name from the top of the repository, or as it is if it lies elsewhere."""
    top = os.environ.get("GITHUB_WORKSPACE")
    if top is None:
        return file
    path = Path(file).absolute()
    return path.relative_to(top).as_posix() if path.is_relative_to(top) else file


def _data(text: str) -> str:
    """Return a message on one line."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    """Return a property's value, in which colons and commas end nothing."""
    return _data(text).replace(":", "%3A").replace(",", "%2C")
