"""What differs between two scenario files."""

import pytest

from sim.testing.compare.scenario_diff import changes

BEFORE = {
    "fleet": {"cohorts": [{"name": "a", "devices": 10}, {"name": "b", "devices": 5}]},
    "failures": [{"stage": "download", "code": 2}],
    "run": {"seed": 1},
}


@pytest.mark.parametrize(
    ("now", "lines"),
    [
        (BEFORE, []),
        ({**BEFORE, "run": {"seed": 2}}, ["run.seed: 1, now 2"]),
        ({**BEFORE, "run": {}}, ["run.seed: 1 is gone"]),
        ({**BEFORE, "outages": []}, ["outages: a list is new"]),
        (
            {**BEFORE, "fleet": {"cohorts": [{"name": "a", "devices": 10}, {"name": "b", "devices": 6}]}},
            ["fleet.cohorts.b.devices: 5, now 6"],
        ),
        (
            {**BEFORE, "fleet": {"cohorts": [{"name": "a", "devices": 10}]}},
            ["fleet.cohorts.b: a mapping is gone"],
        ),
        (
            {**BEFORE, "failures": [{"stage": "verify", "code": 2}]},
            ["failures[0].stage: 'download', now 'verify'"],
        ),
    ],
)
def test_changes__name_each_value_by_its_path(now, lines):
    """Values, sections and items are named as a user would look for them."""
    assert changes(BEFORE, now) == lines


def test_changes__are_not_a_flood():
    """A file that has nothing in common is not listed value by value."""
    lines = changes({str(i): i for i in range(20)}, {str(i): i + 1 for i in range(20)})

    assert lines[:2] == ["0: 0, now 1", "1: 1, now 2"]
    assert lines[6:] == ["and 14 more"]
