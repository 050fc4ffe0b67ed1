"""Tests of how links and conditions become timelines, and how cohorts and causes find theirs."""

import math

import numpy as np
import pytest

from sim.campaign import build_spec
from sim.fleet.spec import (
    BREAKS,
    CONSTANT,
    EMPIRICAL,
    EXPONENTIAL,
    LEAVES_DEAD,
    LEAVES_NEW,
    LEAVES_OLD,
    OFF,
    ON,
    PAUSES,
    STAYS,
    UNIFORM,
    WEIBULL,
    FleetSpec,
    TimelineTable,
)
from sim.rules import Stage
from sim.scenario import make_scenario


def spec_of(*cohorts: dict[str, object], **top: object) -> FleetSpec:
    """Return the arrays of a fleet of these cohorts, ten devices each."""
    named = [{"name": f"c{i}", "devices": 10, **cohort} for i, cohort in enumerate(cohorts)]
    return build_spec(
        make_scenario(
            {
                "fleet": {"cohorts": named},
                "campaign": {"package": {"version": "1", "size": "1 MiB"}},
                **top,
            }
        )
    )


def periods(table: TimelineTable, row: int, state: int) -> tuple[float, ...]:
    """Return kind and parameters of a timeline's periods."""
    return tuple(float(column[row, state]) for column in (table.dist_kind, table.dist_a, table.dist_b))


def link_of(**online: object) -> tuple[FleetSpec, TimelineTable]:
    """Return the arrays of a fleet with one link, and its timelines."""
    spec = spec_of({"online": online})
    assert (spec.cohorts.link.tolist(), spec.n_timelines) == ([0], 1)
    return spec, spec.timelines


def test_link__fraction_and_mean() -> None:
    """With a share of time and a mean, both kinds of periods are exponential."""
    _, table = link_of(fraction="80 %", mean_offline="48 h")
    assert table.share.tolist() == [0.8]
    assert periods(table, 0, OFF) == (EXPONENTIAL, 172_800.0, 0.0)
    assert periods(table, 0, ON) == (EXPONENTIAL, pytest.approx(691_200.0), 0.0)


def test_link__fraction_and_distribution() -> None:
    """With a share of time and off-periods, on-periods are exponential and make the share come true."""
    _, table = link_of(fraction="25 %", offline={"uniform": {"low": "1 h", "high": "3 h"}})
    assert periods(table, 0, OFF) == (UNIFORM, 3600.0, 10_800.0)
    assert periods(table, 0, ON) == (EXPONENTIAL, pytest.approx(2400.0), 0.0)


def test_link__two_distributions() -> None:
    """With both periods given, the share of time follows from their means."""
    measured = {"quantiles": [["0 %", "0 s"], ["100 %", "2 h"]]}
    _, table = link_of(online={"weibull": {"shape": 2, "scale": "1 h"}}, offline=measured)
    on_s = 3600 * math.sqrt(math.pi) / 2
    assert table.share.tolist() == pytest.approx([on_s / (on_s + 3600)])
    assert periods(table, 0, ON) == (WEIBULL, 2.0, 3600.0)
    assert table.dist_kind[0, OFF] == EMPIRICAL
    assert table.quantile_weight.tolist() == [0.0, 1.0]


@pytest.mark.parametrize(
    ("phase", "ticks"), [({}, -1), ({"phase": "random"}, -1), ({"phase": "160 min"}, 600_000_000)]
)
def test_link__by_the_clock(phase: dict[str, str], ticks: int) -> None:
    """A periodic link has its cycle in ticks, and a phase within it unless that is drawn."""
    _, table = link_of(every="150 min", **{"for": "3 min"}, **phase)
    assert (table.every_ticks.tolist(), table.for_ticks.tolist()) == ([9_000_000_000], [180_000_000])
    assert table.phase_ticks.tolist() == [ticks]
    assert table.share.tolist() == [0.02]


