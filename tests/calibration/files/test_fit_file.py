"""The file of a fit, and runs with its draws."""

from __future__ import annotations

import json

import pytest

from sim.calibration.files.fit_file import meaning, read_fit, values_of_draws
from sim.cli import main
from sim.cli.exit_codes import ExitCode
from sim.errors import ScenarioError
from sim.scenario import parse_scenario

TEXT = """\
name: tiny
fleet:
  cohorts:
    - {name: meters, devices: 50, online: {fraction: 80 %, mean_offline: 1 h}, spread: 1}
    - {name: locks, devices: 50}
stages: {install: {exponential: {mean: 60 s}}}
failures: [{stage: install, code: 10, probability: 30 %}]
campaign:
  package: {version: "2.0", size: 1 MiB}
run: {until: 1 d}
"""


def document(**changes):
    """Return the content of a file with two numbers and three draws."""
    rows = [
        ["failures[0].probability", "install, code 10", "probability", "logit"],
        ["fleet.cohorts[0].online.mean_offline", "cohort meters", "mean_offline", "log"],
    ]
    keys = ("path", "of", "kind", "transform")
    told = {"template": 0.5, "estimate": 0.5, "low": 0.4, "high": 0.6, "grade": "identified"}
    return {
        "format": "fleetsim fit",
        "version": 1,
        "scenario": "tiny",
        "template_digest": "t",
        "data_digest": "d",
        "numbers": [{**dict(zip(keys, row, strict=True)), "paths": [row[0]], **told} for row in rows],
        "mean": [0.0, 1.0],
        "covariance": [[1.0, 0.0], [0.0, 1.0]],
        "draws": [[0.1, 3600.0], [0.5, 7200.25], [0.9, 1e-3]],
        "notes": [],
        **changes,
    }


@pytest.fixture
def file(tmp_path):
    """A function that writes a file of a fit and returns its path."""

    def write(**changes):
        path = tmp_path / "fitted.fit.json"
        path.write_text(json.dumps(document(**changes)), encoding="utf-8")
        return path

    return write


def test_values_of_draws__are_values_of_the_scenario(file):
    """The first draws become values by path, in units that a file takes."""
    scenario = parse_scenario(TEXT)
    values = values_of_draws(read_fit(file()), scenario, 2)
    assert values == [
        {"failures[0].probability": 0.1, "fleet.cohorts[0].online.mean_offline": "3600.0 s"},
        {"failures[0].probability": 0.5, "fleet.cohorts[0].online.mean_offline": "7200.25 s"},
    ]
    assert scenario.with_values(values[1]).fleet.cohorts[0].online.mean_offline == 7200.25


def test_values_of_draws__other_policies_are_taken_other_templates_are_not(file):
    """What a fit does not know of may be other; a number that has become another's is refused by its path."""
    record = read_fit(file())
    other_policy = TEXT.replace("1 MiB}", "2 MiB}\n  task_policy: {retry_count: 2, retry_interval: 5 min}")
    assert len(values_of_draws(record, parse_scenario(other_policy), 3)) == 3
    with pytest.raises(ScenarioError) as caught:
        values_of_draws(
            record, parse_scenario(TEXT.replace("code: 10", "code: 9").replace("meters", "doors")), 4
        )
    text = str(caught.value)
    assert "has 3 draws, too few for 4 replications" in text
    assert "failures[0].probability: is of another template" in text
    assert "that of cohort doors, not of cohort meters" in text
    with pytest.raises(ScenarioError, match="no number like it in the scenario at failures"):
        values_of_draws(record, parse_scenario(TEXT.replace("failures: [", "expect: {} #")), 1)


def test_meaning__says_whose_a_number_is():
    """Cohorts and causes go by what they are, general stages and places that are not there by nothing."""
    scenario = parse_scenario(TEXT)
    assert meaning(scenario, "fleet.cohorts[1].spread") == "cohort locks"
    assert meaning(scenario, "failures[0].permanent") == "install, code 10"
    assert meaning(scenario, "stages.install.exponential.mean") == ""
    assert meaning(scenario, "failures[7].permanent") == meaning(scenario, "fleet.cohorts[2].spread") == ""


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"format": "else"}, "is no fit"),
        ({"version": 2}, "is of version 2; this fleetsim reads version 1"),
        ({"draws": [[0.1]]}, "is damaged"),
        ({"draws": []}, "numbers and draws don't fit together"),
        ({"draws": [[0.1, float("inf")]]}, "a draw is no number"),
        ({"mean": None}, "is damaged"),
        ({"numbers": [{"path": "a"}, {"path": "b"}]}, "numbers lack paths, of, kind"),
    ],
)
def test_read_fit__refuses_broken_files_kindly(file, changes, message):
    """Whatever is wrong with a file is said with its name."""
    path = file(**changes)
    with pytest.raises(ScenarioError, match=message) as caught:
        read_fit(path)
    assert str(path) in str(caught.value)


def test_read_fit__refuses_what_is_no_json(tmp_path):
    """A file that is not there, and one that is something else."""
    with pytest.raises(ScenarioError, match="there is no such file"):
        read_fit(tmp_path / "none.json")
    (tmp_path / "scenario.yaml").write_text(TEXT, encoding="utf-8")
    with pytest.raises(ScenarioError, match="is no JSON"):
        read_fit(tmp_path / "scenario.yaml")


def test_run_draws__replications_have_their_own_numbers(file, tmp_path, monkeypatch, capsys):
    """The answer says that it holds how uncertain the numbers are, the manifest has each draw."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tiny.yaml").write_text(TEXT, encoding="utf-8")
    path = file(draws=[[0.01, 3600.0], [0.99, 3600.0]])
    command = ["run", "tiny.yaml", "--draws", path.name, "--plane", "simpy"]
    assert main([*command, "--replications", "2"]) == ExitCode.DONE
    assert "each replication has its own draw of the fitted numbers" in " ".join(
        capsys.readouterr().out.split()
    )
    manifest = json.loads((tmp_path / "out/tiny/manifest.json").read_text(encoding="utf-8"))
    assert [own["failures[0].probability"] for own in manifest["values"]] == [0.01, 0.99]
    summary = json.loads((tmp_path / "out/tiny/summary.json").read_text(encoding="utf-8"))
    first, second = summary["metrics"]["success_share"]["values"]
    assert first > 0.9 > 0.3 > second

    assert main([*command, "--replications", "3"]) == ExitCode.BAD_INPUT
    assert "too few for 3 replications" in capsys.readouterr().err
    assert main([*command, "--without", "failures"]) == ExitCode.BAD_INPUT
    assert "leave --without out" in capsys.readouterr().err
