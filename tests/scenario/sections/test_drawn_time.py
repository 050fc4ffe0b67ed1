"""Means and tails of drawn times against distributions of another library and against what is plain."""

import math
from itertools import pairwise
from typing import Any

import pytest
from scipy import integrate, stats

from sim.scenario import DrawnTime
from sim.scenario.section import AbsentError
from sim.scenario.sections.drawn_time import mean_faults

CASES: list[tuple[dict[str, Any], Any]] = [
    ({"exponential": {"mean": "8 h"}}, stats.expon(scale=28_800)),
    ({"lognormal": {"median": "1 h", "sigma": 0.5}}, stats.lognorm(0.5, scale=3600)),
    ({"lognormal": {"median": "1 h", "sigma": 1.5}}, stats.lognorm(1.5, scale=3600)),
    ({"uniform": {"low": "10 min", "high": "3 h"}}, stats.uniform(600, 10_200)),
    ({"weibull": {"shape": 0.5, "scale": "1 h"}}, stats.weibull_min(0.5, scale=3600)),
    ({"weibull": {"shape": 1, "scale": "1 h"}}, stats.weibull_min(1, scale=3600)),
    ({"weibull": {"shape": 100, "scale": "1 h"}}, stats.weibull_min(100, scale=3600)),
]
AT_S = [0.0, 1.0, 900.0, 3600.0, 7000.0, 40_000.0]
EDGES_S = [10.0, 100.0, 1000.0, 3400.0, 3600.0, 3800.0, 1e4, 1e5, 1e6, 1e7, 1e8]
"""Between them no distribution has a step."""


@pytest.mark.parametrize(("written", "law"), CASES, ids=[str(written) for written, _ in CASES])
def test_drawn_time__mean_and_excess(written: dict[str, Any], law: Any) -> None:
    """The mean excess over a time is the integral of the probability that the time is longer."""
    drawn = DrawnTime.model_validate(written)
    assert drawn.mean_s == pytest.approx(law.mean(), rel=1e-9)
    for t_s in AT_S:
        last = max(t_s, law.isf(1e-16))
        edges = [t_s, *(edge for edge in EDGES_S if t_s < edge < last), last]
        beyond = math.fsum(integrate.quad(law.sf, low, high)[0] for low, high in pairwise(edges))
        assert drawn.excess_s(t_s) == pytest.approx(beyond, rel=1e-6, abs=1e-9)
        assert drawn.overshoot(t_s) == pytest.approx(beyond / law.mean(), rel=1e-6, abs=1e-9)


def test_drawn_time__constant() -> None:
    """Of a constant period, the part that is left is uniform."""
    drawn = DrawnTime.model_validate({"constant": "4 h"})
    assert drawn.mean_s == 14_400
    assert [drawn.overshoot(t_s) for t_s in (0, 3600, 14_400, 20_000)] == [1, 0.75, 0, 0]


def test_drawn_time__quantiles() -> None:
    """A measured distribution is a mixture of uniform ones, one between each two points."""
    drawn = DrawnTime.model_validate({"quantiles": [["0 %", "0 s"], ["50 %", "10 s"], ["100 %", "110 s"]]})
    assert drawn.mean_s == pytest.approx(0.5 * 5 + 0.5 * 60)
    assert drawn.excess_s(5) == pytest.approx(0.5 * 1.25 + 0.5 * 55)
    assert drawn.excess_s(60) == pytest.approx(0.5 * 50**2 / 200)
    assert drawn.overshoot(110) == 0


def test_drawn_time__without_width() -> None:
    """Distributions of a single value have its tail."""
    for written in (
        {"lognormal": {"median": "10 s", "sigma": 0}},
        {"uniform": {"low": "10 s", "high": "10 s"}},
    ):
        drawn = DrawnTime.model_validate(written)
        assert [drawn.excess_s(t_s) for t_s in (0, 4, 10, 11)] == [10, 6, 0, 0]


def test_drawn_time__tail_of_a_weibull_that_underflows() -> None:
    """A steep Weibull distribution is over long before its power overflows."""
    drawn = DrawnTime.model_validate({"weibull": {"shape": 100, "scale": "1 s"}})
    assert drawn.excess_s(1e9) == 0


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ({"constant": "0 s"}, "has a mean of 0 s; it must be more than 0"),
        ({"uniform": {"low": "0 s", "high": "0 s"}}, "has a mean of 0 s; it must be more than 0"),
        ({"weibull": {"shape": 0.001, "scale": "1 s"}}, "has a mean of more than 36500 d"),
        ({"lognormal": {"median": "36500 d", "sigma": 1}}, "has a mean of more than 36500 d"),
    ],
)
def test_mean_faults__refused(written: dict[str, Any], message: str) -> None:
    """Periods of no length and those that are endless on average are refused where they stand."""
    (fault,) = mean_faults(DrawnTime.model_validate(written), ("lasts",))
    assert (fault.path, fault.message) == (("lasts",), message)


def test_mean_faults__good() -> None:
    """A distribution with a mean between them is fine."""
    assert list(mean_faults(DrawnTime.model_validate({"constant": "36500 d"}), ())) == []


def test_drawn_time__nothing_is_said_of_two_at_once() -> None:
    """Where a file gives two distributions, which is a fault of its own, there is no mean to judge."""
    both = DrawnTime.model_validate({"constant": "1 s", "exponential": {"mean": "2 s"}})
    with pytest.raises(AbsentError):
        both.excess_s(0)
