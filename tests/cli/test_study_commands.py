"""`fleetsim sweep`, `plan`, `policy` and `sensitivity`: what is printed, written and answered."""

import json
import re
from pathlib import Path

import pandas as pd
import pytest

from sim.cli import main
from sim.cli.exit_codes import ExitCode
from support.folders import names_in

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
"""


def test_sweep__prints_a_table_and_writes_frames_and_figure(capsys):
    """Without --out the files go to a folder named after scenario and command."""
    code = main(["sweep", "tiny.yaml", "--vary", "platform.max_processing=10..30:10", "--replications", "3"])

    printed = capsys.readouterr()
    assert code == ExitCode.DONE
    assert "3 points of platform.max_processing" in printed.out
    names = "study.json, summary.parquet, sweep.json, sweep.parquet, sweep.png"
    assert f"Written to out/tiny-sweep: {names}" in printed.out
    assert names_in("out/tiny-sweep") == {
        "study.json",
        "summary.parquet",
        "sweep.json",
        "sweep.parquet",
        "sweep.png",
        "tasks",
    }
    assert len(pd.read_parquet("out/tiny-sweep/sweep.parquet")) == 9


def test_sweep__again_takes_what_is_there(capsys):
    """The second time the runs are found, and the digest is the same."""
    arguments = [
        "sweep",
        "tiny.yaml",
        "--vary",
        "campaign.task_policy.retry_count=0..2",
        "--replications",
        "4",
    ]
    main(arguments)
    first = capsys.readouterr().out
    main([*arguments, "--executor", "threads", "--workers", "1"])
    again = capsys.readouterr().out

    digest = next(line for line in first.splitlines() if line.startswith("Digest"))
    assert f"{digest}, 12 runs were there already" in again


def test_sweep__shows_the_metrics_that_were_asked_for(capsys):
    """Each has a table of its own; several precisions may be asked for."""
    main(
        [
            *("sweep", "tiny.yaml", "--vary", "campaign.task_policy.retry_count=1,2"),
            *("--metric", "failed", "--metric", "attempts", "--out", "here"),
            *("--precision", "failed ± 50", "--precision", "attempts ± 20 %"),
        ]
    )

    out = capsys.readouterr().out
    assert "retry_count  " in out
    assert out.count("difference from the first") == 2
    assert re.search(r"Precision failed ± 50, attempts ± 20 %: reached after \d+ replications", out)
    assert "sweep.png" in names_in("here")


def test_run__takes_so_many_replications_that_the_mean_is_precise(capsys):
    """The number is one of the fixed looks, and the sentence beside the summary says so."""
    code = main(["run", "tiny.yaml", "--precision", "success_share ± 3 %", "--out", "here"])

    summary = json.loads(Path("here/summary.json").read_text(encoding="utf-8"))
    share = summary["metrics"]["success_share"]
    assert code == ExitCode.DONE
    assert (share["high"] - share["low"]) / 2 <= 0.03
    assert summary["replications"] in (10, 20, 30, 40, 60)
    reached = f"Precision success_share ± 3 %: reached after {summary['replications']} replications"
    assert reached in capsys.readouterr().out


def test_run__a_precision_that_is_none_is_named(capsys):
    """Before anything runs."""
    assert main(["run", "tiny.yaml", "--precision", "success_share"]) == ExitCode.BAD_INPUT
    assert "write METRIC ± WIDTH" in capsys.readouterr().err
    assert not Path("out").exists()


def test_quiet__prints_nothing(capsys):
    """Scripts want the files only."""
    code = main(
        [
            "sweep",
            "tiny.yaml",
            "--vary",
            "campaign.task_policy.retry_count=0,1",
            "--replications",
            "1",
            "--quiet",
        ]
    )

    assert code == ExitCode.DONE
    assert capsys.readouterr() == ("", "")


def test_plan__prints_the_answer_and_how_sure_it_is(capsys):
    """50 devices of 60 s: all attempts fit into an hour from some number of places on."""
    code = main(
        [
            *("plan", "tiny.yaml", "--vary", "platform.max_processing=1..50"),
            *("--goal", "time_to_success.p50 <= 10 min", "--confidence", "90%", "--replications", "10"),
        ]
    )

    out = capsys.readouterr().out
    answer = json.loads(Path("out/tiny-plan/plan.json").read_text(encoding="utf-8"))["answers"][0]
    assert code == ExitCode.DONE
    assert f"{answer['value']} is the smallest" in out
    assert answer["before"]["value"] == answer["value"] - 1
    assert "plan.png" in out


def test_plan__out_of_reach_answers_with_1(capsys):
    """A script learns that there is no such capacity."""
    code = main(
        [
            *("plan", "tiny.yaml", "--vary", "platform.max_processing=1..3", "--goal", "makespan <= 1 min"),
            *("--replications", "2", "--exhaustive", "--largest"),
        ]
    )

    assert code == ExitCode.EXPECTATION_FAILED
    assert "from 1 to 3: at best, at 3, goals held in none of" in capsys.readouterr().out


def test_plan__a_frontier_is_a_table(capsys):
    """Two fields give an answer for each value of the second one."""
    main(
        [
            *("plan", "tiny.yaml", "--goal", "time_to_success.p50 <= 10 min", "--replications", "2"),
            *("--vary", "platform.max_processing=1..50", "--vary", "stages.install.constant=30 s,60 s"),
        ]
    )

    assert "30 s" in capsys.readouterr().out
    assert "frontier.parquet" in names_in("out/tiny-plan")


def test_policy__prints_the_front_and_the_advice(capsys):
    """The console's advice is always among what is compared."""
    code = main(["policy", "tiny.yaml", "--replications", "3"])

    out = capsys.readouterr().out
    assert code == ExitCode.DONE
    assert "of 7,201 retry policies looked at" in out
    assert "The console's advice, 2 × 5 min, against no automatic retry" in out
    assert names_in("out/tiny-policy") >= {"policies.parquet", "front.parquet", "policy.png"}


