"""Tests of what is looked at before a journal is trusted: nothing acknowledged goes without a word."""

import os
import shutil
import stat
import tempfile
from pathlib import Path

import pytest

from sim.emulator.journal.backup import recover
from sim.emulator.journal.journal import Journal
from sim.emulator.journal.mark import FILE_NAME as MARK_NAME
from sim.emulator.journal.opening import FILE_NAME, WAL_NAME
from sim.errors import ScenarioError
from support.journal import ABOUT, cut, fill, flip, killed, last_commit, live_bytes, zero

N = 20


@pytest.fixture
def left(tmp_path):
    """Return a folder as a killed server left it, with 20 commands that were acknowledged."""
    return killed(tmp_path / "state", N)


def refused(folder):
    """Return why a journal is refused; it still is when asked again."""
    with pytest.raises(ScenarioError) as first:
        Journal.open(folder)
    with pytest.raises(ScenarioError):
        Journal.open(folder)
    assert "fleetsim journal recover" in str(first.value)
    return str(first.value)


def n_commands_of(folder):
    """Return how many commands a journal has that is accepted, and what is told."""
    journal = Journal.open(folder)
    found = journal.n_commands, journal.notices
    journal.close()
    return found


def test_open__after_a_kill_everything_is_there(left):
    """What a killed server leaves is no damage: all commands are there, and nothing is to be told."""
    assert n_commands_of(left) == (N, ())
    assert sorted(path.name for path in left.iterdir()) == [
        "journal.lock",
        FILE_NAME,
    ]


