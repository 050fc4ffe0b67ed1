"""SQLite's write-ahead log, read as bytes: what in it is whole, and what else there is.

SQLite takes the commits up to the first frame that is not whole, and passes over the rest without a word.
That is right for a write that a loss of power has cut off, and wrong for a file that was damaged later.
Bytes tell the two apart: a log is written from its beginning, commit after commit, and each is on the disk
before the next one begins. So a commit behind a frame that is not whole means that the frame was whole once.

Source:
    https://www.sqlite.org/fileformat2.html#the_write_ahead_log
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_HEADER: Final = struct.Struct(">8I")
_FRAME: Final = struct.Struct(">6I")
_MAGIC: Final = 0x377F0682  # its last bit says in which byte order the checksums are
_SALTS_AT: Final = 16
SALT_BYTES: Final = 8
_WORD: Final = 0xFFFFFFFF


@dataclass(frozen=True)
class WalReport:
    """What a write-ahead log holds.

    Attributes:
        is_empty: Whether there is no log, or an empty one.
        has_header: Whether its header is whole; without one SQLite takes nothing of it.
        salt: The salts of its frames, 8 bytes; empty without a header.
        n_commits: Whole commits from the beginning on: what SQLite takes.
        n_rest: Frames after them that were written since the log last began anew.
        n_commits_behind: How many of these end a commit.
    """

    is_empty: bool = True
    has_header: bool = False
    salt: bytes = b""
    n_commits: int = 0
    n_rest: int = 0
    n_commits_behind: int = 0

    @property
    def is_damaged(self) -> bool:
        """Whether something was whole once and isn't now.

        One commit that is not whole may have been cut off while it was written; more can't.
        """
        return not self.is_empty and (not self.has_header or self.n_commits_behind > 1)


def salt_of(path: Path) -> bytes:
    """Return the salts in the header of a log, 8 bytes; empty if there are none."""
    try:
        with path.open("rb", buffering=0) as file:
            file.seek(_SALTS_AT)
            return file.read(SALT_BYTES)
    except FileNotFoundError:
        return b""


def follows(salt: bytes, earlier: bytes) -> bool:
    """Tell whether a log with one salt can be the one with an earlier salt, at most begun anew once."""
    if salt == earlier or not any(earlier):
        return True
    first, before = (int.from_bytes(one[:4], "big") for one in (salt, earlier))
    return first == (before + 1) & _WORD


def examine(path: Path) -> WalReport:
    """Return what a write-ahead log holds.

    Args:
        path: The file; it need not exist. Read only.
    """
    if not path.exists() or path.stat().st_size == 0:
        return WalReport()
    content = path.read_bytes()
    if len(content) < _HEADER.size:
        return WalReport(is_empty=False)
    magic, _, page_bytes, _, *_ = fields = _HEADER.unpack_from(content)
    order = ">" if magic & 1 else "<"
    sums = _sums(order, content[: _HEADER.size - 8], (0, 0))
    if magic & ~1 != _MAGIC or sums != fields[6:8]:
        return WalReport(is_empty=False)
    salt = content[_SALTS_AT : _SALTS_AT + SALT_BYTES]
    step = _FRAME.size + page_bytes
    is_whole, n_commits, n_rest, n_behind = True, 0, 0, 0
    for at in range(_HEADER.size, len(content), step):
        head, page = content[at : at + _FRAME.size], content[at + _FRAME.size : at + step]
        if len(head) < _FRAME.size or head[8:16] != salt:
            is_whole = False
            continue  # of an earlier round of the log, or never written
        ends_commit = head[4:8] != bytes(4)
        if is_whole:
            sums = _sums(order, page, _sums(order, head[:8], sums))
            is_whole = len(page) == page_bytes and sums == _FRAME.unpack(head)[4:6]
        n_rest += 1
        if is_whole and ends_commit:
            n_commits, n_rest = n_commits + 1, 0
        elif not is_whole:
            n_behind += ends_commit
    return WalReport(False, True, salt, n_commits, n_rest, n_behind)


def _sums(order: str, content: bytes, before: tuple[int, int]) -> tuple[int, int]:
    """Return the running checksums after more bytes, a multiple of 8 of them."""
    one, other = before
    words = struct.unpack(f"{order}{len(content) // 8 * 2}I", content[: len(content) // 8 * 8])
    for even, odd in zip(words[::2], words[1::2], strict=True):
        one = (one + even + other) & _WORD
        other = (other + odd + one) & _WORD
    return one, other
