"""Situations of people whose devices are at sites, with answers derived apart from the model.

Each is a file and the command, as its user would have them.
"""

import pytest

from support.by_command import Run

THIN_LINES = """\
name: thin-lines
fleet: {cohorts: [{name: shop, devices: 500, site: {devices: 50, uplink: 10 Mbit/s}}]}
PLATFORM
campaign: {package: {version: "2", size: 100 MB}}
run: {until: 1 d}
"""

IN_TURNS = """\
name: in-turns
fleet: {cohorts: [{name: antenna, devices: 200, site: {devices: 16, at_a_time: 1}}]}
stages: {install: {constant: 4.5 min}}
campaign: {package: {version: "2", size: 1 kB}}
run: {until: 1 d}
"""


@pytest.mark.parametrize("plane", ["compiled", "simpy"])
@pytest.mark.parametrize(
    ("platform", "makespan_s"), [("", 4_000.0), ("platform: {bandwidth: 50 Mbit/s}", 8_000.0)]
)
def test_sites__fifty_devices_behind_one_line(run: Run, plane: str, platform: str, makespan_s: float) -> None:
    """5 GB through 10 Mbit/s take 4,000 s at each of ten sites, 8,000 s if all share half of that."""
    outcome = run(THIN_LINES.replace("PLATFORM", platform), "--plane", plane)
    assert outcome.metrics["makespan"] == pytest.approx(makespan_s, abs=1e-5)
    assert outcome.targets.end_s.min() == pytest.approx(makespan_s, abs=1e-5)


@pytest.mark.parametrize("plane", ["compiled", "simpy"])
def test_sites__one_at_a_time(run: Run, plane: str) -> None:
    """Twelve sites of sixteen devices and one of eight, in turns of 4.5 minutes: sixteen rounds."""
    outcome = run(IN_TURNS, "--plane", plane)
    ends = outcome.targets.end_s.value_counts().sort_index()
    assert list(ends.index) == [270.0 * round_ for round_ in range(1, 17)]
    assert list(ends) == [13] * 8 + [12] * 8
