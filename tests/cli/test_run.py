"""`fleetsim run`: options, what is printed, what is written, exit codes."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest

from sim.cli import main
from sim.cli.exit_codes import ExitCode
from sim.results.figures import overview
from support.folders import names_in

pytestmark = pytest.mark.usefixtures("folder")


SCENARIO = """\
name: tiny
fleet: {cohorts: [{name: gateway, devices: 50}]}
stages: {install: {exponential: {mean: 60 s}}}
failures: [{stage: install, code: 10, probability: 30 %}]
campaign:
  package: {version: "2.0", size: 1 MiB}
  task_policy: {retry_count: 1, retry_interval: 5 min}
run: {until: 1 d, replications: 2}
"""

FILES = {
    "calls.parquet",
    "call_targets.parquet",
    "curves.parquet",
    "manifest.json",
    "recovery.parquet",
    "recovery.png",
    "steps.parquet",
    "summary.json",
    "targets.parquet",
    "tasks.parquet",
    "waves.parquet",
    "held_up.parquet",
}


def manifest_in(path: str) -> dict[str, object]:
    """Return the manifest in a folder."""
    content: dict[str, object] = json.loads(Path(path, "manifest.json").read_text(encoding="utf-8"))
    return content


def test_run__without_options_prints_and_writes_into_a_folder_of_its_name(capsys):
    """A newcomer gets a summary, all files, and is told where they are."""
    assert main(["run", "tiny.yaml"]) == ExitCode.DONE

    out, err = capsys.readouterr()
    assert names_in("out/tiny") == FILES
    assert out.startswith("tiny: 50 devices, seed 0\n")
    assert "Success" in out
    assert "Written to out/tiny: summary.json, targets.parquet" in out
    assert err == ""


def test_run__loads_no_pandas():
    """Writing every table takes Arrow alone: pandas would take longer to load than a small run does."""
    words = ["run", "tiny.yaml", "--plane", "simpy", "--attempts", "--targets", "all", "--quiet"]
    code = f"import sys\nfrom sim.cli import main\nprint(main({words}))\nassert 'pandas' not in sys.modules"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)

    assert (done.returncode, done.stderr) == (0, "")
    assert "attempts.parquet" in names_in("out/tiny")


def test_run__the_summary_comes_before_the_files(monkeypatch, capsys):
    """What can be read at once does not wait until the figure is drawn."""
    printed = []
    draw = overview.png_bytes

    def drawn(*arguments, **options):
        printed.append(capsys.readouterr().out)
        return draw(*arguments, **options)

    monkeypatch.setattr(overview, "png_bytes", drawn)

    assert main(["run", "tiny.yaml", "--plane", "simpy"]) == ExitCode.DONE

    assert printed[0].startswith("tiny: 50 devices, seed 0")
    assert "Success" in printed[0]
    assert capsys.readouterr().out.startswith("\nWritten to out/tiny: summary.json")


def test_run__again_replaces_its_own_results():
    """The same command can be given again, with another seed."""
    assert main(["run", "tiny.yaml"]) == ExitCode.DONE
    assert main(["run", "tiny.yaml", "--seed", "9"]) == ExitCode.DONE

    assert manifest_in("out/tiny")["seed"] == 9


def test_run__options_reach_the_run():
    """Seed, replications, plane, targets and attempts are those of the command line."""
    words = ["--seed", "7", "--replications", "3", "--plane", "simpy", "--targets", "all", "--attempts"]

    assert main(["run", "tiny.yaml", *words, "--out", "there"]) == ExitCode.DONE

    manifest = manifest_in("there")
    assert (manifest["seed"], manifest["replications"], manifest["plane"]) == (7, 3, "simpy")
    assert names_in("there") == {*FILES, "attempts.parquet"}
    assert pd.read_parquet("there/targets.parquet")["replication"].unique().tolist() == [0, 1, 2]
    assert pd.read_parquet("there/attempts.parquet")["replication"].nunique() == 3


def test_run__targets_are_those_of_the_first_replication_unless_asked():
    """A file with a row a device is not multiplied by the replications."""
    main(["run", "tiny.yaml", "--out", "there"])

    assert pd.read_parquet("there/targets.parquet")["replication"].tolist() == [0] * 50
    assert pd.read_parquet("there/curves.parquet")["replication"].nunique() == 2


def test_run__quiet_prints_nothing(capsys):
    """Nothing but the files comes of a quiet run."""
    assert main(["run", "tiny.yaml", "--quiet"]) == ExitCode.DONE

    assert capsys.readouterr() == ("", "")
    assert names_in("out/tiny") == FILES


def test_run__an_expectation_that_fails_is_code_1_and_named(capsys):
    """The files are written all the same, and stderr says what was not met, quiet or not."""
    Path("tiny.yaml").write_text(f"{SCENARIO}expect: {{failed: '== 0', succeeded: '>= 1'}}\n")

    assert main(["run", "tiny.yaml", "--quiet"]) == ExitCode.EXPECTATION_FAILED

    assert capsys.readouterr() == ("", "Not met: failed == 0\n")
    assert names_in("out/tiny") == FILES


def test_run__an_expectation_that_is_met_is_code_0(capsys):
    """A met expectation is printed and doesn't disturb."""
    Path("tiny.yaml").write_text(f"{SCENARIO}expect: {{succeeded: '>= 1'}}\n")

    assert main(["run", "tiny.yaml"]) == ExitCode.DONE
    assert "met  succeeded >= 1" in capsys.readouterr().out


