"""Plain numbers of a cohort are those that the device plane gets."""

from __future__ import annotations

import pytest

from sim.calibration.cohort_model import NO_LIMIT, cohort_models
from sim.fleet.spec import LEAVES_DEAD, LEAVES_NEW, LOGNORMAL, T_COVERAGE, T_ONLINE, T_VERSION
from sim.rules import Stage
from sim.scenario import parse_scenario

TEXT = """
fleet:
  cohorts:
    - name: meters
      devices: 10
      protocol: mqtt
      link_rate: 8 kbit/s
      online: {fraction: 80 %, mean_offline: 4 h}
      spread: 1.2
      already_current: 3 %
      stages: {query: {constant: 5 s}, install: {lognormal: {median: 110 s, sigma: 0.35}}}
      failures:
        - {stage: install, code: 10, probability: 2 %, leaves: dead}
    - {name: locks, devices: 5, protocol: lwm2m}
campaign:
  package: {version: "2", size: 1 MB}
  task_policy: {retry_count: 1, retry_interval: 5 min}
failures:
  - {stage: install, code: 9, probability: 1 %, permanent: 0.5 %, leaves: new}
  - {stage: contact, silent: true, permanent: 1 %}
  - {stage: download, code: 2, probability: 10 %, lasts: {exponential: {mean: 2 h}}}
"""


def test_cohort_models__says_what_the_plane_gets():
    """Causes stand in the plane's order, with condition, mark and what they leave; times are seconds."""
    meters, locks = cohort_models(parse_scenario(TEXT))
    causes = [(c.stage, c.reason, c.probability, c.permanent, c.lasts_s, c.leaves) for c in meters.causes]
    assert causes == [
        (Stage.CONTACT, 0, 0.0, 0.01, 0.0, 0),
        (Stage.DOWNLOAD, 2, 0.1, 0.0, 7200.0, 0),
        (Stage.INSTALL, 9, 0.01, 0.005, 0.0, LEAVES_NEW),
        (Stage.INSTALL, 10, 0.02, 0.0, 0.0, LEAVES_DEAD),
    ]
    assert (meters.fraction, meters.mean_offline_s, meters.spread, meters.already_current) == (
        0.8,
        14400.0,
        1.2,
        0.03,
    )
    install = meters.stages[Stage.INSTALL]
    assert (install.kind, install.a, install.b) == (LOGNORMAL, 110.0, 0.35)
    assert meters.download_s == pytest.approx(1000.0)
    assert meters.timers_s[T_ONLINE] == 25 * 3600
    assert meters.timers_s[T_COVERAGE] == NO_LIMIT
    assert meters.retry_interval_s == 300.0
    assert (locks.fraction, locks.mean_offline_s, locks.download_s) == (1.0, 0.0, 0.0)
    assert locks.timers_s[T_VERSION] == 180.0
    assert (locks.has_coverage, meters.has_coverage) == (True, False)
    assert len(locks.causes) == 3
