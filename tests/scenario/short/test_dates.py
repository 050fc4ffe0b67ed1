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


FAULTS = {
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
        "7:45: run.until: unknown zone 'CEST'; did you mean 'EST'? allowed are the names of the IANA time "
        'zone database, like "Europe/Berlin", and "UTC"'
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
