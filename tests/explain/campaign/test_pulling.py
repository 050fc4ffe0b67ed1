"""What limits a campaign: each limit where it is the only one, named, and easing it helps most."""

from typing import Any

import pytest
from explain.explained import scenario_of

from sim.explain.campaign import limits
from sim.scenario import Scenario

HOURS = {"install": {"constant": "1 h"}}
ALONE = {"run": {"until": "30 d", "resolution": "1 h"}}


def slow_link(**more: Any) -> dict[str, Any]:
    """Return a cohort of 60 devices whose links need 1,000 s for the package."""
    return {"devices": 60, "link_rate": "1 kB/s", **more}


LIMITED = {
    "places": scenario_of({"devices": 60}, platform={"max_processing": 3}, **ALONE),
    "dispatch rate": scenario_of({"devices": 60}, platform={"dispatch_rate": "2 /h"}, **ALONE),
    "download places": scenario_of(slow_link(), platform={"max_downloads": 2}, **ALONE),
    "bandwidth": scenario_of({"devices": 60}, platform={"bandwidth": "2 kB/s"}, **ALONE),
    "links of devices": scenario_of(slow_link(), **ALONE),
    "window": scenario_of({"devices": 60, "window": {"opens": "20:00", "closes": "21:00"}}, **ALONE),
    "offline devices": scenario_of(
        {"devices": 60, "online": {"fraction": "20 %", "mean_offline": "10 h"}}, **ALONE
    ),
    "soak": scenario_of(
        {"devices": 60},
        campaign={
            "waves": [{"name": "few", "share": "10 %", "soak": "2 d"}, {"name": "all", "share": "100 %"}]
        },
        **ALONE,
    ),
    "beginning of waves": scenario_of(
        {"devices": 60},
        campaign={
            "waves": [
                {"name": "few", "share": "10 %"},
                {"name": "all", "share": "100 %", "begin": {"at": "2 d"}},
            ]
        },
        **ALONE,
    ),
    "gate": scenario_of(
        {"devices": 60},
        failures=[{"stage": "query", "code": 1, "probability": "40 %"}],
        campaign={
            "waves": [
                {"name": "few", "share": "10 %", "gate": {"failed_count_max": 0}},
                {"name": "all", "share": "100 %"},
            ]
        },
        **ALONE,
    ),
    "outages": scenario_of(
        {"devices": 60}, outages=[{"at": "0 s", "lasts": "9 h", "effect": "unreachable"}], **ALONE
    ),
    "timers": scenario_of(
        {"devices": 60},
        failures=[{"stage": "reboot", "silent": True, "probability": "40 %"}],
        campaign={"task_policy": {"retry_count": 5, "retry_interval": "1 min"}},
        **ALONE,
    ),
    "the end of the run": scenario_of({"devices": 60}, run={"until": "100 s", "resolution": "10 s"}),
    "places in radio cells": scenario_of(
        {
            "devices": 60,
            "protocol": "lwm2m",
            "cell": {"devices": 60, "coverage": ["100 %", "0 %", "0 %"]},
        },
        platform={"cell_places": [2, 1, 1]},
        **ALONE,
    ),
    "lines of sites": scenario_of({"devices": 60, "site": {"devices": 20, "uplink": "2 kB/s"}}, **ALONE),
    "places at sites": scenario_of({"devices": 60, "site": {"devices": 20, "at_a_time": 1}}, **ALONE),
}


@pytest.mark.parametrize("name", LIMITED)
def test_limits__of_one_bottleneck_name_it(name: str) -> None:
    """Where one thing alone limits a campaign, the sentence names it, and easing it saves most."""
    found = limits(LIMITED[name])

    assert found.most is not None
    assert found.most.lever == name, str(found)
    assert str(found).startswith(f"What limits small: {name}. With ")


