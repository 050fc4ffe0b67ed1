"""Warnings about freezes: each where too little time is left, and none where it just suffices."""

import pytest

from sim.scenario import parse_scenario

FLEET = """\
fleet: {cohorts: [{name: shop, devices: 480}]}
campaign: {package: {version: "2", size: 1 MB}}
platform: {dispatch_rate: 10 /h}
outages: [FREEZES]
run: {until: 4 d}
"""


@pytest.mark.parametrize(
    ("freezes", "said"),
    [
        ("{at: 1 h, lasts: 2 d, effect: freeze}", ""),
        ("{at: 3 d, lasts: 9 d, effect: freeze}", ""),
        ("{at: 1 d, lasts: 2 d, effect: freeze}, {at: 2 d, lasts: 1 d, effect: freeze}", ""),
        (
            "{at: 1 h, lasts: 49 h, effect: freeze}",
            (
                "platform.dispatch_rate: 480 devices take at least 2 d to dispatch, freezes stop it for "
                "2 d 1 h, and the run ends at 4 d (run.until)"
            ),
        ),
        (
            "{at: 2 d, lasts: 9 d, effect: freeze}, {at: 0 s, lasts: 2 d, effect: freeze}",
            (
                "outages[0].effect: stops every dispatch until the run ends at 4 d (run.until): no device is "
                "upgraded"
            ),
        ),
    ],
)
def test_freeze_advice__compares_the_time_left_with_what_dispatches_need(freezes: str, said: str) -> None:
    """480 devices at 10 an hour need two of the four days; of overlapping freezes an hour counts once."""
    warnings = [str(warning) for warning in parse_scenario(FLEET.replace("FREEZES", freezes)).warnings()]

    assert len(warnings) == bool(said)
    assert all(said in warning for warning in warnings)
