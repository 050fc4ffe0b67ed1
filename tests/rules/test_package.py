"""The package as its users import it."""

import subprocess
import sys

import pytest

import sim.rules


def modules_after(statement):
    """Return the names of all modules that a fresh interpreter holds after a statement."""
    program = f"{statement}\nimport sys\nprint(*sys.modules)"
    output = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    ).stdout
    return set(output.split())


@pytest.mark.parametrize("name", sim.rules.__all__)
def test_all__can_be_imported(name):
    """Every name in `__all__` exists."""
    assert getattr(sim.rules, name) is not None


def test_all__lists_the_lazy_names():
    """Names that are loaded at first use are public and show up in completion."""
    assert set(sim.rules._HOME_OF) <= set(sim.rules.__all__)
    assert set(sim.rules.__all__) <= set(dir(sim.rules))


def test_unknown_name__attribute_error():
    """A name that does not exist is an AttributeError, so that `hasattr` works."""
    with pytest.raises(AttributeError, match=r"'sim\.rules' has no attribute 'retry_all'"):
        sim.rules.retry_all  # noqa: B018  (the look-up is the point)


def test_import__names_without_numpy():
    """Names, bounds, codes and limits are there without numpy, which a scenario check doesn't need."""
    loaded = modules_after("from sim.rules import Stage, TaskPolicy, Limits, ErrorCode, Reason, TaskType")
    assert "numpy" not in loaded
    assert "sim.rules.policy" in loaded


def test_import__rules_are_pure():
    """Even whole, the rules load no event kernel, no compiler, no tables and no other layer."""
    loaded = modules_after("from sim.rules import decide, end_state; import sim.rules.ends")
    assert loaded.isdisjoint({"simpy", "numba", "pandas", "scipy", "pydantic", "matplotlib"})
    layers = {name for name in loaded if name.startswith("sim.")}
    below = {"sim.errors", "sim.version"}
    assert all(name in below or name.startswith("sim.rules") for name in layers)
