"""Tests of whole runs: against closed forms, on both planes, with processes of the user."""

import gc
import math
import pickle
import weakref

import numpy as np
import pytest

from sim.campaign import run_campaign
from sim.rules import SubtaskState

TIMES = {"verify": {"constant": "10 min"}}
RETRIES = {"task_policy": {"retry_count": 2, "retry_interval": "5 min"}}
EVERYTHING = {
    "fleet": {
        "cohorts": [
            {
                "name": "gate",
                "devices": 220,
                "link_rate": "8 Mbit/s",
                "online": {"fraction": "90 %", "mean_offline": "3 h"},
                "already_current": "2 %",
                "spread": 0.6,
            },
            {
                "name": "meter",
                "devices": 130,
                "protocol": "lwm2m",
                "link_rate": "600 kbit/s",
                "cell": {"devices": 40, "coverage": ["80 %", "15 %", "5 %"]},
                "window": {"opens": "22:00", "closes": "06:00"},
            },
        ]
    },
    "platform": {
        "max_processing": 60,
        "dispatch_rate": "2 /s",
        "max_downloads": 25,
        "bandwidth": "100 Mbit/s",
        "api": {"throttle_share": "10 %"},
    },
    "stages": {
        "query": {"lognormal": {"median": "2 s", "sigma": 0.5}},
        "verify": {"exponential": {"mean": "40 s"}},
        "reboot": {"uniform": {"low": "20 s", "high": "60 s"}},
    },
    "failures": [
        {"stage": "download", "code": 2, "probability": "8 %"},
        {"stage": "verify", "code": 7, "permanent": "3 %"},
        {"stage": "reboot", "silent": True, "probability": "1 %"},
    ],
    "campaign": {
        "package": {"version": "2", "size": "4 MiB"},
        "task_policy": {"retry_count": 1, "retry_interval": "5 min"},
        "limits": {"targets_per_task": 100, "tasks_in_progress": 2, "targets_per_call": 7},
        "waves": [
            {"name": "canary", "share": "10 %", "soak": "2 h", "gate": {"failed_share_max": "60 %"}},
            {"name": "rest", "share": "100 %"},
        ],
    },
    "operators": [
        {"call": "retry", "every": "6 h", "times": 5},
        {"call": "retry", "when": "settled", "only": {"codes": [2]}, "times": 2, "latency": "1 s"},
        {"call": "stop", "at": "60 h", "only": {"cohorts": ["meter"]}, "back_off": {}},
        {"call": "stop", "when": {"stalled_for": "20 h"}},
    ],
    "outages": [
        {"at": "3 h", "lasts": "2 h", "cohorts": ["gate"], "effect": "unreachable"},
        {"at": "1 h", "lasts": "4 h", "effect": {"bandwidth": "30 %"}},
        {"at": "30 min", "lasts": "1 h", "effect": {"failure": {"probability": "20 %", "code": 6}}},
    ],
    "run": {"start": "2026-01-05T20:00:00Z", "until": "6 d", "seed": 11},
}


def same_records(one, other):
    """Tell whether two runs did the same to every device, field by field."""
    return [
        name
        for name in one.records._fields
        if not np.array_equal(getattr(one.records, name), getattr(other.records, name))
    ]


def call_lines(run):
    """Return the ledger as plain tuples."""
    return [
        (c.time_s, c.caller, c.call, c.task_id, c.body, c.http_status, c.accepted.tolist(), c.refused)
        for c in run.calls
    ]


# --- both planes, and the same again ------------------------------------------------------------


@pytest.mark.parametrize("seed", [12, 14])
def test_planes__agree_on_a_campaign_with_everything(make_scenario_of, seed):
    """Waves, gates, operators, faults, outages: both planes end in the same records and ledgers."""
    scenario = make_scenario_of(**EVERYTHING)
    compiled, simpy = (
        run_campaign(scenario, seed=seed, plane=plane, log_attempts=True, debug=True)
        for plane in ("compiled", "simpy")
    )

    assert same_records(compiled, simpy) == []
    assert call_lines(compiled) == call_lines(simpy)
    assert (compiled.tasks, compiled.waves, compiled.end_s) == (simpy.tasks, simpy.waves, simpy.end_s)
    assert compiled.notes == simpy.notes
    assert len(compiled.calls) > 20
    assert compiled.records.manual_retries.sum() > 10


