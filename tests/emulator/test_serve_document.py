"""`fleetsim serve --json`: where the server listens, as one document."""

import pytest

from sim.cli import main
from sim.cli.exit_codes import ExitCode
from support.documents import document_of


@pytest.fixture(autouse=True)
def ends_at_once(monkeypatch):
    """Let the server end as soon as it would serve."""
    monkeypatch.setattr("sim.emulator.server._Server.run", lambda self, sockets: None)


def test_serve__tells_where_it_listens(capsys, tmp_path):
    """Scripts need not read sentences; these go to standard error."""
    document = document_of(["serve", "--port", "0", "--no-auth", "--state", str(tmp_path)], capsys)

    assert document["url"].startswith("http://127.0.0.1:")
    assert (document["scenario"], document["clock"], document["state"]) == (
        "quickstart",
        "manual",
        str(tmp_path),
    )
    assert not document["asks_for_credentials"]


def test_serve__words_are_for_people(capsys, tmp_path):
    """Without --json standard output has the sentences; with it standard error has."""
    words = ["serve", "--port", "0", "--state", str(tmp_path)]
    assert main(words) == ExitCode.DONE
    plain = capsys.readouterr()
    assert main([*words, "--json"]) == ExitCode.DONE
    for_programs = capsys.readouterr()

    assert "Serving http://127.0.0.1:" in plain.out
    assert "Serving http://127.0.0.1:" in for_programs.err
    assert for_programs.out.startswith("{")


def test_serve__a_refused_option_is_a_document(capsys):
    """An error comes where the document would be."""
    words = ["serve", "--no-auth", "--host", "0.0.0.0"]
    document = document_of(words, capsys, code=ExitCode.BAD_INPUT, schema="error")

    assert document["error"]["problems"][0]["path"] == "--no-auth"
