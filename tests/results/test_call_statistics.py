"""Statistics of API calls: by kind and answer, and by what targets were refused for."""

import re

import sim
from sim.results.call_statistics import (
    count_calls,
    count_refusals,
    mean_by_call,
    mean_by_refusal,
    retry_rounds,
)
from sim.results.files.read import read_run
from sim.rules import SubtaskState

FAIL = SubtaskState.FAIL


def test_mean_by_call__counts_answers_of_each_kind(make_run, make_call, make_result):
    """Kinds stand in order of their first call, the frequent answer first; numbers are means over runs."""
    calls = [
        make_call("create", http_status=201),
        make_call("retry", http_status=429),
        make_call("retry", accepted=[0, 1], refused=["x"]),
        make_call("retry", accepted=[2]),
    ]
    one, two = make_run([FAIL] * 3, calls=calls), make_run([FAIL] * 3, calls=calls[:3], replication=1)

    rows = [tuple(row) for row in mean_by_call(make_result(one, two).runs)]

    assert rows == [
        ("create", 201, None, None, 1, 0, 0),
        ("retry", 200, None, None, 1.5, 2.5, 1),
        ("retry", 429, "IOTDA.014218", "refused", 1, 0, 0),
    ]


def test_mean_by_call__of_one_run_are_whole_numbers(make_run, make_call, make_result):
    """A mean of one run is written as it was counted, in `summary.json` too."""
    result = make_result(make_run([FAIL], calls=[make_call("retry", refused=["x", "y"])]))

    assert [type(row.calls) for row in mean_by_call(result.runs)] == [int]
    assert result.summary_dict()["by_refusal"] == [
        {"call": "retry", "error_code": "IOTDA.014220", "error_msg": "wrong state", "targets": 2}
    ]


def test_mean_by_refusal__of_no_refusal_is_empty(make_run, make_call, make_result):
    """Accepted targets and calls refused as a whole are no refusals of targets."""
    calls = [make_call("retry", accepted=[0]), make_call("stop", http_status=400)]

    assert mean_by_refusal(make_result(make_run([FAIL], calls=calls)).runs) == []


def test_summary_text__leaves_out_what_only_repeats_that_tasks_were_created(make_run, make_call, make_result):
    """Without calls by operators there is no block of calls."""
    result = make_result(make_run([FAIL], calls=[make_call("create", http_status=201)]))

    assert "Calls by answer" not in str(result)


def test_summary_text__keeps_many_answers_short(make_run, make_call, make_result):
    """Rare answers are counted together."""
    calls = [make_call("retry", http_status=status) for status in (200, 200, *range(500, 508))]

    text = str(make_result(make_run([FAIL], calls=calls)))

    assert re.search(r"^  retry +200 +2 ", text, flags=re.MULTILINE)
    assert "  and 3 calls with 3 other answers" in text


def test_count_calls__are_the_first_replications(stored):
    """Calls are those of the ledger, and both retry rounds are told apart from the creations."""
    counts = {(count.caller, count.call): count for count in count_calls(stored.calls, by_caller=True)}
    values = {name: metric["values"][0] for name, metric in stored.summary["metrics"].items()}

    assert sum(count.calls for count in counts.values()) == values["api_calls"]
    retries = [count for count in counts.values() if count.call == "retry"]
    assert sum(count.calls for count in retries) == values["retry_calls"]
    assert sum(count.accepted for count in retries) == values["retry_targets_accepted"]
    assert retry_rounds(stored.calls) == [108_000.0, 144_000.0]


def test_count_refusals__are_the_targets_that_a_call_refused(make_stored):
    """Refused targets are counted by call and code."""

    def name_a_stranger(env, service):
        yield env.timeout(100_000)
        service.retry_batch_task(service.tasks[0].task_id, ["nobody-1", "nobody-2"])

    run = make_stored(operators=None)
    result = sim.run(run.scenario, processes=[name_a_stranger])
    result.save(run.folder.parent / "refused")
    (count,) = count_refusals(read_run(run.folder.parent / "refused").refusals)

    assert (count.call, count.error_code, count.targets) == ("retry", "IOTDA.014219", 2)


def test_count_refusals__are_empty_if_nothing_was_refused(stored):
    """Accepted targets are not listed."""
    assert count_refusals(stored.refusals) == []
