"""`fleetsim explain`: what is printed, what is written, exit codes."""

import json

import pytest

from sim.cli import main
from sim.cli.exit_codes import ExitCode

pytestmark = pytest.mark.usefixtures("folder")


SCENARIO = """\
name: tiny
fleet: {cohorts: [{name: gateway, devices: 50, link_rate: 100 kB/s}]}
stages: {install: {constant: 60 s}}
failures: [{stage: install, code: 10, probability: 60 %}]
campaign:
  package: {version: "2.0", size: 1 MiB}
  task_policy: {retry_count: 1, retry_interval: 5 min}
run: {until: 1 d, replications: 2}
"""


def test_explain__tells_the_story(capsys, folder):
    """Words go to stdout, and no file is written unless asked for."""
    assert main(["explain", "tiny.yaml", "gateway-0000007"]) == ExitCode.DONE

    out, err = capsys.readouterr()
    assert out.startswith("gateway-0000007 of tiny, seed 0\n")
    assert "attempt 1, first try" in out
    assert err == ""
    assert [path.name for path in folder.iterdir()] == ["tiny.yaml"]


def test_explain__options_choose_the_run_and_the_picture(capsys, folder):
    """Seed and replication are those of the command line; the picture goes where it is told."""
    words = ["--seed", "5", "--replication", "1", "--out", "story.png"]

    assert main(["explain", "tiny.yaml", "gateway-0000007", *words]) == ExitCode.DONE

    out, _ = capsys.readouterr()
    assert out.startswith("gateway-0000007 of tiny, seed 5, replication 1\n")
    assert out.endswith("\nWritten to story.png\n")
    assert (folder / "story.png").read_bytes().startswith(b"\x89PNG")


def test_explain__an_unknown_device_is_bad_input(capsys):
    """The message names the nearest device."""
    assert main(["explain", "tiny.yaml", "gateway-7"]) == ExitCode.BAD_INPUT

    out, err = capsys.readouterr()
    assert out == ""
    assert "the fleet has no device 'gateway-7'; did you mean 'gateway-0000007'?" in err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["missing.yaml", "gateway-0000000"], "missing.yaml"),
        (["tiny.yaml", "--out", "story.png"], "--out draws the story of a device; name one"),
        (["tiny.yaml", "gateway-0000000", "--seed", "-1"], "--seed"),
        (["tiny.yaml", "gateway-0000000", "--replication", "-1"], "--replication"),
        (["tiny.yaml", "gateway-0000000", "--out", "story.jpg"], "end it with .png"),
    ],
)
def test_explain__bad_input(words, message, capsys):
    """Each mistake is answered with what is wrong, and code 2."""
    assert main(["explain", *words]) == ExitCode.BAD_INPUT

    assert message in capsys.readouterr().err


def test_explain__a_picture_that_cannot_be_written_is_bad_input(capsys, folder):
    """A folder that is a file is named; there is no traceback."""
    (folder / "file").write_text("")

    assert main(["explain", "tiny.yaml", "gateway-0000007", "--out", "file/story.png"]) == ExitCode.BAD_INPUT

    assert "file" in capsys.readouterr().err


def test_explain__warns_of_what_was_hardly_meant(capsys, folder):
    """Warnings about the scenario come with the story: they may be the reason."""
    text = SCENARIO.replace("100 kB/s", "10 B/s")
    (folder / "tiny.yaml").write_text(text, encoding="utf-8")

    assert main(["explain", "tiny.yaml", "gateway-0000007"]) == ExitCode.DONE

    assert "none can succeed" in capsys.readouterr().err


def test_explain__shows_progress_to_people_only(capsys, monkeypatch):
    """On a terminal a bar comes and goes; it is no part of what a pipe gets."""
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)

    assert main(["explain", "tiny.yaml", "gateway-0000007"]) == ExitCode.DONE

    assert capsys.readouterr().out.startswith("gateway-0000007 of tiny")


def test_explain__without_a_device_tells_what_limits_the_campaign(capsys, folder):
    """The sentence comes first, then what each lever saves."""
    assert main(["explain", "tiny.yaml"]) == ExitCode.DONE

    out, err = capsys.readouterr()
    assert out.startswith("What limits tiny: retry policy. With 5 automatic retries instead of 1 ")
    assert "links of devices twice as fast" in out
    assert err == ""
    assert [path.name for path in folder.iterdir()] == ["tiny.yaml"]


def test_explain__writes_a_trace_of_its_device(capsys, folder):
    """One track, and an earlier file stays unless --force is given."""
    words = ["explain", "tiny.yaml", "gateway-0000007", "--trace", "trace.json"]

    assert main(words) == ExitCode.DONE
    assert capsys.readouterr().out.endswith("\nWritten to trace.json\n")
    assert json.loads((folder / "trace.json").read_text(encoding="utf-8"))["otherData"]["devices_shown"] == 1
    assert main(words) == ExitCode.BAD_INPUT
    assert "trace.json: is there already" in capsys.readouterr().err
    assert main([*words, "--force", "--json"]) == ExitCode.DONE
    assert json.loads(capsys.readouterr().out)["trace"] == "trace.json"
    assert main(["explain", "tiny.yaml", "--trace", "x.json"]) == ExitCode.BAD_INPUT
    assert "--trace shows the story of a device; name one" in capsys.readouterr().err
