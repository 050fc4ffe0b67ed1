"""Small campaigns for the tests of `sim.traces` and `sim.explain`: one made by hand, and random ones.

Import it as `from explain.explained import campaigns, scenario_of`.
"""

from typing import Any

from hypothesis import note
from hypothesis import strategies as st

from sim.scenario import Scenario, make_scenario

S = 1_000_000
"""Ticks of a second."""

STAGES = {
    "query": {"constant": "10 s"},
    "verify": {"constant": "30 s"},
    "install": {"constant": "40 s"},
    "reboot": {"constant": "50 s"},
}


def scenario_of(cohort: dict[str, Any] | None = None, **sections: Any) -> Scenario:
    """Return a scenario whose query takes 10 s, its coverage query 20 s, and the rest 30, 40 and 50 s.

    Args:
        cohort: Keys of the only cohort, over one MQTT device in the cohort `unit`.
        sections: Sections of the scenario, over a package of 1 MB.
    """
    unit = {"name": "unit", "devices": 1, "protocol": "mqtt", **(cohort or {})}
    values: dict[str, Any] = {
        "name": "small",
        "fleet": {"cohorts": [unit]},
        "stages": STAGES | ({"coverage": {"constant": "20 s"}} if unit["protocol"] == "lwm2m" else {}),
        "campaign": {"package": {"version": "2", "size": "1 MB"}},
        "run": {"until": "3 d", "resolution": "1 min"},
    }
    campaign = {**values["campaign"], **sections.pop("campaign", {})}
    return make_scenario({**values, "campaign": campaign, **sections})


_seconds = st.integers(0, 90).map(lambda seconds: f"{seconds} s")  # 0 s makes attempts of no length
_time = st.one_of(
    _seconds.map(lambda text: {"constant": text}),
    st.integers(5, 300).map(lambda seconds: {"exponential": {"mean": f"{seconds} s"}}),
)
_share = st.sampled_from(["5 %", "15 %", "30 %"])
_minutes = st.integers(0, 85).map(lambda minutes: f"{minutes} min")


@st.composite
def _cohort(draw: st.DrawFn, name: str) -> dict[str, Any]:
    """Draw a cohort."""
    devices = draw(st.integers(4, 20))
    cohort: dict[str, Any] = {"name": name, "devices": devices, "protocol": draw(_protocols)}
    if draw(st.booleans()):
        cohort["link_rate"] = draw(st.sampled_from(["2 kB/s", "20 kB/s", "1 MB/s"]))
    if draw(st.booleans()):
        cohort["online"] = draw(_link())
    if draw(st.booleans()):
        cohort["resume"] = True
    if draw(st.booleans()):
        purpose = st.sampled_from(["contact", "download", "install"])
        purposes = draw(st.lists(purpose, min_size=1, unique=True))
        cohort["window"] = [draw(_window(purpose)) for purpose in purposes]
    if draw(st.booleans()):
        cohort["spread"] = 1.0
        cohort["already_current"] = "10 %"
    if cohort["protocol"] == "lwm2m" and draw(st.booleans()):
        coverage = draw(st.sampled_from([[1, 0, 0], [0.5, 0.3, 0.2], [0, 0, 1]]))
        cohort["cell"] = {"devices": draw(st.integers(1, devices)), "coverage": coverage}
    elif draw(st.booleans()):
        line, turns = {"uplink": "9 kB/s"}, {"at_a_time": draw(st.integers(1, 3))}
        limits = draw(st.sampled_from([line, turns, line | turns]))
        cohort["site"] = {"devices": draw(st.integers(1, devices)), **limits}
    return cohort


@st.composite
def _window(draw: st.DrawFn, purpose: str) -> dict[str, Any]:
    """Draw a window that is open at some time of a run from 05:30 to 07:00 by its clock."""
    times = st.sampled_from([("05:00", "06:00"), ("06:15", "05:45"), ("06:30", "12:00"), ("23:00", "06:45")])
    opens, closes = draw(times)
    return {"opens": opens, "closes": closes, "zone": "Asia/Kolkata", "for": purpose}


@st.composite
def _link(draw: st.DrawFn) -> dict[str, Any]:
    """Draw a link that is not always up."""
    if draw(st.integers(0, 3)) == 0:
        return {"fraction": 0.0, "mean_offline": "40 min"}
    forms: list[dict[str, Any]] = [
        {"fraction": 0.6, "mean_offline": "40 min"},
        {"fraction": 0.6, "offline": {"uniform": {"low": "1 min", "high": "2 h"}}},
        {"online": {"constant": "7 min"}, "offline": {"lognormal": {"median": "9 min", "sigma": 1.2}}},
        {"every": "50 min", "for": "11 min"},
        {"every": "3 min", "for": "1 min", "phase": "40 s"},
    ]
    meanwhile = draw(st.sampled_from(["stays", "pauses", "breaks"]))
    code = {"break_code": 6} if meanwhile == "breaks" and draw(st.booleans()) else {}
    return {**draw(st.sampled_from(forms)), "during_upgrade": meanwhile, **code}


_protocols = st.sampled_from(["mqtt", "lwm2m", "lwm2m"])