def test_run__an_expectation_without_its_baseline_is_no_failure(capsys):
    """What can't be judged here is said, and not counted as broken."""
    Path("tiny.yaml").write_text(f"{SCENARIO}expect: {{succeeded: within 5 % of baseline}}\n")

    assert main(["run", "tiny.yaml"]) == ExitCode.DONE
    assert "not checked: it needs a baseline" in capsys.readouterr().out


def test_run__warnings_about_the_scenario_go_to_stderr(capsys):
    """What is allowed but hardly meant is said before the work, like `validate` does."""
    Path("tiny.yaml").write_text(SCENARIO.replace("size: 1 MiB", "size: 2 GB"))

    assert main(["run", "tiny.yaml"]) == ExitCode.DONE

    assert capsys.readouterr().err.startswith("Warning: tiny.yaml:6:")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (SCENARIO.replace("until", "untill"), "run.untill"),
        (SCENARIO.replace("5 min", "5"), "retry_interval"),
        (SCENARIO.replace("retry_count: 1", "retry_count: 6"), "retry_count"),
        (SCENARIO.replace("retry_count: 1, ", ""), "retry_count"),
        (SCENARIO.replace("30 %", "130 %"), "probability"),
        (SCENARIO.replace("code: 10", "code: 11"), "code"),
        (SCENARIO.replace("name: tiny", "name: tiny\nname: twice"), "name"),
        (SCENARIO.replace("devices: 50", "devices: 1000000000"), "memory"),
        ("", "empty"),
        ("\x00\x01\x02", "is not a text file"),
        ("[1, 2]", "must be a mapping"),
    ],
    ids=["key", "unit", "count", "pair", "share", "code", "duplicate", "memory", "empty", "binary", "list"],
)
def test_run__bad_scenarios_are_refused_before_anything_happens(text, problem, capsys):
    """Each fault is named with its file, exit code 2, no traceback, nothing written."""
    Path("tiny.yaml").write_text(text)

    assert main(["run", "tiny.yaml"]) == ExitCode.BAD_INPUT

    out, err = capsys.readouterr()
    assert out == ""
    assert "tiny.yaml" in err
    assert problem in err
    assert "Traceback" not in err
    assert not Path("out").exists()


