"""Sites of a scenario as arrays."""

import math

from sim.campaign import build_spec
from sim.campaign.layout.sites import site_table
from sim.fleet.spec import NEVER
from sim.scenario import make_scenario

PACKAGE = {"version": "2", "size": "1 MiB"}


def scenario_of(*cohorts, folder=".", **fleet):
    """Return a scenario with cohorts."""
    fleet = {"cohorts": list(cohorts), **fleet}
    return make_scenario({"fleet": fleet, "campaign": {"package": PACKAGE}}, folder=folder)


def test_site_table__without_sites_there_is_none():
    """No device is at a site, and no row says so."""
    table = site_table(scenario_of({"name": "a", "devices": 5}))

    assert (len(table.of), len(table.uplink), len(table.at_a_time)) == (0, 0, 0)


def test_site_table__counted_sites_are_consecutive_devices():
    """Sites are numbered cohort by cohort; the last of a cohort may be smaller, and some have none."""
    spec = build_spec(
        scenario_of(
            {"name": "a", "devices": 5, "site": {"devices": 2, "uplink": "8 Mbit/s"}},
            {"name": "b", "devices": 2},
            {"name": "c", "devices": 3, "site": {"devices": 3, "at_a_time": 2}, "package_size": "1 kB"},
        )
    )

    assert spec.sites.of.tolist() == [0, 0, 1, 1, 2, -1, -1, 3, 3, 3]
    assert spec.sites.uplink.tolist() == [1e6] * 3 + [math.inf]
    assert spec.sites.at_a_time.tolist() == [NEVER] * 3 + [2]
    assert spec.cohorts.package_bytes.tolist() == [2**20, 2**20, 1000]


def test_site_table__named_sites_are_the_inventorys(tmp_path):
    """Devices of several cohorts may be at one site, which has the number of its place in the file."""
    rows = ["device_id,cohort,site", "d1,b,north", "d2,a,south", "d3,a,", "d4,a,north"]
    (tmp_path / "fleet.csv").write_text("\n".join(rows), encoding="utf-8")
    table = site_table(
        scenario_of(
            {"name": "a"},
            {"name": "b"},
            inventory="fleet.csv",
            sites={"south": {"uplink": "8 Mbit/s"}, "north": {"uplink": "16 Mbit/s", "at_a_time": 1}},
            folder=tmp_path,
        )
    )

    assert table.of.tolist() == [0, -1, 1, 1]
    assert table.uplink.tolist() == [1e6, 2e6]
    assert table.at_a_time.tolist() == [NEVER, 1]
