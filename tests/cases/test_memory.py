"""Situations of people who run fleets whose devices remember, with answers derived apart from the model.

Each is a file and the command, as its user would have them. What is random is held to four standard
deviations of the closed form, or to what the case says.
"""

import json
import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from support.by_command import Run

MINUTE, HOUR = 60.0, 3600.0

OFF_FOR_DAYS = """\
name: off-for-days
fleet: {cohorts: [{name: device, devices: 10000, online: {fraction: 80 %, mean_offline: 48 h}}]}
campaign:
  package: {version: "2", size: 1 kB}
  task_policy: {retry_count: 1, retry_interval: 5 min}
run: {until: 4 d, resolution: 1 h}
"""

FLAT_BATTERIES = """\
name: flat-batteries
fleet: {cohorts: [{name: device, devices: 100000}]}
failures: [{stage: query, code: 4, probability: 10 %, lasts: {exponential: {mean: 8 h}}}]
campaign:
  package: {version: "2", size: 1 kB}
  task_policy: {retry_count: 2, retry_interval: INTERVAL}
run: {until: 4 d, resolution: 1 h}
"""

SENSORS = """\
name: sensors
fleet: {cohorts: [{name: sensor, devices: 1000, online: {every: 150 min, for: 3 min}}]}
campaign: {package: {version: "2", size: 1 kB}}
run: {until: 1 d}
"""

LOST_REPORT = """\
name: lost-report
fleet: {cohorts: [{name: device, devices: 1000}]}
stages: {query: {constant: 2 s}}
failures: [{stage: reboot, silent: true, probability: 10 %, leaves: new}]
campaign:
  package: {version: "2", size: 12 MiB}
  task_policy: {retry_count: 1, retry_interval: 5 min}
run: {until: 4 d, resolution: 1 h}
"""

BREAKING = """\
name: breaking
fleet: {cohorts: [{name: device, devices: 10000, link_rate: 80 kbit/s}]}
failures: [{stage: download, code: 2, BREAK}]
RESUME
campaign:
  package: {version: "2", size: SIZE}
  task_policy: {retry_count: 5, retry_interval: 5 min}
run: {until: 4 d, resolution: 1 h}
"""

BRICKED = """\
name: bricked
fleet:
  cohorts: [{name: device, devices: DEVICES}]
failures: [{stage: reboot, silent: true, permanent: 100 %, leaves: dead}]
campaign:
  package: {version: "2", size: 12 MiB}
  task_policy: {retry_count: 2, retry_interval: 5 min}
  WAVES
run: {until: 7 d, resolution: 1 h}
"""

WAVES = """\
waves:
    - {name: canary, share: 10 %, gate: {failed_share_max: 5 %, of: first_attempts}}
    - {name: everyone, share: 100 %}
"""

TWO_COHORTS = """\
name: two-cohorts
fleet:
  cohorts:
COHORTS
platform: {max_processing: 20}
campaign: {package: {version: "2", size: 1 kB}, order: ORDER}
run: {until: 2 d, resolution: 10 min, seed: 3}
"""


def slack(p: float, n: int) -> float:
    """Return four standard deviations of a share of n."""
    return 4 * math.sqrt(p * (1 - p) / n)


def test_links__that_are_off_for_days_are_off_at_the_retry_too(run: Run):
    """First attempts fail for 0.2 e^(-25/48); five minutes later 0.2 e^(-50.083/48) are still away."""
    metrics = run(OFF_FOR_DAYS).metrics

    first, last = 0.2 * math.exp(-25 / 48), 0.2 * math.exp(-(50 + 5 / 60) / 48)
    assert 1 - metrics["first_attempt_success_share"] == pytest.approx(first, abs=slack(first, 10_000))
    assert metrics["success_share"] == pytest.approx(1 - last, abs=slack(last, 10_000))


@pytest.mark.parametrize(("interval", "failed"), [("5 min", 9794), ("720 min", 729)])
def test_batteries__are_as_flat_five_minutes_later(run: Run, interval: str, failed: int):
    """Two retries help p P^2 of the devices, P being the chance that a flat battery is flat again then."""
    metrics = run(FLAT_BATTERIES.replace("INTERVAL", interval)).metrics

    wait_h = float(interval.split()[0]) / 60
    again = 0.1 + 0.9 * math.exp(-wait_h / (0.9 * 8))
    left = 0.1 * again**2
    assert round(100_000 * left) == failed
    assert metrics["failed"] == pytest.approx(failed, abs=5 * math.sqrt(100_000 * left * (1 - left)))


