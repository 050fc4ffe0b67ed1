"""A scenario file under test: lines held against the baseline, updates, and what explains a difference."""

import json

import pytest

from sim.testing import case as module
from sim.testing.diagnosis import changed_values
from support.small_scenario import CHANGED_BY_5_PERCENT, case_of, scenario_text


@pytest.fixture
def with_baseline(scenario):
    """Return what writes the scenario with a baseline."""

    def make(**values):
        path = scenario(**values)
        case_of(path).update("a reason")
        return path

    return make


def change_baseline(path, **values):
    """Change the baseline of a scenario by hand."""
    baseline = path.parent / "baselines" / "tiny.json"
    content = json.loads(baseline.read_text(encoding="utf-8"))
    baseline.write_text(json.dumps({**content, **values}), encoding="utf-8")
    return content


WITHIN = "expect: {{time_to_success.p50: '{}'}}"


@pytest.mark.parametrize(
    ("text", "passed"),
    [
        ("within 10 s of baseline in at least 90 % of replications", True),
        ("within 10 ms of baseline in at least 10 % of replications", False),
        ("within 15 % of baseline", True),
        ("within 1 % of baseline", False),
    ],
)
def test_judge__within_a_margin_by_the_test_or_in_a_share_of_replications(
    with_baseline, scenario, text, passed
):
    """A line says how the baseline is kept: by the mean, proven, or run by run."""
    more = WITHIN.format(text)
    with_baseline(more=more, replications=5)
    case = case_of(scenario(more=more, replications=5, **CHANGED_BY_5_PERCENT))

    outcome = case.judge(case.lines[0])

    assert outcome.passed == passed
    assert passed or outcome.text.startswith("time_to_success.p50 moved against the baseline\ntiny.yaml:15: ")


def test_judge__a_line_is_equal_while_nothing_moved(with_baseline, monkeypatch):
    """With an equal digest no line needs further runs, however narrow its margin."""
    path = with_baseline(more=WITHIN.format("within 1 ms of baseline"))
    monkeypatch.setattr(module, "more_samples", lambda *args: pytest.fail("more runs"))
    case = case_of(path)

    assert case.judge(case.lines[0]).passed
    assert case.judge_baseline() == (True, "equal", "", None)


def test_judge__without_a_baseline_a_line_fails_too(scenario):
    """`within` can't hold against nothing."""
    case = case_of(scenario(more=WITHIN.format("within 1 % of baseline")))

    outcome = case.judge(case.lines[0])

    assert not outcome.passed
    assert outcome.text.startswith("There is no baseline baselines/tiny.json. Make one:")


def test_update__of_a_name_that_two_scenarios_share_is_refused(scenario, tmp_path):
    """Whoever came last would overwrite the other's baseline."""
    path = scenario()
    (tmp_path / "copy.yaml").write_text(path.read_text(encoding="utf-8"), encoding="utf-8")

    outcome = case_of(path).update("a reason")

    assert not outcome.passed
    assert outcome.text.startswith("The name 'tiny' is also that of copy.yaml")
    assert not (tmp_path / "baselines").exists()


def test_update__keeps_more_replications_if_the_scenario_has_more(with_baseline):
    """Whatever the scenario runs is in its baseline, so that the digest can be compared."""
    path = with_baseline(replications=70)

    assert "70 replications" not in case_of(path).judge_baseline().text
    assert change_baseline(path)["replications"] == 70


def test_update__says_that_nothing_is_proven_if_nothing_is(with_baseline, scenario):
    """A new seed changes every number; the update says that no metric moved for certain."""
    with_baseline()

    text = case_of(scenario(seed=8)).update("another seed").text

    assert "was rewritten" in text
    assert "  run.seed: 3, now 8" in text
    assert "No metric is proven different." in text


def explained(path):
    """Return what is said about a scenario that is not what its baseline says."""
    outcome = case_of(path).judge_baseline()
    assert not outcome.passed
    return outcome.text


def test_explanation__the_first_run_may_be_equal_and_a_later_one_not(with_baseline):
    """The replication that differs is named, since there is no device to name in the first one."""
    path = with_baseline(replications=3)
    content = change_baseline(path)
    content["digests"][2] = "0" * 16
    content["metrics"]["failed"] = 7_000
    change_baseline(path, digests=content["digests"], metrics=content["metrics"])

    assert "Replication 0 is equal; the first that differs is 2." in explained(path)


def test_explanation__no_device_differs_if_only_calls_do(with_baseline):
    """Values that moved although every device fared the same are no device's fault."""
    path = with_baseline()
    metrics = change_baseline(path)["metrics"]
    change_baseline(path, metrics={**metrics, "api_calls": 9})

    assert "No device fares otherwise." in explained(path)


def test_explanation__a_damaged_fingerprint_hides_nothing_else(with_baseline, scenario):
    """The table is shown although nobody can say where the runs part."""
    path = with_baseline()
    file = change_baseline(path)["file"]
    change_baseline(path, attempts={"attempts": 5, "marks": "AAAA"}, file=file)
    scenario(**CHANGED_BY_5_PERCENT)
    change_baseline(path, file={**file, "fleet": {}})  # the old file can't be run again either

    text = explained(path)

    assert "time_to_success.p50 " in text
    assert "Where the runs part is unknown, the baseline's fingerprint is damaged: 3 marks for 5" in text


def test_explanation__another_inventory_is_named(tmp_path):
    """The scenario file is the same, and the devices are not."""
    (tmp_path / "fleet.csv").write_text("device_id,cohort\na,near\nb,far\n", encoding="utf-8")
    text = scenario_text().replace("near, devices: 150", "near").replace("far, devices: 50", "far")
    path = tmp_path / "tiny.yaml"
    path.write_text(text.replace("  cohorts:", "  inventory: fleet.csv\n  cohorts:"), encoding="utf-8")
    case_of(path).update("two devices")
    (tmp_path / "fleet.csv").write_text("device_id,cohort\na,near\nb,near\nc,far\n", encoding="utf-8")

    said = explained(path)

    assert "Changed in the scenario file:\n  the inventory\n" in said
    assert "The runs part at " in said


def test_changed_values__say_whose_simulator_made_the_baseline(with_baseline):
    """If the file is the same, the version is what may have changed."""
    path = with_baseline()
    change_baseline(path, versions={"fleetsim": "0.0.9"})
    case = case_of(path)
    baseline = module.read_baseline(case.baseline_path)

    (text,) = changed_values(case.scenario, baseline)

    assert text.startswith(
        "The scenario file says what it said; the baseline was made by fleetsim 0.0.9, this is "
    )
