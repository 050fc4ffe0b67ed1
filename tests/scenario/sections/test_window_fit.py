"""Windows against the platform's timers and against summer time: what is said, and what isn't."""

from collections.abc import Callable

import pytest

from sim.errors import ScenarioError
from sim.scenario import parse_scenario

CASES = [
    (
        "a",
        'window: {opens: "02:00", closes: "03:00", days: [sat]}',
        (
            "3:48: fleet.cohorts[0].window: stays closed for up to 6 d 23 h, but the online timer ends "
            "after 1 d 1 h: whoever is dispatched longer than that before it opens fails"
        ),
    ),
    (
        "a",
        'window: {opens: "02:00", closes: "03:00", days: [sat], for: install}',
        (
            "3:48: fleet.cohorts[0].window: a download entered on Mon 2026-01-05 00:00 UTC fails: the "
            "upgrade timer ends after 1 d, before install is over; so do others that come at the wrong "
            "time"
        ),
    ),
    (
        "b",
        'window: [{opens: "02:00", closes: "03:00", for: install}, {opens: "04:00", closes: "05:00"}]',
        (
            "4:57: fleet.cohorts[1].window[0]: a download entered on Mon 2026-01-05 04:00 UTC fails: the "
            "execute timer ends after 30 min, before install is over; none can succeed"
        ),
    ),
    (
        "b",
        'link_rate: 1 MB/s, window: {opens: "02:00", closes: "02:00:01", for: download}',
        (
            "4:67: fleet.cohorts[1].window: a download entered on Mon 2026-01-05 00:00 UTC fails: the "
            "download timer ends after 1 h, before its bytes are there; none can succeed"
        ),
    ),
    (
        "a",
        'window: {opens: "02:00", closes: "03:00", for: download}',
        (
            "3:48: fleet.cohorts[0].window: holds nothing: without a link_rate or platform.bandwidth a "
            "download takes no time"
        ),
    ),
]


@pytest.mark.parametrize(("place", "text", "expected"), CASES)
def test_warnings__of_windows(place: str, text: str, expected: str, spoil: Callable[[str, str], str]) -> None:
    """Each names the window, the timer that does not wait for it, and when it does not."""
    warnings = parse_scenario(spoil(place, text), "x.yaml").warnings()
    assert [str(warning) for warning in warnings] == [f"x.yaml:{expected}"]


_NIGHT = """\
fleet:
  cohorts:
    - name: a
      devices: 1
      window: {opens: "02:10", closes: "02:50", zone: Europe/Berlin}
campaign: {package: {version: "1", size: 1 kB}}
run: {start: 2026-03-28T00:00:00Z, until: %s}
"""


def test_warnings__summer_time_that_swallows_a_window() -> None:
    """A window in the hour that the clock skips is told of if it opens on other days, and refused if not."""
    warnings = [str(warning) for warning in parse_scenario(_NIGHT % "5 d", "x.yaml").warnings()]
    assert (
        "x.yaml:5:7: fleet.cohorts[0].window: does not open on 2026-03-29: summer time swallows it"
        in warnings
    )
    first = _NIGHT.replace("03-28T00", "03-28T12")
    with pytest.raises(ScenarioError, match="on 2026-03-29, when the clock of Europe/Berlin skips it"):
        parse_scenario(first % "1 d")
    with pytest.raises(ScenarioError, match=r"never opens before the run ends .* opens after 5 d 14 h"):
        parse_scenario(first.replace("zone: Europe/Berlin", "days: [fri]") % "2 d")


def test_warnings__none_for_windows_that_fit() -> None:
    """Windows that meet, by day and by night, and a night long enough for the timers, are worth no word."""
    text = """\
fleet:
  cohorts:
    - name: a
      devices: 10
      link_rate: 1 MB/s
      window:
        - {opens: "20:00", closes: "01:00", zone: America/New_York}
        - {opens: "01:00", closes: "06:00", zone: America/New_York}
        - {opens: "22:00", closes: "07:00", zone: America/New_York, for: install}
        - {opens: "19:00", closes: "07:00", zone: America/New_York, for: download}
campaign: {package: {version: "1", size: 100 MB}}
"""
    assert parse_scenario(text).warnings() == []
