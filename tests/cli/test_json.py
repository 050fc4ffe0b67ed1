"""`--json`: one document on stdout that keeps its schema, for answers and for errors."""

import json
from pathlib import Path

import pytest

from sim.cli import main
from sim.cli.documents.schemas import DOCUMENTS
from sim.cli.exit_codes import ExitCode
from support.documents import document_of, printed_schema

pytestmark = pytest.mark.usefixtures("folder")

SCENARIO = """\
name: tiny
fleet: {cohorts: [{name: gateway, devices: 50}]}
stages: {install: {constant: 60 s}}
failures: [{stage: install, code: 10, probability: 20 %}]
campaign:
  package: {version: "2.0", size: 1 MiB}
  task_policy: {retry_count: 1, retry_interval: 5 min}
run: {until: 1 d, seed: 3}
expect:
  success_share: ">= 50 %"
"""


def test_run__is_the_summary_and_where_the_files_are(capsys):
    """What stands in `summary.json` is in the document, unchanged."""
    document = document_of(["run", "tiny.yaml", "--replications", "2"], capsys)

    summary = json.loads(Path("out/tiny/summary.json").read_text(encoding="utf-8"))
    assert {name: document[name] for name in summary} == summary
    assert document["folder"] == "out/tiny"
    assert {*document["files"]} == {path.name for path in Path("out/tiny").iterdir()}


def test_run__without_something_has_the_difference(capsys):
    """The document of a run has both means and the paired difference of every metric, and the sentence."""
    document = document_of(["run", "tiny.yaml", "--replications", "2", "--without", "stages.install"], capsys)

    found = document["without"]
    assert (found["second"], found["pairs"]) == ("without stages.install", 2)
    assert found["headline"].startswith("Without stages.install ")
    assert found["metrics"]["makespan"]["difference"] < 0
    assert found["metrics"]["makespan"]["first"] == document["metrics"]["makespan"]["mean"]


def test_run__an_expectation_that_is_not_met_is_an_answer(capsys, folder):
    """The exit code is 1 as without --json, and the document is the run's."""
    (folder / "tiny.yaml").write_text(SCENARIO.replace(">= 50", "<= 50"), encoding="utf-8")

    document = document_of(["run", "tiny.yaml", "--quiet"], capsys, code=ExitCode.EXPECTATION_FAILED)

    assert [verdict["met"] for verdict in document["expectations"]] == [False]


def test_validate__lists_the_problems_of_all_files(capsys, folder):
    """Each file has its own; all of them together are the error that other commands would answer with."""
    (folder / "bad.yaml").write_text(SCENARIO.replace("until", "untill"), encoding="utf-8")

    document = document_of(["validate", "tiny.yaml", "bad.yaml"], capsys, code=ExitCode.BAD_INPUT)

    assert [each["valid"] for each in document["files"]] == [True, False]
    assert document["files"][1]["problems"] == document["error"]["problems"]
    assert document["error"]["problems"][0]["suggestion"] == "until"
    assert "error" not in document_of(["validate", "tiny.yaml"], capsys)


def test_check__has_each_test(capsys, folder):
    """A line of `expect` with its row, then the baseline; a broken file beside it answers with 2."""
    document = document_of(["check", "tiny.yaml"], capsys, code=ExitCode.EXPECTATION_FAILED)
    (folder / "bad.yaml").write_text("fleet: 5", encoding="utf-8")
    broken = document_of(["check", "tiny.yaml", "bad.yaml"], capsys, code=ExitCode.BAD_INPUT)

    line, baseline = document["scenarios"][0]["items"]
    assert (line["what"], line["line"], line["passed"]) == ("success_share", 10, True)
    assert (baseline["what"], baseline["passed"]) == ("baseline", False)
    assert "There is no baseline" in baseline["text"]
    assert broken["scenarios"][1]["problems"] == broken["error"]["problems"]


ERRORS = {
    "a_scenario_that_is_not_there": (["run", "no.yaml"], "input", "there is no such file"),
    "an_option_that_does_not_exist": (
        ["run", "tiny.yaml", "--sead", "1"],
        "usage",
        "No such option '--sead'",
    ),
    "a_value_that_is_not_allowed": (["run", "tiny.yaml", "--plane", "x"], "usage", "'x' is not one of"),
    "a_word_that_is_missing": (["run"], "usage", "Missing argument"),
    "a_command_that_does_not_exist": (["rum"], "usage", "No such command 'rum'"),
    "a_folder_that_can_not_be_written": (["run", "tiny.yaml", "--out", "/dev/null/x"], "system", "/dev/null"),
}


@pytest.mark.parametrize(("words", "kind", "message"), ERRORS.values(), ids=ERRORS)
def test_errors__are_documents_too(capsys, words, kind, message):
    """A program reads why there is no answer where the answer would be; the exit code is as always."""
    document = document_of(words, capsys, code=ExitCode.BAD_INPUT, schema="error")

    assert document["error"]["kind"] == kind
    assert message in document["error"]["message"]


def test_errors__a_broken_scenario_names_place_and_values(capsys, folder):
    """File, line, column, path, what was given and what is allowed, all faults at once."""
    text = SCENARIO.replace("retry_count: 1", "retry_count: 6").replace("seed: 3", "seed: x")
    (folder / "tiny.yaml").write_text(text, encoding="utf-8")

    document = document_of(["run", "tiny.yaml"], capsys, code=ExitCode.BAD_INPUT, schema="error")

    count, seed = document["error"]["problems"]
    assert (count["file"], count["line"], count["column"]) == ("tiny.yaml", 7, 30)
    assert (count["path"], count["given"]) == ("campaign.task_policy.retry_count", 6)
    assert count["allowed"] == "a whole number from 0 to 5"
    assert (seed["path"], seed["given"]) == ("run.seed", "x")
    assert not Path("out").exists()


def test_errors__a_bug_and_an_interrupt(capsys, monkeypatch):
    """A bug's traceback goes to stderr, and stdout still is a document."""
    for error, kind, code in (
        (ZeroDivisionError("boom"), "internal", ExitCode.FAULT),
        (KeyboardInterrupt(), "interrupted", ExitCode.INTERRUPTED),
    ):

        def fail(path, error=error):
            raise error

        with monkeypatch.context() as patch:
            patch.setattr("sim.scenario.load_scenario", fail)
            document = document_of(["run", "tiny.yaml"], capsys, code=code, schema="error")
        assert document["error"]["kind"] == kind


def test_words__after_two_dashes_are_no_options(capsys):
    """A file may be called like the option."""
    assert main(["validate", "--", "--json"]) == ExitCode.BAD_INPUT

    out, err = capsys.readouterr()
    assert (out, err) == ("", "--json: there is no such file\n")


@pytest.mark.parametrize("name", DOCUMENTS)
def test_schema__explains_every_key(capsys, name):
    """Each document, and each part of it, says what its keys are."""
    schema = printed_schema(name, capsys)

    for part in (schema, *schema["$defs"].values()):
        assert part["description"]
        assert [key for key, field in part["properties"].items() if not field.get("description")] == []


def test_schema__a_name_that_is_none_is_refused(capsys):
    """With the names that there are."""
    assert main(["schema", "--of", "rum"]) == ExitCode.BAD_INPUT
    assert "'run'" in capsys.readouterr().err
    assert main(["schema", "--of", "run", "--markdown"]) == ExitCode.BAD_INPUT
