"""Fitted numbers in the text of a template."""

from __future__ import annotations

import pytest

from sim.calibration.files.patch import Change, patched
from sim.calibration.unknowns import unknowns_of
from sim.errors import ScenarioError
from sim.scenario import make_scenario, parse_scenario

TEXT = """\
# Meters of the north.
fleet:
  cohorts:
    - name: meters   # all of one type
      devices: 10
      online: &link {fraction: 70 %, mean_offline: 3 h}
      spread: 1   # a guess
      already_current: 0.03
      online_note: x
    - {name: locks, devices: 5, online: *link, protocol: lwm2m}
campaign:
  package: {version: "2", size: 1 MB}
stages:
  install:
    lognormal: {median: "110 s",
                sigma: 0.35}
failures:
  - {stage: install, code: 10, probability: &p 2 %, permanent: 1 %}
  # the radio is bad in winter
  - {stage: contact, silent: true, permanent: 1 %}
""".replace("      online_note: x\n", "")

CHANGES = [
    Change("fleet.cohorts[0].online.fraction", 0.8031, 0.798, 0.807),
    Change("fleet.cohorts[0].online.mean_offline", 14644.0, 14280.0, 15000.0),
    Change("fleet.cohorts[0].spread", 1.2384, 1.17, 1.31),
    Change("fleet.cohorts[0].already_current", 0.0412, 0.0401, 0.0423),
    Change("stages.install.lognormal.median", 123.456, 122.1, 124.9),
    Change("stages.install.lognormal.sigma", 0.41237, None, 0.5),
    Change("failures[0].probability", 0.00994, 0.0089, 0.0111),
    Change("failures[0].permanent", 0.00183, 0.0014, 0.0023),
]

EXPECTED = """\
# Meters of the north.
fleet:
  cohorts:
    - name: meters   # all of one type
      devices: 10
      online: &link {fraction: 80.31 %, mean_offline: 4 h 4 min}  # fit: 79.8-80.7 %; 3 h 58 min - 4 h 10 min
      spread: 1.238   # a guess  # fit: 1.17-1.31
      already_current: 0.0412  # fit: 4.01-4.23 %
    - {name: locks, devices: 5, online: *link, protocol: lwm2m}
campaign:
  package: {version: "2", size: 1 MB}
stages:
  install:
    lognormal: {median: "123.5 s",  # fit: 2 min 2 s - 2 min 5 s
                sigma: 0.412}  # fit: ≤ 0.5
failures:
  - {stage: install, code: 10, probability: &p 0.994 %, permanent: 0.183 %}  # fit: 0.89-1.11 %; 0.14-0.23 %
  # the radio is bad in winter
  - {stage: contact, silent: true, permanent: 1 %}
"""


def test_patched__replaces_numbers_and_nothing_else():
    """Comments, order, anchors, quotes and percent stay; each number gets its interval in a comment."""
    title, _, rest = patched(parse_scenario(TEXT), CHANGES, "sha256:abc").partition("\n")
    assert rest == EXPECTED
    assert title.startswith("# Numbers with 'fit:' behind them were fitted by fleetsim ")
    assert title.endswith(" to data sha256:abc")


def test_patched__loads_with_the_values_to_rounding():
    """The text is a scenario, its numbers are the fitted ones, and what an anchor shares changes with it."""
    after = parse_scenario(patched(parse_scenario(TEXT), CHANGES, "sha256:abc"))
    now = {one.path: one.value for one in unknowns_of(after)}
    for change in CHANGES:
        width = 0.01 if change.low is None else change.high - change.low
        assert now[change.path] == pytest.approx(change.value, abs=width / 4)
    assert after.fleet.cohorts[1].online.fraction == now["fleet.cohorts[0].online.fraction"]
    assert now["failures[1].permanent"] == 0.01


def test_patched__another_fit_replaces_the_comments_of_the_first():
    """Fitting a fitted file again leaves one title and one interval a number."""
    once = patched(parse_scenario(TEXT), CHANGES, "sha256:abc")
    twice = patched(parse_scenario(once), CHANGES, "sha256:def")
    assert twice == once.replace("sha256:abc", "sha256:def")


@pytest.mark.parametrize("value", [1e-7, 3e-5, 0.4999, 0.99997])
def test_patched__a_share_is_never_rounded_to_nothing_or_all(value):
    """Small and large shares keep digits enough to stay between 0 and 100 %."""
    for text in (TEXT, TEXT.replace("70 %", "0.7")):
        after = parse_scenario(patched(parse_scenario(text), [CHANGES[0]._replace(value=value)], "d"))
        got = after.fleet.cohorts[0].online.fraction
        assert min(got, 1 - got) == pytest.approx(min(value, 1 - value), rel=0.01)


@pytest.mark.parametrize("seconds", [0.0123, 1.5, 59.87, 119.7, 7260.4, 100_000.0, 1_234_567.0])
def test_patched__durations_are_read_back(seconds):
    """A duration is written as a person would and says the same to three digits."""
    change = Change("stages.install.lognormal.median", seconds)
    after = parse_scenario(patched(parse_scenario(TEXT), [change], "d"))
    assert after.stages.install.lognormal.median == pytest.approx(seconds, rel=5e-3)


def test_patched__line_ends_and_templates_stay():
    """Line ends of another system stay, and a number that a template shares is written once."""
    text = TEXT.replace("    - name: meters", "    - repeat: 3\n      name: meters").replace("\n", "\r\n")
    after = patched(parse_scenario(text), CHANGES[:3], "d")
    assert after.count("\n") == after.count("\r\n") == text.count("\n") + 1
    scenario = parse_scenario(after)
    assert [cohort.spread for cohort in scenario.fleet.cohorts] == [1.238] * 3 + [0]


def test_patched__a_scenario_without_text_is_written_out():
    """A template made of values gets a text of its own."""
    template = make_scenario(dict(parse_scenario(TEXT).source.data))
    assert parse_scenario(patched(template, CHANGES, "d")).fleet.cohorts[0].spread == 1.238


def test_patched__refuses_what_is_no_number_of_the_template():
    """Unknown paths, paths given twice and values that are no numbers are named together."""
    bad = [
        Change("failures[0].probabilty", 0.1),
        CHANGES[0],
        CHANGES[0],
        Change("failures[0].permanent", -1.0),
    ]
    with pytest.raises(ScenarioError) as caught:
        patched(parse_scenario(TEXT), bad, "d")
    text = str(caught.value)
    assert "did you mean 'failures[0].probability'?" in text
    assert "is given twice" in text
    assert "-1.0 is not allowed" in text
