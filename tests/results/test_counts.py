"""Counts in tables agree with the summary."""

from collections import Counter

from sim.results.counts import attempt_counts, failure_counts, stages_of
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