@st.composite
def _failure(draw: st.DrawFn) -> dict[str, Any]:
    """Draw a cause of failure."""
    stage = draw(st.sampled_from(["contact", "query", "download", "verify", "install", "reboot"]))
    kinds = ["probability", "permanent", "lasts", *(["rate"] if stage != "contact" else [])]
    kind = draw(st.sampled_from([*kinds, *(["per"] if stage == "download" else [])]))
    cause: dict[str, Any] = {"stage": stage}
    if kind == "lasts":
        lasts = draw(st.sampled_from([{"constant": "25 min"}, {"exponential": {"mean": "30 min"}}]))
        cause |= {"probability": draw(_share), "lasts": lasts}
    elif kind in ("rate", "per"):
        cause[kind] = draw(st.sampled_from({"rate": ["1 /min", "3 /h"], "per": ["400 kB", "30 MB"]}[kind]))
    else:
        cause[kind] = draw(_share)
    if stage in ("install", "reboot"):
        cause["leaves"] = draw(st.sampled_from(["old", "new", "dead"]))
    if stage == "contact" or draw(st.booleans()):
        return {**cause, "silent": True}
    return {**cause, "code": draw(st.sampled_from([1, 2, 6, 10]))}


@st.composite
def _operator(draw: st.DrawFn) -> dict[str, Any]:
    """Draw an operator that retries or stops."""
    operator: dict[str, Any] = {"call": draw(st.sampled_from(["retry", "retry", "stop"]))}
    trigger = draw(st.sampled_from(["at", "every", "when"]))
    if trigger == "at":
        operator["at"] = draw(_minutes)
    elif trigger == "every":
        operator |= {"every": "47 min", "times": 5}
    elif operator["call"] == "retry":
        operator["when"] = "settled"
    else:
        operator["when"] = {"failed_share_above": "30 %", "of_at_least": 4}
    if draw(st.booleans()):
        operator["only"] = {"cohorts": ["a"]}
    return operator


@st.composite
def _outage(draw: st.DrawFn, *, has_bandwidth: bool) -> dict[str, Any]:
    """Draw an outage."""
    outage: dict[str, Any] = {"at": draw(_minutes), "lasts": f"{draw(st.integers(1, 200))} min"}
    if has_bandwidth and draw(st.booleans()):
        return {**outage, "effect": {"bandwidth": draw(st.sampled_from(["0 %", "30 %"]))}}
    failure = {"failure": {"probability": "40 %", "code": 6}}
    outage["effect"] = draw(st.sampled_from(["unreachable", "freeze", failure]))
    hits_some = outage["effect"] != "freeze" and draw(st.booleans())
    return {**outage, "cohorts": ["a"]} if hits_some else outage


@st.composite
def _campaign(draw: st.DrawFn) -> dict[str, Any]:
    """Draw the section `campaign`."""
    campaign: dict[str, Any] = {
        "package": {"version": "2", "size": draw(st.sampled_from(["1 kB", "1 MB", "20 MB"]))},
        "manual_retry_refills": draw(st.booleans()),
        "order": draw(st.sampled_from(["shuffled", "file", "interleaved"])),
        "limits": {"targets_per_task": draw(st.sampled_from([7, 1000])), "tasks_in_progress": 2},
    }
    if draw(st.booleans()):
        interval = draw(st.sampled_from(["1 min", "20 min"]))
        campaign["task_policy"] = {"retry_count": draw(st.integers(1, 4)), "retry_interval": interval}
        what_if: dict[str, Any] = {}
        if draw(st.booleans()):
            what_if |= {"back_off": {"factor": 2}, "jitter": draw(st.sampled_from(["full", "decorrelated"]))}
        if draw(st.booleans()):
            what_if["penalty_box"] = {"failures": 2, "within": "30 min", "rest": "70 min"}
        campaign["what_if"] = what_if
    if draw(st.booleans()):
        gate = {"failed_share_max": "60 %", "of_at_least": 3}
        first = {"name": "first", "share": "40 %", "soak": "9 min", "gate": gate}
        campaign["waves"] = [first, {"name": "rest", "share": "100 %"}]
    return campaign


@st.composite
def campaigns(draw: st.DrawFn) -> Scenario:
    """Draw a scenario of at most 60 devices with everything that can hold a device up."""
    names = "abc"[: draw(st.integers(1, 3))]
    limits: dict[str, Any] = {
        "max_processing": draw(st.sampled_from([None, 3, 15])),
        "max_downloads": draw(st.sampled_from([None, 1, 4])),
        "bandwidth": draw(st.sampled_from([None, "30 kB/s", "1 MB/s"])),
        "dispatch_rate": draw(st.sampled_from([None, "1 /min", "2 /s"])),
        "cell_places": draw(st.sampled_from([[50, 10, 1], [2, 1, 1]])),
    }
    operators = draw(st.lists(_operator(), max_size=2))
    campaign = draw(_campaign())
    if draw(st.booleans()):
        campaign["need_confirm"] = True
        operators.append({"call": "confirm", "at": "13 min"})
        operators.append({"call": "confirm", "every": "35 min", "times": 3})
    if draw(st.booleans()):
        campaign.setdefault("task_policy", {})["schedule_time"] = "17 min"
    scenario = make_scenario(
        {
            "name": "random",
            "fleet": {"cohorts": [draw(_cohort(name)) for name in names]},
            "platform": {name: value for name, value in limits.items() if value is not None},
            "stages": {name: draw(_time) for name in ("query", "verify", "install", "reboot")},
            "failures": draw(st.lists(_failure(), max_size=3)),
            "campaign": campaign,
            "operators": operators,
            "outages": draw(st.lists(_outage(has_bandwidth=limits["bandwidth"] is not None), max_size=2)),
            "run": {
                "until": draw(st.sampled_from(["90 min", "9 h", "4 d"])),
                "resolution": "7 min",
                "seed": draw(st.integers(0, 2**32)),
            },
        }
    )
    note(scenario.source_text)
    return scenario
