"""Annotations of GitHub: only there, beside the line, escaped."""

import json
from pathlib import Path

import pytest

from sim.cli import main
from sim.cli.annotations import annotate
from sim.cli.exit_codes import ExitCode
from sim.errors import Problem

pytestmark = pytest.mark.usefixtures("folder")

SCENARIO = """\
name: tiny
fleet: {cohorts: [{name: gateway, devices: 50}]}
campaign: {package: {version: "2.0", size: 1 MiB}}
run: {until: 1 d}
expect:
  failed: "== 0"
  success_share: "<= 50 %"
"""


@pytest.fixture
def on_github(folder, monkeypatch):
    """Be a job of GitHub Actions whose repository is the test's folder."""
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_WORKSPACE", str(folder))


def test_annotate__says_nothing_elsewhere(capsys):
    """Who works at a terminal sees no lines for machines."""
    annotate("error", Problem("a", "b", 1, 2, "c.yaml"))

    assert capsys.readouterr() == ("", "")


@pytest.mark.usefixtures("on_github")
def test_annotate__escapes_what_would_end_a_value(capsys):
    """A colon in a name, a line break in a message and a percent sign arrive as they are."""
    annotate("warning", Problem("run", "5 %\nof all", 3, 7, "a,b:c.yaml"), title="Look: here")

    line = "::warning file=a%2Cb%3Ac.yaml,line=3,col=7,title=Look%3A here::run: 5 %25%0Aof all\n"
    assert capsys.readouterr() == (line, "")


@pytest.mark.usefixtures("on_github")
def test_annotate__names_files_from_the_top_of_the_repository(capsys):
    """An absolute path is of no use to GitHub."""
    annotate("error", Problem("", "x", file=str(Path.cwd() / "scenarios" / "a.yaml")))
    annotate("error", Problem("", "y", file="/elsewhere/a.yaml"))

    out = capsys.readouterr().out
    assert out == "::error file=scenarios/a.yaml::x\n::error file=/elsewhere/a.yaml::y\n"


@pytest.mark.usefixtures("on_github")
@pytest.mark.parametrize("command", ["validate", "run", "check"])
def test_annotations__of_a_broken_scenario(capsys, folder, command):
    """Each fault stands beside its line; with --json on standard error, where no document is."""
    (folder / "tiny.yaml").write_text(SCENARIO.replace("until: 1 d", "until: 1"), encoding="utf-8")
    wanted = "::error file=tiny.yaml,line=4,col=14::run.until: 1 has no unit; write a number and a unit"

    assert main([command, "tiny.yaml"]) == ExitCode.BAD_INPUT
    assert wanted in capsys.readouterr().out
    assert main([command, "tiny.yaml", "--json"]) == ExitCode.BAD_INPUT
    out, err = capsys.readouterr()
    assert wanted in err
    assert "::error" not in out


@pytest.mark.usefixtures("on_github")
def test_annotations__of_an_expectation_that_is_not_met(capsys):
    """The line of `expect` is marked, with what came instead, by `run` and by `check`."""
    assert main(["run", "tiny.yaml"]) == ExitCode.EXPECTATION_FAILED
    said = "success_share: expected <= 50 %25, actual 100 %25"
    wanted = f"::error file=tiny.yaml,line=7,title=Expectation not met::{said}"
    assert [line for line in capsys.readouterr().out.splitlines() if "::" in line] == [wanted]

    assert main(["check", "tiny.yaml"]) == ExitCode.EXPECTATION_FAILED
    found = [
        line
        for line in capsys.readouterr().out.splitlines()
        if line.startswith("::error file=tiny.yaml,line=7")
    ]
    assert len(found) == 1
    assert "success_share is 100 %25" in found[0]


@pytest.mark.usefixtures("on_github")
def test_annotations__of_a_selector_that_is_not_met(capsys, folder):
    """The key stands as the file has it, at its line; the message and the document say which cohort."""
    text = SCENARIO.replace("failed:", "cohorts[gate*].failed:").replace('"== 0"', '">= 1"')
    (folder / "tiny.yaml").write_text(text, encoding="utf-8")

    assert main(["run", "tiny.yaml"]) == ExitCode.EXPECTATION_FAILED
    said = "cohorts[gate*].failed: expected >= 1, actual 0 (by_cohort.gateway.failed)"
    wanted = f"::error file=tiny.yaml,line=6,title=Expectation not met::{said}"
    assert wanted in capsys.readouterr().out.splitlines()

    assert main(["check", "tiny.yaml", "--json"]) == ExitCode.EXPECTATION_FAILED
    out, err = capsys.readouterr()
    assert "file=tiny.yaml,line=6,title=Scenario test failed::cohorts[gate*].failed: by_cohort.gateway" in err
    item = json.loads(out)["scenarios"][0]["items"][0]
    assert (item["what"], item["cohort"], item["line"]) == ("cohorts[gate*].failed", "gateway", 6)


@pytest.mark.usefixtures("on_github")
def test_annotations__of_a_baseline(capsys, folder):
    """They stand at the first value that changed since; without a baseline at the name that it goes by."""
    path = folder / "tiny.yaml"
    path.write_text(SCENARIO.partition("expect:")[0], encoding="utf-8")

    def marked(*words):
        assert main(["check", "tiny.yaml", *words]) == ExitCode.EXPECTATION_FAILED
        return [line for line in capsys.readouterr().out.splitlines() if line.startswith("::")]

    head = "title=Scenario test failed::baseline: "
    assert marked()[0].startswith(f"::error file=tiny.yaml,line=1,{head}There is no baseline")
    assert marked("--update", "--reason", "new")[0].startswith(
        f"::error file=tiny.yaml,line=1,{head}The base"
    )
    path.write_text(path.read_text().replace("1 MiB", "9 MiB"), encoding="utf-8")
    [line] = marked()
    assert line.startswith(f"::error file=tiny.yaml,line=3,{head}")
    assert "campaign.package.size: '1 MiB', now '9 MiB'" in line
    path.unlink()
    (folder / "other.yaml").write_text("name: other\n" + SCENARIO.partition("\n")[2], encoding="utf-8")
    main(["check", "."])
    assert (
        "::error file=baselines/tiny.json,line=1,title=Scenario test failed::unused"
        in capsys.readouterr().out
    )
