"""Both ways of counting a run give the same numbers, which are those of a plain sort."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.campaign.tally import counting, tally_of
from sim.campaign.tally.numbers import NEVER
from sim.results.metrics import run_metrics
from sim.rules import Reason, SubtaskState
from sim.scenario.metrics import PERCENTS

SUCCESS, FAIL = SubtaskState.SUCCESS, SubtaskState.FAIL
FIELDS = ("states", "attempts", "reasons")


def assert_same(one, other):
    """Assert that two tallies hold the same numbers."""
    for field in FIELDS:
        np.testing.assert_array_equal(getattr(one.counts, field), getattr(other.counts, field))
    for name in one.counts.sums.dtype.names:
        np.testing.assert_array_equal(one.counts.sums[name], other.counts.sums[name])
    np.testing.assert_array_equal(one.success, other.success)
    np.testing.assert_array_equal(one.recovery, other.recovery)


def both(run):
    """Return the tally by compiled code and the one by NumPy."""
    return tally_of(replace(run, plane="compiled")), tally_of(replace(run, plane="simpy"))


def scattered(run, seed=0):
    """Return a run whose devices are not cohort after cohort."""
    cohort = np.random.default_rng(seed).permutation(run.spec.cohort)
    return replace(run, spec=run.spec._replace(cohort=cohort))


@st.composite
def fleets(draw):
    """Draw what became of a few devices: states, ends, first failures, attempts, reasons, cohort sizes."""
    sizes = draw(st.lists(st.integers(1, 30), min_size=1, max_size=5))
    n = sum(sizes)
    spread = draw(st.sampled_from([1, 3, 3_600, 10**7]))

    def several(values):
        return draw(st.lists(values, min_size=n, max_size=n))

    failures = several(st.one_of(st.just(-1), st.integers(0, spread)))
    return {
        "status": several(st.sampled_from(list(SubtaskState))),
        "first_failure_s": failures,
        "end_s": [
            max(failure, 0) + more
            for failure, more in zip(failures, several(st.integers(0, spread)), strict=True)
        ],
        "attempts": several(st.integers(0, 6)),
        "reason": several(st.sampled_from([int(reason) for reason in Reason])),
        "size_bytes": several(st.integers(0, 2**40)),
        "sizes": {f"c{i}": size for i, size in enumerate(sizes)},
        "run_end_s": draw(st.sampled_from([0.0, 60.0, 3_600.0, 4e7])),
    }


@settings(max_examples=80, deadline=None)
@given(fleet=fleets(), is_scattered=st.booleans())
def test_tally__both_ways_are_equal(make_run, fleet, is_scattered):
    """Whatever became of the devices, and whenever the run ended."""
    run = make_run(**fleet)

    assert_same(*both(scattered(run) if is_scattered else run))


@pytest.mark.parametrize(
    "ends",
    [
        np.random.default_rng(1).exponential(3_000, 20_000),
        np.random.default_rng(2).integers(0, 40, 20_000),
        np.full(20_000, 777.0),
        np.concatenate([np.full(10_000, 1e-6), np.linspace(1e6, 2e6, 10_000)]),
    ],
    ids=["exponential", "ties", "all at once", "two lumps"],
)
def test_percentiles__are_order_statistics(make_run, ends):
    """Each percentile of the fleet and of a cohort is the value at its rank in sorted order."""
    sizes = {"a": 15_000, "b": 5_000}
    status = [FAIL if i % 50 == 0 else SUCCESS for i in range(20_000)]
    failures = [0 if i % 3 == 0 else -1 for i in range(20_000)]
    run = make_run(status, sizes=sizes, end_s=ends, first_failure_s=failures, run_end_s=float(ends.max()))

    by_kernels, by_numpy = both(run)

    assert_same(by_kernels, by_numpy)
    records = run.records
    for part, members in enumerate([slice(0, 15_000), slice(15_000, None), slice(None)]):
        for kind, is_member in (("success", True), ("recovery", records.first_failure[members] >= 0)):
            reached = (records.status[members] == SUCCESS) & is_member
            n = len(records.end[members]) if kind == "success" else np.count_nonzero(is_member)
            times = np.sort(records.end[members][reached])  # the first failure is at 0
            ranks = [-(-n * percent // 100) for percent in PERCENTS]
            expected = [times[rank - 1] if rank <= len(times) else NEVER for rank in ranks]
            assert getattr(by_kernels, kind)[part].tolist() == expected


def test_tally__hundreds_of_cohorts_take_no_more_memory(make_run, monkeypatch):
    """Cohorts share a bounded number of cells, and the numbers stay exact."""
    sizes = {f"c{i}": 10 for i in range(500)}
    rng = np.random.default_rng(3)
    run = make_run([SUCCESS] * 5_000, sizes=sizes, end_s=rng.uniform(0, 3_600, 5_000))
    shapes = []

    def watched(cells, ranks):
        shapes.append(cells.shape)
        return buckets(cells, ranks)

    buckets = counting._Buckets
    monkeypatch.setattr(counting, "_Buckets", watched)
    by_kernels, by_numpy = both(run)

    assert_same(by_kernels, by_numpy)
    assert [n_cohorts for _, n_cohorts in shapes] == [500, 500]
    assert all(n_buckets * n_cohorts <= 2**18 for n_buckets, n_cohorts in shapes)


def test_metrics__a_tally_that_is_there_is_used(make_run):
    """Metrics of a tally that was counted before are those of the run."""
    run = make_run([SUCCESS, FAIL], first_failure_s=[3, 4])

    assert run_metrics(run, tally_of(run)) == run_metrics(run)
