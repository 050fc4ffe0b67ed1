"""Any scenario that can be made can be written, read back, and changed, and still means the same."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.errors import ScenarioError
from sim.scenario import load_scenario, make_scenario, parse_scenario
from sim.units import parse_duration, parse_rate

CITY = load_scenario(Path(__file__).parent / "data" / "city-meters.yaml")

NAMES = st.from_regex(r"[A-Za-z0-9_-]{1,12}", fullmatch=True)
SHARES = st.one_of(
    st.floats(0, 1, allow_subnormal=False),
    st.integers(0, 100).map(lambda n: f"{n} %"),
    st.sampled_from([0, 1]),
)
DURATIONS = st.builds(
    lambda count, unit: f"{count} {unit}", st.integers(1, 59), st.sampled_from(["ms", "s", "min", "h"])
)
RATES = st.builds(lambda n, unit: f"{n} {unit}", st.integers(1, 999), st.sampled_from(["kbit/s", "MiB/s"]))
CODES = st.sampled_from([*range(1, 11), 255])


def times(durations: st.SearchStrategy[str]) -> st.SearchStrategy[dict[str, Any]]:
    """Return distributions made of these durations."""
    return st.one_of(
        st.builds(lambda d: {"constant": d}, durations),
        st.builds(lambda d: {"exponential": {"mean": d}}, durations),
        st.builds(lambda d, s: {"lognormal": {"median": d, "sigma": s}}, durations, st.floats(0, 3)),
        st.builds(lambda d: {"uniform": {"low": "0 s", "high": d}}, durations),
        st.builds(lambda k, d: {"weibull": {"shape": k, "scale": d}}, st.floats(0.5, 5), durations),
        st.builds(lambda d: {"quantiles": [["0 %", "0 s"], [1, d]]}, durations),
    )


TIMES = times(DURATIONS)
LONG = st.builds(lambda count, unit: f"{count} {unit}", st.integers(1, 59), st.sampled_from(["min", "h"]))
PERIODS = times(LONG)
"""Times that are long enough to be periods of a condition or a link."""

STRENGTHS = st.one_of(
    st.fixed_dictionaries({"permanent": SHARES}, optional={"probability": st.floats(0, 0.1)}),
    st.fixed_dictionaries({"probability": st.floats(0, 0.99), "lasts": PERIODS}),
    st.builds(lambda n, unit: {"rate": f"{n} /{unit}"}, st.integers(1, 59), st.sampled_from(["h", "min"])),
)
CAUSES = st.one_of(
    st.builds(
        lambda stage, strength: {"stage": stage, **strength},
        st.sampled_from(["query", "download", "verify", "install", "reboot"]),
        STRENGTHS,
    ),
    st.builds(lambda n: {"stage": "download", "per": f"{n} MB"}, st.integers(1, 999)),
    st.builds(
        lambda stage, strength, leaves: {"stage": stage, "leaves": leaves, **strength},
        st.sampled_from(["install", "reboot"]),
        STRENGTHS,
        st.sampled_from(["old", "new", "dead"]),
    ),
).flatmap(
    lambda cause: st.one_of(
        CODES.map(lambda code: {**cause, "code": code}), st.just({**cause, "silent": True})
    )
)


def optional(**values: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Return mappings with any of these keys."""
    return st.fixed_dictionaries({}, optional=values)


LINKS = st.one_of(
    st.builds(lambda f, d: {"fraction": f, "mean_offline": d}, SHARES, LONG),
    st.builds(
        lambda f, off, way: {"fraction": f, "offline": off, **way},
        st.floats(0.01, 0.99),
        PERIODS,
        st.sampled_from([{}, {"during_upgrade": "pauses"}, {"during_upgrade": "breaks", "break_code": 6}]),
    ),
    st.builds(lambda on, off: {"online": on, "offline": off}, PERIODS, PERIODS),
    st.builds(
        lambda n, phase: {"every": "1 h", "for": f"{n} min", **phase},
        st.integers(1, 59),
        st.one_of(st.just({}), LONG.map(lambda at: {"phase": at})),
    ),
)

