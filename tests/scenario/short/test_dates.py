"""Dates in the length of a run and in expectations."""

from collections.abc import Callable

import pytest

from sim.errors import ScenarioError
from sim.scenario import parse_scenario
from sim.study.goals import read_goals

START = 'run: {start: "2026-01-05T20:00:00Z"'


@pytest.mark.parametrize(
    ("date", "days"),
    [
        ("2026-01-09 20:00", 4.0),
        ("2026-01-09T20:00Z", 4.0),
        ("2026-01-09 21:00 Europe/Berlin", 4.0),
        ("2026-01-09 21:00+01:00", 4.0),
        ("2026-01-09 21:00 +01:00", 4.0),
        ("2026-01-09 15:00 -0500", 4.0),
        ("2026-01-09 17:00 Etc/GMT+3", 4.0),
        ("2026-01-09 15:00 EST5EDT", 4.0),
        ("2026-01-09 8:00", 3.5),
        ("2026-01-06", 4 / 24),
    ],
)
def test_until__may_be_a_date(base: str, date: str, days: float) -> None:
    """The run ends at the date, by UTC or by the zone behind it."""
    scenario = parse_scenario(f"{base}{START}, until: '{date}'}}\n")
    assert scenario.run.until == days * 86_400


@pytest.mark.parametrize(
    ("date", "seconds"), [("2026-01-06 20:00", 86_399.3), ("2026-01-06 20:00:00.25", 86_399.55)]
)
def test_until__is_exact(base: str, date: str, seconds: float) -> None:
    """Fractions of a second of the start and of the date count."""
    text = START.replace("00Z", "00.7Z")
    assert parse_scenario(f"{base}{text}, until: '{date}'}}\n").run.until == seconds


def test_until__less_than_a_second_after_the_start(base: str, complaints: Callable[[str], list[str]]) -> None:
    """A run that is too short is told as one."""
    text = START.replace("00Z", "00.7Z")
    (complaint,) = complaints(f"{base}{text}, until: '2026-01-05 20:00:01'}}\n")
    assert "run.resolution: 5 min is more than the 300 ms of 'until'" in complaint


def test_expectations__take_dates(base: str) -> None:
    """A date in a bound or in front of it is a time since the start; goals take them as well."""
    text = (
        "expect:\n  time_to_success.p99: ['<= 2026-01-09 18:00', '<= 2026-01-09 18:00 Europe/Berlin in at "
        "least 90 % of replications']\n  success_share: 'at 2026-01-06 20:00: >= 50 %'\n"
    )
    scenario = parse_scenario(f"{base}{START}}}\n{text}")
    first, second, third = scenario.expectations
    assert (first.value, second.value, third.at) == (94 * 3600, 93 * 3600, 86_400)
    (goal,) = read_goals(scenario, "makespan <= 2026-01-09 18:00")
    assert (goal.value, goal.text) == (94 * 3600, "<= 3 d 22 h")


BERLIN = "run: {start: 2026-03-28 08:00 Europe/Berlin"


@pytest.mark.parametrize(
    ("start", "utc"),
    [
        ("2026-12-01T08:00+01:00", "2026-12-01T07:00:00+00:00"),
        ("2026-12-01 08:00 Europe/Berlin", "2026-12-01T07:00:00+00:00"),
        ("2026-07-01 08:00 Europe/Berlin", "2026-07-01T06:00:00+00:00"),
        ("2026-07-01 Europe/Berlin", "2026-06-30T22:00:00+00:00"),
        ("2026-12-01 08:00 UTC", "2026-12-01T08:00:00+00:00"),
    ],
)
def test_start__takes_a_zone(base: str, start: str, utc: str) -> None:
    """A start in any zone is the same as that in UTC."""
    scenario = parse_scenario(f"{base}run: {{start: {start}}}\n")
    in_utc = parse_scenario(f"{base}run: {{start: {utc.replace('+00:00', 'Z')}}}\n")
    assert scenario.run.start.isoformat() == utc
    assert scenario.digest == in_utc.digest


