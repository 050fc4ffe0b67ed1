"""What the scenarios about networks and memory expect."""

import pytest

NAMES = [
    *("thin-link", "regional-outage", "retry-wave"),
    *(
        "flat-batteries",
        "flat-batteries-patient",
        "sleepy-sensors",
        "breaking-links",
        "breaking-links-resume",
    ),
    *("lost-reports", "bricked-canary"),
]


@pytest.mark.parametrize("name", NAMES)
def test_scenario__keeps_its_expectations(results, name):
    """What the file expects comes true, so that its first run doesn't end with an error."""
    verdicts = results(name).expectations

    assert verdicts
    assert [verdict for verdict in verdicts if not verdict.met] == []
