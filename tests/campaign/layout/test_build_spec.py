"""Tests of how a scenario becomes arrays."""

import math

import numpy as np
import pytest

from sim.campaign import build_names, build_spec
from sim.campaign.layout.build_spec import gap_ticks
from sim.fleet.spec import (
    CONSTANT,
    EMPIRICAL,
    EXPONENTIAL,
    LOGNORMAL,
    NEVER,
    T_COVERAGE,
    T_DOWNLOAD,
    T_EXECUTE,
    T_ONLINE,
    T_UPGRADE,
    T_VERSION,
    UNIFORM,
    WEIBULL,
    instant_devices,
    is_network_free,
)
from sim.rules import Stage
from sim.scenario import make_scenario

MINUTE, HOUR = 60_000_000, 3_600_000_000


@pytest.fixture
def spec():
    """Return the arrays of a fleet with two unlike cohorts."""
    scenario = make_scenario(
        {
            "fleet": {
                "cohorts": [
                    {
                        "name": "gate-4g",
                        "devices": 3,
                        "link_rate": "8 Mbit/s",
                        "online": {"fraction": "97 %", "mean_offline": "3 h"},
                        "already_current": "0.5 %",
                        "spread": 0.4,
                        "timers": {"mqtt": {"version": "5 min"}},
                    },
                    {
                        "name": "meter",
                        "devices": 5,
                        "protocol": "lwm2m",
                        "cell": {"devices": 2, "coverage": ["80 %", "15 %", "5 %"]},
                        "window": {"opens": "22:00", "closes": "06:00"},
                        "stages": {"install": {"constant": "90 s"}},
                        "failures": [
                            {"stage": "install", "code": 10, "probability": "2 %"},
                            {"stage": "verify", "silent": True, "probability": "1 %", "permanent": "3 %"},
                        ],
                    },
                ]
            },
            "platform": {
                "max_processing": 4,
                "dispatch_rate": "100 /s",
                "max_downloads": 2,
                "bandwidth": "1 Gbit/s",
                "cell_places": [5, 4, 3],
                "timers": {"lwm2m": {"download": "2 h"}},
            },
            "stages": {
                "query": {"lognormal": {"median": "2 s", "sigma": 0.5}},
                "coverage": {"weibull": {"shape": 2, "scale": "3 s"}},
                "verify": {"exponential": {"mean": "10 s"}},
                "install": {"uniform": {"low": "20 s", "high": "60 s"}},
                "reboot": {"quantiles": [["0 %", "1 s"], ["50 %", "2 s"], ["100 %", "9 s"]]},
            },
            "failures": [
                {"stage": "coverage", "code": 2, "probability": "4 %"},
                {"stage": "verify", "code": 7, "permanent": "0.2 %"},
                {"stage": "download", "code": 2, "probability": "3 %"},
            ],
            "campaign": {"package": {"version": "1", "size": "12 MiB"}},
            "run": {"start": "2026-01-05T20:00:30Z", "resolution": "1 min", "seed": 2**64 - 1},
        }
    )
    return build_spec(scenario, replication=6)


def test_build__devices_come_cohort_by_cohort(spec):
    """The device index is the position in file order."""
    assert spec.cohort.tolist() == [0, 0, 0, 1, 1, 1, 1, 1]
    assert spec.cohort.dtype == np.int16


def test_build__what_belongs_to_a_cohort(spec):
    """Each column holds the cohort's value in the planes' units; what is absent is off."""
    cohorts = spec.cohorts

    assert cohorts.protocol.tolist() == [0, 1]
    assert cohorts.link_rate.tolist() == [1e6, math.inf]
    assert cohorts.link.tolist() == [0, -1]
    assert cohorts.p_already_current.tolist() == [0.005, 0.0]
    assert cohorts.spread.tolist() == [0.4, 0.0]
    assert cohorts.cell_devices.tolist() == [0, 2]
    assert cohorts.coverage_share.tolist() == [[1.0, 0.0, 0.0], [0.8, 0.15, 0.05]]


def test_build__timers_by_protocol(spec):
    """Each cohort has its protocol's timers, its own before the platform's before the vendor's."""
    mqtt, lwm2m = spec.cohorts.timers_ticks

    assert (mqtt[T_ONLINE], mqtt[T_VERSION], mqtt[T_UPGRADE]) == (25 * HOUR, 5 * MINUTE, 24 * HOUR)
    assert (mqtt[T_COVERAGE], mqtt[T_DOWNLOAD], mqtt[T_EXECUTE]) == (NEVER, NEVER, NEVER)
    assert (lwm2m[T_ONLINE], lwm2m[T_VERSION], lwm2m[T_COVERAGE]) == (24 * HOUR, 3 * MINUTE, 3 * MINUTE)
    assert (lwm2m[T_DOWNLOAD], lwm2m[T_EXECUTE], lwm2m[T_UPGRADE]) == (2 * HOUR, 30 * MINUTE, NEVER)


