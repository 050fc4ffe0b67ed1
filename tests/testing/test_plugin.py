"""The pytest plugin: the life of a baseline from its making to its update, and what is collected."""

import json

import pytest

import sim.testing.case
from sim.errors import ModelError, Problem, ScenarioError
from support.small_scenario import CHANGED_BY_5_PERCENT, plugin_words


@pytest.fixture
def with_baseline(suite):
    """Return a folder with a scenario and its baseline."""
    suite.write()
    suite.update()
    return suite


def text_of(result):
    """Return what a run of pytest printed."""
    return result.stdout.str()


def baseline_in(suite, name="tiny"):
    """Return a baseline as JSON."""
    return json.loads((suite.folder / "baselines" / f"{name}.json").read_text(encoding="utf-8"))


def change_baseline(suite, **values):
    """Change a baseline by hand."""
    path = suite.folder / "baselines" / "tiny.json"
    path.write_text(json.dumps({**baseline_in(suite), **values}), encoding="utf-8")


def test_life__without_a_baseline_the_test_fails_and_says_how_to_make_one(suite):
    """A newcomer copies the command from the message."""
    suite.write()

    result = suite.run("scenarios")

    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(
        [
            "There is no baseline scenarios/baselines/tiny.json. Make one:",
            '  pytest scenarios/tiny.yaml --scenario-update --reason "why this is right"',
        ]
    )


def test_life__making_it_fails_once_and_then_passes(suite):
    """Nobody gets a new truth from a green run; the next run is green."""
    suite.write()

    making = suite.update("first one")
    after = suite.run("scenarios")

    making.assert_outcomes(passed=1, failed=1)
    making.stdout.fnmatch_lines(
        ["The baseline scenarios/baselines/tiny.json was made, of 64 replications: first one"]
    )
    after.assert_outcomes(passed=2)
    assert "= scenarios =" not in text_of(after)  # nothing to say about an equal digest


def test_life__a_clean_run_makes_no_further_replications(with_baseline, monkeypatch):
    """Equal digests are enough: the other 63 replications are not run."""
    monkeypatch.setattr(sim.testing.case, "more_samples", lambda *args: pytest.fail("more runs"))

    with_baseline.run("scenarios").assert_outcomes(passed=2)


def test_life__a_change_of_5_percent_fails_and_names_metric_device_and_figure(with_baseline):
    """The message answers what moved, by how much, against which margin, and where it began."""
    with_baseline.write(**CHANGED_BY_5_PERCENT)

    result = with_baseline.run("scenarios")

    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(
        [
            "time_to_success.p50, *moved against the baseline of scenarios/tiny.yaml",
            "(32 replications in pairs; all metrics: *different)",
            "  metric * before * now * difference [[]99 % interval] * margin",
            "  time_to_success.p50 * +*s [[]+*s, +*s] * ± *s",
            "Changed in the scenario file:",
            "  stages.install.uniform.high: '70 s', now '77 s'",
            "The runs part at * with *-0000*:",
            "  before: attempt 1, 0 s to *: Success",
            "  now:    attempt 1, 0 s to *: Success",
            "Figure: *figures/tiny.png",
            "Baseline of 20*: as it should be",
            "  pytest scenarios/tiny.yaml --scenario-update *",
        ]
    )
    assert (with_baseline.pytester.path / "figures" / "tiny.png").read_bytes().startswith(b"\x89PNG")
    assert "FAILED scenarios/tiny.yaml::baseline - time_to_success.p50" in text_of(result)


def test_life__a_change_of_the_simulator_is_seen_and_located_without_the_old_one(with_baseline, monkeypatch):
    """The old model is gone; the baseline's fingerprint still tells after how many attempts they part."""
    build_spec = sim.campaign.run.build_spec

    def slower(scenario, **key):
        spec = build_spec(scenario, **key)
        spec.cohorts.dist_b[:, 4:6] *= 1.05
        return spec

    monkeypatch.setattr(sim.campaign.run, "build_spec", slower)

    result = with_baseline.run("scenarios")

    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(
        [
            "*time_to_success.p50*moved against*",
            "The scenario file says what it said; the baseline was made by fleetsim *",
            "The runs part at *, after * attempts that ended alike.",
            "  The next one is now *-0000*, attempt 1, 0 s to *",
        ]
    )


def test_life__a_change_within_the_margin_passes_and_says_that_the_digest_moved(with_baseline):
    """A harmless change is not an alarm, and not a secret either."""
    with_baseline.write(high="70.2 s")

    result = with_baseline.run("scenarios")

    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(
        ["*= scenarios =*", "scenarios/tiny.yaml: the digest moved, the metrics did not *"]
    )


