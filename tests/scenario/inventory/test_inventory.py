"""The inventory: a CSV file that lists the devices."""

from collections.abc import Callable
from pathlib import Path

import pytest

from sim.errors import ScenarioError
from sim.scenario import Scenario, load_scenario

SCENARIO = """\
fleet:
  inventory: fleet.csv
  cohorts:
    - {name: a}
    - {name: b, protocol: lwm2m, cell: {devices: 2}}
campaign:
  package: {version: "1", size: 1 MiB}
"""

Load = Callable[[bytes], Scenario]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """Return a function that loads the scenario above with a given inventory beside it."""

    def load_with(inventory: bytes, text: str = SCENARIO) -> Scenario:
        (tmp_path / "fleet.csv").write_bytes(inventory)
        (tmp_path / "x.yaml").write_text(text, encoding="utf-8")
        return load_scenario(tmp_path / "x.yaml")

    return load_with


@pytest.fixture
def complaints(load: Load, tmp_path: Path) -> Callable[[bytes], list[str]]:
    """Return a function that lists the problems of an inventory, with the folder left out."""

    def complaints_about(inventory: bytes) -> list[str]:
        with pytest.raises(ScenarioError) as caught:
            load(inventory)
        return [str(problem).replace(f"{tmp_path}/", "") for problem in caught.value.problems]

    return complaints_about


def test_inventory__lists_devices(load: Load) -> None:
    """Devices belong to their cohorts in file order; other columns and blank lines don't matter."""
    scenario = load(b"site,cohort,device_id\nx,b,d1\ny,a,d2\n\nz, b , d3 \n")
    assert (scenario.n_devices, scenario.cohort_sizes) == (3, (1, 2))
    assert [list(scenario.device_ids(i_cohort)) for i_cohort in (0, 1)] == [["d2"], ["d1", "d3"]]


def test_inventory__spreadsheet_export(load: Load) -> None:
    """A byte order mark and the line ends of other systems are no problem."""
    assert load(b"\xef\xbb\xbfdevice_id,cohort\r\nd1,a\r\nd2,b\r\nd3,b\r\n").n_devices == 3


def test_inventory__is_part_of_the_digest(load: Load) -> None:
    """Other devices give another digest; other spelling of the same devices doesn't."""
    digest = load(b"device_id,cohort\nd1,a\nd2,b\nd3,b\n").digest
    assert load(b"cohort,device_id\na,d1\nb, d2\n\nb,d3\n").digest == digest
    assert load(b"device_id,cohort\nd1,a\nd2,b\nd4,b\n").digest != digest


@pytest.mark.parametrize(
    ("inventory", "expected"),
    [
        (
            b"",
            [
                "fleet.csv:1: device_id: the header has no such column, since the file is empty",
                "fleet.csv:1: cohort: the header has no such column, since the file is empty",
            ],
        ),
        (
            b"device_id,group\nd1,a\n",
            ["fleet.csv:1: cohort: the header has no such column; it has device_id, group"],
        ),
        (
            b"device_id,cohort\n",
            ["fleet.csv: lists no device of cohort 'a'", "fleet.csv: lists no device of cohort 'b'"],
        ),
        (
            b"device_id,cohort\nd1,a\nd2,B\nd1,b\nd 4,b\nd5\nd6,c\n",
            [
                "fleet.csv:3: cohort: unknown cohort 'B'; did you mean 'b'? allowed: a, b",
                "fleet.csv:4: device_id: 'd1' is already in line 2",
                "fleet.csv:5: device_id: 'd 4' is no id; 1 to 128 letters, digits, '_' and '-'",
                "fleet.csv:6: has 1 values; the header has 2",
                "fleet.csv:7: cohort: unknown cohort 'c'; allowed: a, b",
            ],
        ),
        (
            b"device_id,note,cohort\nd1,Berlin, Mitte,a\nd2,,b,,\nd3,,a\nd4,,b\n",
            ["fleet.csv:2: has 4 values; the header has 3; quote one that has a separator in it"],
        ),
        (b'device_id,cohort\n"d1"x,a\n', ["fleet.csv:2: is not CSV: ',' expected after '\"'"]),
        (
            b"device_id,cohort\nd1,a\nd\xfc,a\n",
            ["fleet.csv:3: is not UTF-8; save the file as UTF-8 (in a spreadsheet: 'CSV UTF-8')"],
        ),
        (
            b"device_id,cohort\nd1,a\nd2,b\n",
            ["x.yaml:5:50: fleet.cohorts[1].cell.devices: 2 are more devices than the cohort has (1)"],
        ),
    ],
)
def test_inventory__refuses(
    complaints: Callable[[bytes], list[str]], inventory: bytes, expected: list[str]
) -> None:
    """Each fault is reported at its line, with the column by its name."""
    assert complaints(inventory) == expected


