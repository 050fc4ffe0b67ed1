"""Templates: one entry for several similar cohorts."""

from collections.abc import Callable
from pathlib import Path

import pytest

from sim.errors import ScenarioError
from sim.scenario import Scenario, load_scenario, parse_scenario

REST = 'campaign:\n  package: {version: "1", size: 1 MiB}\n'


def fleet_of(*entries: str) -> str:
    """Return the text of a scenario with some entries of cohorts."""
    return "fleet:\n  cohorts:\n" + "".join(f"    - {entry}\n" for entry in entries) + REST


def test_repeat__a_number() -> None:
    """A number makes so many cohorts, numbered in names of equal length."""
    scenario = parse_scenario(fleet_of("{name: m, devices: 5, repeat: 10}", "{name: g, devices: 1}"))
    assert scenario.cohort_names == (*(f"m-{i:02}" for i in range(1, 11)), "g")
    assert scenario.n_devices == 51


def test_repeat__labels() -> None:
    """Labels make every combination, and are given to the cohorts; what is other for a value is taken."""
    entry = (
        "{name: 'm-{kind}', devices: 5, labels: {use: meter}, "
        "repeat: {region: {north: {devices: 9}, south: {}}, kind: [a, 2]}}"
    )
    scenario = parse_scenario(fleet_of(entry.replace("'m-{kind}'", "'{kind}-in-{region}'")))
    assert scenario.cohort_names == ("a-in-north", "2-in-north", "a-in-south", "2-in-south")
    assert scenario.cohort_sizes == (9, 9, 5, 5)
    assert scenario.fleet.cohorts[1].labels == {"use": "meter", "region": "north", "kind": "2"}


def test_repeat__labels_are_added_up() -> None:
    """Labels that are other for a value are added to those of the entry and of the template."""
    entry = (
        "{name: m, devices: 5, labels: {use: meter, v: 1}, "
        "repeat: {region: {n: {}, s: {}}, kind: {a: {labels: {x: '1', v: 2}}, b: {}}}}"
    )
    cohorts = parse_scenario(fleet_of(entry)).fleet.cohorts
    assert cohorts[0].labels == {"use": "meter", "v": "2", "x": "1", "region": "n", "kind": "a"}
    assert cohorts[3].labels == {"use": "meter", "v": "1", "region": "s", "kind": "b"}


def test_repeat__names_get_what_they_lack() -> None:
    """A name without a place for a value gets it at its end."""
    scenario = parse_scenario(
        fleet_of("{name: m, devices: 5, repeat: {region: [north, south], kind: [a, b]}}")
    )
    assert scenario.cohort_names == ("m-north-a", "m-north-b", "m-south-a", "m-south-b")


def test_repeat__means_the_same_as_cohorts_written_out() -> None:
    """How cohorts are written is no part of what they are; they change by their own names."""
    short = parse_scenario(fleet_of("{name: m, devices: 5, repeat: {region: [north, south]}}"))
    long = parse_scenario(fleet_of("{name: m-north, devices: 5}", "{name: m-south, devices: 5}"))
    assert short.digest == long.digest
    assert short.with_values({"fleet.cohorts.m-south.devices": 7}).cohort_sizes == (5, 7)
    assert short.with_values({"fleet.cohorts[region=north].devices": 7}).cohort_sizes == (7, 5)


FAULTS = {
    "{name: m, devices: 5, repeat: {region: {north: {spread: x}, south: {}}}}": (
        "3:63: fleet.cohorts[0].repeat.region.north.spread: 'x' is not allowed; a number from 0 to 10"
    ),
    "{name: m, repeat: 100, devices: 0}": (
        "3:39: fleet.cohorts[0].devices: 0 is not allowed; a whole number from 1 to 2147483647"
    ),
    "{name: m, repeat: 0, devices: 1}": "3:25: fleet.cohorts[0].repeat: 0 is not allowed; 1 to 30000 cohorts",
    "{name: m, repeat: {r: a}, devices: 1}": (
        "3:17: fleet.cohorts[0].repeat: r: 'a' is not allowed; a list of values, or a mapping by value"
    ),
    "{name: m, repeat: {r: [a, a]}, devices: 1}": "3:17: fleet.cohorts[0].repeat: r: 'a' is given twice",
    "{name: m, repeat: many, devices: 1}": (
        "3:25: fleet.cohorts[0].repeat: 'many' is not allowed; a whole number, or labels with their values, "
        "like '{region: [north, south]}'"
    ),
    "{name: 'm-{regoin}', repeat: {region: [n, s]}, devices: 1}": (
        "3:14: fleet.cohorts[0].name: 'm-{regoin}' is not allowed; 1 to 100 letters, digits, '_' and '-'"
    ),
    "{name: m, repeat: {r: [a, b]}, devices: 1, labels: {r: c}}": (
        "3:59: fleet.cohorts[0].labels.r: 'r' gets its values from 'repeat'; leave it out here, or there"
    ),
    "{name: m, repeat: {r: {a: {labels: {r: c}}, b: {}}}, devices: 1}": (
        "3:43: fleet.cohorts[0].repeat.r.a.labels.r: 'r' gets its values from 'repeat'; leave it out here, "
        "or there"
    ),
    "{name: m, repeat: {r: {a: {repeat: 3}, b: {}}}, devices: 1}": (
        "3:34: fleet.cohorts[0].repeat.r.a.repeat: a value of 'repeat' repeats nothing itself; give 'repeat' "
        "of the entry one more label"
    ),
    "{name: m, repeat: {r: {a: {labels: 5}, b: {}}}, devices: 1}": (
        "3:42: fleet.cohorts[0].repeat.r.a.labels: 5 is not allowed; it must be a mapping"
    ),
    "{name: m, repeat: {r: [a], a: [1, 2]}, devices: 1, labels: {use: '*'}}": (
        "3:72: fleet.cohorts[0].labels.use: '*' is no value of a label; text without = * ? & [, or a whole "
        "number"
    ),
}