def test_run__all_faults_at_once(capsys):
    """Two faults in one file are two lines."""
    Path("tiny.yaml").write_text(
        SCENARIO.replace("retry_count: 1", "retry_count: 6").replace("30 %", "130 %")
    )

    main(["run", "tiny.yaml"])

    assert len(capsys.readouterr().err.splitlines()) == 2


@pytest.mark.parametrize(
    "words",
    [
        ["run", "missing.yaml"],
        ["run", ".", "--trace", "trace.json"],
        ["run"],
        ["run", "tiny.yaml", "--seed", "-1"],
        ["run", "tiny.yaml", "--seed", "18446744073709551616"],
        ["run", "tiny.yaml", "--replications", "0"],
        ["run", "tiny.yaml", "--replications", "many"],
        ["run", "tiny.yaml", "--plane", "paper"],
        ["run", "tiny.yaml", "--targets", "some"],
        ["run", "tiny.yaml", "--out", "tiny.yaml"],
        ["run", "tiny.yaml", "--sead", "1"],
        ["run", "tiny.yaml", "other.yaml"],
    ],
)
def test_run__bad_words_are_code_2(words, capsys):
    """Each mistake on the command line is answered with a message, and nothing is written."""
    assert main(words) == ExitCode.BAD_INPUT

    out, err = capsys.readouterr()
    assert out == ""
    assert err
    assert "Traceback" not in err
    assert not Path("out").exists()


def test_run__a_folder_with_other_files_is_refused_before_the_work(monkeypatch, capsys):
    """Nobody waits for a run whose results can't be written; what is there stays."""
    monkeypatch.setattr("sim.results.runner.run_campaign", lambda *_, **__: pytest.fail("it ran"))
    Path("there").mkdir()
    Path("there/notes.txt").write_text("mine")

    assert main(["run", "tiny.yaml", "--out", "there"]) == ExitCode.BAD_INPUT

    err = capsys.readouterr().err
    assert "there: holds other files (notes.txt)" in err
    assert "--force" in err
    assert names_in("there") == {"notes.txt"}


def test_run__force_writes_beside_other_files():
    """With force the results are written, and what is not theirs stays."""
    Path("there").mkdir()
    Path("there/notes.txt").write_text("mine")

    assert main(["run", "tiny.yaml", "--out", "there", "--force"]) == ExitCode.DONE

    assert names_in("there") == {*FILES, "notes.txt"}
    assert Path("there/notes.txt").read_text() == "mine"


def test_run__another_scenarios_results_are_not_replaced(capsys):
    """A folder keeps to one scenario unless forced."""
    main(["run", "tiny.yaml", "--out", "there"])
    Path("tiny.yaml").write_text(SCENARIO.replace("name: tiny", "name: other"))

    assert main(["run", "tiny.yaml", "--out", "there"]) == ExitCode.BAD_INPUT
    assert "holds results of the scenario 'tiny'" in capsys.readouterr().err
    assert main(["run", "tiny.yaml", "--out", "there", "--force"]) == ExitCode.DONE


SLOW = SCENARIO.replace("devices: 50", "devices: 400000").replace("replications: 2", "replications: 500")


@pytest.mark.slow
def test_run__ctrl_c_is_code_130_and_leaves_nothing(repository: Path, folder: Path):
    """An interrupt in the middle of the work ends it soon, with a message and without files."""
    (folder / "slow.yaml").write_text(SLOW)
    process = subprocess.Popen(
        [sys.executable, "-m", "sim", "run", str(folder / "slow.yaml"), "--out", str(folder / "there")],
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=repository,
    )
    time.sleep(8)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)

    assert process.returncode == ExitCode.INTERRUPTED, err
    progress, _, last = err.rstrip("\n").rpartition("\n")
    assert (out, last) == ("", "Error: interrupted")
    assert all(line.startswith("simulating: ") for line in progress.splitlines())
    assert not (folder / "there").exists()


