"""From what was seen of simulated campaigns back to their numbers, and the pieces on the way."""

from __future__ import annotations

import numpy as np
import pytest

from sim.calibration.fit import BOUND, Fit, fit
from sim.calibration.grades import IDENTIFIED, NOT_IDENTIFIABLE, grades_of
from sim.calibration.mode import find_mode
from sim.calibration.priors import from_scale, to_scale
from sim.calibration.resampling import pareto_k, resample
from sim.campaign import run_campaign
from sim.errors import ScenarioError
from sim.scenario import Scenario, load_scenario, parse_scenario
from support.polled import polled

FLEET = """
name: fleet
fleet:
  cohorts:
    - {{name: a, devices: {n}, link_rate: 170 kbit/s, online: {{fraction: {up} %, mean_offline: {off} h}}}}
stages: {{install: {{lognormal: {{median: 60 s, sigma: 0.4}}}}}}
failures:
  - {{stage: query, code: 1, probability: {p1} %}}
  - {{stage: download, code: 2, probability: {p2} %}}
  - {{stage: download, code: 5, permanent: {m} %}}
  - {{stage: install, code: 10, probability: 1 %}}
campaign:
  task_type: firmwareUpgrade
  package: {{version: "2", size: 12 MiB}}
  task_policy: {{retry_count: {retries}, retry_interval: 5 min}}
run: {{until: 2 d, seed: 1}}
"""
STAGES = "stages"


def fleet(n: int = 2000, **values: float) -> Scenario:
    """Return a fleet whose numbers are to be found."""
    return parse_scenario(
        FLEET.format(n=n, **{"up": 80, "off": 4, "p1": 2, "p2": 8, "m": 3, "retries": 2, **values})
    )


def fitted(truth: Scenario, template: Scenario, **others: object) -> Fit:
    """Return the fit of a template to what was seen of a fleet, times of stages aside."""
    attempts = polled(run_campaign(truth, log_attempts=True), 300.0)
    return fit(template, attempts, fixed=[STAGES], **others)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def found() -> Fit:
    """A fit of a template whose numbers are wrong."""
    return fitted(fleet(), fleet(up=60, off=9, p1=1, p2=3, m=1))


def test_the_truth_is_found(found: Fit) -> None:
    """Each number lies within one and a half times half its 95 % interval around the estimate."""
    truth = {
        "fleet.cohorts[0].online.fraction": 0.8,
        "fleet.cohorts[0].online.mean_offline": 4 * 3600.0,
        "failures[0].probability": 0.02,
        "failures[1].probability": 0.08,
        "failures[2].permanent": 0.03,
        "failures[3].probability": 0.01,
    }
    table = found.table.set_index("path")
    assert set(table.index) == set(truth)
    for path, value in truth.items():
        row = table.loc[path]
        half = (row.high - row.low) / 2
        assert abs(row.estimate - value) < 1.5 * half
        assert half < 0.5 * value
    assert set(found.grades) == {IDENTIFIED}
    assert found.draws.shape == (400, 6)
    assert found.effective > 100
    assert "6 of 6 numbers identified" in repr(found)


def test_the_same_data_give_the_same_fit(found: Fit) -> None:
    """Draws are keyed."""
    again = fitted(fleet(), fleet(up=60, off=9, p1=1, p2=3, m=1))
    assert np.array_equal(again.draws, found.draws)
    assert again.data_digest == found.data_digest


def test_a_cause_of_which_nothing_was_seen_has_a_bound() -> None:
    """Three in n at 95 %; it is not fitted, and what is kept of it lies below the bound."""
    text = FLEET.replace(
        "  - {{stage: install", "  - {{stage: verify, code: 8, permanent: 2 %}}\n  - {{stage: install"
    )
    template = parse_scenario(text.format(n=1000, up=80, off=4, p1=2, p2=8, m=3, retries=2))
    table = fitted(fleet(1000), template).table.set_index("path")
    row = table.loc["failures[3].permanent"]
    assert row.grade == BOUND
    assert row.high == pytest.approx(3 / 1000)
    assert row.estimate <= row.high / 3