def test_life__other_luck_is_no_change(with_baseline):
    """Another seed moves every number of a small fleet by more than 1 %, and proves nothing."""
    with_baseline.write(seed=99)

    result = with_baseline.run("scenarios")

    result.assert_outcomes(passed=2)
    assert "undecided, chance is larger than the margin: " in text_of(result)


def test_update__without_a_reason_is_refused(suite):
    """A baseline without a reason can't be made, and a reason without an update means nothing."""
    suite.write()

    assert suite.run("scenarios", "--scenario-update").ret == pytest.ExitCode.USAGE_ERROR
    assert suite.run("scenarios", "--scenario-update", "--reason", " ").ret == pytest.ExitCode.USAGE_ERROR
    assert suite.run("scenarios", "--reason", "because").ret == pytest.ExitCode.USAGE_ERROR
    assert not (suite.folder / "baselines").exists()


def test_update__rewrites_keeps_the_reason_and_shows_what_it_accepts(with_baseline):
    """The reviewer sees the metrics that the update moves; the file remembers why."""
    with_baseline.write(**CHANGED_BY_5_PERCENT)

    making = with_baseline.update("a larger package")

    making.assert_outcomes(passed=1, failed=1)
    making.stdout.fnmatch_lines(
        ["*was rewritten, of 64 replications: a larger package", "  time_to_success.p50 *"]
    )
    assert baseline_in(with_baseline)["reason"] == "a larger package"
    with_baseline.run("scenarios").assert_outcomes(passed=2)


def test_update__of_what_has_not_changed_leaves_the_file_alone(with_baseline):
    """An update of all scenarios touches only those that changed, and keeps the others' reasons."""
    with_baseline.update("another reason").assert_outcomes(passed=2)

    assert baseline_in(with_baseline)["reason"] == "as it should be"


def test_update__replaces_a_baseline_that_can_t_be_read(with_baseline):
    """After a merge gone wrong the update is the way out."""
    (with_baseline.folder / "baselines" / "tiny.json").write_text("<<<<<<< HEAD\n", encoding="utf-8")

    with_baseline.update().assert_outcomes(passed=1, failed=1)

    with_baseline.run("scenarios").assert_outcomes(passed=2)


def test_metrics__one_that_disappeared_fails_although_all_others_are_equal(with_baseline):
    """A metric can't vanish unnoticed, whatever the digest says."""
    metrics = baseline_in(with_baseline)["metrics"]
    change_baseline(with_baseline, metrics={**metrics, "time_to_boredom": 3.5})

    result = with_baseline.run("scenarios")

    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["The metric 'time_to_boredom' of the baseline is gone."])


def test_metrics__one_that_appeared_fails(with_baseline):
    """What nobody has looked at is no baseline."""
    metrics = baseline_in(with_baseline)["metrics"]
    del metrics["makespan"]
    change_baseline(with_baseline, metrics=metrics)

    result = with_baseline.run("scenarios")

    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["The baseline has no metric 'makespan'."])


def test_baseline__that_nobody_uses_fails(with_baseline):
    """A scenario that is renamed or deleted leaves nothing behind that looks like a test."""
    with_baseline.write("second")
    with_baseline.update()
    (with_baseline.folder / "tiny.yaml").unlink()

    result = with_baseline.run("scenarios")

    result.assert_outcomes(passed=2, failed=1)
    result.stdout.fnmatch_lines(["FAILED scenarios/baselines/tiny.json::unused - *"])


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"format": 2}, "*is of format 2; fleetsim * reads format 1. Install the fleetsim that wrote it*"),
        ({"format": 0}, "*is of no format that fleetsim * reads; restore it, or make it anew *"),
        ({"digests": []}, "*is damaged (ValueError: 0 digests for 64 replications); restore it, *"),
    ],
)
def test_baseline__of_another_format_or_damaged_says_what_to_do(with_baseline, changes, said):
    """The message ends with the command that makes it anew."""
    change_baseline(with_baseline, **changes)

    result = with_baseline.run("scenarios")

    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines([said, "  pytest scenarios/tiny.yaml --scenario-update *"])


def test_baseline__two_scenarios_of_one_name_would_share_it(with_baseline):
    """Both fail and name each other; what they expect is tested all the same."""
    text = (with_baseline.folder / "tiny.yaml").read_text(encoding="utf-8")
    (with_baseline.folder / "other.yaml").write_text(text, encoding="utf-8")

    result = with_baseline.run("scenarios")

    result.assert_outcomes(passed=2, failed=2)
    result.stdout.fnmatch_lines(["The name 'tiny' is also that of tiny.yaml: they would share a baseline"])


def test_broken_scenario__is_one_error_at_its_line_and_others_run(with_baseline):
    """A typo in one file doesn't hide what the others have to say."""
    (with_baseline.folder / "broken.yaml").write_text("fleet: {}\ncampaign: 3\n", encoding="utf-8")

    result = with_baseline.run("scenarios")

    result.assert_outcomes(passed=2, errors=1)
    result.stdout.fnmatch_lines(
        ["*broken.yaml:2:11: campaign: *", "ERROR scenarios/broken.yaml::scenario - *"]
    )


