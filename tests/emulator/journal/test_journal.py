"""Tests of the journal: what survives what, and what is refused."""

import shutil
import sqlite3

import pytest

from sim.emulator.journal.commands import decode
from sim.emulator.journal.journal import Journal
from sim.emulator.journal.mark import FILE_NAME as MARK_NAME
from sim.emulator.journal.opening import FILE_NAME
from sim.errors import ModelError, ScenarioError

ABOUT = {"scenario_text": "name: x", "seed": 7}


def fill(journal, count, *, size=10):
    """Append commands, one transaction each."""
    for _ in range(count):
        number = journal.n_commands + 1
        body = b'{"n": %d, "x": "%s"}' % (number, b"y" * size)
        journal.write([lambda j, n=number, b=body: j.append(10 * n, "advance", b, bytes([n % 256] * 16))])


def contents(journal):
    """Return everything that was appended."""
    return [(entry.seq, entry.tick, entry.kind, entry.body, entry.outcome) for entry in journal.entries()]


@pytest.fixture
def filled(tmp_path):
    """Return a folder with a closed journal of five commands, one of them long, and what they are."""
    journal = Journal.create(tmp_path, ABOUT)
    fill(journal, 4)
    fill(journal, 1, size=5000)
    expected = contents(journal)
    journal.close()
    return tmp_path, expected


def test_journal__comes_back_as_it_was(filled):
    """Closed and opened again, it has the same commands, and what it was begun with."""
    folder, expected = filled
    journal = Journal.open(folder)

    assert contents(journal) == expected
    assert (journal.n_commands, journal.last_tick, journal.about["seed"]) == (5, 50, 7)
    assert len(expected[4][3]) > 5000
    journal.close()


def test_journal__goes_on_where_it_was(filled):
    """Commands appended after a restart continue the chain."""
    folder, expected = filled
    journal = Journal.open(folder)
    fill(journal, 2)
    journal.close()
    again = Journal.open(folder)

    assert contents(again)[:5] == expected
    assert again.n_commands == 7
    again.close()


def test_clear__forgets_commands_and_nothing_else(filled):
    """After a reset the journal is empty, still knows its scenario, and takes commands from 1 again."""
    folder, _ = filled
    journal = Journal.open(folder)
    journal.write([lambda j: j.note("end", {"a": 1}), lambda j: j.clear()])
    fill(journal, 1)
    journal.close()
    again = Journal.open(folder)

    assert [entry.seq for entry in again.entries()] == [1]
    assert (again.about["seed"], again.noted("end"), again.noted("other")) == (7, {"a": 1}, None)
    again.close()


def test_write__all_or_nothing(filled):
    """If one change of several fails, none was made, and the next ones fit the chain."""
    folder, expected = filled
    journal = Journal.open(folder)

    def fail(_):
        raise OSError("no space")

    with pytest.raises(OSError, match="no space"):
        journal.write([lambda j: j.append(60, "advance", b"{}", b"0" * 16), fail])
    assert contents(journal) == expected
    fill(journal, 1)
    journal.close()
    assert Journal.open(folder).n_commands == 6


def test_open__a_second_server_is_refused(filled):
    """Two servers never write one journal; the message says what to do."""
    folder, _ = filled
    journal = Journal.open(folder)
    with pytest.raises(ScenarioError, match="in use by another server"):
        Journal.open(folder)
    journal.close()
    Journal.open(folder).close()


@pytest.mark.parametrize("step", [257, pytest.param(1, marks=pytest.mark.slow)])
def test_open__a_last_record_cut_at_every_byte_is_no_record(tmp_path, step):
    """However much of the last commit reached the disk, the journal opens with what was whole."""
    folder = tmp_path / "state"
    folder.mkdir()
    journal = Journal.create(folder, ABOUT)
    fill(journal, 3)
    wal = folder / f"{FILE_NAME}-wal"
    before = wal.stat().st_size
    mark = (folder / MARK_NAME).read_bytes()  # nobody has been told of the next one
    fill(journal, 1)
    after = wal.stat().st_size
    shutil.copytree(folder, tmp_path / "killed")  # as SIGKILL would leave it
    (tmp_path / "killed" / MARK_NAME).write_bytes(mark)
    journal.close()
    log = (tmp_path / "killed" / wal.name).read_bytes()
    assert after > before

    kept = []
    sizes = [*range(before, after, step), after]
    for size in sizes:
        (tmp_path / "killed" / wal.name).write_bytes(log[:size])
        copy = tmp_path / "cut"
        shutil.copytree(tmp_path / "killed", copy)
        reopened = Journal.open(copy)
        kept.append(reopened.n_commands)
        assert [entry.seq for entry in reopened.entries()] == list(range(1, reopened.n_commands + 1))
        reopened.close()
        shutil.rmtree(copy)
    assert kept == [3] * (len(sizes) - 1) + [4]