@pytest.mark.bench
def test_run__the_quickstart_takes_four_seconds_at_most(repository: Path, tmp_path: Path):
    """From the command to all files, with compiled code and bytecode in their caches."""
    words = [sys.executable, "-m", "sim", "run", str(repository / "scenarios" / "quickstart.yaml")]
    environment = {
        **os.environ,
        "PYTHONPYCACHEPREFIX": str(tmp_path / "cache"),
        "PYTHONDONTWRITEBYTECODE": "",
    }
    spans = []
    for i_run in range(4):
        start = time.perf_counter()
        subprocess.run(
            [*words, "--out", str(tmp_path / f"there-{i_run}")],
            check=True,
            cwd=repository,
            env=environment,
            stdout=subprocess.DEVNULL,
        )
        spans.append(time.perf_counter() - start)

    print(f"\nfleetsim run quickstart: {min(spans[1:]):.2f} s warm, {spans[0]:.2f} s the first time")
    assert names_in("there-3") == FILES
    assert min(spans[1:]) <= 4.0


def test_run__says_whether_the_order_of_devices_matters(capsys):
    """Where places bind, another order is tried; what comes of it stands on the screen and in the summary."""
    cohorts = (
        "[{name: quick, devices: 120, stages: {install: {constant: 5 min}}},"
        " {name: slow, devices: 5, stages: {install: {constant: 1 h}}}]"
    )
    campaign = "{package: {version: '1', size: 1 MiB}, order: file}"
    lines = ["name: tiny", f"fleet: {{cohorts: {cohorts}}}", "platform: {max_processing: 10}"]
    Path("ordered.yaml").write_text("\n".join([*lines, f"campaign: {campaign}"]), encoding="utf-8")
    assert main(["run", "ordered.yaml"]) == ExitCode.DONE

    said = "order matters here: places bind (10 of 10 in Processing); with order 'shuffled'"
    assert f"Note: {said}" in " ".join(capsys.readouterr().out.split())
    summary = json.loads(Path("out/tiny/summary.json").read_text(encoding="utf-8"))
    assert [note for note in summary["notes"] if note.startswith(said)]


def test_run__without_something_begins_with_what_it_cost(capsys):
    """The paired difference comes first, in a sentence; the results are those of the scenario as it is."""
    assert main(["run", "tiny.yaml", "--out", "plain"]) == ExitCode.DONE
    capsys.readouterr()

    assert main(["run", "tiny.yaml", "--without", "failures", "--out", "with"]) == ExitCode.DONE

    out, _ = capsys.readouterr()
    assert out.startswith("Without failures ")
    assert "more devices are upgraded" in out.splitlines()[0]
    assert "2 pairs of replications with the same draws" in out
    assert "\n\ntiny: 50 devices, seed 0\nmeans of 2" in out
    assert manifest_in("with")["digest"] == manifest_in("plain")["digest"]


def test_run__quiet_without_something_is_the_sentence_alone(capsys):
    """What was asked for is said even if no summary is wanted."""
    assert main(["run", "tiny.yaml", "--without", "failures[0]", "--quiet"]) == ExitCode.DONE

    out, _ = capsys.readouterr()
    assert out.startswith("Without failures[0] ")
    assert out.count("\n") == 1


def test_run__without_what_is_not_there_is_refused_before_the_work(capsys):
    """A part that the scenario lacks, and one that nobody knows, are bad input; nothing is written."""
    code = main(["run", "tiny.yaml", "--without", "outages", "--without", "gate"])

    assert code == ExitCode.BAD_INPUT
    err = capsys.readouterr().err
    assert "without: the scenario has no outages, so there is nothing to compare" in err
    assert "unknown part 'gate'; did you mean 'gates'?" in err
    assert not Path("out").exists()


