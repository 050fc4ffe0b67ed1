"""Situations of people who upgrade by night, by local time and around freezes; answers derived by hand.

Each is a file and the command, as its user would have them.
"""

import numpy as np
import pandas as pd
import pytest

from support.by_command import Run

HOUR, DAY = 3600.0, 86_400.0
PLANES = pytest.mark.parametrize("plane", ["compiled", "simpy"])

NIGHT = """\
name: night
fleet:
  cohorts:
    - name: device
      devices: 20
      link_rate: 100 kbit/s
      window: {opens: "02:00", closes: "03:00", for: install}
stages: {install: {constant: 30 s}, reboot: {constant: 30 s}}
campaign: {package: {version: "2", size: 100 MB}}
run: {start: 2026-01-05T18:00:00Z, until: 2 d}
"""

LOCAL = """\
name: local
fleet:
  cohorts:
    - {name: device, devices: 20, window: {opens: "02:00", closes: "05:00", zone: Europe/Berlin}}
campaign: {package: {version: "2", size: 1 kB}}
run: {start: 2026-03-29T12:00:00Z, until: 2 d}
"""

FREEZE = """\
name: freeze
fleet: {cohorts: [{name: device, devices: 600}]}
platform: {dispatch_rate: 10 /h}
campaign: {package: {version: "2", size: 1 kB}}
outages: [{at: 1 d, lasts: 10 d, effect: freeze}]
run: {until: 20 d, resolution: 1 h}
"""


@PLANES
def test_calendars__load_by_day_and_install_at_night(run: Run, plane: str) -> None:
    """Loaded at 20:13:20, installed from 02:00 on, back a minute later."""
    outcome = run(NIGHT, "--plane", plane, "--attempts")
    targets = outcome.targets
    loaded = pd.read_parquet(outcome.folder / "attempts.parquet").download_end_s
    assert (loaded == 2 * HOUR + 13 * 60 + 20).all()
    assert (targets.end_s == 8 * HOUR + 60).all()
    assert (targets.status == "Success").all()


@PLANES
def test_calendars__local_time_on_the_day_after_the_clock_was_put_forward(run: Run, plane: str) -> None:
    """02:00 in Berlin is midnight UTC in summer: twelve hours after the start."""
    assert (run(LOCAL, "--plane", plane).targets.end_s == 43_200.0).all()


@PLANES
def test_calendars__freeze_of_ten_days(run: Run, plane: str) -> None:
    """One is dispatched each six minutes; those who are left at day 1 begin at day 11, and nobody fails."""
    targets = run(FREEZE, "--plane", plane).targets
    starts = np.sort(targets.first_start_s)
    before = int((starts <= DAY).sum())
    assert before == 240  # the 241st would have been dispatched at the freeze's first tick
    assert starts[before] == 11 * DAY
    assert starts[-1] == 11 * DAY + (600 - before - 1) * 360
    assert abs(starts[-1] - 11 * DAY - 36 * HOUR) <= 360
    assert (targets.status == "Success").all()
