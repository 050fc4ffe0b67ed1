"""One attempt, stage by stage: times, causes, every timer's text, windows, outages."""

import numpy as np
import pytest
from fleet.make_spec import daily, make_spec, start

from sim.fleet import spec as fs
from sim.fleet.model.draws import uniform
from sim.fleet.model.purposes import P_FRACTION
from sim.fleet.reference import SimpyFleet
from sim.rules import Protocol, Reason, Stage, SubtaskState

S = fs.TICKS_PER_S
HOUR = 3600 * S
DAYS = 24 * HOUR
FIVE_STAGES = {
    Stage.QUERY: 2.0,
    Stage.COVERAGE: 3.0,
    Stage.VERIFY: 5.0,
    Stage.INSTALL: 60.0,
    Stage.REBOOT: 20.0,
}


def run(spec: fs.FleetSpec, until: int = 10 * DAYS, **policy) -> SimpyFleet:
    """Run a fleet whose devices are all in one task."""
    fleet = SimpyFleet(spec, log_attempts=True)
    start(fleet, fs.RetryPolicy(**policy))
    fleet.advance(until)
    return fleet


def only(fleet: SimpyFleet) -> dict[str, int]:
    """Return the one row of the attempt log."""
    log = fleet.attempt_log()
    assert len(log.device) == 1
    return {name: int(column[0]) for name, column in vars(log).items()}


def u(spec: fs.FleetSpec, purpose: int, device: int = 0) -> float:
    """Return a keyed draw of a first attempt."""
    return uniform(spec.platform.seed, spec.platform.replication, device, 1, purpose)


# --- the good case --------------------------------------------------------------------------------


@pytest.mark.parametrize(("protocol", "entered_s"), [(Protocol.MQTT, 2), (Protocol.LWM2M, 5)])
def test_attempt__times_of_its_stages_add_up(protocol, entered_s):
    """Query, coverage (LwM2M only), download, verify, install, reboot follow each other."""
    cohort = {"protocol": protocol, "stages": FIVE_STAGES, "link_rate": 1e5}
    row = only(run(make_spec([cohort], package_bytes=1_000_000)))
    assert row == {
        "device": 0,
        "attempt": 1,
        "trigger": 0,
        "start": 0,
        "entered": entered_s * S,
        "held": 0,
        "download_start": entered_s * S,
        "download_end": (entered_s + 10) * S,
        "end": (entered_s + 10 + 85) * S,
        "status": SubtaskState.SUCCESS,
        "reason": Reason.NONE,
        "bytes": 1_000_000,
    }


def test_attempt__without_link_rate_or_bandwidth_downloads_at_once():
    """A download without duration takes no place and has no rate, but its bytes count."""
    fleet = run(make_spec([{"devices": 5, "stages": FIVE_STAGES}], max_downloads=1))
    assert set(fleet.records().end) == {87 * S}
    assert set(fleet.records().bytes) == {1_000_000}
    assert (fleet.totals().peak_downloads, fleet.totals().peak_bandwidth) == (0, 0.0)


def test_attempt__of_a_current_device_ends_after_the_query():
    """A device that runs the version already succeeds without a download."""
    row = only(run(make_spec([{"already_current": 1.0, "stages": FIVE_STAGES}])))
    assert (row["end"], row["status"], row["bytes"]) == (2 * S, SubtaskState.SUCCESS, 0)
    assert (row["entered"], row["download_start"], row["download_end"]) == (-1, -1, -1)


def test_attempt__of_a_current_device_can_fail_at_query():
    """Being current does not help a device that fails in the query itself."""
    causes = [{"stage": Stage.QUERY, "p": 1.0, "reason": Reason.BUSY}]
    assert only(run(make_spec([{"already_current": 1.0}], causes)))["reason"] == Reason.BUSY


# --- failures that the device reports -------------------------------------------------------------


@pytest.mark.parametrize(
    ("stage", "begins_s", "lasts_s"),
    [
        (Stage.QUERY, 0, 2),
        (Stage.COVERAGE, 2, 3),
        (Stage.DOWNLOAD, 5, 10),
        (Stage.VERIFY, 15, 5),
        (Stage.INSTALL, 20, 60),
        (Stage.REBOOT, 80, 20),
    ],
)
def test_attempt__fails_after_a_fraction_of_its_stage(stage, begins_s, lasts_s):
    """A reported failure comes after the drawn fraction of the stage's time or bytes, with its code."""
    cohort = {"protocol": Protocol.LWM2M, "stages": FIVE_STAGES, "link_rate": 1e5}
    spec = make_spec([cohort], [{"stage": stage, "p": 1.0, "reason": Reason.LOW_POWER}])
    row = only(run(spec))
    assert (row["status"], row["reason"]) == (SubtaskState.FAIL, Reason.LOW_POWER)
    fraction = u(spec, P_FRACTION)
    tolerance = 10 if stage == Stage.DOWNLOAD else 0.5  # a byte takes 10 ticks
    assert row["end"] == pytest.approx((begins_s + fraction * lasts_s) * S, abs=tolerance)
    whole = {Stage.QUERY: 0, Stage.COVERAGE: 0, Stage.DOWNLOAD: int(fraction * 1e6)}
    assert row["bytes"] == whole.get(stage, 1_000_000)


