"""The likelihood against devices that the compiled plane plays, against closed forms, and against itself."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy.stats import chi2

from sim.calibration.cohort_model import CohortModel, cohort_models
from sim.calibration.likelihood import outcomes, time_part
from sim.calibration.likelihood.endings import CURRENT, FIRST_CAUSE, SUCCESS, endings_of
from sim.calibration.likelihood.histories import CohortHistories, group
from sim.calibration.likelihood.likelihood import CohortLikelihood, Likelihood
from sim.calibration.likelihood.outcomes import OutcomePart, Outcomes
from sim.calibration.uncovered import uncovered
from sim.campaign import run_campaign
from sim.errors import Problem, ScenarioError
from sim.scenario import Scenario, load_scenario, parse_scenario
from support.polled import polled

FLEET = """
name: fleet
fleet:
  cohorts:
    - {{name: a, devices: {n}, link_rate: 170 kbit/s, protocol: {protocol}, spread: {spread}, {link}
       already_current: {current}}}
stages:
  query: {{lognormal: {{median: 2 s, sigma: 0.5}}}}
  verify: {{exponential: {{mean: 10 s}}}}
  install: {{lognormal: {{median: {install} s, sigma: 0.4}}}}
  reboot: {{uniform: {{low: 20 s, high: 60 s}}}}
failures:
  - {{stage: contact, silent: true, permanent: 1 %}}
  - {{stage: query, code: 1, probability: {p} %}}
  - {{stage: download, code: 2, probability: 8 %}}
  - {{stage: download, code: 5, permanent: 2 %}}
  - {{stage: verify, silent: true, probability: 3 %}}
  - {{stage: install, code: 10, probability: 3 %, permanent: 2 %{leaves}}}{more}
campaign:
  task_type: firmwareUpgrade
  package: {{version: "2", size: 12 MiB}}
  task_policy: {{retry_count: {retries}, retry_interval: 5 min}}
  limits: {{targets_per_task: 2000000}}
run: {{until: {until}, seed: 1}}
"""

CASES = {
    "links that last": {},
    "cut after six hours": {"until": "6 h"},
    "cut before any timer, slow stages": {"until": "3 h", "install": 900},
    "always in reach": {"link": ""},
    "timers just after a look, coarse grid": {"install": 900, "until": "2 d"},
    "no spread": {"spread": 0},
    "half of them offline for long": {"link": "online: {fraction: 40 %, mean_offline: 20 h},"},
    "lost reports": {"leaves": ", leaves: new", "current": "5 %"},
    "bricked": {"leaves": ", leaves: dead"},
    "a condition": {
        "more": "\n  - {stage: download, code: 4, probability: 10 %, lasts: {exponential: {mean: 3 h}}}"
    },
    "three retries": {"retries": 3, "p": 20},
    "radio": {"protocol": "lwm2m", "install": 600},
}


def fleet(n: int = 60_000, **values: object) -> Scenario:
    """Return a fleet of one cohort."""
    link = "online: {fraction: 80 %, mean_offline: 4 h},"
    defaults = {"protocol": "mqtt", "spread": 1.2, "link": link, "current": "0 %", "install": 60, "p": 2}
    others = {"leaves": "", "more": "", "retries": 2, "until": "3 d"}
    return parse_scenario(FLEET.format(n=n, **{**defaults, **others, **values}))


def p_value(scenario: Scenario, *, step_s: float = 300.0, seed: int = 1) -> float:
    """Return how well the shares of all histories that were seen agree with their probabilities.

    A cell is a whole history: of each attempt its cause and the interval of its end. Rare ones are pooled.
    """
    attempts = polled(run_campaign(scenario, seed=seed, log_attempts=True), step_s)
    (model,) = cohort_models(scenario)
    (seen,) = group(attempts, [model]).cohorts
    assert seen is not None
    return p_of(seen, model)


def p_of(seen: CohortHistories, model: CohortModel) -> float:
    """Return the same of histories that are grouped."""
    probability = CohortLikelihood(seen).history_probabilities(model)
    n = seen.counts.sum()
    often = probability * n >= 15
    # What is planted below may leave the rare ones less than nothing.
    expected = np.append(probability[often] * n, max(n * (1 - probability[often].sum()), 1.0))
    found = np.append(seen.counts[often], n - seen.counts[often].sum())
    assert len(expected) > 20
    return float(chi2.sf(((found - expected) ** 2 / expected).sum(), len(expected) - 1))


@pytest.mark.parametrize("case", CASES)
def test_histories_are_as_frequent_as_their_probability_says(case: str) -> None:
    """Causes and intervals of first, second and third attempts, as the plane plays them."""
    assert p_value(fleet(**CASES[case])) > 1e-4


@pytest.mark.slow
@pytest.mark.statistical
@pytest.mark.parametrize("number", range(20))
def test_a_million_devices_agree_for_random_numbers(number: int) -> None:
    """Twenty sets of numbers, a million devices each."""
    rng = np.random.default_rng(number)
    fraction, offline = rng.uniform(0.3, 0.95), rng.uniform(1, 20)
    scenario = fleet(
        1_000_000,
        spread=round(rng.uniform(0, 2), 2),
        link=f"online: {{fraction: {100 * fraction:.1f} %, mean_offline: {offline:.2f} h}},",
        install=int(rng.uniform(20, 900)),
        p=round(rng.uniform(0.5, 15), 2),
        current=f"{rng.uniform(0, 5):.1f} %",
        until=f"{rng.integers(8, 72)} h",
    )
    assert p_value(scenario, step_s=float(rng.choice([60, 150, 300])), seed=number) > 0.001 / 20


def test_the_numbers_of_a_shipped_scenario() -> None:
    """A cohort's model has what its file says."""
    first, second, _ = cohort_models(load_scenario("scenarios/quickstart.yaml"))
    assert (first.fraction, first.mean_offline_s, first.spread) == (0.8, 14_400.0, 1.2)
    assert first.retry_interval_s == 300.0
    assert second.download_s == pytest.approx(12 * 2**20 * 8 / 170e3)
    assert [(cause.stage, cause.probability, cause.permanent) for cause in first.causes][:3] == [
        (0, 0.0, 0.01),
        (1, 0.0075, 0.0),
        (3, 0.018, 0.0),
    ]
    assert uncovered(load_scenario("scenarios/quickstart.yaml")) == []


