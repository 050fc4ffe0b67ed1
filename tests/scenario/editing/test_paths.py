"""Paths: completed where their end is unique, and followed to all places that they mean."""

from pathlib import Path

import pytest

from sim.errors import ScenarioError
from sim.scenario import Scenario, load_scenario


@pytest.mark.parametrize(
    ("path", "full"),
    [
        ("max_processing", "platform.max_processing"),
        ("task_policy.retry_count", "campaign.task_policy.retry_count"),
        ("gateway-4g.link_rate", "fleet.cohorts.gateway-4g.link_rate"),
        ("cohorts[*].link_rate", "fleet.cohorts[*].link_rate"),
        ("cohorts[gate*].link_rate", "fleet.cohorts[gate*].link_rate"),
        ("waves[0].share", "campaign.waves[0].share"),
        ("platform.bandwidth", "platform.bandwidth"),
        ("platform.no_such_thing", "platform.no_such_thing"),
        ("expect.makespan", "expect.makespan"),
    ],
)
def test_full_path__completes(city: Scenario, path: str, full: str) -> None:
    """The end of one path of the scenario stands for it; what begins at the top stays as it is."""
    assert city.full_path(path) == full


@pytest.mark.parametrize(
    ("path", "message"),
    [
        (
            "bandwidth",
            "is the end of several paths; did you mean 'platform.bandwidth' or 'outages[0].effect.band",
        ),
        (
            "link_rate",
            (
                "is the end of several paths; did you mean 'fleet.cohorts[*].link_rate' or "
                "'fleet.cohorts.gateway-4g.link_rate' or 'fleet.cohorts.meter-nbiot.link_rate'?"
            ),
        ),
        ("max_procesing", "unknown field 'max_procesing'; did you mean 'platform.max_processing'?"),
        ("fleet_.seed", "leads nowhere; did you mean 'run.seed'?"),
        ("colour", "unknown key 'colour'; allowed: name, description, fleet, "),
    ],
)
def test_full_path__refuses(city: Scenario, path: str, message: str) -> None:
    """Several paths with the same end are all named, and so is the nearest one of a misspelt end."""
    with pytest.raises(ScenarioError) as caught:
        city.full_path(path)
    assert str(caught.value).startswith(f"city.yaml: {path}: {message}")


def test_with_values__sets_several_cohorts_at_once(city: Scenario) -> None:
    """A pattern of names sets a field in each cohort that matches, and in no other."""
    both = city.with_values({"fleet.cohorts[*].spread": 1})
    one = city.with_values({"cohorts[meter-*].spread": 1})
    assert [cohort.spread for cohort in both.fleet.cohorts] == [1, 1]
    assert [cohort.spread for cohort in one.fleet.cohorts] == [0.4, 1]


def test_with_values__sets_all_items_of_a_list(city: Scenario) -> None:
    """Other lists take patterns too, of the names of their items or of their positions."""
    waves = city.with_values({"campaign.waves[*].gate.failed_count_max": 7}).campaign.waves
    assert [wave.gate.failed_count_max for wave in waves if wave.gate is not None] == [7, 7]


def test_with_values__sets_sites_by_a_pattern(tmp_path: Path) -> None:
    """All sites that match get the value, and by a column of the inventory cohorts do."""
    rows = "1,a,shop-1,north\n2,a,shop-2,north\n3,b,hq,south\n"
    (tmp_path / "fleet.csv").write_text(f"device_id,cohort,site,region\n{rows}", encoding="utf-8")
    (tmp_path / "x.yaml").write_text(
        "fleet:\n  inventory: fleet.csv\n  cohorts: [{name: a}, {name: b}]\n"
        "  sites: {shop-1: {uplink: 1 MB/s}, shop-2: {uplink: 1 MB/s}, hq: {uplink: 1 MB/s}}\n"
        "campaign: {package: {version: '1', size: 1 MiB}}\n",
        encoding="utf-8",
    )
    scenario = load_scenario(tmp_path / "x.yaml")
    changed = scenario.with_values(
        {"fleet.sites.shop-*.uplink": "2 MB/s", "fleet.cohorts[region=south].spread": 1}
    )
    assert changed.fleet.sites is not None
    assert [site.uplink for site in changed.fleet.sites.values()] == [2e6, 2e6, 1e6]
    assert [cohort.spread for cohort in changed.fleet.cohorts] == [0, 1]


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("fleet.cohorts[metre*].spread", "'metre*' matches no cohort; allowed: gateway-4g, meter-nbiot"),
        ("fleet.cohorts[region=n].spread", "no cohort has a label; give them some, like"),
        ("campaign.waves[x*].share", "'x*' matches none of 'canary' or 'everyone'"),
        ("platform[*].bandwidth", "'*' means items of a list, or names of sites; there are none"),
    ],
)
def test_with_values__refuses_what_means_nothing(city: Scenario, path: str, message: str) -> None:
    """A pattern or label that matches nothing is refused with what there is."""
    with pytest.raises(ScenarioError) as caught:
        city.with_values({path: 1})
    assert str(caught.value).startswith(f"city.yaml: {path}: {message}")