def edit(folder, *statements):
    """Change the file behind the journal's back."""
    connection = sqlite3.connect(folder / FILE_NAME)
    for statement in statements:
        connection.execute(statement)
    connection.commit()
    connection.close()


@pytest.mark.parametrize(
    ("statement", "text"),
    [
        ("UPDATE commands SET tick = 11 WHERE seq = 1", "command 1 is not what was written"),
        ("UPDATE commands SET body = x'7b7d' WHERE seq = 3", "command 3 is not"),
        ("UPDATE commands SET outcome = x'00' WHERE seq = 5", "command 5 is not"),
        ("UPDATE commands SET kind = 'reset' WHERE seq = 2", "command 2 is not"),
        ("DELETE FROM commands WHERE seq = 2", "command 2 is not"),
        ("UPDATE about SET value = '8' WHERE key = 'seed'", "command 1 is not"),
        ("UPDATE about SET value = 'oops' WHERE key = 'seed'", "damaged"),
        ("UPDATE commands SET body = x'7800' WHERE seq = 1", "damaged"),
        ("DROP TABLE commands", "damaged"),
        ("PRAGMA user_version = 99", "format 99, this is format 1"),
        ("UPDATE about SET value = '\"0.0.1\"' WHERE key = 'program'", "fleetsim 0.0.1"),
        ("PRAGMA application_id = 1", "no journal of fleetsim"),
    ],
)
def test_open__refuses_what_is_not_what_was_written(filled, statement, text):
    """An edited, incomplete or foreign journal is refused, with what to do about it."""
    folder, _ = filled
    edit(folder, statement)
    with pytest.raises(ScenarioError, match=text) as error:
        Journal.open(folder)

    assert "start anew with another --state" in str(error.value)


@pytest.mark.parametrize("content", [b"", b"not a database at all" * 100, None])
def test_open__refuses_what_is_no_database(filled, content):
    """A file of something else, an empty one, or one with a page overwritten is refused."""
    folder, _ = filled
    path = folder / FILE_NAME
    if content is None:
        whole = bytearray(path.read_bytes())
        whole[4096 : 4096 * 3] = b"\xaa" * (4096 * 2)
        content = bytes(whole)
    path.write_bytes(content)
    with pytest.raises(ScenarioError, match="start anew with another --state"):
        Journal.open(folder)


@pytest.mark.parametrize(
    ("code", "text"),
    [
        (sqlite3.SQLITE_CANTOPEN, "can't be opened"),
        (sqlite3.SQLITE_READONLY | 1 << 8, "must be yours to write"),
        (sqlite3.SQLITE_BUSY, "in use by another server"),
        (sqlite3.SQLITE_IOERR, "is damaged"),
    ],
)
def test_open__out_of_reach_is_not_damaged(filled, monkeypatch, code, text):
    """A file without the rights to it is not called damaged: starting anew would give it up for nothing."""
    error = sqlite3.OperationalError("some text")
    error.sqlite_errorcode = code

    def fail(_):
        raise error

    monkeypatch.setattr("sim.emulator.journal.journal.connect", fail)
    with pytest.raises(ScenarioError, match=text):
        Journal.open(filled[0])


def test_open__says_where_a_journal_is_missing(tmp_path):
    """A folder without a journal is named."""
    with pytest.raises(ScenarioError, match="there is no journal"):
        Journal.open(tmp_path)


def test_create__in_a_folder_that_cannot_be_written(tmp_path):
    """A journal that can't be made is the user's to solve, not a traceback."""
    with pytest.raises(ScenarioError, match="can't be written"):
        Journal.create(tmp_path / "absent", ABOUT)


def test_entries__of_an_unknown_kind_are_not_decoded():
    """A command that this program doesn't know is no command to it."""
    with pytest.raises(ModelError, match="unknown kind 'dance'"):
        decode("dance", b"{}")
