"""Tests of what only the compiled plane does with its memory."""

import dataclasses

import numpy as np
import pytest
from fleet.make_spec import make_spec

from sim.errors import ModelError
from sim.fleet import spec as fs
from sim.fleet.compiled import CompiledFleet
from sim.fleet.growth import with_room
from sim.fleet.rows import new_heap
from sim.fleet.state import HEAP_N
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
        f"{type(table).__name__}.{field.name}": np.copy(getattr(table, field.name))
        for table in tables
        for field in dataclasses.fields(table)
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
        assert heap.shape == (size, 2)
        assert heap.flags.c_contiguous
        assert (heap.ctypes.data + 16) % 64 == 0


def test_heap__keeps_its_events_when_it_grows():
    """Room for more events moves the heap, and nothing in it."""
    st = fleet_under_way(max_processing=300)._st
    n, before = int(st.reg[HEAP_N]), st.heap.copy()
    grown = with_room(st, heap=10 * len(st.heap)).heap

    assert n > 100
    assert len(grown) > 10 * len(before)
    assert np.array_equal(grown[:n], before[:n])
