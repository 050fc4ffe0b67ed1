"""A template's numbers as unknowns, and the cohorts with other values of them."""

from __future__ import annotations

import pytest

from sim.calibration.cohort_model import cohort_models
from sim.calibration.unknowns import models_at, unknowns_of
from sim.errors import ScenarioError
from sim.rules import Stage
from sim.scenario import parse_scenario

TEXT = """
fleet:
  cohorts:
    - name: meters
      devices: 10
      online: &link {fraction: 80 %, mean_offline: 4 h}
      spread: 1.2
      already_current: 3 %
      stages: {install: {lognormal: {median: 110 s, sigma: 0.35}}}
      failures:
        - {stage: download, code: 3, probability: 2 %}
    - name: locks
      devices: 5
      protocol: lwm2m
      online: *link
      spread: 0
    - name: doors
      repeat: 2
      devices: 5
      online: {fraction: 0.5, offline: {exponential: {mean: 2 h}}}
      spread: 0.5
campaign:
  package: {version: "2", size: 1 MB}
stages:
  query: {exponential: {mean: 5 s}}
  coverage: {weibull: {shape: 2, scale: 3 s}}
  install: {lognormal: {median: 100 s, sigma: 0.3}}
  verify: {constant: 3 s}
failures:
  - {stage: install, code: 9, probability: 1 %, permanent: 0.5 %}
  - {stage: contact, silent: true, permanent: 1 %}
  - {stage: download, code: 2, probability: 10 %, lasts: {exponential: {mean: 2 h}}}
  - {stage: coverage, code: 4, probability: 3 %}
"""


def test_unknowns_of__names_each_written_number_once():
    """Numbers are those that are written and neither 0 % nor 100 %; shared ones name all their places."""
    found = {one.path: one for one in unknowns_of(parse_scenario(TEXT))}
    assert [*found] == [
        "fleet.cohorts[0].online.fraction",
        "fleet.cohorts[0].online.mean_offline",
        "fleet.cohorts[0].spread",
        "fleet.cohorts[0].already_current",
        "fleet.cohorts[0].failures[0].probability",
        "fleet.cohorts[0].stages.install.lognormal.median",
        "fleet.cohorts[0].stages.install.lognormal.sigma",
        "fleet.cohorts[2].online.fraction",
        "fleet.cohorts[2].online.offline.exponential.mean",
        "fleet.cohorts[2].spread",
        "failures[0].probability",
        "failures[0].permanent",
        "failures[1].permanent",
        "failures[2].probability",
        "failures[2].lasts.exponential.mean",
        "failures[3].probability",
        "stages.query.exponential.mean",
        "stages.coverage.weibull.shape",
        "stages.coverage.weibull.scale",
        "stages.install.lognormal.median",
        "stages.install.lognormal.sigma",
    ]
    link = found["fleet.cohorts[0].online.fraction"]
    assert link.paths == ("fleet.cohorts[0].online.fraction", "fleet.cohorts[1].online.fraction")
    assert (link.transform, link.kind, link.value, link.targets) == (
        "logit",
        "fraction",
        0.8,
        ((0, -1), (1, -1)),
    )
    assert found["fleet.cohorts[2].spread"].paths == ("fleet.cohorts[2].spread", "fleet.cohorts[3].spread")
    assert found["failures[3].probability"].targets == ((1, 1),)
    assert found["stages.install.lognormal.median"].targets == tuple((c, Stage.INSTALL) for c in (1, 2, 3))


def test_models_at__own_values_are_the_template():
    """With the values of the template, the cohorts' numbers are those of the template."""
    scenario = parse_scenario(TEXT)
    models, found = cohort_models(scenario), unknowns_of(scenario)
    assert models_at(models, found, [one.value for one in found]) == models
    assert models_at(models, (), ()) == models


