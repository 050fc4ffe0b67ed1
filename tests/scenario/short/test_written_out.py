"""What is short in a file is written out before it is checked."""

from collections.abc import Callable

import pytest

from sim.errors import ScenarioError
from sim.scenario import Scenario, parse_scenario

FLEET = """\
fleet:
  cohorts:
    - {name: meters-north, devices: 100, labels: {region: north, site: 1}}
    - {name: meters-south, devices: 100, labels: {region: south}}
    - {name: gateways, devices: 10, labels: {region: north}}
campaign:
  package: {version: "1", size: 1 MiB}
"""


@pytest.fixture
def scenario() -> Scenario:
    """Return a scenario that chooses cohorts in every place, in every way."""
    return parse_scenario(
        FLEET
        + "  waves: [{name: first, cohorts: region=north & meters-*}, {name: rest, cohorts: ['*']}]\n"
        + "operators: [{call: retry, at: 6 h, only: {cohorts: ['cohorts[meters-*]']}}]\n"
        + "outages: [{at: 3 h, lasts: 2 h, cohorts: [gateways, region=north], effect: unreachable}]\n"
        + "expect: {'cohorts[region=north].success_share': '>= 98 %', success_share: '>= 90 %'}\n",
        "x.yaml",
    )


def test_selectors__become_names(scenario: Scenario) -> None:
    """Everything below the scenario sees names; a pattern in a wave means those that are left."""
    assert [wave.cohorts for wave in scenario.campaign.waves] == [
        ("meters-north",),
        ("meters-south", "gateways"),
    ]
    (operator,) = scenario.operators
    assert operator.only is not None
    assert operator.only.cohorts == ("meters-north", "meters-south")
    assert scenario.outages[0].cohorts == ("gateways", "meters-north")
    assert [(one.cohort, one.metric) for one in scenario.expectations] == [
        ("meters-north", "success_share"),
        ("gateways", "success_share"),
        (None, "success_share"),
    ]


def test_selectors__mean_the_same_as_names(scenario: Scenario) -> None:
    """A scenario is what it says, not how: labels and patterns leave the digest alone."""
    other = parse_scenario(
        FLEET.replace(", labels: {region: north, site: 1}", "")
        .replace(", labels: {region: north}", "")
        .replace(", labels: {region: south}", "")
        + "  waves:\n"
        + "    - {name: first, cohorts: [meters-north]}\n"
        + "    - {name: rest, cohorts: [meters-south, gateways]}\n"
        + "operators: [{call: retry, at: 6 h, only: {cohorts: [meters-north, meters-south]}}]\n"
        + "outages: [{at: 3 h, lasts: 2 h, cohorts: [gateways, meters-north], effect: unreachable}]\n"
        + "expect: {by_cohort.meters-north.success_share: '>= 98 %', by_cohort.gateways.success_share: "
        + "'>= 98 %', success_share: '>= 90 %'}\n"
    )
    assert other.digest == scenario.digest


def test_selectors__are_matched_anew(scenario: Scenario) -> None:
    """Whoever changes labels changes whom they choose, in sections that were checked before too."""
    moved = scenario.with_values({"fleet.cohorts.meters-south.labels.region": "north"})
    assert moved.outages[0].cohorts == ("gateways", "meters-north", "meters-south")
    assert moved.campaign.waves[0].cohorts == ("meters-north", "meters-south")


OUTAGE = "outages:\n  - {at: 3 h, lasts: 2 h, effect: unreachable, cohorts: CHOSEN}"
NAMES = "meters-north, meters-south, gateways"
FAULTS = {
    OUTAGE.replace("CHOSEN", "[gateways, regoin=south]"): (
        "9:68: outages[0].cohorts[1]: unknown label 'regoin'; did you mean 'region'? allowed: region, site"
    ),
    OUTAGE.replace("CHOSEN", "metres*"): (
        f"9:57: outages[0].cohorts: 'metres*' matches no cohort; allowed: {NAMES}"
    ),
    OUTAGE.replace("CHOSEN", "[region=south]").replace("unreachable", "{bandwidth: 50 %}"): (
        "9:47: outages[0].effect.bandwidth: cohort 'meters-south' has no link_rate, so there is nothing "
        "to scale"
    ),
    "  waves:\n    - {name: a, cohorts: meters-*}\n    - {name: b, cohorts: [region=south]}": (
        "10:27: campaign.waves[1].cohorts[0]: 'region=south' adds nothing: waves before have all of "
        "meters-south"
    ),
    "  waves:\n    - {name: a, cohorts: meters-*}\n    - {name: b, cohorts: [meters-north, gateways]}": (
        "10:27: campaign.waves[1].cohorts[0]: 'meters-north' is already in waves[0]"
    ),
    "expect:\n  cohorts[region=east].failed: '== 0'": (
        "9:3: expect.cohorts[region=east].failed: unknown region 'east'; allowed: north, south"
    ),
}


@pytest.mark.parametrize("text", FAULTS)
def test_selectors__faults_stand_where_the_file_has_them(
    text: str, complaints: Callable[[str], list[str]]
) -> None:
    """A fault is told at the selector, not at a name that the file doesn't have."""
    assert complaints(FLEET + text + "\n")[0] == f"x.yaml:{FAULTS[text]}"


@pytest.mark.parametrize("value", ["'a=b'", "''", "true", "[1]"])
def test_labels__have_plain_values(value: str) -> None:
    """The value of a label is a text that no selector could be mistaken for, or a whole number."""
    with pytest.raises(ScenarioError, match=r"labels\.region: .*is no value of a label"):
        parse_scenario(FLEET.replace("region: south", f"region: {value}"))
