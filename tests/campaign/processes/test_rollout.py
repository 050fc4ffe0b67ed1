"""Tests of the rollout: waves, soak times, gates, and how many devices a bad version reaches."""

import math
import re

import numpy as np
import pytest

from sim.campaign import run_campaign
from sim.campaign.processes.rollout import _breach
from sim.errors import ScenarioError
from sim.scenario import Gate

HOUR = 3600.0
TIMES = {"verify": {"constant": "10 min"}}
PLANES = ["simpy", "compiled"]
BAD = [{"stage": "verify", "code": 10, "permanent": "100 %"}]


def two_waves(gate=None, **first):
    """Return a canary of 10 % that soaks for 24 h, and everybody else."""
    canary = {"name": "canary", "share": "10 %", "soak": "24 h", **first}
    return {"waves": [{**canary, **({"gate": gate} if gate else {})}, {"name": "rest", "share": "100 %"}]}


def test_waves__follow_each_other_after_settling_and_soaking(run_of):
    """The second wave begins a soak time after the end of the first, with its own task."""
    run = run_of(100, stages=TIMES, campaign=two_waves())
    canary, rest = run.waves

    assert (canary.name, canary.share, canary.n_devices) == ("canary", 0.1, 10)
    assert (rest.name, rest.share, rest.n_devices) == ("rest", 1.0, 90)
    assert (canary.started_s, canary.settled_s) == (0.0, 600.0)
    assert rest.started_s == 600 + 24 * HOUR
    assert [(t.wave, t.n_targets, t.name) for t in run.tasks] == [
        ("canary", 10, "scenario_canary_1"),
        ("rest", 90, "scenario_rest_1"),
    ]
    assert (canary.exposed, canary.failed, rest.exposed) == (10, 0, 90)


def test_waves__without_any_there_is_one(run_of):
    """A campaign without waves is one wave, and up to the limit one task."""
    run = run_of(30, stages=TIMES)

    (wave,) = run.waves
    assert (wave.name, wave.share, wave.n_devices, wave.started_s, wave.settled_s) == (
        "all",
        1.0,
        30,
        0.0,
        600.0,
    )
    assert len(run.tasks) == 1


