"""Cohorts by name, pattern and label."""

import re

import pytest

from sim.scenario.short.selectors import Labelled, selected

COHORTS = [
    Labelled("meters-north", {"region": ("north",), "site": ("1",)}),
    Labelled("meters-south", {"region": ("south",)}),
    Labelled("gateways", {"region": ("north",), "model": ("x1", "x2")}),
]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("gateways", ["gateways"]),
        ("meters-*", ["meters-north", "meters-south"]),
        ("*", ["meters-north", "meters-south", "gateways"]),
        ("meters-?outh", ["meters-south"]),
        ("region=north", ["meters-north", "gateways"]),
        ("region = *th", ["meters-north", "meters-south", "gateways"]),
        ("region=north & meters-*", ["meters-north"]),
        ("cohorts[region=south]", ["meters-south"]),
        ("site=1", ["meters-north"]),
    ],
)
def test_selected__names(text: str, names: list[str]) -> None:
    """Selectors mean cohorts in the order of the fleet."""
    assert selected(text, COHORTS) == names


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("metres", "unknown cohort 'metres'; allowed: meters-north, meters-south, gateways"),
        ("gatewys", "unknown cohort 'gatewys'; did you mean 'gateways'? allowed: meters-north, "),
        ("metres-*", "'metres-*' matches no cohort; allowed: meters-north, meters-south, gateways"),
        ("regoin=north", "unknown label 'regoin'; did you mean 'region'? allowed: region, site, model"),
        ("region=nroth", "unknown region 'nroth'; did you mean 'north'? allowed: north, south"),
        ("region=w*", "no cohort has a region like 'w*'; allowed: north, south"),
        ("region=south & gateways", "no cohort is all of that"),
        ("model=x1", "devices of cohort 'gateways' differ in the inventory's column 'model' (x1, x2)"),
        ("cohorts[]", "needs a name, a pattern like 'meters-*', or a label like 'region=north'"),
    ],
)
def test_selected__refuses(text: str, message: str) -> None:
    """What means no cohort, or a part of one, is refused with what there is."""
    with pytest.raises(ValueError, match=re.escape(message)):
        selected(text, COHORTS)


def test_selected__no_labels() -> None:
    """In a fleet without labels the message shows how to give one."""
    with pytest.raises(ValueError, match=r"no cohort has a label; give them some, like 'labels: \{region: "):
        selected("region=north", [Labelled("a", {})])
