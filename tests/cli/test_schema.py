"""`fleetsim schema`: the JSON Schema on stdout."""

import json

from sim.cli import main
from sim.cli.exit_codes import ExitCode
from sim.scenario import scenario_schema


def test_schema__prints_the_schema_and_nothing_else(capsys):
    """The output is one JSON document, ready to be saved for an editor."""
    assert main(["schema"]) == ExitCode.DONE

    out, err = capsys.readouterr()
    assert json.loads(out) == scenario_schema()
    assert err == ""


def test_schema__takes_no_words(capsys):
    """A word that the command would ignore is refused."""
    assert main(["schema", "scenario.yaml"]) == ExitCode.BAD_INPUT

    assert "unexpected extra argument" in capsys.readouterr().err


def test_schema__markdown_is_the_reference(capsys):
    """With --markdown the same fields come as a page for people."""
    assert main(["schema", "--markdown"]) == ExitCode.DONE

    out = capsys.readouterr().out
    assert out.startswith("<!-- Made by `fleetsim schema --markdown > .readme/scenario.md`")
    assert "| `link_rate` | rate | – |" in out
