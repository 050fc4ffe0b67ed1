"""Curves that a report shows say what the run says, in few points."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from sim.fleet.protocol import Curves
from sim.results.curves import (
    cohort_curves,
    cohort_recoveries,
    load_curves,
    recovery_bands,
    status_curves,
    status_paths,
)
from sim.results.recovery import aalen_johansen, recovery_curve
from sim.rules import SubtaskState

S = 1_000_000


@dataclass
class HandMade:
    """A replication as a test states it."""

    metrics: dict[str, Any]
    curves: Curves
    final: np.ndarray
    recovery: Any
    end_s: float
    steps: Any = None


def replication(processing: np.ndarray, *, devices: int = 100) -> HandMade:
    """Return a replication whose devices are Processing as told, and else in Success."""
    status = np.zeros((len(processing), len(SubtaskState)), np.int64)
    status[:, SubtaskState.PROCESSING] = processing
    status[:, SubtaskState.SUCCESS] = devices - processing
    tick = np.arange(len(processing), dtype=np.int64) * 60 * S
    curves = Curves(tick, status, processing // 2, processing * 8.0)
    nothing = aalen_johansen(np.empty(0, np.int64), np.empty(0, np.int8))
    return HandMade({"devices": devices}, curves, status[-1], nothing, 60.0 * (len(processing) - 1))


def test_status_curves__ends_where_the_run_ends(stored):
    """The last row holds the final shares of all replications, whatever was left out before."""
    curves = status_curves(*status_paths(stored.replications))
    final = np.mean([run.final / 800 for run in stored.replications], axis=0)

    np.testing.assert_allclose(curves.share[-1], final)
    np.testing.assert_allclose(curves.share.sum(axis=1), 1.0)
    assert (curves.success.low <= curves.success.mean + 1e-12).all()
    assert (curves.success.mean <= curves.success.high + 1e-12).all()


def test_status_curves__few_points_from_many():
    """A hundred thousand rows become some hundred, and the shape is kept at both ends."""
    run = replication(np.linspace(100, 0, 100_000).astype(np.int64))
    curves = status_curves(*status_paths([run]))

    assert len(curves.time_s) < 1_000
    assert curves.share[0, SubtaskState.PROCESSING] == 1.0
    assert curves.share[-1, SubtaskState.SUCCESS] == 1.0
    middle = np.interp(3_000_000.0, curves.time_s, curves.share[:, SubtaskState.SUCCESS])
    assert middle == pytest.approx(0.5, abs=0.02)


def test_load_curves__a_short_peak_is_not_lost():
    """A single row that stands out among fifty thousand is among those shown."""
    processing = np.full(50_000, 3, np.int64)
    processing[31_234] = 97
    processing[-1] = 0
    curves = load_curves([replication(processing)])

    for (time_s, values), peak in ((curves.processing, 97), (curves.downloads, 48), (curves.bandwidth, 776)):
        at = int(values.mean.argmax())
        assert values.mean[at] == peak
        assert time_s[at] == 31_234 * 60
        assert len(time_s) < 1_000


def test_status_curves__skew_decides_the_scale():
    """Most in a small part of the time asks for a logarithmic axis; an even pace does not."""
    late = np.full(1_000, 5, np.int64)
    late[:5] = (100, 80, 40, 20, 10)
    late[-1] = 0
    even = np.linspace(100, 0, 1_000).astype(np.int64)

    assert status_curves(*status_paths([replication(late)])).span.is_skewed
    assert not status_curves(*status_paths([replication(even)])).span.is_skewed


def test_recovery_bands__lie_around_the_mean_of_the_replications(stored):
    """At its end the curve is the mean of the replications' last rows, and bands hold it."""
    bands = recovery_bands(stored.replications)
    last = np.mean([run.recovery.recovered[-1] for run in stored.replications])

    assert bands.recovered.mean[-1] == pytest.approx(last)
    assert (np.diff(bands.recovered.mean) >= -1e-12).all()
    assert (bands.recovered.low <= bands.recovered.high).all()


def test_recovery_bands__are_none_if_nothing_failed():
    """Without a failed first attempt there is no curve."""
    assert recovery_bands([replication(np.array([100, 0]))]) is None


def test_cohort_curves__end_at_each_cohorts_shares(stored):
    """At the end each cohort's share in Success is that of the summary's first replication."""
    ends = cohort_curves(stored.fleet, np.array([0.0, stored.end_s]))
    for c, curve in enumerate(ends):
        status = stored.fleet.records.status[stored.fleet.cohort == c]
        assert curve.success[-1] == pytest.approx(np.mean(status == SubtaskState.SUCCESS))
        assert curve.fail[-1] == pytest.approx(np.mean(status == SubtaskState.FAIL))
        assert curve.success[0] == curve.stopped[-1] == 0.0


def test_cohort_recoveries__of_one_cohort_are_the_fleets(make_stored):
    """A fleet of one cohort recovers as that cohort does."""
    run = make_stored(fleet={"cohorts": [{"name": "all", "devices": 400}]}, outages=None)
    time_s = np.array([0.0, 600.0, 7_200.0, run.end_s])
    (found,) = cohort_recoveries(run.fleet, time_s)
    whole = recovery_curve(run.fleet.records, round(run.fleet.end_s * S))
    row = np.searchsorted(whole.tick, time_s * S, side="right") - 1

    np.testing.assert_allclose(found[0], whole.recovered[row])
    np.testing.assert_allclose(found[1], whole.competing[row])


def test_cohort_recoveries__is_none_where_nothing_failed(make_stored):
    """A cohort without failures has no curve; one beside it has."""
    cohorts = [
        {"name": "good", "devices": 50},
        {"name": "bad", "devices": 50, "failures": [{"stage": "verify", "code": 7, "probability": "50 %"}]},
    ]
    run = make_stored(fleet={"cohorts": cohorts}, failures=None, outages=None)
    good, bad = cohort_recoveries(run.fleet, np.array([run.end_s]))

    assert good is None
    assert bad[0][-1] + bad[1][-1] == pytest.approx(1.0)