def test_inventory__problems_that_are_alike_are_summed_up(complaints: Callable[[bytes], list[str]]) -> None:
    """A file that is wrong in every line in the same way shows the first few, and how many are like them."""
    lines = complaints(b"device_id,cohort\n" + b"d1,x\n" * 1000)
    assert len(lines) == 6
    assert lines[0] == "fleet.csv:2: cohort: unknown cohort 'x'; allowed: a, b"
    assert "fleet.csv:4: cohort: unknown cohort 'x'; and 997 more rows like it" in lines
    assert lines[-1] == "fleet.csv:5: device_id: 'd1' is already in line 2; and 996 more rows like it"


def test_inventory__long_lists_of_problems_are_cut(complaints: Callable[[bytes], list[str]]) -> None:
    """A file that is wrong in every line in another way gives a list that can be read."""
    lines = complaints(b"device_id,cohort\n" + b"".join(b"d%d,x%d\n" % (i, i) for i in range(1000)))
    assert len(lines) == 51
    assert lines[0] == "fleet.csv: 950 more problems are not listed"


def test_inventory__with_faults_elsewhere(load: Load) -> None:
    """Faults of the scenario and of its inventory are reported together, the scenario's first."""
    text = SCENARIO.replace("1 MiB", "1").replace("{name: a}", "{name: a, devices: 5}")
    with pytest.raises(ScenarioError) as caught:
        load(b"device_id,cohort\nd1,x\n", text)
    assert [(problem.path, problem.line) for problem in caught.value.problems] == [
        ("fleet.cohorts[0].devices", 4),
        ("campaign.package.size", 7),
        ("cohort", 2),
    ]


def test_inventory__missing_file(tmp_path: Path) -> None:
    """A missing inventory is reported where the scenario names it."""
    (tmp_path / "x.yaml").write_text(SCENARIO, encoding="utf-8")
    with pytest.raises(ScenarioError) as caught:
        load_scenario(tmp_path / "x.yaml")
    (problem,) = caught.value.problems
    assert (problem.path, problem.line, problem.column) == ("fleet.inventory", 2, 14)
    assert problem.message == f"there is no file '{tmp_path / 'fleet.csv'}'"