@pytest.mark.parametrize(
    ("failures", "policy", "text"),
    [
        # A fault that strikes each attempt anew: the wait for the retry is lost.
        (
            {"stage": "query", "code": 1, "probability": "50 %"},
            {"retry_count": 5, "retry_interval": "1440 min"},
            "a retry interval of 2 h instead of 1 d",
        ),
        # One that lasts: five retries within an hour meet it again.
        (
            {"stage": "query", "code": 4, "probability": "50 %", "lasts": {"exponential": {"mean": "1 d"}}},
            {"retry_count": 5, "retry_interval": "10 min"},
            "a retry interval of 2 h instead of 10 min",
        ),
        (
            {"stage": "query", "code": 1, "probability": "50 %"},
            {"retry_count": 1, "retry_interval": "1 min"},
            "5 automatic retries instead of 1",
        ),
    ],
)
def test_limits__of_a_retry_policy_tell_what_of_it(
    failures: dict[str, Any], policy: dict[str, Any], text: str
) -> None:
    """Too long a wait, too short a one and too few retries are told apart."""
    found = limits(
        scenario_of({"devices": 400}, failures=[failures], campaign={"task_policy": policy}, **ALONE)
    )

    assert found.most is not None
    assert (found.most.lever, found.most.text) == ("retry policy", text), str(found)


def free() -> Scenario:
    """Return a scenario that nothing limits but its work."""
    return scenario_of({"devices": 20}, stages=HOURS)


def test_limits__of_a_campaign_that_only_works_are_none() -> None:
    """Every lever is tried, and none is named that saves nothing."""
    found = limits(free())

    assert found.most is None
    assert str(found).startswith("Nothing that can be eased limits small")
    assert {one.lever for one in found.levers} == {"retry policy", "timers", "the end of the run"}


def test_limits__of_waves_that_wait_for_the_wave_before_name_their_beginning() -> None:
    """Three waves of 5 h in a row: 5, 10 and 15 h; at once every device takes 5 h."""
    waves = [
        {"name": "few", "share": "10 %"},
        {"name": "half", "share": "50 %", "begin": {"ended": "100 %"}},
        {"name": "all", "share": "100 %", "begin": {"ended": "100 %"}},
    ]
    five_hours = {"install": {"constant": "5 h"}}
    found = limits(scenario_of({"devices": 60}, stages=five_hours, campaign={"waves": waves}, **ALONE))

    assert found.most is not None
    assert found.most.lever == "beginning of waves", str(found)
    assert found.mean_s - found.most.mean_s == pytest.approx((0.4 * 5 + 0.5 * 10) * 3600)


def test_limits__of_the_largest_values_ease_them_no_further() -> None:
    """Values that cannot be doubled stay below the most that a scenario may say."""
    found = limits(
        scenario_of(
            {
                "devices": 20,
                "link_rate": "900000 GB/s",
                "site": {"devices": 10, "uplink": "1e15 B/s", "at_a_time": 2**31 - 1},
            },
            platform={
                "max_processing": 2_000_000_000,
                "max_downloads": 2_000_000_000,
                "dispatch_rate": "1e15 /s",
                "bandwidth": "1e15 B/s",
            },
            stages=HOURS,
            run={"until": "36500 d", "resolution": "36500 d"},
        )
    )

    assert {"places", "download places", "lines of sites", "places at sites", "the end of the run"} <= {
        one.lever for one in found.levers
    }
    assert found.most is None


def test_limits__are_the_same_on_both_planes() -> None:
    """The order of levers and what they save does not depend on who simulates the devices."""
    one, other = (limits(LIMITED["download places"], plane=plane) for plane in ("compiled", "simpy"))

    assert one.levers == other.levers
    assert str(one) == str(other)


def test_limits__count_those_not_upgraded_at_twice_the_length() -> None:
    """60 devices of which none is upgraded within 100 s: 200 s each."""
    found = limits(LIMITED["the end of the run"])

    assert found.succeeded == 0
    assert found.mean_s == 200.0


def test_limits__show_themselves() -> None:
    """In a line, in a notebook, and as bars, one a lever with what it saves."""
    found = limits(free())

    axes = found.plot()

    assert repr(found) == "<Limits small: 3 levers, seed 0>"
    assert "<img alt='Nothing that can be eased limits small" in found._repr_html_()
    assert [label.get_text() for label in axes.get_yticklabels()] == [one.text for one in found.levers]
    assert [bar.get_width() for bar in axes.patches] == [100 * one.saved_share for one in found.levers]


def test_frame__a_row_a_lever():
    """The campaign as it is stands first, then what each lever saves, of the mean time and in seconds."""
    found = limits(LIMITED["places"])

    frame = found.frame
    assert frame["lever"].tolist() == ["as it is", *(one.lever for one in found.levers)]
    assert frame["saved_share"].tolist()[1:] == [one.saved_share for one in found.levers]
    assert frame["saved_s"].to_numpy() == pytest.approx(frame["saved_share"].to_numpy() * found.mean_s)
