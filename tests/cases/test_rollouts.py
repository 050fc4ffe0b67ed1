"""Situations of people who roll out by quota and by the clock, with answers derived apart from the model.

Each is a file and the command, as its user would have them.
"""

import numpy as np
import pandas as pd
import pytest

from support.by_command import Outcome, Run

HOUR, DAY = 3600.0, 86_400.0

QUOTA = """\
name: quota
fleet: {cohorts: [{name: device, devices: 1000}]}
platform: {dispatch_rate: 250 /d}
campaign: {package: {version: "2", size: 1 kB}}
run: {until: 10 d, resolution: 1 h}
"""


def test_rollouts__quota_a_day(run: Run) -> None:
    """So many devices a day: the thousandth begins 999 gaps after the first."""
    starts = np.sort(run(QUOTA).targets.first_start_s)
    assert starts[-1] == 999 / 250 * DAY
    np.testing.assert_allclose(np.diff(starts), DAY / 250)


PHASES = """\
name: phases
fleet: {cohorts: [{name: device, devices: 1000}]}
failures: [{stage: contact, silent: true, permanent: 5 %}]
stages: {install: {constant: 2 min}}
campaign:
  package: {version: "2", size: 1 kB}
  waves:
    - {name: early, share: 30 %}
    - {name: noon, share: 60 %, begin: {at: 12 h}}
    - {name: rest, share: 100 %, begin: {at: 24 h}}
run: {until: 4 d, resolution: 1 h}
"""

VIPS = """\
name: vips
fleet: {cohorts: [{name: plain, devices: 1000}, {name: vip, devices: 10}]}
stages: {install: {constant: 2 min}}
campaign:
  package: {version: "2", size: 1 kB}
  waves:
    - {name: first, cohorts: [vip], share: 1 %}
    - {name: rest, share: 100 %}
run: {until: 1 d}
"""


def waves_of(outcome: Outcome) -> pd.DataFrame:
    """Return the waves of a run, in order."""
    return pd.read_parquet(outcome.folder / "waves.parquet")


@pytest.mark.parametrize("plane", ["compiled", "simpy"])
def test_rollouts__phases_by_the_clock(run: Run, plane: str) -> None:
    """Phases at noon and at midnight begin then, though silent devices hold up the ones before for a day."""
    waves = waves_of(run(PHASES, "--plane", plane))
    assert list(waves.started_s) == [0, 12 * HOUR, 24 * HOUR]
    assert list(waves.devices) == [300, 300, 400]
    assert waves.settled_s[0] == 25 * HOUR


def test_rollouts__certain_devices_and_some_of_the_others(run: Run) -> None:
    """A wave of named devices and a share of the others begins with both at once."""
    outcome = run(VIPS)
    at_once = outcome.targets[outcome.targets.first_start_s == 0]
    assert at_once.cohort.value_counts().to_dict() == {"plain": 10, "vip": 10}
    assert list(waves_of(outcome).devices) == [20, 990]


DELTA = """\
name: delta
fleet:
  cohorts:
    - {name: old, devices: 1000}
    - {name: recent, devices: 1000, package_size: 1.2 MiB}
platform: {bandwidth: 100 Mbit/s}
campaign: {package: {version: "2", size: 12 MiB}}
run: {until: 1 d}
"""


@pytest.mark.parametrize("plane", ["compiled", "simpy"])
def test_rollouts__some_need_a_delta(run: Run, plane: str) -> None:
    """A thousand whole packages and a thousand deltas of a tenth go through one line."""
    outcome = run(DELTA, "--plane", plane)
    mebibytes = 1000 * 12 + 1000 * 1.2
    assert outcome.metrics["bytes_downloaded"] == pytest.approx(mebibytes * 2**20, abs=1000)
    assert outcome.metrics["makespan"] == pytest.approx(mebibytes * 2**20 / 12.5e6, abs=1e-3)
    by_cohort = outcome.targets.groupby("cohort").bytes.first()
    assert by_cohort.to_dict() == {"old": 12 * 2**20, "recent": round(1.2 * 2**20)}
