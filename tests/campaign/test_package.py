"""The package itself: public names are found where they are defined."""

import importlib

import pytest

import sim.campaign


def test_names__are_those_that_are_promised():
    """Every public name has a home, and no other name is found."""
    assert sorted(sim.campaign.__all__) == sorted(sim.campaign._HOME_OF)
    with pytest.raises(AttributeError, match="nothing"):
        sim.campaign.nothing  # noqa: B018


@pytest.mark.parametrize(("name", "home"), sim.campaign._HOME_OF.items())
def test_names__are_what_their_module_defines(name, home):
    """A public name is the very object that its module has."""
    assert getattr(sim.campaign, name) is getattr(importlib.import_module(home), name)
    assert getattr(sim.campaign, name).__module__ == home