def test_what_is_not_covered_is_said() -> None:
    """Windows, outages, clocks of links and limits that devices share, each with its place in the file."""
    told = {
        problem.path for name in ("meters-and-gateways", "retry-wave", "thin-link") for problem in of(name)
    }
    assert {
        "fleet.cohorts[0].online",
        "fleet.cohorts[0].window",
        "outages[0]",
        "platform.bandwidth",
        "platform.max_processing",
    } <= told
    assert all(problem.line and problem.file for problem in of("thin-link"))


def of(name: str) -> list[Problem]:
    """Return what a fit can't be made with in a shipped scenario."""
    return uncovered(load_scenario(f"scenarios/{name}.yaml"))


@pytest.mark.parametrize("case", CASES)
def test_outcomes_add_up_to_one(case: str) -> None:
    """Whatever happens in two attempts, its probabilities are those of all devices."""
    (model,) = cohort_models(fleet(10, **CASES[case]))
    part = OutcomePart(model)
    ends = [SUCCESS, CURRENT, *range(FIRST_CAUSE, FIRST_CAUSE + len(model.causes))]
    once = {end: part.probability(Outcomes((end,), (0.0,))) for end in ends}
    assert sum(once.values()) == pytest.approx(1.0)
    ends_and_dead = [*ends, 3]
    for end in ends[2:]:
        if once[end] > 0:
            after = sum(part.probability(Outcomes((end, then), (0.0, 900.0))) for then in ends_and_dead)
            assert after == pytest.approx(once[end])


@pytest.mark.parametrize("case", CASES)
def test_times_of_each_outcome_add_up_to_one(case: str) -> None:
    """An outcome comes to one of its endings: in time, or at one of the timers."""
    (model,) = cohort_models(fleet(10, **CASES[case]))
    totals: dict[int, float] = {}
    for end in endings_of(model).all:
        totals[end.outcome] = totals.get(end.outcome, 0.0) + end.span.total
    assert list(totals.values()) == pytest.approx([1.0] * len(totals), abs=1e-6)


def test_first_contact_is_exponential() -> None:
    """Without stages and failures, ends are contacts: phi at once, the rest after exponential times."""
    scenario = parse_scenario(
        """
name: contact
fleet: {cohorts: [{name: a, devices: 1000, online: {fraction: 60 %, mean_offline: 2 h}}]}
campaign: {task_type: firmwareUpgrade, package: {version: "2", size: 1 MiB}}
run: {until: 12 h}
"""
    )
    models = cohort_models(scenario)
    histories = group(polled(run_campaign(scenario, log_attempts=True), 300.0), models)
    (seen,), (likelihood,) = histories.cohorts, Likelihood(histories).cohorts
    assert seen is not None
    assert likelihood is not None
    found = likelihood.history_probabilities(models[0])
    for path in seen.paths:
        if path.sign < 0 or not path.rows:
            continue
        low, high = path.rows[0].end_from, path.rows[0].end_to
        late = 0.4 * (np.exp(-max(low, 0) / 7200) - np.exp(-high / 7200))
        assert found[path.history] == pytest.approx(late + (0.6 if low <= 0 else 0.0), abs=1e-5)