def test_link__shorter_than_a_tick() -> None:
    """A periodic link is up for a tick at least, and down for one."""
    _, table = link_of(every="1 s", **{"for": "0.0001 ms"})
    assert table.for_ticks.tolist() == [1]
    _, table = link_of(every="1 s", **{"for": "999.9999 ms"})
    assert table.for_ticks.tolist() == [999_999]


def test_link__never_on_but_for_instants() -> None:
    """A share of 0 % makes on-periods of no length."""
    _, table = link_of(fraction=0, mean_offline="3 h")
    assert table.share.tolist() == [0.0]
    assert periods(table, 0, ON) == (CONSTANT, 0.0, 0.0)
    assert periods(table, 0, OFF) == (EXPONENTIAL, 10_800.0, 0.0)


def test_link__always_on_has_no_timeline() -> None:
    """Nobody looks at a link that is always up, whatever is said of downloads."""
    spec = spec_of({}, {"online": {"fraction": 1, "mean_offline": "3 h", "during_upgrade": "breaks"}})
    assert spec.cohorts.link.tolist() == [-1, -1]
    assert spec.cohorts.during_upgrade.tolist() == [STAYS, STAYS]
    assert (len(spec.timelines.share), spec.n_timelines) == (0, 0)


def test_link__what_it_does_to_downloads() -> None:
    """A download that the link breaks reports code 2 unless the file says otherwise."""
    link = {"fraction": 0.5, "mean_offline": "3 h"}
    spec = spec_of(
        {"online": link},
        {"online": {**link, "during_upgrade": "pauses"}},
        {"online": {**link, "during_upgrade": "breaks"}},
        {"online": {**link, "during_upgrade": "breaks", "break_code": 6}},
    )
    assert spec.cohorts.during_upgrade.tolist() == [STAYS, PAUSES, BREAKS, BREAKS]
    assert spec.cohorts.break_reason[2:].tolist() == [2, 6]


def test_link__has_the_first_slot_and_row() -> None:
    """If any cohort has a link, conditions have the slots and rows after the links', in all cohorts."""
    link = {"fraction": 0.5, "mean_offline": "3 h"}
    spec = spec_of({}, {"online": link}, {"failures": [IN_USE]}, {"online": link}, failures=[LOW_POWER])
    causes = spec.causes
    assert spec.cohorts.link.tolist() == [-1, 0, -1, 1]
    assert sorted(causes.timeline.tolist()) == [2, 3, 4]
    slots = [causes.slot[lo:hi].tolist() for lo, hi in zip(causes.lo[:, 0], causes.hi[:, -1], strict=True)]
    assert slots == [[1], [1], [1, 2], [1]]
    assert spec.n_timelines == 3


LOW_POWER = {"stage": "query", "code": 4, "probability": "10 %", "lasts": {"exponential": {"mean": "8 h"}}}
IN_USE = {"stage": "install", "code": 1, "probability": "25 %", "lasts": {"constant": "30 min"}}
BAD_LUCK = {"stage": "query", "code": 2, "probability": "3 %"}


def test_condition__periods() -> None:
    """A condition lasts as stated; the exponential times between make its share of time come true."""
    spec = spec_of({}, failures=[IN_USE, BAD_LUCK, LOW_POWER])
    table = spec.timelines
    assert table.share.tolist() == [0.1, 0.25]
    assert periods(table, 0, ON) == (EXPONENTIAL, 28_800.0, 0.0)
    assert periods(table, 0, OFF) == (EXPONENTIAL, 28_800.0 * 9, 0.0)
    assert periods(table, 1, ON) == (CONSTANT, 1800.0, 0.0)
    assert periods(table, 1, OFF) == (EXPONENTIAL, 5400.0, 0.0)
    assert table.every_ticks.tolist() == [0, 0]


