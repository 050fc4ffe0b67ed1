"""Tests of what only the compiled plane does with its memory."""

import numpy as np
import pytest
from fleet.make_spec import make_spec
from fleet.planes import same_results

from sim.errors import ModelError
from sim.fleet import spec as fs
from sim.fleet.compiled import CompiledFleet
from sim.fleet.compiled.memory.growth import make_room
from sim.fleet.compiled.memory.tables import new_heap
from sim.fleet.model.purposes import D_CURRENT, D_PERMANENT
from sim.fleet.reference.cohorts import cohorts_of
from sim.fleet.reference.draws import Draws
from sim.fleet.reference.queues import coverage_level
from sim.rules import Stage

N = 2000


def fleet_under_way(**platform):
    """Return a fleet of which some have ended, some are under way, and some wait."""
    stages = {Stage.QUERY: (fs.LOGNORMAL, 2.0, 0.5), Stage.INSTALL: (fs.EXPONENTIAL, 30.0)}
    spec = make_spec(
        [{"devices": N, "link_rate": 1e6, "stages": stages}], [{"stage": Stage.INSTALL, "p": 0.1}], **platform
    )
    fleet = CompiledFleet(spec, log_attempts=True)
    fleet.add_task(np.arange(N, dtype=np.int32), fs.RetryPolicy(1, fs.to_ticks(60)))
    fleet.release(np.arange(N, dtype=np.int32))
    fleet.advance(fs.to_ticks(100))
    return fleet


def told(fleet):
    """Return everything that a fleet tells, but for the bytes that count when it is closed."""
    tables = (fleet.records(), fleet.curves(), fleet.totals(), fleet.attempt_log())
    columns = {
        f"{type(table).__name__}.{name}": np.copy(getattr(table, name))
        for table in tables
        for name in table.__annotations__
    }
    del columns["TargetRecords.bytes"]
    return columns | {"counts": fleet.counts(), "task": fleet.task_counts(0)}


@pytest.mark.parametrize(
    "platform",
    [{"max_processing": 300}, {"max_processing": 300, "bandwidth": 5e7, "max_downloads": 100}],
    ids=["free", "shared"],
)
def test_close__keeps_what_results_are_made_of(platform):
    """Records, curves, totals and log are the same before and after; the rest of the memory is gone."""
    fleet = fleet_under_way(**platform)
    before, n_bytes = told(fleet), fleet.records().bytes.sum()
    fleet.close()
    after = told(fleet)

    assert [name for name in before if not np.array_equal(before[name], after[name])] == []
    assert fleet.records().bytes.sum() > n_bytes
    assert sum(map(len, (fleet._st.work, fleet._st.net, fleet._st.heap, fleet._st.plans))) == 0


def test_close__ends_the_run():
    """A fleet that has given its memory free can't go on, and says so."""
    fleet = fleet_under_way()
    some = np.arange(3, dtype=np.int32)
    fleet.close()
    fleet.close()
    calls = (
        lambda: fleet.advance(fs.NEVER),
        lambda: fleet.stop(some),
        lambda: fleet.retry(some),
        lambda: fleet.release(some),
        lambda: fleet.add_task(some, fs.RetryPolicy(0, None)),
    )
    for call in calls:
        with pytest.raises(ModelError, match="the run has ended"):
            call()


@pytest.mark.parametrize("size", [1, 2, 3, 1000, 100_000])
def test_new_heap__children_share_a_cache_line(size):
    """Wherever the memory lies: entries 4 i + 1 to 4 i + 4 are read together."""
    for heap in [new_heap(size) for _ in range(20)]:
        assert len(heap) == size
        assert heap.flags.c_contiguous
        assert (heap.ctypes.data + 16) % 64 == 0


def test_heap__keeps_its_events_when_it_grows():
    """Room for more events moves the heap, and nothing in it."""
    st = fleet_under_way(max_processing=300)._st
    n, before = int(st.reg.heap_n), st.heap.copy()
    make_room(st, heap=10 * len(st.heap))
    grown = st.heap

    assert n > 100
    assert len(grown) > 10 * len(before)
    assert np.array_equal(grown[:n], before[:n])


EVERYBODY = np.arange(N, dtype=np.int32)
RELEASES = {
    "everybody": [EVERYBODY],
    "in two calls": [EVERYBODY[: N // 2], EVERYBODY[N // 2 :]],
    "the last one first": [EVERYBODY[::-1]],
    "with gaps": [EVERYBODY[::2]],
    "twice": [EVERYBODY, EVERYBODY],
    "nobody": [EVERYBODY[:0], EVERYBODY],
}


@pytest.mark.parametrize("stopped", [0, 100])
@pytest.mark.parametrize("releases", RELEASES.values(), ids=RELEASES)
def test_release__without_a_queue(releases, stopped):
    """Straight play makes no queue of those that are released; that shows in nothing else."""
    stages = {Stage.QUERY: (fs.LOGNORMAL, 2.0, 0.5), Stage.INSTALL: (fs.EXPONENTIAL, 30.0)}
    spec = make_spec(
        [{"devices": N, "link_rate": 1e6, "stages": stages}], [{"stage": Stage.INSTALL, "p": 0.3}]
    )
    fleets = [CompiledFleet(spec, log_attempts=in_order) for in_order in (False, True)]
    for fleet in fleets:
        fleet.add_task(EVERYBODY, fs.RetryPolicy(1, fs.to_ticks(60)))
        for devices in releases:
            fleet.release(devices)
        fleet.stop(EVERYBODY[:stopped])
        fleet.advance(fs.to_ticks(50))
        fleet.advance(fs.to_ticks(3600))
    assert fleets[0].records().attempts.sum() > N // 2
    same_results(*fleets)


@pytest.mark.parametrize("n", [1, 2, 7, 40])
@pytest.mark.parametrize("threads", [1, 2])
def test_population__is_what_each_device_draws(n, threads):
    """Marks, versions and levels are drawn for two devices at a time, even where a cohort ends in between."""
    causes = [
        {"stage": Stage.QUERY, "p": 0.1},
        *[{"stage": Stage.VERIFY, "permanent": 0.15}] * 6,
        {"stage": Stage.QUERY, "permanent": 0.1},
    ]
    cohorts = [
        {"devices": n, "already_current": 0.5},
        {"devices": 3, "cell_devices": 2, "coverage_share": (0.4, 0.3, 0.3)},
        {"devices": n, "cell_devices": 1, "coverage_share": (0.3, 0.3, 0.4), "already_current": 0.3},
    ]
    spec = make_spec(cohorts, causes)
    work = CompiledFleet(spec, threads=threads)._st.work
    luck, cohorts_read = Draws(spec), cohorts_of(spec)
    for device, c in enumerate(spec.cohort.tolist()):
        draws = luck.of_device(device)
        mark = cohorts_read[c].mark_of(draws)
        assert work["mark"][device] == (-1 if mark is None else mark.purpose - D_PERMANENT)
        assert work["current"][device] == (draws[D_CURRENT] < cohorts_read[c].p_already_current)
        assert work["level"][device] == (coverage_level(spec, c, draws) if c else 0)
