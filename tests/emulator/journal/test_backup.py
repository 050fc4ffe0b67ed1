"""Tests of backups: whole, whether or not a server goes on writing."""

import shutil
import threading

import pytest

from sim.cli import main
from sim.cli.outcome import ExitCode
from sim.emulator.journal.backup import back_up
from sim.emulator.journal.journal import Journal
from sim.emulator.journal.opening import FILE_NAME, WAL_NAME
from sim.errors import ScenarioError
from support.documents import document_of
from support.journal import ABOUT, cut, fill, killed


def entries_of(folder):
    """Return the commands of a journal, which has nothing to tell."""
    journal = Journal.open(folder)
    assert journal.notices == ()
    entries = list(journal.entries())
    journal.close()
    return entries


def test_backup__of_a_journal_in_use(tmp_path):
    """All that was acknowledged is in the copy, in one file; the server notices nothing."""
    state = tmp_path / "state"
    state.mkdir()
    journal = Journal.create(state, ABOUT)
    fill(journal, 70)
    n_commands = back_up(state, tmp_path / "copy")
    fill(journal, 1)
    journal.close()

    assert n_commands == 70
    assert [path.name for path in (tmp_path / "copy").iterdir()] == [FILE_NAME]
    assert entries_of(tmp_path / "copy") == entries_of(state)[:70]


def test_backup__while_commands_come(tmp_path):
    """Whatever is written meanwhile, a copy is a beginning of the journal, with all that came before it."""
    state = tmp_path / "state"
    state.mkdir()
    journal = Journal.create(state, ABOUT)
    fill(journal, 1)
    over = threading.Event()
    acknowledged = [1]

    def write():
        while not over.is_set():
            fill(journal, 1)
            acknowledged[0] = journal.n_commands

    writer = threading.Thread(target=write)
    writer.start()
    try:
        counts = []
        for number in range(10):
            before = acknowledged[0]
            counts.append((before, back_up(state, tmp_path / f"copy{number}")))
    finally:
        over.set()
        writer.join()
    journal.close()
    everything = entries_of(state)

    assert all(before <= copied for before, copied in counts)
    assert counts[-1][1] > counts[0][1]
    for number, (_, copied) in enumerate(counts):
        assert entries_of(tmp_path / f"copy{number}") == everything[:copied]


def test_backup__of_a_killed_server(tmp_path):
    """What a killed server left can be copied, too; the folder stays as it is."""
    left = killed(tmp_path / "state", 12)
    before = {path.name: path.read_bytes() for path in left.iterdir()}

    assert back_up(left, tmp_path / "copy") == 12
    assert {path.name: path.read_bytes() for path in left.iterdir()} == before


def test_backup__refuses_what_is_not_whole(tmp_path):
    """A damaged journal makes no backup; nor does none, and an earlier backup stays."""
    left = killed(tmp_path / "state", 12)
    shutil.copytree(left, tmp_path / "damaged")
    cut(5000)(tmp_path / "damaged" / WAL_NAME)
    with pytest.raises(ScenarioError, match="missing of 12 that were acknowledged"):
        back_up(tmp_path / "damaged", tmp_path / "copy")
    with pytest.raises(ScenarioError, match="there is no journal"):
        back_up(tmp_path, tmp_path / "copy")
    back_up(left, tmp_path / "copy")
    with pytest.raises(ScenarioError, match="is there already"):
        back_up(left, tmp_path / "copy")


def test_commands__back_up_and_recover(tmp_path, capsys):
    """The commands say how many there are, and what was given up."""
    left = killed(tmp_path / "state", 12)
    assert main(["journal", "backup", str(left), str(tmp_path / "copy")]) == ExitCode.DONE
    assert "Copied 12 commands; resume with --state" in capsys.readouterr().err
    cut(32 + 6 * 4120)(left / WAL_NAME)
    assert main(["journal", "backup", str(left), str(tmp_path / "other")]) == ExitCode.BAD_INPUT
    assert "fleetsim journal recover" in capsys.readouterr().err
    assert main(["journal", "recover", str(left)]) == ExitCode.DONE
    said = capsys.readouterr().err

    assert "Given up: the last" in said
    assert "The journal is whole, with " in said
    assert main(["journal", "backup", str(left), str(tmp_path / "other")]) == ExitCode.DONE


def test_commands__answer_programs_with_a_document(tmp_path, capsys):
    """A copy and a rescue say how many commands there are, and where."""
    state, copy = tmp_path / "state", tmp_path / "copy"
    state.mkdir()
    journal = Journal.create(state, ABOUT)
    fill(journal, 7)
    journal.close()

    copied = document_of(["journal", "backup", str(state), str(copy)], capsys)
    kept = document_of(["journal", "recover", str(copy)], capsys)

    assert (copied["action"], copied["commands"], copied["files"]) == ("backup", 7, [str(copy)])
    assert (kept["action"], kept["commands"], kept["notes"]) == ("recover", 7, [])