def test_models_at__another_value_is_that_of_the_scenario_with_it():
    """Each number, changed alone, gives the numbers of the scenario that has it in all of its places."""
    scenario = parse_scenario(TEXT)
    models, found = cohort_models(scenario), unknowns_of(scenario)
    for i, one in enumerate(found):
        value = one.natural(one.free(one.value) + 0.3)
        written = f"{value!r} s" if one.is_duration else value
        expected = cohort_models(scenario.with_values(dict.fromkeys(one.paths, written)))
        values = [value if j == i else each.value for j, each in enumerate(found)]
        changed = models_at(models, found, values)
        assert changed != models, one.path
        assert _rounded(changed) == _rounded(expected), one.path


def test_models_at__probabilities_of_a_stage_add_up_to_1_at_most():
    """Values that no scenario could have keep their proportions and strike every attempt."""
    scenario = parse_scenario(TEXT.replace(", lasts: {exponential: {mean: 2 h}}", ""))
    found = [one for one in unknowns_of(scenario) if one.kind == "probability" and "[2]" in one.path]
    found += [one for one in unknowns_of(scenario) if one.path == "fleet.cohorts[0].failures[0].probability"]
    meters = models_at(cohort_models(scenario), found, [0.9, 0.6])[0]
    shares = [cause.probability for cause in meters.causes if cause.stage == Stage.DOWNLOAD]
    assert shares == pytest.approx([0.6, 0.4])


def test_unknowns_of__fixed_numbers_are_left_out():
    """A fixed path means a number or all in a section, by position, name, pattern or end."""
    scenario = parse_scenario(TEXT)
    every = {one.path for one in unknowns_of(scenario)}
    fixed = ["stages", "fleet.cohorts.meters.online", "fleet.cohorts[doors-*].spread", "already_current"]
    with pytest.raises(ScenarioError, match=r"several paths"):
        unknowns_of(scenario, fixed)
    left = {one.path for one in unknowns_of(scenario, [*fixed[:3], "failures[1].permanent"])}
    gone = {path for path in every if path.startswith(("stages", "fleet.cohorts[0].online"))}
    assert every - left == gone | {"fleet.cohorts[2].spread", "failures[1].permanent"}


def test_unknowns_of__refuses_what_is_no_number_of_the_fit():
    """All paths that mean nothing to fit are named, with what was probably meant."""
    scenario = parse_scenario(TEXT)
    with pytest.raises(ScenarioError) as caught:
        unknowns_of(scenario, ["failures[0].permanant", "platform.bandwidth", "fleet.cohorts.locks.spread"])
    text = str(caught.value)
    assert "did you mean 'failures[0].permanent'?" in text
    assert "platform.bandwidth" in text
    assert "unknown number that is fitted 'fleet.cohorts[1].spread'" in text


def test_unknowns_of__what_an_anchor_shares_with_something_else_stays():
    """A number that also says how long a stage takes is not the fit's to change."""
    text = TEXT.replace("mean_offline: 4 h", "mean_offline: &t 4 h").replace("mean: 5 s", "mean: *t")
    paths = {one.path for one in unknowns_of(parse_scenario(text))}
    assert "fleet.cohorts[0].online.mean_offline" not in paths
    assert "stages.query.exponential.mean" not in paths


def test_unknown__scales_are_each_others_inverse():
    """A value comes back from the scale on which it is free, and never beyond what a file may say."""
    for one in unknowns_of(parse_scenario(TEXT)):
        assert one.natural(one.free(one.value)) == pytest.approx(one.value, rel=1e-12)
        assert one.natural(1e4) <= one.high
        assert one.natural(-1e3) >= 0.0


def _rounded(models):
    """Return all numbers of models, rounded as a file's reading and the ticks round them."""
    return [repr([_digits(one) for one in _flat(model)]) for model in models]


def _flat(one):
    if isinstance(one, tuple):
        return [each for item in one for each in _flat(item)]
    if hasattr(type(one), "__slots__") and not isinstance(one, int | float | str):
        return [each for name in type(one).__slots__ for each in _flat(getattr(one, name))]
    return [one]


def _digits(one):
    return f"{one:.9g}" if isinstance(one, float) else one
