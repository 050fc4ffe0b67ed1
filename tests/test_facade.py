"""`import sim`: what it offers, and what it doesn't load."""

import doctest
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import sim

HEAVY = ["matplotlib", "numba", "numpy", "pandas", "pyarrow", "pydantic", "scipy", "simpy"]


def test_sim__all_and_the_table_of_homes_agree():
    """Every public name but the version has a home in the table, and nothing else has."""
    assert sorted(sim.__all__) == sorted([*sim._HOME_OF, "__version__"])


@pytest.mark.parametrize("name", sorted(sim._HOME_OF))
def test_sim__a_lazy_name_is_the_one_in_its_home(name):
    """A name taken from the façade is the object that its package defines."""
    value = getattr(sim, name)

    assert value is getattr(sys.modules[sim._HOME_OF[name]], name)
    assert name in dir(sim)


def test_sim__lists_what_is_meant_and_nothing_else():
    """Completion offers the public names: no module, no table, no import of the façade's own."""
    assert dir(sim) == sorted(sim.__all__)


def test_sim__an_unknown_name_is_an_attribute_error():
    """A misspelt name fails like that of any module."""
    with pytest.raises(AttributeError, match=r"module 'sim' has no attribute 'load_scenarios'"):
        _ = sim.load_scenarios


def test_sim__import_loads_nothing_heavy():
    """`import sim` costs nothing: none of the large packages is loaded by it."""
    code = f"import sim, sys; print([name for name in {HEAVY} if name in sys.modules])"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"


def test_sim__the_version_stands_in_one_place(repository: Path):
    """The build takes the version from the package, so the two can't differ."""
    project = tomllib.loads((repository / "pyproject.toml").read_text(encoding="utf-8"))

    assert project["project"]["dynamic"] == ["version"]
    assert project["tool"]["hatch"]["version"]["path"] == "sim/version.py"


FUNCTIONS = [name for name in sim.__all__ if name[0].islower() and name != "load_result"]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_sim__every_function_has_an_example_that_works(name, repository: Path, monkeypatch):
    """The example in a docstring runs, and answers what stands there."""
    monkeypatch.chdir(repository)
    function = getattr(sim, name)
    (example,) = doctest.DocTestFinder(recurse=False).find(function, name, globs={"sim": sim})
    wanted = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS, verbose=False)

    assert example.examples
    assert wanted.run(example).failed == 0