def test_fault_of_the_model__is_an_error_of_each_test_and_happens_once(with_baseline, monkeypatch):
    """A run that can't be made is not a failed expectation, and nobody waits for it twice."""
    calls = []

    def fail(scenario):
        calls.append(scenario)
        raise ModelError("devices got lost")

    monkeypatch.setattr(sim.testing.case, "make_trial", fail)

    result = with_baseline.run("scenarios")

    result.assert_outcomes(errors=2)
    assert len(calls) == 1
    result.stdout.fnmatch_lines(["*ModelError: devices got lost"])


EXPECTATIONS = """\
expect:
  pending: "== 0"
  by_cohort.far.devices: "== 50"
  first_attempt_success_share: "> 99 %"
  success_share: [">= 90 %", "at 1 h: >= 50 %", ">= 90 % in at least 75 % of replications"]
  attempts: within 5 % of baseline
  by_cohort.far.makespan: within 10 min of baseline
"""


def test_lines__each_is_a_test_of_its_own(suite):
    """A line is selected, reported and fails by itself, at its line of the file."""
    suite.write(replications=4, more=EXPECTATIONS)
    suite.update()

    result = suite.run("scenarios", "-v")

    result.assert_outcomes(passed=8, failed=1)
    names = [
        "pending",
        "by_cohort.far.devices",
        "first_attempt_success_share",
        "success_share",
        "success_share[[]2]",
        "success_share[[]3]",
    ]
    names += ["attempts", "by_cohort.far.makespan", "baseline"]
    result.stdout.fnmatch_lines([f"scenarios/tiny.yaml::{name} *" for name in names])
    result.stdout.fnmatch_lines(
        [
            "first_attempt_success_share is * (mean of 4 replications, 95 % interval * to *)",
            "scenarios/tiny.yaml:18: expected > 99 %",
        ]
    )


def test_lines__within_a_margin_of_the_baseline_sets_the_metric_s_own(suite):
    """A metric with a line of its own is judged there, by its own margin, and no longer by default."""
    lines = (
        "expect: {time_to_success.p50: within 20 % of baseline, time_to_success.p90: within 1 s of baseline}"
    )
    suite.write(more=lines)
    suite.update()
    suite.write(more=lines, **CHANGED_BY_5_PERCENT)

    result = suite.run("scenarios", "-rA")

    result.stdout.fnmatch_lines_random(
        [
            "PASSED scenarios/tiny.yaml::time_to_success.p50",
            "FAILED scenarios/tiny.yaml::time_to_success.p90 - time_to_success.p90 moved *",
        ]
    )
    assert "time_to_success.p50, " not in text_of(result)


def test_lines__newer_than_the_baseline_fail_until_it_is_made_anew(with_baseline):
    """A line can't pass because the baseline has nothing to say."""
    more = "expect: {by_cohort.far.attempts: within 5 % of baseline}"
    with_baseline.write(more=more)

    result = with_baseline.run("scenarios")

    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["The baseline has no value of by_cohort.far.attempts: *"])
    assert with_baseline.update().parseoutcomes() == {"skipped": 1, "failed": 1}
    with_baseline.run("scenarios").assert_outcomes(passed=2)


def test_selection__by_name_and_by_mark(with_baseline):
    """`-k` selects lines, `-m` scenarios by the marks in a comment of the file."""
    with_baseline.pytester.makeini("[pytest]\nmarkers = slow: takes long\n")
    path = with_baseline.write("long")
    path.write_text("# pytest: slow\n" + path.read_text(encoding="utf-8"), encoding="utf-8")

    with_baseline.run("scenarios", "-k", "pending").assert_outcomes(passed=2, deselected=2)
    with_baseline.run("scenarios", "-m", "not slow").assert_outcomes(passed=2, deselected=2)
    with_baseline.run("scenarios", "-m", "scenario", "-k", "tiny").assert_outcomes(passed=2, deselected=2)


def test_collection__leaves_other_files_alone(with_baseline):
    """YAML that is no scenario, scenarios elsewhere, and JSON that is no baseline are not ours."""
    elsewhere = with_baseline.pytester.mkdir("config")
    with_baseline.write("far", folder=elsewhere)
    (with_baseline.folder / "playbook.yaml").write_text("- hosts: all\n  fleet: x\n", encoding="utf-8")
    (with_baseline.folder / "values.yaml").write_text("other:\n  fleet: 3\n", encoding="utf-8")
    (with_baseline.folder / "latin.yaml").write_bytes(b"fleet: \xff\n")
    (with_baseline.folder / "data.json").write_text("{}", encoding="utf-8")
    with_baseline.pytester.makepyfile(test_other="def test_other(): pass")

    with_baseline.run().assert_outcomes(passed=3)