def test_inventory__unreadable_file(load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the system says about a file that can't be opened is passed on."""

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    scenario = load(b"device_id,cohort\nd1,a\nd2,b\nd3,b\n")
    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(ScenarioError, match=r"fleet\.csv: can't be read: Permission denied"):
        scenario.with_values({"fleet.cohorts.a.spread": 0.5})


def test_inventory__is_read_once(load: Load, tmp_path: Path) -> None:
    """Changing other values does not read the file again."""
    scenario = load(b"device_id,cohort\nd1,a\nd2,b\nd3,b\n")
    (tmp_path / "fleet.csv").unlink()
    assert scenario.with_values({"run.seed": 5}).n_devices == 3
    with pytest.raises(ScenarioError, match="there is no file"):
        scenario.with_values({"fleet.cohorts.a.spread": 0.5})


SITES = """\
fleet:
  inventory: fleet.csv
  sites:
    Berlin: {uplink: 10 Mbit/s}
    Köln, Süd: {at_a_time: 2}
  cohorts:
    - {name: a}
    - {name: b, protocol: lwm2m}
campaign:
  package: {version: "1", size: 1 MiB}
"""


def test_sites__are_named_by_the_inventory(load: Load) -> None:
    """Each device is at the site that its row names, or at none where the row names none."""
    text = "device_id;cohort;Site\nd1;b;Köln, Süd\nd2;a;Berlin\nd3;a;\nd4;b;Berlin\nd5;a; Köln, Süd \n"
    scenario = load(text.encode(), SITES)
    assert scenario.inventory is not None
    assert {name: list(numbers) for name, numbers in scenario.inventory.sites.items()} == {
        "a": [0, -1, 1],
        "b": [1, 0],
    }
    a, b = scenario.fleet.cohorts
    assert [site.at_a_time for site in scenario.sites_of(a)] == [None, 2]
    assert scenario.sites_of(b) == scenario.sites_of(a)


def test_sites__are_part_of_the_digest(load: Load) -> None:
    """Where a device is counts, and who is at none; without sites the column doesn't."""
    rows = 'device_id,cohort,site\nd1,a,Berlin\nd2,a,{}\nd3,b,"Köln, Süd"\n'
    digests = {load(rows.format(site).encode(), SITES).digest for site in ("Berlin", "", '"Köln, Süd"')}
    assert len(digests) == 3
    plain = SITES.replace(SITES[SITES.index("  sites") : SITES.index("  cohorts")], "")
    assert len({load(rows.format(site).encode(), plain).digest for site in ("Berlin", "")}) == 1


@pytest.mark.parametrize(
    ("inventory", "text", "expected"),
    [
        (
            "device_id,cohort\nd1,a\nd2,b\n",
            SITES,
            ["fleet.csv:1: site: the header has no such column; it has device_id, cohort"],
        ),
        (
            "device_id,cohort,site\nd1,a,Berlin\nd2,b,berlin\nd3,b,Ulm\n",
            SITES,
            [
                "fleet.csv:3: site: unknown site 'berlin'; did you mean 'Berlin'? allowed: Berlin, Köln, Süd",
                "fleet.csv:4: site: unknown site 'Ulm'; allowed: Berlin, Köln, Süd",
            ],
        ),
        (
            "device_id,cohort,site\nd1,a,Berlin\nd2,b,\n",
            SITES,
            ["x.yaml:5:5: fleet.sites.Köln, Süd: no device of the inventory is at this site"],
        ),
        (
            'device_id,cohort,site\nd1,a,Berlin\nd2,b,"Köln, Süd"\n',
            SITES.replace("name: a}", "name: a, site: {devices: 1, at_a_time: 1}}"),
            ["x.yaml:7:17: fleet.cohorts[0].site: not allowed beside fleet.sites"],
        ),
        (
            'device_id,cohort,site\nd1,a,Berlin\nd2,b,"Köln, Süd"\n',
            SITES.replace("lwm2m}", "lwm2m, cell: {devices: 1}}"),
            ["x.yaml:5:17: fleet.sites.Köln, Süd.at_a_time: contradicts 'cell'"],
        ),
        (
            "device_id,cohort,site\nd1,a,\nd2,b,\n",
            SITES.replace("sites:", "sites: {}\n  #").replace("    Berlin", "#").replace("    Köln", "#"),
            ["x.yaml:3:3: fleet.sites: names no site"],
        ),
    ],
)
def test_sites__refused(load: Load, tmp_path: Path, inventory: str, text: str, expected: list[str]) -> None:
    """What is wrong is said where it stands: in the inventory with its line, or in the scenario."""
    with pytest.raises(ScenarioError) as caught:
        load(inventory.encode(), text)
    said = [str(problem).replace(f"{tmp_path}/", "") for problem in caught.value.problems]
    assert len(said) == len(expected)
    assert all(text.startswith(beginning) for text, beginning in zip(said, expected, strict=True))


def test_sites__many_unknown_ones_are_said_in_short(load: Load) -> None:
    """The nearest known name is looked for a few times, not for every row of a file."""
    rows = "".join(f"d{i},a,x{i}\n" for i in range(60))
    with pytest.raises(ScenarioError) as caught:
        load(f"device_id,cohort,site\n{rows}".encode(), SITES)
    messages = [problem.message for problem in caught.value.problems]
    assert sum("allowed" in message for message in messages) == 20
    assert messages[-1] == "unknown site 'x49'"


@pytest.mark.parametrize("name", ["Köln, Süd", "shop 12.3", "a[0]", "uplink", "x.uplink"])
def test_sites__change_by_their_paths(load: Load, name: str) -> None:
    """A sweep changes the line of a site by its name, whatever that holds."""
    rows = f'device_id,cohort,site\nd1,a,Berlin\nd2,b,"{name}"\n'
    scenario = load(rows.encode(), SITES.replace("Köln, Süd", f'"{name}"'))
    changed = scenario.with_values({f"fleet.sites.{name}.uplink": "8 Mbit/s"})
    assert changed.fleet.sites is not None
    assert [site.uplink for site in changed.fleet.sites.values()] == [1.25e6, 1e6]
    assert changed.digest != scenario.digest


LABELLED = SCENARIO.replace("{name: a}", "{name: a, labels: {tier: gold}}") + (
    "outages: [{at: 1 h, lasts: 1 h, effect: unreachable, cohorts: [CHOSEN]}]\n"
)


@pytest.mark.parametrize(
    ("chosen", "cohorts"), [("region=north", ("a",)), ("tier=gold", ("a",)), ("region=*", ("a", "b"))]
)
def test_inventory__columns_are_labels(load: Load, chosen: str, cohorts: tuple[str, ...]) -> None:
    """A column that is the same for all devices of a cohort labels it; what the file says counts more."""
    inventory = b"device_id,cohort,region,tier,serial\n1,a,north,tin,7\n2,b,south,tin,8\n3,b, south ,tin,9\n"
    scenario = load(inventory, LABELLED.replace("CHOSEN", chosen))
    assert scenario.outages[0].cohorts == cohorts


def test_inventory__a_column_that_differs_within_a_cohort_chooses_nobody(load: Load) -> None:
    """Only whole cohorts are hit: who asks for a part of one is told of the values."""
    inventory = b"device_id,cohort,region\n1,a,north\n2,b,north\n3,b,south\n"
    with pytest.raises(ScenarioError) as caught:
        load(inventory, LABELLED.replace("CHOSEN", "region=north"))
    (problem,) = caught.value.problems
    assert problem.path == "outages[0].cohorts[0]"
    assert "devices of cohort 'b' differ in the inventory's column 'region' (north, south)" in problem.message
