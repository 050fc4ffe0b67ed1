"""Warnings about sizes of packages."""

import pytest

from sim.scenario import parse_scenario

DELTA = """\
fleet: {cohorts: [{name: old, devices: 10}, {name: new, devices: 10, SIZE}]}
campaign: {package: {version: "2", size: 12 MiB}}
"""


@pytest.mark.parametrize(
    ("size", "said"),
    [
        ("package_size: 12 MiB", []),
        (
            "package_size: 12.1 MiB",
            ["1:84: 12.1 MiB are more than the package has (12 MiB)"],
        ),
        (
            "package_size: 1 MiB, already_current: 100 %",
            ["1:70: changes nothing: all devices run the version already"],
        ),
        (
            "package_size: 1.1 GB",
            [
                "1:84: 1.02 GiB",
                "1:84: 1.02 GiB are more than the package has (12 MiB)",
            ],
        ),
    ],
)
def test_package_advice__sizes_of_cohorts(size: str, said: list[str]) -> None:
    """A delta that is larger than the whole, that nobody loads, and one that the service doesn't take."""
    warnings = parse_scenario(DELTA.replace("SIZE", size)).warnings()
    assert {warning.path for warning in warnings} <= {"fleet.cohorts[1].package_size"}
    found = [f"{warning.line}:{warning.column}: {warning.message.partition('; ')[0]}" for warning in warnings]
    assert found == said