def test_sensors__that_wake_by_the_clock_are_met_within_a_cycle(run: Run):
    """Who is asleep waits up to 147 min, evenly; nobody waits longer."""
    outcome = run(SENSORS)

    waits_s = outcome.targets.end_s.to_numpy()
    assert outcome.metrics["success_share"] == 1
    assert waits_s.max() <= 147 * MINUTE
    assert outcome.metrics["time_to_success.p99"] == pytest.approx(145.5 * MINUTE, abs=1.9 * MINUTE)
    at_once, asleep = (waits_s == 0).mean(), waits_s[waits_s > 0]
    assert at_once == pytest.approx(0.02, abs=slack(0.02, 1000))
    assert stats.kstest(asleep, stats.uniform(0, 147 * MINUTE).cdf).pvalue > 1e-3


def test_reports__that_get_lost_cost_no_second_download(run: Run):
    """The retry finds the new version: all succeed, each has loaded once, late ones after 24 h 5 min 4 s."""
    outcome = run(LOST_REPORT)

    late = outcome.targets[outcome.targets.attempts > 1]
    assert outcome.metrics["succeeded"] == 1000
    assert outcome.metrics["bytes_downloaded"] == 12_582_912_000
    assert len(late) / 1000 == pytest.approx(0.1, abs=slack(0.1, 1000))
    assert set(late.end_s) == {24 * HOUR + 5 * MINUTE + 4}


@pytest.mark.parametrize("cause", ["rate: 6 /h", "per: 6 MB"])
@pytest.mark.parametrize(("size", "breaks"), [("18 MB", 3.0), ("9 MB", 1.5), ("1 MB", 1 / 6)])
def test_downloads__that_break_fail_more_often_the_longer_they_take(
    run: Run, cause: str, size: str, breaks: float
):
    """From zero, six attempts get through with 1 - (1 - e^-b)^6, b being the breaks that a download meets."""
    text = BREAKING.replace("BREAK", cause).replace("SIZE", size).replace("RESUME\n", "")
    metrics = run(text).metrics

    through = 1 - (1 - math.exp(-breaks)) ** 6
    assert metrics["success_share"] == pytest.approx(through, abs=max(slack(through, 10_000), 3e-4))


@pytest.mark.parametrize("cause", ["rate: 6 /h", "per: 6 MB"])
def test_downloads__that_go_on_need_as_many_attempts_as_they_break(run: Run, cause: str):
    """With `resume`, six attempts are enough if three breaks on average are five at most."""
    text = BREAKING.replace("BREAK", cause).replace("SIZE", "18 MB").replace("RESUME", "resume: true")
    outcome = run(text)

    through = float(stats.poisson(3).cdf(5))
    assert outcome.metrics["success_share"] == pytest.approx(through, abs=slack(through, 10_000))
    assert set(outcome.targets.bytes[outcome.targets.status == "Success"]) == {18_000_000}
    assert (outcome.targets.bytes[outcome.targets.status != "Success"] < 18_000_000).all()


def test_devices__that_an_update_bricked_answer_never_again(run: Run):
    """One download each; then two retries wait 25 h each for a device that is dead."""
    targets = run(BRICKED.replace("DEVICES", "100").replace("  WAVES\n", "")).targets

    assert set(targets.bytes) == {12 * 2**20}
    assert set(targets.attempts) == {3}
    assert set(targets.end_s) == {24 * HOUR + 2 * 25 * HOUR + 10 * MINUTE}


def test_gate__that_looks_at_first_attempts_sees_them_at_24_h(run: Run):
    """Those that were bricked are Fail after three days only, but the gate stops the campaign after one."""
    outcome = run(BRICKED.replace("DEVICES", "1000").replace("WAVES\n", WAVES))

    waves = pd.read_parquet(outcome.folder / "waves.parquet").set_index("name")
    assert waves.gate_tripped_s["canary"] == 24 * HOUR
    assert np.isnan(waves.started_s["everyone"])
    assert (outcome.targets.attempts > 0).sum() == 100
    assert outcome.metrics["bytes_downloaded"] == 100 * 12 * 2**20


def test_order__of_cohorts_in_the_file_does_not_matter(run: Run):
    """Where places bind, two files that differ in the order of their cohorts differ by chance only."""
    cohorts = [
        f"    - {{name: {name}, devices: 200, stages: {{install: {{exponential: {{mean: {mean}}}}}}}}}\n"
        for name, mean in (("quick", "1 min"), ("slow", "10 min"))
    ]

    def apart(order: str) -> float:
        """Return how far the means of both files are apart, in standard errors of their difference."""
        half_done_s = []
        for lines in (cohorts, cohorts[::-1]):
            text = TWO_COHORTS.replace("COHORTS\n", "".join(lines)).replace("ORDER", order)
            summary = json.loads((run(text, "--replications", "20").folder / "summary.json").read_bytes())
            half_done_s.append(np.array(summary["metrics"]["time_to_success.p50"]["values"]))
        one, other = half_done_s
        return abs(one.mean() - other.mean()) / math.sqrt((one.var(ddof=1) + other.var(ddof=1)) / 20)

    assert apart("shuffled") < 4
    assert apart("interleaved") < 4
    assert apart("file") > 10
