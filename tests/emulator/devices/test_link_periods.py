"""The periods of links against the readable plane's timelines, and their ages against renewal theory."""

import math

import numpy as np
import pytest
from scipy import stats

from sim.campaign import build_spec
from sim.emulator.devices.link_periods import ALWAYS, LinkPeriods
from sim.fleet.reference.draws import Draws
from sim.fleet.reference.weather.timelines import make_timeline, processes_of
from sim.fleet.spec import TICKS_PER_S
from support.emulator import scenario_of

HOUR = 3600 * TICKS_PER_S
LINKS = {
    "exponential": {"fraction": "80 %", "mean_offline": "4 h"},
    "rarely": {"fraction": 0, "mean_offline": "4 h"},
    "lognormal": {"fraction": "60 %", "offline": {"lognormal": {"median": "2 h", "sigma": 1.2}}},
    "weibull": {
        "online": {"weibull": {"shape": 0.7, "scale": "3 h"}},
        "offline": {"uniform": {"low": "1 h", "high": "9 h"}},
    },
    "constant": {"online": {"constant": "1 h"}, "offline": {"constant": "30 min"}},
    "clock": {"every": "2 h", "for": "10 min"},
}


def spec_of(n=130, **links):
    """Return a fleet with a cohort a link."""
    cohorts = [{"name": name, "devices": n, "online": link} for name, link in links.items()]
    return build_spec(scenario_of(fleet={"cohorts": [*cohorts, {"name": "always", "devices": 1}]}))


@pytest.mark.parametrize("name", LINKS)
def test_at__is_the_period_of_the_readable_plane(name):
    """State and end of the period at any tick, asked in any order, are those that tasks will meet."""
    spec = spec_of(**{name: LINKS[name]})
    links, draws, (process, *_) = LinkPeriods(spec), Draws(spec), processes_of(spec)
    ticks = np.random.default_rng(1).integers(0, 400 * HOUR, 40).tolist()
    for device in range(0, 130, 13):
        timeline = make_timeline(process, draws.of_timeline(device, 0))
        for tick in [0, *ticks, *sorted(ticks)]:
            period = links.at(device, tick)

            assert (period.is_on, period.end) == (timeline.is_on(tick), timeline.end_of(tick))
            assert period.begin <= tick < period.end


@pytest.mark.parametrize("name", [name for name in LINKS if name != "rarely"])
def test_at__a_period_begins_where_the_one_before_ends(name):
    """Going back from period to period, each begins where another one of the other state ended."""
    links = LinkPeriods(spec_of(**{name: LINKS[name]}))
    for device in range(0, 130, 13):
        period, n_back = links.at(device, 300 * HOUR), 0
        while period.begin > 0:
            before = links.at(device, period.begin - 1)
            assert (before.end, before.is_on) == (period.begin, not period.is_on)
            period, n_back = before, n_back + 1

        assert n_back > 5


def test_at__who_has_no_link_is_always_in_reach():
    """A cohort without `online` has one period, that of all times."""
    spec = spec_of(**LINKS)

    assert LinkPeriods(spec).at(len(spec.cohort) - 1, 10**15) == ALWAYS


@pytest.mark.parametrize("name", [name for name in LINKS if name not in ("rarely", "clock")])
def test_at__ages_at_the_beginning_are_those_of_a_stationary_link(name):
    """At 0 ages have the law of what is left of the periods, and if exponential say nothing of it."""
    spec = spec_of(4000, **{name: LINKS[name]})
    links = LinkPeriods(spec)
    first = [links.at(device, 0) for device in range(4000)]
    for state in (True, False):
        ages = [-period.begin for period in first if period.is_on is state]
        rests = [period.end for period in first if period.is_on is state]

        assert min(ages) > 0
        assert stats.ks_2samp(ages, rests).pvalue > 1e-3
        if name == "exponential":
            assert abs(stats.spearmanr(ages, rests).statistic) < 4 / math.sqrt(len(ages))
            mean = 4 * HOUR * (4 if state else 1)
            assert abs(np.mean(ages) / mean - 1) < 4 / math.sqrt(len(ages))


def test_at__age_and_rest_of_a_constant_period_are_the_whole():
    """A period of known length has lasted as long as is missing to what is left."""
    links = LinkPeriods(spec_of(constant=LINKS["constant"]))
    for device in range(130):
        period = links.at(device, 0)

        assert abs(period.end - period.begin - (HOUR if period.is_on else HOUR // 2)) <= 1
