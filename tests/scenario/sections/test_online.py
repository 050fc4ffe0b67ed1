"""Forms of a link: what each says of shares of time, cycles and long absences."""

import math
from typing import Any

import pytest

from sim.scenario import Online, Scenario, make_scenario

FORMS: list[tuple[dict[str, Any], float, float]] = [
    ({}, 1.0, math.inf),
    ({"fraction": "100 %", "mean_offline": "3 h"}, 1.0, math.inf),
    ({"fraction": "80 %", "mean_offline": "48 h"}, 0.8, 864_000.0),
    ({"fraction": "0 %", "mean_offline": "2 h"}, 0.0, 7200.0),
    ({"fraction": "75 %", "offline": {"uniform": {"low": "1 h", "high": "3 h"}}}, 0.75, 28_800.0),
    ({"online": {"constant": "1 h"}, "offline": {"exponential": {"mean": "3 h"}}}, 0.25, 14_400.0),
    ({"every": "150 min", "for": "3 min"}, 0.02, 9000.0),
]


@pytest.mark.parametrize(("written", "share", "cycle_s"), FORMS, ids=[str(written) for written, *_ in FORMS])
def test_online__share_and_cycle(written: dict[str, Any], share: float, cycle_s: float) -> None:
    """Each form has a share of time in which devices are on, and a mean cycle."""
    online = Online.model_validate(written)
    assert online.share_on() == pytest.approx(share)
    assert online.mean_cycle_s() == pytest.approx(cycle_s)
    assert online.is_always is (share == 1)


def test_online__for() -> None:
    """The field that Python can't name has a property."""
    assert Online.model_validate({"every": "150 min", "for": "3 min"}).up_for == 180.0
    assert Online.model_validate({}).up_for is None


@pytest.mark.parametrize(
    ("written", "share"),
    [
        ({}, 0.0),
        ({"fraction": "80 %", "mean_offline": "48 h"}, 0.2 * math.exp(-25 / 48)),
        ({"fraction": "80 %", "offline": {"constant": "50 h"}}, 0.2 * 0.5),
        ({"online": {"constant": "25 h"}, "offline": {"constant": "75 h"}}, 0.75 * 50 / 75),
        ({"every": "50 h", "for": "5 h"}, 20 / 50),
        ({"every": "24 h", "for": "5 h"}, 0.0),
    ],
    ids=str,
)
def test_online__absences_that_outlast_25_hours(written: dict[str, Any], share: float) -> None:
    """At a given time this share of devices is off and stays off for longer than a timer."""
    assert Online.model_validate(written).overshoot(90_000.0) == pytest.approx(share)


def scenario(**online: Any) -> Scenario:
    """Return a scenario with one link."""
    return make_scenario(
        {
            "fleet": {"cohorts": [{"name": "a", "devices": 10, "online": online}]},
            "campaign": {"package": {"version": "1", "size": "1 MiB"}},
        }
    )


@pytest.mark.parametrize(
    ("before", "path", "value", "share"),
    [
        ({"fraction": 0.5, "mean_offline": "3 h"}, "online.fraction", "80 %", 0.8),
        ({"fraction": 0.5, "mean_offline": "3 h"}, "online.fraction", "100 %", 1.0),
        ({"every": "1 h", "for": "6 min"}, "online.for", "30 min", 0.5),
        ({"every": "1 h", "for": "6 min"}, "online.every", "2 h", 0.05),
        (
            {"online": {"constant": "1 h"}, "offline": {"constant": "1 h"}},
            "online.offline.constant",
            "3 h",
            0.25,
        ),
        ({"every": "1 h", "for": "6 min"}, "online", {"fraction": 0.5, "mean_offline": "3 h"}, 0.5),
        ({"every": "1 h", "for": "6 min"}, "online", None, 1.0),
    ],
)
def test_online__other_values(before: dict[str, Any], path: str, value: Any, share: float) -> None:
    """A study can vary each field of a link, put another form in its place, or take it away."""
    after = scenario(**before).with_values({f"fleet.cohorts.a.{path}": value})
    assert after.fleet.cohorts[0].online.share_on() == pytest.approx(share)


def test_online__mean_offline_may_vary() -> None:
    """The mean of the absences leaves the share of time as it is."""
    after = scenario(fraction=0.5, mean_offline="3 h").with_values(
        {"fleet.cohorts.a.online.mean_offline": "6 h"}
    )
    assert after.fleet.cohorts[0].online.mean_cycle_s() == 43_200.0


def test_online__is_remembered() -> None:
    """A link that goes up and down is a memory; one that is always up is none."""
    assert scenario(fraction=0.5, mean_offline="3 h").remembers
    assert not scenario(fraction=1, mean_offline="3 h").remembers