def test_run__the_same_key_gives_the_same_run(make_scenario_of):
    """Seed and replication make the run, on any plane; other ones make another."""
    scenario = make_scenario_of(**EVERYTHING)
    first = run_campaign(scenario, replication=3)

    assert same_records(first, run_campaign(scenario, replication=3)) == []
    assert "end" in same_records(first, run_campaign(scenario, replication=4))
    assert (first.seed, first.replication, first.plane) == (11, 3, "compiled")


def test_run__progress_and_debug_change_nothing(make_scenario_of):
    """Being watched makes no difference to the devices; progress grows from 0 to 1 at most."""
    scenario = make_scenario_of(**EVERYTHING)
    shares = []
    watched = run_campaign(scenario, progress=shares.append, debug=True)
    plain = run_campaign(scenario)

    assert same_records(watched, plain) == []
    assert call_lines(watched) == call_lines(plain)
    assert 0 <= min(shares) < max(shares) <= 1


def test_run__can_be_pickled(make_scenario_of):
    """A run goes to another process and comes back."""
    run = run_campaign(make_scenario_of(**EVERYTHING), log_attempts=True)
    copy = pickle.loads(pickle.dumps(run))

    assert same_records(run, copy) == []
    assert copy.device_id(221) == "meter-0000001"
    assert copy.device_ids()[:2] == ["gate-0000000", "gate-0000001"]
    assert copy.waves == run.waves


# --- closed forms -------------------------------------------------------------------------------


def test_run__gives_its_memory_free_at_once(make_scenario_of):
    """Studies make one run after another: what nobody holds any more must not wait for garbage collection."""
    waves = [{"name": "first", "share": "10 %", "soak": "1 h"}, {"name": "rest", "share": "100 %"}]
    scenario = make_scenario_of(
        campaign={**RETRIES, "waves": waves}, operators=[{"call": "retry", "every": "6 h", "times": 2}]
    )
    gc.collect()
    gc.disable()
    try:
        run = run_campaign(scenario)
        status = weakref.ref(run.records.status)
        del run
        assert status() is None
    finally:
        gc.enable()


