"""Little's law on every shared resource: mean number in it = rate of arrivals times mean time in it.

The number comes from the curves, rate and time from the attempt log: two things that the planes keep
apart. In an interval of a steady run the law is exact but for its edges (who is in at its beginning came
before, who is in at its end leaves later), which the log gives too.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from fleet.make_spec import make_spec, start

from sim.fleet import spec as fs
from sim.fleet.compiled import CompiledFleet
from sim.fleet.protocol import AttemptLog, Fleet
from sim.fleet.reference import SimpyFleet
from sim.rules import Protocol, Stage, SubtaskState

S = fs.TICKS_PER_S
PLANES = pytest.mark.parametrize("plane", [CompiledFleet, SimpyFleet])
N = 2_400
GAP_S = 0.5
GRID_S = 0.25
FROM_S, TO_S = 300.0, 1_100.0
"""When the fleet is steady: the first arrivals have left, the last ones have not come."""

STAGES = {
    Stage.QUERY: (fs.LOGNORMAL, 2.0, 0.5),
    Stage.INSTALL: (fs.UNIFORM, 30.0, 90.0),
    Stage.REBOOT: (fs.EXPONENTIAL, 10.0),
}
CAUSES = [{"stage": Stage.DOWNLOAD, "p": 0.05}, {"stage": Stage.INSTALL, "p": 0.05}]


def steady(
    plane: Callable[..., Fleet], *, gap_s: float = GAP_S, **arguments: Any
) -> tuple[Fleet, AttemptLog]:
    """Run a fleet with one attempt a device, dispatched at a steady rate; return it and its log."""
    cohort = {"devices": N, "link_rate": 3e5, "stages": STAGES, **arguments.pop("cohort", {})}
    spec = make_spec([cohort], CAUSES, dispatch_gap_s=gap_s, resolution_s=GRID_S, seed=5, **arguments)
    fleet = plane(spec, log_attempts=True)
    start(fleet)
    fleet.advance(fs.to_ticks(4 * N * GAP_S))
    assert len(fleet.attempt_log().end) == N
    return fleet, fleet.attempt_log()


@dataclass
class Little:
    """Both sides of the law in the steady interval."""

    number: float
    rate_per_s: float
    time_s: float


def little(fleet: Fleet, held: np.ndarray, entered: np.ndarray, left: np.ndarray) -> Little:
    """Assert the law.

    Args:
        fleet: The fleet.
        held: Devices in the resource at each row of the curves.
        entered: Tick at which each came in.
        left: Tick at which it went out.
    """
    rows = (fleet.curves().tick >= FROM_S * S) & (fleet.curves().tick < TO_S * S)
    length_s = TO_S - FROM_S
    came = (entered >= FROM_S * S) & (entered < TO_S * S)
    law = Little(
        float(held[rows].mean()), float(came.sum()) / length_s, float((left - entered)[came].mean()) / S
    )
    was_in = (entered < FROM_S * S) & (left > FROM_S * S)
    stays = came & (left > TO_S * S)
    brought = float((left / S - FROM_S)[was_in].sum())
    taken = float((left / S - TO_S)[stays].sum())
    # Between two rows each arrival and departure is seen up to a grid step late.
    reading = 2.0 * float(came.sum() + was_in.sum()) * GRID_S / length_s
    expected = law.rate_per_s * law.time_s + (brought - taken) / length_s
    assert law.number == pytest.approx(expected, abs=reading)
    assert abs(brought - taken) / length_s < 0.1 * law.number, "the interval is not steady"
    return law


@PLANES
def test_little__processing_places(plane):
    """Subtasks in `Processing` are the dispatch rate times the length of an attempt."""
    fleet, log = steady(plane, max_processing=200)

    law = little(fleet, fleet.curves().status[:, SubtaskState.PROCESSING], log.start, log.end)
    assert law.rate_per_s == pytest.approx(1 / GAP_S, rel=0.001)


@PLANES
def test_little__download_places(plane):
    """Places in use are the rate times the length of a download, also where devices queue for them."""
    fleet, log = steady(plane, max_downloads=7)
    has = log.download_start >= 0

    law = little(fleet, fleet.curves().downloads, log.download_start[has], log.download_end[has])
    assert (log.download_start > log.entered)[has].mean() > 0.3
    assert fleet.totals().peak_downloads == 7
    assert law.number < 7


@PLANES
def test_little__shared_bandwidth(plane):
    """Downloads that share the egress obey the law, and the egress carries rate times mean bytes."""
    fleet, log = steady(plane, bandwidth=1.98e6)
    has = log.download_start >= 0
    begun, ended = log.download_start[has], log.download_end[has]

    law = little(fleet, fleet.curves().downloads, begun, ended)
    assert law.time_s > 1.2 * 1e6 / 3e5, "the egress hardly slows downloads down"
    rows = (fleet.curves().tick >= FROM_S * S) & (fleet.curves().tick < TO_S * S)
    mean_bytes = log.bytes[has][(begun >= FROM_S * S) & (begun < TO_S * S)].mean()
    edges = law.number * 1e6 / (TO_S - FROM_S)  # what those at the edges have, or lack
    load = fleet.curves().bandwidth[rows].mean()
    assert load == pytest.approx(law.rate_per_s * mean_bytes, abs=2 * edges)
    assert edges < 0.02 * load


@PLANES
def test_little__radio_cells(plane):
    """In full cells the places are the rate times the length of an attempt: no place is ever idle."""
    cohort = {"protocol": Protocol.LWM2M, "cell_devices": N // 8}
    fleet, log = steady(plane, gap_s=0.0, cohort=cohort, cell_places=(12, 1, 1))

    law = little(fleet, fleet.curves().status[:, SubtaskState.PROCESSING], log.start, log.end)
    assert law.number == 8 * 12
    assert law.rate_per_s * law.time_s == pytest.approx(8 * 12, rel=0.02)


@PLANES
def test_little__queue_for_the_dispatch(plane):
    """Who waits in the ready queue is counted as `Waitting`, for as long as it takes to be dispatched."""
    fleet, log = steady(plane, gap_s=0.0, max_processing=100)
    rows = fleet.curves().tick <= log.start.max()
    waiting = fleet.curves().status[rows, SubtaskState.WAITTING].sum() * GRID_S

    # All join at 0, so that the mean number times the length of it all is the sum of their waits.
    assert waiting == pytest.approx(log.start.sum() / S, abs=N * GRID_S)
    assert fleet.curves().status[1:, SubtaskState.PROCESSING].max() == 100
