"""`fleetsim check`: the same verdicts as pytest's, with exit codes."""

import json

import pytest

from sim.cli import main
from sim.cli.outcome import ExitCode
from support.small_scenario import CHANGED_BY_5_PERCENT


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    """Work in the folder that holds the scenario."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def with_baseline(scenario, capsys):
    """Return a scenario that has a baseline."""
    path = scenario()
    main(["check", "tiny.yaml", "--update", "--reason", "it is right"])
    capsys.readouterr()
    return path


def test_check__without_a_baseline_fails_and_says_how_to_make_one(scenario, capsys):
    """The command in the message is this one's, not pytest's."""
    scenario()

    assert main(["check", "tiny.yaml"]) == ExitCode.EXPECTATION_FAILED

    assert capsys.readouterr().out.splitlines() == [
        "tiny.yaml",
        "  ok    pending == 0, is 0",
        "  FAIL  There is no baseline baselines/tiny.json. Make one:",
        '          fleetsim check tiny.yaml --update --reason "why this is right"',
    ]


def test_check__an_update_fails_once_and_then_passes(scenario, capsys):
    """Its reason is kept; the next check is clean and says so briefly."""
    scenario()

    code = main(["check", "tiny.yaml", "--update", "--reason", "first", "--replications", "3"])

    assert code == ExitCode.EXPECTATION_FAILED
    assert "tiny.json was made, of 3 replications: first" in capsys.readouterr().out
    assert main(["check", "tiny.yaml"]) == ExitCode.DONE
    assert capsys.readouterr().out.splitlines()[-1] == "  ok    baseline: equal"


def test_check__a_change_fails_with_table_and_figure(with_baseline, scenario, capsys, tmp_path):
    """The message is the plugin's; the figure goes where the option says."""
    scenario(**CHANGED_BY_5_PERCENT)

    assert main(["check", "tiny.yaml", "--figures", "pictures"]) == ExitCode.EXPECTATION_FAILED

    out = capsys.readouterr().out
    assert "  FAIL  time_to_success.p50, " in out
    assert "\n        Changed in the scenario file:\n" in out
    assert "\n        Figure: pictures/tiny.png\n" in out
    assert (tmp_path / "pictures" / "tiny.png").exists()


def test_check__a_harmless_change_passes_with_a_note(with_baseline, scenario, capsys):
    """The note says that the digest moved."""
    scenario(high="70.2 s")

    assert main(["check", "tiny.yaml"]) == ExitCode.DONE

    assert "  ok    baseline: equivalent (the digest moved, the metrics did not (" in capsys.readouterr().out


def test_check__a_few_stored_replications_are_called_luck(scenario, capsys):
    """A baseline of three runs can fail, and says that it may be luck."""
    scenario()
    main(["check", "tiny.yaml", "--update", "--reason", "few", "--replications", "3"])
    scenario(**CHANGED_BY_5_PERCENT)

    assert main(["check", "tiny.yaml"]) == ExitCode.EXPECTATION_FAILED

    assert "(3 replications, held against the margins alone: this may be chance;" in capsys.readouterr().out


def test_check__a_broken_scenario_is_bad_input_and_others_are_checked(with_baseline, tmp_path, capsys):
    """Every file gets its verdict; the exit code is that of the worst."""
    (tmp_path / "broken.yaml").write_text("fleet: 3\ncampaign: {}\n", encoding="utf-8")

    assert main(["check", "broken.yaml", "tiny.yaml"]) == ExitCode.BAD_INPUT

    out, err = capsys.readouterr()
    assert "broken.yaml:1:8: fleet: " in err
    assert out.splitlines()[-1] == "  ok    baseline: equal"


def test_check__a_folder_stands_for_its_scenarios_and_unused_baselines_fail(with_baseline, tmp_path, capsys):
    """As in pytest, nothing below the folder is forgotten."""
    assert main(["check", "."]) == ExitCode.DONE

    path = tmp_path / "baselines" / "tiny.json"
    (tmp_path / "baselines" / "old.json").write_text(path.read_text(encoding="utf-8"), encoding="utf-8")
    assert main(["check", "."]) == ExitCode.EXPECTATION_FAILED
    assert "baselines/old.json\n  FAIL  unused: " in capsys.readouterr().out

    (tmp_path / "empty").mkdir()
    assert main(["check", "empty"]) == ExitCode.BAD_INPUT


@pytest.mark.parametrize(
    "words",
    [["--update"], ["--update", "--reason", " "], ["--reason", "x"], ["--replications", "3"]],
)
def test_check__update_and_reason_go_together(scenario, words, tmp_path):
    """Neither is accepted alone, and nothing is written."""
    scenario()

    assert main(["check", "tiny.yaml", *words]) == ExitCode.BAD_INPUT

    assert not (tmp_path / "baselines").exists()


def test_check__lines_within_a_margin_wait_for_the_baseline(scenario, capsys, tmp_path):
    """While the baseline is made they are left out; then they are judged."""
    scenario(more="expect: {attempts: within 1 % of baseline}")

    assert main(["check", "tiny.yaml", "--update", "--reason", "x"]) == ExitCode.EXPECTATION_FAILED
    assert "attempts" not in capsys.readouterr().out
    assert main(["check", "tiny.yaml"]) == ExitCode.DONE
    assert "  ok    attempts within 1 % of baseline, is " in capsys.readouterr().out
    content = json.loads((tmp_path / "baselines" / "tiny.json").read_text(encoding="utf-8"))
    assert content["reason"] == "x"