def truth_is_best(change: str, step: float) -> bool:
    """Tell whether the likelihood falls on both sides of the truth when one number is moved."""
    scenario = fleet(30_000, p=6)
    (model,) = cohort_models(scenario)
    likelihood = Likelihood(group(polled(run_campaign(scenario, log_attempts=True), 300.0), [model]))
    best = likelihood([model])
    value = getattr(model, change)
    moved = [likelihood([replace(model, **{change: value * f})]) for f in (1 - step, 1 + step)]
    return max(moved) < best


@pytest.mark.parametrize(("change", "step"), [("fraction", 0.03), ("mean_offline_s", 0.08), ("spread", 0.2)])
def test_the_truth_is_likelier_than_its_neighbours(change: str, step: float) -> None:
    """At five or more standard errors off, what was seen is less likely."""
    assert truth_is_best(change, step)


def test_a_cohort_that_the_template_lacks() -> None:
    """Devices of a strange cohort are refused, with the names that there are."""
    scenario = fleet(100)
    attempts = polled(run_campaign(scenario, log_attempts=True), 300.0)
    (model,) = cohort_models(scenario)
    with pytest.raises(ScenarioError, match="cohorts that the template does not have: 'a'; it has b"):
        group(attempts, [replace(model, name="b")])


def test_a_code_that_no_cause_has_is_an_unknown_failure() -> None:
    """It is told, and counts as a failure of any cause."""
    scenario = fleet(3000)
    attempts = polled(run_campaign(scenario, log_attempts=True), 300.0)
    (model,) = cohort_models(scenario)
    fewer = replace(model, causes=tuple(cause for cause in model.causes if cause.reason != 5))
    (note,) = group(attempts, [fewer]).notes
    assert "failed of low_space, which no cause says" in note


@pytest.fixture(scope="module")
def many_retries() -> tuple[CohortHistories, CohortModel]:
    """Histories with many retries of devices that differ much, and the model that they are of."""
    scenario = fleet(p=10, spread=1.8, retries=3)
    (model,) = cohort_models(scenario)
    (seen,) = group(polled(run_campaign(scenario, log_attempts=True), 300.0), [model]).cohorts
    assert seen is not None
    assert p_of(seen, model) > 1e-4
    return seen, model


def test_mid_points_would_be_found(
    many_retries: tuple[CohortHistories, CohortModel], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ends of failed attempts that are taken for the middles of their intervals are wrong, visibly."""
    monkeypatch.setattr(time_part, "PARTS", 1)
    kept = time_part.Branch._contacted

    def in_the_middle(self: Any, tables: Any, stand: Any, parts: int) -> Any:
        found = kept(self, tables, stand, parts)
        return found if self._is_last else found._replace(at=self._end.mean(axis=1)[:, None])

    monkeypatch.setattr(time_part.Branch, "_contacted", in_the_middle)
    assert p_of(*many_retries) < 1e-6


def test_a_dropped_factor_of_done_retries_would_be_found(
    many_retries: tuple[CohortHistories, CohortModel],
) -> None:
    """So are times of retries that count only as long as the retries go on."""
    seen, model = many_retries
    goes_on = {path.history for path in seen.paths if path.sign < 0}
    paths = [path if path.history in goes_on else replace(path, rows=path.rows[:1]) for path in seen.paths]
    assert p_of(replace(seen, paths=tuple(paths)), model) < 1e-6


def test_causes_that_are_not_renormalised_would_be_found(
    many_retries: tuple[CohortHistories, CohortModel], monkeypatch: pytest.MonkeyPatch
) -> None:
    """So are chances that grow with the tendency instead of their odds."""
    monkeypatch.setattr(outcomes, "_lifted", lambda p, lift: np.minimum(p * lift, 1.0))
    assert p_of(*many_retries) < 1e-6


def test_a_tendency_that_is_not_integrated_would_be_found(
    many_retries: tuple[CohortHistories, CohortModel], monkeypatch: pytest.MonkeyPatch
) -> None:
    """So is the median device in place of all."""
    monkeypatch.setattr(outcomes, "_NODES", np.zeros_like(outcomes._NODES))
    assert p_of(*many_retries) < 1e-6
