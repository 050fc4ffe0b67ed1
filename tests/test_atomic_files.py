"""A file that is written whole: what readers see, what an interruption leaves, and the rights it gets."""

import os
import stat
from pathlib import Path

import pytest

from sim import atomic_files
from sim.atomic_files import replacing, write_whole


@pytest.fixture
def umask():
    """A umask that is not the usual one, for the length of a test."""
    before = os.umask(0o027)
    yield 0o027
    os.umask(before)


@pytest.mark.parametrize("content", [b"\x00new\r\n", "neü\n"])
def test_write_whole__replaces_what_was_there(tmp_path, content):
    """Bytes and texts arrive as they are, and no other file stays in the folder."""
    path = tmp_path / "file"
    path.write_text("old, and longer than the new one")

    write_whole(path, content, durable=True)

    assert path.read_bytes() == (content.encode() if isinstance(content, str) else content)
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("error", [OSError("no space"), KeyboardInterrupt()])
@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_write_whole__leaves_nothing_of_a_failed_attempt(tmp_path, monkeypatch, step, error):
    """A full disk or Ctrl-C, while writing or renaming, keeps the earlier file and no half-written one."""
    path = tmp_path / "file"
    path.write_bytes(b"old")

    def fail(*_):
        raise error

    monkeypatch.setattr(*((atomic_files.os, "fsync") if step == "fsync" else (Path, "replace")), fail)
    with pytest.raises(type(error)):
        write_whole(path, b"new", durable=True)

    assert list(tmp_path.iterdir()) == [path]
    assert path.read_bytes() == b"old"


@pytest.mark.skipif(os.name != "posix", reason="rights of POSIX")
@pytest.mark.parametrize(("mode", "rights"), [(0o666, 0o640), (0o600, 0o600)])
def test_write_whole__gives_the_rights_that_an_ordinary_file_would_get(tmp_path, umask, mode, rights):
    """The umask is taken away from what was asked for; earlier rights don't matter."""
    path = tmp_path / "file"
    path.touch(0o777)

    write_whole(path, b"new", mode=mode)

    assert stat.S_IMODE(path.stat().st_mode) == rights


def test_write_whole__makes_the_folder_only_when_asked(tmp_path):
    """A misspelt folder is an error unless the caller owns the place."""
    path = tmp_path / "a" / "b" / "file"

    with pytest.raises(FileNotFoundError):
        write_whole(path, b"")
    assert list(tmp_path.iterdir()) == []
    write_whole(path, b"", make_folder=True)
    assert path.exists()


def test_write_whole__takes_the_longest_name_of_the_system(tmp_path):
    """The name of the unfinished file is no longer than the system allows, whatever the file's is."""
    path = tmp_path / ("n" * 255)

    write_whole(path, b"x")

    assert path.exists()


def test_replacing__two_writers_never_share_a_name(tmp_path):
    """Two writers of one file don't see each other; whoever ends last wins, and sweeping finds both parts."""
    path = tmp_path / "file"

    with replacing(path) as first, replacing(path) as second:
        first.write_bytes(b"first")
        second.write_bytes(b"second")
        assert sorted(tmp_path.glob(atomic_files.PART)) == sorted([first, second])

    assert path.read_bytes() == b"first"
    assert list(tmp_path.iterdir()) == [path]