def test_condition__is_no_fresh_draw() -> None:
    """In the table of causes a condition has no probability, but a row and a slot; others have none."""
    spec = spec_of({}, failures=[IN_USE, BAD_LUCK, LOW_POWER])
    causes = spec.causes
    rows = slice(causes.lo[0, Stage.QUERY], causes.hi[0, Stage.QUERY])
    assert causes.p[rows].tolist() == [0.03, 0.0]
    assert causes.timeline[rows].tolist() == [-1, 0]
    assert causes.slot[rows].tolist() == [-1, 0]
    assert causes.timeline[causes.lo[0, Stage.INSTALL]] == 1
    assert causes.slot[causes.lo[0, Stage.INSTALL]] == 1
    assert spec.n_timelines == 2


def test_condition__slots_are_counted_cohort_by_cohort() -> None:
    """Each cohort's conditions have slots from the first on, and a device has room for the most of them."""
    spec = spec_of({}, {"failures": [IN_USE]}, {"failures": [BAD_LUCK]}, failures=[LOW_POWER])
    causes = spec.causes
    slots = [causes.slot[lo:hi].tolist() for lo, hi in zip(causes.lo[:, 0], causes.hi[:, -1], strict=True)]
    assert slots == [[0], [0, 1], [0, -1]]
    lasting = causes.timeline[causes.timeline >= 0]
    assert lasting.tolist() == list(range(len(spec.timelines.share)))
    assert spec.n_timelines == 2


def test_condition__cohorts_with_the_same_causes_share_timelines() -> None:
    """Draws are keyed by device, so cohorts that have the same causes need no rows of their own."""
    spec = spec_of({}, {}, failures=[LOW_POWER])
    assert len(spec.timelines.share) == 1
    assert spec.causes.lo[0].tolist() == spec.causes.lo[1].tolist()


def test_condition__that_never_comes_has_no_timeline() -> None:
    """A share of 0 %, as the end of a sweep, leaves a cause that never strikes."""
    spec = spec_of({}, failures=[{**LOW_POWER, "probability": 0}])
    assert len(spec.timelines.share) == spec.n_timelines == 0
    assert (spec.causes.p.tolist(), spec.causes.timeline.tolist()) == ([0.0], [-1])


def test_condition__measured() -> None:
    """Points of a measured distribution come with the part of the mean that lies below each."""
    measured = {"quantiles": [["0 %", "0 s"], ["50 %", "10 min"], ["100 %", "30 min"]]}
    table = spec_of({}, failures=[IN_USE, {**LOW_POWER, "lasts": measured}]).timelines
    assert table.dist_kind[0, ON] == EMPIRICAL
    points = slice(table.quantile_lo[0, ON], table.quantile_hi[0, ON])
    assert table.quantile_s[points].tolist() == [0.0, 600.0, 1800.0]
    assert table.quantile_weight[points].tolist() == pytest.approx([0.0, 0.2, 1.0])
    assert periods(table, 0, OFF)[1] == pytest.approx(750.0 * 9)


def test_breaks_and_what_is_left() -> None:
    """Rates are per second, sizes in bytes, and what a failure leaves is a number."""
    spec = spec_of(
        {},
        failures=[
            {"stage": "download", "code": 2, "rate": "6 /h"},
            {"stage": "download", "code": 2, "per": "100 MB"},
            {"stage": "install", "code": 10, "probability": "1 %"},
            {"stage": "reboot", "silent": True, "permanent": "1 %", "leaves": "dead"},
            {"stage": "reboot", "silent": True, "probability": "1 %", "leaves": "new"},
        ],
    )
    causes = spec.causes
    assert causes.rate.tolist() == pytest.approx([1 / 600, 0, 0, 0, 0])
    assert causes.per_bytes.tolist() == [0, 1e8, 0, 0, 0]
    assert causes.leaves.tolist() == [LEAVES_OLD, LEAVES_OLD, LEAVES_OLD, LEAVES_DEAD, LEAVES_NEW]
    assert (causes.p[:2] == 0).all()


def test_resume__by_cohort() -> None:
    """Who resumes downloads is known by cohort."""
    spec = spec_of({}, {"resume": False}, resume=True)
    assert spec.cohorts.resume.tolist() == [True, False]
    assert spec.cohorts.resume.dtype == np.bool_