def test_sensitivity__prints_indices(capsys):
    """A table a metric, the field that matters most first."""
    code = main(
        [
            *("sensitivity", "tiny.yaml", "--samples", "8", "--metric", "success_share"),
            *("--vary", "failures[0].probability=0 %..60 %", "--vary", "campaign.package.size=1 MB..2 MB"),
        ]
    )

    out = capsys.readouterr().out
    assert code == ExitCode.DONE
    assert out.index("failures[0].probability") < out.index("campaign.package.size")
    assert "sensitivity.png" in names_in("out/tiny-sensitivity")


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (["sweep", "--vary", "platform.bandwith=1 MB/s,2 MB/s"], ["did you mean 'bandwidth'"]),
        (["sweep", "--vary", "platform.max_processing=9..1"], ["is reversed"]),
        (["sweep", "--vary", "platform.max_processing"], ["no PATH=VALUES"]),
        (["sweep", "--vary", "a=1", "--metric", "x"], ["a: ", "unknown metric 'x'"]),
        (["sweep", "--vary", "platform.max_processing=1,2", "--workers", "0"], ["workers: 0"]),
        (["sweep", "--vary", "platform.max_processing=1,2", "--cluster", "moon"], ["no place to run"]),
        (
            ["sweep", "--vary", "a=1", "--cluster", "local:1", "--executor", "threads"],
            ["--cluster: and --executor exclude"],
        ),
        (
            [
                "plan",
                "--vary",
                "platform.max_processing=1..9",
                "--goal",
                "makespn <= 1 h",
                "--confidence",
                "x",
            ],
            ["did you mean 'makespan'", "confidence"],
        ),
        (
            ["policy", "--screen", "0", "--replications", "-1", "--tolerance", "2"],
            ["screen: 0", "replications: -1", "tolerance: 2.0 is not allowed; 0.001 to 0.5"],
        ),
        (["sensitivity", "--vary", "a=1..2", "--samples", "5"], ["power of two"]),
        (["sweep", "--vary", "platform.max_processing="], ["has an empty value"]),
        (
            ["sweep", "--vary", "platform.max_processing=1,2", "--precision", "sucess_share ± 1 %"],
            ["did you mean 'success_share'"],
        ),
        (
            ["plan", "--vary", "platform.max_procesing=1..9", "--goal", "failed <= 1"],
            ["did you mean 'max_processing'"],
        ),
        (["plan", "--vary", "platform.max_processing=9..1", "--goal", "failed <= 1"], ["is reversed"]),
        (["plan", "--vary", "platform.max_processing=", "--goal", "failed <= 1"], ["has an empty value"]),
        (["policy", "--cluster", "moon"], ["no place to run"]),
        (["sensitivity", "--vary", "platform.max_processing=9..1", "--vary", "a=1,2"], ["is reversed"]),
        (
            ["sensitivity", "--vary", "platform.max_procesing=1..9", "--vary", "platform.max_downloads=1..9"],
            ["did you mean 'max_processing'"],
        ),
        (
            ["sensitivity", "--vary", "platform.max_processing=1..9", "--metric", "makespn"],
            ["did you mean 'makespan'"],
        ),
    ],
)
def test_bad_input__is_named_before_any_work(capsys, arguments, parts):
    """All that is wrong, exit code 2, no traceback, no folder."""
    command, *rest = arguments
    code = main([command, "tiny.yaml", *rest])

    error = capsys.readouterr().err
    assert code == ExitCode.BAD_INPUT
    for part in parts:
        assert part in error
    assert "Traceback" not in error
    assert not Path("out").exists()