COHORTS = st.fixed_dictionaries(
    {"name": NAMES, "devices": st.integers(1, 10**6)},
    optional={
        "protocol": st.sampled_from(["mqtt", "lwm2m"]),
        "link_rate": RATES,
        "online": LINKS,
        "already_current": SHARES.filter(lambda share: share not in (1, "100 %")),
        "spread": st.floats(0, 3),
        "stages": optional(query=TIMES, install=TIMES),
        "failures": st.lists(CAUSES, max_size=3),
        "resume": st.booleans(),
    },
)
SCENARIOS = st.fixed_dictionaries(
    {
        "fleet": st.lists(COHORTS, min_size=1, max_size=4, unique_by=lambda cohort: cohort["name"]).map(
            lambda cohorts: {"cohorts": cohorts}
        ),
        "campaign": st.fixed_dictionaries(
            {"package": st.just({"version": "2.10", "size": "12 MiB"})},
            optional={
                "task_policy": st.builds(
                    lambda n, i: {"retry_count": n, "retry_interval": f"{i} min"},
                    st.integers(0, 5),
                    st.integers(1, 1440),
                ),
                "order": st.sampled_from(["shuffled", "file", "interleaved"]),
                "need_confirm": st.booleans(),
                "manual_retry_refills": st.booleans(),
            },
        ),
    },
    optional={
        "description": st.text(max_size=40).filter(str.isprintable),
        "platform": optional(max_processing=st.integers(1, 10**6), bandwidth=RATES),
        "stages": optional(query=TIMES, verify=TIMES, install=TIMES, reboot=TIMES),
        "failures": st.lists(CAUSES, max_size=3),
        "resume": st.booleans(),
        "operators": st.lists(
            st.builds(
                lambda at, codes: {"call": "retry", "at": at, "only": {"codes": codes}},
                DURATIONS,
                st.lists(CODES, min_size=1),
            ),
            max_size=3,
        ),
        "run": optional(seed=st.integers(0, 2**64 - 1), replications=st.integers(1, 100)),
    },
)


@given(values=SCENARIOS)
def test_scenario__round_trip(values: dict[str, Any]) -> None:
    """Written as YAML and read again, a scenario has the same digest and the same values."""
    scenario = make_scenario(values)
    again = parse_scenario(scenario.source_text)
    assert again.digest == scenario.digest
    assert again.model_dump() == scenario.model_dump()
    assert again.source.data == scenario.source.data


@given(values=SCENARIOS, rate=RATES, duration=DURATIONS)
def test_with_values__any_scenario(values: dict[str, Any], rate: str, duration: str) -> None:
    """Fields can be set whether or not their sections are in the file, and nothing else moves."""
    scenario = make_scenario(values)
    name = scenario.cohort_names[-1]
    other = scenario.with_values(
        {
            "platform.bandwidth": rate,
            f"fleet.cohorts.{name}.stages.install": {"constant": duration},
            "platform.timers.mqtt.upgrade": duration,
        }
    )
    assert other.platform.bandwidth == parse_rate(rate)
    assert other.fleet.cohorts[-1].stages.install.constant == parse_duration(duration)
    assert other.platform.timers.mqtt.upgrade == parse_duration(duration)
    assert other.fleet.cohorts[:-1] == scenario.fleet.cohorts[:-1]
    assert (other.campaign, other.run) == (scenario.campaign, scenario.run)


JUNK = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(),
        st.text(max_size=5),
        st.sampled_from(["1 s", "3 %"]),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=5,
)
PLACES = st.sampled_from(
    [
        "fleet",
        "fleet.cohorts",
        "fleet.cohorts[0]",
        "fleet.cohorts[0].name",
        "fleet.cohorts[0].cell",
        "fleet.cohorts[0].stages",
        "fleet.inventory",
        "platform",
        "platform.timers",
        "stages.install",
        "failures",
        "campaign",
        "campaign.task_policy",
        "campaign.waves",
        "campaign.what_if",
        "operators",
        "operators[0].when",
        "operators[0].only",
        "outages",
        "outages[0].effect",
        "outages[0].cohorts",
        "run",
        "run.start",
        "expect",
        "expect.success_share",
    ]
)


@given(values=st.dictionaries(PLACES, JUNK, min_size=1, max_size=4))
def test_with_values__any_junk(values: dict[str, Any]) -> None:
    """Whatever stands in whatever places, the answer is a scenario or a ScenarioError with messages."""
    try:
        CITY.with_values(values)
    except ScenarioError as error:
        messages = str(error)
    else:
        return
    assert "is not allowed: " not in messages, "pydantic's own words came through"


def test_junk__is_reported_in_our_words() -> None:
    """The check above can fail: a message with pydantic's own words would hold that text."""
    with pytest.raises(ScenarioError, match="5 is not allowed; "):
        CITY.with_values({"run": 5})
