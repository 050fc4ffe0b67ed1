"""Counts in tables agree with the summary."""

from collections import Counter

import pytest

from sim.results.call_statistics import count_calls, count_refusals, retry_rounds
from sim.results.counts import attempt_counts, failure_counts, stages_of
from sim.results.platform_load import client_budget_of
from sim.rules import Reason, Stage, SubtaskState


def test_failure_counts__add_up_to_the_summary(make_stored):
    """Devices by code are those of `by_code`, split by cohort, the most frequent first."""
    run = make_stored()
    counts = failure_counts(run.fleet, run.scenario)
    by_code = Counter()
    for count in counts:
        by_code[count.label] += count.devices

    assert dict(by_code) == run.summary["by_code"]
    assert [c.devices for c in counts] == sorted((c.devices for c in counts), reverse=True)


def test_stages_of__a_code_stands_where_its_causes_stand(stored):
    """A code of one cause has its stage, of two causes both, and a silence all that its timer covers."""
    scenario = stored.scenario

    assert stages_of(scenario, "gateway", Reason.INSTALL_FAIL) == (Stage.INSTALL,)
    assert stages_of(scenario, "gateway", Reason.SIGNAL_BAD) == (Stage.DOWNLOAD, Stage.VERIFY)
    assert stages_of(scenario, "gateway", Reason.ONLINE_TIMEOUT) == (Stage.CONTACT,)
    after = (Stage.VERIFY, Stage.INSTALL, Stage.REBOOT)
    assert stages_of(scenario, "meter", Reason.RESULT_TIMEOUT) == after
    assert stages_of(scenario, "meter", Reason.LOW_POWER) == ()


def test_stages_of__an_outage_adds_its_code_to_downloads(make_stored):
    """A code that only an outage brings stands at the download, in the cohorts that it hits."""
    failure = {"failure": {"probability": "50 %", "code": 6}}
    run = make_stored(outages=[{"at": "0 s", "lasts": "1 h", "cohorts": ["meter"], "effect": failure}])

    assert stages_of(run.scenario, "meter", Reason.DOWNLOAD_TIMEOUT) == (Stage.DOWNLOAD,)
    assert stages_of(run.scenario, "gateway", Reason.DOWNLOAD_TIMEOUT) == ()


def test_attempt_counts__add_up_to_the_fleet(stored):
    """Every device is counted once, and attempts times devices are the attempts of the run."""
    counts = attempt_counts(stored.fleet)
    values = {name: metric["values"][0] for name, metric in stored.summary["metrics"].items()}

    assert sum(count.devices for count in counts) == values["devices"]
    assert sum(count.devices * count.attempts for count in counts) == values["attempts"]
    assert sum(c.devices for c in counts if c.state is SubtaskState.SUCCESS) == values["succeeded"]


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

    import sim
    from sim.results.files.read import read_run

    run = make_stored(operators=None)
    result = sim.run(run.scenario, processes=[name_a_stranger])
    result.save(run.folder.parent / "refused")
    (count,) = count_refusals(read_run(run.folder.parent / "refused").refusals)

    assert (count.call, count.error_code, count.targets) == ("retry", "IOTDA.014219", 2)


def test_count_refusals__are_empty_if_nothing_was_refused(stored):
    """Accepted targets are not listed."""
    assert count_refusals(stored.refusals) == []


def test_client_budget_of__counts_pages_and_lists(stored):
    """Two tasks of 80 and 720 targets take 2 + 15 pages of 50."""
    budget = client_budget_of(stored.scenario, [task["progress"] for task in stored.summary["tasks"]])

    assert (budget.create_calls, budget.poll_calls) == (2, 17)
    assert budget.api_calls_per_s == pytest.approx(200.0)