COMMANDS = {
    "sweep": ["--vary", "platform.max_processing=10,20", "--replications", "1"],
    "plan": ["--vary", "platform.max_processing=10,20", "--goal", "failed <= 50", "--replications", "1"],
    "policy": ["--replications", "1"],
    "sensitivity": [
        *("--vary", "platform.max_processing=10..20", "--vary", "failures[0].probability=0 %..20 %"),
        *("--samples", "8"),
    ],
}


@pytest.mark.parametrize("command", COMMANDS)
def test_bad_input__a_cluster_that_can_not_be_reached_is_named(capsys, monkeypatch, command):
    """Nothing is run, and no folder is left behind."""
    pytest.importorskip("distributed")
    monkeypatch.setattr("sim.study.engine.pools._CONNECT_S", 0.3)

    code = main([command, "tiny.yaml", *COMMANDS[command], "--cluster", "tcp://127.0.0.1:9"])

    assert code == ExitCode.BAD_INPUT
    assert "cluster: can't be reached at tcp://127.0.0.1:9" in capsys.readouterr().err
    assert not Path("out").exists()


@pytest.mark.parametrize("command", COMMANDS)
def test_bad_input__a_folder_of_another_study_is_named(capsys, monkeypatch, command):
    """It is named before workers start, and stays as it is."""
    main(["sweep", "tiny.yaml", *COMMANDS["sweep"], "--out", "here", "--quiet"])
    Path("tiny.yaml").write_text(SCENARIO.replace("20 %", "30 %"), encoding="utf-8")
    before = {path: path.stat().st_mtime_ns for path in Path("here").rglob("*")}
    monkeypatch.setattr("sim.study.engine.study.open_pool", None)

    code = main([command, "tiny.yaml", *COMMANDS[command], "--out", "here"])

    said = "has changed since" if command == "sweep" else "a study of another kind ('sweep')"
    assert code == ExitCode.BAD_INPUT
    assert said in capsys.readouterr().err
    assert {path: path.stat().st_mtime_ns for path in Path("here").rglob("*")} == before


def test_bad_input__a_folder_of_another_scenario_is_named(capsys):
    """Results of two scenarios don't mix; --force begins anew."""
    arguments = ["sweep", "tiny.yaml", "--vary", "platform.max_processing=10,20", "--replications", "1"]
    main(arguments)
    Path("tiny.yaml").write_text(SCENARIO.replace("20 %", "30 %"), encoding="utf-8")
    capsys.readouterr()

    assert main(arguments) == ExitCode.BAD_INPUT
    assert "'tiny' has changed since; choose another folder, or --force" in capsys.readouterr().err
    assert main([*arguments, "--force"]) == ExitCode.DONE


def test_interrupt__says_how_to_go_on(capsys, monkeypatch):
    """Ctrl-C ends with 130 and leaves what is whole."""
    from sim.study.engine.study import Study

    keep = Study._keep

    def interrupted(self, unit, outcome):
        keep(self, unit, outcome)
        raise KeyboardInterrupt

    arguments = ["sweep", "tiny.yaml", "--vary", "platform.max_processing=10,20", "--replications", "10"]
    with monkeypatch.context() as patch:
        patch.setattr(Study, "_keep", interrupted)
        assert main(arguments) == ExitCode.INTERRUPTED
    assert "the same command goes on from there" in capsys.readouterr().err

    assert main(arguments) == ExitCode.DONE
    assert "runs were there already" in capsys.readouterr().out


@pytest.mark.parametrize("command", ["sweep", "plan", "policy", "sensitivity"])
def test_help__tells_what_it_is_for(capsys, command):
    """Every command explains itself and its options."""
    assert main([command, "--help"]) == ExitCode.DONE

    out = capsys.readouterr().out
    assert "--cluster" in out
    assert "--replications" in out
