"""Warnings about zones of windows, and about a column of sites that nobody reads."""

from pathlib import Path

from sim.scenario import load_scenario, parse_scenario


def test_zones__one_without_among_others(base: str) -> None:
    """A window without a zone is by UTC, which is hardly meant where others have a zone."""
    window = "window: {opens: '22:00', closes: '06:00'"
    text = base.replace("mqtt}", f"mqtt, {window}, zone: Europe/Berlin}}}}").replace(
        "lwm2m}", f"lwm2m, {window}}}}}"
    )
    (warning,) = parse_scenario(text).warnings()
    assert warning.path == "fleet.cohorts[1].window"
    assert warning.message == "has no zone, so it is by UTC, while others are by Europe/Berlin"
    assert parse_scenario(text.replace(", zone: Europe/Berlin", "")).warnings() == []


def test_zones__abbreviations(base: str) -> None:
    """For an abbreviation the place is suggested whose clock is probably meant."""
    window = "window: {opens: '22:00', closes: '06:00', zone: EST}"
    (warning,) = parse_scenario(base.replace("mqtt}", f"mqtt, {window}}}")).warnings()
    assert warning.path == "fleet.cohorts[0].window.zone"
    assert warning.message.endswith("did you mean 'America/New_York'?")


def test_sites__a_column_that_nobody_reads(tmp_path: Path, base: str) -> None:
    """Sites that are counted off beside a column of sites are warned of."""
    (tmp_path / "fleet.csv").write_text("device_id,cohort,site\n1,a,x\n2,b,y\n", encoding="utf-8")
    text = base.replace("fleet:", "fleet:\n  inventory: fleet.csv").replace(", devices: 1000", "")
    text = text.replace(", devices: 100", "").replace("mqtt}", "mqtt, site: {devices: 1, uplink: 1 MB/s}}")
    (tmp_path / "x.yaml").write_text(text, encoding="utf-8")
    (warning,) = load_scenario(tmp_path / "x.yaml").warnings()
    assert warning.path == "fleet.cohorts[0].site"
    assert warning.message.endswith("has a column 'site'; that one needs fleet.sites")
