"""Journals that were left behind, and what can happen to their files."""

import shutil
import struct
from collections.abc import Callable
from pathlib import Path

from sim.emulator.journal.journal import Journal
from sim.emulator.journal.opening import FILE_NAME, WAL_NAME

ABOUT = {"scenario_text": "name: x", "seed": 7}
FRAME_BYTES = 24 + 4096
HEADER_BYTES = 32


def fill(journal: Journal, count: int) -> None:
    """Append commands, one commit each."""
    for _ in range(count):
        number = journal.n_commands + 1
        body = b'{"n": %d}' % number
        journal.write([lambda j, n=number, b=body: j.append(10 * n, "advance", b, bytes([n % 256] * 16))])


def killed(folder: Path, count: int) -> Path:
    """Return a folder as a server leaves it that is killed after so many commands."""
    running = folder.with_name(f"{folder.name}-running")
    running.mkdir()
    journal = Journal.create(running, ABOUT)
    fill(journal, count)
    shutil.copytree(running, folder)
    journal.close()
    return folder


def flip(at: int) -> Callable[[Path], None]:
    """Return what changes a bit of a file; a negative place counts from its end."""

    def damage(path: Path) -> None:
        content = bytearray(path.read_bytes())
        content[at] ^= 0x10
        path.write_bytes(content)

    return damage


def cut(at: int) -> Callable[[Path], None]:
    """Return what cuts a file off."""

    def damage(path: Path) -> None:
        content = path.read_bytes()
        path.write_bytes(content[:at])

    return damage


def zero(lo: int, hi: int | None) -> Callable[[Path], None]:
    """Return what overwrites a part of a file with zeros."""

    def damage(path: Path) -> None:
        content = bytearray(path.read_bytes())
        n = len(content[lo:hi])
        content[lo:hi] = bytes(n)
        path.write_bytes(content)

    return damage


def live_bytes(folder: Path) -> int:
    """Return where the frames of the log's present round end, bytes."""
    content = (folder / WAL_NAME).read_bytes()
    salt = content[16:24]
    at = HEADER_BYTES
    while len(content) >= at + FRAME_BYTES and content[at + 8 : at + 16] == salt:
        at += FRAME_BYTES
    return at


def last_commit(folder: Path) -> int:
    """Return where the frames of the last commit begin, bytes."""
    content = (folder / WAL_NAME).read_bytes()
    ends = [
        at
        for at in range(HEADER_BYTES, live_bytes(folder), FRAME_BYTES)
        if struct.unpack(">I", content[at + 4 : at + 8])[0]
    ]
    return ends[-2] + FRAME_BYTES if len(ends) > 1 else HEADER_BYTES


__all__ = [
    "ABOUT",
    "FILE_NAME",
    "WAL_NAME",
    "cut",
    "fill",
    "flip",
    "killed",
    "last_commit",
    "live_bytes",
    "zero",
]