def test_without_retries_permanent_and_passing_failures_cannot_be_told_apart() -> None:
    """One attempt a device tells the sum only, and says which."""
    text = FLEET.replace(
        "code: 2, probability: {p2} %", "code: 2, probability: {p2} %, permanent: 4 %"
    ).replace(
        "{{retry_count: {retries}, retry_interval: 5 min}}", "{{retry_count: 0, retry_interval: 5 min}}"
    )
    one = parse_scenario(text.format(n=2000, up=80, off=4, p1=2, p2=8, m=3, retries=0))
    found = fitted(one, one)
    grade = dict(zip((unknown.path for unknown in found.unknowns), found.grades, strict=True))
    assert grade["failures[1].probability"] == grade["failures[1].permanent"] == NOT_IDENTIFIABLE
    assert any("failures[1].p" in note and "combination" in note for note in found.notes)


def test_what_it_refuses() -> None:
    """A template that the likelihood does not cover, with the places; a path that is none."""
    attempts = polled(run_campaign(fleet(100), log_attempts=True), 300.0)
    with pytest.raises(ScenarioError, match=r"(?s)yaml:\d+:\d+: fleet.cohorts\[0\]\.online: .*window: "):
        fit(load_scenario("scenarios/meters-and-gateways.yaml"), attempts)
    with pytest.raises(ScenarioError, match="fraktion"):
        fit(fleet(100), attempts, fixed=["fleet.cohorts[0].online.fraktion"])


@pytest.mark.parametrize(("transform", "value"), [("logit", 0.3), ("logit", 1e-6), ("log", 4e4)])
def test_scales_go_both_ways(transform: str, value: float) -> None:
    """A value on the scale of the search and back."""
    assert from_scale(transform, to_scale(transform, value)) == pytest.approx(value)


def test_the_mode_of_a_normal_posterior() -> None:
    """Normal likelihood and prior: the mean weighted by precision, and the likelihood's curvature."""
    precision = np.array([[4.0, 1.0], [1.0, 2.0]])
    middle = np.array([1.0, -2.0])

    def log_likelihood(x: np.ndarray) -> float:
        return float(-0.5 * (x - middle) @ precision @ (x - middle)) * 100

    means, sds = np.zeros(2), np.array([0.5, 0.5])
    mode = find_mode(log_likelihood, np.zeros(2), means, sds)
    wanted = np.linalg.solve(100 * precision + np.diag(1 / sds**2), 100 * precision @ middle)
    assert mode.has_converged
    assert mode.at == pytest.approx(wanted, abs=1e-3)
    assert mode.curvature == pytest.approx(100 * precision, rel=1e-3)


def test_draws_of_a_skewed_posterior() -> None:
    """Draws of a gamma on the log scale have its quantiles, though the proposal is symmetric."""
    shape = 3.0

    def log_posterior(x: np.ndarray) -> float:
        return float(shape * x[0] - np.exp(x[0]))

    draws = resample(log_posterior, np.array([np.log(shape)]), np.array([[1 / shape]]), 1)
    quantiles = np.exp(np.quantile(draws.at[:, 0], [0.1, 0.5, 0.9]))
    assert quantiles == pytest.approx([1.102, 2.674, 5.322], rel=0.12)
    assert draws.effective > 200
    assert draws.pareto_k < 0.7


def test_the_tail_of_weights_shows_a_bad_proposal() -> None:
    """Equal weights have no tail; Pareto's with shape 1 has one of about 1."""
    rng = np.random.default_rng(1)
    assert pareto_k(np.full(400, 1 / 400)) == 0.0
    assert 0.6 < pareto_k(1 / rng.uniform(size=4000)) < 1.6


def test_a_direction_without_information_is_named() -> None:
    """Two numbers of which only the sum is known are not identifiable, and go together; a third is known."""
    curvature = np.array([[50.0, 50.0, 0.0], [50.0, 50.0, 0.0], [0.0, 0.0, 80.0]])
    grades, groups = grades_of(curvature, np.ones(3))
    assert grades == [NOT_IDENTIFIABLE, NOT_IDENTIFIABLE, IDENTIFIED]
    assert groups == [(0, 1)]
