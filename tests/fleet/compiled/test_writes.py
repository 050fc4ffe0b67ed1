"""Tests that compiled functions say what of the plane's memory they write, and nothing else."""

import ast
from pathlib import Path

import pytest

import sim.fleet.compiled

FOLDER = Path(sim.fleet.compiled.__file__).parent
DECORATORS = {"kernel", "inlined", "called"}


def compiled_functions():
    """Return the compiled functions that are given the state, by module and name."""
    for file in sorted(FOLDER.rglob("*.py")):
        for node in ast.parse(file.read_text()).body:
            if isinstance(node, ast.FunctionDef):
                arguments = {argument.arg for argument in node.args.args}
                decorators = {getattr(decorator, "id", "") for decorator in node.decorator_list}
                if "st" in arguments and DECORATORS & decorators:
                    yield pytest.param(node, id=f"{file.stem}.{node.name}")


def place(node, rows):
    """Return the name of a place in the state, as `work.due`; None if it is elsewhere.

    Args:
        node: An expression.
        rows: Names of variables that stand for a row, and the table of each.
    """
    if isinstance(node, ast.Name):
        return "" if node.id == "st" else rows.get(node.id)
    if isinstance(node, ast.Subscript):
        return place(node.value, rows)
    if isinstance(node, ast.Attribute):
        within = place(node.value, rows)
        return None if within is None else f"{within}.{node.attr}".lstrip(".")
    return None


def targets(node):
    """Return the single targets of a statement."""
    waiting = list(getattr(node, "targets", [])) or [node.target]
    while waiting:
        target = waiting.pop()
        if isinstance(target, ast.Tuple):
            waiting.extend(target.elts)
        else:
            yield target


def written(function):
    """Return the places that a function writes itself; what it calls says so on its own."""
    rows, places = {}, set()
    for node in ast.walk(function):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            found = place(node.value, rows)
            if found and isinstance(node.value, ast.Subscript):
                rows[node.targets[0].id] = found
    for node in ast.walk(function):
        if isinstance(node, ast.Assign | ast.AugAssign | ast.AnnAssign):
            places |= {place(target, rows) for target in targets(node) if not isinstance(target, ast.Name)}
    return sorted(places - {None})


def said(function):
    """Return the places that a function's docstring names."""
    _, found, names = (ast.get_docstring(function) or "").partition("Writes: ")
    return " ".join(names.split()).removesuffix(".").split(", ") if found else []


@pytest.mark.parametrize("function", list(compiled_functions()))
def test_functions__say_what_they_write(function):
    """A docstring ends with `Writes:` and the fields of the state, if the function writes any."""
    assert said(function) == written(function)