@pytest.mark.parametrize(
    ("devices", "sizes"), [(30_000, [30_000]), (30_001, [30_000, 1]), (1_000_000, [30_000] * 33 + [10_000])]
)
def test_tasks__number_and_calls_are_the_arithmetic(make_scenario_of, devices, sizes):
    """N devices are ceil(N / 30,000) tasks and create calls at 200/s, of which ten run at once."""
    scenario = make_scenario_of(devices, stages=TIMES)
    run = run_campaign(scenario, plane="compiled")
    created = [c.time_s for c in run.calls]

    assert [t.n_targets for t in run.tasks] == sizes
    assert [c.call for c in run.calls] == ["create"] * len(sizes)
    assert created == pytest.approx([0.005 * i for i in range(len(sizes))], abs=1e-9)
    assert sum(t.started_s < 600 for t in run.tasks) == min(10, len(sizes))
    assert all(t.status == "Success" for t in run.tasks)
    # Ten at a time, each batch ten minutes after the one before: the last of k batches ends at k * 10 min.
    assert run.end_s == pytest.approx(600.0 * -(-len(sizes) // 10), abs=0.2)


def test_gate__stops_a_bad_version_and_says_why(run_of):
    """A gate that trips stops what runs, begins no further wave, and counts who was exposed."""
    run = run_of(
        1000,
        stages=TIMES,
        failures=BAD,
        platform={"max_processing": 1},
        campaign=two_waves({"failed_count_max": 5}),
    )
    canary, rest = run.waves

    sixth_s = np.sort(run.records.first_failure[run.records.first_failure >= 0])[5] / 1e6
    assert canary.gate_tripped_s == sixth_s
    assert canary.gate_reason == "6 failed, more than 5"
    assert (canary.exposed, canary.failed) == (6, 6)
    assert (rest.started_s, rest.exposed, rest.settled_s) == (None, 0, None)
    assert [(c.caller, c.call) for c in run.calls] == [("campaign", "create"), ("campaign", "stop")]
    assert run.tasks[0].status == "Stopped"
    assert any("wave canary stopped the campaign" in note for note in run.notes)


def test_gate__a_share_without_minimum_is_about_the_whole_wave(run_of):
    """5 % of a wave of 100 may fail: the sixth failure trips the gate, not the first one that ends."""
    run = run_of(
        1000,
        stages=TIMES,
        failures=BAD,
        platform={"max_processing": 1},
        campaign=two_waves({"failed_share_max": "5 %"}),
    )

    assert run.waves[0].failed == 6
    assert run.waves[0].gate_reason == "6 failed of 100 devices, too many for the whole wave"


def test_gate__a_share_with_minimum_is_looked_at_from_then_on(run_of):
    """With `of_at_least` the share counts as soon as so many have ended."""
    run = run_of(
        1000,
        stages=TIMES,
        failures=BAD,
        platform={"max_processing": 1},
        campaign=two_waves({"failed_share_max": "5 %", "of_at_least": 20}),
    )

    assert run.waves[0].gate_reason == "20 failed of 20 that ended, more than 5 %"


def test_gate__just_met_is_not_passed(run_of):
    """Exactly the allowed number of failures lets the rollout go on."""
    failures = [{"stage": "verify", "code": 10, "permanent": "30 %"}]
    probe = run_of(300, stages=TIMES, failures=failures, campaign=two_waves())
    n_failed = probe.waves[0].failed
    assert n_failed > 0
    for allowed, waves_begun in ((n_failed, 2), (n_failed - 1, 1)):
        run = run_of(300, stages=TIMES, failures=failures, campaign=two_waves({"failed_count_max": allowed}))
        assert sum(wave.started_s is not None for wave in run.waves) == waves_begun


@pytest.mark.parametrize("plane", ["simpy", "compiled"])
@pytest.mark.parametrize("least", [{}, {"of_at_least": 100}])
@pytest.mark.parametrize(("share", "trips"), [("29 %", False), (0.29, False), ("28.9999 %", True)])
def test_gate__exactly_the_allowed_share_is_allowed(run_of, share_of_29, plane, least, share, trips):
    """29 of 100 are not more than 29 %, although 0.29 times 100 is less than 29 in floats."""
    gate = {"failed_share_max": share, **least}
    wave = {"name": "all", "share": "100 %", "gate": gate}
    run = run_of(100, plane=plane, campaign={"waves": [wave]}, **share_of_29)

    assert run.waves[0].failed == 29
    assert (run.waves[0].gate_tripped_s is not None) is trips


def test_gate__is_watched_while_the_wave_soaks(run_of):
    """Failures that come of a retry in the soak time trip the gate as well, at once."""
    run = run_of(
        fleet={"cohorts": [{"name": name, "devices": 5} for name in "abc"]},
        stages=TIMES,
        failures=BAD,
        campaign={
            "waves": [
                {"name": "x", "cohorts": ["a", "b"], "soak": "24 h", "gate": {"failed_count_max": 5}},
                {"name": "y", "cohorts": ["c"]},
            ]
        },
        operators=[
            {"call": "stop", "at": "0 s", "only": {"cohorts": ["b"]}},
            {"call": "retry", "at": "5 h"},
        ],
    )

    assert 5 * HOUR < run.waves[0].gate_tripped_s < 5 * HOUR + 600
    assert run.waves[0].failed == 6
    assert run.waves[1].started_s is None


def test_soak__a_wave_reopened_in_it_must_settle_again(run_of):
    """A retry late in the soak time delays the next wave until the wave has settled again."""
    run = run_of(
        100,
        stages={"verify": {"constant": "6 h"}},
        failures=BAD,
        campaign=two_waves(),
        operators=[{"call": "retry", "at": "25 h"}],
    )

    assert run.tasks[0].settled_s > 25 * HOUR
    assert run.waves[1].started_s == run.tasks[0].settled_s


def test_stop__by_an_operator_ends_the_rollout(run_of):
    """Nobody rolls on over a task that was stopped as a whole."""
    run = run_of(
        100,
        stages={"verify": {"constant": "6 h"}},
        campaign=two_waves(),
        operators=[{"call": "stop", "at": "1 h"}],
    )

    assert run.waves[1].started_s is None
    assert run.waves[0].gate_tripped_s is None
    assert run.notes == ("a task of wave canary was stopped, so no further wave began",)


def test_schedule__is_counted_from_the_creation(run_of):
    """Each wave's task starts its schedule time after it was created."""
    campaign = {**two_waves(soak="0 s"), "task_policy": {"schedule_time": "2 h"}}
    run = run_of(100, stages=TIMES, campaign=campaign)

    assert [t.started_s - t.created_s for t in run.tasks] == [2 * HOUR, 2 * HOUR]


def test_wave__without_members_is_over_at_once(run_of):
    """A wave whose members are in already creates no task and holds up nobody."""
    waves = [
        {"name": "w", "share": "50 %"},
        {"name": "x", "cohorts": ["b"]},
        {"name": "y", "share": "60 %", "gate": {"failed_share_max": "0 %"}},
        {"name": "z", "share": "100 %"},
    ]
    fleet = {"cohorts": [{"name": name, "devices": 20} for name in "ab"]}
    run = run_of(fleet=fleet, stages=TIMES, campaign={"waves": waves})
    _, before, empty, after = run.waves

    assert (empty.n_devices, empty.exposed) == (0, 0)
    assert empty.started_s == empty.settled_s == after.started_s == before.settled_s
    assert [task.wave for task in run.tasks] == ["w", "x", "z"]


@pytest.mark.parametrize(
    ("gate", "failed", "ended", "has_settled", "is_breach"),
    [
        ({"failed_count_max": 3}, 3, 9, False, False),
        ({"failed_count_max": 3}, 4, 4, False, True),
        ({"failed_share_max": 0.1}, 1, 10, True, False),
        ({"failed_share_max": 0.1}, 2, 10, True, True),
        ({"failed_share_max": 0.1}, 2, 10, False, False),
        ({"failed_share_max": 0.1, "of_at_least": 11}, 5, 10, True, False),
        ({"failed_share_max": 0.1, "of_at_least": 10}, 5, 10, False, True),
        ({"failed_share_max": 0.0}, 1, 100, True, True),
        ({"failed_share_max": 0.0}, 0, 0, True, False),
    ],
)
def test_gate__thresholds(gate, failed, ended, has_settled, is_breach):
    """More than the threshold is a breach, the threshold itself is not; a minimum holds the share back."""
    assert (_breach(Gate(**gate), failed, ended, has_settled=has_settled) is not None) is is_breach


def test_create__goes_on_through_a_faulty_api(run_of):
    """The campaign's own calls are tried again until they get through."""
    run = run_of(
        12,
        stages=TIMES,
        platform={"api": {"throttle_share": "40 %", "error_share": "30 %"}},
        campaign={"limits": {"targets_per_task": 3}},
        run={"seed": 2},
    )

    assert [t.status for t in run.tasks] == ["Success"] * 4
    assert {c.http_status for c in run.calls} == {201, 429, 500}
    assert all(c.call == "create" and c.task_id == "" for c in run.calls if c.http_status != 201)


def test_create__an_api_that_lets_no_call_through_is_an_error(run_of):
    """After a thousand tries the run ends with an error that names the bound, instead of an empty result."""
    with pytest.raises(ScenarioError, match="CREATE_TRIES"):
        run_of(platform={"api": {"error_share": "100 %"}})


@pytest.mark.statistical
def test_gate__trips_as_often_as_the_binomial_says(make_scenario_of):
    """With failure share f in a wave of n, the gate trips with the binomial's upper tail.

    2,000 replications estimate a probability near one half with a standard error of 0.011; four of them
    are allowed.
    """
    n, f, most = 50, 0.1, 5
    scenario = make_scenario_of(
        500,
        failures=[{"stage": "verify", "code": 10, "probability": f}],
        campaign=two_waves({"failed_share_max": most / n}),
    )
    replications = 2000
    tripped = sum(
        run_campaign(scenario, replication=r).waves[0].gate_tripped_s is not None for r in range(replications)
    )
    tail = math.fsum(math.comb(n, k) * f**k * (1 - f) ** (n - k) for k in range(most + 1, n + 1))

    assert abs(tripped / replications - tail) < 4 * math.sqrt(tail * (1 - tail) / replications)


QUICK_AND_SLOW = [
    {"name": "quick", "devices": 120, "stages": {"install": {"exponential": {"mean": "5 min"}}}},
    {"name": "slow", "devices": 5, "stages": {"install": {"constant": "1 h"}}},
]


def makespans_of(make_scenario_of, cohorts, order):
    """Return the makespans of 40 replications in which ten places bind."""
    scenario = make_scenario_of(
        fleet={"cohorts": cohorts}, platform={"max_processing": 10}, campaign={"order": order}
    )
    runs = [run_campaign(scenario, plane="simpy", replication=r) for r in range(40)]
    return np.array([run.end_s for run in runs])


def test_order__the_files_decides_where_places_bind_unless_cohorts_are_shuffled(make_scenario_of):
    """Swapped cohorts differ by chance only; with `file` it matters much who comes last."""
    here, there = QUICK_AND_SLOW, QUICK_AND_SLOW[::-1]

    def difference(order):
        mine, theirs = (makespans_of(make_scenario_of, cohorts, order) for cohorts in (here, there))
        error = math.sqrt((mine.var(ddof=1) + theirs.var(ddof=1)) / len(mine))
        return abs(mine.mean() - theirs.mean()) / error

    assert difference("shuffled") < 4
    assert difference("file") > 10


def test_order__decides_who_is_in_which_task_and_who_starts_first(run_of):
    """Tasks are cut from the wave's order, and each is dispatched in it, so that results show it."""
    fleet = {"cohorts": [{"name": "a", "devices": 4}, {"name": "b", "devices": 2}]}
    campaign = {"order": "interleaved", "limits": {"targets_per_task": 4, "tasks_in_progress": 1}}
    run = run_of(fleet=fleet, stages=TIMES, platform={"max_processing": 1}, campaign=campaign)

    assert run.records.task.tolist() == [0, 0, 0, 1, 0, 1]  # a0 b0 a1 a2, then b1 a3
    assert np.argsort(run.records.first_start).tolist() == [0, 4, 1, 2, 5, 3]


def test_order__an_operators_lists_and_a_retry_of_everybody_follow_it(run_of):
    """Whoever comes first in the task is named first, and is first in line when all are retried."""
    fleet = {"cohorts": [{"name": "a", "devices": 4}, {"name": "b", "devices": 2}]}
    campaign = {"order": "interleaved"}
    once = [{"call": "retry", "when": {"settled": True}, "batch": 2}, {"call": "retry", "at": "40 h"}]
    run = run_of(
        fleet=fleet, stages=TIMES, failures=BAD, campaign=campaign, operators=once,
        platform={"max_processing": 1}, log_attempts=True,
    )  # fmt: skip
    retries = [call.accepted.tolist() for call in run.calls if call.call == "retry"]
    log = run.attempts

    assert retries == [[0, 4], [1, 2], [5, 3], [0, 4, 1, 2, 5, 3]]
    for attempt in (1, 2, 3):
        assert log.device[log.attempt == attempt].tolist() == [0, 4, 1, 2, 5, 3]


PATIENT = {"task_policy": {"retry_count": 2, "retry_interval": "60 min"}}


@pytest.mark.parametrize("plane", PLANES)
def test_gate__of_first_attempts_trips_before_any_retry(run_of, plane):
    """Everybody fails: by how devices end that is seen after two retries, by first attempts at once."""

    def canary_of(**gate):
        run = run_of(100, failures=BAD, stages=TIMES, campaign={**two_waves(gate), **PATIENT}, plane=plane)
        return run.waves[0], run.records

    patient, _ = canary_of(failed_share_max="5 %")
    at_once, records = canary_of(failed_share_max="5 %", of="first_attempts")
    by_count, _ = canary_of(failed_count_max=4, of="first_attempts")
    after_ten, _ = canary_of(failed_share_max="5 %", of_at_least=10, of="first_attempts")
    failures_s = sorted(records.first_failure[records.first_failure >= 0] / 1e6)

    assert patient.gate_tripped_s > 7200
    assert at_once.gate_tripped_s == failures_s[0]
    assert at_once.gate_reason == "1 first attempts failed of 10 devices, too many for the whole wave"
    assert (by_count.gate_tripped_s < 600, after_ten.gate_tripped_s < 600) == (True, True)
    assert by_count.gate_reason == "5 first attempts failed, more than 4"
    assert after_ten.gate_reason == "10 of 10 first attempts failed, more than 5 %"


@pytest.mark.parametrize("plane", PLANES)
def test_gate__of_first_attempts_counts_those_that_recover(run_of, plane):
    """Half of the first attempts fail, and retries mend it: nobody ends in failure, and the gate trips."""
    half = [{"stage": "verify", "code": 10, "probability": "50 %"}]
    retries = {"task_policy": {"retry_count": 5, "retry_interval": "1 min"}}

    def canary_of(of):
        gate = {"failed_share_max": "25 %", "of_at_least": 20, "of": of}
        return run_of(
            400, failures=half, stages=TIMES, campaign={**two_waves(gate), **retries}, plane=plane
        ).waves[0]

    assert canary_of("ended").gate_reason is None
    tripped = canary_of("first_attempts")
    failed, ended = (int(word) for word in re.findall(r"\d+", tripped.gate_reason)[:2])
    assert (ended >= 20, failed > ended / 4) == (True, True)
    assert tripped.gate_reason == f"{failed} of {ended} first attempts failed, more than 25 %"
    assert tripped.gate_tripped_s < 1200


@pytest.mark.parametrize("plane", PLANES)
def test_gate__of_first_attempts_leaves_out_what_a_call_has_stopped(run_of, plane):
    """Whoever is stopped in the first attempt has neither failed nor succeeded by it, whatever comes."""
    stop = [{"call": "stop", "at": "5 min", "batch": 100}, {"call": "retry", "at": "6 min", "batch": 100}]
    gate = {"failed_share_max": "5 %", "of_at_least": 1, "of": "first_attempts"}
    always = [{"stage": "install", "code": 10, "permanent": "100 %"}]
    run = run_of(100, failures=always, stages=TIMES, campaign=two_waves(gate), operators=stop, plane=plane)

    assert run.records.attempts[run.records.task == 0].tolist() == [2] * 10
    assert run.waves[0].gate_reason is None


@pytest.mark.parametrize("plane", ["simpy", "compiled"])
def test_order__is_left_alone_where_nobody_can_tell(make_scenario_of, monkeypatch, plane):
    """Devices that share nothing end alike in any order, also if all are retried by one call."""
    scenario = make_scenario_of(
        fleet={"cohorts": QUICK_AND_SLOW},
        failures=[{"stage": "install", "code": 10, "probability": "30 %"}],
        operators=[{"call": "retry", "at": "10 h"}],
    )
    unordered = run_campaign(scenario, plane=plane)
    assert unordered.orders[0].tolist() == list(range(125))
    monkeypatch.setattr("sim.campaign.processes.rollout._is_order_hidden", lambda *_: False)
    ordered = run_campaign(scenario, plane=plane)
    assert ordered.orders[0].tolist() != list(range(125))

    for name, column in unordered.records._asdict().items():
        assert np.array_equal(column, getattr(ordered.records, name)), name