def test_build__distributions(spec):
    """Every kind of drawn time has its kind and parameters; a cohort's own replaces the general one."""
    cohorts = spec.cohorts
    at = {stage: (0, stage) for stage in Stage}

    def entry(cohort, stage):
        return tuple(
            float(table[cohort, stage]) for table in (cohorts.dist_kind, cohorts.dist_a, cohorts.dist_b)
        )

    assert entry(0, Stage.QUERY) == (LOGNORMAL, 2.0, 0.5)
    assert entry(1, Stage.COVERAGE) == (WEIBULL, 2.0, 3.0)
    assert entry(0, Stage.COVERAGE) == (CONSTANT, 0.0, 0.0)
    assert entry(0, Stage.VERIFY) == (EXPONENTIAL, 10.0, 0.0)
    assert entry(0, Stage.INSTALL) == (UNIFORM, 20.0, 60.0)
    assert entry(1, Stage.INSTALL) == (CONSTANT, 90.0, 0.0)
    for cohort in (0, 1):
        assert cohorts.dist_kind[cohort, Stage.REBOOT] == EMPIRICAL
        points = slice(cohorts.quantile_lo[cohort, Stage.REBOOT], cohorts.quantile_hi[cohort, Stage.REBOOT])
        assert cohorts.quantile_p[points].tolist() == [0.0, 0.5, 1.0]
        assert cohorts.quantile_s[points].tolist() == [1.0, 2.0, 9.0]
    assert cohorts.dist_kind[at[Stage.CONTACT]] == CONSTANT


def test_build__causes_by_stage_general_ones_first(spec):
    """A cohort's causes follow the general ones of the stage; coverage is for radio only."""
    causes = spec.causes

    def listed(cohort, stage):
        rows = range(causes.lo[cohort, stage], causes.hi[cohort, stage])
        return [
            (float(causes.p[r]), float(causes.p_permanent[r]), int(causes.reason[r]), bool(causes.silent[r]))
            for r in rows
        ]

    assert listed(0, Stage.COVERAGE) == []
    assert listed(1, Stage.COVERAGE) == [(0.04, 0.0, 2, False)]
    assert listed(0, Stage.VERIFY) == [(0.0, 0.002, 7, False)]
    assert listed(1, Stage.VERIFY) == [(0.0, 0.002, 7, False), (0.01, 0.03, 0, True)]
    assert listed(1, Stage.INSTALL) == [(0.02, 0.0, 10, False)]
    assert listed(0, Stage.DOWNLOAD) == listed(1, Stage.DOWNLOAD) == [(0.03, 0.0, 2, False)]
    first = causes.lo[:, 0]
    assert (np.diff(causes.lo, axis=1) >= 0).all()
    assert (causes.hi[:, -1] - first).tolist() == [2, 5]


def test_build__equal_cohorts_share_their_causes():
    """A fleet of many cohorts with the same causes keeps one list of them."""
    cohorts = [{"name": f"c{i}", "devices": 1} for i in range(50)]
    scenario = make_scenario(
        {
            "fleet": {"cohorts": cohorts},
            "failures": [{"stage": "verify", "code": 7, "probability": "1 %"}],
            "campaign": {"package": {"version": "1", "size": "1 MiB"}},
        }
    )
    causes = build_spec(scenario).causes

    assert len(causes.p) == 1
    assert (causes.hi - causes.lo)[:, Stage.VERIFY].tolist() == [1] * 50


def test_build__platform(spec):
    """The platform's limits, the package and the key of the draws."""
    platform = spec.platform

    assert (platform.max_processing, platform.max_downloads) == (4, 2)
    assert platform.dispatch_gap_ticks == 10_000
    assert platform.cell_places.tolist() == [5, 4, 3]
    assert spec.cohorts.package_bytes.tolist() == [12 * 2**20] * len(spec.cohorts.link_rate)
    assert platform.resolution_ticks == MINUTE
    assert (int(platform.seed), int(platform.replication)) == (2**64 - 1, 6)


def test_build__what_is_absent_is_unlimited(make_scenario_of):
    """A scenario without a platform section has no limit at all."""
    spec = build_spec(make_scenario_of(4), seed=3)

    assert (spec.platform.max_processing, spec.platform.max_downloads) == (NEVER, NEVER)
    assert spec.platform.dispatch_gap_ticks == 0
    assert int(spec.platform.seed) == 3
    assert is_network_free(spec)
    assert instant_devices(spec).all()


@pytest.mark.parametrize(
    ("rate", "gap"),
    [
        (None, 0),
        (100.0, 10_000),
        (3.0, 333_334),
        (100 / 3600, 36_000_000),
        (1 / 3600, 3_600_000_000),
        (1 / 86_400, 86_400_000_000),
        (2e6, 1),
        (math.inf, 0),
    ],
)
def test_gap__is_rounded_up_to_the_tick(rate, gap):
    """No more dispatches than the rate allows; float noise adds no tick."""
    assert gap_ticks(rate) == gap


def test_names__of_an_inventory(tmp_path):
    """With an inventory the ids come from it, cohort by cohort."""
    (tmp_path / "fleet.csv").write_text("device_id,cohort\nx1,b\ny1,a\nx2,b\n", encoding="utf-8")
    scenario = make_scenario(
        {
            "fleet": {"cohorts": [{"name": "a"}, {"name": "b"}], "inventory": "fleet.csv"},
            "campaign": {"package": {"version": "1", "size": "1 MiB"}},
        },
        folder=tmp_path,
    )
    spec = build_spec(scenario)

    assert spec.cohort.tolist() == [0, 1, 1]
    assert build_names(scenario, spec).all_ids() == ["y1", "x1", "x2"]