@pytest.mark.parametrize("entry", FAULTS)
def test_repeat__faults_are_told_once_at_the_template(
    entry: str, complaints: Callable[[str], list[str]]
) -> None:
    """Whatever is wrong with all cohorts of a template is one fault, at the template's line."""
    assert complaints(fleet_of(entry)) == [f"x.yaml:{FAULTS[entry]}"]


def test_repeat__other_cohorts_go_by_their_entries(complaints: Callable[[str], list[str]]) -> None:
    """A message names the entry of the file, however many cohorts entries before make."""
    entries = ("{name: k, devices: 5, repeat: 3}", "{name: m, devices: 5}", "{name: m, devices: 1}")
    assert complaints(fleet_of(*entries)) == [
        "x.yaml:5:14: fleet.cohorts[2].name: 'm' is already the name of cohorts[1]"
    ]


def test_repeat__warnings_are_told_once() -> None:
    """What is odd about all cohorts of a template is said of the first, with how many more there are."""
    entry = "{name: m, devices: 5, repeat: 20, online: {fraction: 90 %, mean_offline: 60 h}}"
    (warning,) = parse_scenario(fleet_of(entry), "x.yaml").warnings()
    assert warning.path == "fleet.cohorts[0].online"
    assert warning.message.endswith("outlast the online timer of 1 d 1 h; so it is 19 times more")


Sites = Callable[[str], Scenario]


@pytest.fixture
def with_sites(tmp_path: Path) -> Sites:
    """Return a function that loads a fleet at three sites with a given section `sites`."""
    rows = "1,a,shop-1\n2,a,shop-2\n3,a,hq\n4,a,\n"
    (tmp_path / "fleet.csv").write_text(f"device_id,cohort,site\n{rows}", encoding="utf-8")

    def load(sites: str) -> Scenario:
        text = f"fleet:\n  inventory: fleet.csv\n  cohorts: [{{name: a}}]\n  sites: {sites}\n"
        (tmp_path / "x.yaml").write_text(text + REST, encoding="utf-8")
        return load_scenario(tmp_path / "x.yaml")

    return load


def test_sites__patterns_are_defaults(with_sites: Sites) -> None:
    """A pattern stands for the sites of the inventory that match, and fills in what others don't say."""
    scenario = with_sites("{hq: {at_a_time: 4}, '*': {uplink: 1 MB/s}, shop-*: {at_a_time: 2}}")
    sites = scenario.fleet.sites
    assert sites is not None
    assert {name: (site.uplink, site.at_a_time) for name, site in sites.items()} == {
        "hq": (1e6, 4),
        "shop-1": (1e6, 2),
        "shop-2": (1e6, 2),
    }
    assert list(scenario.inventory.sites["a"]) == [1, 2, 0, -1]  # type: ignore[union-attr]  # it has one
    shop = "{uplink: 1 MB/s, at_a_time: 2}"
    named = with_sites(f"{{hq: {{uplink: 1 MB/s, at_a_time: 4}}, shop-1: {shop}, shop-2: {shop}}}")
    assert named.digest == scenario.digest
    faster = scenario.with_values({"fleet.sites.*.uplink": "2 MB/s"}).fleet.sites
    assert faster is not None
    assert {site.uplink for site in faster.values()} == {2e6}


@pytest.mark.parametrize(
    ("sites", "message"),
    [
        ("{'*': {uplink: 0 B/s}}", "fleet.sites.*.uplink: '0 B/s' is not allowed; it must be more than 0"),
        ("{'*': {uplink: 1 B/s}, 'x*': {uplink: 1 B/s}}", "fleet.sites.x*: no device of the inventory is at"),
        ("{'*': 5}", "fleet.sites.*: 5 is not allowed; it must be a mapping"),
        ("{'*': {}}", "fleet.sites.*: a site needs an 'uplink', 'at_a_time', or both"),
    ],
)
def test_sites__patterns_that_are_wrong(with_sites: Sites, sites: str, message: str) -> None:
    """A fault of a default is told once, where it stands."""
    with pytest.raises(ScenarioError) as caught:
        with_sites(sites)
    assert [str(problem).partition(": ")[2].startswith(message) for problem in caught.value.problems].count(
        True
    ) == 1
