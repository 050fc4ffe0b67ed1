"""`--json`: one document on stdout that keeps its schema, for answers and for errors."""

import importlib
import json
import statistics
import time
from pathlib import Path

import click
import pandas as pd
import pytest

from sim.cli import main
from sim.cli.documents.plain import json_text
from sim.cli.documents.schemas import DOCUMENTS
from sim.cli.exit_codes import ExitCode
from sim.cli.group import COMMANDS
from sim.cli.study import whole_document
from sim.planes.compilation import compile_kernels, kernels_ready
from sim.study import replicate
from support.documents import document_of, printed_schema, problems_of

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


def run_to(folder: str) -> Path:
    """Run the scenario; return the table of its devices."""
    main(["run", "tiny.yaml", "--out", folder, "--quiet"])
    return Path(folder, "targets.parquet")


def test_run__is_the_summary_and_where_the_files_are(capsys):
    """What stands in `summary.json` is in the document, unchanged."""
    document = document_of(["run", "tiny.yaml", "--replications", "2"], capsys)

    summary = json.loads(Path("out/tiny/summary.json").read_text(encoding="utf-8"))
    assert {name: document[name] for name in summary} == summary
    assert document["folder"] == "out/tiny"
    assert {*document["files"]} == {path.name for path in Path("out/tiny").iterdir()}


def test_run__of_a_folder_is_a_document_of_each_scenario(capsys):
    """Each is what the run of the file alone prints, with the file's name."""
    Path("all").mkdir()
    Path("all/tiny.yaml").write_text(SCENARIO, encoding="utf-8")

    document = document_of(["run", "all"], capsys, schema="runs")

    assert document["passed"]
    assert [(run["file"], run["scenario"]) for run in document["runs"]] == [("all/tiny.yaml", "tiny")]


def test_run__without_something_has_the_difference(capsys):
    """The document of a run has both means and the paired difference of every metric, and the sentence."""
    document = document_of(["run", "tiny.yaml", "--replications", "2", "--without", "stages.install"], capsys)

    found = document["without"]
    assert problems_of(found, printed_schema("compare", capsys)) == []
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

    for part in (schema, *schema.get("$defs", {}).values()):
        assert part["description"]
        assert [key for key, field in part["properties"].items() if not field.get("description")] == []


def test_schema__a_name_that_is_none_is_refused(capsys):
    """With the names that there are."""
    assert main(["schema", "--of", "rum"]) == ExitCode.BAD_INPUT
    assert "'run'" in capsys.readouterr().err
    assert main(["schema", "--of", "run", "--markdown"]) == ExitCode.BAD_INPUT


STUDIES = {
    "sweep": ["--vary", "platform.max_processing=10,20", "--replications", "2"],
    "plan": ["--vary", "platform.max_processing=1..9", "--goal", "makespan <= 20 min", "--replications", "2"],
    "policy": ["--replications", "2"],
    "sensitivity": [
        *("--vary", "platform.max_processing=10..20", "--vary", "failures[0].probability=0 %..20 %"),
        *("--samples", "8", "--metric", "success_share"),
    ],
}


@pytest.mark.parametrize("command", STUDIES)
def test_studies__say_what_they_found_and_where_it_is(capsys, command):
    """Each keeps its schema, names its files, and is the same answer the second time."""
    words = [command, "tiny.yaml", *STUDIES[command]]
    document = document_of(words, capsys)
    again = document_of([*words, "--quiet"], capsys)

    assert (document["scenario"], document["seed"], document["folder"]) == ("tiny", 3, f"out/tiny-{command}")
    assert f"{command}.png" in document["files"]
    assert again["reused"] > document["reused"] == 0
    assert {**again, "reused": 0} == document


def test_sweep__has_every_metric_at_every_point(capsys):
    """With the paired difference from the first point, which is none there."""
    first, second = document_of(["sweep", "tiny.yaml", *STUDIES["sweep"]], capsys)["points"]

    assert (first["values"], second["values"]) == (
        {"platform.max_processing": 10},
        {"platform.max_processing": 20},
    )
    assert first["metrics"]["makespan"]["difference"] == 0
    assert second["metrics"]["makespan"]["difference"] < 0


def test_plan__is_the_file_that_it_writes(capsys):
    """What stands in `plan.json` is in the document; out of reach is an answer, with code 1."""
    document = document_of(["plan", "tiny.yaml", *STUDIES["plan"]], capsys)
    written = json.loads(Path("out/tiny-plan/plan.json").read_text(encoding="utf-8"))
    words = ["plan", "tiny.yaml", "--vary", "platform.max_processing=1..2", "--goal", "makespan <= 1 s"]
    never = document_of(
        [*words, "--vary", "stages.install.constant=30 s,60 s", "--replications", "1", "--out", "here"],
        capsys,
        code=ExitCode.EXPECTATION_FAILED,
    )

    assert {name: document[name] for name in written} == written
    assert document["answers"][0]["value"] in [
        row["values"]["platform.max_processing"] for row in document["seen"]
    ]
    assert [answer["stages.install.constant"] for answer in never["answers"]] == ["30 s", "60 s"]
    assert {answer["value"] for answer in never["answers"]} == {None}


