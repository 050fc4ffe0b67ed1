"""Warnings about sites: each where its limit is just passed, and none where it is just kept."""

from pathlib import Path

import pytest

from sim.scenario import load_scenario, parse_scenario

SHOPS = """\
fleet: {cohorts: [{name: shop, devices: 500, SITE}]}
campaign: {package: {version: "2", size: 100 MB}}
stages: {install: {constant: 1 h}}
run: {until: 30 d}
"""


def warned(site: str) -> list[str]:
    """Return what is said about shops with such a site."""
    return [str(warning) for warning in parse_scenario(SHOPS.replace("SITE", site)).warnings()]


@pytest.mark.parametrize(
    ("site", "said"),
    [
        ("site: {devices: 50, uplink: 463 kbit/s}", []),
        (
            "site: {devices: 50, uplink: 462 kbit/s}",
            ["fleet.cohorts[0].site.uplink: 50 downloads at once share it and take 1 d 3 min"],
        ),
        ("site: {devices: 50, uplink: 462 kbit/s, at_a_time: 49}", []),
        (
            "site: {devices: 5, uplink: 9 kbit/s}",
            ["fleet.cohorts[0].site.uplink: 95.4 MiB at 9 kbit/s take 1 d 41 min"],
        ),
        (
            "site: {devices: 50, at_a_time: 50}",
            ["fleet.cohorts[0].site.at_a_time: changes nothing: a site has 50 devices"],
        ),
        ("site: {devices: 50, at_a_time: 49}", []),
        (
            "site: {devices: 500, uplink: 100 kbit/s, at_a_time: 1}",
            [
                "fleet.cohorts[0].site.uplink: 500 devices of a site take at least 46 d 7 h to download",
                "fleet.cohorts[0].site.at_a_time: 500 devices of a site take at least 67 d 3 h in turns",
            ],
        ),
        ("already_current: 100 %, site: {devices: 500, uplink: 1 bit/s}", []),
    ],
)
def test_site_advice__counted_sites(site: str, said: list[str]) -> None:
    """A line too thin for the timer or the run, turns that take too long, and places for everybody."""
    found = warned(site)
    assert [text.partition(": ")[2].partition(", but ")[0] for text in found] == said


def test_site_advice__named_sites(tmp_path: Path) -> None:
    """Of a named site those count who are there, each with the package of its cohort."""
    rows = [f"d{i},{'old' if i < 50 else 'new'},{'north' if i % 2 else 'south'}" for i in range(100)]
    (tmp_path / "fleet.csv").write_text("\n".join(["device_id,cohort,site", *rows]), encoding="utf-8")
    (tmp_path / "x.yaml").write_text(
        """\
fleet:
  inventory: fleet.csv
  sites: {north: {uplink: 230 kbit/s}, south: {uplink: 10 Mbit/s}}
  cohorts: [{name: old}, {name: new, package_size: 1 MB}]
campaign: {package: {version: "2", size: 100 MB}}
run: {until: 1 d}
""",
        encoding="utf-8",
    )
    warnings = load_scenario(tmp_path / "x.yaml").warnings()
    said = [str(warning).rpartition("x.yaml:")[2].partition(", but ")[0] for warning in warnings]
    assert said == [
        "3:27: fleet.sites.north.uplink: 25 downloads at once share it and take 1 d 9 min",
        "3:27: fleet.sites.north.uplink: 50 devices of a site take at least 1 d 23 min to download",
    ]


def test_site_advice__breaks_take_the_line_for_time() -> None:
    """A download that a site's line slows takes time, so a break in it is no idle one."""
    text = SHOPS.replace("SITE", "site: {devices: 5, uplink: 10 Mbit/s}")
    with_breaks = text + "failures: [{stage: download, code: 2, rate: 1 /d}]\n"
    scenario = parse_scenario(with_breaks)
    assert scenario.warnings() == []
    assert scenario.shortest_download_s(scenario.fleet.cohorts[0]) == 80
