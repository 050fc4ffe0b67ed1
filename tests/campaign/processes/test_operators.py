"""Tests of operators: when they call, upon which tasks, for which targets, and when they end."""

import numpy as np
import pytest

from sim.campaign.processes import operators
from sim.errors import ScenarioError

HOUR = 3600.0
FAILS = [{"stage": "verify", "code": 7, "permanent": "100 %"}]
TIMES = {"verify": {"constant": "10 min"}}


def calls_of(run, call="retry"):
    """Return (time, task number, body, status, accepted) of each such call."""
    return [
        (round(c.time_s, 3), int(c.task_id, 16), c.body, c.http_status, len(c.accepted))
        for c in run.calls
        if c.call == call
    ]


def test_at__calls_once_for_every_task(run_of):
    """An operator without selection names nobody, and calls one task after the other at the API's rate."""
    run = run_of(
        failures=FAILS,
        stages=TIMES,
        campaign={"limits": {"targets_per_task": 4, "api_rate": "1000 /s"}},
        operators=[{"call": "retry", "at": "15 min"}],
    )

    assert calls_of(run) == [
        (900.0, 1, "{}", 200, 4),
        (900.001, 2, "{}", 200, 4),
        (900.002, 3, "{}", 200, 2),
    ]
    assert {c.caller for c in run.calls} == {"campaign", "operators[0]"}


def test_at__a_waiting_task_refuses(run_of):
    """A task that has not begun answers 400, and so does one that has succeeded."""
    run = run_of(
        stages=TIMES,
        campaign={"limits": {"targets_per_task": 4, "tasks_in_progress": 1, "api_rate": "1000 /s"}},
        operators=[{"call": "retry", "at": "15 min"}],
    )

    assert [(n, status) for _, n, _, status, _ in calls_of(run)] == [(1, 400), (2, 200), (3, 400)]


def test_every__goes_on_until_nothing_is_left(run_of):
    """A repeated operator ends with the last failure it could retry, long before the run's horizon."""
    run = run_of(
        200,
        failures=[{"stage": "verify", "code": 7, "probability": "50 %"}],
        stages=TIMES,
        operators=[{"call": "retry", "every": "1 h"}],
    )
    times = [time_s for time_s, *_ in calls_of(run)]

    assert times == [HOUR * k for k in range(1, len(times) + 1)]
    assert run.tasks[0].status == "Success"
    assert run.end_s < 20 * HOUR
    assert len(times) == int(run.end_s / HOUR) or run.end_s == times[-1]


def test_every__begins_at_and_ends_after_times(run_of):
    """`at` sets the first round, `times` their number."""
    run = run_of(
        failures=FAILS,
        stages=TIMES,
        operators=[{"call": "retry", "at": "2 h", "every": "3 h", "times": 3}],
    )

    assert [time_s for time_s, *_ in calls_of(run)] == [2 * HOUR, 5 * HOUR, 8 * HOUR]
    assert run.records.manual_retries.tolist() == [3] * 10


def test_every__a_task_that_is_done_for_good_is_called_once(run_of):
    """The first refusal by a succeeded task is a lesson; the operator leaves it alone afterwards."""
    run = run_of(
        failures=[{"stage": "verify", "code": 7, "permanent": "30 %"}],
        stages=TIMES,
        campaign={"limits": {"targets_per_task": 1, "api_rate": "1000 /s"}},
        operators=[{"call": "retry", "every": "1 h", "times": 3}],
    )
    refused = [n for _, n, _, status, _ in calls_of(run) if status == 400]

    assert sorted(refused) == [n for n, task in enumerate(run.tasks, 1) if task.status == "Success"]
    assert 0 < len(refused) < 10