def test_collection__folders_are_named_by_option_by_setting_or_directly(with_baseline):
    """`--scenarios DIR`, `scenarios = DIR` in the settings, and a file on the command line."""
    pytester = with_baseline.pytester
    elsewhere = pytester.mkdir("fleet")
    path = with_baseline.write("far", folder=elsewhere)

    with_baseline.run("scenarios", "--scenarios", "fleet").assert_outcomes(passed=3, failed=1)
    with_baseline.run(str(path)).assert_outcomes(passed=1, failed=1)
    assert with_baseline.run("--scenarios", "nowhere").ret == pytest.ExitCode.USAGE_ERROR

    pytester.makeini("[pytest]\nscenarios = fleet\n")
    with_baseline.run("fleet").assert_outcomes(passed=1, failed=1)


def test_junit__names_the_figure(with_baseline):
    """A CI server finds the figure of a failed test in the report, wherever the tests ran."""
    with_baseline.write(**CHANGED_BY_5_PERCENT)

    with_baseline.run("scenarios", "--junit-xml=report.xml")

    report = (with_baseline.pytester.path / "report.xml").read_text(encoding="utf-8")
    assert '<property name="figure" value="figures/tiny.png"' in report


def test_figures__go_where_the_ini_option_says(with_baseline):
    """A project fixes the folder once, relative to its ini file; the option of a run comes first."""
    with_baseline.write(**CHANGED_BY_5_PERCENT)
    pytester = with_baseline.pytester
    pytester.makeini("[pytest]\nscenario_figures = pictures/failed\n")

    pytester.runpytest_inprocess(*plugin_words(), "-p", "no:cacheprovider", "scenarios")
    assert (pytester.path / "pictures" / "failed" / "tiny.png").exists()
    with_baseline.run("scenarios")
    assert (pytester.path / "figures" / "tiny.png").exists()


def test_baselines__are_optional_where_the_ini_option_says_so(suite):
    """Without a baseline its test is skipped and the lines are judged; with one it is compared as ever."""
    suite.pytester.makeini("[pytest]\nscenario_baselines = optional\n")
    suite.write()

    suite.run("scenarios").assert_outcomes(passed=1, skipped=1)
    suite.update()
    suite.write(**CHANGED_BY_5_PERCENT)
    suite.run("scenarios").assert_outcomes(passed=1, failed=1)


def test_baselines__of_another_word_are_refused(suite):
    """A typing mistake in the ini file must not switch a test off."""
    suite.pytester.makeini("[pytest]\nscenario_baselines = optinal\n")

    result = suite.run("scenarios")

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert "'optinal': allowed are required and optional" in result.stderr.str()


def test_durations__the_run_is_the_first_test_s_setup(with_baseline):
    """The time of the simulation is shown where it was spent, not spread over the lines."""
    result = with_baseline.run("scenarios", "--durations=0", "-vv")

    result.stdout.re_match_lines([r"[0-9.]+s setup +scenarios/tiny.yaml::pending"])


def test_figures__go_to_the_cache_of_pytest_unless_told_otherwise(with_baseline):
    """Without an option figures are where pytest keeps what nobody commits."""
    with_baseline.write(**CHANGED_BY_5_PERCENT)
    pytester, words = with_baseline.pytester, [*plugin_words(), "scenarios"]

    pytester.runpytest_inprocess(*words)
    without_cache = pytester.runpytest_inprocess(*words, "-p", "no:cacheprovider")

    without_cache.stdout.re_match_lines([r"Figure: .*/fleetsim-\w+/tiny.png"])
    assert (pytester.path / ".pytest_cache" / "d" / "fleetsim" / "tiny.png").exists()


def test_update__of_a_scenario_elsewhere_names_its_whole_path(suite, tmp_path_factory):
    """The command in the message works from where pytest was called; a number of runs must be one."""
    path = suite.write(folder=tmp_path_factory.mktemp("elsewhere"))

    suite.run(str(path)).stdout.fnmatch_lines([f"  pytest {path} --scenario-update *"])
    words = ["--scenario-update", "--reason", "x", "--scenario-replications", "0"]
    assert suite.run(str(path), *words).ret == pytest.ExitCode.USAGE_ERROR


def test_trial__that_can_t_be_run_is_one_text(suite, monkeypatch):
    """What a user can mend needs no traceback."""
    suite.write()

    def refuse(scenario):
        raise ScenarioError([Problem("run", "is too long a story", file="tiny.yaml")])

    monkeypatch.setattr(sim.testing.case, "make_trial", refuse)

    result = suite.run("scenarios")

    result.assert_outcomes(errors=2)
    result.stdout.fnmatch_lines(["tiny.yaml: run: is too long a story"])
    assert "Traceback" not in text_of(result)