def test_dates__without_a_zone_go_by_the_clock_of_the_start(base: str) -> None:
    """Outages, operators, waves and the end are read in the start's zone, summer time included."""
    waves = "[{name: x, share: 10 %}, {name: y, share: 100 %, begin: {at: 2026-03-29 08:00}}]"
    text = base.replace("  package:", f"  waves: {waves}\n  package:")
    scenario = parse_scenario(
        f"{text}{BERLIN}, until: 2026-03-30 08:00}}\n"
        "outages:\n"
        "  - {at: 2026-03-28 08:00, lasts: 1 h, effect: unreachable}\n"
        "  - {from: 2026-03-28 20:00, until: '2026-03-29 20:00:00.25', effect: freeze}\n"
        "  - {from: 3 h, until: 5 h, effect: freeze}\n"
        "operators: [{call: retry, at: 2026-03-29}]\n"
    )
    hour = 3600
    assert scenario.run.until == 47 * hour
    assert [(outage.at, outage.lasts) for outage in scenario.outages] == [
        (0, hour),
        (12 * hour, 23 * hour + 0.25),
        (3 * hour, 2 * hour),
    ]
    assert scenario.operators[0].at == 16 * hour
    begin = scenario.campaign.waves[1].begin
    assert begin is not None
    assert begin.at == 23 * hour
    assert str(scenario.starts) == "2026-03-28 08:00:00+01:00"


def test_dates__count_anew_from_another_start(base: str) -> None:
    """A later start leaves less time up to the dates, those of waves included."""
    waves = "[{name: w, share: 1 %}, {name: x, begin: {at: 2026-01-08}, share: 100 %}]"
    text = base.replace("  package:", f"  waves: {waves}\n  package:")
    scenario = parse_scenario(f"{text}{START}}}\n").with_values({"run.start": "2026-01-07T00:00:00Z"})
    begin = scenario.campaign.waves[1].begin
    assert begin is not None
    assert begin.at == 86_400


def test_expectations__are_told_as_written(base: str) -> None:
    """The date stays in the text that answers show, and is no part of what it says."""
    first, second = (
        parse_scenario(f"{base}{START}}}\nexpect: {{makespan: '{bound}'}}\n")
        for bound in ("<= 2026-01-09 20:00", "<= 4 d")
    )
    assert (first.expectations[0].written, first.expectations[0].text) == ("<= 2026-01-09 20:00", "<= 4 d")
    assert first.digest == second.digest


