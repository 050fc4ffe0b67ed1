"""What touched nobody says so, and nothing else does."""

from typing import Any

import sim
from sim.scenario import make_scenario

HOUR = {"install": {"constant": "1 h"}}


def notes_of(
    *, run: dict[str, Any] | None = None, cohort: dict[str, Any] | None = None, **sections: Any
) -> list[str]:
    """Return what is said about idle parts of a scenario of twenty devices that install for an hour."""
    campaign = {"package": {"version": "2", "size": "1 MB"}, **sections.pop("campaign", {})}
    fleet = {"cohorts": [{"name": "a", "devices": 10, **(cohort or {})}, {"name": "b", "devices": 10}]}
    values = {
        "fleet": fleet,
        "stages": HOUR,
        "campaign": campaign,
        "run": run or {"until": "2 d"},
        **sections,
    }
    return list(sim.run(make_scenario(values)).notes)


def test_idle__outages() -> None:
    """An outage before, in and after the campaign, and one of a cohort that is done."""
    unreachable = {"lasts": "30 min", "effect": "unreachable"}
    waves = [{"name": "x", "cohorts": ["a"]}, {"name": "y", "cohorts": ["b"], "begin": {"at": "3 h"}}]
    said = notes_of(
        campaign={"waves": waves},
        outages=[
            {"at": "30 min", **unreachable, "cohorts": ["b"]},
            {"at": "30 min", **unreachable},
            {"at": "3 h", **unreachable, "cohorts": ["a"]},
            {"at": "5 h", "lasts": "1 h", "effect": {"failure": {"probability": 1, "code": 2}}},
            {"at": "3 h", "lasts": "1 min", "effect": "freeze"},
        ],
    )
    assert said == [
        "outages[0] (from 30 min to 1 h) touched nobody: no device of b was being upgraded then",
        "outages[2] (from 3 h to 3 h 30 min) touched nobody: no device of a was being upgraded then",
        "outages[3] (from 5 h to 6 h) touched nobody: no device was being upgraded then",
    ]


def test_idle__outages_and_windows_that_nobody_waits_for() -> None:
    """An hour of install goes on through an outage and beyond a window; who begins later waits for both."""
    away = {"at": "10 min", "lasts": "40 min", "effect": "unreachable"}
    window = {"window": {"opens": "00:00", "closes": "00:30"}}
    assert notes_of(outages=[away], cohort=window) == [
        "the window of a touched nobody: no device waited for an opening",
        "outages[0] (from 10 min to 50 min) touched nobody: no device waited for its end",
    ]
    late = notes_of(outages=[away], cohort=window, platform={"max_processing": 5})
    assert [note for note in late if "touched nobody" in note] == [
        "outages[0] (from 10 min to 50 min) touched nobody: no device waited for its end"
    ]
    assert notes_of(outages=[{**away, "at": "0 s"}], cohort=window) == []


def test_idle__operators() -> None:
    """One that never called, one that found nobody, and one that did."""
    said = notes_of(
        failures=[{"stage": "verify", "code": 10, "permanent": 1}],
        cohort={"already_current": 1},
        operators=[
            {"call": "stop", "when": {"stalled_for": "20 h"}},
            {"call": "retry", "at": "3 h", "only": {"cohorts": ["a"]}, "batch": 10},
            {"call": "retry", "at": "3 h"},
        ],
    )
    assert said == ["operators[0] (stop) never called", "operators[1] (retry) never called"]
    said = notes_of(operators=[{"call": "stop", "at": "3 h"}])
    assert said == ["operators[0] (stop) touched nobody: its call found no target"]


def test_idle__waves() -> None:
    """A wave without members, and those that the end of the run came before; not what a gate held back."""
    waves: list[dict[str, Any]] = [
        {"name": "w", "share": "50 %"},
        {"name": "x", "cohorts": ["a"]},
        {"name": "y", "share": "55 %"},
        {"name": "z", "share": "100 %", "begin": {"at": "30 h"}},
    ]
    said = notes_of(campaign={"waves": waves}, run={"until": "31 h"})
    assert said == ["wave y touched nobody: the waves before it have all of its devices"]
    waves[3]["begin"] = {"ended": "100 %"}
    said = notes_of(campaign={"waves": waves}, run={"until": "90 min"})
    assert said == ["waves y, z touched nobody: the run ended before"]
    waves[0]["gate"] = {"failed_count_max": 0}
    fails = [{"stage": "verify", "code": 10, "permanent": 1}]
    said = notes_of(campaign={"waves": waves}, failures=fails)
    assert not any("touched nobody" in sentence for sentence in said)


def test_idle__conditions() -> None:
    """A condition is idle if none of its devices ever failed; where it might have struck, nothing is said."""
    lasting = {"stage": "verify", "code": 4, "probability": "0.000001 %", "lasts": {"constant": "1 h"}}
    said = notes_of(failures=[lasting])
    assert said == ["failures[0] (code 4 at verify) touched nobody: no attempt failed"]
    often = {**lasting, "probability": "90 %"}
    said = notes_of(failures=[lasting], cohort={"failures": [often]})
    assert said == []
    said = notes_of(failures=[{**lasting, "silent": True, "code": None}], run={"until": "30 min"})
    assert said == []


def test_idle__in_every_replication() -> None:
    """What touched somebody in one of several runs is no idle part of the scenario."""
    rare = {"stage": "verify", "code": 4, "probability": "1 %", "lasts": {"constant": "1 h"}}
    assert notes_of(failures=[rare], run={"until": "2 d", "replications": 1}) != []
    assert notes_of(failures=[rare], run={"until": "2 d", "replications": 30}) == []