def test_replications__have_a_document_of_their_own(capsys):
    """`sim.replicate` is no command; its answer is described all the same."""
    answer = replicate("tiny.yaml", replications=3)

    document = json.loads(json_text(whole_document(answer)))

    assert problems_of(document, printed_schema("replications", capsys)) == []
    assert document["metrics"]["success_share"]["n"] == 3
    assert document["folder"] is None


def test_explain__limits_and_a_story(capsys):
    """Without a device what limits the campaign; with one its story, step by step."""
    limits = document_of(["explain", "tiny.yaml"], capsys)
    devices = pd.read_parquet(run_to("here"))
    failed = devices["device_id"][devices["status"] != "Success"].iloc[0]
    story = document_of(["explain", "tiny.yaml", failed, "--out", "x/story.png"], capsys)

    assert limits["device"] is None
    assert limits["limits"]["lever"] == "retry policy"
    assert story["limits"] is None
    assert story["device"]["reason"].startswith("code 10")
    steps = [step for steps in story["device"]["waits"] for step in steps]
    steps += [step for attempt in story["device"]["attempts"] for step in attempt["steps"]]
    assert sum(step["end_s"] - step["start_s"] for step in steps) == pytest.approx(story["device"]["end_s"])
    assert any(rescue["saved"] for rescue in story["device"]["rescues"])
    assert (story["folder"], story["files"]) == ("x", ["story.png"])


def test_diff__of_equal_and_of_different_results(capsys):
    """Equal results have no list; different ones have all metrics, and say where the runs part."""
    for seed in ("1", "2"):
        main(["run", "tiny.yaml", "--seed", seed, "--out", f"seed-{seed}", "--quiet"])
    equal = document_of(["diff", "seed-1", "seed-1"], capsys)
    other = document_of(["diff", "seed-1", "seed-2"], capsys, code=ExitCode.EXPECTATION_FAILED)

    assert (equal["equal"], equal["metrics"], equal["parting"]) == (True, [], None)
    assert (other["equal"], other["same_seed"]) == (False, False)
    assert "different" in {metric["answer"] for metric in other["metrics"]}
    assert other["parting"]


def test_report__names_its_file(capsys):
    """The page lies where the document says."""
    pytest.importorskip("altair")
    main(["run", "tiny.yaml", "--out", "here", "--quiet"])

    assert document_of(["report", "here"], capsys) == {"file": "here/report.html"}


def test_bench__lists_what_was_measured(capsys):
    """Numbers with their units, no NaN."""
    document = document_of(
        ["bench", "--planes-devices", "1000", "--devices", "1000", "--repeats", "1"], capsys
    )

    assert {row["unit"] for row in document["measurements"]} >= {"x"}


def test_compile__names_the_folder(capsys, monkeypatch):
    """Kernels that are there already are not compiled."""
    compile_kernels()
    if not kernels_ready():
        pytest.skip("nothing can be compiled and kept here")

    document = document_of(["compile"], capsys)

    assert document["compiled"] is False
    assert Path(document["folder"]).is_dir()


@pytest.mark.parametrize("name", [name for name in COMMANDS if name != "mcp"])
def test_commands__all_know_the_option_and_have_a_schema(name):
    """Nobody has to look up which command speaks JSON."""
    command = importlib.import_module(f"sim.cli.{name}").command
    leaves = command.commands.values() if isinstance(command, click.Group) else [command]

    assert name in DOCUMENTS or name == "schema"
    assert all("--json" in option.opts for leaf in leaves for option in leaf.params[-1:])


@pytest.mark.bench
def test_json__costs_nothing_that_could_be_measured(capsys):
    """The document of a run is made from what the run knows: processor time stays within a twentieth."""

    def seconds(*words: str) -> float:
        begin = time.process_time()
        main(["run", "tiny.yaml", *words])
        capsys.readouterr()
        return time.process_time() - begin

    seconds(), seconds("--json")  # load what both need
    text, document = ([], [])
    for _ in range(11):
        text.append(seconds())
        document.append(seconds("--json"))

    print(f"\ntext {statistics.median(text) * 1e3:.0f} ms, --json {statistics.median(document) * 1e3:.0f} ms")
    assert statistics.median(document) <= 1.05 * statistics.median(text)