def test_attempt__marked_device_fails_in_every_attempt():
    """A permanent cause acts in each attempt, each time after a new fraction."""
    causes = [{"stage": Stage.INSTALL, "permanent": 1.0, "reason": Reason.INSTALL_FAIL}]
    fleet = run(make_spec([{"stages": FIVE_STAGES}], causes), retry_count=2, retry_interval_ticks=60 * S)
    log = fleet.attempt_log()
    assert list(log.reason) == [Reason.INSTALL_FAIL] * 3
    assert len(set(log.end - log.start)) == 3


def test_attempt__mark_of_a_later_stage_leaves_earlier_ones_alone():
    """A device marked at reboot still goes through all before it."""
    causes = [{"stage": Stage.REBOOT, "permanent": 1.0}, {"stage": Stage.VERIFY, "p": 0.0}]
    row = only(run(make_spec([{"stages": FIVE_STAGES}], causes)))
    assert row["end"] > 67 * S


def test_attempt__outage_adds_failures_to_downloads_begun_in_it():
    """An outage's risk is drawn when the download begins; ordinary causes come first."""
    risks = [{"from_s": 0.0, "to_s": 10.0, "p": 0.4, "reason": Reason.SIGNAL_BAD}]
    late = {"devices": 200, "stages": {Stage.QUERY: 10.0}}
    reasons = run(make_spec([{"devices": 200}, late], risks=risks)).records().reason
    assert set(reasons[200:]) == {Reason.NONE}
    # 200 draws of 40 %: four standard deviations are 14 %.
    assert np.mean(reasons[:200] == Reason.SIGNAL_BAD) == pytest.approx(0.4, abs=0.14)


def test_attempt__ordinary_cause_hides_an_outages_risk():
    """When both would fail the download, the ordinary cause's code is reported."""
    causes = [{"stage": Stage.DOWNLOAD, "p": 1.0, "reason": Reason.LOW_SPACE}]
    risks = [{"from_s": 0.0, "to_s": 10.0, "reason": Reason.SIGNAL_BAD}]
    assert only(run(make_spec(causes=causes, risks=risks)))["reason"] == Reason.LOW_SPACE


# --- timers ---------------------------------------------------------------------------------------

MINUTE = 60 * S
SILENT = [
    (Protocol.MQTT, Stage.CONTACT, Reason.ONLINE_TIMEOUT, 25 * HOUR),
    (Protocol.MQTT, Stage.QUERY, Reason.VERSION_TIMEOUT, 3 * MINUTE),
    (Protocol.MQTT, Stage.DOWNLOAD, Reason.DOWNLOAD_TIMEOUT_PLATFORM, 2 * S + 24 * HOUR),
    (Protocol.MQTT, Stage.VERIFY, Reason.RESULT_TIMEOUT, 2 * S + 24 * HOUR),
    (Protocol.MQTT, Stage.INSTALL, Reason.RESULT_TIMEOUT, 2 * S + 24 * HOUR),
    (Protocol.MQTT, Stage.REBOOT, Reason.RESULT_TIMEOUT, 2 * S + 24 * HOUR),
    (Protocol.LWM2M, Stage.CONTACT, Reason.ONLINE_TIMEOUT, 24 * HOUR),
    (Protocol.LWM2M, Stage.QUERY, Reason.VERSION_TIMEOUT, 3 * MINUTE),
    (Protocol.LWM2M, Stage.COVERAGE, Reason.COVERAGE_TIMEOUT, 2 * S + 3 * MINUTE),
    (Protocol.LWM2M, Stage.DOWNLOAD, Reason.DOWNLOAD_TIMEOUT_PLATFORM, 5 * S + 60 * MINUTE),
    (Protocol.LWM2M, Stage.VERIFY, Reason.RESULT_TIMEOUT, 15 * S + 30 * MINUTE),
    (Protocol.LWM2M, Stage.INSTALL, Reason.RESULT_TIMEOUT, 15 * S + 30 * MINUTE),
    (Protocol.LWM2M, Stage.REBOOT, Reason.RESULT_TIMEOUT, 15 * S + 30 * MINUTE),
]


