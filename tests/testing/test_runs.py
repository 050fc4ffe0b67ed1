"""What a test keeps of runs: values by replication, and one curve."""

import numpy as np
import pytest

import sim
from sim.scenario import make_scenario, parse_scenario
from sim.testing.diagnosis import trail
from sim.testing.runs import curve_of, make_trial, more_samples
from support.small_scenario import scenario_text

LINES = """expect:
  attempts: within 1 % of baseline
  by_cohort.far.failed: within 1 of baseline
  succeeded: "at 1 h: within 5 of baseline"
  failed: "== 0"
"""


@pytest.fixture
def tiny():
    """Return the small scenario with lines that need values of their own."""
    return parse_scenario(scenario_text(replications=3, more=LINES))


def test_make_trial__keeps_every_metric_and_what_lines_ask_for(tiny):
    """Values are those of `sim.run`, replication by replication."""
    trial, result = make_trial(tiny), sim.run(tiny)

    assert trial.digest == result.digest
    assert trial.samples.metrics == {name: e.values for name, e in result.estimates.items()}
    assert list(trial.samples.lines) == ["attempts", "by_cohort.far.failed", "succeeded at 3600 s"]
    assert trial.samples.lines["attempts"] == trial.samples.metrics["attempts"]
    assert trial.samples.lines["by_cohort.far.failed"] == tuple(
        run.by_cohort["far"]["failed"] for run in result.runs
    )
    curves = result.curves[result.curves["time_s"] == 3600]
    assert list(trial.samples.lines["succeeded at 3600 s"]) == curves["success"].tolist()
    assert len(trial.verdicts) == len(trial.values) == 4


def test_more_samples__go_on_where_the_trial_ends(tiny):
    """Replication r is the same run whoever makes it."""
    samples = make_trial(tiny).samples

    assert samples.first(1).with_more(more_samples(tiny, 1, 3)) == samples
    assert samples.first(2).replications == 2


def test_trail__is_that_of_the_first_replication(tiny):
    """Its digest tells whether a baseline's run was the same."""
    found, digest = trail(tiny)

    assert digest == make_trial(tiny).samples.digests[0]
    assert len(found.device) == make_trial(tiny).samples.metrics["attempts"][0]


def test_curve_of__is_the_mean_at_times_of_the_grid(tiny):
    """At each stored time the share is the mean of the runs' counts, and it ends with the last change."""
    result = sim.run(tiny)
    curve = curve_of(result.runs, 300.0)

    frame = result.curves.pivot_table(index="time_s", columns="replication", values="success")
    mean = frame.mean(axis=1) / 200
    first_end_s = min(run.end_s for run in result.runs)
    known = [(t, share) for t, share in zip(curve.time_s, curve.success, strict=True) if t < first_end_s]
    assert len(known) > 10
    for time_s, share in known:
        assert share == pytest.approx(mean.loc[:time_s].iloc[-1], abs=1e-6)
    assert curve.time_s[0] == 0.0
    assert np.all(np.diff(curve.time_s) > 0)
    assert curve.success[-1] == pytest.approx(result.metrics["success_share"])


def test_curve_of__a_campaign_that_is_over_at_once_has_one_step():
    """A fleet without times has nothing to draw, and that is no error."""
    values = {
        "fleet": {"cohorts": [{"name": "a", "devices": 3}]},
        "campaign": {"package": {"version": "2", "size": "1 kB"}},
    }
    trial = make_trial(make_scenario(values))

    assert trial.curve.success == (1.0, 1.0)
    assert trial.curve.time_s == (0.0, 300.0)