def test_trace__of_the_first_replication_with_the_devices_asked_for(capsys):
    """The trace is told of, the log that it took is no file of the result, nothing is replaced unasked."""
    words = ["run", "tiny.yaml", "--plane", "simpy", "--trace", "trace.json", "--trace-devices"]

    assert main([*words, "3"]) == ExitCode.DONE
    assert "\nTrace of the first of 2 replications: trace.json\n" in capsys.readouterr().out
    assert names_in("out/tiny") == FILES
    content = json.loads(Path("trace.json").read_text(encoding="utf-8"))
    assert content["otherData"]["devices_shown"] == 3

    assert main([*words, "gateway-0000001,gateway-0000002"]) == ExitCode.BAD_INPUT
    assert "trace.json: is there already" in capsys.readouterr().err
    assert main([*words, "gateway-0000001,gateway-0000002", "--force", "--json"]) == ExitCode.DONE
    assert json.loads(capsys.readouterr().out)["trace"] == "trace.json"
    assert '"gateway-0000002"' in Path("trace.json").read_text(encoding="utf-8")


def test_trace__of_an_unknown_device_is_refused_before_the_run(capsys):
    """Each unknown id is answered with the one that was meant; no file is written."""
    words = ["--trace", "trace.json", "--trace-devices", "gateway-1", "--trace-devices", "gatway-0000002"]

    assert main(["run", "tiny.yaml", *words]) == ExitCode.BAD_INPUT
    err = capsys.readouterr().err
    assert "--trace-devices: the fleet has no device 'gateway-1'; did you mean 'gateway-0000001'?" in err
    assert "no device 'gatway-0000002'; did you mean 'gateway-0000002'?" in err
    assert not Path("out").exists()
    assert main(["run", "tiny.yaml", "--trace-devices", "3"]) == ExitCode.BAD_INPUT
    assert "it needs --trace" in capsys.readouterr().err


def test_run__units_si_writes_traffic_in_decimal_units(capsys):
    """What was downloaded is told in MB alone, and the next run is as before."""
    assert main(["run", "tiny.yaml", "--units", "si", "--out", "si"]) is ExitCode.DONE
    told = capsys.readouterr().out
    assert main(["run", "tiny.yaml", "--out", "binary"]) is ExitCode.DONE
    usual = capsys.readouterr().out

    assert "MiB" not in told
    assert " MB, " in told.partition("downloaded")[2].partition("\n")[0]
    assert " MiB (" in usual.partition("downloaded")[2].partition("\n")[0]


def test_run__a_folder_is_each_scenario_in_turn_and_an_overview(capsys):
    """All files below it run, each into a folder of its name; one expectation that fails is code 1."""
    Path("all/deeper").mkdir(parents=True)
    Path("all/a.yaml").write_text(SCENARIO.replace("tiny", "first"), encoding="utf-8")
    failing = SCENARIO.replace("tiny", "second") + 'expect: {failed: "<= 0"}\n'
    Path("all/deeper/b.yaml").write_text(failing, encoding="utf-8")

    assert main(["run", "all", "--out", "made"]) == ExitCode.EXPECTATION_FAILED

    out, err = capsys.readouterr()
    assert names_in("made/first") == names_in("made/second") == FILES
    assert "all/a.yaml\n  " in out
    assert "1 of 2 scenarios met their expectations; not all/deeper/b.yaml. Written to made." in out
    assert "Not met: failed <= 0" in err


def test_run__a_folder_is_read_as_a_whole_before_the_first_run(capsys):
    """Faults of all files and names that two scenarios share are told at once; --trace is one run's."""
    Path("all").mkdir()
    Path("all/a.yaml").write_text(SCENARIO, encoding="utf-8")
    Path("all/b.yaml").write_text(SCENARIO, encoding="utf-8")
    Path("all/c.yaml").write_text(SCENARIO.replace("devices: 50", "devices: none"), encoding="utf-8")

    assert main(["run", "all"]) == ExitCode.BAD_INPUT
    err = capsys.readouterr().err
    assert "all/b.yaml: name: 'tiny' is also the name of all/a.yaml" in err
    assert "all/c.yaml:2:" in err
    assert not Path("out").exists()

    assert main(["run", "all", "--trace", "x.json"]) == ExitCode.BAD_INPUT
    assert "name a scenario file instead of a folder" in capsys.readouterr().err