@pytest.mark.parametrize(
    ("n", "slots", "plane"), [(100, 7, "simpy"), (100, 100, "simpy"), (1000, 37, "compiled")]
)
def test_makespan__of_equal_jobs_in_slots(make_scenario_of, n, slots, plane):
    """N jobs of 10 minutes in C places take ceil(N / C) times 10 minutes, exactly."""
    scenario = make_scenario_of(n, stages=TIMES, platform={"max_processing": slots})
    run = run_campaign(scenario, plane=plane)

    assert run.end_s == 600.0 * -(-n // slots)
    assert run.totals.peak_processing == min(n, slots)


@pytest.mark.parametrize("plane", ["simpy", "compiled"])
def test_dispatch__comes_at_its_rate(make_scenario_of, plane):
    """The k-th dispatch comes (k - 1) / rate after the first, which comes at once."""
    run = run_campaign(make_scenario_of(200, platform={"dispatch_rate": "8 /s"}), plane=plane)

    assert np.sort(run.records.first_start).tolist() == [125_000 * k for k in range(200)]


@pytest.mark.statistical
@pytest.mark.parametrize("retries", [0, 1, 3])
def test_success__is_one_minus_p_to_the_attempts(make_scenario_of, retries):
    """With failure probability p and r retries a share s = 1 - p^(r + 1) succeeds, in s / (1 - p) attempts.

    200,000 devices; four standard errors are allowed.
    """
    n, p = 200_000, 0.4
    scenario = make_scenario_of(
        n,
        failures=[{"stage": "verify", "code": 7, "probability": p}],
        campaign={
            "limits": {"targets_per_task": n},
            "task_policy": {"retry_count": retries, "retry_interval": "5 min"},
        },
    )
    run = run_campaign(scenario)
    share = float((run.records.status == SubtaskState.SUCCESS).mean())
    expected = 1 - p ** (retries + 1)

    assert abs(share - expected) < 4 * math.sqrt(expected * (1 - expected) / n)
    assert abs(
        run.records.attempts.mean() - expected / (1 - p)
    ) <= 4 * run.records.attempts.std() / math.sqrt(n)


def test_manual_retry__does_what_one_more_automatic_one_would(make_scenario_of):
    """Attempts are keyed by number: a retry called for by hand meets the luck of an automatic one."""
    failures = [{"stage": "query", "code": 7, "probability": "50 %"}]
    automatic = run_campaign(make_scenario_of(500, failures=failures, campaign=RETRIES), plane="simpy")
    by_hand = run_campaign(
        make_scenario_of(500, failures=failures, operators=[{"call": "retry", "every": "5 min", "times": 2}]),
        plane="simpy",
    )

    for name in ("status", "attempts", "reason", "end"):
        assert np.array_equal(getattr(automatic.records, name), getattr(by_hand.records, name)), name
    assert automatic.records.auto_retries.tolist() == by_hand.records.manual_retries.tolist()


def test_refill__gives_the_automatic_retries_again(run_of):
    """With `manual_retry_refills` each call is worth a whole budget; else one attempt and what is left."""
    failures = [{"stage": "verify", "code": 7, "permanent": "100 %"}]
    operators = [{"call": "retry", "at": "1 h"}]
    plain = run_of(failures=failures, campaign=RETRIES, operators=operators)
    refilled = run_of(
        failures=failures, campaign={**RETRIES, "manual_retry_refills": True}, operators=operators
    )

    assert plain.records.attempts.tolist() == [4] * 10
    assert refilled.records.attempts.tolist() == [6] * 10


# --- the end of a run ---------------------------------------------------------------------------


def test_end__is_when_nothing_is_left_to_happen(run_of):
    """A run ends with the last subtask, or with the last call that somebody still makes."""
    assert run_of(stages=TIMES).end_s == 600
    assert run_of(stages=TIMES, operators=[{"call": "retry", "at": "5 h"}]).end_s == 5 * 3600


def test_end__is_the_horizon_while_something_is_pending(run_of):
    """Whatever is pending at `until` stays pending, and has no end."""
    run = run_of(stages=TIMES, platform={"max_processing": 1}, run={"until": "25 min"})

    assert run.end_s == 1500
    assert np.bincount(run.records.status, minlength=7).tolist() == [7, 1, 2, 0, 0, 0, 0]
    (task,) = run.tasks
    assert (task.status, task.settled_s, task.progress["processing"]) == ("Processing", None, 1)
    assert run.waves[0].settled_s is None


def test_end__unconfirmed_targets_wait_to_the_horizon(run_of):
    """A campaign that nobody confirms ends as it began."""
    run = run_of(campaign={"need_confirm": True}, run={"until": "3 d"})

    assert (run.tasks[0].status, run.end_s) == ("Waitting", 3 * 86_400)
    assert run.waves[0].exposed == 0


def test_penalty_box__a_device_that_fails_too_often_rests(run_of):
    """The second failure within an hour makes the next retry wait for a day instead of a minute."""
    box = {"failures": 2, "within": "1 h", "rest": "1 d"}
    run = run_of(
        failures=[{"stage": "verify", "code": 7, "permanent": "100 %"}],
        campaign={
            "task_policy": {"retry_count": 3, "retry_interval": "1 min"},
            "what_if": {"penalty_box": box},
        },
    )

    # Failures at 0, 1 min (the box), 1 d + 1 min (alone in its hour), 1 d + 2 min (the end).
    assert (run.records.end == (86_400 + 120) * 1_000_000).all()
    assert run.what_if == ("penalty_box",)


# --- processes of the user ----------------------------------------------------------------------


def test_process__waits_reads_and_calls(run_of):
    """A generator gets the environment and the service, waits for an end, and retries by id."""
    log = []

    def night_shift(env, service):
        yield env.timeout(3600)
        (task,) = service.tasks
        yield task.settled
        log.append((env.now, task.status.value, task.progress()["fail"]))
        failed = service.show_batch_task(task.task_id, task_detail_status=SubtaskState.FAIL)
        answer = service.retry_batch_task(task.task_id, [detail.target for detail in failed.details])
        log.append([result.status for result in answer.results])
        yield task.settled
        log.append(env.now)

    run = run_of(
        4,
        stages={"verify": {"constant": "2 h"}},
        failures=[{"stage": "install", "code": 10, "permanent": "100 %"}],
        processes=[night_shift],
    )

    assert log == [(7200, "Fail", 4), ["success"] * 4, 14_400]
    assert [(c.caller, len(c.accepted)) for c in run.calls if c.call == "retry"] == [("night_shift", 4)]


def test_process__retries_the_worst_cohort_first(run_of):
    """A script may decide by what it reads: the cohort with most failures is retried first."""
    order = []

    def worst_first(env, service):
        (task,) = service.tasks or [None] * 1
        while task is None:
            yield env.timeout(1)
            (task,) = service.tasks
        yield task.settled
        cohort = env.fleet.spec.cohort[task.devices]
        failed = task.statuses() == SubtaskState.FAIL
        for c in np.argsort(-np.bincount(cohort[failed]), kind="stable"):
            devices = task.devices[failed & (cohort == c)]
            for start in range(0, len(devices), 100):
                order.append(int(c))
                service.retry_batch_task(task.task_id, devices[start : start + 100])
            yield task.settled

    run = run_of(
        fleet={
            "cohorts": [
                {"name": "good", "devices": 200},
                {
                    "name": "bad",
                    "devices": 200,
                    "failures": [{"stage": "query", "code": 1, "permanent": "90 %"}],
                },
            ]
        },
        failures=[{"stage": "verify", "code": 7, "probability": "20 %"}],
        processes=[worst_first],
    )

    assert order == [1, 1, 0]
    assert run.records.manual_retries[:200].any()


def test_process__may_create_tasks_beside_the_campaign(run_of):
    """A task that a process creates belongs to no wave; its targets that are busy fail with a conflict."""

    def second_task(env, service):
        yield env.timeout(60)
        from sim.campaign import TaskRequest

        service.create_batch_task(TaskRequest("mine"), ["a-0000003"])

    run = run_of(
        stages=TIMES,
        campaign={"waves": [{"name": "w", "share": "100 %", "gate": {"failed_count_max": 0}}]},
        processes=[second_task],
    )
    campaign, mine = run.tasks

    assert (mine.wave, mine.status, mine.progress["fail"], mine.created_s) == (None, "Fail", 1, 60.0)
    assert campaign.status == "Success"
    assert run.waves[0].gate_tripped_s is None
    assert run.calls[1].caller == "second_task"


@pytest.mark.parametrize("plane", ["simpy", "compiled"])
def test_process__may_upgrade_devices_again(run_of, plane):
    """Once the first task is over a process may create another over the same devices, with other draws."""

    def again(env, service):
        from sim.campaign import TaskRequest

        yield env.timeout(1)
        (first,) = service.tasks
        yield first.settled
        before = first.statuses().copy()
        second = service.create_batch_task(TaskRequest("again"), first.devices[::2])
        yield second.settled
        assert first.statuses().tolist() == before.tolist()
        assert (second.statuses() != before[::2]).any()

    run = run_of(
        100,
        plane=plane,
        log_attempts=True,
        failures=[{"stage": "verify", "code": 7, "probability": "50 %"}],
        stages=TIMES,
        processes=[again],
    )

    assert [task.progress["total"] for task in run.tasks] == [100, 50]
    assert run.records.attempts.tolist() == [1] * 100
    assert (run.records.task == [1, 0] * 50).all()


def test_process__an_error_in_it_ends_the_run(run_of):
    """A script's own mistake comes out as it is."""

    def careless(env, service):
        yield env.timeout(1)
        raise KeyError("oops")

    with pytest.raises(KeyError, match="oops"):
        run_of(processes=[careless])
