"""The scenarios of devices that remember: each shows what its header says."""

import pytest

import sim

MINUTE_S, DAY_S = 60.0, 86_400.0


def test_flat_batteries__patience_leaves_a_tenth_behind(results):
    """Twelve hours instead of five minutes, and nothing else: a tenth as many fail, after a day."""
    hasty, patient = results("flat-batteries"), results("flat-batteries-patient")

    assert patient.metrics["failed"] < hasty.metrics["failed"] / 10
    assert hasty.metrics["makespan"] < DAY_S / 24 < DAY_S <= patient.metrics["makespan"]


def test_sleepy_sensors__are_met_along_a_line(results):
    """Who needs one attempt is done within the 147 minutes that a sensor sleeps, evenly spread over them."""
    targets = results("sleepy-sensors").targets
    once_s = targets[targets.attempts == 1].end_s

    assert once_s.max() < 149 * MINUTE_S
    assert once_s.quantile(0.25) == pytest.approx(once_s.quantile(0.75) / 3, rel=0.05)


def test_breaking_links__resume_sends_each_byte_once(results):
    """All succeed with the bytes of one download; without it a quarter does, and most bytes are in vain."""
    anew, onward = results("breaking-links"), results("breaking-links-resume")
    package = onward.scenario.campaign.package.size

    done = onward.targets[onward.targets.status == "Success"]
    assert len(done) > 3 * anew.metrics["succeeded"]
    assert set(done.bytes) == {package}
    assert anew.metrics["bytes_wasted"] > 5 * anew.metrics["succeeded"] * package


def test_lost_reports__are_found_by_asking(results):
    """Of six that needed a second attempt, five were upgraded already, and load nothing more."""
    result = results("lost-reports")
    targets, package = result.targets, result.scenario.campaign.package.size
    late = targets[targets.attempts == 2]

    assert set(late.bytes) == {package, 2 * package}
    assert (late.bytes == package).mean() == pytest.approx(5 / 6, abs=0.08)


def test_bricked_canary__is_noticed_after_a_day(results):
    """The gate trips when the first attempts end; one that waits for the end of subtasks takes three days."""
    result = results("bricked-canary")
    (canary, everyone) = result.waves.to_dict("records")
    assert DAY_S < canary["gate_tripped_s"] < DAY_S + 5 * MINUTE_S
    assert everyone["exposed"] == 0

    slow = sim.run(result.scenario.with_values({"campaign.waves[0].gate.of": "ended"}))
    assert slow.waves["gate_tripped_s"].iloc[0] > 3 * DAY_S