DAMAGES = {
    "a bit in a page in the middle": flip(32 + 5 * 4120 + 900),
    "a bit in a frame's head": flip(32 + 5 * 4120 + 17),
    "a bit in the first page": flip(32 + 24 + 4000),
    "a bit in the header": flip(13),
    "a bit in the salts of the header": flip(18),
    "cut in the middle of a frame": cut(32 + 9 * 4120 + 777),
    "cut between frames": cut(32 + 9 * 4120),
    "cut to nothing": cut(0),
    "cut within the header": cut(20),
    "zeros over a frame": zero(32 + 5 * 4120, 32 + 6 * 4120),
    "zeros to the end": zero(32 + 5 * 4120, None),
    "zeros over the header": zero(0, 32),
    "zeros everywhere": zero(0, None),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_open__a_damaged_log_is_refused(left, name):
    """However the log was damaged, commands that were acknowledged are missed, and said to be missing."""
    DAMAGES[name](left / WAL_NAME)

    assert "missing" in refused(left)


@pytest.mark.parametrize("how", ["flip", "cut", "zero"])
def test_open__a_damaged_last_commit_is_refused_if_it_was_acknowledged(left, how):
    """The last commit alone can be lost, too: the mark says that there was one more."""
    begin, end = last_commit(left), live_bytes(left)
    {"flip": flip(end - 50), "cut": cut(begin), "zero": zero(begin, end)}[how](left / WAL_NAME)

    assert f"the last command is missing of {N} that were acknowledged" in refused(left)


def test_open__a_last_commit_that_nobody_was_told_of_has_not_happened(left, tmp_path):
    """A write that was cut off before its answer is passed over, and that is said."""
    mark = _mark_before_the_last_commit(tmp_path)
    folder = tmp_path / "other"
    end = live_bytes(folder)
    flip(end - 50)(folder / WAL_NAME)
    (folder / MARK_NAME).write_bytes(mark)
    n_commands, notices = n_commands_of(folder)

    assert n_commands == N - 1
    assert notices == ("the last write into journal.sqlite-wal is not whole and has not happened",)


def _mark_before_the_last_commit(tmp_path):
    """Make a killed server's folder `other`; return the mark that it had one command before."""
    running = tmp_path / "other-running"
    running.mkdir()
    journal = Journal.create(running, ABOUT)
    fill(journal, N - 1)
    mark = (running / MARK_NAME).read_bytes()
    fill(journal, 1)
    shutil.copytree(running, tmp_path / "other")
    journal.close()
    return mark


def test_open__the_database_file_alone_is_refused(left, tmp_path):
    """A copy of `journal.sqlite` alone, made while a server ran, lacks what its log had."""
    copy = tmp_path / "copy"
    copy.mkdir()
    shutil.copy(left / FILE_NAME, copy)

    assert "was copied without journal.mark while a server had it open" in refused(copy)


def test_open__without_its_log_is_refused(left):
    """The log that was deleted held commands; the mark says how many."""
    (left / WAL_NAME).unlink()

    assert f"missing of {N} that were acknowledged" in refused(left)


def test_open__a_copy_alone_of_a_closed_journal_is_whole(left, tmp_path):
    """After an orderly end one file has everything, and needs no other."""
    Journal.open(left).close()
    copy = tmp_path / "copy"
    copy.mkdir()
    shutil.copy(left / FILE_NAME, copy)

    assert n_commands_of(copy) == (N, ())


def test_open__a_mark_that_is_damaged_or_of_others_is_no_mark(left, tmp_path):
    """Without a mark to go by, nobody can say that all is there; so it is not said."""
    other = killed(tmp_path / "other", 3)
    whole = (left / MARK_NAME).read_bytes()
    (left / MARK_NAME).write_bytes(whole[:-9] + bytes(9))
    assert "journal.mark is damaged" in refused(left)
    shutil.copy(other / MARK_NAME, left)
    assert "not of one session" in refused(left)
    (left / MARK_NAME).write_bytes(whole)
    assert n_commands_of(left)[0] == N


def test_open__a_log_of_another_journal_is_refused(left, tmp_path):
    """A log that was not written last beside this file is not taken, whatever is in it."""
    other = killed(tmp_path / "other", N)
    shutil.copy(other / WAL_NAME, left)

    assert "journal.sqlite-wal do not belong together" in refused(left)


def test_open__a_backup_put_over_a_killed_one_is_what_counts(left, tmp_path):
    """The files beside it are of the journal before; they are put aside, and that is said."""
    older = killed(tmp_path / "older", 4)
    Journal.open(older).close()
    shutil.copy(older / FILE_NAME, left)
    n_commands, notices = n_commands_of(left)

    assert n_commands == 4
    assert [notice.split()[0] for notice in notices] == [WAL_NAME, MARK_NAME]
    assert (left / f"{WAL_NAME}.left-1").stat().st_size > 0


def test_create__revives_nothing(left):
    """With `journal.sqlite` deleted a session begins anew; the left-over log plays no part, and is kept."""
    (left / FILE_NAME).unlink()
    journal = Journal.create(left, ABOUT)
    fill(journal, 2)
    notices = journal.notices
    journal.close()

    assert n_commands_of(left) == (2, ())
    assert "kept as journal.sqlite-wal.left-1" in notices[0]


def test_recover__keeps_what_is_whole(left):
    """Whoever gives up what is missing is told how much that is, and can go on."""
    cut(32 + 9 * 4120)(left / WAL_NAME)
    refused(left)
    n_commands, notices = recover(left)

    assert 0 < n_commands < N
    assert f"the last {N - n_commands} commands are missing of {N}" in notices[-1]
    assert n_commands_of(left) == (n_commands, ())


def test_recover__the_database_file_alone(left, tmp_path):
    """The commands up to the last checkpoint are in it."""
    copy = tmp_path / "copy"
    copy.mkdir()
    journal = Journal.open(left)
    fill(journal, 100)
    shutil.copy(left / FILE_NAME, copy)
    journal.close()
    n_commands, _ = recover(copy)

    assert N + 100 - 48 <= n_commands <= N + 100


def test_write__the_log_is_put_into_the_file_every_few_dozen_commands(left):
    """The log never holds more than 48 commands, so that it stays short and little depends on it."""
    journal = Journal.open(left)
    fill(journal, 48)
    most = (left / WAL_NAME).stat().st_size
    fill(journal, 480)

    assert (left / WAL_NAME).stat().st_size <= 2 * most
    journal.close()
    assert n_commands_of(left) == (N + 528, ())


def test_reset__that_was_acknowledged_is_not_undone(left):
    """A mark knows of a reset: more commands than it tells are no excuse for an older state."""
    journal = Journal.open(left)
    size = (left / WAL_NAME).stat().st_size
    journal.write([lambda j: j.clear()])
    copy = left.with_name("copy")
    shutil.copytree(left, copy)
    journal.close()
    cut(size)(copy / WAL_NAME)

    assert "a reset that was acknowledged is missing" in refused(copy)
    assert n_commands_of(left) == (0, ())


def test_files__are_for_their_owner_alone(left):
    """Bodies of calls are nobody else's: every file of the journal has the mode 0600, older ones too."""
    (left / FILE_NAME).chmod(0o644)
    journal = Journal.open(left)
    fill(journal, 1)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in left.iterdir()}
    journal.close()

    assert modes == dict.fromkeys(["journal.lock", MARK_NAME, FILE_NAME, WAL_NAME], 0o600)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs another user")
def test_open__a_folder_that_is_read_only_is_not_damaged():
    """Without the right to write, nothing is said to be lost, and nothing is to be begun anew."""
    with tempfile.TemporaryDirectory() as place:
        Path(place).chmod(0o755)  # pytest's own folders are for their owner alone
        folder = killed(Path(place) / "state", N)
        for path in (*folder.iterdir(), folder):
            path.chmod(0o444 if path.is_file() else 0o555)
        child = os.fork()
        if child == 0:  # root may write everywhere, so somebody else has to try
            os._exit(_try_without_rights(folder))
        _, status = os.waitpid(child, 0)
        folder.chmod(0o700)

    assert os.waitstatus_to_exitcode(status) == 0


def _try_without_rights(folder):
    """Open a journal without rights; return 0 if the message is the right one."""
    try:
        if os.geteuid() == 0:
            os.setuid(65534)
        Journal.open(folder)
    except ScenarioError as error:
        said = str(error)
        return 0 if "yours to write" in said and "damaged" not in said and "anew" not in said else 1
    return 2