FAULTS = {
    f"{BERLIN}, until: 2026-03-29 02:30}}": (
        "7:53: run.until: '2026-03-29 02:30' never comes by the clock of Europe/Berlin, which is put forward "
        "then; did you mean 03:30?"
    ),
    f"{BERLIN}, until: 2026-10-25 02:30}}": (
        "7:53: run.until: '2026-10-25 02:30' comes twice by the clock of Europe/Berlin, which is put back; "
        "write '2026-10-25 02:30+02:00' or '2026-10-25 02:30+01:00'"
    ),
    "run: {start: 2026-10-25 02:30 Europe/Berlin}": (
        "7:14: run.start: '2026-10-25 02:30 Europe/Berlin' comes twice by the clock of Europe/Berlin, which "
        "is put back; write '2026-10-25 02:30+02:00' or '2026-10-25 02:30+01:00'"
    ),
    "run: {start: 2026-10-25 12:30 CEST}": (
        "7:14: run.start: unknown zone 'CEST'; did you mean 'Europe/Berlin'? allowed are the names of the "
        'IANA time zone database, like "Europe/Berlin", and "UTC"'
    ),
    f"{START}}}\noutages: [{{from: 2026-01-04, until: 2026-01-06, effect: freeze}}]": (
        "8:18: outages[0].from: '2026-01-04' is before the start of the run, 2026-01-05 20:00 UTC (run.start)"
    ),
    f"{START}}}\noutages: [{{at: 2 h, until: 1 h, effect: freeze}}]": (
        "8:28: outages[0].until: '1 h' after the start of the run is not after the beginning of the outage, "
        "2 h"
    ),
    "outages: [{at: 2 h, lasts: 1 h, until: 3 h, effect: freeze}]": (
        "7:33: outages[0].until: not allowed beside 'lasts'; give one of them"
    ),
    "outages: [{at: 2026-01-06, lasts: 1 h, effect: freeze}]": (
        "7:16: outages[0].at: is a date, so the run needs a start, like 'run: {start: "
        '"2026-01-05T20:00:00Z"}\''
    ),
    "run: {until: 2026-01-09 18:00}": (
        "7:14: run.until: is a date, so the run needs a start, like 'run: {start: \"2026-01-05T20:00:00Z\"}'"
    ),
    f"{START}, until: 2026-01-04}}": (
        "7:45: run.until: '2026-01-04' is not after the start of the run, 2026-01-05 20:00 UTC (run.start)"
    ),
    **{
        f"{START}, until: '{date}'}}": (
            f"7:45: run.until: '{date}' is no date; write it like '2026-01-09 18:00', "
            "'2026-01-09 18:00 Europe/Berlin' or '2026-01-09 18:00+01:00'"
        )
        for date in ("2026-02-30", "2026-01-09 02", "2026-1-9", "2026-01-09 18:00 in Berlin", "2026-01-09 9h")
    },
    f"{START}, until: 2026-01-09 18:00 CEST}}": (
        "7:45: run.until: unknown zone 'CEST'; did you mean 'Europe/Berlin'? allowed are the names of the "
        'IANA time zone database, like "Europe/Berlin", and "UTC"'
    ),
    f"{START}}}\nexpect: {{time_to_recovery.p95: <= 2026-01-09}}": (
        "8:32: expect.time_to_recovery.p95: is a date, but counts from each device's first failure; write a "
        "time, like '<= 6 h'"
    ),
    f"{START}}}\nexpect: {{'cohorts[*].time_to_recovery.p95': [<= 2026-01-09]}}": (
        "8:46: expect.cohorts[*].time_to_recovery.p95[0]: is a date, but counts from each device's first "
        "failure; write a time, like '<= 6 h'"
    ),
    f"{START}}}\nexpect: {{failed: <= 2026-01-09}}": "8:18: expect.failed: is a date, but failed is no time",
    "expect: {makespan: <= 2026-01-09}": (
        "7:20: expect.makespan: is a date, so the run needs a start, like 'run: {start: "
        '"2026-01-05T20:00:00Z"}\''
    ),
}


def test_goals__no_date_for_a_time_of_each_device(base: str) -> None:
    """A goal is refused like an expectation."""
    with pytest.raises(ScenarioError, match="counts from each device's first failure"):
        read_goals(parse_scenario(f"{base}{START}}}\n"), "time_to_recovery.p95 <= 2026-01-09")


@pytest.mark.parametrize("text", FAULTS)
def test_dates__refuses(text: str, base: str, complaints: Callable[[str], list[str]]) -> None:
    """A date needs a start before it, and to be one."""
    assert complaints(f"{base}{text}\n") == [f"x.yaml:{FAULTS[text]}"]


@pytest.mark.parametrize(
    ("old", "new", "part"),
    [
        ("devices: 1000", "devices: 40k", "did you mean 40000?"),
        ("devices: 1000", "devices: '40,000'", "did you mean 40000?"),
        ("protocol: mqtt", "protocol: nb-iot", "unknown word 'nb-iot'; did you mean 'lwm2m'?"),
        ("protocol: mqtt", "protocol: 4G", "unknown word '4G'; did you mean 'mqtt'?"),
        ("size: 1 MiB", "size: '1,5 MiB'", "'1,5 MiB' has a comma; did you mean '1.5 MiB'?"),
        ("size: 1 MiB", "size: '1,500 kB'", "'1,500 kB' has a comma; did you mean '1500 kB'?"),
        ("campaign:", "run: {until: 2 weeks}\ncampaign:", "weeks are written in days; did you mean '14 d'?"),
    ],
)
def test_quantities__what_was_meant(
    base: str, complaints: Callable[[str], list[str]], old: str, new: str, part: str
) -> None:
    """Other ways to write a number, a time or a protocol are answered with the right one."""
    (complaint,) = complaints(base.replace(old, new))
    assert part in complaint