def test_settled__acts_upon_each_task_when_it_settles(run_of):
    """Each task gets its round at the instant of its end, and at most so many of them."""
    run = run_of(
        failures=FAILS,
        stages=TIMES,
        campaign={"order": "file", "limits": {"targets_per_task": 5, "api_rate": "1000 /s"}},
        operators=[{"call": "retry", "when": "settled", "times": 2}],
    )
    by_task = [n for _, n, *_ in calls_of(run)]

    assert sorted(by_task) == [1, 1, 2, 2]
    assert run.records.manual_retries.tolist() == [2] * 10
    first_end = min(run.records.first_failure[:5].max(), run.records.first_failure[5:].max())
    assert calls_of(run)[0][0] == round(first_end / 1e6, 3)


def test_settled__a_task_without_failures_is_left_alone(run_of):
    """An operator that looks first doesn't call for nothing."""
    run = run_of(stages=TIMES, operators=[{"call": "retry", "when": "settled"}])

    assert calls_of(run) == []


def test_settled__may_delete(run_of):
    """A delete call needs no targets: the settled task is gone, its record stays."""
    run = run_of(operators=[{"call": "delete", "when": "settled"}])

    assert calls_of(run, "delete") == [(0.005, 1, "{}", 204, 0)]
    assert [task.status for task in run.tasks] == ["Success"]