@pytest.mark.parametrize(("protocol", "stage", "reason", "end"), SILENT)
def test_attempt__silent_failure_lasts_until_the_timer(protocol, stage, reason, end):
    """A device that goes quiet is given up when the platform's timer for that stage runs out."""
    cohort = {"protocol": protocol, "stages": FIVE_STAGES, "link_rate": 1e5}
    row = only(run(make_spec([cohort], [{"stage": stage, "p": 1.0, "silent": True}])))
    assert (row["status"], row["reason"], row["end"]) == (SubtaskState.FAIL, reason, end)


# The download of these takes 10 s: part of the MQTT timer, but before the last LwM2M timer.
SLOW = [
    (Protocol.MQTT, {Stage.QUERY: 180.0}, Reason.VERSION_TIMEOUT, 180),
    (Protocol.LWM2M, {Stage.COVERAGE: 180.0}, Reason.COVERAGE_TIMEOUT, 180),
    (Protocol.MQTT, {Stage.VERIFY: 86_000.0, Stage.REBOOT: 390.0}, Reason.RESULT_TIMEOUT, 86_400),
    (Protocol.LWM2M, {Stage.VERIFY: 600.0, Stage.INSTALL: 1200.0}, Reason.RESULT_TIMEOUT, 1810),
]


@pytest.mark.parametrize(("protocol", "stages", "reason", "deadline_s"), SLOW)
def test_attempt__deadline_reached_exactly_is_met(protocol, stages, reason, deadline_s):
    """Work that ends at its deadline is in time; a tick more and the timer ends the attempt there."""
    last = max(stages)
    late_stages = {**stages, last: stages[last] + 1e-6}
    in_time, late = (
        only(run(make_spec([{"protocol": protocol, "stages": each, "link_rate": 1e5}])))
        for each in (stages, late_stages)
    )
    assert in_time["status"] == SubtaskState.SUCCESS
    assert (late["reason"], late["end"]) == (reason, deadline_s * S)


def test_attempt__failure_after_its_deadline_is_the_timers():
    """A cause that would be reported too late counts as a timeout, an earlier one as itself."""
    causes = [{"stage": Stage.QUERY, "p": 1.0, "reason": Reason.BUSY}]
    spec = make_spec([{"devices": 40, "stages": {Stage.QUERY: 360.0}}], causes)
    records = run(spec).records()
    for device in range(40):
        fails_s = u(spec, P_FRACTION, device) * 360.0
        expected = Reason.VERSION_TIMEOUT if fails_s > 180.0 else Reason.BUSY
        assert records.reason[device] == expected
        assert records.end[device] == pytest.approx(min(fails_s, 180.0) * S, abs=0.5)
    assert len(set(records.reason)) == 2


def test_attempt__cohorts_timers_replace_the_vendors():
    """A timer of the cohort's own applies instead of the default."""
    cohort = {"stages": FIVE_STAGES, "timers": {"upgrade": 80.0}}
    row = only(run(make_spec([cohort])))
    assert (row["reason"], row["end"]) == (Reason.RESULT_TIMEOUT, 82 * S)


# --- contact --------------------------------------------------------------------------------------


def test_contact__waits_for_the_window_and_may_outlast_it():
    """The daily window holds the contact only: what has begun runs past its closing."""
    for begins_at_h, ends_at_h in ((20.0, 4), (22.5, 2), (23.0, 25)):
        window = daily(22 * 3600.0, 23 * 3600.0, day_start=begins_at_h * 3600.0)
        cohort = {"contact": window, "stages": {Stage.INSTALL: 7200.0}}
        assert only(run(make_spec([cohort])))["end"] == ends_at_h * HOUR


def test_contact__waits_for_window_and_outage_together():
    """An outage that ends outside the window costs a further day, and the online timer counts it all."""
    window = {"contact": daily(0.0, 3600.0)}
    spec = make_spec([window], away=[(0.0, 3600.0, 0)])
    assert only(run(spec))["end"] == 24 * HOUR
    row = only(run(make_spec([window], away=[(0.0, 3600.0, 0), (24 * 3600.0, 25 * 3600.0 + 1.0, 0)])))
    assert (row["reason"], row["end"]) == (Reason.ONLINE_TIMEOUT, 25 * HOUR)


def test_contact__online_deadline_reached_exactly_is_met():
    """Contact at the very tick at which the online timer runs out is in time."""
    assert only(run(make_spec(away=[(0.0, 90_000.0, 0)])))["status"] == SubtaskState.SUCCESS
    late = only(run(make_spec(away=[(0.0, 90_000.000001, 0)])))
    assert (late["reason"], late["end"]) == (Reason.ONLINE_TIMEOUT, 25 * HOUR)