def test_only__codes_choose_the_targets(run_of):
    """Only devices with the named failure are named, in lists of at most `targets_per_call`."""
    run = run_of(
        400,
        failures=[
            {"stage": "verify", "code": 2, "permanent": "50 %"},
            {"stage": "verify", "code": 7, "permanent": "100 %"},
        ],
        operators=[{"call": "retry", "at": "1 h", "only": {"codes": [2]}}],
    )
    with_code = np.flatnonzero(run.records.reason == 2)

    calls = [c for c in run.calls if c.call == "retry"]
    assert {c.body for c in calls} == {"targets"}
    assert len(calls) == -(-len(with_code) // 100)
    assert sorted(np.concatenate([c.accepted for c in calls])) == with_code.tolist()


def test_only__a_timeout_is_chosen_by_its_name(run_of):
    """Failures without a device code are chosen by the name of the timer."""
    run = run_of(
        failures=[{"stage": "query", "silent": True, "permanent": "40 %"}],
        operators=[{"call": "retry", "at": "1 h", "only": {"codes": ["version_timeout"]}}],
    )
    (call,) = [c for c in run.calls if c.call == "retry"]

    assert sorted(call.accepted) == np.flatnonzero(run.records.reason == 1001).tolist()
    assert len(call.accepted)


def test_only__cohorts_and_tasks(run_of):
    """Cohorts choose devices, task numbers choose tasks; together they narrow down."""
    fleet = {"cohorts": [{"name": "a", "devices": 6}, {"name": "b", "devices": 6}]}
    campaign = {"order": "file", "limits": {"targets_per_task": 4, "api_rate": "1000 /s"}}
    run = run_of(
        fleet=fleet,
        campaign=campaign,
        failures=FAILS,
        operators=[
            {"call": "retry", "at": "1 h", "only": {"cohorts": ["b"]}},
            {"call": "retry", "at": "2 h", "only": {"tasks": [2, 3], "cohorts": ["a"]}},
            {"call": "retry", "at": "3 h", "only": {"tasks": [1]}},
        ],
    )
    accepted = [(c.caller, c.body, c.accepted.tolist()) for c in run.calls if c.call == "retry"]

    assert accepted == [
        ("operators[0]", "targets", [6, 7]),
        ("operators[0]", "targets", [8, 9, 10, 11]),
        ("operators[1]", "targets", [4, 5]),
        ("operators[2]", "{}", [0, 1, 2, 3]),
    ]


def test_batch__names_targets_in_lists_of_that_size(run_of):
    """With `batch` the operator names what it could have left unnamed."""
    run = run_of(failures=FAILS, operators=[{"call": "retry", "at": "1 h", "batch": 4}])

    assert [(c[2], c[4]) for c in calls_of(run)] == [("targets", 4), ("targets", 4), ("targets", 2)]
    assert [c[0] for c in calls_of(run)] == [3600.0, 3600.005, 3600.01]


def test_batch__later_lists_may_meet_targets_that_moved_on(run_of):
    """Between choosing and calling time passes: who has succeeded by then is refused by name."""
    run = run_of(
        40,
        failures=[{"stage": "query", "code": 7, "probability": "50 %"}],
        campaign={"task_policy": {"retry_count": 1, "retry_interval": "1 min"}},
        operators=[{"call": "retry", "at": "30 s", "batch": 5, "latency": "1 min"}],
    )
    calls = [c for c in run.calls if c.call == "retry"]
    refused = {result.target for call in calls for result in call.refused}
    waited = run.records.first_failure == 0  # all of them waited for their retry when they were chosen
    recovered = waited & (run.records.status == 2) & (run.records.manual_retries == 0)

    assert refused == {run.device_id(i) for i in np.flatnonzero(recovered)} != set()
    assert {result.error_code for call in calls for result in call.refused} == {"IOTDA.014285"}
    assert sum(len(call.accepted) for call in calls) == waited.sum() - len(refused)


def test_share__fires_when_the_failed_share_is_passed(run_of):
    """The operator stops the campaign at the very end that passed the threshold."""
    run = run_of(
        100,
        failures=FAILS,
        stages=TIMES,
        platform={"max_processing": 1},
        operators=[{"call": "stop", "when": {"failed_share_above": "50 %", "of_at_least": 20}}],
    )

    (call,) = [c for c in run.calls if c.call == "stop"]
    failed = run.records.status == 3
    assert failed.sum() == 20
    assert call.time_s == run.records.end[failed].max() / 1e6
    assert len(call.accepted) == 80
    assert run.tasks[0].status == "Stopped"


@pytest.mark.parametrize("plane", ["simpy", "compiled"])
@pytest.mark.parametrize(("share", "calls"), [("29 %", 0), ("28.9999 %", 1)])
def test_share__exactly_so_many_are_not_above_it(run_of, share_of_29, plane, share, calls):
    """29 failures among 100 are not above 29 %; one digit less, and they are."""
    when = {"failed_share_above": share, "of_at_least": 100}
    run = run_of(100, plane=plane, operators=[{"call": "retry", "when": when}], **share_of_29)

    assert [c.call for c in run.calls].count("retry") == calls


def test_share__fires_again_once_more_have_ended(run_of):
    """With `times` the next round waits for another end, instead of firing for ever at once."""
    run = run_of(
        6,
        failures=FAILS,
        stages=TIMES,
        platform={"max_processing": 1},
        operators=[
            {"call": "stop", "when": {"failed_share_above": "50 %"}, "times": 3, "only": {"cohorts": ["b"]}}
        ],
        fleet={"cohorts": [{"name": "a", "devices": 6}, {"name": "b", "devices": 6}]},
        campaign={"order": "file"},
    )

    assert [len(c.accepted) for c in run.calls if c.call == "stop"] == [6]
    assert (run.records.status == 3).sum() == 6


def test_stalled__fires_when_nothing_has_ended_for_so_long(run_of):
    """Silent devices hold the campaign for a day; the operator stops them four hours after the last end."""
    run = run_of(
        50,
        failures=[{"stage": "install", "silent": True, "permanent": "20 %"}],
        stages=TIMES,
        operators=[{"call": "stop", "when": {"stalled_for": "4 h"}}],
    )

    (call,) = [c for c in run.calls if c.call == "stop"]
    stopped = run.records.status == 5
    assert stopped.any()
    last_end_s = run.records.end[~stopped].max() / 1e6
    assert call.time_s == pytest.approx(last_end_s + 4 * HOUR, abs=1e-6)
    assert np.flatnonzero(stopped).tolist() == sorted(call.accepted)


def test_stalled__is_silent_while_things_move(run_of):
    """As long as something ends in time, nobody is called."""
    run = run_of(
        12,
        stages={"verify": {"constant": "1 h"}},
        platform={"max_processing": 1},
        operators=[{"call": "stop", "when": {"stalled_for": "61 min"}}],
    )

    assert [c.call for c in run.calls] == ["create"]
    assert run.end_s < 14 * HOUR


def test_confirm__lets_a_campaign_start(run_of):
    """With `need_confirm` nothing moves until the operator confirms."""
    run = run_of(
        campaign={"need_confirm": True},
        operators=[{"call": "confirm", "at": "5 h", "batch": 3, "every": "1 h"}],
    )

    assert run.records.first_start.min() == 5 * HOUR * 1e6
    assert [c[4] for c in calls_of(run, "confirm")] == [3, 3, 3, 1]
    assert run.tasks[0].status == "Success"


def test_faults__an_operator_without_patience_gives_up(run_of):
    """A throttled call is given up, unless the operator backs off and tries again."""
    sections = {
        "failures": FAILS,
        "platform": {"api": {"throttle_share": "60 %"}},
        "run": {"seed": 3},
    }
    lists = {"call": "retry", "at": "1 h", "batch": 1}
    hasty = run_of(operators=[lists], **sections)
    patient = run_of(operators=[{**lists, "back_off": {"tries": 100}}], **sections)

    def outcome(run):
        mine = [c for c in run.calls if c.caller == "operators[0]"]
        return len(mine), sum(len(c.accepted) for c in mine)

    n_hasty, accepted_hasty = outcome(hasty)
    n_patient, accepted_patient = outcome(patient)
    assert n_hasty == 10
    assert accepted_hasty < 10
    assert accepted_patient == 10
    assert n_patient > 10


@pytest.mark.parametrize(
    "operator",
    [
        {"call": "retry", "when": "settled", "times": 1000},
        {"call": "retry", "every": "1 min"},
        {"call": "stop", "when": {"stalled_for": "1 min"}, "times": 1000, "only": {"codes": [1]}},
    ],
)
def test_bounds__an_endless_operator_is_stopped_by_name(run_of, monkeypatch, operator):
    """An operator that never comes to an end is an error that names the operator and the bound."""
    monkeypatch.setattr(operators, "ROUNDS_MAX", 20)
    with pytest.raises(ScenarioError, match=r"operators\[0\].*ROUNDS_MAX"):
        run_of(failures=FAILS, stages={"verify": {"constant": "1 h"}}, operators=[operator])


def test_stopped_campaign__no_script_calls_any_more(run_of):
    """Once a gate has tripped, people look first: an operator makes no further call."""
    run = run_of(
        20,
        failures=FAILS,
        campaign={"waves": [{"name": "w", "share": "100 %", "gate": {"failed_count_max": 5}}]},
        stages=TIMES,
        operators=[{"call": "retry", "every": "1 h"}, {"call": "retry", "when": "settled"}],
    )

    assert {c.caller for c in run.calls} == {"campaign"}


def test_stopped_campaign__a_round_under_way_ends(run_of):
    """An operator in the middle of its calls leaves off when the gate trips, within a task and between."""
    sections = {
        "devices": 20,
        "failures": FAILS,
        "stages": TIMES,
        "campaign": {
            "need_confirm": True,
            "limits": {"targets_per_task": 7, "api_rate": "1000 /s"},
            "waves": [{"name": "w", "share": "100 %", "gate": {"failed_count_max": 2}}],
        },
    }
    confirm = {"call": "confirm", "at": "1 s", "latency": "10 min"}
    one_by_one = run_of(operators=[{**confirm, "batch": 1}], **sections)
    by_task = run_of(operators=[confirm], **sections)

    assert [c[1] for c in calls_of(one_by_one, "confirm")] == [1] * 4
    assert [(c[1], c[3]) for c in calls_of(by_task, "confirm")] == [(1, 200), (2, 400)]
